"""What convolution layers have in common."""

from __future__ import annotations

from typing import Any

from highlevel import config, ops
from highlevel.layers.adaptation.lora import AdaptedWeight, LowRankAdaptable
from highlevel.layers.convolution.windows import checked_padding, window_shape
from highlevel.layers.described import DescribedLayer, known_length, positive, sizes
from highlevel.layers.input_spec import InputSpec

__all__ = ["Convolution", "WindowedLayer"]


class WindowedLayer(DescribedLayer):
    """Base of the layers that move a learnt window over an image.

    Attributes:
        rank: number of spatial axes.
    """

    primitives = ("conv",)
    rank: int
    filters: int | None = None
    bias: Any = None
    bias_initializer: Any
    bias_regularizer: Any
    bias_constraint: Any

    def _set_window(
        self,
        rank: int,
        kernel_size: Any,
        strides: Any,
        padding: Any,
        data_format: str | None,
        dilation_rate: Any,
        activation: Any,
        use_bias: bool,
        causal: bool = False,
    ) -> None:
        self.rank = rank
        self.kernel_size = sizes(self, "kernel_size", kernel_size, rank)
        self.strides = sizes(self, "strides", strides, rank)
        self.dilation_rate = sizes(self, "dilation_rate", dilation_rate, rank)
        allowed = ("valid", "same", "causal") if causal else ("valid", "same")
        self.padding = checked_padding(self, padding, allowed)
        self.data_format = config.standardize_data_format(data_format)
        self.use_bias = use_bias
        self._set_activation(activation)
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(
                f"{type(self).__name__} '{self.name}': strides {self.strides} and dilation "
                f"{self.dilation_rate} cannot both be above 1."
            )
        self.input_spec = InputSpec(ndim=rank + 2)
        self._channels_last = self.data_format == "channels_last"
        #: what `ops` is asked for: causal padding is put before the first step by hand
        self._op_padding = "valid" if self.padding == "causal" else self.padding
        self._causal: list[tuple[int, int]] | None = None
        if self.padding == "causal":
            before = ((self.kernel_size[0] - 1) * self.dilation_rate[0], 0)
            self._causal = (
                [(0, 0), before, (0, 0)] if self._channels_last else [(0, 0), (0, 0), before]
            )

    def _input_channels(self, input_shape: Any) -> int:
        """The number of channels; demanded of the inputs from now on."""
        if len(input_shape) != self.rank + 2:
            window_shape(  # says what is wrong
                self, input_shape, None, self.kernel_size, self.strides, "same", self.data_format
            )
        axis = -1 if self._channels_last else 1
        channels = known_length(self, input_shape, axis)
        self.input_spec = InputSpec(ndim=self.rank + 2, axes={axis: channels})
        return channels

    def _make_bias(self, length: int) -> None:
        self.bias = self._add("bias", (length,)) if self.use_bias else None
        self._bias_shape = (1, length) + (1,) * self.rank

    def _padded(self, inputs: Any) -> Any:
        return inputs if self._causal is None else ops.pad(inputs, self._causal)

    def _finish(self, x: Any) -> Any:
        """Bias and activation."""
        if self.bias is not None:
            bias = self.bias
            if not self._channels_last:
                bias = ops.reshape(bias, self._bias_shape)
            x = ops.add(x, bias)
        return x if self._activate is None else self._activate(x)

    def _output_channels(self, input_shape: Any) -> int | None:
        return self.filters

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """Shape of the output, the input's layout."""
        return window_shape(
            self, input_shape, self._output_channels(input_shape), self.kernel_size, self.strides,
            self.padding, self.data_format, self.dilation_rate,
        )


class Convolution(LowRankAdaptable, WindowedLayer):
    """`activation(conv(inputs, kernel) + bias)` over `rank` spatial axes."""

    _fields = (
        "filters", "kernel_size", "strides", "padding", "data_format", "dilation_rate",
        "groups", "activation", "use_bias", "kernel_initializer", "bias_initializer",
        "kernel_regularizer", "bias_regularizer", "activity_regularizer", "kernel_constraint",
        "bias_constraint",
    )

    kernel = AdaptedWeight()
    kernel_initializer: Any
    kernel_regularizer: Any
    kernel_constraint: Any

    def __init__(
        self,
        rank: int,
        filters: int,
        kernel_size: Any,
        strides: Any,
        padding: str,
        data_format: str | None,
        dilation_rate: Any,
        groups: int,
        activation: Any,
        use_bias: bool,
        kernel_initializer: Any,
        bias_initializer: Any,
        kernel_regularizer: Any,
        bias_regularizer: Any,
        activity_regularizer: Any,
        kernel_constraint: Any,
        bias_constraint: Any,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._set_lora(lora_rank, lora_alpha)
        self._set_window(
            rank, kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias,
            causal=rank == 1,
        )
        self.filters: int = positive(self, "filters", filters)
        self.groups = positive(self, "groups", groups)
        if self.filters % self.groups:
            raise ValueError(
                f"{type(self).__name__} '{self.name}': {self.filters} filters cannot be split "
                f"into {self.groups} groups."
            )
        self._set_weight_options(
            "kernel", kernel_initializer, kernel_regularizer, kernel_constraint
        )
        self._set_weight_options("bias", bias_initializer, bias_regularizer, bias_constraint)

    def build(self, input_shape: Any) -> None:
        """Make kernel `(*window, channels // groups, filters)` and bias `(filters,)`."""
        channels = self._input_channels(input_shape)
        if channels % self.groups:
            raise ValueError(
                f"{type(self).__name__} '{self.name}': the {channels} channels of the input "
                f"{tuple(input_shape)} cannot be split into {self.groups} groups."
            )
        self.compute_output_shape(input_shape)
        self.kernel = self._add(
            "kernel", (*self.kernel_size, channels // self.groups, self.filters)
        )
        self._make_bias(self.filters)
        self._adapt_if_asked()

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        """The convolution alone; to be replaced in subclasses."""
        return ops.conv(
            inputs, kernel, strides=self.strides, padding=self._op_padding,
            data_format=self.data_format, dilation_rate=self.dilation_rate,
        )

    def call(self, inputs: Any) -> Any:
        """The outputs for an image of the layer's layout."""
        return self._finish(self.convolution_op(self._padded(inputs), self.kernel))
