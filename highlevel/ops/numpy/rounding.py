"""Signs, rounding, clipping and complex parts: one array in, one of its shape out."""

from __future__ import annotations

from typing import Any

import numpy as np
from highlevel_backend import current_backend, is_float

from highlevel.ops.dispatch import (
    array,
    broadcast_shapes,
    dtype_name,
    floating,
    op,
    promote,
    shape_of,
)
from highlevel.ops.rules import float_unary, of, promoted, unary

__all__ = [
    "abs",
    "absolute",
    "angle",
    "ceil",
    "clip",
    "conj",
    "conjugate",
    "fabs",
    "floor",
    "i0",
    "imag",
    "nan_to_num",
    "negative",
    "real",
    "reciprocal",
    "round",
    "saturate_cast",
    "sign",
    "square",
    "trunc",
]

_REAL_OF = {"complex64": "float32", "complex128": "float64"}


def _real_rule(x: Any) -> Any:
    dtype = promoted(x)
    return of(shape_of(x), _REAL_OF.get(dtype, dtype))


@op(spec=_real_rule)
def absolute(x: Any) -> Any:
    """Absolute value; of complex numbers the modulus, a real number."""
    return current_backend().xp.absolute(array(x))


@op(spec=_real_rule)
def abs(x: Any) -> Any:
    """Absolute value; the same as `absolute`."""
    return current_backend().xp.absolute(array(x))


@op(spec=float_unary)
def fabs(x: Any) -> Any:
    """Absolute value as a float."""
    return current_backend().xp.absolute(floating(x))


@op(spec=unary)
def negative(x: Any) -> Any:
    """`-x`."""
    return current_backend().xp.negative(array(x))


@op(spec=unary)
def sign(x: Any) -> Any:
    """-1, 0 or 1 by the sign of `x`; NaN where it is NaN."""
    return current_backend().xp.sign(array(x))


@op(spec=float_unary)
def reciprocal(x: Any) -> Any:
    """`1 / x`; of integers in the default float dtype."""
    return current_backend().xp.reciprocal(floating(x))


def _number(x: Any) -> Any:
    """`x` as an array; booleans as int32."""
    x = array(x)
    return current_backend().cast(x, "int32") if dtype_name(x.dtype) == "bool" else x


def _number_rule(x: Any, *args: Any, **kwargs: Any) -> Any:
    dtype = promoted(x)
    return of(shape_of(x), "int32" if dtype == "bool" else dtype)


@op(spec=_number_rule)
def square(x: Any) -> Any:
    """`x * x`; booleans become int32."""
    return current_backend().xp.square(_number(x))


@op(spec=float_unary)
def floor(x: Any) -> Any:
    """The largest integer not above `x`, as a float."""
    return current_backend().xp.floor(floating(x))


@op(spec=float_unary)
def ceil(x: Any) -> Any:
    """The smallest integer not below `x`, as a float."""
    return current_backend().xp.ceil(floating(x))


@op(spec=unary)
def trunc(x: Any) -> Any:
    """`x` without its fraction; integers as they are."""
    x = array(x)
    return current_backend().xp.trunc(x) if is_float(dtype_name(x.dtype)) else x


@op(spec=unary)
def round(x: Any, decimals: int = 0) -> Any:
    """`x` rounded to a number of decimals, halves to the even neighbour.

    Args:
        x: array.
        decimals: digits after the point; negative for tens, hundreds, ...

    Returns:
        Array of `x`'s shape and dtype.

    >>> float(round(2.5)), float(round(-3.5))
    (2.0, -4.0)
    """
    x = array(x)
    name = dtype_name(x.dtype)
    if name == "bool" or (not is_float(name) and decimals >= 0):
        return x
    return current_backend().xp.round(x, decimals)


