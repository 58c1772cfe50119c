"""Gradients of functions that only move entries: reshape, repeat, pad, sort, ..."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from highlevel_numpy.recorded import FUNCTIONS, Primitive, record, strip
from highlevel_numpy.rules.common import (
    fit,
    implements,
    recorded_function,
    without_gradient,
)

# ---------------------------------------------------------------------- reshaping


def _reshape_back(g: Any, out: Any, x: Any, shape: Any, order: Any = "C") -> Any:
    return np.reshape(g, x.shape, order=order)


_RESHAPE = (_reshape_back, None, None)


@implements(np.reshape)
def _np_reshape(a, /, shape=None, order="C", *, newshape=None, copy=None):
    shape = newshape if shape is None else shape
    if order == "C":
        return record(np.reshape, _RESHAPE, (a, shape))
    return record(np.reshape, _RESHAPE, (a, shape, order))


@implements(np.ravel)
def _ravel(a, order="C"):
    return _np_reshape(a, -1, order if order in "CF" else "C")


def _transpose_gradient(g, out, x, axes=None):
    return np.transpose(g, None if axes is None else np.argsort(np.mod(axes, x.ndim)))


def _np_transpose(a, axes=None):
    return record(np.transpose, (_transpose_gradient, None), (a, axes))


FUNCTIONS[np.transpose] = FUNCTIONS[np.permute_dims] = _np_transpose


@implements(np.matrix_transpose)
def _matrix_transpose(x):
    return np.swapaxes(x, -1, -2)


recorded_function(
    np.swapaxes, lambda g, out, x, axis1, axis2: np.swapaxes(g, axis1, axis2), None, None
)
recorded_function(
    np.moveaxis,
    lambda g, out, x, source, destination: np.moveaxis(g, destination, source),
    None,
    None,
)


@implements(np.rollaxis)
def _rollaxis(a, axis, start=0):
    axis, start = axis % a.ndim, start + a.ndim if start < 0 else start
    return np.moveaxis(a, axis, start - (axis < start))


def _same_entries(function):
    """A function that only changes the shape: its gradient has the old one."""
    gradient = lambda g, out, x, *args, **kwargs: np.reshape(g, x.shape)  # noqa: E731
    recorded_function(function, gradient, None, None)


_same_entries(np.expand_dims)
_same_entries(np.squeeze)


def _at_least(n, place):
    def implementation(*arrays):
        results = [place(x) if np.ndim(x) < n else x for x in arrays]
        return results[0] if len(results) == 1 else tuple(results)

    return implementation


FUNCTIONS[np.atleast_1d] = _at_least(1, lambda x: np.reshape(x, (1,)))
FUNCTIONS[np.atleast_2d] = _at_least(2, lambda x: np.reshape(x, (1, -1)))
FUNCTIONS[np.atleast_3d] = _at_least(
    3, lambda x: np.reshape(x, (1, -1, 1) if np.ndim(x) < 2 else (*np.shape(x), 1))
)

# -------------------------------------------------------------------- broadcasting

recorded_function(np.broadcast_to, lambda g, out, x, shape, subok=False: fit(g, x), None, None)


@implements(np.broadcast_arrays)
def _broadcast_arrays(*arrays, subok=False):
    shape = np.broadcast_shapes(*[np.shape(x) for x in arrays])
    return tuple([np.broadcast_to(x, shape) for x in arrays])


@implements(np.meshgrid)
def _meshgrid(*arrays, copy=True, sparse=False, indexing="xy"):
    n = len(arrays)
    order = list(range(n))
    if indexing == "xy" and n > 1:
        order[:2] = [1, 0]
    placed = []
    for x, position in zip(arrays, order):
        shape = [1] * n
        shape[position] = -1
        placed.append(np.reshape(x, shape))
    return tuple(placed) if sparse else _broadcast_arrays(*placed)


# ----------------------------------------------------------------------- repeating


def _tile_gradient(g, out, x, reps):
    reps = (reps,) if np.ndim(reps) == 0 else tuple(reps)
    ndim = max(x.ndim, len(reps))
    shape = (1,) * (ndim - x.ndim) + x.shape
    reps = (1,) * (ndim - len(reps)) + reps
    split = [n for pair in zip(reps, shape) for n in pair]
    g = np.sum(np.reshape(g, split), axis=tuple(range(0, 2 * ndim, 2)))
    return np.reshape(g, x.shape)


recorded_function(np.tile, _tile_gradient, None)


def _repeat_gradient(g, out, x, repeats, axis):
    axis = axis % x.ndim
    n = x.shape[axis]
    if np.ndim(repeats) == 0 or np.size(repeats) == 1:
        shape = (*x.shape[:axis], n, int(np.ravel(repeats)[0]), *x.shape[axis + 1 :])
        return np.sum(np.reshape(g, shape), axis=axis + 1)
    source = np.repeat(np.arange(n), repeats)
    index = (slice(None),) * axis + (source,)
    return FUNCTIONS["embed"](g, index, x.shape, x.dtype)


_REPEAT = (_repeat_gradient, None, None)


@implements(np.repeat)
def _repeat(a, repeats, axis=None):
    if axis is None:
        a, axis = np.ravel(a), 0
    return record(np.repeat, _REPEAT, (a, repeats, axis))


@implements(np.resize)
def _resize(a, new_shape):
    shape = (new_shape,) if np.ndim(new_shape) == 0 else tuple(new_shape)
    size = math.prod(shape)
    flat = np.ravel(a)
    return np.reshape(np.take(flat, np.arange(size) % flat.shape[0]), shape)


# ------------------------------------------------------------------------- padding


def _pad_constant(x, widths, value=0):
    return np.pad(x, widths, constant_values=value)


def _pad_gradient(g, out, x, widths, value=0):
    return g[tuple([slice(before, before + n) for (before, _), n in zip(widths, x.shape)])]


_pad_with = Primitive(_pad_constant, (_pad_gradient, None, None))


@implements(np.pad)
def _pad(array, pad_width, mode="constant", **options):
    if isinstance(pad_width, dict):
        pad_width = [pad_width.get(i, pad_width.get(i - array.ndim, 0)) for i in range(array.ndim)]
        pad_width = [(w, w) if np.ndim(w) == 0 else w for w in pad_width]
    widths = [tuple(map(int, w)) for w in np.broadcast_to(np.asarray(pad_width), (array.ndim, 2))]
    if mode == "constant":
        return _pad_with(array, widths, options.get("constant_values", 0))
    if mode in ("edge", "reflect", "symmetric", "wrap"):
        # Each entry of the result is one of the array: pad the positions instead.
        for axis, (width, n) in enumerate(zip(widths, array.shape)):
            if width != (0, 0):
                array = np.take(array, np.pad(np.arange(n), width, mode=mode, **options), axis=axis)
        return array
    raise NotImplementedError(
        f"np.pad(mode={mode!r}) has no gradient rule; there is one for constant, edge, "
        "reflect, symmetric and wrap."
    )


# ------------------------------------------------------------------------ reordering

recorded_function(np.flip, lambda g, out, x, axis=None: np.flip(g, axis), None)
recorded_function(np.fliplr, lambda g, out, x: np.fliplr(g))
recorded_function(np.flipud, lambda g, out, x: np.flipud(g))
recorded_function(
    np.roll,
    lambda g, out, x, shift, axis=None: np.roll(g, np.negative(shift), axis),
    None,
    None,
)
recorded_function(np.rot90, lambda g, out, x, k=1, axes=(0, 1): np.rot90(g, -k, axes), None, None)
recorded_function(np.copy, lambda g, out, x, *args, **kwargs: g)


@implements(np.sort)
def _sort(a, axis=-1, kind=None, order=None, *, stable=None):
    if axis is None:
        a, axis = np.ravel(a), 0
    order_of = np.argsort(strip(a), axis=axis, kind="stable")
    return np.take_along_axis(a, order_of, axis=axis)


@implements(np.partition)
def _partition(a, kth, axis=-1, kind="introselect", order=None):
    if axis is None:
        a, axis = np.ravel(a), 0
    return np.take_along_axis(a, np.argpartition(strip(a), kth, axis=axis), axis=axis)


@implements(np.trim_zeros)
def _trim_zeros(filt, trim: Any = "fb", axis=None):
    kept = np.trim_zeros(strip(filt), trim)
    start = int(np.nonzero(strip(filt))[0][0]) if "f" in trim.lower() and kept.size else 0
    return filt[start : start + kept.shape[0]]


# -------------------------------------------------------------------------- diagonals


def _place_diagonal(values, shape, offset=0, axis1=0, axis2=1):
    """Zeros of `shape` with `values` on a diagonal."""
    out = np.zeros(shape, values.dtype)
    view = np.moveaxis(out, (axis1, axis2), (-2, -1))
    n = values.shape[-1]
    rows = np.arange(n) + max(-offset, 0)
    view[..., rows, rows + offset] = values
    return out


place_diagonal = Primitive(
    _place_diagonal,
    (
        lambda g, out, values, shape, offset=0, axis1=0, axis2=1: np.diagonal(
            g, offset, axis1, axis2
        ),
        *(None,) * 4,
    ),
)


def _diagonal_gradient(g, out, x, offset=0, axis1=0, axis2=1):
    return place_diagonal(g, x.shape, offset, axis1, axis2)


recorded_function(np.diagonal, _diagonal_gradient, None, None, None)


@implements(np.linalg.diagonal)
def _linalg_diagonal(x, /, *, offset=0):
    return np.diagonal(x, offset, -2, -1)


@implements(np.diag)
def _diag(v, k=0):
    if v.ndim == 2:
        return np.diagonal(v, k)
    n = v.shape[0] + abs(k)
    return place_diagonal(v, (n, n), k)


@implements(np.diagflat)
def _diagflat(v, k=0):
    return _diag(np.ravel(v), k)


@implements(np.trace)
def _trace(a, offset=0, axis1=0, axis2=1, dtype=None, out=None):
    return np.sum(np.diagonal(a, offset, axis1, axis2), axis=-1, dtype=dtype)


@implements(np.linalg.trace)
def _linalg_trace(x, /, *, offset=0, dtype=None):
    return _trace(x, offset, -2, -1, dtype)


recorded_function(np.tril, lambda g, out, x, k=0: np.tril(g, k), None)
recorded_function(np.triu, lambda g, out, x, k=0: np.triu(g, k), None)


@implements(np.vander)
def _vander(x, N=None, increasing=False):
    powers = np.arange(x.shape[0] if N is None else N)
    return x[:, None] ** (powers if increasing else powers[::-1]).astype(x.dtype)


without_gradient(
    np.shape, np.ndim, np.size, np.zeros_like, np.ones_like, np.empty_like, np.argsort,
    np.argpartition, np.lexsort, np.nonzero, np.argwhere, np.flatnonzero, np.searchsorted,
    np.digitize, np.isin, np.unique, np.unique_all, np.unique_counts, np.unique_inverse,
    np.unique_values, np.result_type, np.can_cast, np.common_type, np.min_scalar_type,
    np.array_repr, np.array_str, np.array2string, np.shares_memory, np.may_share_memory,
    np.setdiff1d, np.intersect1d, np.union1d, np.setxor1d, np.tril_indices_from,
    np.triu_indices_from, np.diag_indices_from, np.save, np.savez, np.savetxt,
)  # fmt: skip


@implements(np.full_like)
def _full_like(a, fill_value, dtype=None, order="K", subok=True, shape=None, **more):
    dtype = strip(a).dtype if dtype is None else np.dtype(dtype)
    fill = FUNCTIONS["array"](fill_value).astype(dtype)
    return np.broadcast_to(fill, a.shape if shape is None else shape)


def _in_place(function):
    def implementation(*args, **kwargs):
        raise TypeError(
            f"`np.{function.__name__}` changes an array in place, which an array whose gradient "
            "is recorded cannot be. Use `backend.index_update(x, index, values)` or `np.where`."
        )

    FUNCTIONS[function] = implementation


for _function in (np.copyto, np.put, np.place, np.putmask, np.put_along_axis, np.fill_diagonal):
    _in_place(_function)

__all__ = ["place_diagonal"]
