"""`PReLU`: a leaky rectifier whose slopes are learnt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from highlevel import activations, ops
from highlevel.layers.described import ShapeKeepingLayer, known_length
from highlevel.layers.input_spec import InputSpec

__all__ = ["PReLU"]


class PReLU(ShapeKeepingLayer):
    """`x` above 0, `alpha * x` below, one learnt `alpha` per feature.

    Args:
        alpha_initializer, alpha_regularizer, alpha_constraint: of the slopes.
        shared_axes: axes (from 1) along which the slope is the same, such as `[1, 2]`
            for one slope per channel of an image.

    Weights: `alpha`, the input's shape without the batch axis, 1 along shared axes.

    >>> import highlevel as hl
    >>> layer = hl.layers.PReLU(alpha_initializer="ones", shared_axes=[1])
    >>> layer(hl.ops.array([[[-2.0, 2.0]]])).tolist(), layer.alpha.shape
    ([[[-2.0, 2.0]]], (1, 2))

    Reference: He et al., 2015, arXiv:1502.01852.
    """

    _fields = ("alpha_initializer", "alpha_regularizer", "alpha_constraint", "shared_axes")

    alpha_initializer: Any
    alpha_regularizer: Any
    alpha_constraint: Any

    def __init__(
        self,
        alpha_initializer: Any = "Zeros",
        alpha_regularizer: Any = None,
        alpha_constraint: Any = None,
        shared_axes: int | Sequence[int] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._set_weight_options("alpha", alpha_initializer, alpha_regularizer, alpha_constraint)
        if isinstance(shared_axes, int):
            shared_axes = [shared_axes]
        self.shared_axes: list[int] | None = None if shared_axes is None else list(shared_axes)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        """Make the slopes."""
        rank = len(input_shape)
        shared = [axis % rank for axis in self.shared_axes or ()]
        own = [axis for axis in range(1, rank) if axis not in shared]
        lengths = {axis: known_length(self, input_shape, axis) for axis in own}
        self.alpha = self._add("alpha", tuple(lengths.get(axis, 1) for axis in range(1, rank)))
        self.input_spec = InputSpec(ndim=rank, axes=lengths)

    def call(self, inputs: Any) -> Any:
        """The activations of an array `(batch, ...)`."""
        below = ops.multiply(self.alpha, activations.relu(ops.negative(inputs)))
        return ops.subtract(activations.relu(inputs), below)
