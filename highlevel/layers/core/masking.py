"""`Masking`: time steps that hold nothing but a filler."""

from __future__ import annotations

from typing import Any

from highlevel_backend import current_backend

from highlevel import ops
from highlevel.layers.described import ShapeKeepingLayer
from highlevel.masking import set_mask
from highlevel.serialization import deserialize_keras_object

__all__ = ["Masking"]


class Masking(ShapeKeepingLayer):
    """Masks out the steps whose features are all `mask_value`, and sets them to 0.

    Args:
        mask_value: the filler.

    Input and output: `(batch, steps, features)`; the mask: `(batch, steps)`.

    >>> import highlevel as hl
    >>> x = hl.ops.array([[[1.0, 2.0], [9.0, 9.0], [9.0, 3.0]]])
    >>> hl.layers.Masking(9.0)(x).tolist()
    [[[1.0, 2.0], [0.0, 0.0], [9.0, 3.0]]]
    """

    _fields = ("mask_value",)

    def __init__(self, mask_value: Any = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if isinstance(mask_value, dict):
            mask_value = deserialize_keras_object(mask_value)
        self.mask_value = mask_value
        self.supports_masking = True

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """True where a step has a feature other than `mask_value`."""
        return ops.any(ops.not_equal(inputs, self.mask_value), axis=-1)

    def call(self, inputs: Any) -> Any:
        """The inputs, masked steps set to 0."""
        mask = self.compute_mask(inputs)
        outputs = ops.multiply(
            inputs, current_backend().cast(ops.expand_dims(mask, -1), str(inputs.dtype))
        )
        set_mask(outputs, mask)
        return outputs
