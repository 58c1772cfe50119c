"""Threefry-2×32 in place: the bits of `highlevel_backend.threefry`, several times as fast."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from highlevel_numpy.recorded import strip
from highlevel_numpy.traced import Traced

__all__ = ["random_bits"]

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = 0x1BD11BDA
_MASK = 0xFFFFFFFF
_BLOCK = 1 << 14  # three buffers of this many words stay in the innermost caches


def random_bits(key: Any, shape: Sequence[int]) -> np.ndarray:
    """See `Backend.random_bits`.

    Raises:
        ValueError: more than 2**32 words at once.
    """
    shape = tuple([int(n) for n in shape])
    if type(strip(key)) is Traced:
        key = strip(key)
        return key.trace.call(random_bits, (key, shape))
    size = math.prod(shape)
    if size > 2**32:
        raise ValueError(f"At most 2**32 random words at once, not {size} (shape {shape}).")
    k0, k1 = (int(word) for word in np.asarray(strip(key)))
    keys = (k0, k1, k0 ^ k1 ^ _PARITY)
    out = np.empty(size, np.uint32)
    block = min(size, _BLOCK)
    counters = np.arange(block, dtype=np.uint32)
    b, scratch = np.empty(block, np.uint32), np.empty(block, np.uint32)
    for start in range(0, size, _BLOCK):
        n = min(_BLOCK, size - start)
        a = out[start : start + n]
        np.add(counters[:n], np.uint32((start + k1) & _MASK), out=b[:n])
        _block(keys, a, b[:n], scratch[:n])
        a ^= b[:n]
    return out.reshape(shape)


def _block(keys: tuple[int, int, int], a: np.ndarray, b: np.ndarray, scratch: np.ndarray) -> None:
    """Encrypt the counters (0, b - keys[1]) into `a` and `b`; `a` need not be filled."""
    a.fill(keys[0])  # the counter's high word is 0
    for group in range(5):
        for rotation in _ROTATIONS[group % 2]:
            np.add(a, b, out=a)
            np.left_shift(b, np.uint32(rotation), out=scratch)
            np.right_shift(b, np.uint32(32 - rotation), out=b)
            np.bitwise_or(b, scratch, out=b)
            np.bitwise_xor(a, b, out=b)
        np.add(a, np.uint32(keys[(group + 1) % 3]), out=a)
        np.add(b, np.uint32((keys[(group + 2) % 3] + group + 1) & _MASK), out=b)
