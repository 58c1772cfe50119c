"""Numbers that tell what is in an array."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Statistics", "dead_units", "norm_of", "statistics_of"]


@dataclass(frozen=True)
class Statistics:
    """What is in one or more arrays, entries that are not finite left out of all but counts.

    Attributes:
        size: number of entries.
        mean, spread: mean and standard deviation.
        low, high: least and greatest entry.
        norm: square root of the sum of squares.
        zeros: share of entries that are 0.
        nans, infinities: numbers of entries.
    """

    size: int
    mean: float
    spread: float
    low: float
    high: float
    norm: float
    zeros: float
    nans: int
    infinities: int

    @property
    def not_finite(self) -> int:
        """Number of entries that are NaN or infinite."""
        return self.nans + self.infinities


def statistics_of(arrays: Iterable[Any]) -> Statistics:
    """The statistics of all entries of some NumPy arrays.

    >>> import numpy as np
    >>> found = statistics_of([np.array([0.0, 2.0, np.nan])])
    >>> found.mean, found.spread, found.nans
    (1.0, 1.0, 1)
    """
    parts = [_plain(array) for array in arrays]
    flat = np.concatenate(parts) if parts else np.zeros(0)
    nans = int(np.isnan(flat).sum())
    finite = flat[np.isfinite(flat)]
    some = finite.size > 0
    return Statistics(
        size=flat.size,
        mean=float(finite.mean()) if some else 0.0,
        spread=float(finite.std()) if some else 0.0,
        low=float(finite.min()) if some else 0.0,
        high=float(finite.max()) if some else 0.0,
        norm=float(np.sqrt(np.square(finite).sum())),
        zeros=float((flat == 0).mean()) if flat.size else 0.0,
        nans=nans,
        infinities=flat.size - finite.size - nans,
    )


def norm_of(arrays: Iterable[Any]) -> float:
    """Square root of the sum of squares of all entries; NaN or infinite where one is."""
    total = 0.0
    for array in arrays:
        total += float(np.square(_plain(array)).sum())
    return total**0.5


def _plain(array: Any) -> np.ndarray:
    array = np.asarray(array)
    if array.dtype.kind == "c":
        array = np.abs(array)
    return array.astype("float64").reshape(-1)


def dead_units(array: np.ndarray, axis: int = -1, least: int = 8) -> tuple[int, int]:
    """How many units gave nothing but 0 for a whole batch, and how many there are.

    Args:
        array: `(batch, ..., units)`.
        axis: that of the units.
        least: with fewer values per unit than that none is called dead.

    >>> import numpy as np
    >>> dead_units(np.maximum(0.0, np.linspace([-2.0, -1.0], [-1.0, 1.0], 8)))
    (1, 2)
    """
    if array.ndim < 2 or not array.size:
        return 0, 0
    units = array.shape[axis]
    if array.size // units < least:
        return 0, units
    alive = np.moveaxis(array != 0, axis, -1).reshape(-1, units).any(axis=0)
    return int(units - alive.sum()), units
