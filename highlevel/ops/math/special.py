"""Special functions: the error function and its kin, inverse roots."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from highlevel_backend import current_backend

from highlevel.ops.dispatch import array, cast_to, dtype_name, floating, op
from highlevel.ops.rules import float_unary

__all__ = ["erf", "erfc", "erfinv", "rsqrt"]

# erfc(x) = t exp(-x^2 + P(t)), t = 2 / (2 + x), for x >= 0: Chebyshev coefficients of P on
# [-1, 1] by the argument 2t - 1, fitted by `_chebyshev`.
_CHEBYSHEV_TERMS = 30


def _chebyshev() -> tuple[float, ...]:
    """Coefficients of `log(erfc(x) exp(x^2) / t)`, fitted once from the standard library."""
    n = 64
    nodes = [math.cos(math.pi * (k + 0.5) / n) for k in range(n)]

    def scaled(u: float) -> float:
        t = (u + 1) / 2
        x = 2 / t - 2
        return math.log(_scaled_erfc(x) / t)

    values = [scaled(u) for u in nodes]
    return tuple(
        (2 - (j == 0)) / n
        * sum(v * math.cos(math.pi * j * (k + 0.5) / n) for k, v in enumerate(values))
        for j in range(_CHEBYSHEV_TERMS)
    )  # fmt: skip


def _scaled_erfc(x: float) -> float:
    """`erfc(x) exp(x^2)`; by a continued fraction where `erfc` itself underflows."""
    if x < 5:
        return math.erfc(x) * math.exp(x * x)
    tail = x
    for k in range(60, 0, -1):
        tail = x + k / 2 / tail
    return 1 / (math.sqrt(math.pi) * tail)


_coefficients: tuple[float, ...] = ()


def _erfc_positive(x: Any) -> Any:
    """`erfc` of a float64 or float32 NumPy-like array that is not negative."""
    global _coefficients
    xp = current_backend().xp
    if not _coefficients:
        _coefficients = _chebyshev()
    name = dtype_name(x.dtype)
    two = array(2.0, name)
    t = two / (two + x)
    u = two * t - array(1.0, name)
    # Clenshaw's recurrence.
    b1 = b2 = array(0.0, name)
    terms = len(_coefficients) if name == "float64" else 16  # the 17th is below 1e-9
    for c in _coefficients[terms - 1 : 0 : -1]:
        b1, b2 = two * u * b1 - b2 + array(c, name), b1
    series = u * b1 - b2 + array(_coefficients[0], name)
    return t * xp.exp(series - x * x)


def _float_kernel(name: str, definition: Callable[[Any], Any], x: Any) -> Any:
    """The backend's own function of a real array, or the definition; halves in float32."""
    x = floating(x)
    dtype = dtype_name(x.dtype)
    function = current_backend().kernels.get(name, definition)
    if dtype in ("float16", "bfloat16"):
        return cast_to(function(cast_to(x, "float32")), dtype)
    return function(x)


@op(spec=float_unary)
def erf(x: Any) -> Any:
    """The error function, `2 / sqrt(pi)` times the integral of `exp(-t**2)` from 0 to `x`.

    >>> round(float(erf(0.5)), 4)
    0.5205
    """
    return _float_kernel("erf", _erf, x)


@op(spec=float_unary)
def erfc(x: Any) -> Any:
    """`1 - erf(x)`, accurate where that is tiny."""
    return _float_kernel("erfc", _erfc, x)


def _erf_near_zero(x: Any, name: str) -> Any:
    """`erf` from -0.5 to 0.5 by its series."""
    square = x * x
    series = array(0.0, name)
    for n in range(12 if name == "float64" else 6, -1, -1):
        coefficient = (-1) ** n / (math.factorial(n) * (2 * n + 1))
        series = series * square + array(coefficient, name)
    return array(2 / math.sqrt(math.pi), name) * x * series


def _erf(x: Any) -> Any:
    def value(x: Any) -> Any:
        xp, name = current_backend().xp, dtype_name(x.dtype)
        half, one = array(0.5, name), array(1.0, name)
        size = xp.absolute(x)
        # Near 0 the difference from 1 would lose digits: a series there.
        near = _erf_near_zero(xp.clip(x, -half, half), name)
        far = one - _erfc_positive(xp.maximum(size, half))
        return xp.where(size < half, near, xp.where(x < 0, -far, far))

    return _with_slope(value, 2 / math.sqrt(math.pi), x)


def _erfc(x: Any) -> Any:
    def value(x: Any) -> Any:
        xp, name = current_backend().xp, dtype_name(x.dtype)
        half, one, two = array(0.5, name), array(1.0, name), array(2.0, name)
        size = xp.absolute(x)
        near = one - _erf_near_zero(xp.clip(x, -half, half), name)
        tail = _erfc_positive(xp.maximum(size, half))
        return xp.where(size < half, near, xp.where(x > 0, tail, two - tail))

    return _with_slope(value, -2 / math.sqrt(math.pi), x)


def _with_slope(function: Callable[[Any], Any], factor: float, x: Any) -> Any:
    """`function(x)`, whose slope is `factor * exp(-x**2)`: none of its terms is kept."""
    backend = current_backend()

    def with_pullback(x: Any) -> tuple[Any, Callable[[Any], Any]]:
        scale = array(factor, dtype_name(x.dtype))
        return function(x), lambda cotangent: cotangent * (scale * backend.xp.exp(-x * x))

    return backend.custom_gradient(with_pullback)(x)


@op(spec=float_unary)
def erfinv(x: Any) -> Any:
    """The inverse of `erf`, from -1 to 1: minus to plus infinity there, NaN beyond.

    A first approximation (S. Winitzki, 2008), then Newton's method on `log(erfc)`, which
    stays well-conditioned near the ends.
    """
    backend = current_backend()
    xp = backend.xp
    x = floating(x)
    name = dtype_name(x.dtype)
    if name in ("float16", "bfloat16"):
        return cast_to(erfinv(cast_to(x, "float32")), name)
    return _erfinv(xp, x, name)


def _erfinv(xp: Any, x: Any, name: str) -> Any:
    one, half = array(1.0, name), array(0.5, name)
    value = current_backend().stop_gradient(x)
    size = xp.absolute(value)
    inside = xp.where(size < one, size, array(0.0, name))
    a = 0.147
    log = xp.log1p(-inside * inside)
    first = array(2 / (math.pi * a), name) + half * log
    y = xp.sqrt(xp.maximum(xp.sqrt(first * first - log / array(a, name)) - first, array(0.0, name)))
    factor = array(2 / math.sqrt(math.pi), name)
    for _ in range(3):
        # f(y) = erf(y) - x, or by the tails where both are near 1.
        residual = xp.where(inside < half, erf(y) - inside, (one - inside) - erfc(y))
        y = y - residual / (factor * xp.exp(-y * y) + residual * y)
    # One more step, by the differentiable `x`: its derivative is that of the inverse.
    slope = factor * xp.exp(-y * y)
    y = xp.where(value < 0, -y, y)
    y = y + (x - value) / slope
    infinite = xp.where(value > 0, array(math.inf, name), array(-math.inf, name))
    edge = xp.where(size == one, infinite, array(math.nan, name))
    return xp.where(size < one, y, edge)


@op(spec=float_unary)
def rsqrt(x: Any) -> Any:
    """`1 / sqrt(x)`."""
    x = floating(x)
    return array(1.0, dtype_name(x.dtype)) / current_backend().xp.sqrt(x)
