"""Gradients of joining arrays and of taking them apart."""

from __future__ import annotations

from typing import Any

import numpy as np

from highlevel_numpy.recorded import FUNCTIONS, Primitive
from highlevel_numpy.rules.common import implements

__all__ = ["array", "concatenate", "stack", "unstack"]

# -------------------------------------------------------------------------- joining


def _concatenate(*arrays, axis=0):
    return np.concatenate(arrays, axis=axis)


def _concatenate_gradient(g, out, *arrays, axis=0):
    ends = np.cumsum([x.shape[axis] for x in arrays])[:-1]
    return np.split(g, ends, axis=axis)


concatenate = Primitive(_concatenate, _concatenate_gradient)


@implements(np.concatenate, np.concat)
def _np_concatenate(arrays, axis=0, out=None, *, dtype=None, casting="same_kind"):
    arrays = [x if hasattr(x, "shape") else FUNCTIONS["array"](x) for x in arrays]
    if axis is None:
        arrays, axis = [np.ravel(x) for x in arrays], 0
    if dtype is not None:
        arrays = [x.astype(dtype) for x in arrays]
    return concatenate(*arrays, axis=axis)


def _stack(*arrays, axis=0):
    return np.stack(arrays, axis=axis)


def _stack_gradient(g, out, *arrays, axis=0):
    return unstack(g, axis=axis)


stack = Primitive(_stack, _stack_gradient)


@implements(np.stack)
def _np_stack(arrays, axis=0, out=None, *, dtype=None, casting="same_kind"):
    arrays = [x if hasattr(x, "shape") else FUNCTIONS["array"](x) for x in arrays]
    if dtype is not None:
        arrays = [x.astype(dtype) for x in arrays]
    return stack(*arrays, axis=axis)


def _unstack(x, axis=0):
    return tuple(x if axis == 0 else np.moveaxis(x, axis, 0))


def _unstack_gradient(g, out, x, axis=0):
    return (np.stack(_without_gaps(g, out), axis=axis),)


def _without_gaps(pieces, out):
    """The gradients of a tuple's entries, zeros for those that were not used."""
    return [
        np.zeros(x.shape, x.dtype) if piece is None else piece for piece, x in zip(pieces, out)
    ]


unstack = Primitive(_unstack, _unstack_gradient)
FUNCTIONS["unstack"] = unstack


@implements(np.unstack)
def _np_unstack(x, /, *, axis=0):
    return unstack(x, axis=axis)


@implements("array")
def array(x: Any) -> Any:
    """A nested list of numbers and arrays, recorded ones among them, as one array."""
    if not isinstance(x, (list, tuple)):
        return x if hasattr(x, "shape") else np.asarray(x)
    rows = [array(item) for item in x]
    return np.stack(rows) if rows else np.zeros(0)


@implements(np.hstack)
def _hstack(arrays, **kwargs):
    arrays = [FUNCTIONS[np.atleast_1d](x) for x in map(array, arrays)]
    return np.concatenate(arrays, axis=0 if arrays[0].ndim == 1 else 1)


@implements(np.vstack)
def _vstack(arrays, **kwargs):
    return np.concatenate([FUNCTIONS[np.atleast_2d](x) for x in map(array, arrays)], axis=0)


@implements(np.dstack)
def _dstack(arrays, **kwargs):
    return np.concatenate([FUNCTIONS[np.atleast_3d](x) for x in map(array, arrays)], axis=2)


@implements(np.column_stack)
def _column_stack(arrays):
    arrays = [array(x) for x in arrays]
    return np.concatenate([x if x.ndim > 1 else np.reshape(x, (-1, 1)) for x in arrays], axis=1)


@implements(np.block)
def _block(arrays):
    def depth(x):
        return 1 + max(map(depth, x)) if isinstance(x, list) else 0

    def join(x, level):
        if not isinstance(x, list):
            missing = (1,) * (ndim - np.ndim(x))
            return np.reshape(x, missing + np.shape(x)) if missing else x
        return np.concatenate([join(item, level - 1) for item in x], axis=-level)

    def leaves(x):
        return [leaf for item in x for leaf in leaves(item)] if isinstance(x, list) else [x]

    levels = depth(arrays)
    ndim = max([levels, *[np.ndim(x) for x in leaves(arrays)]])
    return join(arrays, levels)


@implements(np.append)
def _append(arr, values, axis=None):
    if axis is None:
        return np.concatenate([np.ravel(arr), np.ravel(array(values))])
    return np.concatenate([arr, array(values)], axis=axis)


# ------------------------------------------------------------------------ splitting


def _split(x, sections, axis=0):
    return np.array_split(x, sections, axis=axis)


def _split_gradient(g, out, x, sections, axis=0):
    return (np.concatenate(_without_gaps(g, out), axis=axis), None)


_splitting = Primitive(_split, _split_gradient)


@implements(np.array_split)
def _array_split(ary, indices_or_sections, axis=0):
    return _splitting(ary, _increasing(indices_or_sections), axis=axis)


def _increasing(sections):
    if np.ndim(sections) and np.any(np.diff(sections) < 0):
        raise ValueError(f"np.split needs growing indices to have a gradient, not {sections}.")
    return sections


@implements(np.split)
def _np_split(ary, indices_or_sections, axis=0):
    if np.ndim(indices_or_sections) == 0 and ary.shape[axis] % indices_or_sections:
        raise ValueError(
            f"an axis of length {ary.shape[axis]} does not split into {indices_or_sections} "
            "equal parts; np.array_split makes unequal ones"
        )
    return _array_split(ary, indices_or_sections, axis)


@implements(np.hsplit)
def _hsplit(ary, indices_or_sections):
    return _np_split(ary, indices_or_sections, 0 if ary.ndim == 1 else 1)


@implements(np.vsplit)
def _vsplit(ary, indices_or_sections):
    return _np_split(ary, indices_or_sections, 0)


@implements(np.dsplit)
def _dsplit(ary, indices_or_sections):
    return _np_split(ary, indices_or_sections, 2)
