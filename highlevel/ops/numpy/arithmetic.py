"""Arithmetic of two arrays: both are promoted to one dtype and broadcast."""

from __future__ import annotations

from typing import Any

from highlevel_backend import current_backend, is_integer

from highlevel.ops.dispatch import (
    array,
    dtype_name,
    elementwise,
    float_pair,
    floating,
    op,
    promote,
)
from highlevel.ops.rules import float_binary

__all__ = [
    "add",
    "arctan2",
    "divide",
    "divide_no_nan",
    "floor_divide",
    "fmax",
    "fmin",
    "fmod",
    "gcd",
    "heaviside",
    "hypot",
    "lcm",
    "ldexp",
    "logaddexp",
    "logaddexp2",
    "maximum",
    "minimum",
    "mod",
    "multiply",
    "nextafter",
    "power",
    "subtract",
    "true_divide",
]


@op(spec=elementwise)
def add(x1: Any, x2: Any) -> Any:
    """Sum `x1 + x2`; of booleans, whether either holds."""
    x1, x2 = promote(x1, x2)
    return current_backend().xp.add(x1, x2)


@op(spec=elementwise)
def subtract(x1: Any, x2: Any) -> Any:
    """Difference `x1 - x2`."""
    x1, x2 = promote(x1, x2)
    return current_backend().xp.subtract(x1, x2)


@op(spec=elementwise)
def multiply(x1: Any, x2: Any) -> Any:
    """Product `x1 * x2`; of booleans, whether both hold."""
    x1, x2 = promote(x1, x2)
    return current_backend().xp.multiply(x1, x2)


@op(spec=float_binary)
def true_divide(x1: Any, x2: Any) -> Any:
    """Quotient `x1 / x2`; of integers in the default float dtype.

    >>> float(true_divide(1, 2))
    0.5
    """
    x1, x2 = float_pair(x1, x2)
    return current_backend().xp.true_divide(x1, x2)


@op(spec=elementwise)
def floor_divide(x1: Any, x2: Any) -> Any:
    """Quotient rounded down, in the promoted dtype.

    >>> int(floor_divide(-7, 2))
    -4
    """
    x1, x2 = promote(x1, x2)
    return current_backend().xp.floor_divide(x1, x2)


@op(spec=elementwise)
def mod(x1: Any, x2: Any) -> Any:
    """Remainder of `floor_divide`, with the sign of `x2`.

    >>> int(mod(-7, 3))
    2
    """
    x1, x2 = promote(x1, x2)
    return current_backend().xp.mod(x1, x2)


@op(spec=elementwise)
def fmod(x1: Any, x2: Any) -> Any:
    """Remainder of the division rounded towards 0, with the sign of `x1`.

    >>> int(fmod(-7, 3))
    -1
    """
    x1, x2 = promote(x1, x2)
    return current_backend().xp.fmod(x1, x2)


@op(spec=elementwise)
def power(x1: Any, x2: Any) -> Any:
    """`x1` to the power `x2`.

    >>> int(power(2, 10))
    1024
    """
    x1, x2 = promote(x1, x2)
    return current_backend().xp.power(x1, x2)


@op(spec=elementwise)
def maximum(x1: Any, x2: Any) -> Any:
    """The larger of two entries; NaN where either is."""
    x1, x2 = promote(x1, x2)
    return current_backend().xp.maximum(x1, x2)


@op(spec=elementwise)
def minimum(x1: Any, x2: Any) -> Any:
    """The smaller of two entries; NaN where either is."""
    x1, x2 = promote(x1, x2)
    return current_backend().xp.minimum(x1, x2)


@op(spec=elementwise)
def fmax(x1: Any, x2: Any) -> Any:
    """The larger of two entries; the other one where one is NaN."""
    x1, x2 = promote(x1, x2)
    return current_backend().xp.fmax(x1, x2)


