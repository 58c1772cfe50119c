"""`Conv1DTranspose`, `Conv2DTranspose`, `Conv3DTranspose`."""

from __future__ import annotations

from typing import Any

from highlevel import ops
from highlevel.layers.convolution.base import WindowedLayer
from highlevel.layers.convolution.windows import transposed_length, window_shape
from highlevel.layers.described import positive, sizes

__all__ = ["Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"]


class TransposedConvolution(WindowedLayer):
    """The transpose of a convolution as a linear map: strides spread the input out."""

    _fields = (
        "filters", "kernel_size", "strides", "padding", "output_padding", "data_format",
        "dilation_rate", "activation", "use_bias", "kernel_initializer", "bias_initializer",
        "kernel_regularizer", "bias_regularizer", "activity_regularizer", "kernel_constraint",
        "bias_constraint",
    )

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
        output_padding: Any,
        data_format: str | None,
        dilation_rate: Any,
        activation: Any,
        use_bias: bool,
        kernel_initializer: Any,
        bias_initializer: Any,
        kernel_regularizer: Any,
        bias_regularizer: Any,
        activity_regularizer: Any,
        kernel_constraint: Any,
        bias_constraint: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._set_window(
            rank, kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias
        )
        self.filters: int = positive(self, "filters", filters)
        self.output_padding = output_padding
        if output_padding is not None:
            self.output_padding = sizes(self, "output_padding", output_padding, rank, least=0)
            for extra, stride in zip(self.output_padding, self.strides):
                if extra >= stride:
                    raise ValueError(
                        f"{type(self).__name__} '{self.name}': `output_padding` "
                        f"{self.output_padding} must be below the strides {self.strides}."
                    )
        self._set_weight_options(
            "kernel", kernel_initializer, kernel_regularizer, kernel_constraint
        )
        self._set_weight_options("bias", bias_initializer, bias_regularizer, bias_constraint)

    def build(self, input_shape: Any) -> None:
        """Make kernel `(*window, filters, channels)` and bias `(filters,)`."""
        channels = self._input_channels(input_shape)
        self.kernel = self._add("kernel", (*self.kernel_size, self.filters, channels))
        self._make_bias(self.filters)

    def call(self, inputs: Any) -> Any:
        """The outputs for an image of the layer's layout."""
        return self._finish(ops.conv_transpose(
            inputs, self.kernel, strides=self.strides, padding=self.padding,
            output_padding=self.output_padding, data_format=self.data_format,
            dilation_rate=self.dilation_rate,
        ))

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """Shape of the output, the input's layout."""
        if len(input_shape) != self.rank + 2:
            window_shape(  # says what is wrong
                self, input_shape, None, self.kernel_size, self.strides, "same", self.data_format
            )
        last = self.data_format == "channels_last"
        spatial = input_shape[1:-1] if last else input_shape[2:]
        lengths = tuple(
            transposed_length(length, window, stride, self.padding, extra, dilation)
            for length, window, stride, extra, dilation in zip(
                spatial, self.kernel_size, self.strides,
                self.output_padding or (None,) * self.rank, self.dilation_rate,
            )
        )
        batch = input_shape[0]
        return (batch, *lengths, self.filters) if last else (batch, self.filters, *lengths)


