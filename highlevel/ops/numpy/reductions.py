"""Sums, means, extremes and the like over axes."""

from __future__ import annotations

import builtins
import math
from typing import Any

from highlevel_backend import current_backend, is_float

from highlevel import config
from highlevel.ops.dispatch import (
    array,
    cast_to,
    dtype_name,
    float_pair,
    floating,
    floating_dtype,
    op,
    shape_of,
)
from highlevel.ops.rules import (
    axes_of,
    axis_of,
    normal_axis,
    of,
    promoted,
    reduced_shape,
    reduction,
)

__all__ = [
    "all",
    "amax",
    "amin",
    "any",
    "argmax",
    "argmin",
    "average",
    "count_nonzero",
    "cumprod",
    "cumsum",
    "diff",
    "max",
    "mean",
    "min",
    "prod",
    "ptp",
    "std",
    "sum",
    "trapezoid",
    "var",
]

#: Narrow dtypes are summed in 32 bits.
_SUM_DTYPE = {
    "bool": "int32", "int8": "int32", "int16": "int32", "uint8": "uint32", "uint16": "uint32",
}  # fmt: skip
_HALF = ("float16", "bfloat16", "float8_e4m3fn", "float8_e5m2")


def sum_dtype(name: str) -> str:
    """The dtype a sum of that dtype has."""
    return _SUM_DTYPE.get(name, name)


def float_dtype(name: str) -> str:
    """The dtype itself if inexact, else `floatx`."""
    return name if is_float(name) or name.startswith("complex") else config.floatx()


def widened(x: Any) -> tuple[Any, str]:
    """`x` in float32 where it is a half-precision array, and the dtype to return to.

    Sums of many halves would lose what they add.
    """
    name = dtype_name(x.dtype)
    return (cast_to(x, "float32") if name in _HALF else x), name


