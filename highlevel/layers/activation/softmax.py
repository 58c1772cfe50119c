"""`Softmax`: positive numbers that sum to 1."""

from __future__ import annotations

from typing import Any

from highlevel_backend import current_backend

from highlevel import ops
from highlevel.layers.described import ShapeKeepingLayer

__all__ = ["Softmax"]

# Scores of masked entries: small enough for a probability of 0, finite in the dtype.
_LOW = {"float16": -3e4}


class Softmax(ShapeKeepingLayer):
    """`exp(x) / sum(exp(x))` along an axis.

    Args:
        axis: axis or axes that sum to 1.

    Called with `mask` (shape of the inputs, or of their first axes; true where an entry takes
    part), masked entries get 0.

    >>> import highlevel as hl
    >>> hl.layers.Softmax()(hl.ops.array([1.0, 1.0])).tolist()
    [0.5, 0.5]
    """

    _fields = ("axis",)

    def __init__(self, axis: int | tuple[int, ...] = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = list(axis) if isinstance(axis, tuple) else axis
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        """See that the axes are there."""
        rank = len(input_shape)
        for axis in self.axis if isinstance(self.axis, list) else [self.axis]:
            if not -rank <= axis < rank:
                raise ValueError(
                    f"Softmax '{self.name}': there is no axis {axis} in inputs of {rank} axes, of "
                    f"shape {tuple(input_shape)}. Set `axis` to one of them."
                )

    def call(self, inputs: Any, mask: Any = None) -> Any:
        """The probabilities."""
        axis = self.axis
        if isinstance(axis, list):
            axis = axis[0] if len(axis) == 1 else tuple(axis)
        if mask is None:
            return ops.softmax(inputs, axis=axis)
        dtype = str(inputs.dtype)
        mask = current_backend().cast(mask, "bool")
        if mask.ndim < inputs.ndim:  # one for each step, not for each entry
            mask = ops.expand_dims(mask, tuple(range(mask.ndim, inputs.ndim)))
        outputs = ops.softmax(ops.where(mask, inputs, _LOW.get(dtype, -1e9)), axis=axis)
        # Where everything is masked the softmax is uniform: those are set to 0 as well.
        return ops.multiply(outputs, current_backend().cast(mask, dtype))
