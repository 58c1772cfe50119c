"""Special functions: the error function and its kin, inverse roots."""

from __future__ import annotations

import math
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
    for c in _coefficients[:0:-1]:
        b1, b2 = two * u * b1 - b2 + array(c, name), b1
    series = u * b1 - b2 + array(_coefficients[0], name)
    return t * xp.exp(series - x * x)


@op(spec=float_unary, kernel="erf")
def erf(x: Any) -> Any:
    """The error function, `2 / sqrt(pi)` times the integral of `exp(-t**2)` from 0 to `x`.

    >>> round(float(erf(0.5)), 4)
    0.5205
    """
    xp = current_backend().xp
    x = floating(x)
    name = dtype_name(x.dtype)
    if name in ("float16", "bfloat16"):
        return cast_to(erf(cast_to(x, "float32")), name)
    size = xp.absolute(x)
    # Near 0 the difference from 1 would lose digits: a series there.
    small = xp.minimum(size, array(0.5, name))
    square = small * small
    series = array(0.0, name)
    for n in range(12 if name == "float64" else 6, -1, -1):
        coefficient = (-1) ** n / (math.factorial(n) * (2 * n + 1))
        series = series * square + array(coefficient, name)
    near = array(2 / math.sqrt(math.pi), name) * small * series
    far = array(1.0, name) - _erfc_positive(xp.maximum(size, array(0.5, name)))
    return xp.where(x < 0, array(-1.0, name), array(1.0, name)) * xp.where(
        size < array(0.5, name), near, far
    )


@op(spec=float_unary, kernel="erfc")
def erfc(x: Any) -> Any:
    """`1 - erf(x)`, accurate where that is tiny."""
    xp = current_backend().xp
    x = floating(x)
    name = dtype_name(x.dtype)
    if name in ("float16", "bfloat16"):
        return cast_to(erfc(cast_to(x, "float32")), name)
    half, one, two = array(0.5, name), array(1.0, name), array(2.0, name)
    tail = _erfc_positive(xp.maximum(xp.absolute(x), half))
    far = xp.where(x > 0, tail, two - tail)
    return xp.where(xp.absolute(x) < half, one - erf(x), far)


@op(spec=float_unary, kernel="erfinv")
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
