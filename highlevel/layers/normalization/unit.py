"""`UnitNormalization`: vectors of length 1."""

from __future__ import annotations

from typing import Any

from highlevel_backend import current_backend

from highlevel import ops
from highlevel.layers.described import ShapeKeepingLayer
from highlevel.layers.normalization.common import counted, normal_axes, precise

__all__ = ["UnitNormalization"]


class UnitNormalization(ShapeKeepingLayer):
    """`x / sqrt(sum(x ** 2))`.

    Args:
        axis: the axis, or axes, to sum over.

    >>> import highlevel as hl
    >>> y = hl.layers.UnitNormalization()(hl.ops.array([[3.0, 4.0]]))
    >>> [round(float(v), 4) for v in y[0]]
    [0.6, 0.8]
    """

    _fields = ("axis",)

    def __init__(self, axis: int | list[int] | tuple[int, ...] = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(axis, (int, list, tuple)):
            raise ValueError(
                f"UnitNormalization '{self.name}': `axis` must be an integer or a list of them; "
                f"got {axis!r}."
            )
        self.axis = list(axis) if isinstance(axis, (list, tuple)) else axis
        self._axes = tuple(self.axis) if isinstance(self.axis, list) else self.axis
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        """See that the axes are there."""
        normal_axes(self, self.axis, len(input_shape))

    def call(self, inputs: Any, mask: Any = None) -> Any:
        """The normalized array, in the compute dtype."""
        x = precise(inputs)
        squares, weights = ops.square(x), counted(x, mask, self._axes)
        if weights is not None:
            squares = ops.multiply(squares, weights)
        total = ops.sum(squares, axis=self._axes, keepdims=True)
        x = ops.multiply(x, ops.rsqrt(ops.maximum(total, 1e-12)))
        return current_backend().cast(x, self.compute_dtype)
