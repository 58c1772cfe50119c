"""Order: sorting, searching, counting, quantiles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
from highlevel_backend import current_backend

from highlevel.ops.dispatch import (
    array,
    cast_to,
    dtype_name,
    floating,
    floating_dtype,
    op,
    promote,
    shape_of,
)
from highlevel.ops.rules import axes_of, axis_of, of, promoted, reduced_shape, reduction, unary

__all__ = [
    "argpartition",
    "argsort",
    "bincount",
    "digitize",
    "histogram",
    "median",
    "percentile",
    "quantile",
    "searchsorted",
    "sort",
    "unique",
]


@op(spec=unary)
def sort(x: Any, axis: Any = -1) -> Any:
    """`x` in ascending order along an axis (the flattened array for None)."""
    xp = current_backend().xp
    x = array(x)
    return xp.sort(xp.reshape(x, (-1,)) if axis is None else x, axis=-1 if axis is None else axis)


def _index_rule(x: Any, axis: Any = -1) -> Any:
    shape = shape_of(x)
    if axis is None:
        return of((None if None in shape else int(np.prod(shape)),), "int32")
    axis_of(axis, len(shape))
    return of(shape, "int32")


@op(spec=_index_rule)
def argsort(x: Any, axis: Any = -1) -> Any:
    """Indices that sort `x` along an axis, equal entries in their order; int32.

    >>> argsort([3, 1, 2]).tolist()
    [1, 2, 0]
    """
    xp = current_backend().xp
    x = array(x)
    if axis is None:
        x, axis = xp.reshape(x, (-1,)), -1
    return cast_to(xp.argsort(x, axis=axis, stable=True), "int32")


@op(spec=lambda x, kth, axis=-1: _index_rule(x, axis))
def argpartition(x: Any, kth: int, axis: Any = -1) -> Any:
    """Indices that bring the smaller entries before place `kth` and the others behind.

    Args:
        x: array.
        kth: place that holds the entry it would hold in sorted order.
        axis: axis; the flattened array where None.

    Returns:
        int32 indices; those of sorted order, which fulfils it.
    """
    xp = current_backend().xp
    x = array(x)
    if axis is None:
        x, axis = xp.reshape(x, (-1,)), -1
    length = x.shape[axis_of(axis, x.ndim)]
    if not -length <= kth < length:
        raise ValueError(f"`kth={kth}` is out of range for an axis of length {length}.")
    return cast_to(xp.argsort(x, axis=axis, stable=True), "int32")


@op(spec=lambda sorted_sequence, values, side="left": of(shape_of(values), "int32"))
def searchsorted(sorted_sequence: Any, values: Any, side: str = "left") -> Any:
    """Places at which values would keep a sorted sequence sorted.

    Args:
        sorted_sequence: `(n,)` ascending array.
        values: array.
        side: `"left"`, before equal entries, or `"right"`, behind them.

    Returns:
        int32 array of the shape of `values`, from 0 to `n`.

    Raises:
        ValueError: `sorted_sequence` has more than one axis.
    """
    sequence, values = promote(sorted_sequence, values)
    if sequence.ndim != 1:
        raise ValueError(
            "`searchsorted` needs a `sorted_sequence` of one axis; got shape "
            f"{tuple(sequence.shape)}. Use `vectorized_map` for several."
        )
    return cast_to(current_backend().xp.searchsorted(sequence, values, side=side), "int32")


@op(spec=lambda x, bins: of(shape_of(x), "int32"))
def digitize(x: Any, bins: Any) -> Any:
    """For each entry the bin it lies in: `bins[i - 1] <= x < bins[i]`.

    Args:
        x: array.
        bins: `(n,)` ascending bounds.

    Returns:
        int32 array of `x`'s shape, from 0 to `n`.

    >>> digitize([0.5, 2.5], [0.0, 1.0, 2.0]).tolist()
    [1, 3]
    """
    bins, x = promote(array(bins), x)
    return cast_to(current_backend().xp.searchsorted(bins, x, side="right"), "int32")


def _bincount_rule(x: Any, weights: Any = None, minlength: int = 0, sparse: bool = False) -> Any:
    dtype = "int32" if weights is None else promoted(weights)
    return None if sparse else of((*shape_of(x)[:-1], None), dtype)


@op(spec=_bincount_rule)
def bincount(x: Any, weights: Any = None, minlength: int = 0, sparse: bool = False) -> Any:
    """How often each integer occurs.

    Args:
        x: `(n,)` or `(batch, n)` integers that are not negative.
        weights: of `x`'s shape; sums of these instead of counts.
        minlength: least length of the result. In a compiled function, where the largest
            entry is not known, its length; larger entries are left out.
        sparse: only False is supported.

    Returns:
        `(length,)` or `(batch, length)`; int32, or the dtype of `weights`.

    >>> bincount([0, 2, 2]).tolist()
    [1, 0, 2]
    """
    if sparse:
        raise ValueError("`bincount` gives dense arrays only; leave `sparse` False.")
    backend = current_backend()
    xp = backend.xp
    x = cast_to(array(x), "int32")
    length = int(minlength or 0)
    if not backend.is_abstract(x):
        values = backend.to_numpy(x)
        length = max(length, int(values.max()) + 1 if values.size else 0)
    if weights is None:
        ones = xp.ones_like(x)
    else:
        ones = array(weights)
    shape = tuple(x.shape[:-1])
    inside = xp.logical_and(x >= 0, x < length)
    safe = xp.where(inside, x, array(length, "int32"))
    counts = xp.zeros((*shape, length + 1), dtype=ones.dtype)
    if x.ndim == 1:
        counts = backend.index_update(counts, safe, ones, "add")
    else:
        rows = xp.broadcast_to(xp.arange(shape[0], dtype="int32")[:, None], x.shape)
        counts = backend.index_update(counts, (rows, safe), ones, "add")
    return counts[..., :length]


@op
def histogram(x: Any, bins: Any = 10, range: Any = None) -> tuple:
    """How many entries lie in each of a row of intervals.

    Args:
        x: array, taken flat.
        bins: number of intervals of equal length, or their ascending bounds.
        range: `(low, high)`; the extremes of `x` where None.

    Returns:
        `(counts, bounds)`, of `n` and `n + 1` entries. The last interval includes its end.

    Raises:
        ValueError: `range` is not ascending.
    """
    xp = current_backend().xp
    x = xp.reshape(floating(x), (-1,))
    name = dtype_name(x.dtype)
    if isinstance(bins, int):
        if range is not None and range[0] > range[1]:
            raise ValueError(f"`range` must be ascending; got {tuple(range)}.")
        if range:
            low, high = array(float(range[0]), name), array(float(range[1]), name)
        else:
            low, high = xp.min(x), xp.max(x)
        half = array(0.5, name)
        flat = low == high
        low, high = xp.where(flat, low - half, low), xp.where(flat, high + half, high)
        steps = array(np.arange(bins + 1) / bins, name)
        bounds = low + (high - low) * steps
        bounds = xp.concatenate((bounds[:-1], xp.reshape(high, (1,))))
    else:
        bounds = array(bins, name)
    count = bounds.shape[0] - 1
    places = xp.searchsorted(bounds, x, side="right") - 1
    places = xp.where(x == bounds[-1], count - 1, places)
    inside = xp.logical_and(x >= bounds[0], x <= bounds[-1])
    places = cast_to(xp.where(inside, places, count), "int32")
    counts = xp.zeros((count + 1,), dtype="int32")
    counts = current_backend().index_update(counts, places, array(1, "int32"), "add")
    return cast_to(counts[:count], name), bounds


def _quantile_rule(
    x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False
) -> Any:
    shape = reduced_shape(shape_of(x), axis, keepdims)
    return of((*shape_of(q), *shape), floating_dtype(x))


_METHODS = ("linear", "lower", "higher", "midpoint", "nearest")


def quantiles(x: Any, q: Any, axis: Any, method: str, keepdims: bool, skip_nan: bool) -> Any:
    """Quantiles over axes, by sorting.

    Args:
        q: probabilities, a scalar or `(n,)`; the result has them as its first axis.
        skip_nan: leave NaN out; else a NaN makes the result NaN.
    """
    if method not in _METHODS:
        raise ValueError(f"`method` must be one of {', '.join(_METHODS)}; got {method!r}.")
    xp = current_backend().xp
    x = floating(x)
    name = dtype_name(x.dtype)
    if name in ("float16", "bfloat16"):
        wide = quantiles(cast_to(x, "float32"), q, axis, method, keepdims, skip_nan)
        return cast_to(wide, name)
    q = array(q, name)
    rank = x.ndim
    axes = axes_of(axis, rank)
    rest = [i for i in range(rank) if i not in axes]
    kept = tuple([x.shape[i] for i in rest])
    x = xp.reshape(xp.transpose(x, (*rest, *axes)), (*kept, -1))
    ordered = xp.sort(x, axis=-1)  # NaN comes last
    one = array(1.0, name)
    missing = xp.isnan(x)
    total = array(float(x.shape[-1]), name) if isinstance(x.shape[-1], int) else x.shape[-1] * one
    valid = total - xp.sum(cast_to(missing, name), axis=-1) if skip_nan else total
    # One position per probability and row.
    flat = xp.reshape(q, (-1,) + (1,) * len(kept))
    zero = array(0.0, name)
    position = flat * xp.maximum(valid - one, zero)
    position = xp.broadcast_to(position, (flat.shape[0], *kept))
    below, above = xp.floor(position), xp.ceil(position)
    if method == "lower":
        above = below
    elif method == "higher":
        below = above
    elif method == "nearest":
        below = above = xp.round(position)
    if method == "midpoint":
        weight = xp.where(above > below, array(0.5, name), zero)
    else:
        weight = position - below
    last = x.shape[-1] - 1

    def pick(place: Any) -> Any:
        index = xp.clip(cast_to(place, "int32"), 0, last)
        index = xp.moveaxis(index, 0, -1)
        return xp.moveaxis(xp.take_along_axis(ordered, index, axis=-1), -1, 0)

    low, high = pick(below), pick(above)
    # Equal neighbours first: no difference of infinities.
    result = xp.where(low == high, low, low * (one - weight) + high * weight)
    nan = array(float("nan"), name)
    if skip_nan:
        result = xp.where(valid < one, nan, result)
    else:
        result = xp.where(xp.any(missing, axis=-1), nan, result)
    shape = tuple([1 if i in axes else n for i, n in enumerate(_full(kept, rest, rank))])
    result = xp.reshape(result, (*q.shape, *(shape if keepdims else kept)))
    return result


def _full(kept: tuple, rest: list, rank: int) -> list:
    """The lengths kept, in their places among all axes."""
    shape: list = [1] * rank
    for place, n in zip(rest, kept):
        shape[place] = n
    return shape


@op(spec=_quantile_rule)
def quantile(
    x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False
) -> Any:
    """Values below which given shares of the entries lie.

    Args:
        x: array.
        q: probabilities from 0 to 1; an array gives the result a first axis.
        axis: axis or axes; all of them for None.
        method: between two entries: `"linear"`, `"lower"`, `"higher"`, `"midpoint"`,
            `"nearest"`.
        keepdims: keep the axes with length 1.

    Returns:
        Array in a floating dtype; NaN where an entry is.

    >>> float(quantile([1.0, 2.0, 3.0, 4.0], 0.5))
    2.5
    """
    return quantiles(x, q, axis, method, keepdims, skip_nan=False)


@op(spec=_quantile_rule)
def percentile(
    x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False
) -> Any:
    """Quantiles by percentages from 0 to 100. See `quantile`."""
    q = floating(q) / 100
    return quantiles(x, q, axis, method, keepdims, skip_nan=False)


@op(spec=reduction(lambda name: floating_dtype(array(0, name))))
def median(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The middle entry over axes, or the mean of the middle two; NaN where an entry is."""
    return quantiles(x, 0.5, axis, "linear", keepdims, skip_nan=False)


