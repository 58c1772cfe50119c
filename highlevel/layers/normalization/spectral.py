"""`SpectralNormalization`: a wrapper that keeps a layer's kernel at spectral norm 1."""

from __future__ import annotations

from typing import Any

from highlevel import initializers, ops
from highlevel.layers.core.wrapper import Wrapper
from highlevel.layers.described import positive
from highlevel.layers.input_spec import InputSpec
from highlevel.layers.layer import Layer
from highlevel.state import autocast_dtype

__all__ = ["SpectralNormalization"]


class SpectralNormalization(Wrapper):
    """Divides the kernel of the layer inside by its largest singular value, in training.

    The singular value is estimated by power iteration from the vector that the last call
    found.

    Args:
        layer: a layer with a `kernel` or `embeddings`.
        power_iterations: number of iterations per call.

    Weights: the kernel, `vector_u` `(1, kernel.shape[-1])` (not trainable), then the
    others of the layer inside.

    Raises:
        ValueError: `power_iterations` is no positive integer; the layer has no kernel.

    >>> import highlevel as hl
    >>> layer = hl.layers.SpectralNormalization(
    ...     hl.layers.Dense(1, kernel_initializer="ones"), power_iterations=3)
    >>> y = layer(hl.ops.ones((1, 4)), training=True)
    >>> [round(float(v), 3) for v in layer.layer.kernel.numpy()[:, 0]]
    [0.5, 0.5, 0.5, 0.5]

    Reference: Miyato et al., 2018, arXiv:1802.05957.
    """

    _fields = (*Wrapper._fields, "power_iterations")

    def __init__(self, layer: Layer, power_iterations: int = 1, **kwargs: Any) -> None:
        super().__init__(layer, **kwargs)
        self.power_iterations = positive(self, "power_iterations", power_iterations)

    def build(self, input_shape: Any) -> None:
        """Build the layer inside and make `vector_u`."""
        super().build(input_shape)
        self.input_spec = InputSpec(min_ndim=1, axes={-1: input_shape[-1]})
        kernel = getattr(self.layer, "kernel", None)
        if kernel is None:
            kernel = getattr(self.layer, "embeddings", None)
        if kernel is None:
            raise ValueError(
                f"SpectralNormalization '{self.name}': the layer '{self.layer.name}' "
                f"({type(self.layer).__name__}) has neither a `kernel` nor `embeddings`."
            )
        self.kernel = kernel
        self.vector_u = self.add_weight(
            shape=(1, kernel.shape[-1]),
            initializer=initializers.TruncatedNormal(stddev=0.02),
            trainable=False,
            name="vector_u",
            dtype=kernel.dtype,
        )

    def call(self, inputs: Any, training: bool = False) -> Any:
        """The outputs of the layer inside."""
        if training:
            # In the variables' own dtype: what is assigned here is what remains.
            token = autocast_dtype.set(None)
            try:
                u, kernel = self.normalized_weights()
                self.vector_u.assign(u)
                self.kernel.assign(kernel)
            finally:
                autocast_dtype.reset(token)
        return self.layer(inputs)

    def normalized_weights(self) -> tuple[Any, Any]:
        """The next `vector_u`, and the kernel divided by its largest singular value."""
        kernel = self.kernel.value
        matrix = ops.reshape(kernel, (-1, kernel.shape[-1]))
        fixed = ops.stop_gradient(matrix)
        u = self.vector_u.value
        v = u
        for _ in range(self.power_iterations):
            v = _unit(ops.matmul(u, ops.transpose(fixed)))
            u = _unit(ops.matmul(v, fixed))
        u, v = ops.stop_gradient(u), ops.stop_gradient(v)
        sigma = ops.matmul(ops.matmul(v, matrix), ops.transpose(u))
        return u, ops.divide(kernel, ops.reshape(sigma, ()))

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """What the layer inside says."""
        return self.layer.compute_mask(inputs, mask) if self.layer.supports_masking else None

    def compute_output_shape(self, input_shape: Any) -> Any:
        """That of the layer inside."""
        return self.layer.compute_output_shape(input_shape)


def _unit(x: Any) -> Any:
    return ops.multiply(x, ops.rsqrt(ops.maximum(ops.sum(ops.square(x)), 1e-12)))
