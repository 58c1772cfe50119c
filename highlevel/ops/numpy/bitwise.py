"""Operations on the bits of integers."""

from __future__ import annotations

from typing import Any

from highlevel_backend import current_backend

from highlevel.ops.dispatch import array, elementwise, op, promote

__all__ = [
    "bitwise_and",
    "bitwise_invert",
    "bitwise_left_shift",
    "bitwise_not",
    "bitwise_or",
    "bitwise_right_shift",
    "bitwise_xor",
    "left_shift",
    "right_shift",
]


@op(spec=elementwise)
def bitwise_and(x: Any, y: Any) -> Any:
    """Bits set in both.

    >>> int(bitwise_and(6, 3))
    2
    """
    x, y = promote(x, y)
    return current_backend().xp.bitwise_and(x, y)


@op(spec=elementwise)
def bitwise_or(x: Any, y: Any) -> Any:
    """Bits set in either."""
    x, y = promote(x, y)
    return current_backend().xp.bitwise_or(x, y)


@op(spec=elementwise)
def bitwise_xor(x: Any, y: Any) -> Any:
    """Bits set in one of the two only."""
    x, y = promote(x, y)
    return current_backend().xp.bitwise_xor(x, y)


@op(spec=elementwise)
def bitwise_left_shift(x: Any, y: Any) -> Any:
    """`x` with its bits moved up by `y` places."""
    x, y = promote(x, y)
    return current_backend().xp.bitwise_left_shift(x, y)


@op(spec=elementwise)
def bitwise_right_shift(x: Any, y: Any) -> Any:
    """`x` with its bits moved down by `y` places, its sign kept."""
    x, y = promote(x, y)
    return current_backend().xp.bitwise_right_shift(x, y)


@op(spec=elementwise)
def bitwise_invert(x: Any) -> Any:
    """Every bit turned over.

    >>> int(bitwise_invert(5))
    -6
    """
    return current_backend().xp.bitwise_invert(array(x))


@op(spec=elementwise)
def bitwise_not(x: Any) -> Any:
    """Every bit turned over; the same as `bitwise_invert`."""
    return current_backend().xp.bitwise_invert(array(x))


@op(spec=elementwise)
def left_shift(x: Any, y: Any) -> Any:
    """`x` with its bits moved up by `y` places."""
    x, y = promote(x, y)
    return current_backend().xp.bitwise_left_shift(x, y)


@op(spec=elementwise)
def right_shift(x: Any, y: Any) -> Any:
    """`x` with its bits moved down by `y` places, its sign kept."""
    x, y = promote(x, y)
    return current_backend().xp.bitwise_right_shift(x, y)
