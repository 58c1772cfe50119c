"""Differences, integrals, interpolation and polynomials: made of functions with rules."""

from __future__ import annotations

from typing import Any

import numpy as np

from highlevel_numpy.recorded import strip
from highlevel_numpy.rules.common import implements


def _slice(x: Any, axis: int, start: int | None, stop: int | None) -> Any:
    return x[(slice(None),) * (axis % x.ndim) + (slice(start, stop),)]


@implements(np.diff)
def _diff(a, n=1, axis=-1, prepend: Any = np._NoValue, append: Any = np._NoValue):
    parts = []
    for edge, at_end in ((prepend, False), (append, True)):
        if edge is np._NoValue:
            continue
        if np.ndim(edge) == 0:
            shape = list(a.shape)
            shape[axis] = 1
            edge = np.broadcast_to(edge, shape)
        parts.append((edge, at_end))
    joined = [e for e, end in parts if not end] + [a] + [e for e, end in parts if end]
    if len(joined) > 1:
        a = np.concatenate(joined, axis=axis)
    for _ in range(n):
        a = _slice(a, axis, 1, None) - _slice(a, axis, None, -1)
    return a


@implements(np.ediff1d)
def _ediff1d(ary, to_end=None, to_begin=None):
    flat = _diff(np.ravel(ary))
    parts = [x for x in (to_begin, flat, to_end) if x is not None]
    return np.concatenate([np.ravel(x) for x in parts]) if len(parts) > 1 else flat


@implements(np.gradient)
def _gradient(f, *varargs, axis=None, edge_order=1):
    axes = range(f.ndim) if axis is None else np.ravel(axis).tolist()
    axes = [a % f.ndim for a in axes]
    steps = list(varargs) if len(varargs) > 1 else list(varargs or (1.0,)) * len(axes)
    if any(np.ndim(step) for step in steps) or edge_order != 1:
        raise NotImplementedError(
            "np.gradient has a gradient rule for constant steps and edge_order=1 only."
        )
    results = []
    for a, step in zip(axes, steps):
        inner = (_slice(f, a, 2, None) - _slice(f, a, None, -2)) / (2 * step)
        first = (_slice(f, a, 1, 2) - _slice(f, a, 0, 1)) / step
        last = (_slice(f, a, -1, None) - _slice(f, a, -2, -1)) / step
        results.append(np.concatenate([first, inner, last], axis=a))
    return results[0] if len(results) == 1 else tuple(results)


@implements(np.trapezoid)
def _trapezoid(y, x=None, dx=1.0, axis=-1):
    if x is None:
        step = dx
    else:
        step = np.diff(x, axis=-1 if np.ndim(x) == 1 else axis)
        if np.ndim(x) == 1:
            shape = [1] * y.ndim
            shape[axis] = -1
            step = np.reshape(step, shape)
    return np.sum(step * (_slice(y, axis, 1, None) + _slice(y, axis, None, -1)) / 2, axis=axis)


@implements(np.interp)
def _interp(x, xp, fp, left=None, right=None, period=None):
    if period is not None:
        raise NotImplementedError("np.interp(period=...) has no gradient rule.")
    points = np.asarray(strip(xp))
    at = np.clip(np.searchsorted(points, strip(x), side="right") - 1, 0, len(points) - 2)
    x0, x1 = xp[at], xp[at + 1]
    f0, f1 = fp[at], fp[at + 1]
    inner = f0 + (f1 - f0) * ((x - x0) / (x1 - x0))
    value = strip(x)
    inner = np.where(value < points[0], fp[0] if left is None else left, inner)
    return np.where(value > points[-1], fp[-1] if right is None else right, inner)


@implements(np.polyval)
def _polyval(p, x):
    result = p[0] * np.ones_like(strip(x)) if len(p) else np.zeros_like(strip(x))
    for coefficient in p[1:]:
        result = result * x + coefficient
    return result


@implements(np.unwrap)
def _unwrap(p, discont=None, axis=-1, *, period=2 * np.pi):
    # Whole periods are added: the derivative is that of p.
    value = strip(p)
    shift = np.unwrap(value, discont=discont, axis=axis, period=period) - value
    return p + shift.astype(value.dtype)


@implements(np.apply_along_axis)
def _apply_along_axis(func1d, axis, arr, *args, **kwargs):
    moved = np.moveaxis(arr, axis, -1)
    rows = np.reshape(moved, (-1, moved.shape[-1]))
    results = [func1d(row, *args, **kwargs) for row in rows]
    stacked = np.stack(results)
    shape = (*moved.shape[:-1], *stacked.shape[1:])
    result = np.reshape(stacked, shape)
    if stacked.ndim == 1:
        return result
    first = axis % arr.ndim
    new = range(moved.ndim - 1, result.ndim)
    return np.moveaxis(result, list(new), list(range(first, first + stacked.ndim - 1)))


@implements(np.apply_over_axes)
def _apply_over_axes(func, a, axes):
    for axis in np.ravel(axes).tolist():
        result = func(a, axis)
        a = result if result.ndim == a.ndim else np.expand_dims(result, axis)
    return a


# ------------------------------------------------------------------- evenly spaced values


@implements(np.linspace)
def _linspace(start, stop, num=50, endpoint=True, retstep=False, dtype=None, axis=0, **more):
    steps = max(num - 1 if endpoint else num, 1)
    ndim = max(np.ndim(start), np.ndim(stop))
    weights = np.reshape(np.arange(num) / steps, (-1,) + (1,) * ndim)
    result_type = np.result_type(strip(start), strip(stop))
    weights = weights.astype(result_type if result_type.kind in "fcV" else float)
    result = np.moveaxis(start * (1 - weights) + stop * weights, 0, axis)
    result = result if dtype is None else result.astype(dtype)
    return (result, (stop - start) / steps) if retstep else result


@implements(np.logspace)
def _logspace(start, stop, num=50, endpoint=True, base=10.0, dtype=None, axis=0):
    result = np.power(base, _linspace(start, stop, num, endpoint, axis=axis))
    return result if dtype is None else result.astype(dtype)


@implements(np.geomspace)
def _geomspace(start, stop, num=50, endpoint=True, dtype=None, axis=0):
    result = np.exp(_linspace(np.log(start), np.log(stop), num, endpoint, axis=axis))
    return result if dtype is None else result.astype(dtype)


# ------------------------------------------------------------------------------ polynomials


def _longer(p: Any, n: int) -> Any:
    """The coefficients with zeros in front, `n` of them."""
    return p if p.shape[0] == n else np.concatenate([np.zeros(n - p.shape[0], p.dtype), p])


def _aligned(a1: Any, a2: Any) -> tuple[Any, Any]:
    a1, a2 = (x if hasattr(x, "shape") else np.asarray(x, float) for x in (a1, a2))
    n = max(a1.shape[0], a2.shape[0])
    return _longer(a1, n), _longer(a2, n)


@implements(np.polyadd)
def _polyadd(a1, a2):
    a1, a2 = _aligned(a1, a2)
    return a1 + a2


@implements(np.polysub)
def _polysub(a1, a2):
    a1, a2 = _aligned(a1, a2)
    return a1 - a2


@implements(np.polymul)
def _polymul(a1, a2):
    return np.convolve(a1, a2)


@implements(np.polyder)
def _polyder(p, m=1):
    for _ in range(m):
        p = p[:-1] * np.arange(p.shape[0] - 1, 0, -1).astype(p.dtype)
    return p
