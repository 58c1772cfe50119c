"""`RMSNormalization`: each sample's features with a root mean square of 1."""

from __future__ import annotations

from typing import Any

from highlevel_backend import current_backend

from highlevel import ops
from highlevel.layers.described import ShapeKeepingLayer
from highlevel.layers.input_spec import InputSpec
from highlevel.layers.normalization.common import counted, normal_axes, precise, weights_shape

__all__ = ["RMSNormalization"]


class RMSNormalization(ShapeKeepingLayer):
    """`scale * x / sqrt(mean(x ** 2) + epsilon)`, per sample.

    Sums are in float32 or better, whatever the compute dtype.

    Args:
        axis: the axis, or axes, to take the mean over.
        epsilon: added to the mean square.

    Weights: `scale`, with the lengths of `axis`, ones at first.

    >>> import highlevel as hl
    >>> y = hl.layers.RMSNormalization(epsilon=0.0)(hl.ops.array([[3.0, 4.0]]))
    >>> [round(float(v), 4) for v in y[0]]
    [0.8485, 1.1314]

    Reference: Zhang & Sennrich, 2019, arXiv:1910.07467.
    """

    _fields = ("axis", "epsilon")

    def __init__(
        self, axis: int | list[int] | tuple[int, ...] = -1, epsilon: float = 1e-6, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.axis = axis
        self.epsilon = epsilon
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        """Make the scale."""
        rank = len(input_shape)
        axes = normal_axes(self, self.axis, rank)
        shape = weights_shape(self, input_shape, axes)
        self.scale = self.add_weight(shape=shape, initializer="ones", name="scale")
        self.input_spec = InputSpec(ndim=rank, axes=dict(zip(axes, shape)))
        #: as the op takes it
        self._axis = axes[0] if len(axes) == 1 else axes
        lengths = dict(zip(axes, shape))
        trailing = axes == tuple(range(rank - len(axes), rank))
        self._spread = None if trailing else tuple(lengths.get(a, 1) for a in range(rank))

    def call(self, x: Any, mask: Any = None) -> Any:
        """The normalized array, in the compute dtype."""
        scale = precise(self.scale.value)
        if self._spread is not None:
            scale = ops.reshape(scale, self._spread)
        weights = counted(x, mask, self._axis)
        if weights is not None:
            x = precise(x)
            total = ops.sum(ops.multiply(ops.square(x), weights), axis=self._axis, keepdims=True)
            count = ops.maximum(ops.sum(weights, axis=self._axis, keepdims=True), 1.0)
            mean = ops.add(ops.divide(total, count), self.epsilon)
            x = ops.multiply(ops.multiply(x, ops.rsqrt(mean)), scale)
            return current_backend().cast(x, self.compute_dtype)
        x = ops.rms_normalization(
            precise(x), scale, axis=self._axis,
            epsilon=self.epsilon,
        )
        return current_backend().cast(x, self.compute_dtype)