def _unique_rule(
    x: Any,
    sorted: bool = True,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    size: int | None = None,
    fill_value: Any = None,
) -> Any:
    shape = shape_of(x)
    if axis is None:
        found = (size,)
    else:
        index = axis_of(axis, len(shape))
        found = (*shape[:index], size, *shape[index + 1 :])
    parts = [of(found, promoted(x))]
    if return_index:
        parts.append(of((size,), "int32"))
    if return_inverse:
        parts.append(of(shape if axis is None else (shape[index],), "int32"))
    if return_counts:
        parts.append(of((size,), "int32"))
    return tuple(parts) if len(parts) > 1 else parts[0]


@op(spec=_unique_rule)
def unique(
    x: Any,
    sorted: bool = True,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    size: int | None = None,
    fill_value: Any = None,
) -> Any:
    """The different entries, in ascending order.

    Args:
        x: array.
        sorted: accepted for the contract; the result is always sorted.
        return_index: return where each occurs first.
        return_inverse: return for each entry of `x` its place in the result.
        return_counts: return how often each occurs.
        axis: compare whole slices along this axis; single entries where None.
        size: length of the result, cut or filled up; needed in a compiled function.
        fill_value: fills up; the least entry where None.

    Returns:
        The entries, or a tuple of them and what else was asked for (int32).

    Raises:
        ValueError: `size` is missing where values are not known.

    >>> unique([3, 1, 3]).tolist()
    [1, 3]
    """
    backend = current_backend()
    xp = backend.xp
    x = array(x)
    flags = (return_index, return_inverse, return_counts)
    if backend.is_abstract(x):
        if size is None:
            raise ValueError(
                "Inside a compiled function `unique` needs `size`: how many entries there are "
                "is not known."
            )
        found = xp.unique(
            x, *flags, axis=axis, size=size, fill_value=fill_value
        )
        if not any(flags):
            return found
        return (found[0], *[cast_to(part, "int32") for part in found[1:]])
    along = 0 if axis is None else axis
    values = backend.to_numpy(x)
    found = cast(Callable, np.unique)(values, True, return_inverse, return_counts, axis=axis)
    first, *others = found[1:]
    count = len(first)
    if return_inverse and axis is None:
        others[0] = np.reshape(others[0], values.shape)
    if size is not None:
        if return_counts:
            others[-1] = _resized(others[-1], size, 0)
        first = _resized(first, size, first[0] if count else 0)
    # Taken out of `x` rather than made of its values, so that gradients reach it; what
    # fills up is the least entry, or comes in its place.
    entries = xp.reshape(x, (-1,)) if axis is None else x
    if count:
        entries = xp.take(entries, first, axis=along)
    elif size:
        shape = list(entries.shape)
        shape[along] = size
        entries = xp.zeros(shape, entries.dtype)
    if size is not None and fill_value is not None:
        shape = [1] * entries.ndim
        shape[along] = size
        inside = np.reshape(np.arange(size) < count, shape)
        entries = xp.where(inside, entries, array(fill_value, dtype_name(x.dtype)))
    indices = [first] if return_index else []
    result = [entries, *[array(np.asarray(part), "int32") for part in indices + others]]
    return tuple(result) if any(flags) else result[0]


def _resized(part: np.ndarray, size: int, fill: int) -> np.ndarray:
    """The first `size` entries of a vector, filled up at the end."""
    return np.concatenate([part[:size], np.full(max(size - len(part), 0), fill, part.dtype)])
