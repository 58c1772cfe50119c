"""Maximum and sum over windows, lowered for the platform.

On a CPU XLA's `reduce_window` is slow, its gradient by a maximum very slow
(`select_and_scatter`). Milliseconds, jax 0.10 on 2 cores of a shared machine, value /
gradient / gradient in `lax.scan`:

    window, step, input                         stock              by axis           blocks
    max 2×2, 2, 64×26×26×32                     0.5 / 18 / 35      0.3 / 3.0 / 4.0   0.5 / 8.6 / 11
    max 3×3, 2, 4×56×56×64                      1.3 / 13 / 13      0.6 / 2.9 / 2.7
    max 5×5, 1, 16×14×14×64                     3.3 / 21 / 9       0.6 / 6.3 / 2.1
    max 7×7, 7, 16×28×28×32                     0.2 / 1.9 / 2.4    0.2 / 1.9 / 3.3   0.2 / 1.2 / 1.5
    sum 2×2, 2, 64×26×26×32                     0.8 / 0.6 / 0.5    0.4 / 1.4 / 1.5   0.8 / 0.7 / 0.2
    sum 3×3, 2, 4×56×56×64                      1.0 / 10 / 5       0.6 / 1.7 / 0.7
    sum 4×4, 4, 16×32×32×32                     0.2 / 10 / 3       0.2 / 1.0 / 1.0   0.2 / 0.3 / 0.1

*By axis*: one axis after the other, the maximum or sum of strided slices. *Blocks*: where
windows neither overlap nor have padding, a reshape and one reduction.

Where several entries of a window share the maximum, the gradient is divided between them
on a CPU, and goes to one of them elsewhere; either is a subgradient.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

__all__ = ["reduce_window"]

Array = Any
Pairs = Sequence[tuple[int, int]]

# Longest window reduced by slices; a longer one would make programs slow to compile.
_LONGEST_WINDOW = 16
# From this length on, blocks beat slices for a maximum.
_LONG_BLOCK = 5


def _neutral(mode: str, dtype: Any) -> Any:
    """What padding counts as."""
    if mode == "sum":
        return np.zeros((), dtype)
    if dtype == bool:
        return np.zeros((), bool)
    return np.asarray(jnp.iinfo(dtype).min if dtype.kind in "iu" else -np.inf, dtype)


def _stock(x: Array, mode: str, window: tuple, strides: tuple, padding: tuple) -> Array:
    return lax.reduce_window(
        x,
        _neutral(mode, x.dtype),
        lax.max if mode == "max" else lax.add,
        (1, *window, 1),
        (1, *strides, 1),
        ((0, 0), *padding, (0, 0)),
    )


def _by_axis(x: Array, mode: str, window: tuple, strides: tuple, padding: tuple) -> Array:
    function = lax.max if mode == "max" else lax.add
    for axis, (length, step, pair) in enumerate(zip(window, strides, padding), start=1):
        if pair != (0, 0):
            pads = [(0, 0, 0)] * x.ndim
            pads[axis] = (*pair, 0)
            x = lax.pad(x, _neutral(mode, x.dtype), pads)
        out = (x.shape[axis] - length) // step + 1
        x = functools.reduce(
            function,
            [
                lax.slice_in_dim(x, start, start + (out - 1) * step + 1, step, axis)
                for start in range(length)
            ],
        )
    return x


def _blocks(x: Array, mode: str, window: tuple, strides: tuple, padding: tuple) -> Array:
    split: list[int] = []
    for axis, length in enumerate(window, start=1):
        count = x.shape[axis] // length
        x = lax.slice_in_dim(x, 0, count * length, 1, axis)
        split += [count, length]
    x = x.reshape(x.shape[0], *split, x.shape[-1])
    axes = tuple(range(2, x.ndim - 1, 2))
    return x.max(axes) if mode == "max" else x.sum(axes, dtype=x.dtype)


def _plan(shape: tuple, mode: str, window: tuple, strides: tuple, padding: tuple) -> Callable:
    """The formula for a CPU, by static shape alone."""
    if any(type(n) is not int for n in shape[1:-1]) or 0 in shape:
        return _stock
    for n, length, pair in zip(shape[1:-1], window, padding):
        if n + sum(pair) < length or min(pair) < 0 or length < 1:
            return _stock
    if window == strides and not any(map(any, padding)):
        if mode == "sum" or max(window) >= _LONG_BLOCK:
            return _blocks
    return _by_axis if max(window) <= _LONGEST_WINDOW else _stock


@functools.partial(jax.jit, static_argnums=(1, 2, 3, 4))
def _reduce(x: Array, mode: str, window: tuple, strides: tuple, padding: tuple) -> Array:
    wide = x
    if mode == "sum" and x.dtype.kind not in "iub" and x.dtype.itemsize < 4:
        wide = x.astype(jnp.float32)  # half precision loses the sum of a large window
    arguments = dict(mode=mode, window=window, strides=strides, padding=padding)
    stock = functools.partial(_stock, **arguments)
    formula = functools.partial(_plan(x.shape, **arguments), **arguments)
    if formula.func is _stock:
        return stock(wide).astype(x.dtype)
    return lax.platform_dependent(wide, cpu=formula, default=stock).astype(x.dtype)


def reduce_window(
    x: Array, mode: str, window: Sequence[int], strides: Sequence[int], padding: Pairs
) -> Array:
    """Maximum or sum over windows; see `Backend.reduce_window`.

    Raises:
        ValueError: `mode` is neither `"max"` nor `"sum"`.
    """
    if mode not in ("max", "sum"):
        raise ValueError(f"Windows are reduced by 'max' or 'sum', not {mode!r}.")
    pairs = tuple((int(before), int(after)) for before, after in padding)
    return _reduce(x, mode, tuple(window), tuple(strides), pairs)
