"""Primitives as plain loops in float64: slow, and short enough to be believed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

__all__ = ["conv", "reduce_window", "threefry_words"]

Pairs = Sequence[tuple[int, int]]


def _place(x: np.ndarray, padding: Pairs, dilation: Sequence[int], fill: float) -> np.ndarray:
    """`x` spread out by `dilation`, then padded with `fill` or, where negative, cut."""
    for axis, ((before, after), d) in enumerate(zip(padding, dilation), start=1):
        n = x.shape[axis]
        shape = list(x.shape)
        shape[axis] = (n - 1) * d + 1
        spread = np.full(shape, fill if d == 1 else 0.0)
        spread[(slice(None),) * axis + (slice(None, None, d),)] = x
        shape[axis] += max(before, 0) + max(after, 0)
        padded = np.full(shape, fill)
        start = max(before, 0)
        padded[(slice(None),) * axis + (slice(start, start + spread.shape[axis]),)] = spread
        stop = shape[axis] + min(after, 0)
        x = padded[(slice(None),) * axis + (slice(max(-before, 0), stop),)]
    return x


def conv(
    x: np.ndarray,
    kernel: np.ndarray,
    strides: Sequence[int],
    padding: Pairs,
    input_dilation: Sequence[int],
    kernel_dilation: Sequence[int],
    groups: int,
) -> np.ndarray:
    """What `Backend.conv` has to compute."""
    x = _place(np.asarray(x, np.float64), padding, input_dilation, 0.0)
    window = kernel.shape[:-2]
    lengths = [
        (n - (k - 1) * d - 1) // s + 1
        for n, k, d, s in zip(x.shape[1:-1], window, kernel_dilation, strides)
    ]
    out = np.zeros((x.shape[0], *lengths, kernel.shape[-1]))
    inputs, outputs = x.shape[-1] // groups, kernel.shape[-1] // groups
    for at in product(*map(range, lengths)):
        for place in product(*map(range, window)):
            source = tuple(a * s + p * d for a, s, p, d in zip(at, strides, place, kernel_dilation))
            for group in range(groups):
                channels = slice(group * inputs, (group + 1) * inputs)
                features = slice(group * outputs, (group + 1) * outputs)
                out[(slice(None), *at, features)] += (
                    x[(slice(None), *source, channels)] @ kernel[(*place, slice(None), features)]
                )
    return out


def reduce_window(
    x: np.ndarray, mode: str, window: Sequence[int], strides: Sequence[int], padding: Pairs
) -> np.ndarray:
    """What `Backend.reduce_window` has to compute, for floating `x`."""
    fill = -np.inf if mode == "max" else 0.0
    x = _place(np.asarray(x, np.float64), padding, (1,) * len(window), fill)
    lengths = [(n - w) // s + 1 for n, w, s in zip(x.shape[1:-1], window, strides)]
    out = np.zeros((x.shape[0], *lengths, x.shape[-1]))
    combine = np.max if mode == "max" else np.sum
    for at in product(*map(range, lengths)):
        part = x[(slice(None), *[slice(a * s, a * s + w) for a, s, w in zip(at, strides, window)])]
        out[(slice(None), *at)] = combine(part, axis=tuple(range(1, x.ndim - 1)))
    return out


_ROTATIONS = (13, 15, 26, 6, 17, 29, 16, 24)
_MASK = 0xFFFFFFFF


def threefry_words(key: tuple[int, int], counter: tuple[int, int]) -> tuple[int, int]:
    """Threefry-2×32 with 20 rounds on Python integers."""
    keys = (key[0], key[1], key[0] ^ key[1] ^ 0x1BD11BDA)
    a, b = (counter[0] + keys[0]) & _MASK, (counter[1] + keys[1]) & _MASK
    for step in range(20):
        rotation = _ROTATIONS[step % 8]
        a = (a + b) & _MASK
        b = ((b << rotation) | (b >> (32 - rotation))) & _MASK
        b ^= a
        if step % 4 == 3:
            group = step // 4 + 1
            a = (a + keys[group % 3]) & _MASK
            b = (b + keys[(group + 1) % 3] + group) & _MASK
    return a, b
