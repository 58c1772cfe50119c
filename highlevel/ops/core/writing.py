"""Arrays with some entries changed; always a new array."""

from __future__ import annotations

from typing import Any

import numpy as np
from highlevel_backend import current_backend

from highlevel.ops.dispatch import array, cast_to, dtype_name, op, shape_of
from highlevel.ops.rules import of, promoted, shape_argument

__all__ = ["scatter", "scatter_update", "slice", "slice_update"]

_slice = slice  # this module has an op of that name

_MODES = {None: "set", "add": "add", "max": "max", "min": "min", "mul": "multiply"}


def _positions(indices: Any) -> Any:
    """`(..., depth)` indices as one array per indexed axis."""
    return tuple([indices[..., i] for i in range(indices.shape[-1])])


def _integers(indices: Any) -> Any:
    indices = array(indices)
    return indices if dtype_name(indices.dtype).startswith(("int", "uint")) else cast_to(
        indices, "int32"
    )


@op(spec=lambda indices, values, shape: of(shape_argument(shape), promoted(values)))
def scatter(indices: Any, values: Any, shape: Any) -> Any:
    """Zeros with values added at given places.

    Args:
        indices: `(..., depth)` integers, positions on the first `depth` axes.
        values: `(..., *shape[depth:])`; those for one place are summed.
        shape: shape of the result.

    Returns:
        Array of `shape`, in the dtype of `values`.

    >>> scatter([[0], [2]], [1.0, 5.0], (4,)).tolist()
    [1.0, 0.0, 5.0, 0.0]
    """
    backend = current_backend()
    values = array(values)
    zeros = backend.xp.zeros(shape_argument(shape), dtype=values.dtype)
    return backend.index_update(zeros, _positions(_integers(indices)), values, "add")


@op(spec=lambda inputs, indices, updates, reduction=None: of(shape_of(inputs), promoted(inputs)))
def scatter_update(inputs: Any, indices: Any, updates: Any, reduction: str | None = None) -> Any:
    """`inputs` with the entries at given places changed.

    Args:
        inputs: array.
        indices: `(..., depth)` integers, positions on the first `depth` axes.
        updates: `(..., *inputs.shape[depth:])`.
        reduction: how an update meets the entry: None puts it in its place, `"add"`,
            `"max"`, `"min"` and `"mul"` combine the two.

    Raises:
        ValueError: another reduction.

    >>> scatter_update([1, 2, 3], [[1]], [9]).tolist()
    [1, 9, 3]
    """
    if reduction not in _MODES:
        raise ValueError(
            f"`reduction` must be one of None, 'add', 'max', 'min', 'mul'; got {reduction!r}."
        )
    inputs = array(inputs)
    updates = array(updates, dtype_name(inputs.dtype))
    return current_backend().index_update(
        inputs, _positions(_integers(indices)), updates, _MODES[reduction]
    )


def _starts(start_indices: Any, rank: int) -> list:
    """One start per axis, as Python integers where they are known."""
    backend = current_backend()
    if isinstance(start_indices, (list, tuple)):
        starts = list(start_indices)
    else:
        starts = array(start_indices)
        starts = [starts[i] for i in range(starts.shape[0])]
    if len(starts) != rank:
        raise ValueError(f"`start_indices` needs one entry for each of {rank} axes; got {starts}.")
    result = []
    for start in starts:
        if not isinstance(start, (int, np.integer)):
            start = array(start)
            start = start if backend.is_abstract(start) else int(start)
        result.append(start)
    return result


def _places(start_indices: Any, whole: tuple, part: tuple) -> tuple:
    """An index for `part` of an array of shape `whole`; the part is moved inside."""
    xp = current_backend().xp
    places = []
    known = True
    for axis, (start, n, m) in enumerate(zip(_starts(start_indices, len(whole)), whole, part)):
        if isinstance(start, (int, np.integer)) and isinstance(n, int):
            start = max(0, min(start + n if start < 0 else start, n - m))
            places.append(_slice(start, start + m))
            continue
        known = False
        start = xp.where(start < 0, start + n, start)
        start = xp.clip(start, 0, n - m)
        places.append(
            xp.reshape(start + xp.arange(m), (1,) * axis + (m,) + (1,) * (len(whole) - axis - 1))
        )
    if known:
        return tuple(places)
    return tuple(
        [
            xp.reshape(
                xp.arange(place.start, place.stop),
                (1,) * axis + (-1,) + (1,) * (len(whole) - axis - 1),
            )
            if isinstance(place, _slice)
            else place
            for axis, place in enumerate(places)
        ]
    )


def _slice_rule(inputs: Any, start_indices: Any, shape: Any) -> Any:
    whole = shape_of(inputs)
    part = shape_argument(shape)
    return of(tuple([n if m == -1 else m for n, m in zip(whole, part)]), promoted(inputs))


@op(spec=_slice_rule)
def slice(inputs: Any, start_indices: Any, shape: Any) -> Any:
    """A block of `inputs` that begins at places which may be computed.

    Args:
        inputs: array.
        start_indices: one integer per axis; a block that would reach beyond the end is
            moved back inside.
        shape: shape of the block; -1 for all that is left, where the starts are known.

    >>> slice([[1, 2], [3, 4]], (1, 0), (1, 2)).tolist()
    [[3, 4]]
    """
    inputs = array(inputs)
    whole = tuple(inputs.shape)
    part = list(shape_argument(shape))
    if -1 in part:
        starts = _starts(start_indices, len(whole))
        part = [n - starts[i] if m == -1 else m for i, (n, m) in enumerate(zip(whole, part))]
    return inputs[_places(start_indices, whole, tuple(part))]


@op(spec=lambda inputs, start_indices, updates: of(shape_of(inputs), promoted(inputs)))
def slice_update(inputs: Any, start_indices: Any, updates: Any) -> Any:
    """`inputs` with a block replaced.

    Args:
        inputs: array.
        start_indices: where the block begins, one integer per axis; see `slice`.
        updates: the block, of as many axes as `inputs`.
    """
    inputs = array(inputs)
    updates = array(updates, dtype_name(inputs.dtype))
    places = _places(start_indices, tuple(inputs.shape), tuple(updates.shape))
    return current_backend().index_update(inputs, places, updates)
