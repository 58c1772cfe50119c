"""Gradients of taking entries out of an array and of putting them in."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from highlevel_numpy.recorded import FUNCTIONS, Primitive, record, strip, strip_tree
from highlevel_numpy.rules.common import fit, implements
from highlevel_numpy.traced import is_traced
from highlevel_numpy.walk import SCATTER

__all__ = ["add_at", "embed", "getitem", "index_add", "index_max", "index_min", "index_set"]


def is_basic(index: Any) -> bool:
    """Whether `index` names each entry at most once for sure: integers, slices, masks."""
    for part in index if isinstance(index, tuple) else (index,):
        if part is None or part is Ellipsis or isinstance(part, (int, slice, np.integer)):
            continue
        if isinstance(part, bool) or getattr(getattr(part, "dtype", None), "kind", "") == "b":
            continue
        return False
    return True


def _flat_positions(index: Any, shape: tuple[int, ...]) -> Any:
    """Positions in the flattened array of `array[index]`, for the common forms; or None."""
    parts = index if isinstance(index, tuple) else (index,)
    arrays = []
    for part in parts:
        part = np.asarray(part)
        if part.dtype.kind not in "iu":
            return None
        arrays.append(part)
    lengths = shape[: len(arrays)]
    # Out of range has raised when the entries were taken; negative ones count from the end.
    positions: Any = 0
    for part, n in zip(arrays, lengths):
        positions = positions * n + np.where(part < 0, part + n, part).astype(np.intp)
    rest = math.prod(shape[len(arrays) :])
    if rest != 1:
        positions = positions[..., None] * rest + np.arange(rest)
    return positions.ravel()


def add_at(buffer: np.ndarray, index: Any, g: Any) -> None:
    """`buffer[index] += g` in place, counting entries as often as they are named."""
    if is_basic(index):
        buffer[index] += g
        return
    if any(isinstance(part, slice) or part is None or part is Ellipsis
           for part in (index if isinstance(index, tuple) else (index,))):  # fmt: skip
        np.add.at(buffer, index, g)
        return
    positions = _flat_positions(index, buffer.shape)
    if positions is None or not buffer.flags.c_contiguous:
        np.add.at(buffer, index, g)
        return
    # NumPy adds into one axis several times as fast as into rows.
    values = np.broadcast_to(g, buffer[index].shape) if np.size(g) != positions.size else g
    np.add.at(buffer.reshape(-1), positions, np.ravel(values))


def _getitem(x, index):
    return x[index]


def _embed(g, index, shape, dtype):
    buffer = np.zeros(shape, dtype)
    add_at(buffer, index, g)
    return buffer


#: Zeros of a shape and dtype to which `g` has been added at `index`.
embed = Primitive(_embed, (lambda g, out, x, index, shape, dtype: g[index], None, None, None))
FUNCTIONS["embed"] = embed

_GETITEM = (lambda g, out, x, index: embed(g, index, x.shape, x.dtype), None)
SCATTER[_GETITEM] = lambda buffer, g, x, index: add_at(buffer, index, g)


@implements("getitem")
def getitem(x, index):
    """`x[index]`."""
    return record(_getitem, _GETITEM, (x, strip_tree(index)))


# ------------------------------------------------------------------------ putting in


def _index_set(x, values, index):
    out = np.array(x)
    out[index] = values
    return out


def _set_by_x(g, out, x, values, index):
    return index_set(g, np.zeros((), g.dtype), index)


def _set_by_values(g, out, x, values, index):
    taken = g[index]
    if not is_basic(index):
        # Of entries named more than once only the value that stayed has a gradient.
        number = np.arange(taken.size).reshape(taken.shape)
        stayed = np.full(out.shape, -1)
        stayed[index] = number
        taken = taken * (stayed[index] == number)
    return fit(taken, values)


#: A copy of `x` with `values` at `index`.
index_set = Primitive(_index_set, (_set_by_x, _set_by_values, None))


def _index_add(x, values, index):
    out = np.array(x)
    add_at(out, index, values)
    return out


#: A copy of `x` with `values` added at `index`.
index_add = Primitive(
    _index_add,
    (
        lambda g, out, x, values, index: g,
        lambda g, out, x, values, index: fit(g[index], values),
        None,
    ),
)


# -------------------------------------------------------------------------- taking


def _positions(indices: Any, n: int, mode: str) -> Any:
    found: Any = strip(indices)
    if not is_traced(found):
        found = np.asarray(strip_tree(indices))
    if mode == "wrap":
        return found % n
    if mode == "clip":
        return np.clip(found, 0, n - 1)
    return found


@implements(np.take)
def _take(a, indices, axis=None, out=None, mode="raise"):
    if axis is None:
        a, axis = np.ravel(a), 0
    axis = axis % a.ndim
    return a[(slice(None),) * axis + (_positions(indices, a.shape[axis], mode),)]


def _along(indices: np.ndarray, shape: tuple[int, ...], axis: int) -> tuple:
    """The index that takes `indices` along `axis` and goes straight along the others."""
    index = []
    for i, n in enumerate(indices.shape):
        if i == axis:
            index.append(indices)
        else:
            index.append(np.arange(n).reshape([-1 if j == i else 1 for j in range(len(shape))]))
    return tuple(index)


@implements(np.take_along_axis)
def _take_along_axis(arr, indices, axis=-1):
    indices = strip(indices)
    if axis is None:
        return np.ravel(arr)[np.ravel(indices)]
    axis = axis % arr.ndim
    # Other axes may have length 1 on either side; the result has the longer.
    shape = tuple(
        [n if i == axis else max(n, m) for i, (n, m) in enumerate(zip(arr.shape, indices.shape))]
    )
    wanted = tuple([indices.shape[axis] if i == axis else n for i, n in enumerate(shape)])
    if arr.shape != shape:
        arr = np.broadcast_to(arr, shape)
    return arr[_along(np.broadcast_to(indices, wanted), shape, axis)]


@implements(np.compress)
def _compress(condition, a, axis=None, out=None):
    chosen = np.flatnonzero(strip_tree(condition))
    return _take(a, chosen, axis)


@implements(np.extract)
def _extract(condition, arr):
    return np.ravel(arr)[np.flatnonzero(strip(condition))]


@implements(np.delete)
def _delete(arr, obj, axis=None):
    if axis is None:
        arr, axis = np.ravel(arr), 0
    return _take(arr, np.delete(np.arange(arr.shape[axis]), obj), axis)


@implements(np.insert)
def _insert(arr, obj, values, axis=None):
    if axis is None:
        arr, axis = np.ravel(arr), 0
    if np.ndim(obj):
        raise NotImplementedError("np.insert at several places has no gradient rule.")
    n = arr.shape[axis]
    at = int(obj) + n if obj < 0 else int(obj)
    values = FUNCTIONS["array"](values)
    one = list(arr.shape)
    one[axis] = 1 if values.ndim < arr.ndim else values.shape[axis]
    if 0 < values.ndim < arr.ndim:
        values = np.expand_dims(values, axis)
    before, after = _take(arr, np.arange(at), axis), _take(arr, np.arange(at, n), axis)
    return np.concatenate([before, np.broadcast_to(values, one).astype(arr.dtype), after], axis)


@implements(np.select)
def _select(condlist, choicelist, default=0):
    result = default
    for condition, choice in zip(reversed(condlist), reversed(choicelist)):
        result = np.where(strip(condition), choice, result)
    return result


@implements(np.choose)
def _choose(a, choices, out=None, mode="raise"):
    n = len(choices)
    stacked = np.stack(np.broadcast_arrays(*choices))
    which = _positions(a, n, mode)
    shape = np.broadcast_shapes(which.shape, stacked.shape[1:])
    stacked = np.broadcast_to(stacked, (n, *shape))
    return _take_along_axis(stacked, np.broadcast_to(which, shape)[None], 0)[0]


@implements(np.piecewise)
def _piecewise(x, condlist, funclist, *args, **kwargs):
    conditions = [np.asarray(strip(c)) for c in condlist]
    if len(funclist) == len(conditions) + 1:
        conditions = [*conditions, ~np.any(conditions, axis=0)]
    result = np.zeros(x.shape, x.dtype)
    for condition, function in zip(conditions, funclist):
        value: Any = function(x, *args, **kwargs) if callable(function) else function
        result = np.where(condition, value, result)
    return result


@implements(np.bincount)
def _bincount(x, /, weights=None, minlength=0):
    x = np.asarray(strip(x))
    if weights is None:
        return np.bincount(x, minlength=minlength)
    n = max(minlength, int(x.max()) + 1 if x.size else 0)
    return embed(weights, x, (n,), weights.dtype)


def _index_best(ufunc: np.ufunc) -> Primitive:
    """A copy of `x` with the better one of its entry and the `values` at `index`."""

    def best(x, values, index):
        out = np.array(x)
        ufunc.at(out, index, values)
        return out

    def shares(g, out, x, values, index):
        """The gradient, divided evenly among all that are equal to the best."""
        out, x, values = strip(out), strip(x), strip(values)
        by_x, by_values = x == out, values == out[index]
        winners = by_x.astype(out.dtype)
        np.add.at(winners, index, by_values)
        return g / np.maximum(winners, 1), by_x, by_values

    def gradient_x(g, out, x, values, index):
        share, by_x, _ = shares(g, out, x, values, index)
        return share * by_x

    def gradient_values(g, out, x, values, index):
        share, _, by_values = shares(g, out, x, values, index)
        return fit(share[index] * by_values, values)

    return Primitive(best, (gradient_x, gradient_values, None))


index_max, index_min = _index_best(np.maximum), _index_best(np.minimum)
