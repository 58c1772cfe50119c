"""`GroupNormalization`: groups of channels with mean 0 and variance 1."""

from __future__ import annotations

from typing import Any

from highlevel_backend import current_backend

from highlevel import ops
from highlevel.layers.described import ShapeKeepingLayer, known_length
from highlevel.layers.input_spec import InputSpec
from highlevel.layers.normalization.common import counted, masked_moments, normal_axes, precise

__all__ = ["GroupNormalization"]


class GroupNormalization(ShapeKeepingLayer):
    """`gamma * (x - mean) / sqrt(variance + epsilon) + beta`, per sample and group of channels.

    Sums are in float32 or better, whatever the compute dtype.

    Args:
        groups: number of groups; -1 for one per channel (instance normalization).
        axis: the axis of the channels.
        epsilon: added to the variance.
        center, scale: have a `beta`, a `gamma`.
        beta_initializer, gamma_initializer: how they begin.
        beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint: of them.

    Weights: `gamma`, `beta`, each `(channels,)`.

    Called with `mask` `(batch, steps)`, entries masked out count neither for the mean nor
    for the variance.

    Raises:
        ValueError: the channels cannot be split so.

    >>> import highlevel as hl
    >>> layer = hl.layers.GroupNormalization(groups=2, epsilon=0.0)
    >>> layer(hl.ops.array([[1.0, 3.0, 10.0, 30.0]])).tolist()
    [[-1.0, 1.0, -1.0, 1.0]]

    Reference: Wu & He, 2018, arXiv:1803.08494.
    """

    _fields = (
        "groups", "axis", "epsilon", "center", "scale", "beta_initializer",
        "gamma_initializer", "beta_regularizer", "gamma_regularizer", "beta_constraint",
        "gamma_constraint",
    )

    beta_initializer: Any
    beta_regularizer: Any
    beta_constraint: Any
    gamma_initializer: Any
    gamma_regularizer: Any
    gamma_constraint: Any

    def __init__(
        self,
        groups: int = 32,
        axis: int = -1,
        epsilon: float = 0.001,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.groups = groups
        self.axis = axis
        self.epsilon = epsilon
        self.center = center
        self.scale = scale
        self._set_weight_options("beta", beta_initializer, beta_regularizer, beta_constraint)
        self._set_weight_options("gamma", gamma_initializer, gamma_regularizer, gamma_constraint)
        self.supports_masking = True
        self.gamma = self.beta = None

    def build(self, input_shape: Any) -> None:
        """Make gamma and beta."""
        rank = len(input_shape)
        (axis,) = normal_axes(self, self.axis, rank)
        channels = known_length(self, input_shape, axis)
        groups = channels if self.groups == -1 else self.groups
        if groups < 1 or channels % groups:
            raise ValueError(
                f"GroupNormalization '{self.name}': the {channels} channels (axis {self.axis} of "
                f"{tuple(input_shape)}) cannot be split into {self.groups} groups."
            )
        if self.scale:
            self.gamma = self._add("gamma", (channels,), autocast=False)
        if self.center:
            self.beta = self._add("beta", (channels,), autocast=False)
        self.input_spec = InputSpec(ndim=rank, axes={self.axis: channels})
        self._channel_axis = axis
        self._grouped = (groups, channels // groups)
        self._reduced = tuple(a for a in range(1, rank + 1) if a != axis)
        self._spread = (1,) * axis + (channels,) + (1,) * (rank - axis - 1)

    def call(self, inputs: Any, mask: Any = None) -> Any:
        """The normalized array, in the compute dtype."""
        x = precise(inputs)
        shape, axis = tuple(x.shape), self._channel_axis
        grouped = ops.reshape(x, (*shape[:axis], *self._grouped, *shape[axis + 1:]))
        weights = None if axis < 2 else counted(grouped, mask, self._reduced)
        mean, variance = masked_moments(grouped, weights, self._reduced)
        # Scale and shift per channel are small: the large array is passed over once.
        scale = ops.rsqrt(ops.add(variance, self.epsilon))
        mean, scale = self._per_channel(mean), self._per_channel(scale)
        if self.gamma is not None:
            scale = ops.multiply(scale, ops.reshape(self.gamma, self._spread))
        x = ops.multiply(ops.subtract(x, mean), scale)
        if self.beta is not None:
            x = ops.add(x, ops.reshape(self.beta, self._spread))
        return current_backend().cast(x, self.compute_dtype)

    def _per_channel(self, value: Any) -> Any:
        """A value per group as one per channel, in the input's rank."""
        axis = self._channel_axis
        shape = tuple(value.shape)
        value = ops.broadcast_to(value, (*shape[:axis], *self._grouped, *shape[axis + 2:]))
        return ops.reshape(
            value, (*shape[:axis], self._grouped[0] * self._grouped[1], *shape[axis + 2:])
        )
