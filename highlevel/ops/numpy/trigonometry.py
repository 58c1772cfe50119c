"""Trigonometric and hyperbolic functions, of radians; integers become floats."""

from __future__ import annotations

from typing import Any

from highlevel_backend import current_backend

from highlevel.ops.dispatch import floating, op
from highlevel.ops.rules import float_unary

__all__ = [
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctanh",
    "cos",
    "cosh",
    "deg2rad",
    "rad2deg",
    "sin",
    "sinc",
    "sinh",
    "tan",
    "tanh",
]


@op(spec=float_unary)
def sin(x: Any) -> Any:
    """Sine."""
    return current_backend().xp.sin(floating(x))


@op(spec=float_unary)
def cos(x: Any) -> Any:
    """Cosine."""
    return current_backend().xp.cos(floating(x))


@op(spec=float_unary)
def tan(x: Any) -> Any:
    """Tangent."""
    return current_backend().xp.tan(floating(x))


@op(spec=float_unary)
def arcsin(x: Any) -> Any:
    """Inverse sine, from -pi/2 to pi/2; NaN outside [-1, 1]."""
    return current_backend().xp.arcsin(floating(x))


@op(spec=float_unary)
def arccos(x: Any) -> Any:
    """Inverse cosine, from 0 to pi; NaN outside [-1, 1]."""
    return current_backend().xp.arccos(floating(x))


@op(spec=float_unary)
def arctan(x: Any) -> Any:
    """Inverse tangent, from -pi/2 to pi/2."""
    return current_backend().xp.arctan(floating(x))


@op(spec=float_unary)
def sinh(x: Any) -> Any:
    """Hyperbolic sine."""
    return current_backend().xp.sinh(floating(x))


@op(spec=float_unary)
def cosh(x: Any) -> Any:
    """Hyperbolic cosine."""
    return current_backend().xp.cosh(floating(x))


@op(spec=float_unary)
def tanh(x: Any) -> Any:
    """Hyperbolic tangent."""
    return current_backend().xp.tanh(floating(x))


@op(spec=float_unary)
def arcsinh(x: Any) -> Any:
    """Inverse hyperbolic sine."""
    return current_backend().xp.arcsinh(floating(x))


@op(spec=float_unary)
def arccosh(x: Any) -> Any:
    """Inverse hyperbolic cosine; NaN below 1."""
    return current_backend().xp.arccosh(floating(x))


@op(spec=float_unary)
def arctanh(x: Any) -> Any:
    """Inverse hyperbolic tangent; NaN outside [-1, 1]."""
    return current_backend().xp.arctanh(floating(x))


@op(spec=float_unary)
def deg2rad(x: Any) -> Any:
    """Degrees as radians."""
    return current_backend().xp.deg2rad(floating(x))


@op(spec=float_unary)
def rad2deg(x: Any) -> Any:
    """Radians as degrees."""
    return current_backend().xp.rad2deg(floating(x))


@op(spec=float_unary)
def sinc(x: Any) -> Any:
    """`sin(pi x) / (pi x)`, 1 at 0."""
    return current_backend().xp.sinc(floating(x))