@op(spec=elementwise)
def fmin(x1: Any, x2: Any) -> Any:
    """The smaller of two entries; the other one where one is NaN."""
    x1, x2 = promote(x1, x2)
    return current_backend().xp.fmin(x1, x2)


@op(spec=float_binary)
def hypot(x1: Any, x2: Any) -> Any:
    """`sqrt(x1**2 + x2**2)` without overflow on the way.

    >>> float(hypot(3.0, 4.0))
    5.0
    """
    x1, x2 = float_pair(x1, x2)
    return current_backend().xp.hypot(x1, x2)


@op(spec=float_binary)
def arctan2(x1: Any, x2: Any) -> Any:
    """Angle of the point `(x2, x1)` in radians, from -pi to pi."""
    x1, x2 = float_pair(x1, x2)
    return current_backend().xp.arctan2(x1, x2)


@op(spec=float_binary)
def logaddexp(x1: Any, x2: Any) -> Any:
    """`log(exp(x1) + exp(x2))` without overflow.

    >>> round(float(logaddexp(1000.0, 1000.0)), 3)
    1000.693
    """
    x1, x2 = float_pair(x1, x2)
    return current_backend().xp.logaddexp(x1, x2)


@op(spec=float_binary)
def logaddexp2(x1: Any, x2: Any) -> Any:
    """`log2(2**x1 + 2**x2)` without overflow."""
    x1, x2 = float_pair(x1, x2)
    return current_backend().xp.logaddexp2(x1, x2)


@op(spec=float_binary)
def nextafter(x1: Any, x2: Any) -> Any:
    """The representable number next to `x1` in the direction of `x2`."""
    x1, x2 = float_pair(x1, x2)
    return current_backend().xp.nextafter(x1, x2)


@op(spec=float_binary)
def heaviside(x1: Any, x2: Any) -> Any:
    """0 where `x1` is negative, 1 where it is positive, `x2` where it is 0."""
    x1, x2 = float_pair(x1, x2)
    return current_backend().xp.heaviside(x1, x2)


@op(spec=elementwise)
def gcd(x1: Any, x2: Any) -> Any:
    """Greatest common divisor of integers.

    >>> int(gcd(12, 18))
    6
    """
    x1, x2 = promote(x1, x2)
    return current_backend().xp.gcd(x1, x2)


@op(spec=elementwise)
def lcm(x1: Any, x2: Any) -> Any:
    """Least common multiple of integers.

    >>> int(lcm(4, 6))
    12
    """
    x1, x2 = promote(x1, x2)
    return current_backend().xp.lcm(x1, x2)


@op(spec=float_binary)
def divide(x1: Any, x2: Any) -> Any:
    """Quotient `x1 / x2`; the same as `true_divide`."""
    x1, x2 = float_pair(x1, x2)
    return current_backend().xp.true_divide(x1, x2)


@op(spec=float_binary)
def divide_no_nan(x1: Any, x2: Any) -> Any:
    """Quotient `x1 / x2`, and 0 where `x2` is 0. The gradient is 0 there too.

    >>> float(divide_no_nan(1.0, 0.0))
    0.0
    """
    xp = current_backend().xp
    x1, x2 = float_pair(x1, x2)
    zero = x2 == 0
    # The inner `where` keeps infinities out of the gradient.
    return xp.where(zero, xp.zeros_like(x1), x1 / xp.where(zero, xp.ones_like(x2), x2))


@op(spec=float_binary)
def ldexp(x1: Any, x2: Any) -> Any:
    """`x1 * 2**x2` for integers `x2`.

    Raises:
        TypeError: `x2` is not of an integer dtype.
    """
    backend = current_backend()
    x1, x2 = floating(x1), array(x2)
    if not is_integer(dtype_name(x2.dtype)):
        raise TypeError(f"`ldexp` needs integers as `x2`, not {dtype_name(x2.dtype)}.")
    return x1 * backend.xp.exp2(backend.cast(x2, dtype_name(x1.dtype)))