@op(spec=reduction(sum_dtype), kernel="sum")
def sum(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Sum over axes.

    Args:
        x: array.
        axis: axis or axes; all of them for None.
        keepdims: keep the summed axes with length 1.

    Returns:
        Array without the axes, in `x`'s dtype; narrow integers and booleans in 32 bits.

    Raises:
        ValueError: `x` has no such axis.

    >>> sum([[1, 2], [3, 4]], axis=0).tolist()
    [4, 6]
    """
    x = array(x)
    x, name = widened(x)
    total = current_backend().xp.sum(
        x, axis=normal_axis(axis), keepdims=keepdims, dtype=_accumulator(name)
    )
    return cast_to(total, sum_dtype(name))


def _accumulator(name: str) -> str | None:
    """What NumPy must be told, which would sum integers in 64 bits."""
    return None if is_float(name) or name.startswith("complex") else sum_dtype(name)


def _prod_rule(x: Any, axis: Any = None, keepdims: bool = False, dtype: Any = None) -> Any:
    name = sum_dtype(promoted(x)) if dtype is None else dtype_name(dtype)
    return of(reduced_shape(shape_of(x), axis, keepdims), name)


@op(spec=_prod_rule)
def prod(x: Any, axis: Any = None, keepdims: bool = False, dtype: Any = None) -> Any:
    """Product over axes.

    Args:
        x: array.
        axis: axis or axes; all of them for None.
        keepdims: keep the reduced axes with length 1.
        dtype: dtype of the result; as for `sum` where None.
    """
    x = array(x)
    name = sum_dtype(dtype_name(x.dtype)) if dtype is None else dtype_name(dtype)
    x = cast_to(x, name)
    x, _ = widened(x)
    return cast_to(
        current_backend().xp.prod(
            x, axis=normal_axis(axis), keepdims=keepdims, dtype=_accumulator(name)
        ),
        name,
    )


@op(spec=reduction(float_dtype))
def mean(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Arithmetic mean over axes; of integers in the default float dtype.

    >>> float(mean([1, 2, 4, 5]))
    3.0
    """
    x, name = widened(floating(x))
    return cast_to(current_backend().xp.mean(x, axis=normal_axis(axis), keepdims=keepdims), name)


def _real_dtype(name: str) -> str:
    return {"complex64": "float32", "complex128": "float64"}.get(name, float_dtype(name))


@op(spec=reduction(_real_dtype))
def var(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Variance over axes, the mean of the squared distances from the mean."""
    x, name = widened(floating(x))
    return cast_to(
        current_backend().xp.var(x, axis=normal_axis(axis), keepdims=keepdims), _real_dtype(name)
    )


@op(spec=reduction(_real_dtype))
def std(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Standard deviation over axes, the root of `var`."""
    x, name = widened(floating(x))
    return cast_to(
        current_backend().xp.std(x, axis=normal_axis(axis), keepdims=keepdims), _real_dtype(name)
    )


def _extreme(which: str, x: Any, axis: Any, keepdims: bool, initial: Any) -> Any:
    xp = current_backend().xp
    x = array(x)
    axis = normal_axis(axis)
    if initial is None:
        shape = x.shape
        if 0 in shape and builtins.any(shape[i] == 0 for i in axes_of(axis, len(shape))):
            raise ValueError(
                f"`{which}` over no entries (shape {tuple(shape)}, axis {axis}) needs `initial`."
            )
        return getattr(xp, which)(x, axis=axis, keepdims=keepdims)
    initial = array(initial, dtype_name(x.dtype))
    pick = xp.maximum if which == "max" else xp.minimum
    if 0 in x.shape:
        shape = reduced_shape(tuple(x.shape), axis, keepdims)
        return xp.broadcast_to(initial, shape)
    return pick(getattr(xp, which)(x, axis=axis, keepdims=keepdims), initial)


@op(spec=reduction())
def max(x: Any, axis: Any = None, keepdims: bool = False, initial: Any = None) -> Any:
    """Largest entry over axes; NaN where there is one.

    Args:
        x: array.
        axis: axis or axes; all of them for None.
        keepdims: keep the reduced axes with length 1.
        initial: the least the result may be.

    Returns:
        Array without the axes, of `x`'s dtype.

    Raises:
        ValueError: there are no entries and no `initial`.
    """
    return _extreme("max", x, axis, keepdims, initial)


@op(spec=reduction())
def min(x: Any, axis: Any = None, keepdims: bool = False, initial: Any = None) -> Any:
    """Smallest entry over axes; NaN where there is one. See `max` for the arguments."""
    return _extreme("min", x, axis, keepdims, initial)


@op(spec=reduction())
def amax(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Largest entry over axes; the same as `max`."""
    return _extreme("max", x, axis, keepdims, None)


@op(spec=reduction())
def amin(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Smallest entry over axes; the same as `min`."""
    return _extreme("min", x, axis, keepdims, None)


@op(spec=reduction())
def ptp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Distance from the smallest to the largest entry over axes."""
    x = array(x)
    return _extreme("max", x, axis, keepdims, None) - _extreme("min", x, axis, keepdims, None)


@op(spec=reduction("bool"))
def all(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Whether every entry over the axes is true (not 0)."""
    return current_backend().xp.all(array(x), axis=normal_axis(axis), keepdims=keepdims)


@op(spec=reduction("bool"))
def any(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Whether an entry over the axes is true (not 0)."""
    return current_backend().xp.any(array(x), axis=normal_axis(axis), keepdims=keepdims)


@op(spec=reduction("int32"))
def count_nonzero(x: Any, axis: Any = None) -> Any:
    """Number of entries other than 0 over axes, int32."""
    xp = current_backend().xp
    return xp.sum(array(x) != 0, axis=normal_axis(axis), dtype="int32")


@op(spec=reduction("int32"))
def argmax(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Index of the largest entry, the first of several; int32.

    Args:
        x: array.
        axis: one axis; None for the index in the flattened array.
        keepdims: keep the axis with length 1.
    """
    return cast_to(
        current_backend().xp.argmax(array(x), axis=axis, keepdims=keepdims), "int32"
    )


@op(spec=reduction("int32"))
def argmin(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Index of the smallest entry, the first of several; int32. See `argmax`."""
    return cast_to(
        current_backend().xp.argmin(array(x), axis=axis, keepdims=keepdims), "int32"
    )


def _average_rule(x: Any, axis: Any = None, weights: Any = None) -> Any:
    dtype = floating_dtype(x) if weights is None else floating_dtype(x, weights)
    return of(reduced_shape(shape_of(x), axis, False), dtype)


@op(spec=_average_rule)
def average(x: Any, axis: Any = None, weights: Any = None) -> Any:
    """Weighted mean over axes.

    Args:
        x: array.
        axis: axis or axes; all of them for None.
        weights: array of `x`'s shape, or of the length of the one `axis`; all equal for None.

    Returns:
        Array without the axes, in a floating dtype.

    Raises:
        ValueError: `weights` has neither shape.
    """
    if weights is None:
        return mean(x, axis=axis)
    xp = current_backend().xp
    x, weights = float_pair(x, weights)
    if x.shape != weights.shape:
        if weights.ndim != 1 or axis is None or isinstance(axis, (tuple, list)):
            raise ValueError(
                f"`weights` of shape {tuple(weights.shape)} must have the shape of `x`, "
                f"{tuple(x.shape)}, or one axis together with a single `axis`."
            )
        index = axis_of(axis, x.ndim)
        shape = [1] * x.ndim
        shape[index] = weights.shape[0]
        weights = xp.broadcast_to(xp.reshape(weights, tuple(shape)), x.shape)
    axis = normal_axis(axis)
    return xp.sum(x * weights, axis=axis) / xp.sum(weights, axis=axis)


def _cumulative_rule(x: Any, axis: Any = None, dtype: Any = None) -> Any:
    shape = shape_of(x)
    if axis is None:
        shape = (None if None in shape else math.prod(shape),)
    name = promoted(x) if dtype is None else dtype_name(dtype)
    return of(shape, "int32" if name == "bool" else name)


def _cumulative(which: str, x: Any, axis: Any, dtype: Any) -> Any:
    xp = current_backend().xp
    x = array(x)
    name = dtype_name(x.dtype) if dtype is None else dtype_name(dtype)
    if name == "bool":
        name = "int32"
    return getattr(xp, which)(cast_to(x, name), axis=axis, dtype=_narrow(name))


def _narrow(name: str) -> str | None:
    return None if is_float(name) or name.startswith("complex") else name


@op(spec=_cumulative_rule)
def cumsum(x: Any, axis: Any = None, dtype: Any = None) -> Any:
    """Sums of all entries up to each one.

    Args:
        x: array.
        axis: axis to go along; None flattens `x` first.
        dtype: dtype of the result; `x`'s where None, int32 for booleans.

    >>> cumsum([1, 2, 3]).tolist()
    [1, 3, 6]
    """
    return _cumulative("cumsum", x, axis, dtype)


@op(spec=_cumulative_rule)
def cumprod(x: Any, axis: Any = None, dtype: Any = None) -> Any:
    """Products of all entries up to each one. See `cumsum` for the arguments."""
    return _cumulative("cumprod", x, axis, dtype)


def _diff_rule(a: Any, n: int = 1, axis: int = -1) -> Any:
    shape = list(shape_of(a))
    index = axis_of(axis, len(shape))
    length = shape[index]
    shape[index] = None if length is None else builtins.max(length - n, 0)
    return of(tuple(shape), promoted(a))


@op(spec=_diff_rule)
def diff(a: Any, n: int = 1, axis: int = -1) -> Any:
    """Differences of neighbours along an axis, `n` times over."""
    xp = current_backend().xp
    a = array(a)
    index = axis_of(axis, a.ndim)
    before = (slice(None),) * index
    for _ in range(n):
        later, earlier = a[(*before, slice(1, None))], a[(*before, slice(None, -1))]
        a = xp.not_equal(later, earlier) if dtype_name(a.dtype) == "bool" else later - earlier
    return a


@op
def trapezoid(y: Any, x: Any = None, dx: float = 1.0, axis: int = -1) -> Any:
    """Integral by the trapezoidal rule.

    Args:
        y: values, `(..., n, ...)`.
        x: positions, of `y`'s shape or `(n,)`; `dx` apart where None.
        dx: distance of the positions.
        axis: axis of `y` to integrate along.

    Returns:
        Array of `y`'s shape without `axis`; floating dtype.

    >>> float(trapezoid([1.0, 2.0, 3.0]))
    4.0
    """
    xp = current_backend().xp
    if x is None:
        y = xp.moveaxis(floating(y), axis, -1)
        return xp.sum((y[..., 1:] + y[..., :-1]), axis=-1) * array(0.5 * dx, dtype_name(y.dtype))
    y, x = float_pair(y, x)
    y = xp.moveaxis(y, axis, -1)
    if x.ndim > 1:
        x = xp.moveaxis(x, axis, -1)
    half = array(0.5, dtype_name(y.dtype))
    return xp.sum((y[..., 1:] + y[..., :-1]) * (x[..., 1:] - x[..., :-1]), axis=-1) * half


def extreme_of(name: str, largest: bool) -> Any:
    """The largest or smallest number of a dtype, as an array of it."""
    xp = current_backend().xp
    if is_float(name):
        return array(math.inf if largest else -math.inf, name)
    if name == "bool":
        return array(largest, name)
    info = xp.iinfo(name)
    return array(int(info.max if largest else info.min), name)

