"""`BatchNormalization`: features with the batch's mean 0 and variance 1."""

from __future__ import annotations

from typing import Any

from highlevel_backend import current_backend

from highlevel import initializers, ops
from highlevel.layers.described import ShapeKeepingLayer, known_length
from highlevel.layers.input_spec import InputSpec
from highlevel.layers.normalization.common import counted, masked_moments, normal_axes, precise

__all__ = ["BatchNormalization"]


class BatchNormalization(ShapeKeepingLayer):
    """`gamma * (x - mean) / sqrt(variance + epsilon) + beta`, per feature.

    In training mean and variance are those of the batch, and moving averages of them are
    kept; otherwise the moving averages are used. With `trainable = False` the layer
    always does the latter. Sums are in float32 or better, whatever the compute dtype.

    Args:
        axis: the axis of the features; 1 for channels-first images.
        momentum: `moving = momentum * moving + (1 - momentum) * batch`.
        epsilon: added to the variance.
        center, scale: have a `beta`, a `gamma`.
        beta_initializer, gamma_initializer: how they begin.
        moving_mean_initializer, moving_variance_initializer: how the averages begin.
        beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint: of them.
        renorm: batch renormalization: in training the normalized array is corrected towards
            what the averages would give, by a factor and a shift per feature that take no
            gradient. Meant for small batches, or ones whose entries resemble each other.
        renorm_clipping: bounds of that correction, any of `"rmin"` and `"rmax"` of the
            factor and `"dmax"` of the shift's size; unbounded where left out.
        renorm_momentum: `momentum` of the averages that the correction is made from.
        synchronized: accepted; a batch that is spread over devices is always taken whole.

    Weights: `gamma`, `beta`, then `moving_mean`, `moving_variance` (not trainable), each
    `(features,)`; with `renorm` also `moving_stddev`, `renorm_mean`, `renorm_stddev`.

    Called with `mask` `(batch, steps)`, entries masked out count neither for the mean nor
    for the variance.

    >>> import highlevel as hl
    >>> layer = hl.layers.BatchNormalization(epsilon=0.0, momentum=0.5)
    >>> layer(hl.ops.array([[1.0], [3.0]]), training=True).tolist()
    [[-1.0], [1.0]]
    >>> layer.moving_mean.numpy().tolist(), layer.moving_variance.numpy().tolist()
    ([1.0], [1.0])

    Reference: Ioffe & Szegedy, 2015, arXiv:1502.03167; `renorm`: Ioffe, 2017,
    arXiv:1702.03275.
    """

    _fields = (
        "axis", "momentum", "epsilon", "center", "scale", "beta_initializer",
        "gamma_initializer", "moving_mean_initializer", "moving_variance_initializer",
        "beta_regularizer", "gamma_regularizer", "beta_constraint", "gamma_constraint",
        "synchronized", "renorm", "renorm_clipping", "renorm_momentum",
    )

    #: a mask of one entry per sample is welcome
    counts_samples = True

    beta_initializer: Any
    beta_regularizer: Any
    beta_constraint: Any
    gamma_initializer: Any
    gamma_regularizer: Any
    gamma_constraint: Any
    moving_stddev: Any
    renorm_mean: Any
    renorm_stddev: Any

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 0.001,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        renorm: bool = False,
        renorm_clipping: dict[str, float] | None = None,
        renorm_momentum: float = 0.99,
        synchronized: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if isinstance(axis, (list, tuple)):
            if len(axis) != 1:
                raise ValueError(
                    f"BatchNormalization '{self.name}': `axis` must be one integer; got {axis!r}."
                )
            (axis,) = axis
        if not 0 <= momentum <= 1:
            raise ValueError(
                f"BatchNormalization '{self.name}': `momentum` must be from 0 to 1; got "
                f"{momentum!r}."
            )
        self.axis = axis
        self.momentum = float(momentum)
        self.epsilon = float(epsilon)
        self.center = center
        self.scale = scale
        self.renorm = renorm
        self.renorm_clipping = self._bounds(renorm_clipping) if renorm else renorm_clipping
        self.renorm_momentum = renorm_momentum
        self.synchronized = synchronized
        self._set_weight_options("beta", beta_initializer, beta_regularizer, beta_constraint)
        self._set_weight_options("gamma", gamma_initializer, gamma_regularizer, gamma_constraint)
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)
        self.supports_masking = True
        self.gamma = self.beta = None

    def build(self, input_shape: Any) -> None:
        """Make gamma, beta and the moving averages."""
        rank = len(input_shape)
        (axis,) = normal_axes(self, self.axis, rank)
        shape = (known_length(self, input_shape, axis),)
        if self.scale:
            self.gamma = self._add("gamma", shape, autocast=False)
        if self.center:
            self.beta = self._add("beta", shape, autocast=False)
        self.moving_mean = self.add_weight(
            shape=shape, name="moving_mean", initializer=self.moving_mean_initializer,
            trainable=False, autocast=False,
        )
        self.moving_variance = self.add_weight(
            shape=shape, name="moving_variance", initializer=self.moving_variance_initializer,
            trainable=False, autocast=False,
        )
        if self.renorm:
            root = _root_of(self.moving_variance_initializer)
            mean = self.moving_mean_initializer
            for name, initializer in (
                ("moving_stddev", root), ("renorm_mean", mean), ("renorm_stddev", root),
            ):
                setattr(self, name, self.add_weight(
                    shape=shape, name=name, initializer=initializer, trainable=False,
                    autocast=False,
                ))
        self.input_spec = InputSpec(ndim=rank, axes={self.axis: shape[0]})
        self._reduced = tuple(other for other in range(rank) if other != axis)
        self._feature_axis = axis

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """The normalized array, in the compute dtype."""
        x = precise(inputs)
        scale, offset = self.gamma, self.beta
        if training and self.trainable:
            mean, variance = self._moments(x, mask)
            if self.renorm:
                scale, offset = self._corrected(mean, variance)
            else:
                self._keep(self.moving_variance, variance, self.momentum)
            self._keep(self.moving_mean, mean, self.momentum)
        else:
            mean, variance = self.moving_mean.value, self.moving_variance.value
        x = ops.batch_normalization(
            x, mean, variance, self._feature_axis, offset=offset, scale=scale,
            epsilon=self.epsilon,
        )
        return current_backend().cast(x, self.compute_dtype)

    def _keep(self, average: Any, value: Any, share: float) -> None:
        """Move an average towards a value; gradients do not go this way."""
        value = ops.stop_gradient(value)
        average.assign(average.value * share + value * (1.0 - share))

    def _corrected(self, mean: Any, variance: Any) -> tuple[Any, Any]:
        """Scale and offset of the batch with the correction of `renorm` in them."""
        mean, variance = ops.stop_gradient(mean), ops.stop_gradient(variance)
        spread = ops.sqrt(variance + self.epsilon)
        usual, usual_mean = self.renorm_stddev.value, self.renorm_mean.value
        factor, shift = spread / usual, (mean - usual_mean) / usual
        bounds = self.renorm_clipping or {}
        if "rmin" in bounds or "rmax" in bounds:
            factor = ops.clip(factor, bounds.get("rmin", 0.0), bounds.get("rmax", float("inf")))
        if "dmax" in bounds:
            shift = ops.clip(shift, -bounds["dmax"], bounds["dmax"])
        self._keep(self.renorm_mean, mean, self.renorm_momentum)
        self._keep(self.renorm_stddev, spread, self.renorm_momentum)
        self._keep(self.moving_stddev, spread, self.momentum)
        # What inference divides by is the root of `moving_variance + epsilon`.
        self.moving_variance.assign(
            ops.maximum(ops.square(self.moving_stddev.value) - self.epsilon, 0.0)
        )
        if self.gamma is not None:
            factor, shift = self.gamma.value * factor, self.gamma.value * shift
        return factor, shift if self.beta is None else shift + self.beta.value

    def _bounds(self, clipping: Any) -> dict[str, float]:
        """`renorm_clipping`, checked."""
        bounds = {} if clipping is None else clipping
        allowed = ("rmin", "rmax", "dmax")
        who = f"BatchNormalization '{self.name}': `renorm_clipping`"
        if not isinstance(bounds, dict) or not set(bounds) <= set(allowed):
            raise ValueError(f"{who} is a dict with the keys {allowed} or some; got {clipping!r}.")
        if bounds.get("dmax", 0.0) < 0:
            raise ValueError(f"{who}: `dmax` must not be negative; got {bounds['dmax']!r}.")
        if bounds.get("rmax", float("inf")) < bounds.get("rmin", 0.0):
            raise ValueError(f"{who}: `rmax` must not be below `rmin`; got {clipping!r}.")
        return bounds

    def _moments(self, x: Any, mask: Any) -> tuple[Any, Any]:
        """Mean and variance per feature, `(features,)` each."""
        axes = self._reduced
        if mask is None:
            return ops.moments(x, axes=axes)
        mean, variance = masked_moments(x, counted(x, mask, axes), axes)
        return ops.squeeze(mean, axes), ops.squeeze(variance, axes)


def _root_of(initializer: Any) -> Any:
    """An initializer of standard deviations where there is one of variances."""

    def root(shape: Any, dtype: Any = None) -> Any:
        return ops.sqrt(initializer(shape, dtype=dtype))

    return root
