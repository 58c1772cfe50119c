"""Gradients of functions that work entry by entry."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from highlevel_numpy.recorded import FUNCTIONS, RULES, Primitive, Recorded, no_rule, record, strip
from highlevel_numpy.rules.common import (
    fit,
    implements,
    masked,
    recorded_function,
    rule,
    without_gradient,
)
from highlevel_numpy.traced import is_traced

LN2, LN10 = math.log(2.0), math.log(10.0)


def nonzero(x: Any) -> Any:
    """`x` with zeros replaced by ones, for divisions and logarithms masked afterwards."""
    return np.where(x == 0, np.ones((), x.dtype if hasattr(x, "dtype") else float), x)


# ------------------------------------------------------------------- arithmetic

rule(np.add, lambda g, out, x, y: fit(g, x), lambda g, out, x, y: fit(g, y))
rule(np.subtract, lambda g, out, x, y: fit(g, x), lambda g, out, x, y: fit(-g, y))
rule(np.multiply, lambda g, out, x, y: fit(g * y, x), lambda g, out, x, y: fit(g * x, y))
rule(
    np.true_divide,
    lambda g, out, x, y: fit(g / y, x),
    lambda g, out, x, y: fit(-g * (out / y), y),
)
rule(np.negative, lambda g, out, x: -g)
rule(np.positive, lambda g, out, x: g)
rule(np.square, lambda g, out, x: g * (x + x))
rule(np.reciprocal, lambda g, out, x: -g * (out * out))
rule(np.sqrt, lambda g, out, x: g / (out + out))
rule(np.cbrt, lambda g, out, x: g / (3 * (out * out)))


def _power_base(g, out, x, y):
    # y == 0: the derivative is 0 also at x == 0, where x**-1 is infinite
    if np.ndim(y) == 0:
        value = strip(y)
        if value == 0:
            return fit(g * 0, x)
        if value == 1:
            return fit(g * 1, x)
        return fit(g * (y * x ** (y - 1)), x)
    exponent = np.where(y == 0, 1, y)
    return fit(np.where(y == 0, 0, g * (y * np.power(x, exponent - 1))), x)


def _power_exponent(g, out, x, y):
    base = nonzero(x) if hasattr(x, "dtype") else (x or 1.0)
    return fit(g * (np.log(base) * out), y)


rule(np.power, _power_base, _power_exponent)
rule(np.float_power, _power_base, _power_exponent)
rule(
    np.remainder,
    lambda g, out, x, y: fit(g, x),
    lambda g, out, x, y: fit(-g * np.floor(strip(x) / strip(y)), y),
)
rule(
    np.fmod,
    lambda g, out, x, y: fit(g, x),
    lambda g, out, x, y: fit(-g * np.trunc(strip(x) / strip(y)), y),
)
rule(np.ldexp, lambda g, out, x, y: fit(np.ldexp(g, y), x), None)


def _not_zero(out):
    """`out` with 1 for 0: the gradient of a norm at the origin is 0."""
    return np.where(out == 0, 1, out)


rule(
    np.hypot,
    lambda g, out, x, y: fit(g * (x / _not_zero(out)), x),
    lambda g, out, x, y: fit(g * (y / _not_zero(out)), y),
)

# ------------------------------------------------- exponentials, trigonometry

rule(np.exp, lambda g, out, x: g * out)
rule(np.exp2, lambda g, out, x: g * (out * LN2))
rule(np.expm1, lambda g, out, x: g * (out + 1))
rule(np.log, lambda g, out, x: g / x)
rule(np.log2, lambda g, out, x: g / (x * LN2))
rule(np.log10, lambda g, out, x: g / (x * LN10))
rule(np.log1p, lambda g, out, x: g / (x + 1))
rule(np.sin, lambda g, out, x: g * np.cos(x))
rule(np.cos, lambda g, out, x: -g * np.sin(x))
rule(np.tan, lambda g, out, x: g * (1 + out * out))
rule(np.arcsin, lambda g, out, x: g / np.sqrt(1 - x * x))
rule(np.arccos, lambda g, out, x: -g / np.sqrt(1 - x * x))
rule(np.arctan, lambda g, out, x: g / (1 + x * x))
rule(np.sinh, lambda g, out, x: g * np.cosh(x))
rule(np.cosh, lambda g, out, x: g * np.sinh(x))
rule(np.tanh, lambda g, out, x: g * (1 - out * out))
rule(np.arcsinh, lambda g, out, x: g / np.sqrt(x * x + 1))
rule(np.arccosh, lambda g, out, x: g / np.sqrt((x - 1) * (x + 1) + 0.0))  # no root of -0
rule(np.arctanh, lambda g, out, x: g / (1 - x * x))
rule(np.deg2rad, lambda g, out, x: g * (math.pi / 180))
rule(np.radians, lambda g, out, x: g * (math.pi / 180))
rule(np.rad2deg, lambda g, out, x: g * (180 / math.pi))
rule(np.degrees, lambda g, out, x: g * (180 / math.pi))
rule(
    np.arctan2,
    lambda g, out, y, x: fit(g * (x / (x * x + y * y)), y),
    lambda g, out, y, x: fit(-g * (y / (x * x + y * y)), x),
)


def _share(exp, x, out):
    """`exp(x - out)` of a logaddexp, 1 where both are infinite.

    Where both arguments are minus infinity it is nan, as JAX has it.
    """
    return exp(np.where(x == np.inf, 0, x) - np.where(out == np.inf, 0, out))


rule(
    np.logaddexp,
    lambda g, out, x, y: fit(g * _share(np.exp, x, out), x),
    lambda g, out, x, y: fit(g * _share(np.exp, y, out), y),
)
rule(
    np.logaddexp2,
    lambda g, out, x, y: fit(g * _share(np.exp2, x, out), x),
    lambda g, out, x, y: fit(g * _share(np.exp2, y, out), y),
)

# ------------------------------------------------------------ choosing and kinks


def _pick(g, wins, ties):
    """`g` where the argument was chosen, half of it where both were equal."""
    if is_traced(g) and is_traced(ties):  # a turn that many steps take otherwise
        return g.trace.call(_pick, (g, wins, ties))
    x = masked(g, wins)
    if np.count_nonzero(ties):
        x = x + masked(g * 0.5, ties)
    return x


def _greater(g, out, x, y):
    x_value, y_value = strip(x), strip(y)
    return fit(_pick(g, x_value > y_value, x_value == y_value), x)


def _less(g, out, x, y):
    x_value, y_value = strip(x), strip(y)
    return fit(_pick(g, x_value < y_value, x_value == y_value), x)


rule(np.maximum, _greater, lambda g, out, x, y: _greater(g, out, y, x))
rule(np.minimum, _less, lambda g, out, x, y: _less(g, out, y, x))


def _taken(first, ufunc):
    # fmax and fmin prefer the number over nan, and at a tie the second argument
    def gradient(g, out, x, y):
        x_value, y_value = strip(x), strip(y)
        from_x = (ufunc(x_value, y_value) & ~np.isnan(x_value)) | np.isnan(y_value)
        return fit(masked(g, from_x), x) if first else fit(masked(g, ~from_x), y)

    return gradient


rule(np.fmax, _taken(True, np.greater), _taken(False, np.greater))
rule(np.fmin, _taken(True, np.less), _taken(False, np.less))


def _absolute(g, out, x):
    if x.dtype.kind == "c":
        return g * (np.conj(x) / nonzero(out))
    return g * (1 - 2 * (strip(x) < 0)).astype(x.dtype)


rule(np.absolute, _absolute)
rule(np.fabs, _absolute)
rule(
    np.copysign,
    lambda g, out, x, y: fit(g * np.where(np.signbit(strip(x)) == np.signbit(strip(y)), 1, -1), x),
    None,
)
rule(np.conjugate, lambda g, out, x: np.conj(g) if g.dtype.kind == "c" else g)


def _clip(x, low, high):
    return np.clip(x, low, high)


def _clip_by_x(g, out, x, low, high):
    value = strip(x)
    inside = np.ones((), bool)
    ties = np.zeros((), bool)
    if low is not None:
        low = strip(low)
        inside, ties = value > low, value == low
    if high is not None:
        high = strip(high)
        inside = inside & (value < high)
        ties = ties | (value == high)
    return fit(_pick(g, inside, ties & ~inside), x)


clip = Primitive(
    _clip,
    (
        _clip_by_x,
        lambda g, out, x, low, high: fit(_pick(g, *_beyond(np.less, x, low)), low),
        lambda g, out, x, low, high: fit(_pick(g, *_beyond(np.greater, x, high)), high),
    ),
)


def _beyond(compare, x, bound):
    x, bound = strip(x), strip(bound)
    return compare(x, bound), x == bound


@implements(np.clip)
def _np_clip(a, a_min=None, a_max=None, out=None, *, min=None, max=None, **kwargs):
    if out is not None or kwargs:
        raise TypeError("`np.clip` of an array whose gradient is recorded takes only bounds.")
    return clip(a, min if a_min is None else a_min, max if a_max is None else a_max)


recorded_function(
    np.where,
    None,
    lambda g, out, c, x, y: fit(masked(g, c), x),
    lambda g, out, c, x, y: fit(masked(g, np.logical_not(c)), y),
    positional=3,
)
_np_where = FUNCTIONS[np.where]


@implements(np.where)
def _where(condition, *choices):
    condition = strip(condition)
    if not is_traced(condition):
        condition = np.asarray(condition, bool)
    elif condition.dtype.kind != "b":
        condition = condition.astype(bool)
    return _np_where(condition, *choices) if choices else np.where(condition)


@implements(np.nan_to_num)
def _nan_to_num(x, copy=True, nan=0.0, posinf=None, neginf=None):
    value = strip(x)
    return np.where(np.isfinite(value), x, np.nan_to_num(value, True, nan, posinf, neginf))


def _sinc_gradient(g, out, x):
    near = abs(strip(x)) < 0.2
    far = np.where(near, 1, x) * math.pi
    slope = (np.cos(far) - np.sin(far) / far) / far
    # Near 0 the two terms cancel: the series instead.
    small = np.where(near, x, 0) * math.pi
    square = small * small
    series = small * (square * (square * (square / 45360 - 1 / 840) + 1 / 30) - 1 / 3)
    return g * (np.where(near, series, slope) * math.pi)


recorded_function(np.sinc, _sinc_gradient)


def _bessel_i1(x):
    """Modified Bessel function of order 1, as the integral the power series comes from."""
    # The trapezoid rule converges geometrically on a periodic integrand.
    angles = np.arange(64) * (2 * math.pi / 64)
    x = x[..., None]
    return np.mean(np.exp(x * np.cos(angles)) * np.cos(angles), axis=-1)


recorded_function(np.i0, lambda g, out, x: g * _bessel_i1(x))

# ------------------------------------------------------------------- complex

recorded_function(np.real, lambda g, out, x: g)
recorded_function(np.imag, lambda g, out, x: -1j * g if x.dtype.kind == "c" else g * 0)


def _angle_gradient(g, out, x, deg=False):
    if x.dtype.kind != "c":
        return g * 0
    square = nonzero(x.real * x.real + x.imag * x.imag)
    g = g * (180 / math.pi) if deg else g
    return g * ((-x.imag - 1j * x.real) / square)


recorded_function(np.angle, _angle_gradient)
recorded_function(np.real_if_close, lambda g, out, x, tol=100: g)


# ----------------------------------------------------------- without derivative

without_gradient(
    np.around, np.round, np.fix, np.isclose, np.allclose, np.array_equal, np.array_equiv,
    np.isposinf, np.isneginf, np.iscomplex, np.isreal, np.iscomplexobj, np.isrealobj,
)  # fmt: skip

_FLAT_UFUNCS = frozenset([
    np.floor, np.ceil, np.trunc, np.rint, np.sign, np.signbit, np.floor_divide, np.heaviside,
    np.greater, np.greater_equal, np.less, np.less_equal, np.equal, np.not_equal,
    np.isnan, np.isinf, np.isfinite, np.logical_and, np.logical_or, np.logical_xor,
    np.logical_not, np.nextafter, np.spacing,
])  # fmt: skip


def _cast_inputs(inputs: tuple, dtype: Any) -> tuple:
    return tuple(
        [x.astype(dtype) if hasattr(x, "astype") else np.asarray(x, dtype) for x in inputs]
    )


@implements("ufunc")
def _ufunc(ufunc: np.ufunc, method: str, inputs: tuple, kwargs: dict) -> Any:
    """A ufunc called with keywords, or one of its methods, or one without a plain rule."""
    if ufunc in _FLAT_UFUNCS:
        return getattr(ufunc, method)(*[strip(x) for x in inputs], **kwargs)
    if method == "__call__":
        kwargs = {key: value for key, value in kwargs.items() if value is not None}
        where = kwargs.pop("where", True)
        dtype = kwargs.pop("dtype", None)
        for harmless in ("casting", "order", "subok"):
            kwargs.pop(harmless, None)
        if dtype is not None:
            inputs = _cast_inputs(inputs, dtype)
        if where is not True:
            raise TypeError(
                f"`np.{ufunc.__name__}(..., where=...)` leaves entries undefined; "
                "use `np.where(condition, f(x), other)`."
            )
        if ufunc in RULES:
            if kwargs:
                return record(ufunc, RULES[ufunc], inputs, kwargs)
            return record(ufunc, RULES[ufunc], inputs)
        if ufunc in FUNCTIONS:
            return FUNCTIONS[ufunc](*inputs, **kwargs)
        raise no_rule(ufunc)
    reduction = _METHODS.get((ufunc, method))
    if reduction is not None:
        first, *others = inputs
        kwargs = {key: value for key, value in kwargs.items() if value is not None}
        if method == "reduce":
            axis = others[0] if others else kwargs.pop("axis", 0)
            kwargs.pop("axis", None)
            return FUNCTIONS[reduction](first, axis, **kwargs)
        return FUNCTIONS[reduction](first, *others, **{"axis": 0} | kwargs)
    if method == "outer":
        x, y = inputs
        y = y if hasattr(y, "ndim") else np.asarray(y)
        return ufunc(np.reshape(x, np.shape(x) + (1,) * y.ndim), y, **kwargs)
    if method == "reduce" and ufunc in (np.logaddexp,):
        return _logaddexp_reduce(inputs[0], kwargs.get("axis", 0), bool(kwargs.get("keepdims")))
    raise no_rule(ufunc)


_METHODS = {
    (np.add, "reduce"): np.sum,
    (np.multiply, "reduce"): np.prod,
    (np.maximum, "reduce"): np.max,
    (np.minimum, "reduce"): np.min,
    (np.add, "accumulate"): np.cumsum,
    (np.multiply, "accumulate"): np.cumprod,
}


def _logaddexp_reduce(x, axis, keepdims):
    top = np.max(strip(x), axis=axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0)
    out = np.log(np.sum(np.exp(x - top), axis=axis, keepdims=True)) + top
    return out if keepdims else np.squeeze(out, axis)


@implements(np.modf)
def _modf(x):
    whole = np.trunc(strip(x))
    return x - whole, whole


@implements(np.frexp)
def _frexp(x):
    exponent = np.frexp(strip(x))[1]
    return np.ldexp(x, -exponent), exponent


@implements(np.divmod)
def _divmod(x, y):
    return np.floor_divide(strip(x), strip(y)), np.remainder(x, y)


# -------------------------------------------------------------------- dtypes


def _astype(x, dtype):
    return x.astype(dtype)


def _cast_back(g, out, x, dtype):
    return g  # the walk casts to the dtype of x


_cast = Primitive(_astype, (_cast_back, None))


@implements("astype", np.astype)
def _astype_recorded(x, dtype, /, *, copy=True, device=None):
    """`x` in another dtype; a plain array where that dtype has no gradients."""
    from highlevel_numpy.recorded import is_inexact

    dtype = np.dtype(dtype)
    if not is_inexact(dtype):
        return strip(x).astype(dtype)
    if x.dtype == dtype:
        return x
    if x.dtype.kind == "c" and dtype.kind != "c":
        x = np.real(x)
    return _cast(x, dtype) if type(x) is Recorded else x.astype(dtype)
