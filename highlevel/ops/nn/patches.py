"""Windows of images laid out as columns or channels, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from highlevel_backend import current_backend

from highlevel.config import standardize_data_format
from highlevel.ops.dispatch import array, op, shape_of
from highlevel.ops.rules import of, promoted

__all__ = ["depth_to_space", "fold", "space_to_depth", "unfold"]


def _pair(value: Any, name: str) -> tuple[int, int]:
    if isinstance(value, Sequence):
        if len(value) != 2:
            raise ValueError(f"`{name}` needs one number or two; got {tuple(value)}.")
        return int(value[0]), int(value[1])
    return int(value), int(value)


def _pairs(kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> tuple:
    return (
        _pair(kernel_size, "kernel_size"),
        _pair(dilation, "dilation"),
        _pair(padding, "padding"),
        _pair(stride, "stride"),
    )


def _counts(spatial: Any, kernel: Any, dilation: Any, padding: Any, stride: Any) -> list:
    """Number of windows along both axes."""
    return [
        None if n is None else (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, k, d, p, s in zip(spatial, kernel, dilation, padding, stride)
    ]


def _unfold_rule(
    x: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Any:
    batch, channels, *spatial = shape_of(x)
    kernel, dilation, padding, stride = _pairs(kernel_size, dilation, padding, stride)
    rows, columns = _counts(spatial, kernel, dilation, padding, stride)
    total = None if rows is None or columns is None else rows * columns
    depth = None if channels is None else channels * kernel[0] * kernel[1]
    return of((batch, depth, total), promoted(x))


def _window_slices(i: int, j: int, rows: int, columns: int, dilation: Any, stride: Any) -> tuple:
    """Where entry (i, j) of every window lies in the padded image."""
    top, left = i * dilation[0], j * dilation[1]
    return (
        slice(None),
        slice(None),
        slice(top, top + stride[0] * (rows - 1) + 1, stride[0]),
        slice(left, left + stride[1] * (columns - 1) + 1, stride[1]),
    )


@op(spec=_unfold_rule)
def unfold(
    x: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Any:
    """Windows of images as columns.

    Args:
        x: `(batch, channels, height, width)`.
        kernel_size, dilation, padding, stride: of the window, one number or one per axis.

    Returns:
        `(batch, channels * window entries, windows)`.

    Raises:
        ValueError: `x` has not four axes.
    """
    xp = current_backend().xp
    x = array(x)
    if x.ndim != 4:
        raise ValueError(
            f"`unfold` needs (batch, channels, height, width); got shape {tuple(x.shape)}."
        )
    kernel, dilation, padding, stride = _pairs(kernel_size, dilation, padding, stride)
    batch, channels, *spatial = x.shape
    rows, columns = _counts(spatial, kernel, dilation, padding, stride)
    x = xp.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    parts = [
        x[_window_slices(i, j, rows, columns, dilation, stride)]
        for i in range(kernel[0])
        for j in range(kernel[1])
    ]
    stacked = xp.stack(parts, axis=2)
    return xp.reshape(stacked, (batch, channels * len(parts), rows * columns))


def _fold_rule(
    x: Any, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0,
    stride: Any = 1,
) -> Any:  # fmt: skip
    batch, depth, _ = shape_of(x)
    kernel = _pair(kernel_size, "kernel_size")
    channels = None if depth is None else depth // (kernel[0] * kernel[1])
    return of((batch, channels, *_pair(output_size, "output_size")), promoted(x))


@op(spec=_fold_rule)
def fold(
    x: Any,
    output_size: Any,
    kernel_size: Any,
    dilation: Any = 1,
    padding: Any = 0,
    stride: Any = 1,
) -> Any:
    """Columns of windows summed into images: the transpose of `unfold`.

    Args:
        x: `(batch, channels * window entries, windows)`.
        output_size: height and width of the images.
        kernel_size, dilation, padding, stride: those of `unfold`.

    Returns:
        `(batch, channels, height, width)`.

    Raises:
        ValueError: the number of columns or rows does not fit.
    """
    backend = current_backend()
    xp = backend.xp
    x = array(x)
    size = _pair(output_size, "output_size")
    kernel, dilation, padding, stride = _pairs(kernel_size, dilation, padding, stride)
    rows, columns = _counts(size, kernel, dilation, padding, stride)
    entries = kernel[0] * kernel[1]
    if x.ndim != 3 or x.shape[1] % entries or x.shape[2] != rows * columns:
        raise ValueError(
            f"`fold` to {size} with windows {kernel} needs an array of shape (batch, a multiple "
            f"of {entries}, {rows * columns}); got {tuple(x.shape)}."
        )
    channels = x.shape[1] // entries
    parts = xp.reshape(x, (x.shape[0], channels, entries, rows, columns))
    whole = xp.zeros(
        (x.shape[0], channels, size[0] + 2 * padding[0], size[1] + 2 * padding[1]), dtype=x.dtype
    )
    for i in range(kernel[0]):
        for j in range(kernel[1]):
            place = _window_slices(i, j, rows, columns, dilation, stride)
            whole = backend.index_update(whole, place, parts[:, :, i * kernel[1] + j], "add")
    return whole[:, :, padding[0] : padding[0] + size[0], padding[1] : padding[1] + size[1]]


def _block_rule(grow: bool) -> Any:
    def rule(x: Any, block_size: int, data_format: str = "channels_last") -> Any:
        shape = shape_of(x)
        last = standardize_data_format(data_format) == "channels_last"
        batch, *rest = shape
        height, width, channels = rest if last else (rest[1], rest[2], rest[0])
        _check_blocks(grow, shape, height, width, channels, block_size)
        if grow:
            height, width = (None if n is None else n * block_size for n in (height, width))
            channels = None if channels is None else channels // block_size**2
        else:
            height, width = (None if n is None else n // block_size for n in (height, width))
            channels = None if channels is None else channels * block_size**2
        new = (batch, height, width, channels) if last else (batch, channels, height, width)
        return of(new, promoted(x))

    return rule


def _check_blocks(
    grow: bool, shape: tuple, height: Any, width: Any, channels: Any, block: int
) -> None:
    if block < 2:
        raise ValueError(f"`block_size` must be at least 2; got {block}.")
    if grow and isinstance(channels, int) and channels % block**2:
        raise ValueError(
            f"`depth_to_space` with blocks of {block} needs a multiple of {block**2} channels; "
            f"got shape {shape}."
        )
    if not grow and any(isinstance(n, int) and n % block for n in (height, width)):
        raise ValueError(
            f"`space_to_depth` needs a height and width that {block} divides; got shape {shape}."
        )


@op(spec=_block_rule(grow=True))
def depth_to_space(x: Any, block_size: int, data_format: str = "channels_last") -> Any:
    """Channels laid out as blocks of pixels.

    Args:
        x: `(batch, height, width, channels)`, or `(batch, channels, height, width)`.
        block_size: side of the blocks, b.
        data_format: `"channels_last"` or `"channels_first"`.

    Returns:
        `(batch, height * b, width * b, channels // b**2)`, in the same data format.

    Raises:
        ValueError: `b**2` does not divide the channels.
    """
    xp = current_backend().xp
    x = array(x)
    b = block_size
    if standardize_data_format(data_format) == "channels_first":
        n, c, h, w = x.shape
        _check_blocks(True, tuple(x.shape), h, w, c, b)
        x = xp.reshape(x, (n, c // b**2, b, b, h, w))
        return xp.reshape(xp.transpose(x, (0, 1, 4, 2, 5, 3)), (n, c // b**2, h * b, w * b))
    n, h, w, c = x.shape
    _check_blocks(True, tuple(x.shape), h, w, c, b)
    x = xp.reshape(x, (n, h, w, b, b, c // b**2))
    return xp.reshape(xp.transpose(x, (0, 1, 3, 2, 4, 5)), (n, h * b, w * b, c // b**2))


@op(spec=_block_rule(grow=False))
def space_to_depth(x: Any, block_size: int, data_format: str = "channels_last") -> Any:
    """Blocks of pixels laid out as channels: the inverse of `depth_to_space`.

    Args:
        x: `(batch, height, width, channels)`, or `(batch, channels, height, width)`.
        block_size: side of the blocks, b.
        data_format: `"channels_last"` or `"channels_first"`.

    Returns:
        `(batch, height // b, width // b, channels * b**2)`, in the same data format.

    Raises:
        ValueError: `b` does not divide height and width.
    """
    xp = current_backend().xp
    x = array(x)
    b = block_size
    if standardize_data_format(data_format) == "channels_first":
        n, c, h, w = x.shape
        _check_blocks(False, tuple(x.shape), h, w, c, b)
        x = xp.reshape(x, (n, c, h // b, b, w // b, b))
        return xp.reshape(xp.transpose(x, (0, 1, 3, 5, 2, 4)), (n, c * b**2, h // b, w // b))
    n, h, w, c = x.shape
    _check_blocks(False, tuple(x.shape), h, w, c, b)
    x = xp.reshape(x, (n, h // b, b, w // b, b, c))
    return xp.reshape(xp.transpose(x, (0, 1, 3, 2, 4, 5)), (n, h // b, w // b, c * b**2))
