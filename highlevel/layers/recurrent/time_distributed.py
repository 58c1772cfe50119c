"""`TimeDistributed`: one layer for every time step."""

from __future__ import annotations

from typing import Any

from highlevel_backend import current_backend, tree

from highlevel import ops
from highlevel.layers.call_info import call_info
from highlevel.layers.core.wrapper import Wrapper
from highlevel.layers.layer import Layer, is_shape
from highlevel.symbolic import SymbolicTensor

__all__ = ["TimeDistributed"]


class TimeDistributed(Wrapper):
    """Applies a layer to each time step, with the same weights.

    The time steps join the batch, so the layer runs once; a layer that looks across the
    batch (batch normalization) sees the samples of all steps together.

    Args:
        layer: the layer inside, for inputs without the time axis.

    Call arguments:
        inputs: `(batch, steps, ...)`, or a tree of such arrays for a layer that takes one.
        mask: `(batch, steps, ...)`; what goes beyond the two axes is handed to the layer.
        training: handed to the layer.

    Returns:
        `(batch, steps, *output of the layer without its batch axis)`, in the structure of
        the layer's outputs.

    Raises:
        ValueError: inputs of less than three axes.

    >>> import highlevel as hl
    >>> hl.layers.TimeDistributed(hl.layers.Dense(4))(hl.ops.ones((2, 5, 3))).shape
    (2, 5, 4)
    """

    def __init__(self, layer: Layer, **kwargs: Any) -> None:
        super().__init__(layer, **kwargs)
        self.supports_masking = True

    def _inner_shape(self, shape: Any) -> tuple:
        if len(shape) < 3:
            raise ValueError(
                f"TimeDistributed '{self.name}' needs inputs of at least 3 axes, (batch, steps, "
                f"...); got the shape {tuple(shape)}. The batch axis counts."
            )
        batch, steps = shape[:2]
        return (None if batch is None or steps is None else batch * steps, *shape[2:])

    def _inner_shapes(self, shapes: Any) -> Any:
        return tree.map_leaves(self._inner_shape, shapes, is_leaf=is_shape)

    def build(self, input_shape: Any) -> None:
        """Build the layer for one time step."""
        super().build(self._inner_shapes(input_shape))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Batch and steps, then the layer's output shape; in a tree for several outputs."""
        inner = self.layer.compute_output_shape(self._inner_shapes(input_shape))
        lead = tuple(tree.leaves(input_shape, is_leaf=is_shape)[0][:2])
        return tree.map_leaves(lambda shape: (*lead, *shape[1:]), inner, is_leaf=is_shape)

    def compute_output_spec(
        self, inputs: Any, training: bool | None = None, mask: Any = None
    ) -> Any:
        steps = tree.map_leaves(
            lambda x: SymbolicTensor.of(self._inner_shape(x.shape), x.dtype), inputs)
        lead = tree.leaves(inputs)[0].shape[:2]
        return tree.map_leaves(
            lambda x: SymbolicTensor.of((*lead, *x.shape[1:]), x.dtype),
            self.layer.compute_output_spec(steps))

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """The mask of the steps, and of what the layer keeps of the axes beyond them."""
        # Of several inputs the first one with a mask says which steps count.
        mask = next(iter(tree.leaves(previous_mask)), None)
        if mask is None or len(mask.shape) < 3:
            return mask
        inner = self.layer.compute_mask(None, mask)
        if not tree.leaves(inner):  # the layer used the axes beyond the steps up
            return ops.any(mask, axis=tuple(range(2, len(mask.shape))))
        return inner

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        xp = current_backend().xp
        lead = tuple(tree.leaves(inputs)[0].shape[:2])

        def merged(x: Any) -> Any:
            return xp.reshape(x, (lead[0] * lead[1], *x.shape[2:]))

        arguments: dict[str, Any] = {}
        if all(m.ndim > 2 for m in tree.leaves(mask)) and mask is not None \
                and "mask" in call_info(type(self.layer), Layer).names:
            arguments["mask"] = tree.map_leaves(merged, mask)
        elif getattr(self.layer, "counts_samples", False) and mask is not None:
            arguments["mask"] = xp.reshape(mask, (-1,))  # each step is a sample to the layer
        outputs = self.layer(tree.map_leaves(merged, inputs), training=training, **arguments)
        return tree.map_leaves(lambda x: xp.reshape(x, (*lead, *x.shape[1:])), outputs)
