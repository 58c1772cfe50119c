"""Integers as vectors of zeros and ones; polar coordinates."""

from __future__ import annotations

from typing import Any

from highlevel_backend import current_backend

from highlevel import config
from highlevel.ops.core.conversion import to_complex
from highlevel.ops.dispatch import array, cast_to, dtype_name, float_pair, op, shape_of
from highlevel.ops.rules import axis_of, of

__all__ = ["multi_hot", "one_hot", "polar"]


def _dtype(dtype: Any) -> str:
    return config.floatx() if dtype is None else dtype_name(dtype)


def _refuse_sparse(what: str, sparse: bool) -> None:
    if sparse:
        raise ValueError(f"`{what}` gives dense arrays only; leave `sparse` False.")


def _one_hot_rule(
    x: Any, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False
) -> Any:
    shape = list(shape_of(x))
    shape.insert(axis_of(axis, len(shape) + 1), num_classes)
    return of(tuple(shape), _dtype(dtype))


@op(spec=_one_hot_rule)
def one_hot(
    x: Any, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False
) -> Any:
    """Each integer as a vector with a 1 in its place.

    Args:
        x: integers; those outside `0 ... num_classes - 1` give zeros only.
        num_classes: length of the vectors.
        axis: axis of the result that holds them.
        dtype: dtype; `floatx` where None.
        sparse: only False is supported.

    >>> one_hot([0, 2], 3).tolist()
    [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    _refuse_sparse("one_hot", sparse)
    xp = current_backend().xp
    x = cast_to(array(x), "int32")
    index = axis_of(axis, x.ndim + 1)
    classes = xp.reshape(
        xp.arange(num_classes, dtype="int32"), (num_classes,) + (1,) * (x.ndim - index)
    )
    return cast_to(xp.expand_dims(x, index) == classes, _dtype(dtype))


def _multi_hot_rule(
    inputs: Any, num_classes: int | None = None, axis: int = -1, dtype: Any = None,
    sparse: bool = False, **kwargs: Any,
) -> Any:  # fmt: skip
    shape = shape_of(inputs)
    num_classes = kwargs.get("num_tokens", num_classes)
    whole = list(shape)
    whole.insert(axis_of(axis, len(shape) + 1), num_classes)
    del whole[1 if len(shape) > 1 else 0]
    return of(tuple(whole), _dtype(dtype))


@op(spec=_multi_hot_rule)
def multi_hot(
    inputs: Any,
    num_classes: int | None = None,
    axis: int = -1,
    dtype: Any = None,
    sparse: bool = False,
    **kwargs: Any,
) -> Any:
    """Each row of integers as one vector with a 1 in the place of each.

    Args:
        inputs: `(batch, n, ...)` or `(n,)` integers.
        num_classes: length of the vectors.
        axis: axis of the result that holds them.
        dtype: dtype; `floatx` where None.
        sparse: only False is supported.

    Raises:
        ValueError: no `num_classes`.

    >>> multi_hot([[0, 2], [1, 1]], 3).tolist()
    [[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]
    """
    num_classes = kwargs.pop("num_tokens", num_classes)
    if num_classes is None:
        raise ValueError("`multi_hot` needs `num_classes`.")
    if kwargs:
        raise TypeError(f"`multi_hot` takes no argument {next(iter(kwargs))!r}.")
    _refuse_sparse("multi_hot", sparse)
    inputs = array(inputs)
    hot = one_hot(inputs, num_classes, axis=axis, dtype=dtype)
    return current_backend().xp.max(hot, axis=1 if inputs.ndim > 1 else 0)


@op
def polar(abs_: Any, angle: Any) -> Any:
    """Complex numbers of given modulus and angle.

    Args:
        abs_: moduli.
        angle: angles in radians.
    """
    xp = current_backend().xp
    abs_, angle = float_pair(abs_, angle)
    return to_complex(abs_ * xp.cos(angle), abs_ * xp.sin(angle))