class Conv1DTranspose(TransposedConvolution):
    """A transposed convolution over sequences, often to make them larger.

    Args:
        filters: number of output channels.
        kernel_size: length of the window per spatial axis.
        strides: how far the input's entries are spread out per spatial axis.
        padding: `"valid"` or `"same"` (the output is `strides` times as long).
        output_padding: entries to add at the end of each spatial axis, below `strides`;
            None lets the padding say the length.
        data_format: `"channels_last"`, `"channels_first"`; the configured one by default.
        dilation_rate: spacing of the window's entries.
        activation: name, function or layer; None for none.
        use_bias: add a bias.
        kernel_initializer, bias_initializer: how the weights begin.
        kernel_regularizer, bias_regularizer: penalties on the weights.
        activity_regularizer: penalty on the output.
        kernel_constraint, bias_constraint: applied to the weights after an update.

    Weights: `kernel` `(*kernel_size, filters, channels)`, `bias` `(filters,)`.
    Input: `(batch, steps, channels)`.
    Output: `(batch, steps, filters)`,
    or both with the channels after the batch.

    Raises:
        ValueError: sizes that do not fit together.

    >>> import highlevel as hl
    >>> layer = hl.layers.Conv1DTranspose(4, 3, strides=2, padding="same")
    >>> layer(hl.ops.ones((2, 8, 3))).shape
    (2, 16, 4)
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int],
        strides: int | tuple[int] = 1,
        padding: str = "valid",
        output_padding: Any = None,
        data_format: str | None = None,
        dilation_rate: int | tuple[int] = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            1, filters, kernel_size, strides, padding, output_padding, data_format, dilation_rate,
            activation, use_bias, kernel_initializer, bias_initializer, kernel_regularizer,
            bias_regularizer, activity_regularizer, kernel_constraint, bias_constraint, **kwargs,
        )


class Conv2DTranspose(TransposedConvolution):
    """A transposed convolution over images, often to make them larger.

    Args:
        filters: number of output channels.
        kernel_size: length of the window per spatial axis.
        strides: how far the input's entries are spread out per spatial axis.
        padding: `"valid"` or `"same"` (the output is `strides` times as long).
        output_padding: entries to add at the end of each spatial axis, below `strides`;
            None lets the padding say the length.
        data_format: `"channels_last"`, `"channels_first"`; the configured one by default.
        dilation_rate: spacing of the window's entries.
        activation: name, function or layer; None for none.
        use_bias: add a bias.
        kernel_initializer, bias_initializer: how the weights begin.
        kernel_regularizer, bias_regularizer: penalties on the weights.
        activity_regularizer: penalty on the output.
        kernel_constraint, bias_constraint: applied to the weights after an update.

    Weights: `kernel` `(*kernel_size, filters, channels)`, `bias` `(filters,)`.
    Input: `(batch, rows, columns, channels)`.
    Output: `(batch, rows, columns, filters)`,
    or both with the channels after the batch.

    Raises:
        ValueError: sizes that do not fit together.

    >>> import highlevel as hl
    >>> layer = hl.layers.Conv2DTranspose(4, 3, strides=2, padding="same")
    >>> layer(hl.ops.ones((2, 8, 8, 3))).shape
    (2, 16, 16, 4)
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, int],
        strides: int | tuple[int, int] = (1, 1),
        padding: str = "valid",
        output_padding: Any = None,
        data_format: str | None = None,
        dilation_rate: int | tuple[int, int] = (1, 1),
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            2, filters, kernel_size, strides, padding, output_padding, data_format, dilation_rate,
            activation, use_bias, kernel_initializer, bias_initializer, kernel_regularizer,
            bias_regularizer, activity_regularizer, kernel_constraint, bias_constraint, **kwargs,
        )


class Conv3DTranspose(TransposedConvolution):
    """A transposed convolution over volumes, often to make them larger.

    Args:
        filters: number of output channels.
        kernel_size: length of the window per spatial axis.
        strides: how far the input's entries are spread out per spatial axis.
        padding: `"valid"` or `"same"` (the output is `strides` times as long).
        output_padding: entries to add at the end of each spatial axis, below `strides`;
            None lets the padding say the length.
        data_format: `"channels_last"`, `"channels_first"`; the configured one by default.
        dilation_rate: spacing of the window's entries.
        activation: name, function or layer; None for none.
        use_bias: add a bias.
        kernel_initializer, bias_initializer: how the weights begin.
        kernel_regularizer, bias_regularizer: penalties on the weights.
        activity_regularizer: penalty on the output.
        kernel_constraint, bias_constraint: applied to the weights after an update.

    Weights: `kernel` `(*kernel_size, filters, channels)`, `bias` `(filters,)`.
    Input: `(batch, depth, rows, columns, channels)`.
    Output: `(batch, depth, rows, columns, filters)`,
    or both with the channels after the batch.

    Raises:
        ValueError: sizes that do not fit together.

    >>> import highlevel as hl
    >>> layer = hl.layers.Conv3DTranspose(4, 3, strides=2, padding="same")
    >>> layer(hl.ops.ones((2, 4, 4, 4, 3))).shape
    (2, 8, 8, 8, 4)
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, int, int],
        strides: int | tuple[int, int, int] = (1, 1, 1),
        padding: str = "valid",
        data_format: str | None = None,
        output_padding: Any = None,
        dilation_rate: int | tuple[int, int, int] = (1, 1, 1),
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            3, filters, kernel_size, strides, padding, output_padding, data_format, dilation_rate,
            activation, use_bias, kernel_initializer, bias_initializer, kernel_regularizer,
            bias_regularizer, activity_regularizer, kernel_constraint, bias_constraint, **kwargs,
        )