def _clip_rule(x: Any, x_min: Any, x_max: Any) -> Any:
    values = [value for value in (x, x_min, x_max) if value is not None]
    dtype = promoted(*values)
    shape = broadcast_shapes(*map(shape_of, values))
    return of(shape, "int32" if dtype == "bool" else dtype)


@op(spec=_clip_rule)
def clip(x: Any, x_min: Any, x_max: Any) -> Any:
    """`x` held between two bounds.

    Args:
        x: array.
        x_min, x_max: bounds that broadcast with it; None for no bound.

    Returns:
        Array of the promoted dtype (booleans become int32); `x_max` wins where the
        bounds cross.
    """
    bounds = [bound for bound in (x_min, x_max) if bound is not None]
    x, *bounds = promote(x, *bounds)
    x, bounds = _number(x), [_number(bound) for bound in bounds]
    xp = current_backend().xp
    if x_min is not None:
        x = xp.maximum(x, bounds[0])
    return x if x_max is None else xp.minimum(x, bounds[-1])


@op(spec=unary)
def nan_to_num(x: Any, nan: float = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    """`x` with finite numbers in the place of NaN and infinities.

    Args:
        x: array.
        nan: replaces NaN.
        posinf, neginf: replace the infinities; the dtype's largest and least number
            where None.

    Returns:
        Array of `x`'s shape and dtype.
    """
    x = array(x)
    if not is_float(dtype_name(x.dtype)) and dtype_name(x.dtype) not in _REAL_OF:
        return x
    return current_backend().xp.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf)


@op(spec=unary)
def conjugate(x: Any) -> Any:
    """`x` with its imaginary part negated."""
    return current_backend().xp.conjugate(array(x))


@op(spec=unary)
def conj(x: Any) -> Any:
    """`x` with its imaginary part negated; the same as `conjugate`."""
    return current_backend().xp.conjugate(array(x))


@op(spec=_real_rule)
def real(x: Any) -> Any:
    """The real part."""
    return current_backend().xp.real(array(x))


@op(spec=_real_rule)
def imag(x: Any) -> Any:
    """The imaginary part; 0 for real numbers."""
    return current_backend().xp.imag(array(x))


@op
def angle(x: Any) -> Any:
    """The angle of complex numbers in radians; of real ones 0 or pi."""
    return current_backend().xp.angle(floating(x))


@op(spec=float_unary)
def i0(x: Any) -> Any:
    """Modified Bessel function of the first kind, order 0."""
    return current_backend().xp.i0(floating(x))


@op(spec=lambda x, dtype: of(shape_of(x), dtype_name(dtype)))
def saturate_cast(x: Any, dtype: Any) -> Any:
    """`x` in another dtype, values beyond its range at its ends.

    Args:
        x: array.
        dtype: dtype to cast to.

    Returns:
        Array of `x`'s shape.

    >>> int(saturate_cast(300, "uint8"))
    255
    """
    backend = current_backend()
    x, name = array(x), dtype_name(dtype)
    source = dtype_name(x.dtype)
    if name == "bool" or source == "bool" or name in _REAL_OF or source in _REAL_OF:
        return backend.cast(x, name)
    limits = [_limits(name), _limits(source)]
    low, high = max(low for low, _ in limits), min(high for _, high in limits)
    xp = backend.xp
    if is_float(source) and not is_float(name):
        # The bounds must be numbers of `x`'s dtype: float32 has no 2**31 - 1.
        lower, upper = (np.asarray(bound, xp.finfo(source).dtype) for bound in (low, high))
        low = np.nextafter(lower, lower.dtype.type(0)) if int(lower) < low else lower
        high = np.nextafter(upper, upper.dtype.type(0)) if int(upper) > high else upper
    return backend.cast(xp.clip(x, array(low, source), array(high, source)), name)


def _limits(name: str) -> tuple[Any, Any]:
    xp = current_backend().xp
    if is_float(name):
        info = xp.finfo(name)
        return float(info.min), float(info.max)
    info = xp.iinfo(name)
    return int(info.min), int(info.max)
