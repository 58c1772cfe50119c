"""Exponentials, logarithms and roots; integers become the default float dtype."""

from __future__ import annotations

from typing import Any

from highlevel_backend import current_backend

from highlevel.ops.dispatch import floating, op
from highlevel.ops.rules import float_unary

__all__ = [
    "cbrt",
    "exp",
    "exp2",
    "expm1",
    "log",
    "log1p",
    "log2",
    "log10",
    "sqrt",
]


@op(spec=float_unary)
def exp(x: Any) -> Any:
    """e to the power `x`."""
    return current_backend().xp.exp(floating(x))


@op(spec=float_unary)
def exp2(x: Any) -> Any:
    """2 to the power `x`."""
    return current_backend().xp.exp2(floating(x))


@op(spec=float_unary)
def expm1(x: Any) -> Any:
    """`exp(x) - 1`, accurate near 0."""
    return current_backend().xp.expm1(floating(x))


@op(spec=float_unary)
def log(x: Any) -> Any:
    """Natural logarithm."""
    return current_backend().xp.log(floating(x))


@op(spec=float_unary)
def log2(x: Any) -> Any:
    """Logarithm to base 2."""
    return current_backend().xp.log2(floating(x))


@op(spec=float_unary)
def log10(x: Any) -> Any:
    """Logarithm to base 10."""
    return current_backend().xp.log10(floating(x))


@op(spec=float_unary)
def log1p(x: Any) -> Any:
    """`log(1 + x)`, accurate near 0."""
    return current_backend().xp.log1p(floating(x))


@op(spec=float_unary)
def sqrt(x: Any) -> Any:
    """Square root; NaN below 0."""
    return current_backend().xp.sqrt(floating(x))


@op(spec=float_unary)
def cbrt(x: Any) -> Any:
    """Cube root, of negative numbers too."""
    return current_backend().xp.cbrt(floating(x))
