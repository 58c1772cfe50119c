"""`LayerNormalization`: each sample's features with mean 0 and variance 1."""

from __future__ import annotations

from typing import Any

from highlevel_backend import current_backend

from highlevel import ops
from highlevel.layers.described import ShapeKeepingLayer
from highlevel.layers.input_spec import InputSpec
from highlevel.layers.normalization.common import (
    counted,
    masked_moments,
    normal_axes,
    precise,
    weights_shape,
)

__all__ = ["LayerNormalization"]


class LayerNormalization(ShapeKeepingLayer):
    """`gamma * (x - mean) / sqrt(variance + epsilon) + beta`, per sample.

    Sums are in float32 or better, whatever the compute dtype.

    Args:
        axis: the axis, or axes, to take mean and variance over.
        epsilon: added to the variance.
        center, scale: have a `beta`, a `gamma`.
        beta_initializer, gamma_initializer: how they begin.
        beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint: of them.

    Weights: `gamma`, `beta`, each with the lengths of `axis`.

    Called with `mask` over the first axes, entries masked out count neither for the mean nor
    for the variance, where `axis` is one of them.

    >>> import highlevel as hl
    >>> layer = hl.layers.LayerNormalization(epsilon=0.0)
    >>> layer(hl.ops.array([[1.0, 3.0]])).tolist()
    [[-1.0, 1.0]]

    Reference: Ba, Kiros & Hinton, 2016, arXiv:1607.06450.
    """

    _fields = (
        "axis", "epsilon", "center", "scale", "rms_scaling", "beta_initializer",
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
        axis: int | list[int] | tuple[int, ...] = -1,
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
        # Written into every config by Keras; true only in files of old, for what became
        # `RMSNormalization`.
        self.rms_scaling = bool(kwargs.pop("rms_scaling", False))
        super().__init__(**kwargs)
        if not isinstance(axis, (int, list, tuple)):
            raise ValueError(
                f"LayerNormalization '{self.name}': `axis` must be an integer or a list of them; "
                f"got {axis!r}."
            )
        self.axis = axis if isinstance(axis, int) else list(axis)
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
        axes = normal_axes(self, self.axis, rank)
        shape = weights_shape(self, input_shape, axes)
        if self.scale or self.rms_scaling:
            self.gamma = self._add("gamma", shape, autocast=False)
        if self.center and not self.rms_scaling:
            self.beta = self._add("beta", shape, autocast=False)
        self.input_spec = InputSpec(ndim=rank, axes=dict(zip(axes, shape)))
        self._axes = axes
        #: as the op takes it
        self._axis = axes[0] if len(axes) == 1 else axes
        #: shape in which the weights broadcast; None where they do as they are
        self._spread = None
        if axes != tuple(range(rank - len(axes), rank)):
            lengths = dict(zip(axes, shape))
            self._spread = tuple(lengths.get(axis, 1) for axis in range(rank))

    def call(self, inputs: Any, mask: Any = None) -> Any:
        """The normalized array, in the compute dtype."""
        x = precise(inputs)
        gamma, beta = self.gamma, self.beta
        if self._spread is not None:
            gamma = None if gamma is None else ops.reshape(gamma, self._spread)
            beta = None if beta is None else ops.reshape(beta, self._spread)
        weights = counted(x, mask, self._axes)
        if weights is not None and not self.rms_scaling:
            mean, variance = masked_moments(x, weights, self._axes)
            x = ops.multiply(ops.subtract(x, mean), ops.rsqrt(ops.add(variance, self.epsilon)))
            x = x if gamma is None else ops.multiply(x, gamma)
            x = x if beta is None else ops.add(x, beta)
        elif self.rms_scaling:
            variance = ops.var(x, axis=self._axes, keepdims=True)
            x = ops.multiply(ops.multiply(x, ops.rsqrt(ops.add(variance, self.epsilon))), gamma)
        else:
            x = ops.layer_normalization(
                x, gamma, beta, axis=self._axis,
                epsilon=self.epsilon,
            )
        return current_backend().cast(x, self.compute_dtype)
