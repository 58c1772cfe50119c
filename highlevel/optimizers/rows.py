"""`Rows`: a gradient that is 0 in all but a few rows, as that of a large embedding table.

A rule of an optimizer that is marked by `takes_rows` may be given one in place of an array, and
then leaves alone what the gradient does not touch: a pass less over the table for each use of
the gradient, and none at all where nothing else changes (plain `SGD`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from highlevel_backend import canonical_name, current_backend

__all__ = ["Rows", "gradient_for", "takes_rows", "toward"]

Array = Any


class Rows:
    """What rules do with a gradient, for one that has few rows. Made by `gradient_for`.

    Its multiples, its square and its quotients by arrays are `Rows` again; sums with arrays are
    arrays.

    Args:
        places: row numbers, one axis; the same may come twice, and then the sum counts.
        values: those rows.
        length: how many rows the array has.
    """

    __slots__ = ("length", "places", "single", "values")

    def __init__(self, places: Array, values: Array, length: int, single: bool = False) -> None:
        self.places = places
        self.values = values
        self.length = length
        #: whether all values of a row but one are 0
        self.single = single

    def _with(self, values: Array) -> Rows:
        return Rows(self.places, values, self.length, self.single)

    def _summed(self) -> Rows:
        """The same with the sum of a row's values in one place."""
        if self.single:
            return self
        backend = current_backend()
        xp = backend.xp
        numbers = xp.arange(len(self.places), dtype="int32")
        # Of the places that name one row, one is in the table afterwards; no matter which.
        table = backend.index_update(xp.zeros(self.length, "int32"), self.places, numbers)
        chosen = xp.take(table, self.places, axis=0)
        sums = backend.index_update(xp.zeros_like(self.values), chosen, self.values, "add")
        kept = (chosen == numbers).reshape(-1, *[1] * (self.values.ndim - 1))
        return Rows(self.places, xp.where(kept, sums, xp.zeros_like(sums)), self.length, True)

    def __mul__(self, other: Any) -> Rows:
        if isinstance(other, Rows):
            if other is not self:
                return NotImplemented
            summed = self._summed()
            return summed._with(summed.values * summed.values)
        return self._with(self.values * other)  # a number

    __rmul__ = __mul__

    def __truediv__(self, other: Array) -> Rows:
        if getattr(other, "ndim", 0):
            other = current_backend().xp.take(other, self.places, axis=0)
        return self._with(self.values / other)

    def __neg__(self) -> Rows:
        return self._with(-self.values)

    def __radd__(self, other: Array) -> Array:
        return current_backend().index_update(other, self.places, self.values, "add")

    def __rsub__(self, other: Array) -> Array:
        return other + -self


def takes_rows(rarity: int) -> Callable[[Callable], Callable]:
    """Mark a rule as one that may be given `Rows`; a subclass's own rule is not marked.

    Args:
        rarity: how many rows the table must have for each row of the gradient. Squares need the
            sums of rows that come several times, which takes longer than it saves where most of
            the table is touched; `docs/design/products.md` has the grid.
    """

    def mark(rule: Callable) -> Callable:
        vars(rule)["rarity"] = rarity
        return rule

    return mark


def gradient_for(rule: Callable, gradient: Array) -> Any:
    """What to give a rule: `Rows` where it takes them and there are few, else the array."""
    rarity = getattr(rule, "rarity", None)
    if rarity is None or canonical_name(gradient.dtype) not in ("float32", "float64"):
        return gradient
    found = current_backend().gradient_rows(gradient)
    if found is None or rarity * len(found[0]) > gradient.shape[0]:
        return gradient
    return Rows(*found, gradient.shape[0])


def toward(average: Array, target: Any, fraction: float) -> Array:
    """`average` moved to `target`, an array or `Rows`, by a fraction of the distance."""
    if isinstance(target, Rows):
        return average - average * fraction + target * fraction
    return average + (target - average) * fraction
