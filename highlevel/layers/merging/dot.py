"""`Dot`: products of two inputs, summed along an axis of each."""

from __future__ import annotations

import math
from typing import Any

from highlevel import ops
from highlevel.layers.merging.base import Merge

__all__ = ["Dot", "dot"]


class Dot(Merge):
    """For each entry of the batch, the products of two inputs summed along an axis of each.

    Args:
        axes: the axis, or one for each input; the batch axis is 0.
        normalize: scale both inputs to norm 1 along that axis first, which gives the
            cosine.

    Input: `(batch, ...)` twice. Output: the other axes of the first, then those of the
    second; `(batch, 1)` where there are none.

    Raises:
        ValueError: the lengths along the axes differ.

    >>> import highlevel as hl
    >>> a, b = hl.ops.array([[1.0, 2.0]]), hl.ops.array([[3.0, 4.0]])
    >>> hl.layers.Dot(axes=1)([a, b]).tolist()
    [[11.0]]
    """

    _fields = ("axes", "normalize")
    _least = _most = 2

    def __init__(
        self, axes: int | tuple[int, int] | list[int], normalize: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if not isinstance(axes, int) and (
            not isinstance(axes, (list, tuple))
            or len(axes) != 2
            or not all(isinstance(axis, int) for axis in axes)
        ):
            raise ValueError(
                f"Dot '{self.name}': `axes` must be an integer or two of them; got {axes!r}."
            )
        self.axes = axes
        self.normalize = normalize

    def _axes_of(self, shapes: list) -> tuple[int, int]:
        pair = (self.axes, self.axes) if isinstance(self.axes, int) else self.axes
        for index, (axis, shape) in enumerate(zip(pair, shapes)):
            if not -len(shape) <= axis < len(shape) or axis % len(shape) == 0:
                raise ValueError(
                    f"Dot '{self.name}': axis {axis} is no axis of input {index} of shape {shape}, "
                    "or its batch axis, which stays."
                )
        return pair[0] % len(shapes[0]), pair[1] % len(shapes[1])

    def call(self, inputs: Any) -> Any:
        """The products of a list of two arrays."""
        x, y = inputs
        first, second = self._axes_of([x.shape, y.shape])
        if self.normalize:
            x, y = ops.normalize(x, axis=first), ops.normalize(y, axis=second)
        # As one matrix product: (batch, rest of x, summed) @ (batch, summed, rest of y)
        x, y = ops.moveaxis(x, first, -1), ops.moveaxis(y, second, 1)
        batch, length = x.shape[0], x.shape[-1]
        left, right = tuple(x.shape[1:-1]), tuple(y.shape[2:])
        x = ops.reshape(x, (batch, math.prod(left), length)) if len(left) != 1 else x
        y = ops.reshape(y, (batch, length, math.prod(right))) if len(right) != 1 else y
        return ops.reshape(ops.matmul(x, y), (batch, *((*left, *right) or (1,))))

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """Shape of the output.

        Raises:
            ValueError: the lengths along the axes, or the batches, differ.
        """
        shapes = self._shapes(input_shape)
        first, second = self._axes_of(shapes)
        x, y = shapes
        for a, b, what in ((x[first], y[second], "lengths summed over"), (x[0], y[0], "batches")):
            if a is not None and b is not None and a != b:
                raise ValueError(
                    f"Dot '{self.name}': the {what} differ: {a} in input 0 of shape {x} (axis "
                    f"{first}), {b} in input 1 of shape {y} (axis {second})."
                )
        rest = (
            *(length for axis, length in enumerate(x) if axis not in (0, first)),
            *(length for axis, length in enumerate(y) if axis not in (0, second)),
        )
        return (x[0] if x[0] is not None else y[0], *(rest or (1,)))

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:
        """None: the products have no mask."""


def dot(inputs: Any, axes: int | tuple[int, int] = -1, **kwargs: Any) -> Any:
    """For each entry of the batch, products of two inputs summed along an axis of each.

    Args:
        inputs: list of two arrays or symbolic tensors.
        axes: the axis, or one for each input.
        **kwargs: of the layer `Dot`.

    Returns:
        An array or symbolic tensor; see `Dot`.

    >>> import highlevel as hl
    >>> a, b = hl.ops.array([[1.0, 2.0]]), hl.ops.array([[3.0, 4.0]])
    >>> hl.layers.dot([a, b]).tolist()
    [[11.0]]
    """
    return Dot(axes=axes, **kwargs)(inputs)
