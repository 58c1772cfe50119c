"""`Dense`: every output from every feature."""

from __future__ import annotations

from typing import Any

from highlevel import ops
from highlevel.layers.adaptation.lora import AdaptedWeight, LowRankAdaptable
from highlevel.layers.described import known_length, positive
from highlevel.layers.input_spec import InputSpec

__all__ = ["Dense"]


class Dense(LowRankAdaptable):
    """`activation(inputs @ kernel + bias)` over the last axis.

    Args:
        units: length of the output's last axis.
        activation: name, function or layer; None for none.
        use_bias: add a bias.
        kernel_initializer, bias_initializer: how the weights begin.
        kernel_regularizer, bias_regularizer: penalties on the weights.
        activity_regularizer: penalty on the output.
        kernel_constraint, bias_constraint: applied to the weights after an update.
        lora_rank, lora_alpha: of `enable_lora`, called when the layer is built.
        quantization_config: only None is supported.

    Weights: `kernel` `(features, units)`, `bias` `(units,)`.
    Input: `(batch, ..., features)`. Output: `(batch, ..., units)`.

    Raises:
        ValueError: `units` is no positive integer.

    >>> import highlevel as hl
    >>> layer = hl.layers.Dense(2, kernel_initializer="ones")
    >>> layer(hl.ops.ones((1, 3))).tolist()
    [[3.0, 3.0]]
    """

    _fields = (
        "units", "activation", "use_bias", "kernel_initializer", "bias_initializer",
        "kernel_regularizer", "bias_regularizer", "kernel_constraint", "bias_constraint",
        "quantization_config",
    )

    kernel = AdaptedWeight()
    kernel_initializer: Any
    kernel_regularizer: Any
    kernel_constraint: Any
    bias_initializer: Any
    bias_regularizer: Any
    bias_constraint: Any

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        quantization_config: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._refuse(quantization_config=quantization_config)
        self._set_lora(lora_rank, lora_alpha)
        self.units = positive(self, "units", units)
        self.use_bias = use_bias
        self.quantization_config = None
        self._set_activation(activation)
        self._set_weight_options(
            "kernel", kernel_initializer, kernel_regularizer, kernel_constraint
        )
        self._set_weight_options("bias", bias_initializer, bias_regularizer, bias_constraint)
        self.supports_masking = True
        self.input_spec = InputSpec(min_ndim=2)

    def build(self, input_shape: Any) -> None:
        """Make kernel and bias."""
        features = known_length(self, input_shape, -1)
        self.kernel = self._add("kernel", (features, self.units))
        self.bias = self._add("bias", (self.units,)) if self.use_bias else None
        self.input_spec = InputSpec(min_ndim=2, axes={-1: features})
        self._adapt_if_asked()

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """The outputs for an array of shape `(batch, ..., features)`."""
        x = ops.matmul(inputs, self.kernel)
        if self.bias is not None:
            x = ops.add(x, self.bias)
        return x if self._activate is None else self._activate(x)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """`(batch, ..., units)`."""
        return (*input_shape[:-1], self.units)
