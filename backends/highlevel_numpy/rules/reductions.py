"""Gradients of sums, means, extremes, products and running versions of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from highlevel_numpy.recorded import FUNCTIONS, record, strip
from highlevel_numpy.rules.common import (
    expand,
    implements,
    keep_axes,
    masked,
    normalize_axes,
    recorded_function,
    without_gradient,
)

_NO_VALUE = np._NoValue  # what NumPy's own signatures use for "not given"


def _clean(**options: Any) -> dict[str, Any]:
    """The options that were given and that say something."""
    return {k: v for k, v in options.items() if v is not None and v is not _NO_VALUE}


def _refuse_out(out: Any, name: str) -> None:
    if out is not None:
        raise TypeError(f"`np.{name}(..., out=...)` cannot hold a gradient; use its result.")


def _count(x: Any, axis: Any) -> int:
    return math.prod([x.shape[a] for a in normalize_axes(axis, x.ndim)])


# ------------------------------------------------------------- sums and means

_SUM = (lambda g, out, x, axis=None, keepdims=False: expand(g, x, axis, keepdims),)


@implements(np.sum)
def _sum(a, axis=None, dtype=None, out=None, keepdims=False, initial=None, where=None):
    _refuse_out(out, "sum")
    if dtype is not None:
        a = a.astype(dtype)
    if where is not None and where is not _NO_VALUE and where is not True:
        a = np.where(where, a, np.zeros((), a.dtype))
    result = record(np.sum, _SUM, (a,), _clean(axis=axis, keepdims=keepdims or None))
    return result if initial is None or initial is _NO_VALUE else result + initial


def _mean_gradient(g, out, x, axis=None, keepdims=False):
    # Dividing first keeps the large array out of the division.
    return expand(g / (x.size // max(out.size, 1)), x, axis, keepdims)


@implements(np.mean)
def _mean(a, axis=None, dtype=None, out=None, keepdims=False, *, where=None):
    _refuse_out(out, "mean")
    if dtype is not None:
        a = a.astype(dtype)
    if where is not None and where is not _NO_VALUE and where is not True:
        used = np.broadcast_to(strip(where), a.shape)
        number = np.sum(used, axis=axis, keepdims=keepdims is True)
        return _sum(a, axis, keepdims=keepdims, where=where) / number
    return record(np.mean, (_mean_gradient,), (a,), _clean(axis=axis, keepdims=keepdims or None))


def _var_gradient(g, out, x, axis=None, keepdims=False, ddof=0):
    mean = np.mean(x, axis=axis, keepdims=True)
    scale = 2 / (_count(x, axis) - ddof)
    deviation = np.conj(x - mean) if x.dtype.kind == "c" else x - mean
    return keep_axes(g * scale, x.shape, axis, keepdims) * deviation


def _std_gradient(g, out, x, axis=None, keepdims=False, ddof=0):
    return _var_gradient(g / (out + out), out, x, axis, keepdims, ddof)


def _spread(function, gradient):
    def implementation(
        a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=None, mean=None,
        correction=None,
    ):  # fmt: skip
        _refuse_out(out, function.__name__)
        if where is not None and where is not _NO_VALUE and where is not True:
            raise TypeError(f"`np.{function.__name__}(..., where=...)` has no gradient rule.")
        if dtype is not None:
            a = a.astype(dtype)
        if correction is not None and correction is not _NO_VALUE:
            ddof = correction
        options = _clean(axis=axis, keepdims=keepdims or None, ddof=ddof or None)
        return record(function, (gradient,), (a,), options)

    FUNCTIONS[function] = implementation


_spread(np.var, _var_gradient)
_spread(np.std, _std_gradient)


@implements(np.average)
def _average(a, axis=None, weights=None, returned=False, *, keepdims=False):
    keepdims = keepdims is True
    if weights is None:
        result = np.mean(a, axis=axis, keepdims=keepdims)
        total = np.asarray(float(_count(a, axis)))
    else:
        if not hasattr(weights, "shape"):
            weights = np.asarray(weights)
        if weights.shape != a.shape:
            axes = normalize_axes(axis, a.ndim)
            shape = [1] * a.ndim
            for length, i in zip(weights.shape, axes):
                shape[i] = length
            weights = np.reshape(weights, shape)
        full = np.broadcast_to(weights, a.shape)
        total = np.sum(full, axis=axis, keepdims=keepdims)
        result = np.sum(a * weights, axis=axis, keepdims=keepdims) / total
    return (result, np.broadcast_to(total, result.shape)) if returned else result


# -------------------------------------------------------------------- extremes


def _extreme_gradient(g, out, x, axis=None, keepdims=False):
    best = keep_axes(strip(out), x.shape, axis, keepdims)
    chosen = strip(x) == best
    number = np.sum(chosen, axis=axis, keepdims=True)
    g = keep_axes(g, x.shape, axis, keepdims)
    return masked(g / number.astype(g.dtype), chosen)


def _extreme(*functions):
    function = functions[0]
    combine = np.maximum if function is np.max else np.minimum

    @implements(*functions)
    def implementation(a, axis=None, out=None, keepdims=False, initial=None, where=None):
        _refuse_out(out, function.__name__)
        if where is not None and where is not _NO_VALUE and where is not True:
            a = np.where(where, a, np.asarray(initial, a.dtype))
        options = _clean(axis=axis, keepdims=keepdims or None)
        result = record(function, (_extreme_gradient,), (a,), options)
        if initial is None or initial is _NO_VALUE:
            return result
        return combine(result, np.asarray(initial, result.dtype))


_extreme(np.max, np.amax)
_extreme(np.min, np.amin)


@implements(np.ptp)
def _ptp(a, axis=None, out=None, keepdims=False):
    keepdims = keepdims is True
    return np.max(a, axis=axis, keepdims=keepdims) - np.min(a, axis=axis, keepdims=keepdims)


# -------------------------------------------------------------------- products


def _exclusive_products(x, axis):
    """At each entry the product of the others along `axis`, right where some are zero."""
    ones = np.ones_like(strip(x).take([0], axis))
    others = np.arange(x.shape[axis] - 1)

    def before(values):
        return np.cumprod(np.concatenate([ones, np.take(values, others, axis)], axis), axis)

    return before(x) * np.flip(before(np.flip(x, axis)), axis)


def _prod_gradient(g, out, x, axis=None, keepdims=False):
    g = keep_axes(g, x.shape, axis, keepdims)
    if x.ndim == 0:
        return g
    if strip(x).all():
        return g * (keep_axes(out, x.shape, axis, keepdims) / x)
    axes = normalize_axes(axis, x.ndim)
    rest = [i for i in range(x.ndim) if i not in axes]
    order = [*rest, *axes]
    moved = np.transpose(x, order)
    flat = np.reshape(moved, (*moved.shape[: len(rest)], -1))
    others = np.reshape(_exclusive_products(flat, -1 % flat.ndim), moved.shape)
    return g * np.transpose(others, np.argsort(order))


@implements(np.prod)
def _prod(a, axis=None, dtype=None, out=None, keepdims=False, initial=None, where=None):
    _refuse_out(out, "prod")
    if dtype is not None:
        a = a.astype(dtype)
    if where is not None and where is not _NO_VALUE and where is not True:
        a = np.where(where, a, np.ones((), a.dtype))
    options = _clean(axis=axis, keepdims=keepdims or None)
    result = record(np.prod, (_prod_gradient,), (a,), options)
    return result if initial is None or initial is _NO_VALUE else result * initial


# --------------------------------------------------------------------- running


def _reverse_cumsum(g, axis):
    return np.flip(np.cumsum(np.flip(g, axis), axis), axis)


recorded_function(np.cumsum, lambda g, out, x, axis: _reverse_cumsum(g, axis))
recorded_function(np.cumprod, lambda g, out, x, axis: _cumprod_gradient(g, out, x, axis))
_plain_cumsum, _plain_cumprod = FUNCTIONS[np.cumsum], FUNCTIONS[np.cumprod]


def _cumprod_gradient(g, out, x, axis):
    if strip(x).all():
        return _reverse_cumsum(g * out, axis) / x
    # With zeros: entry i gets (product of those before i) * s_i, where s_i is what an
    # entry of 1 there would pass on, s_i = g_i + x_{i+1} s_{i+1}.
    x, g = np.moveaxis(x, axis, 0), np.moveaxis(g, axis, 0)
    passed = [g[-1]]
    for i in range(x.shape[0] - 2, -1, -1):
        passed.append(g[i] + x[i + 1] * passed[-1])
    before = np.concatenate([np.ones_like(strip(x)[:1]), np.cumprod(x[:-1], 0)], 0)
    return np.moveaxis(before * np.stack(passed[::-1]), 0, axis)


def _running(function, plain):
    @implements(function)
    def implementation(a, axis=None, dtype=None, out=None):
        _refuse_out(out, function.__name__)
        if dtype is not None:
            a = a.astype(dtype)
        if axis is None:
            a, axis = np.ravel(a), 0
        return plain(a, int(axis))

    return implementation


_running(np.cumsum, _plain_cumsum)
_running(np.cumprod, _plain_cumprod)


def _cumulative(plain, first):
    def implementation(x, /, *, axis=None, dtype=None, out=None, include_initial=False):
        axis = 0 if axis is None else axis
        result = FUNCTIONS[plain](x, axis, dtype, out)
        if include_initial:
            shape = list(result.shape)
            shape[axis] = 1
            result = np.concatenate([np.full(shape, first, result.dtype), result], axis)
        return result

    return implementation


FUNCTIONS[np.cumulative_sum] = _cumulative(np.cumsum, 0)
FUNCTIONS[np.cumulative_prod] = _cumulative(np.cumprod, 1)

# ------------------------------------------------------------------ ignoring nan


def _filled(a, fill):
    return np.where(np.isnan(strip(a)), np.asarray(fill, a.dtype), a)


@implements(np.nansum)
def _nansum(a, axis=None, dtype=None, out=None, keepdims=False, initial=None, where=None):
    return _sum(_filled(a, 0), axis, dtype, out, keepdims, initial, where)


@implements(np.nanprod)
def _nanprod(a, axis=None, dtype=None, out=None, keepdims=False, initial=None, where=None):
    return _prod(_filled(a, 1), axis, dtype, out, keepdims, initial, where)


@implements(np.nancumsum)
def _nancumsum(a, axis=None, dtype=None, out=None):
    return np.cumsum(_filled(a, 0), axis, dtype)


@implements(np.nancumprod)
def _nancumprod(a, axis=None, dtype=None, out=None):
    return np.cumprod(_filled(a, 1), axis, dtype)


def _numbers(a, axis, keepdims):
    return np.sum(~np.isnan(strip(a)), axis=axis, keepdims=keepdims is True).astype(a.dtype)


@implements(np.nanmean)
def _nanmean(a, axis=None, dtype=None, out=None, keepdims=False, *, where=None):
    return _nansum(a, axis, dtype, out, keepdims is True) / _numbers(a, axis, keepdims)


@implements(np.nanvar)
def _nanvar(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=None, **more):
    deviation = _filled(a, 0) - _nanmean(a, axis, keepdims=True)
    deviation = np.where(np.isnan(strip(a)), np.zeros((), a.dtype), deviation)
    number = _numbers(a, axis, keepdims) - ddof
    return np.sum(deviation * deviation, axis=axis, keepdims=keepdims is True) / number


@implements(np.nanstd)
def _nanstd(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=None, **more):
    return np.sqrt(_nanvar(a, axis, dtype, out, ddof, keepdims))


def _nan_extreme(function, plain, fill):
    @implements(function)
    def implementation(a, axis=None, out=None, keepdims=False, initial=None, where=None):
        result = plain(_filled(a, fill), axis=axis, keepdims=keepdims is True)
        empty = np.isnan(strip(a)).all(axis=axis, keepdims=keepdims is True)
        return np.where(empty, np.asarray(np.nan, a.dtype), result) if empty.any() else result


_nan_extreme(np.nanmax, np.max, -np.inf)
_nan_extreme(np.nanmin, np.min, np.inf)

# ------------------------------------------------------------------ covariances


@implements(np.cov)
def _cov(m, y=None, rowvar=True, bias=False, ddof=None, fweights=None, aweights=None, **more):
    if fweights is not None or aweights is not None:
        raise NotImplementedError(
            "np.cov with weights has no gradient rule; write it with np.average."
        )
    x = np.atleast_2d(m)
    if not rowvar and x.shape[0] != 1:
        x = x.T
    if y is not None:
        y = np.atleast_2d(y)
        x = np.concatenate([x, y.T if not rowvar and y.shape[0] != 1 else y], 0)
    ddof = (0 if bias else 1) if ddof is None else ddof
    x = x - np.mean(x, axis=1, keepdims=True)
    other = np.conj(x) if x.dtype.kind == "c" else x
    return np.squeeze(x @ other.T / (x.shape[1] - ddof))


@implements(np.corrcoef)
def _corrcoef(x, y=None, rowvar=True, *args, **kwargs):
    c = _cov(x, y, rowvar)
    if c.ndim == 0:
        return c / c
    deviation = np.sqrt(np.real(np.diagonal(c)))
    return c / deviation[:, None] / deviation[None, :]


without_gradient(
    np.all, np.any, np.argmax, np.argmin, np.nanargmax, np.nanargmin, np.count_nonzero,
    np.histogram, np.histogram2d, np.histogram_bin_edges, np.histogramdd,
)  # fmt: skip

