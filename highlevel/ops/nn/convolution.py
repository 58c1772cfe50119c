"""Convolutions, in either data format, on the backend's channels-last primitive."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from highlevel_backend import current_backend

from highlevel import config
from highlevel.ops.dispatch import float_pair, floating_dtype, op, promote, shape_of
from highlevel.ops.rules import of

__all__ = ["conv", "conv_transpose", "depthwise_conv", "separable_conv"]


def per_axis(value: Any, rank: int, name: str) -> tuple[int, ...]:
    """A number, or a sequence with one per spatial axis, as a tuple of integers.

    Raises:
        ValueError: another number of entries.
    """
    if isinstance(value, Sequence):
        if len(value) == 1:
            value = tuple(value) * rank
        if len(value) != rank:
            raise ValueError(
                f"`{name}` needs one number, or one for each of the {rank} spatial axes; "
                f"got {tuple(value)}."
            )
        return tuple([int(entry) for entry in value])
    return (int(value),) * rank


def same_padding(length: Any, window: int, stride: int) -> tuple[Any, Any]:
    """Zeros before and after, so that the output has `ceil(length / stride)` entries.

    The odd one comes after. `window` is the reach of the window, dilation included.
    """
    if stride == 1:
        total = window - 1  # needs no length, which may be unknown
        return total // 2, total - total // 2
    total = max((-(-length // stride) - 1) * stride + window - length, 0)
    return total // 2, total - total // 2


def explicit_padding(
    padding: Any,
    lengths: Sequence[Any],
    window: Sequence[int],
    strides: Sequence[int],
    dilation: Sequence[int],
    what: str,
) -> list[tuple[Any, Any]]:
    """`padding` as pairs `(before, after)`.

    Raises:
        ValueError: neither `"valid"`, `"same"` nor `"causal"`.
    """
    name = padding.lower() if isinstance(padding, str) else padding
    reach = [(w - 1) * d + 1 for w, d in zip(window, dilation)]
    if name == "valid":
        return [(0, 0)] * len(reach)
    if name == "same":
        return [same_padding(n, w, s) for n, w, s in zip(lengths, reach, strides)]
    if name == "causal" and len(reach) == 1:
        return [(reach[0] - 1, 0)]
    raise ValueError(f"`padding` of `{what}` must be 'valid' or 'same'; got {padding!r}.")


def output_length(length: Any, reach: int, stride: int, padding: Any) -> Any:
    """Entries along an axis after a window has gone over it; None for unknown."""
    if length is None:
        return None
    name = padding.lower() if isinstance(padding, str) else padding
    if name in ("same", "causal"):
        return -(-length // stride)
    return (length - reach) // stride + 1


def to_last(x: Any, data_format: str) -> Any:
    """`x` with its channels moved from the second to the last axis."""
    return current_backend().xp.moveaxis(x, 1, -1) if data_format == "channels_first" else x


def from_last(x: Any, data_format: str) -> Any:
    """`x` with its channels moved from the last to the second axis."""
    return current_backend().xp.moveaxis(x, -1, 1) if data_format == "channels_first" else x


def split_shape(shape: tuple, data_format: str) -> tuple[Any, tuple, Any]:
    """`(batch, spatial, channels)` of an input shape."""
    if data_format == "channels_first":
        return shape[0], tuple(shape[2:]), shape[1]
    return shape[0], tuple(shape[1:-1]), shape[-1]


def join_shape(batch: Any, spatial: Sequence, channels: Any, data_format: str) -> tuple:
    """The input of `split_shape` again."""
    if data_format == "channels_first":
        return (batch, channels, *spatial)
    return (batch, *spatial, channels)


def _check(
    what: str, x: tuple, kernel: tuple, data_format: str, strides: Sequence[int],
    dilation: Sequence[int], kernel_channels: Callable[[int], bool], needs: str,
) -> None:  # fmt: skip
    """Raises ValueError where input and kernel do not fit, with both shapes."""
    if len(x) != len(kernel) or not 3 <= len(x) <= 5:
        raise ValueError(
            f"`{what}` needs an input with 1 to 3 spatial axes and a kernel of as many; "
            f"got an input of shape {x} and a kernel of shape {kernel}."
        )
    channels = split_shape(x, data_format)[2]
    if channels is not None and kernel[-2] is not None and not kernel_channels(channels):
        raise ValueError(
            f"`{what}`: the input has {channels} channels (shape {x}, data format "
            f"{data_format}), and the kernel of shape {kernel} needs {needs}."
        )
    if any(s > 1 for s in strides) and any(d > 1 for d in dilation):
        raise ValueError(
            f"`{what}` takes strides above 1 or dilation above 1, not both; got "
            f"strides {tuple(strides)} and dilation_rate {tuple(dilation)}."
        )
    if any(s < 1 for s in strides) or any(d < 1 for d in dilation):
        raise ValueError(
            f"`{what}` needs strides and dilation of at least 1; got strides {tuple(strides)} "
            f"and dilation_rate {tuple(dilation)}."
        )


def _spatial_rule(
    what: str, x: tuple, window: Sequence, strides: Sequence[int], padding: Any,
    dilation: Sequence[int], data_format: str,
) -> list:  # fmt: skip
    _, spatial, _ = split_shape(x, data_format)
    lengths = []
    for n, w, s, d in zip(spatial, window, strides, dilation):
        if w is None:
            lengths.append(None)
            continue
        out = output_length(n, (w - 1) * d + 1, s, padding)
        if out is not None and out <= 0:
            raise ValueError(
                f"`{what}` would give an output without entries: an axis of length {n} is "
                f"shorter than the window's reach {(w - 1) * d + 1} (input shape {x}, window "
                f"{tuple(window)}, dilation {tuple(dilation)}, padding {padding!r})."
            )
        lengths.append(out)
    return lengths


def _conv_rule(
    inputs: Any, kernel: Any, strides: Any = 1, padding: Any = "valid",
    data_format: str | None = None, dilation_rate: Any = 1,
) -> Any:  # fmt: skip
    data_format = config.standardize_data_format(data_format)
    x, k = shape_of(inputs), shape_of(kernel)
    rank = len(x) - 2
    strides = per_axis(strides, rank, "strides")
    dilation = per_axis(dilation_rate, rank, "dilation_rate")
    _check("conv", x, k, data_format, strides, dilation,
           lambda c: k[-2] > 0 and c % k[-2] == 0, f"{k[-2]}, or a multiple (groups)")  # fmt: skip
    explicit_padding(padding, (1,) * rank, (1,) * rank, strides, dilation, "conv")
    spatial = _spatial_rule("conv", x, k[:-2], strides, padding, dilation, data_format)
    batch = x[0]
    return of(join_shape(batch, spatial, k[-1], data_format), floating_dtype(inputs, kernel))


@op(spec=_conv_rule, kernel="conv")
def conv(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: Any = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """Convolution (without turning the kernel round) over 1 to 3 spatial axes.

    Args:
        inputs: `(batch, *spatial, channels)`, or `(batch, channels, *spatial)`.
        kernel: `(*window, channels // groups, out_channels)`; the number of groups follows.
        strides: step of the window, one number or one per spatial axis.
        padding: `"valid"` (none), `"same"` (zeros, so that only strides shrink the axes) or,
            for one spatial axis, `"causal"` (all zeros in front).
        data_format: `"channels_last"` or `"channels_first"`; the configured one where None.
        dilation_rate: distance of the window's entries, one number or one per axis.

    Returns:
        `(batch, *out_spatial, out_channels)`, in the data format of the input.

    Raises:
        ValueError: the shapes do not fit, or strides and dilation both exceed 1.

    >>> conv([[[1.0], [2.0], [3.0]]], [[[1.0]], [[1.0]]]).tolist()
    [[[3.0], [5.0]]]
    """
    data_format = config.standardize_data_format(data_format)
    x, kernel = float_pair(inputs, kernel)
    rank = x.ndim - 2
    strides = per_axis(strides, rank, "strides")
    dilation = per_axis(dilation_rate, rank, "dilation_rate")
    shape, window = tuple(x.shape), tuple(kernel.shape)
    _check("conv", shape, window, data_format, strides, dilation,
           lambda c: window[-2] > 0 and c % window[-2] == 0,
           f"{window[-2]}, or a multiple (groups)")  # fmt: skip
    _, spatial, channels = split_shape(shape, data_format)
    pairs = explicit_padding(padding, spatial, window[:-2], strides, dilation, "conv")
    out = current_backend().conv(
        to_last(x, data_format), kernel, strides, pairs, (1,) * rank, dilation,
        channels // window[-2],
    )  # fmt: skip
    return from_last(out, data_format)


def _depthwise_rule(
    inputs: Any, kernel: Any, strides: Any = 1, padding: Any = "valid",
    data_format: str | None = None, dilation_rate: Any = 1,
) -> Any:  # fmt: skip
    data_format = config.standardize_data_format(data_format)
    x, k = shape_of(inputs), shape_of(kernel)
    rank = len(x) - 2
    strides = per_axis(strides, rank, "strides")
    dilation = per_axis(dilation_rate, rank, "dilation_rate")
    _check("depthwise_conv", x, k, data_format, strides, dilation,
           lambda c: c == k[-2], f"{k[-2]}")  # fmt: skip
    spatial = _spatial_rule("depthwise_conv", x, k[:-2], strides, padding, dilation, data_format)
    shape = join_shape(x[0], spatial, k[-2] * k[-1], data_format)
    return of(shape, floating_dtype(inputs, kernel))


@op(spec=_depthwise_rule, kernel="depthwise_conv")
def depthwise_conv(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: Any = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """Convolution of each channel by itself.

    Args:
        inputs: `(batch, *spatial, channels)`, or `(batch, channels, *spatial)`.
        kernel: `(*window, channels, multiplier)`.
        strides, padding, data_format, dilation_rate: as for `conv`.

    Returns:
        `(batch, *out_spatial, channels * multiplier)`, in the data format of the input.

    Raises:
        ValueError: the shapes do not fit, or strides and dilation both exceed 1.
    """
    data_format = config.standardize_data_format(data_format)
    x, kernel = float_pair(inputs, kernel)
    rank = x.ndim - 2
    strides = per_axis(strides, rank, "strides")
    dilation = per_axis(dilation_rate, rank, "dilation_rate")
    shape, window = tuple(x.shape), tuple(kernel.shape)
    _check("depthwise_conv", shape, window, data_format, strides, dilation,
           lambda c: c == window[-2], f"{window[-2]}")  # fmt: skip
    _, spatial, channels = split_shape(shape, data_format)
    pairs = explicit_padding(padding, spatial, window[:-2], strides, dilation, "depthwise_conv")
    backend = current_backend()
    kernel = backend.xp.reshape(kernel, (*window[:-2], 1, channels * window[-1]))
    out = backend.conv(
        to_last(x, data_format), kernel, strides, pairs, (1,) * rank, dilation, channels
    )
    return from_last(out, data_format)


def _separable_rule(
    inputs: Any, depthwise_kernel: Any, pointwise_kernel: Any, strides: Any = 1,
    padding: Any = "valid", data_format: str | None = None, dilation_rate: Any = 1,
) -> Any:  # fmt: skip
    between = _depthwise_rule(
        inputs, depthwise_kernel, strides, padding, data_format, dilation_rate
    )
    return _conv_rule(between, pointwise_kernel, 1, "valid", data_format)


@op(spec=_separable_rule)
def separable_conv(
    inputs: Any,
    depthwise_kernel: Any,
    pointwise_kernel: Any,
    strides: Any = 1,
    padding: Any = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """`depthwise_conv`, then a convolution with a window of 1.

    Args:
        inputs: `(batch, *spatial, channels)`, or `(batch, channels, *spatial)`.
        depthwise_kernel: `(*window, channels, multiplier)`.
        pointwise_kernel: `(1, ..., channels * multiplier, out_channels)`.
        strides, padding, data_format, dilation_rate: of the first; see `conv`.

    Returns:
        `(batch, *out_spatial, out_channels)`, in the data format of the input.
    """
    inputs, depthwise_kernel, pointwise_kernel = promote(
        inputs, depthwise_kernel, pointwise_kernel
    )
    between = depthwise_conv(
        inputs, depthwise_kernel, strides, padding, data_format, dilation_rate
    )
    return conv(between, pointwise_kernel, 1, "valid", data_format)


def transposed_length(
    length: Any, window: int, stride: int, padding: str, output_padding: int | None, dilation: int
) -> Any:
    """Entries along an axis after a transposed convolution; None for unknown."""
    if length is None:
        return None
    reach = (window - 1) * dilation + 1
    if output_padding is None:
        if padding == "valid":
            return length * stride + max(reach - stride, 0)
        return length * stride
    cut = 0 if padding == "valid" else reach // 2
    return (length - 1) * stride + reach - 2 * cut + output_padding


def _output_padding(output_padding: Any, rank: int, strides: Sequence[int]) -> tuple:
    if output_padding is None:
        return (None,) * rank
    found = per_axis(output_padding, rank, "output_padding")
    if any(o >= s and o > 0 for o, s in zip(found, strides)):
        raise ValueError(
            f"`output_padding` {found} must be less than the strides {tuple(strides)}."
        )
    return found


def _transpose_rule(
    inputs: Any, kernel: Any, strides: Any = 1, padding: str = "valid",
    output_padding: Any = None, data_format: str | None = None, dilation_rate: Any = 1,
) -> Any:  # fmt: skip
    data_format = config.standardize_data_format(data_format)
    x, k = shape_of(inputs), shape_of(kernel)
    rank = len(x) - 2
    strides = per_axis(strides, rank, "strides")
    dilation = per_axis(dilation_rate, rank, "dilation_rate")
    extra = _output_padding(output_padding, rank, strides)
    _check("conv_transpose", x, k, data_format, (1,) * rank, dilation,
           lambda c: c == k[-1], f"{k[-1]}")  # fmt: skip
    spatial = [
        transposed_length(n, w, s, padding.lower(), o, d)
        for n, w, s, o, d in zip(split_shape(x, data_format)[1], k[:-2], strides, extra, dilation)
    ]
    return of(join_shape(x[0], spatial, k[-2], data_format), floating_dtype(inputs, kernel))


@op(spec=_transpose_rule)
def conv_transpose(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    output_padding: Any = None,
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """Transposed convolution: the gradient of `conv` by its input, as a function forwards.

    Args:
        inputs: `(batch, *spatial, channels)`, or `(batch, channels, *spatial)`.
        kernel: `(*window, out_channels, channels)`.
        strides: by how much the spatial axes grow, one number or one per axis.
        padding: `"valid"` or `"same"`.
        output_padding: entries added at the end of each axis, less than the strides;
            where None chosen so that `"same"` gives `length * stride`.
        data_format: `"channels_last"` or `"channels_first"`; the configured one where None.
        dilation_rate: distance of the window's entries.

    Returns:
        `(batch, *out_spatial, out_channels)`, in the data format of the input.

    Raises:
        ValueError: the shapes do not fit, or `output_padding` is not less than the strides.
    """
    data_format = config.standardize_data_format(data_format)
    x, kernel = float_pair(inputs, kernel)
    rank = x.ndim - 2
    strides = per_axis(strides, rank, "strides")
    dilation = per_axis(dilation_rate, rank, "dilation_rate")
    extra = _output_padding(output_padding, rank, strides)
    shape, window = tuple(x.shape), tuple(kernel.shape)
    name = padding.lower()
    if name not in ("valid", "same"):
        raise ValueError(
            f"`padding` of `conv_transpose` must be 'valid' or 'same'; got {padding!r}."
        )
    _check("conv_transpose", shape, window, data_format, (1,) * rank, dilation,
           lambda c: c == window[-1], f"{window[-1]}")  # fmt: skip
    pairs = [
        transposed_padding(w, s, name, o, d)
        for w, s, o, d in zip(window, strides, extra, dilation)
    ]
    backend = current_backend()
    xp = backend.xp
    turned = xp.swapaxes(xp.flip(kernel, tuple(range(rank))), -1, -2)
    out = backend.conv(
        to_last(x, data_format), turned, (1,) * rank, pairs, strides, dilation, 1
    )
    return from_last(out, data_format)


def transposed_padding(
    window: int, stride: int, padding: str, output_padding: int | None, dilation: int
) -> tuple[int, int]:
    """Zeros around the dilated input of a transposed convolution.

    The forward convolution that this one transposes padded its input by `cut` in all; what
    it padded in front is taken off here.
    """
    reach = (window - 1) * dilation + 1
    if output_padding is None:
        # Total padding for which the length comes out as `transposed_length` says.
        total = reach + stride - 2 if padding == "same" else reach + max(reach, stride) - 2
        if padding == "same":
            before = reach - 1 if stride > reach - 1 else -(-total // 2)
        else:
            before = reach - 1
        return before, total - before
    cut = 0 if padding == "valid" else reach // 2
    # The entries added at the end come out of what is cut off in all; half of that, rounded
    # down, is cut off in front.
    before = reach - 1 - max(2 * cut - output_padding, 0) // 2
    return before, 2 * (reach - 1 - cut) + output_padding - before
