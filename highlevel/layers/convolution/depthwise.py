"""`DepthwiseConv1D`, `DepthwiseConv2D`: every channel by itself."""

from __future__ import annotations

from typing import Any

from highlevel import ops
from highlevel.layers.convolution.base import WindowedLayer
from highlevel.layers.described import positive

__all__ = ["DepthwiseConv1D", "DepthwiseConv2D"]


class DepthwiseConvolution(WindowedLayer):
    """A convolution that does not mix channels."""

    _fields = (
        "depth_multiplier", "kernel_size", "strides", "padding", "data_format",
        "dilation_rate", "activation", "use_bias", "depthwise_initializer",
        "bias_initializer", "depthwise_regularizer", "bias_regularizer",
        "activity_regularizer", "depthwise_constraint", "bias_constraint",
    )

    depthwise_initializer: Any
    depthwise_regularizer: Any
    depthwise_constraint: Any

    def __init__(
        self,
        rank: int,
        kernel_size: Any,
        strides: Any,
        padding: str,
        depth_multiplier: int,
        data_format: str | None,
        dilation_rate: Any,
        activation: Any,
        use_bias: bool,
        depthwise_initializer: Any,
        bias_initializer: Any,
        depthwise_regularizer: Any,
        bias_regularizer: Any,
        activity_regularizer: Any,
        depthwise_constraint: Any,
        bias_constraint: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._set_window(
            rank, kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias
        )
        self.depth_multiplier = positive(self, "depth_multiplier", depth_multiplier)
        self._set_weight_options(
            "depthwise", depthwise_initializer, depthwise_regularizer, depthwise_constraint
        )
        self._set_weight_options("bias", bias_initializer, bias_regularizer, bias_constraint)

    def build(self, input_shape: Any) -> None:
        """Make kernel `(*window, channels, depth_multiplier)` and bias."""
        channels = self._input_channels(input_shape)
        self.compute_output_shape(input_shape)
        self.kernel = self._add(
            "kernel", (*self.kernel_size, channels, self.depth_multiplier), "depthwise"
        )
        self._make_bias(channels * self.depth_multiplier)

    def call(self, inputs: Any) -> Any:
        """The outputs for an image of the layer's layout."""
        return self._finish(ops.depthwise_conv(
            inputs, self.kernel, strides=self.strides, padding=self.padding,
            data_format=self.data_format, dilation_rate=self.dilation_rate,
        ))

    def _output_channels(self, input_shape: Any) -> int | None:
        channels = input_shape[-1 if self._channels_last else 1]
        return None if channels is None else channels * self.depth_multiplier


class DepthwiseConv1D(DepthwiseConvolution):
    """A convolution over sequences for each channel by itself.

    Args:
        kernel_size: length of the window per spatial axis.
        strides: step of the window per spatial axis.
        padding: `"valid"` or `"same"`.
        depth_multiplier: number of outputs per channel.
        data_format: `"channels_last"`, `"channels_first"`; the configured one by default.
        dilation_rate: spacing of the window's entries.
        activation: name, function or layer; None for none.
        use_bias: add a bias.
        depthwise_initializer, bias_initializer: how the weights begin.
        depthwise_regularizer, bias_regularizer: penalties on the weights.
        activity_regularizer: penalty on the output.
        depthwise_constraint, bias_constraint: applied to the weights after an update.

    Weights: `kernel` `(*kernel_size, channels, depth_multiplier)`, `bias`
    `(channels * depth_multiplier,)`.
    Input: `(batch, steps, channels)`.
    Output: `(batch, steps, channels * depth_multiplier)`,
    or both with the channels after the batch.

    Raises:
        ValueError: sizes that do not fit together.

    >>> import highlevel as hl
    >>> hl.layers.DepthwiseConv1D(3, depth_multiplier=2)(hl.ops.ones((2, 8, 3))).shape
    (2, 6, 6)
    """

    def __init__(
        self,
        kernel_size: int | tuple[int],
        strides: int | tuple[int] = 1,
        padding: str = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: int | tuple[int] = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            1, kernel_size, strides, padding, depth_multiplier, data_format, dilation_rate,
            activation, use_bias, depthwise_initializer, bias_initializer, depthwise_regularizer,
            bias_regularizer, activity_regularizer, depthwise_constraint, bias_constraint,
            **kwargs,
        )


class DepthwiseConv2D(DepthwiseConvolution):
    """A convolution over images for each channel by itself.

    Args:
        kernel_size: length of the window per spatial axis.
        strides: step of the window per spatial axis.
        padding: `"valid"` or `"same"`.
        depth_multiplier: number of outputs per channel.
        data_format: `"channels_last"`, `"channels_first"`; the configured one by default.
        dilation_rate: spacing of the window's entries.
        activation: name, function or layer; None for none.
        use_bias: add a bias.
        depthwise_initializer, bias_initializer: how the weights begin.
        depthwise_regularizer, bias_regularizer: penalties on the weights.
        activity_regularizer: penalty on the output.
        depthwise_constraint, bias_constraint: applied to the weights after an update.

    Weights: `kernel` `(*kernel_size, channels, depth_multiplier)`, `bias`
    `(channels * depth_multiplier,)`.
    Input: `(batch, rows, columns, channels)`.
    Output: `(batch, rows, columns, channels * depth_multiplier)`,
    or both with the channels after the batch.

    Raises:
        ValueError: sizes that do not fit together.

    >>> import highlevel as hl
    >>> hl.layers.DepthwiseConv2D(3, depth_multiplier=2)(hl.ops.ones((2, 8, 8, 3))).shape
    (2, 6, 6, 6)
    """

    def __init__(
        self,
        kernel_size: int | tuple[int, int],
        strides: int | tuple[int, int] = (1, 1),
        padding: str = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: int | tuple[int, int] = (1, 1),
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            2, kernel_size, strides, padding, depth_multiplier, data_format, dilation_rate,
            activation, use_bias, depthwise_initializer, bias_initializer, depthwise_regularizer,
            bias_regularizer, activity_regularizer, depthwise_constraint, bias_constraint,
            **kwargs,
        )
