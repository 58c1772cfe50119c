"""`ReLU`, `LeakyReLU`, `ELU`: activations that treat the two sides of 0 apart."""

from __future__ import annotations

from typing import Any

from highlevel import activations
from highlevel.layers.described import ShapeKeepingLayer

__all__ = ["ELU", "LeakyReLU", "ReLU"]


def _number(layer: Any, name: str, value: Any, optional: bool = False) -> Any:
    """An argument that must be a number of at least 0.

    Raises:
        ValueError: it is not.
    """
    if isinstance(value, dict):  # a serialized array, as old files have
        value = value["config"]["value"]
    if optional and value is None:
        return None
    if not hasattr(value, "__float__") or float(value) < 0:
        raise ValueError(
            f"{type(layer).__name__} '{layer.name}': `{name}` must be a number of at least 0; got "
            f"{value!r}."
        )
    return value


class ReLU(ShapeKeepingLayer):
    """`x` above `threshold`, up to `max_value`; below it `negative_slope * (x - threshold)`.

    Args:
        max_value: upper bound; None for none.
        negative_slope: slope below the threshold.
        threshold: where the values begin to pass.

    Raises:
        ValueError: one of them is negative.

    >>> import highlevel as hl
    >>> hl.layers.ReLU(max_value=3)(hl.ops.array([-1.0, 2.0, 5.0])).tolist()
    [0.0, 2.0, 3.0]
    """

    _fields = ("max_value", "negative_slope", "threshold")

    def __init__(
        self,
        max_value: float | None = None,
        negative_slope: float = 0.0,
        threshold: float = 0.0,
        **kwargs: Any,
    ) -> None:
        if "alpha" in kwargs:  # the name of old
            negative_slope = kwargs.pop("alpha")
        super().__init__(**kwargs)
        self.max_value = _number(self, "max_value", max_value, optional=True)
        self.negative_slope = _number(self, "negative_slope", negative_slope)
        self.threshold = _number(self, "threshold", threshold)
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        """The activations of an array of any shape."""
        return activations.relu(
            inputs, negative_slope=self.negative_slope, max_value=self.max_value,
            threshold=self.threshold,
        )


class LeakyReLU(ShapeKeepingLayer):
    """`x` above 0, `negative_slope * x` below.

    Args:
        negative_slope: slope below 0.

    Raises:
        ValueError: it is negative.

    >>> import highlevel as hl
    >>> hl.layers.LeakyReLU(0.5)(hl.ops.array([-2.0, 2.0])).tolist()
    [-1.0, 2.0]
    """

    _fields = ("negative_slope",)

    def __init__(self, negative_slope: float = 0.3, **kwargs: Any) -> None:
        if "alpha" in kwargs:  # the name of old
            negative_slope = kwargs.pop("alpha")
        super().__init__(**kwargs)
        self.negative_slope = _number(self, "negative_slope", negative_slope)
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        """The activations of an array of any shape."""
        return activations.leaky_relu(inputs, negative_slope=self.negative_slope)


class ELU(ShapeKeepingLayer):
    """`x` above 0, `alpha * (exp(x) - 1)` below.

    Args:
        alpha: how far the values go below 0.

    >>> import highlevel as hl
    >>> [round(float(y), 4) for y in hl.layers.ELU()(hl.ops.array([-1.0, 2.0]))]
    [-0.6321, 2.0]

    Reference: Clevert, Unterthiner & Hochreiter, 2015, arXiv:1511.07289.
    """

    _fields = ("alpha",)

    def __init__(self, alpha: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.alpha = alpha
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        """The activations of an array of any shape."""
        return activations.elu(inputs, alpha=self.alpha)
