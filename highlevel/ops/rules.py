"""Shape rules: what ops return for symbolic tensors, in microseconds.

A rule takes the op's own arguments and returns a `SymbolicTensor`, or None where the case
is left to abstract evaluation.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

from highlevel_backend import result_dtype

from highlevel import config
from highlevel.ops.dispatch import broadcast_shapes, dtype_of, floating_dtype, shape_of
from highlevel.symbolic import SymbolicTensor

__all__ = [
    "axes_of",
    "axis_of",
    "boolean",
    "float_binary",
    "float_unary",
    "normal_axis",
    "of",
    "promoted",
    "reduced_shape",
    "reduction",
    "same",
    "shape_argument",
    "unary",
]

of = SymbolicTensor.of
Shape = tuple[int | None, ...]


def axis_of(axis: Any, rank: int, what: str = "axis") -> int:
    """An axis counted from the front.

    Raises:
        ValueError: there is no such axis.
    """
    index = operator.index(axis)
    if not -rank <= index < rank:
        raise ValueError(
            f"`{what}={index}` is out of range for an array of {rank} "
            f"{'axis' if rank == 1 else 'axes'}."
        )
    return index % rank


def axes_of(axis: Any, rank: int, what: str = "axis") -> tuple[int, ...]:
    """Axes counted from the front, all of them for None.

    Raises:
        ValueError: there is no such axis, or one is named twice.
    """
    if axis is None:
        return tuple(range(rank))
    if isinstance(axis, (tuple, list)):
        axes = tuple([axis_of(entry, rank, what) for entry in axis])
        if len(set(axes)) < len(axes):
            raise ValueError(f"`{what}={axis}` names an axis twice (the array has {rank}).")
        return axes
    return (axis_of(axis, rank, what),)


def normal_axis(axis: Any) -> Any:
    """An axis argument as array libraries take it: lists become tuples."""
    return tuple(axis) if isinstance(axis, list) else axis


def shape_argument(shape: Any) -> tuple:
    """A shape given as number or sequence, as a tuple."""
    if hasattr(shape, "tolist"):
        shape = shape.tolist()
    return tuple(shape) if isinstance(shape, Sequence) else (shape,)


def promoted(*values: Any) -> str:
    """The dtype name of arguments combined."""
    return result_dtype(*map(dtype_of, values), float_default=config.floatx())


def unary(x: Any, *args: Any, **kwargs: Any) -> SymbolicTensor:
    """Shape and dtype of the first argument."""
    return of(x.shape, x.dtype) if isinstance(x, SymbolicTensor) else same(x)


def same(x: Any) -> SymbolicTensor:
    """Shape and dtype of a value."""
    return of(shape_of(x), promoted(x))


def float_unary(x: Any, *args: Any, **kwargs: Any) -> SymbolicTensor:
    """Shape of the first argument, and its dtype or `floatx` where that is no float."""
    return of(shape_of(x), floating_dtype(x))


def boolean(*values: Any, **kwargs: Any) -> SymbolicTensor:
    """The broadcast shape, dtype bool."""
    values += tuple(kwargs.values())
    return of(broadcast_shapes(*map(shape_of, values)), "bool")


def float_binary(x1: Any, x2: Any) -> SymbolicTensor:
    """The broadcast shape, in a floating dtype."""
    return of(broadcast_shapes(shape_of(x1), shape_of(x2)), floating_dtype(x1, x2))


def reduced_shape(shape: Shape, axis: Any, keepdims: bool) -> Shape:
    """`shape` without the axes reduced, or with ones in their place."""
    axes = axes_of(axis, len(shape))
    if keepdims:
        return tuple([1 if i in axes else n for i, n in enumerate(shape)])
    return tuple([n for i, n in enumerate(shape) if i not in axes])


def reduction(dtype: Callable[[str], str] | str | None = None) -> Callable:
    """Rule of `op(x, axis=None, keepdims=False)`.

    Args:
        dtype: the result's dtype, or a function of the argument's; None keeps that.
    """

    def rule(x: Any, axis: Any = None, keepdims: bool = False, **kwargs: Any) -> Any:
        name = promoted(x)
        if callable(dtype):
            name = dtype(name)
        elif dtype is not None:
            name = dtype
        return of(reduced_shape(shape_of(x), axis, keepdims), name)

    return rule
