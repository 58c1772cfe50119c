"""Gradients of medians and quantiles: sorting, and a weighted mean of two neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np

from highlevel_numpy.recorded import strip
from highlevel_numpy.rules.common import implements, normalize_axes


@implements(np.median)
def _median(a, axis=None, out=None, overwrite_input=False, keepdims=False):
    return _quantile(a, 0.5, axis, keepdims=keepdims)


def _flattened(a: Any, axis: Any) -> tuple[Any, tuple[int, ...]]:
    """`a` with the reduced axes as its last, and the result's shape with them kept."""
    axes = normalize_axes(axis, a.ndim)
    rest = [i for i in range(a.ndim) if i not in axes]
    moved = np.transpose(a, (*rest, *axes))
    kept = tuple([1 if i in axes else n for i, n in enumerate(a.shape)])
    return np.reshape(moved, (*moved.shape[: len(rest)], -1)), kept


def _between(rows, low, high, fraction, shape, kept, keepdims):
    """The mean of two entries of each row, weighted; quantiles in front."""
    fraction = fraction.astype(rows.dtype)
    lower, upper = (np.take_along_axis(rows, at, -1) for at in (low, high))
    result = np.moveaxis(lower * (1 - fraction) + upper * fraction, -1, 0)
    tail = kept if keepdims is True else rows.shape[:-1]
    return np.reshape(result, (*shape, *tail))


def _positions(q: np.ndarray, n: np.ndarray, method: str) -> tuple[np.ndarray, np.ndarray, Any]:
    """The two neighbours of each quantile in sorted rows of `n` entries, `(..., quantiles)`."""
    at = q * (n - 1)
    low = np.clip(np.floor(at), 0, n - 1).astype(int)
    high = np.clip(np.ceil(at), 0, n - 1).astype(int)
    if method == "linear":
        return low, high, at - low
    if method == "lower":
        return low, low, np.zeros_like(at)
    if method == "higher":
        return high, high, np.zeros_like(at)
    if method == "nearest":
        near = np.clip(np.rint(at), 0, n - 1).astype(int)
        return near, near, np.zeros_like(at)
    if method == "midpoint":
        return low, high, np.full_like(at, 0.5)
    raise NotImplementedError(
        f"np.quantile(method={method!r}) has no gradient rule; "
        "there is one for linear, lower, higher, nearest and midpoint."
    )


@implements(np.quantile)
def _quantile(
    a, q, axis=None, out=None, overwrite_input=False, method="linear", keepdims=False, **more
):
    q = np.asarray(strip(q), float)
    flat, kept = _flattened(a, axis)
    low, high, fraction = _positions(np.ravel(q), np.full((1,) * flat.ndim, flat.shape[-1]), method)
    return _between(np.sort(flat, axis=-1), low, high, fraction, q.shape, kept, keepdims)


@implements(np.percentile)
def _percentile(a, q, *args, **kwargs):
    return _quantile(a, np.asarray(strip(q), float) / 100, *args, **kwargs)


# ------------------------------------------------------------------------- ignoring nan


@implements(np.nanquantile)
def _nanquantile(
    a, q, axis=None, out=None, overwrite_input=False, method="linear", keepdims=False, **more
):
    q = np.asarray(strip(q), float)
    flat, kept = _flattened(a, axis)
    # nan is sorted to the end: each row counts as long as it has numbers.
    numbers = np.sum(~np.isnan(strip(flat)), axis=-1, keepdims=True)
    low, high, fraction = _positions(np.ravel(q), np.maximum(numbers, 1), method)
    return _between(np.sort(flat, axis=-1), low, high, fraction, q.shape, kept, keepdims)


@implements(np.nanpercentile)
def _nanpercentile(a, q, *args, **kwargs):
    return _nanquantile(a, np.asarray(strip(q), float) / 100, *args, **kwargs)


@implements(np.nanmedian)
def _nanmedian(a, axis=None, out=None, overwrite_input=False, keepdims=False):
    return _nanquantile(a, 0.5, axis, keepdims=keepdims)
