"""Projections that weights go through after each step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from highlevel_backend import canonical_name, current_backend

from highlevel import config
from highlevel.ops.dispatch import array

__all__ = ["Constraint", "MaxNorm", "MinMaxNorm", "NonNeg", "UnitNorm"]

Axis = int | Sequence[int]


class Constraint:
    """Base class of constraints: subclass it and define `__call__(w) -> w`.

    >>> import highlevel as hl
    >>> class AtMostOne(hl.constraints.Constraint):
    ...     def __call__(self, w):
    ...         return hl.ops.minimum(w, 1.0)
    >>> AtMostOne()(hl.ops.array([0.5, 3.0])).tolist()
    [0.5, 1.0]
    """

    def __call__(self, w: Any) -> Any:
        """The weight that takes the place of `w`.

        Args:
            w: array.

        Returns:
            Array of the shape and dtype of `w`.
        """
        raise NotImplementedError(
            f"{type(self).__name__} is a Constraint without `__call__(w)`; define it."
        )

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, as JSON can hold them."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Constraint:
        """A constraint with the arguments of a config."""
        return cls(**config)

    def __repr__(self) -> str:
        arguments = ", ".join(f"{key}={value!r}" for key, value in self.get_config().items())
        return f"{type(self).__name__}({arguments})"


def _norms(w: Any, axis: Axis) -> Any:
    xp = current_backend().xp
    axes = axis if isinstance(axis, int) else tuple(axis)
    return xp.sqrt(xp.sum(xp.square(w), axis=axes, keepdims=True))


def _scaled(w: Any, wanted: Any, norms: Any) -> Any:
    backend = current_backend()
    return backend.cast(w * (wanted / (norms + config.epsilon())), canonical_name(w.dtype))


class MaxNorm(Constraint):
    """Norms of at most `max_value`.

    Args:
        max_value: the greatest norm.
        axis: axis or axes the norm is taken over: 0 for the inputs of each unit of a
            dense layer, `(0, 1, 2)` for each filter of a two-dimensional convolution.

    >>> import highlevel as hl
    >>> w = hl.constraints.MaxNorm(1.0)(hl.ops.array([[3.0], [4.0]]))
    >>> [round(float(x), 3) for x in w[:, 0]]
    [0.6, 0.8]
    """

    def __init__(self, max_value: float = 2, axis: Axis = 0) -> None:
        self.max_value = max_value
        self.axis = axis

    def __call__(self, w: Any) -> Any:
        w = array(w)
        norms = _norms(w, self.axis)
        return _scaled(w, current_backend().xp.clip(norms, 0, self.max_value), norms)

    def get_config(self) -> dict[str, Any]:
        return {"max_value": self.max_value, "axis": self.axis}


class NonNeg(Constraint):
    """No negative weights: they become 0.

    >>> import highlevel as hl
    >>> hl.constraints.NonNeg()(hl.ops.array([-1.0, 2.0])).tolist()
    [0.0, 2.0]
    """

    def __call__(self, w: Any) -> Any:
        xp = current_backend().xp
        w = array(w)
        return xp.where(w > 0, w, xp.zeros_like(w))


class UnitNorm(Constraint):
    """Norms of 1.

    Args:
        axis: axis or axes the norm is taken over; see `MaxNorm`.
    """

    def __init__(self, axis: Axis = 0) -> None:
        self.axis = axis

    def __call__(self, w: Any) -> Any:
        w = array(w)
        return _scaled(w, 1, _norms(w, self.axis))

    def get_config(self) -> dict[str, Any]:
        return {"axis": self.axis}


class MinMaxNorm(Constraint):
    """Norms between two bounds, or part of the way there.

    Args:
        min_value, max_value: the bounds.
        rate: how much of the way to the bounds is gone each time, in [0, 1].
        axis: axis or axes the norm is taken over; see `MaxNorm`.
    """

    def __init__(
        self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis: Axis = 0
    ) -> None:
        self.min_value = min_value
        self.max_value = max_value
        self.rate = rate
        self.axis = axis

    def __call__(self, w: Any) -> Any:
        w = array(w)
        norms = _norms(w, self.axis)
        bounded = current_backend().xp.clip(norms, self.min_value, self.max_value)
        return _scaled(w, self.rate * bounded + (1 - self.rate) * norms, norms)

    def get_config(self) -> dict[str, Any]:
        return {
            "min_value": self.min_value,
            "max_value": self.max_value,
            "rate": self.rate,
            "axis": self.axis,
        }
