"""`Conv1D`, `Conv2D`, `Conv3D`."""

from __future__ import annotations

from typing import Any

from highlevel.layers.convolution.base import Convolution

__all__ = ["Conv1D", "Conv2D", "Conv3D"]


class Conv1D(Convolution):
    """A convolution over sequences.

    Args:
        filters: number of output channels.
        kernel_size: length of the window per spatial axis.
        strides: step of the window per spatial axis.
        padding: `"valid"`, `"same"` or `"causal"` (no step sees a later one).
        data_format: `"channels_last"`, `"channels_first"`; the configured one by default.
        dilation_rate: spacing of the window's entries.
        groups: number of groups the channels are split in.
        activation: name, function or layer; None for none.
        use_bias: add a bias.
        kernel_initializer, bias_initializer: how the weights begin.
        kernel_regularizer, bias_regularizer: penalties on the weights.
        activity_regularizer: penalty on the output.
        kernel_constraint, bias_constraint: applied to the weights after an update.

    Weights: `kernel` `(*kernel_size, channels // groups, filters)`, `bias` `(filters,)`.
    Input: `(batch, steps, channels)`.
    Output: `(batch, steps, filters)`,
    or both with the channels after the batch.

    Raises:
        ValueError: sizes that do not fit together.

    >>> import highlevel as hl
    >>> hl.layers.Conv1D(4, 3)(hl.ops.ones((2, 8, 3))).shape
    (2, 6, 4)
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int],
        strides: int | tuple[int] = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: int | tuple[int] = 1,
        groups: int = 1,
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
            1, filters, kernel_size, strides, padding, data_format, dilation_rate, groups,
            activation, use_bias, kernel_initializer, bias_initializer, kernel_regularizer,
            bias_regularizer, activity_regularizer, kernel_constraint, bias_constraint, **kwargs,
        )


class Conv2D(Convolution):
    """A convolution over images.

    Args:
        filters: number of output channels.
        kernel_size: length of the window per spatial axis.
        strides: step of the window per spatial axis.
        padding: `"valid"` or `"same"`.
        data_format: `"channels_last"`, `"channels_first"`; the configured one by default.
        dilation_rate: spacing of the window's entries.
        groups: number of groups the channels are split in.
        activation: name, function or layer; None for none.
        use_bias: add a bias.
        kernel_initializer, bias_initializer: how the weights begin.
        kernel_regularizer, bias_regularizer: penalties on the weights.
        activity_regularizer: penalty on the output.
        kernel_constraint, bias_constraint: applied to the weights after an update.

    Weights: `kernel` `(*kernel_size, channels // groups, filters)`, `bias` `(filters,)`.
    Input: `(batch, rows, columns, channels)`.
    Output: `(batch, rows, columns, filters)`,
    or both with the channels after the batch.

    Raises:
        ValueError: sizes that do not fit together.

    >>> import highlevel as hl
    >>> hl.layers.Conv2D(4, 3)(hl.ops.ones((2, 8, 8, 3))).shape
    (2, 6, 6, 4)
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, int],
        strides: int | tuple[int, int] = (1, 1),
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: int | tuple[int, int] = (1, 1),
        groups: int = 1,
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
            2, filters, kernel_size, strides, padding, data_format, dilation_rate, groups,
            activation, use_bias, kernel_initializer, bias_initializer, kernel_regularizer,
            bias_regularizer, activity_regularizer, kernel_constraint, bias_constraint, **kwargs,
        )


class Conv3D(Convolution):
    """A convolution over volumes.

    Args:
        filters: number of output channels.
        kernel_size: length of the window per spatial axis.
        strides: step of the window per spatial axis.
        padding: `"valid"` or `"same"`.
        data_format: `"channels_last"`, `"channels_first"`; the configured one by default.
        dilation_rate: spacing of the window's entries.
        groups: number of groups the channels are split in.
        activation: name, function or layer; None for none.
        use_bias: add a bias.
        kernel_initializer, bias_initializer: how the weights begin.
        kernel_regularizer, bias_regularizer: penalties on the weights.
        activity_regularizer: penalty on the output.
        kernel_constraint, bias_constraint: applied to the weights after an update.

    Weights: `kernel` `(*kernel_size, channels // groups, filters)`, `bias` `(filters,)`.
    Input: `(batch, depth, rows, columns, channels)`.
    Output: `(batch, depth, rows, columns, filters)`,
    or both with the channels after the batch.

    Raises:
        ValueError: sizes that do not fit together.

    >>> import highlevel as hl
    >>> hl.layers.Conv3D(4, 3)(hl.ops.ones((2, 4, 4, 4, 3))).shape
    (2, 2, 2, 2, 4)
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, int, int],
        strides: int | tuple[int, int, int] = (1, 1, 1),
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: int | tuple[int, int, int] = (1, 1, 1),
        groups: int = 1,
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
            3, filters, kernel_size, strides, padding, data_format, dilation_rate, groups,
            activation, use_bias, kernel_initializer, bias_initializer, kernel_regularizer,
            bias_regularizer, activity_regularizer, kernel_constraint, bias_constraint, **kwargs,
        )
