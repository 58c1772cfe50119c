"""Penalties on weights and activations."""

from __future__ import annotations

import math
from typing import Any

from highlevel_backend import current_backend

from highlevel.ops.dispatch import array

__all__ = ["L1", "L1L2", "L2", "OrthogonalRegularizer", "Regularizer"]


class Regularizer:
    """Base class of penalties: subclass it and define `__call__(x) -> scalar`.

    >>> import highlevel as hl
    >>> class Fourth(hl.regularizers.Regularizer):
    ...     def __call__(self, x):
    ...         return hl.ops.sum(x**4)
    >>> float(Fourth()(hl.ops.ones((3,))))
    3.0
    """

    def __call__(self, x: Any) -> Any:
        """The penalty, a scalar array.

        Args:
            x: array of any shape: a weight, or a layer's output.
        """
        return 0.0

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, as JSON can hold them."""
        raise NotImplementedError(
            f"{type(self).__name__} does not define `get_config`, which returns the arguments "
            "of its constructor; it is needed to save a model with it."
        )

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Regularizer:
        """A regularizer with the arguments of a config."""
        return cls(**config)

    def __repr__(self) -> str:
        try:
            config = self.get_config()
        except NotImplementedError:
            config = {}
        arguments = ", ".join(f"{key}={value!r}" for key, value in config.items())
        return f"{type(self).__name__}({arguments})"


def _strength(value: Any, name: str, owner: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not (math.isfinite(number) and number >= 0):
        raise ValueError(f"{owner}: `{name}` must be a number of at least 0; got {value!r}.")
    return number


class L1(Regularizer):
    """`l1` times the sum of absolute values.

    Args:
        l1: at least 0; None means 0.01.

    Raises:
        ValueError: `l1` is negative or no number.

    >>> import highlevel as hl
    >>> round(float(hl.regularizers.L1(0.5)(hl.ops.array([1.0, -2.0]))), 4)
    1.5
    """

    def __init__(self, l1: float = 0.01) -> None:
        self.l1 = _strength(0.01 if l1 is None else l1, "l1", "L1")

    def __call__(self, x: Any) -> Any:
        xp = current_backend().xp
        return xp.sum(xp.abs(array(x))) * self.l1

    def get_config(self) -> dict[str, Any]:
        return {"l1": self.l1}


class L2(Regularizer):
    """`l2` times the sum of squares.

    Args:
        l2: at least 0; None means 0.01.

    Raises:
        ValueError: `l2` is negative or no number.

    >>> import highlevel as hl
    >>> round(float(hl.regularizers.L2(0.5)(hl.ops.array([1.0, -2.0]))), 4)
    2.5
    """

    def __init__(self, l2: float = 0.01) -> None:
        self.l2 = _strength(0.01 if l2 is None else l2, "l2", "L2")

    def __call__(self, x: Any) -> Any:
        xp = current_backend().xp
        return xp.sum(xp.square(array(x))) * self.l2

    def get_config(self) -> dict[str, Any]:
        return {"l2": self.l2}


class L1L2(Regularizer):
    """`l1` times the sum of absolute values plus `l2` times the sum of squares.

    Args:
        l1, l2: at least 0; None means 0.

    Raises:
        ValueError: one of them is negative or no number.
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        self.l1 = _strength(0.0 if l1 is None else l1, "l1", "L1L2")
        self.l2 = _strength(0.0 if l2 is None else l2, "l2", "L1L2")

    def __call__(self, x: Any) -> Any:
        xp = current_backend().xp
        x = array(x)
        total = xp.zeros((), x.dtype)
        if self.l1:
            total = total + xp.sum(xp.abs(x)) * self.l1
        if self.l2:
            total = total + xp.sum(xp.square(x)) * self.l2
        return total

    def get_config(self) -> dict[str, Any]:
        return {"l1": self.l1, "l2": self.l2}


class OrthogonalRegularizer(Regularizer):
    """`factor` times the mean absolute cosine between different rows (or columns).

    Args:
        factor: strength.
        mode: `"rows"` or `"columns"`: which are to become orthogonal.

    Raises:
        ValueError: `mode` is neither.
    """

    def __init__(self, factor: float = 0.01, mode: str = "rows") -> None:
        if mode not in ("rows", "columns"):
            raise ValueError(
                f"OrthogonalRegularizer: `mode` must be 'rows' or 'columns'; got {mode!r}."
            )
        self.factor = _strength(factor, "factor", "OrthogonalRegularizer")
        self.mode = mode

    def __call__(self, x: Any) -> Any:
        """The penalty, a scalar array.

        Args:
            x: matrix.

        Raises:
            ValueError: `x` is no matrix.
        """
        xp = current_backend().xp
        x = array(x)
        if x.ndim != 2:
            raise ValueError(
                f"OrthogonalRegularizer needs a matrix; got an array of shape {tuple(x.shape)}."
            )
        if self.mode == "columns":
            x = xp.swapaxes(x, 0, 1)
        squares = xp.sum(xp.square(x), axis=1, keepdims=True)
        unit = x / xp.sqrt(xp.maximum(squares, 1e-12))
        cosines = xp.matmul(unit, xp.swapaxes(unit, 0, 1))
        count = x.shape[0]
        others = 1 - xp.eye(count, dtype=x.dtype)
        pairs = max(count * (count - 1), 1)
        return xp.sum(xp.abs(cosines * others)) * (self.factor / pairs)

    def get_config(self) -> dict[str, Any]:
        return {"factor": self.factor, "mode": self.mode}
