"""Maximum and sum over windows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

__all__ = ["reduce_window"]

Pairs = Sequence[tuple[int, int]]


def least(dtype: Any) -> Any:
    """What padding counts as in a maximum of that dtype."""
    if dtype.kind in "iu":
        return np.iinfo(dtype).min
    return False if dtype.kind == "b" else -np.inf


def stock_reduce_window(
    x: jax.Array, mode: str, window: Sequence[int], strides: Sequence[int], padding: Pairs
) -> jax.Array:
    """XLA's own window reduction."""
    if mode == "max":
        start, function = np.asarray(least(x.dtype), x.dtype), jax.lax.max
    else:
        start, function = np.asarray(0, x.dtype), jax.lax.add
    return jax.lax.reduce_window(
        x,
        start,
        function,
        (1, *window, 1),
        (1, *strides, 1),
        ((0, 0), *(tuple(pair) for pair in padding), (0, 0)),
    )


def reduce_window(
    x: jax.Array, mode: str, window: Sequence[int], strides: Sequence[int], padding: Pairs
) -> jax.Array:
    """See `Backend.reduce_window`."""
    if mode not in ("max", "sum"):
        raise ValueError(f"Windows are reduced by 'max' or 'sum', not {mode!r}.")
    return stock_reduce_window(x, mode, window, strides, padding)
