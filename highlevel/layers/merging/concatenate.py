"""`Concatenate`: inputs one after the other along an axis."""

from __future__ import annotations

import functools
from typing import Any

from highlevel_backend import current_backend

from highlevel import ops
from highlevel.layers.merging.base import Merge

__all__ = ["Concatenate", "concatenate"]


class Concatenate(Merge):
    """The inputs joined along an axis.

    Args:
        axis: axis to join along.

    Called with a list of arrays whose shapes agree on the other axes.

    >>> import highlevel as hl
    >>> a, b = hl.ops.array([[1.0, 2.0]]), hl.ops.array([[3.0]])
    >>> hl.layers.Concatenate()([a, b]).tolist()
    [[1.0, 2.0, 3.0]]
    """

    _fields = ("axis",)

    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axis

    def call(self, inputs: Any) -> Any:
        """The arrays of a list, joined."""
        return ops.concatenate(inputs, axis=self.axis)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """The inputs' shape, lengths along the axis summed.

        Raises:
            ValueError: the shapes differ on another axis; names both and their positions.
        """
        shapes = self._shapes(input_shape)
        first = shapes[0]
        rank = len(first)
        if not -rank <= self.axis < rank:
            raise ValueError(
                f"Concatenate '{self.name}': there is no axis {self.axis} in inputs of shape "
                f"{first}."
            )
        axis = self.axis % rank
        merged = list(first)
        for index, shape in enumerate(shapes[1:], 1):
            wrong = len(shape) != rank
            for place, length in enumerate(shape):
                if wrong:
                    break
                if place == axis:
                    known = merged[axis]
                    merged[axis] = None if known is None or length is None else known + length
                elif merged[place] is None:
                    merged[place] = length
                else:
                    wrong = length is not None and length != merged[place]
            if wrong:
                raise ValueError(
                    f"Concatenate '{self.name}': input 0 of shape {first} and input {index} of "
                    f"shape {shape} must have equal lengths on every axis but {self.axis}."
                )
        return tuple(merged)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The masks joined where the axis is one of theirs, else where any is true."""
        given = [m for m in mask if m is not None] if mask is not None else []
        if not given:
            return None
        if self.axis % len(inputs[0].shape) >= max(len(m.shape) for m in given):
            # An input without a mask has nothing to say on which steps count.
            return functools.reduce(ops.logical_or, given)
        masks = []
        for x, m in zip(inputs, mask or ()):
            if m is None:
                m = ops.ones_like(x, dtype="bool")
            elif m.ndim < x.ndim:
                # All features of a step share the step's mask.
                m = ops.expand_dims(m, tuple(range(m.ndim, x.ndim)))
                m = ops.logical_and(m, ops.ones_like(x, dtype="bool"))
            masks.append(current_backend().cast(m, "bool") if not _symbolic(m) else m)
        return ops.any(ops.concatenate(masks, axis=self.axis), axis=-1)


def _symbolic(x: Any) -> bool:
    return not current_backend().is_array(x)


def concatenate(inputs: Any, axis: int = -1, **kwargs: Any) -> Any:
    """The inputs joined along an axis.

    Args:
        inputs: list of arrays or symbolic tensors.
        axis: axis to join along.
        **kwargs: of the layer `Concatenate`.

    Returns:
        An array or symbolic tensor of the inputs' shape, lengths along `axis` summed.

    >>> import highlevel as hl
    >>> a, b = hl.ops.array([[1.0, 2.0]]), hl.ops.array([[3.0]])
    >>> hl.layers.concatenate([a, b]).tolist()
    [[1.0, 2.0, 3.0]]
    """
    return Concatenate(axis=axis, **kwargs)(inputs)
