"""Reductions that leave NaN out."""

from __future__ import annotations

from typing import Any

from highlevel_backend import current_backend, is_float

from highlevel.ops.dispatch import array, cast_to, dtype_name, floating, floating_dtype, op
from highlevel.ops.numpy import reductions
from highlevel.ops.numpy.sorting import _quantile_rule, quantiles
from highlevel.ops.rules import normal_axis, reduction

__all__ = [
    "nanargmax",
    "nanargmin",
    "nancumprod",
    "nancumsum",
    "nanmax",
    "nanmean",
    "nanmedian",
    "nanmin",
    "nanpercentile",
    "nanprod",
    "nanquantile",
    "nanstd",
    "nansum",
    "nanvar",
]


def _filled(x: Any, value: float) -> Any:
    """`x` with a number in the place of NaN."""
    x = array(x)
    name = dtype_name(x.dtype)
    if not is_float(name):
        return x
    xp = current_backend().xp
    return xp.where(xp.isnan(x), array(value, name), x)


def _float(name: str) -> str:
    return floating_dtype(array(0, name))


@op(spec=reduction(reductions.sum_dtype))
def nansum(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Sum over axes, NaN counted as 0. See `sum`."""
    return reductions.sum(_filled(x, 0.0), axis, keepdims)


@op(spec=reduction(reductions.sum_dtype))
def nanprod(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Product over axes, NaN counted as 1. See `prod`."""
    return reductions.prod(_filled(x, 1.0), axis, keepdims)


@op(spec=reductions._cumulative_rule)
def nancumsum(x: Any, axis: Any = None, dtype: Any = None) -> Any:
    """Sums of all entries up to each one, NaN counted as 0. See `cumsum`."""
    return reductions.cumsum(_filled(x, 0.0), axis, dtype)


@op(spec=reductions._cumulative_rule)
def nancumprod(x: Any, axis: Any = None, dtype: Any = None) -> Any:
    """Products of all entries up to each one, NaN counted as 1. See `cumprod`."""
    return reductions.cumprod(_filled(x, 1.0), axis, dtype)


def _nan_extreme(x: Any, axis: Any, keepdims: bool, largest: bool) -> Any:
    xp = current_backend().xp
    x = array(x)
    name = dtype_name(x.dtype)
    reduce = reductions.max if largest else reductions.min
    if not is_float(name):
        return reduce(x, axis, keepdims)
    missing = xp.isnan(x)
    result = reduce(_filled(x, float("-inf" if largest else "inf")), axis, keepdims)
    only_missing = xp.all(missing, axis=normal_axis(axis), keepdims=keepdims)
    return xp.where(only_missing, array(float("nan"), name), result)


@op(spec=reduction())
def nanmax(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Largest entry that is not NaN; NaN where there is none."""
    return _nan_extreme(x, axis, keepdims, largest=True)


@op(spec=reduction())
def nanmin(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Smallest entry that is not NaN; NaN where there is none."""
    return _nan_extreme(x, axis, keepdims, largest=False)


def _nan_arg(x: Any, axis: Any, keepdims: bool, largest: bool) -> Any:
    xp = current_backend().xp
    x = array(x)
    search = xp.argmax if largest else xp.argmin
    filled = _filled(x, float("-inf" if largest else "inf"))
    result = cast_to(search(filled, axis=axis, keepdims=keepdims), "int32")
    if not is_float(dtype_name(x.dtype)):
        return result
    only_missing = xp.all(xp.isnan(x), axis=axis, keepdims=keepdims)
    return xp.where(only_missing, array(-1, "int32"), result)


@op(spec=reduction("int32"))
def nanargmax(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Index of the largest entry that is not NaN, int32; -1 where there is none."""
    return _nan_arg(x, axis, keepdims, largest=True)


@op(spec=reduction("int32"))
def nanargmin(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Index of the smallest entry that is not NaN, int32; -1 where there is none."""
    return _nan_arg(x, axis, keepdims, largest=False)


def _mean(x: Any, axis: Any, keepdims: bool) -> Any:
    xp = current_backend().xp
    axis = normal_axis(axis)
    missing = xp.isnan(x)
    name = dtype_name(x.dtype)
    count = xp.sum(cast_to(xp.logical_not(missing), name), axis=axis, keepdims=keepdims)
    total = xp.sum(xp.where(missing, xp.zeros_like(x), x), axis=axis, keepdims=keepdims)
    empty = count == 0
    safe = xp.where(empty, xp.ones_like(count), count)
    return xp.where(empty, array(float("nan"), name), total / safe)


@op(spec=reduction(_float))
def nanmean(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Mean of the entries that are not NaN; NaN where there are none."""
    x, name = reductions.widened(floating(x))
    return cast_to(_mean(x, axis, keepdims), name)


def _variance(x: Any, axis: Any, keepdims: bool) -> Any:
    xp = current_backend().xp
    return _mean(xp.square(x - _mean(x, axis, True)), axis, keepdims)


@op(spec=reduction(_float))
def nanvar(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Variance of the entries that are not NaN; NaN where there are none."""
    x, name = reductions.widened(floating(x))
    return cast_to(_variance(x, axis, keepdims), name)


@op(spec=reduction(_float))
def nanstd(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Standard deviation of the entries that are not NaN; NaN where there are none."""
    x, name = reductions.widened(floating(x))
    return cast_to(current_backend().xp.sqrt(_variance(x, axis, keepdims)), name)


@op(spec=_quantile_rule)
def nanquantile(
    x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False
) -> Any:
    """Quantiles of the entries that are not NaN. See `quantile`."""
    return quantiles(x, q, axis, method, keepdims, skip_nan=True)


@op(spec=_quantile_rule)
def nanpercentile(
    x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False
) -> Any:
    """Quantiles, by percentages, of the entries that are not NaN. See `quantile`."""
    return quantiles(x, floating(q) / 100, axis, method, keepdims, skip_nan=True)


@op(spec=reduction(_float))
def nanmedian(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Median of the entries that are not NaN. See `median`."""
    return quantiles(x, 0.5, axis, "linear", keepdims, skip_nan=True)
