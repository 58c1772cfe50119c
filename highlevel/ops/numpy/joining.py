"""Arrays joined, split and padded."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from highlevel_backend import current_backend

from highlevel.ops.dispatch import array, op, promote, shape_of
from highlevel.ops.rules import axis_of, of, promoted

__all__ = [
    "append",
    "array_split",
    "concatenate",
    "dsplit",
    "dstack",
    "hsplit",
    "hstack",
    "pad",
    "split",
    "stack",
    "unstack",
    "vsplit",
    "vstack",
]


def _joined_shape(shapes: list[tuple], axis: int, what: str) -> tuple:
    rank = len(shapes[0])
    index = axis_of(axis, rank)
    for shape in shapes[1:]:
        if len(shape) != rank:
            raise ValueError(
                f"`{what}` needs arrays of one number of axes; got the shapes "
                f"{', '.join(map(str, shapes))}."
            )
    result: list[int | None] = []
    for i in range(rank):
        lengths = [shape[i] for shape in shapes]
        if i == index:
            result.append(None if None in lengths else sum(lengths))
            continue
        known = {n for n in lengths if n is not None}
        if len(known) > 1:
            raise ValueError(
                f"`{what}` along axis {index} needs arrays that agree on the other axes; got the "
                f"shapes {', '.join(map(str, shapes))}, which differ on axis {i}."
            )
        result.append(known.pop() if known else None)
    return tuple(result)


def _concatenate_rule(xs: Any, axis: int = 0) -> Any:
    if not isinstance(xs, (list, tuple)):
        return None
    return of(_joined_shape([shape_of(x) for x in xs], axis, "concatenate"), promoted(*xs))


@op(spec=_concatenate_rule)
def concatenate(xs: Any, axis: int = 0) -> Any:
    """Arrays joined along an axis they have.

    Args:
        xs: sequence of arrays that agree on every other axis.
        axis: the axis, or None to flatten them first.

    Returns:
        Array of the promoted dtype.

    Raises:
        ValueError: the shapes do not agree, or there is nothing to join.
    """
    if not isinstance(xs, (list, tuple)):
        xs = list(array(xs))
    if not xs:
        raise ValueError("`concatenate` needs at least one array; got an empty sequence.")
    return current_backend().xp.concatenate(promote(*xs), axis=axis)


def _stack_rule(x: Any, axis: int = 0) -> Any:
    if not isinstance(x, (list, tuple)):
        return None
    shapes = [shape_of(each) for each in x]
    index = axis_of(axis, len(shapes[0]) + 1)
    shape = list(shapes[0])
    for other in shapes[1:]:
        if len(other) != len(shape) or any(
            m != n for m, n in zip(shape, other) if m is not None and n is not None
        ):
            raise ValueError(
                f"`stack` needs arrays of one shape; got {', '.join(map(str, shapes))}."
            )
        shape = [n if m is None else m for m, n in zip(shape, other)]
    shape.insert(index, len(x))
    return of(tuple(shape), promoted(*x))


@op(spec=_stack_rule)
def stack(x: Any, axis: int = 0) -> Any:
    """Arrays of one shape joined along a new axis.

    Args:
        x: sequence of arrays.
        axis: position of the new axis in the result.

    >>> stack([[1, 2], [3, 4]], axis=1).tolist()
    [[1, 3], [2, 4]]
    """
    if not isinstance(x, (list, tuple)):
        x = list(array(x))
    return current_backend().xp.stack(promote(*x), axis=axis)


@op
def vstack(xs: Any) -> Any:
    """Arrays joined along the first axis; one-dimensional ones become rows."""
    return current_backend().xp.vstack(promote(*xs))


@op
def hstack(xs: Any) -> Any:
    """Arrays joined along the second axis; one-dimensional ones along their only one."""
    return current_backend().xp.hstack(promote(*xs))


@op
def dstack(xs: Any) -> Any:
    """Arrays joined along the third axis; those of fewer get axes of length 1."""
    return current_backend().xp.dstack(promote(*xs))


def _append_rule(x1: Any, x2: Any, axis: Any = None) -> Any:
    if axis is None:
        first, second = (
            None if None in shape else int(np.prod(shape))
            for shape in (shape_of(x1), shape_of(x2))
        )
        total = None if first is None or second is None else first + second
        return of((total,), promoted(x1, x2))
    return _concatenate_rule([x1, x2], axis)


@op(spec=_append_rule)
def append(x1: Any, x2: Any, axis: Any = None) -> Any:
    """`x2` put behind `x1` along an axis; both flattened where `axis` is None."""
    xp = current_backend().xp
    x1, x2 = promote(x1, x2)
    if axis is None:
        x1, x2, axis = xp.reshape(x1, (-1,)), xp.reshape(x2, (-1,)), 0
    return xp.concatenate((x1, x2), axis=axis)


def _bounds(length: int | None, sections: Any, axis: int, even: bool) -> list | None:
    """Where the parts begin and end."""
    if hasattr(sections, "tolist"):
        sections = sections.tolist()
    if isinstance(sections, (list, tuple)):
        starts = [0, *sections]
        return list(zip(starts, [*sections, None]))
    if length is None:
        return None
    if even and length % sections:
        raise ValueError(
            f"Axis {axis} of length {length} cannot be split into {sections} equal parts."
        )
    size, longer = divmod(length, sections)
    ends = [0]
    for i in range(sections):
        ends.append(ends[-1] + size + (i < longer))
    return list(pairwise(ends))


def _length_between(start: int, stop: int | None, length: int | None) -> int | None:
    """How many entries `start:stop` has of an axis; of one of unknown length, if it reaches."""
    if length is not None:
        return len(range(*slice(start, stop).indices(length)))
    if stop is None or (start < 0) != (stop < 0):
        return None
    return max(stop - start, 0)


def _split_rule(even: bool) -> Callable:
    def rule(x: Any, indices_or_sections: Any, axis: int = 0) -> Any:
        shape = shape_of(x)
        index = axis_of(axis, len(shape))
        length = shape[index]
        if length is None and isinstance(indices_or_sections, int):
            lengths: list[int | None] = [None] * indices_or_sections
        else:
            bounds = _bounds(length, indices_or_sections, index, even) or []
            lengths = [_length_between(start, stop, length) for start, stop in bounds]
        dtype = promoted(x)
        return [of((*shape[:index], n, *shape[index + 1 :]), dtype) for n in lengths]

    return rule


def _split(x: Any, sections: Any, axis: int, even: bool) -> list:
    x = array(x)
    index = axis_of(axis, x.ndim)
    before = (slice(None),) * index
    return [
        x[(*before, slice(start, stop))]
        for start, stop in _bounds(x.shape[index], sections, index, even) or []
    ]


@op(spec=_split_rule(even=True))
def split(x: Any, indices_or_sections: Any, axis: int = 0) -> list:
    """`x` cut along an axis.

    Args:
        x: array.
        indices_or_sections: number of equal parts, or the positions to cut at.
        axis: axis to cut along.

    Returns:
        List of arrays.

    Raises:
        ValueError: the axis cannot be cut into that many equal parts.

    >>> [part.tolist() for part in split([1, 2, 3, 4], 2)]
    [[1, 2], [3, 4]]
    """
    return _split(x, indices_or_sections, axis, even=True)


@op(spec=_split_rule(even=False))
def array_split(x: Any, indices_or_sections: Any, axis: int = 0) -> list:
    """`x` cut along an axis into parts that may differ in length by 1. See `split`."""
    return _split(x, indices_or_sections, axis, even=False)


def _columns_axis(x: Any) -> int:
    return 0 if len(shape_of(x)) == 1 else 1


@op(spec=lambda x, sections: _split_rule(True)(x, sections, _columns_axis(x)))
def hsplit(x: Any, indices_or_sections: Any) -> list:
    """`x` cut along its second axis, or its only one. See `split`."""
    return _split(x, indices_or_sections, _columns_axis(x), even=True)


@op(spec=lambda x, sections: _split_rule(True)(x, sections, 0))
def vsplit(x: Any, indices_or_sections: Any) -> list:
    """`x` cut along its first axis. See `split`."""
    return _split(x, indices_or_sections, 0, even=True)


@op(spec=lambda x, sections: _split_rule(True)(x, sections, 2))
def dsplit(x: Any, indices_or_sections: Any) -> list:
    """`x` cut along its third axis. See `split`."""
    return _split(x, indices_or_sections, 2, even=True)


def _unstack_rule(x: Any, num: int | None = None, axis: int = 0) -> Any:
    shape = shape_of(x)
    index = axis_of(axis, len(shape))
    count = shape[index] if num is None else num
    if count is None:
        raise ValueError(
            f"`unstack` needs `num` where the length of axis {index} is not known (shape {shape})."
        )
    rest = shape[:index] + shape[index + 1 :]
    dtype = promoted(x)
    return [of(rest, dtype) for _ in range(count)]


@op(spec=_unstack_rule)
def unstack(x: Any, num: int | None = None, axis: int = 0) -> list:
    """The entries of `x` along an axis.

    Args:
        x: array.
        num: length of the axis, needed where it is not known.
        axis: the axis.

    Returns:
        List of arrays without that axis.

    >>> [row.tolist() for row in unstack([[1, 2], [3, 4]])]
    [[1, 2], [3, 4]]
    """
    x = array(x)
    index = axis_of(axis, x.ndim)
    before = (slice(None),) * index
    count = x.shape[index] if num is None else num
    return [x[(*before, i)] for i in range(count)]


def _pad_pairs(pad_width: Any, rank: int) -> list[tuple[int, int]]:
    """`pad_width` in any of its forms as one pair per axis.

    Raises:
        ValueError: it does not fit that number of axes.
    """
    width = np.asarray(pad_width)
    if width.ndim == 0:
        pairs = [(int(width), int(width))] * rank
    elif width.shape == (1,):
        pairs = [(int(width[0]), int(width[0]))] * rank
    elif width.shape == (2,):
        pairs = [(int(width[0]), int(width[1]))] * rank
    elif width.ndim == 2 and width.shape[0] in (1, rank) and width.shape[1] in (1, 2):
        rows = [(int(row[0]), int(row[-1])) for row in width]
        pairs = rows * rank if len(rows) == 1 else rows
    else:
        raise ValueError(
            f"`pad_width` must be one number, one pair, or one pair for each of the {rank} axes; "
            f"got {pad_width!r}."
        )
    return pairs


def _pad_rule(x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = None) -> Any:
    shape = shape_of(x)
    pairs = _pad_pairs(pad_width, len(shape))
    return of(
        tuple([None if n is None else n + a + b for n, (a, b) in zip(shape, pairs)]), promoted(x)
    )


@op(spec=_pad_rule)
def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = None) -> Any:
    """`x` with entries added around it.

    Args:
        x: array.
        pad_width: a number, a pair `(before, after)`, or a pair per axis.
        mode: `"constant"`, or how to continue the array: `"reflect"`, `"symmetric"`,
            `"edge"`, `"wrap"`, `"linear_ramp"`, `"maximum"`, `"mean"`, `"median"`, `"minimum"`.
        constant_values: the constant, 0 where None.

    Returns:
        Array of `x`'s dtype.

    Raises:
        ValueError: `pad_width` does not fit, or a constant with another mode.

    >>> pad([1, 2], (1, 0)).tolist()
    [0, 1, 2]
    """
    xp = current_backend().xp
    x = array(x)
    pairs = _pad_pairs(pad_width, x.ndim)
    if mode == "constant":
        value = 0 if constant_values is None else constant_values
        return xp.pad(x, pairs, mode=mode, constant_values=value)
    if constant_values is not None:
        raise ValueError(
            f"`constant_values` belongs to `mode='constant'`; got it with `mode={mode!r}`."
        )
    return xp.pad(x, pairs, mode=mode)
