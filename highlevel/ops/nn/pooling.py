"""Pooling: maximum and mean over windows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from highlevel_backend import current_backend

from highlevel import config
from highlevel.ops.dispatch import array, cast_to, dtype_name, floating, op, shape_of
from highlevel.ops.nn.convolution import (
    explicit_padding,
    from_last,
    join_shape,
    output_length,
    per_axis,
    split_shape,
    to_last,
)
from highlevel.ops.rules import of, promoted

__all__ = ["adaptive_average_pool", "adaptive_max_pool", "average_pool", "max_pool"]


def _pool_rule(what: str) -> Callable:
    def rule(
        inputs: Any, pool_size: Any, strides: Any = None, padding: str = "valid",
        data_format: str | None = None,
    ) -> Any:  # fmt: skip
        data_format = config.standardize_data_format(data_format)
        shape = shape_of(inputs)
        window, strides = _windows(what, shape, pool_size, strides)
        explicit_padding(padding, (1,) * len(window), window, strides, (1,) * len(window), what)
        batch, spatial, channels = split_shape(shape, data_format)
        lengths = []
        for n, w, s in zip(spatial, window, strides):
            out = output_length(n, w, s, padding)
            if out is not None and out <= 0:
                raise ValueError(
                    f"`{what}` would give an output without entries: the input of shape {shape} "
                    f"is smaller than the window {window} (padding {padding!r})."
                )
            lengths.append(out)
        dtype = promoted(inputs) if what == "max_pool" else promoted(inputs, 1.0)
        return of(join_shape(batch, lengths, channels, data_format), dtype)

    return rule


def _windows(what: str, shape: tuple, pool_size: Any, strides: Any) -> tuple[tuple, tuple]:
    rank = len(shape) - 2
    if not 1 <= rank <= 3:
        raise ValueError(f"`{what}` needs 1 to 3 spatial axes; got an input of shape {shape}.")
    window = per_axis(pool_size, rank, "pool_size")
    return window, window if strides is None else per_axis(strides, rank, "strides")


@op(spec=_pool_rule("max_pool"), kernel="max_pool")
def max_pool(
    inputs: Any,
    pool_size: Any,
    strides: Any = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> Any:
    """Largest entry of each window.

    Args:
        inputs: `(batch, *spatial, channels)`, or `(batch, channels, *spatial)`.
        pool_size: size of the window, one number or one per spatial axis.
        strides: step of the window; its size where None.
        padding: `"valid"` or `"same"`.
        data_format: `"channels_last"` or `"channels_first"`; the configured one where None.

    Returns:
        Array of as many axes, the spatial ones shortened.

    >>> max_pool([[[1.0], [3.0], [2.0], [0.0]]], 2).tolist()
    [[[3.0], [2.0]]]
    """
    data_format = config.standardize_data_format(data_format)
    x = array(inputs)
    shape = tuple(x.shape)
    window, strides = _windows("max_pool", shape, pool_size, strides)
    spatial = split_shape(shape, data_format)[1]
    pairs = explicit_padding(padding, spatial, window, strides, (1,) * len(window), "max_pool")
    out = current_backend().reduce_window(to_last(x, data_format), "max", window, strides, pairs)
    return from_last(out, data_format)


@op(spec=_pool_rule("average_pool"), kernel="average_pool")
def average_pool(
    inputs: Any,
    pool_size: Any,
    strides: Any = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> Any:
    """Mean of each window; padding does not count. See `max_pool` for the arguments."""
    data_format = config.standardize_data_format(data_format)
    backend = current_backend()
    x = floating(inputs)
    name = dtype_name(x.dtype)
    shape = tuple(x.shape)
    window, strides = _windows("average_pool", shape, pool_size, strides)
    spatial = split_shape(shape, data_format)[1]
    pairs = explicit_padding(padding, spatial, window, strides, (1,) * len(window), "average_pool")
    x = to_last(x, data_format)
    total = backend.reduce_window(x, "sum", window, strides, pairs)
    if not any(isinstance(n, int) and n for pair in pairs for n in pair):
        out = total * array(1 / float(np.prod(window)), name)
    else:
        # Entries inside the input, per window: an outer product of one count per axis.
        out = total
        for axis, (w, s, pair, n) in enumerate(zip(window, strides, pairs, spatial)):
            counts = _inside(backend.xp, n, w, s, pair, total.shape[axis + 1])
            view = [1] * total.ndim
            view[axis + 1] = -1
            out = out / backend.xp.reshape(cast_to(counts, name), tuple(view))
    return from_last(out, data_format)


def _inside(xp: Any, length: Any, window: int, stride: int, pair: tuple, windows: Any) -> Any:
    """How many entries of each window along an axis are not padding."""
    if isinstance(length, int) and isinstance(windows, int):
        start = np.arange(windows) * stride - pair[0]
        return array(np.minimum(start + window, length) - np.maximum(start, 0))
    start = xp.arange(windows) * stride - pair[0]
    return xp.minimum(start + window, length) - xp.maximum(start, 0)


def _adaptive_rule(inputs: Any, output_size: Any, data_format: str | None = None) -> Any:
    data_format = config.standardize_data_format(data_format)
    shape = shape_of(inputs)
    batch, spatial, channels = split_shape(shape, data_format)
    sizes = _sizes(output_size, spatial)
    return of(join_shape(batch, sizes, channels, data_format), promoted(inputs))


def _sizes(output_size: Any, spatial: tuple) -> tuple:
    """Output sizes per axis; None keeps the axis."""
    rank = len(spatial)
    if isinstance(output_size, (tuple, list)):
        if len(output_size) != rank:
            raise ValueError(
                f"`output_size` needs one number, or one for each of the {rank} spatial axes; "
                f"got {tuple(output_size)}."
            )
        return tuple([n if size is None else int(size) for n, size in zip(spatial, output_size)])
    return (int(output_size),) * rank


def _adaptive(inputs: Any, output_size: Any, data_format: str | None, mode: str) -> Any:
    """Along each axis, entry i of m covers floor(i n / m) up to ceil((i + 1) n / m)."""
    data_format = config.standardize_data_format(data_format)
    xp = current_backend().xp
    x = to_last(array(inputs) if mode == "max" else floating(inputs), data_format)
    for axis, size in enumerate(_sizes(output_size, tuple(x.shape[1:-1])), start=1):
        n = x.shape[axis]
        if n == size:
            continue
        index = np.arange(size)
        starts, stops = index * n // size, -(-(index + 1) * n // size)
        longest = int((stops - starts).max())
        places = starts[:, None] + np.arange(longest)
        inside = places < stops[:, None]
        # A window shorter than the longest one repeats its last entry, or counts it as 0.
        places = np.minimum(places, stops[:, None] - 1)
        windows = xp.take(x, array(places), axis=axis)
        if mode == "max":
            x = xp.max(windows, axis=axis + 1)
            continue
        view = (1,) * axis + inside.shape + (1,) * (x.ndim - axis - 1)
        weights = (inside / inside.sum(1, keepdims=True)).reshape(view)
        x = xp.sum(windows * array(weights, dtype_name(x.dtype)), axis=axis + 1)
    return from_last(x, data_format)


@op(spec=_adaptive_rule)
def adaptive_average_pool(inputs: Any, output_size: Any, data_format: str | None = None) -> Any:
    """Means over windows chosen so that the output has a given size.

    Args:
        inputs: `(batch, *spatial, channels)`, or `(batch, channels, *spatial)`.
        output_size: one number, or one per spatial axis.
        data_format: `"channels_last"` or `"channels_first"`; the configured one where None.

    >>> adaptive_average_pool([[[1.0], [3.0], [2.0], [0.0]]], 2).tolist()
    [[[2.0], [1.0]]]
    """
    return _adaptive(inputs, output_size, data_format, "mean")


@op(spec=_adaptive_rule)
def adaptive_max_pool(inputs: Any, output_size: Any, data_format: str | None = None) -> Any:
    """Largest entries of windows chosen so that the output has a given size.

    See `adaptive_average_pool` for the arguments.
    """
    return _adaptive(inputs, output_size, data_format, "max")
