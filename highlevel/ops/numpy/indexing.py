"""Entries picked by position or by condition."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np
from highlevel_backend import current_backend

from highlevel.ops.dispatch import (
    array,
    broadcast_shapes,
    cast_to,
    dtype_name,
    op,
    promote,
    shape_of,
)
from highlevel.ops.rules import axis_of, of, promoted, unary
from highlevel.symbolic import SymbolicTensor

__all__ = [
    "diag",
    "diagflat",
    "diagonal",
    "get_item",
    "nonzero",
    "select",
    "take",
    "take_along_axis",
    "trace",
    "tril",
    "triu",
    "unravel_index",
    "where",
]


def _index_rule(x: Any, key: Any) -> Any:
    """Integers, slices, `...` and None; anything else is left to abstract evaluation."""
    shape = shape_of(x)
    keys = key if isinstance(key, tuple) else (key,)
    plain = builtins.all(
        k is None or k is Ellipsis or (isinstance(k, (slice, int, np.integer))
        and not isinstance(k, bool))
        for k in keys
    )
    if not plain:
        return None
    taken = sum(k is not None and k is not Ellipsis for k in keys)
    if taken > len(shape):
        raise IndexError(
            f"{taken} indices for an array of {len(shape)} axes (shape {shape}): {key!r}."
        )
    if Ellipsis not in keys:
        keys = (*keys, Ellipsis)
    result: list[int | None] = []
    axis = 0
    for k in keys:
        if k is None:
            result.append(1)
        elif k is Ellipsis:
            rest = len(shape) - taken
            result.extend(shape[axis : axis + rest])
            axis += rest
        else:
            length = shape[axis]
            axis += 1
            if not isinstance(k, slice):
                if length is not None and not -length <= k < length:
                    raise IndexError(
                        f"Index {k} is out of range for axis {axis - 1} of shape {shape}."
                    )
                continue
            bounds = (k.start, k.stop, k.step)
            if any(isinstance(bound, SymbolicTensor) for bound in bounds):
                return None
            if length is not None:
                result.append(len(range(*k.indices(length))))
            else:
                result.append(_unknown_length(k))
    return of(tuple(result), promoted(x))


def _unknown_length(k: builtins.slice) -> int | None:
    """The length of a slice of an axis of unknown length is unknown, whatever its bounds."""
    return 0 if k.start == k.stop and k.start is not None else None


def _index(key: Any) -> Any:
    """Variables and lists among the indices as arrays."""
    if isinstance(key, tuple):
        return tuple([_index(k) for k in key])
    if isinstance(key, list) or hasattr(key, "path"):
        return array(key)
    return key


@op(spec=_index_rule)
def get_item(x: Any, key: Any) -> Any:
    """`x[key]`.

    Args:
        x: array.
        key: anything NumPy takes between brackets.

    >>> get_item([[1, 2], [3, 4]], (0, slice(None))).tolist()
    [1, 2]
    """
    return array(x)[_index(key)]


def _take_rule(x: Any, indices: Any, axis: Any = None) -> Any:
    shape, picked = shape_of(x), shape_of(indices)
    if axis is None:
        return of(picked, promoted(x))
    index = axis_of(axis, len(shape))
    return of((*shape[:index], *picked, *shape[index + 1 :]), promoted(x))


@op(spec=_take_rule)
def take(x: Any, indices: Any, axis: Any = None) -> Any:
    """Entries of `x` along an axis.

    Args:
        x: array.
        indices: array of integers; negative ones count from the end.
        axis: axis; the flattened array where None.

    Returns:
        Array with the shape of `indices` in the place of the axis.

    >>> take([10, 20, 30], [2, 0]).tolist()
    [30, 10]
    """
    xp = current_backend().xp
    x, indices = array(x), array(indices)
    if dtype_name(indices.dtype) not in _INTEGERS:
        indices = cast_to(indices, "int32")
    return xp.take(x, indices, axis=axis)


_INTEGERS = frozenset(
    ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
)  # fmt: skip


def _along_rule(x: Any, indices: Any, axis: Any = None) -> Any:
    shape, picked = shape_of(x), shape_of(indices)
    if axis is None:
        return of(picked, promoted(x))
    index = axis_of(axis, len(shape))
    result = list(
        broadcast_shapes(
            (*shape[:index], 1, *shape[index + 1 :]), (*picked[:index], 1, *picked[index + 1 :])
        )
    )
    result[index] = picked[index]
    return of(tuple(result), promoted(x))


@op(spec=_along_rule)
def take_along_axis(x: Any, indices: Any, axis: Any = None) -> Any:
    """Entries of `x` picked along an axis by an array of indices of as many axes.

    Args:
        x: array.
        indices: integers that broadcast with `x` on every other axis.
        axis: axis; the flattened arrays where None.
    """
    xp = current_backend().xp
    x, indices = array(x), array(indices)
    if dtype_name(indices.dtype) not in _INTEGERS:
        indices = cast_to(indices, "int32")
    if axis is None:
        return xp.take_along_axis(xp.reshape(x, (-1,)), xp.reshape(indices, (-1,)), axis=0)
    return xp.take_along_axis(x, indices, axis=axis)


def _nonzero_rule(x: Any) -> tuple:
    """One array per axis, of a length that the values decide."""
    return tuple([of((None,), "int32") for _ in shape_of(x)])


def _where_rule(condition: Any, x1: Any = None, x2: Any = None) -> Any:
    if x1 is None or x2 is None:
        return _nonzero_rule(condition) if x1 is x2 else None
    shape = broadcast_shapes(shape_of(condition), shape_of(x1), shape_of(x2))
    return of(shape, promoted(x1, x2))


@op(spec=_where_rule)
def where(condition: Any, x1: Any = None, x2: Any = None) -> Any:
    """`x1` where the condition holds, `x2` elsewhere.

    Args:
        condition: array of booleans (or numbers, true where not 0).
        x1, x2: arrays that broadcast with it; both or neither.

    Returns:
        Array of the promoted dtype; without `x1` and `x2` the indices where the condition
        holds, as `nonzero` gives them.

    Raises:
        ValueError: one of `x1` and `x2` without the other.

    >>> where([True, False], 1, [5, 6]).tolist()
    [1, 6]
    """
    xp = current_backend().xp
    condition = cast_to(array(condition), "bool")
    if x1 is None and x2 is None:
        return _nonzero(condition)
    if x1 is None or x2 is None:
        raise ValueError("`where` needs both `x1` and `x2`, or neither.")
    x1, x2 = promote(x1, x2)
    return xp.where(condition, x1, x2)


def _nonzero(x: Any) -> tuple:
    return tuple([cast_to(i, "int32") for i in current_backend().xp.nonzero(x)])


@op(spec=_nonzero_rule)
def nonzero(x: Any) -> tuple:
    """Indices of the entries other than 0; their number must be known, so not in a trace.

    Returns:
        Tuple with one int32 array per axis.
    """
    return _nonzero(array(x))


@op
def select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    """From several arrays, for each entry the first whose condition holds.

    Args:
        condlist: list of boolean arrays.
        choicelist: list of as many arrays.
        default: value where no condition holds.

    Raises:
        ValueError: the lists differ in length.
    """
    if len(condlist) != len(choicelist):
        raise ValueError(
            f"`select` needs as many conditions as choices; got {len(condlist)} and "
            f"{len(choicelist)}."
        )
    xp = current_backend().xp
    *choices, result = promote(*choicelist, default)
    for condition, choice in zip(reversed(condlist), reversed(choices)):
        result = xp.where(cast_to(array(condition), "bool"), choice, result)
    return result


def _triangle(x: Any, k: int, lower: bool) -> Any:
    backend = current_backend()
    xp = backend.xp
    x = array(x)
    rows, columns = x.shape[-2], x.shape[-1]
    keep = xp.tri(rows, columns, k if lower else k - 1, dtype="bool")
    return xp.where(keep if lower else xp.logical_not(keep), x, xp.zeros_like(x))


@op(spec=unary)
def tril(x: Any, k: int = 0) -> Any:
    """`x` with zeros above the `k`-th diagonal of its last two axes."""
    return _triangle(x, k, lower=True)


@op(spec=unary)
def triu(x: Any, k: int = 0) -> Any:
    """`x` with zeros below the `k`-th diagonal of its last two axes."""
    return _triangle(x, k, lower=False)


def _diagonal_length(rows: int | None, columns: int | None, offset: int) -> int | None:
    if rows is None or columns is None:
        return None
    return max(0, min(rows + min(offset, 0), columns - max(offset, 0)))


def _diag_rule(x: Any, k: int = 0) -> Any:
    shape = shape_of(x)
    if len(shape) == 1:
        side = None if shape[0] is None else shape[0] + abs(k)
        return of((side, side), promoted(x))
    if len(shape) != 2:
        raise ValueError(f"`diag` takes one or two axes; got an array of shape {shape}.")
    return of((_diagonal_length(shape[0], shape[1], k),), promoted(x))


@op(spec=_diag_rule)
def diag(x: Any, k: int = 0) -> Any:
    """The `k`-th diagonal of a matrix, or the matrix with `x` as its `k`-th diagonal.

    Raises:
        ValueError: `x` has neither one nor two axes.
    """
    x = array(x)
    if x.ndim == 2:
        return _diagonal(x, k, 0, 1)
    if x.ndim != 1:
        raise ValueError(f"`diag` takes one or two axes; got an array of shape {tuple(x.shape)}.")
    return _diag_matrix(x, k)


def _diag_matrix(x: Any, k: int) -> Any:
    xp = current_backend().xp
    x = xp.pad(x, ((max(k, 0), max(-k, 0)),))
    # Row i of the matrix has x's entry i - min(k, 0) ... put by columns:
    side = x.shape[0]
    keep = xp.eye(side, side, k, dtype="bool")
    return xp.where(keep, x[None, :], xp.zeros_like(x))


@op
def diagflat(x: Any, k: int = 0) -> Any:
    """The matrix with the flattened `x` as its `k`-th diagonal."""
    return _diag_matrix(current_backend().xp.reshape(array(x), (-1,)), k)


def _diagonal(x: Any, offset: int, axis1: int, axis2: int) -> Any:
    """Diagonals by one gather, which has a gradient everywhere."""
    xp = current_backend().xp
    i, j = axis_of(axis1, x.ndim, "axis1"), axis_of(axis2, x.ndim, "axis2")
    x = xp.moveaxis(x, (i, j), (-2, -1))
    length = _diagonal_length(x.shape[-2], x.shape[-1], offset) or 0
    steps = np.arange(length)
    return x[..., steps - min(offset, 0), steps + max(offset, 0)]


def _diagonal_rule(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    shape = shape_of(x)
    i, j = axis_of(axis1, len(shape), "axis1"), axis_of(axis2, len(shape), "axis2")
    rest = tuple([n for a, n in enumerate(shape) if a not in (i, j)])
    return of((*rest, _diagonal_length(shape[i], shape[j], offset)), promoted(x))


@op(spec=_diagonal_rule)
def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """Diagonals of the matrices in two axes.

    Args:
        x: array of at least two axes.
        offset: which diagonal, positive above the main one.
        axis1, axis2: the two axes; the diagonal becomes the last axis of the result.
    """
    return _diagonal(array(x), offset, axis1, axis2)


def _trace_rule(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    found = _diagonal_rule(x, offset, axis1, axis2)
    return of(found.shape[:-1], _TRACE.get(found.dtype, found.dtype))


_TRACE: dict[Any, Any] = {
    "bool": "int32", "int8": "int32", "int16": "int32", "uint8": "uint32", "uint16": "uint32",
}  # fmt: skip


@op(spec=_trace_rule)
def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """Sums of the diagonals of the matrices in two axes. See `diagonal` for the arguments."""
    x = array(x)
    name = dtype_name(x.dtype)
    x = cast_to(x, _TRACE.get(name, name))
    dtype = dtype_name(x.dtype)
    total = current_backend().xp.sum(_diagonal(x, offset, axis1, axis2), axis=-1)
    return cast_to(total, dtype)


@op
def unravel_index(indices: Any, shape: Any) -> tuple:
    """Indices into the flattened array of a shape as one index per axis.

    Args:
        indices: integers, negative ones from the end.
        shape: shape of the array.

    Returns:
        Tuple of integer arrays, one per axis.

    >>> [int(i) for i in unravel_index(5, (2, 3))]
    [1, 2]
    """
    xp = current_backend().xp
    flat = array(indices)
    shape = tuple(int(n) for n in shape)
    flat = xp.where(flat < 0, flat + array(int(np.prod(shape)), dtype_name(flat.dtype)), flat)
    result = []
    for length in reversed(shape):
        n = array(length, dtype_name(flat.dtype))
        result.append(xp.remainder(flat, n))
        flat = xp.floor_divide(flat, n)
    return tuple(reversed(result))
