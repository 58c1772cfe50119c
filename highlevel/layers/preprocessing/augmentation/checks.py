"""Arguments of image layers, checked."""

from __future__ import annotations

import math
from typing import Any

__all__ = ["factor_range", "one_of", "value_range"]


def _numbers(value: Any) -> list[float] | None:
    """A number, or two, as a list; None for anything else."""
    entries = value if isinstance(value, (tuple, list)) else [value]
    if len(entries) not in (1, 2):
        return None
    for entry in entries:
        if isinstance(entry, (bool, str)) or not hasattr(entry, "__float__"):
            return None
    return list(entries)


def factor_range(
    layer: Any, name: str, value: Any, low: float, high: float, least: float | None = None
) -> tuple[float, float]:
    """A factor as the two ends of what it is drawn from.

    Args:
        value: two numbers in any order, or one, which stands for `(-value, value)`, cut to
            what is allowed.
        low, high: what is allowed.
        least: what one number's lower end is cut to; `low` where None.

    Raises:
        ValueError: no such numbers, or out of range.
    """
    entries = _numbers(value)
    if entries is not None and all(low <= entry <= high for entry in entries) \
            and not any(math.isnan(entry) for entry in entries):
        if len(entries) == 2:
            low_end, high_end = sorted(entries)
            return low_end, high_end
        if not isinstance(value, (tuple, list)):
            size = abs(value)
            return max(low if least is None else least, -size if size else 0), size
    raise ValueError(
        f"{type(layer).__name__} '{layer.name}': `{name}` must be a number or two numbers from "
        f"{low} to {high}; got {value!r}."
    )


def value_range(layer: Any, value: Any) -> tuple[float, float]:
    """The lowest and highest value of pixels.

    Raises:
        ValueError: not two numbers in ascending order.
    """
    entries = _numbers(value)
    if entries is None or len(entries) != 2 or not entries[0] < entries[1]:
        raise ValueError(
            f"{type(layer).__name__} '{layer.name}': `value_range` must be two numbers, the lowest "
            f"and the highest value of a pixel; got {value!r}."
        )
    return entries[0], entries[1]


def one_of(layer: Any, name: str, value: Any, allowed: tuple[str, ...]) -> str:
    """A word of a list.

    Raises:
        ValueError: another one.
    """
    if value not in allowed:
        raise ValueError(
            f"{type(layer).__name__} '{layer.name}': `{name}` must be one of "
            f"{', '.join(map(repr, allowed))}; got {value!r}."
        )
    return value
