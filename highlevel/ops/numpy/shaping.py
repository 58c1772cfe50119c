"""Arrays in another shape or order of axes; nothing is computed."""

from __future__ import annotations

import math
from typing import Any

from highlevel_backend import current_backend

from highlevel.ops.dispatch import array, broadcast_shapes, op, shape_of
from highlevel.ops.rules import axes_of, axis_of, of, promoted, same, shape_argument, unary

__all__ = [
    "broadcast_to",
    "expand_dims",
    "flip",
    "fliplr",
    "flipud",
    "moveaxis",
    "ndim",
    "ravel",
    "repeat",
    "reshape",
    "roll",
    "rot90",
    "size",
    "squeeze",
    "swapaxes",
    "tile",
    "transpose",
]


def _reshape_rule(x: Any, newshape: Any) -> Any:
    old, new = shape_of(x), shape_argument(newshape)
    known_old = math.prod([n for n in old if n is not None])
    known_new = math.prod([n for n in new if n != -1 and n is not None])
    unknown = [i for i, n in enumerate(new) if n == -1 or n is None]
    if len(unknown) > 1 and -1 in new and None not in new:
        raise ValueError(f"Only one entry of a new shape can be -1; got {new}.")
    if None not in old:
        if unknown and (known_new == 0 or known_old % known_new):
            raise ValueError(
                f"An array of shape {old} has {known_old} entries and cannot be reshaped to {new}."
            )
        if not unknown and known_new != known_old:
            raise ValueError(
                f"An array of shape {old} has {known_old} entries and cannot be reshaped to "
                f"{new}, which has {known_new}."
            )
        if len(unknown) == 1:
            new = tuple([known_old // known_new if i in unknown else n for i, n in enumerate(new)])
    else:
        new = tuple([None if i in unknown else n for i, n in enumerate(new)])
    return of(new, promoted(x))


@op(spec=_reshape_rule)
def reshape(x: Any, newshape: Any) -> Any:
    """`x` in another shape, its entries in the same order.

    Args:
        x: array.
        newshape: integer or tuple of integers; one of them may be -1, which follows from
            the number of entries.

    Raises:
        ValueError: the new shape has another number of entries.

    >>> reshape([1, 2, 3, 4], (2, -1)).tolist()
    [[1, 2], [3, 4]]
    """
    x = array(x)
    return current_backend().xp.reshape(x, shape_argument(newshape))


def _ravel_rule(x: Any) -> Any:
    shape = shape_of(x)
    return of((None if None in shape else math.prod(shape),), promoted(x))


@op(spec=_ravel_rule)
def ravel(x: Any) -> Any:
    """`x` as one axis."""
    return current_backend().xp.reshape(array(x), (-1,))


def _transpose_rule(x: Any, axes: Any = None) -> Any:
    shape = shape_of(x)
    if axes is None:
        return of(shape[::-1], promoted(x))
    if len(axes) != len(shape):
        raise ValueError(
            f"`axes={tuple(axes)}` must be a permutation of the {len(shape)} axes of shape {shape}."
        )
    order = axes_of(tuple(axes), len(shape), "axes")
    return of(tuple([shape[i] for i in order]), promoted(x))


@op(spec=_transpose_rule)
def transpose(x: Any, axes: Any = None) -> Any:
    """`x` with its axes in another order.

    Args:
        x: array.
        axes: old positions of the new axes; reversed where None.

    Raises:
        ValueError: `axes` is no permutation of the axes.
    """
    return current_backend().xp.transpose(array(x), None if axes is None else tuple(axes))


def _expand_rule(x: Any, axis: Any) -> Any:
    shape = shape_of(x)
    axes = axis if isinstance(axis, (tuple, list)) else (axis,)
    rank = len(shape) + len(axes)
    positions = axes_of(tuple(axes), rank)
    rest = iter(shape)
    return of(tuple([1 if i in positions else next(rest) for i in range(rank)]), promoted(x))


@op(spec=_expand_rule)
def expand_dims(x: Any, axis: Any) -> Any:
    """`x` with a new axis of length 1.

    Args:
        x: array.
        axis: position of the axis in the result, or several.

    >>> tuple(expand_dims([1, 2], 0).shape)
    (1, 2)
    """
    axis = tuple(axis) if isinstance(axis, list) else axis
    return current_backend().xp.expand_dims(array(x), axis)


def _squeeze_rule(x: Any, axis: Any = None) -> Any:
    shape = shape_of(x)
    if axis is None:
        return of(tuple([n for n in shape if n != 1]), promoted(x))
    axes = axes_of(axis, len(shape))
    for i in axes:
        if shape[i] not in (1, None):
            raise ValueError(
                f"`squeeze` removes axes of length 1; axis {i} of shape {shape} has {shape[i]}."
            )
    return of(tuple([n for i, n in enumerate(shape) if i not in axes]), promoted(x))


@op(spec=_squeeze_rule)
def squeeze(x: Any, axis: Any = None) -> Any:
    """`x` without axes of length 1.

    Args:
        x: array.
        axis: axis or axes to remove; all of length 1 where None.

    Raises:
        ValueError: a named axis is longer.
    """
    x = array(x)
    axis = tuple(axis) if isinstance(axis, list) else axis
    return current_backend().xp.squeeze(x, axis)


def _moveaxis_rule(x: Any, source: Any, destination: Any) -> Any:
    shape = shape_of(x)
    rank = len(shape)
    sources = axes_of(source, rank, "source")
    destinations = axes_of(destination, rank, "destination")
    order = [i for i in range(rank) if i not in sources]
    for to, origin in sorted(zip(destinations, sources)):
        order.insert(to, origin)
    return of(tuple([shape[i] for i in order]), promoted(x))


@op(spec=_moveaxis_rule)
def moveaxis(x: Any, source: Any, destination: Any) -> Any:
    """`x` with axes moved to other positions, the rest in their order.

    Args:
        x: array.
        source: axis or axes.
        destination: their new positions.
    """
    return current_backend().xp.moveaxis(array(x), source, destination)


def _swapaxes_rule(x: Any, axis1: int, axis2: int) -> Any:
    shape = list(shape_of(x))
    i, j = axis_of(axis1, len(shape), "axis1"), axis_of(axis2, len(shape), "axis2")
    shape[i], shape[j] = shape[j], shape[i]
    return of(tuple(shape), promoted(x))


@op(spec=_swapaxes_rule)
def swapaxes(x: Any, axis1: int, axis2: int) -> Any:
    """`x` with two axes exchanged."""
    return current_backend().xp.swapaxes(array(x), axis1, axis2)


def _broadcast_rule(x: Any, shape: Any) -> Any:
    shape = shape_argument(shape)
    broadcast_shapes(shape_of(x), shape)
    return of(shape, promoted(x))


@op(spec=_broadcast_rule)
def broadcast_to(x: Any, shape: Any) -> Any:
    """`x` repeated along axes of length 1 and new ones in front, to a shape."""
    return current_backend().xp.broadcast_to(array(x), shape_argument(shape))


@op(spec=unary)
def flip(x: Any, axis: Any = None) -> Any:
    """`x` with the order along axes (all of them for None) reversed."""
    axis = tuple(axis) if isinstance(axis, list) else axis
    return current_backend().xp.flip(array(x), axis)


@op(spec=unary)
def fliplr(x: Any) -> Any:
    """`x` with its second axis reversed."""
    return current_backend().xp.flip(array(x), 1)


@op(spec=unary)
def flipud(x: Any) -> Any:
    """`x` with its first axis reversed."""
    return current_backend().xp.flip(array(x), 0)


@op(spec=unary)
def roll(x: Any, shift: Any, axis: Any = None) -> Any:
    """`x` with its entries moved along axes, those that fall out put in at the other end.

    Args:
        x: array.
        shift: by how many places, an integer or one per axis.
        axis: axis or axes; the flattened array where None.
    """
    return current_backend().xp.roll(array(x), shift, axis)


def _rot90_rule(array: Any, k: int = 1, axes: Any = (0, 1)) -> Any:
    return same(array) if k % 2 == 0 else _swapaxes_rule(array, *axes)


@op(spec=_rot90_rule)
def rot90(array: Any, k: int = 1, axes: Any = (0, 1)) -> Any:
    """`array` turned by `k` quarters from the first of two axes towards the second.

    Raises:
        ValueError: fewer than two axes, or not two different ones named.
    """
    rank = len(shape_of(array))
    if len(axes) != 2 or rank < 2 or len({axis % rank for axis in axes}) < 2:
        raise ValueError(
            f"`rot90` turns in the plane of two different axes of the array; "
            f"got `axes={tuple(axes)}` and an array of {rank} axes."
        )
    return current_backend().xp.rot90(_array(array), k, tuple(axes))


_array = array  # `rot90` has an argument of that name


def _tile_rule(x: Any, repeats: Any) -> Any:
    shape, repeats = shape_of(x), shape_argument(repeats)
    rank = max(len(shape), len(repeats))
    shape = (1,) * (rank - len(shape)) + shape
    repeats = (1,) * (rank - len(repeats)) + repeats
    return of(
        tuple([None if n is None else n * r for n, r in zip(shape, repeats)]), promoted(x)
    )


@op(spec=_tile_rule)
def tile(x: Any, repeats: Any) -> Any:
    """`x` laid side by side.

    Args:
        x: array.
        repeats: how often along each axis; new axes come in front.
    """
    return current_backend().xp.tile(array(x), shape_argument(repeats))


def _repeat_rule(x: Any, repeats: Any, axis: Any = None) -> Any:
    shape = shape_of(x)
    counts = None if not isinstance(repeats, int) else repeats
    if axis is None:
        total = None if None in shape else math.prod(shape)
        if counts is None and hasattr(repeats, "__len__"):
            return of((_repeated(total, repeats),), promoted(x))
        return of((None if total is None or counts is None else total * counts,), promoted(x))
    index = axis_of(axis, len(shape))
    new = list(shape)
    if counts is not None:
        new[index] = None if new[index] is None else new[index] * counts
    else:
        new[index] = _repeated(new[index], repeats)
    return of(tuple(new), promoted(x))


def _repeated(length: int | None, repeats: Any) -> int | None:
    if hasattr(repeats, "tolist"):
        repeats = repeats.tolist()
    if isinstance(repeats, int):
        repeats = [repeats]
    if len(repeats) == 1:
        return None if length is None else length * int(repeats[0])
    return int(sum(repeats))


@op(spec=_repeat_rule)
def repeat(x: Any, repeats: Any, axis: Any = None) -> Any:
    """`x` with each entry repeated.

    Args:
        x: array.
        repeats: how often, one number or one per entry along `axis`.
        axis: axis; the flattened array where None.

    >>> repeat([1, 2], 2).tolist()
    [1, 1, 2, 2]
    """
    xp = current_backend().xp
    if isinstance(repeats, (list, tuple)):
        repeats = repeats[0] if len(repeats) == 1 else array(repeats)
    return xp.repeat(array(x), repeats, axis=axis)


def ndim(x: Any) -> int:
    """Number of axes, a Python integer.

    >>> ndim([[1, 2]])
    2
    """
    return len(shape_of(x))


def size(x: Any) -> Any:
    """Number of entries, a Python integer.

    Of a symbolic tensor with unknown dimensions it is a symbolic int32 number.

    >>> size([[1, 2]])
    2
    """
    shape = shape_of(x)
    return _size(x) if None in shape else math.prod(shape)


@op(spec=lambda x: of((), "int32"))
def _size(x: Any) -> Any:
    return array(math.prod(array(x).shape), "int32")
