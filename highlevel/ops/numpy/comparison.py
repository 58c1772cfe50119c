"""Comparisons and tests of each entry; all give booleans."""

from __future__ import annotations

from typing import Any

from highlevel_backend import current_backend

from highlevel.ops.dispatch import array, float_pair, op, promote
from highlevel.ops.rules import boolean, of

__all__ = [
    "allclose",
    "equal",
    "greater",
    "greater_equal",
    "isclose",
    "isfinite",
    "isin",
    "isinf",
    "isnan",
    "isneginf",
    "isposinf",
    "isreal",
    "less",
    "less_equal",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "not_equal",
    "signbit",
]


@op(spec=boolean)
def equal(x1: Any, x2: Any) -> Any:
    """Whether `x1 == x2`."""
    x1, x2 = promote(x1, x2)
    return current_backend().xp.equal(x1, x2)


@op(spec=boolean)
def not_equal(x1: Any, x2: Any) -> Any:
    """Whether `x1 != x2`."""
    x1, x2 = promote(x1, x2)
    return current_backend().xp.not_equal(x1, x2)


@op(spec=boolean)
def less(x1: Any, x2: Any) -> Any:
    """Whether `x1 < x2`."""
    x1, x2 = promote(x1, x2)
    return current_backend().xp.less(x1, x2)


@op(spec=boolean)
def less_equal(x1: Any, x2: Any) -> Any:
    """Whether `x1 <= x2`."""
    x1, x2 = promote(x1, x2)
    return current_backend().xp.less_equal(x1, x2)


@op(spec=boolean)
def greater(x1: Any, x2: Any) -> Any:
    """Whether `x1 > x2`."""
    x1, x2 = promote(x1, x2)
    return current_backend().xp.greater(x1, x2)


@op(spec=boolean)
def greater_equal(x1: Any, x2: Any) -> Any:
    """Whether `x1 >= x2`."""
    x1, x2 = promote(x1, x2)
    return current_backend().xp.greater_equal(x1, x2)


@op(spec=boolean)
def isfinite(x: Any) -> Any:
    """Whether an entry is neither infinite nor NaN."""
    return current_backend().xp.isfinite(array(x))


@op(spec=boolean)
def isinf(x: Any) -> Any:
    """Whether an entry is plus or minus infinity."""
    return current_backend().xp.isinf(array(x))


@op(spec=boolean)
def isnan(x: Any) -> Any:
    """Whether an entry is NaN."""
    return current_backend().xp.isnan(array(x))


@op(spec=boolean)
def isneginf(x: Any) -> Any:
    """Whether an entry is minus infinity."""
    return current_backend().xp.isneginf(array(x))


@op(spec=boolean)
def isposinf(x: Any) -> Any:
    """Whether an entry is plus infinity."""
    return current_backend().xp.isposinf(array(x))


@op(spec=boolean)
def isreal(x: Any) -> Any:
    """Whether an entry has no imaginary part."""
    return current_backend().xp.isreal(array(x))


@op(spec=boolean)
def signbit(x: Any) -> Any:
    """Whether an entry has the minus sign, -0.0 included."""
    return current_backend().xp.signbit(array(x))


def _boolean(x: Any) -> Any:
    return current_backend().cast(array(x), "bool")


@op(spec=boolean)
def logical_and(x1: Any, x2: Any) -> Any:
    """Whether both entries are true (not 0)."""
    return current_backend().xp.logical_and(_boolean(x1), _boolean(x2))


@op(spec=boolean)
def logical_or(x1: Any, x2: Any) -> Any:
    """Whether either entry is true (not 0)."""
    return current_backend().xp.logical_or(_boolean(x1), _boolean(x2))


@op(spec=boolean)
def logical_xor(x1: Any, x2: Any) -> Any:
    """Whether exactly one of the entries is true (not 0)."""
    return current_backend().xp.logical_xor(_boolean(x1), _boolean(x2))


@op(spec=boolean)
def logical_not(x: Any) -> Any:
    """Whether an entry is false (0)."""
    return current_backend().xp.logical_not(_boolean(x))


def _isclose_rule(x1: Any, x2: Any, *args: Any, **kwargs: Any) -> Any:
    return boolean(x1, x2)


@op(spec=_isclose_rule)
def isclose(
    x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Any:
    """Whether `|x1 - x2| <= atol + rtol * |x2|`.

    Args:
        x1, x2: arrays that broadcast together.
        rtol, atol: tolerance relative to `x2`, and absolute.
        equal_nan: whether NaN equals NaN.

    Returns:
        Boolean array of the broadcast shape.

    >>> bool(isclose(1.0, 1.000001))
    True
    """
    x1, x2 = float_pair(x1, x2)
    return current_backend().xp.isclose(x1, x2, rtol, atol, equal_nan)


@op(spec=lambda *args, **kwargs: of((), "bool"))
def allclose(
    x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Any:
    """Whether `isclose` holds everywhere; a boolean scalar."""
    return current_backend().xp.all(isclose(x1, x2, rtol, atol, equal_nan))


@op(spec=lambda x1, *args, **kwargs: boolean(x1))
def isin(x1: Any, x2: Any, assume_unique: bool = False, invert: bool = False) -> Any:
    """Whether each entry of `x1` is among those of `x2`.

    Args:
        x1: array.
        x2: array of any shape.
        assume_unique: accepted for the contract.
        invert: ask for those that are not.

    Returns:
        Boolean array of `x1`'s shape.
    """
    x1, x2 = promote(x1, x2)
    return current_backend().xp.isin(x1, x2, assume_unique=assume_unique, invert=invert)
