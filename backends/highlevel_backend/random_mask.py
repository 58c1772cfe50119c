"""Masks for dropout: a hash of position and key, the same bits on every backend that uses it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

__all__ = ["random_mask"]

Array = Any


def _finalize(xp: Any, word: Array) -> Array:
    """A bijection of 32-bit words in which every input bit reaches every output bit.

    Multiply and xor-shift, with the constants that C. Wellons' search "hash prospector"
    (2018, public domain) found to be the least biased of this form.
    """
    word = (word ^ (word >> 16)) * xp.uint32(0x7FEB352D)
    word = (word ^ (word >> 15)) * xp.uint32(0x846CA68B)
    return word ^ (word >> 16)


def random_mask(xp: Any, key: Array, rate: float | Array, shape: Sequence[int]) -> Array:
    """A mask for dropout: each entry is True with probability `1 - rate`.

    A hash of position and key in place of Threefry: a third to a half of the time, and
    enough for masks. The key's two words are hashed into each other first, so that keys which
    count upwards give unrelated masks. Not the bits of `Backend.random_bits`.

    Args:
        xp: array namespace.
        key: `(2,)` uint32.
        rate: the share of False, 0 to 1; a number, or a scalar array.
        shape: of the result, at most 2**32 entries.

    Returns:
        bool array of `shape`.
    """
    shape = tuple(shape)
    if isinstance(rate, (int, float)):
        if rate <= 0:
            return xp.ones(shape, bool)
        if rate >= 1:
            return xp.zeros(shape, bool)
    one, two = key[:1], key[1:2]  # arrays: NumPy's scalars warn where they overflow
    first = _finalize(xp, one + _finalize(xp, two))
    second = _finalize(xp, two ^ _finalize(xp, one + xp.uint32(0x9E3779B9)))
    count = xp.arange(math.prod(shape), dtype="uint32")
    words = _finalize(xp, _finalize(xp, count + first) ^ second).reshape(shape)
    if isinstance(rate, (int, float)):
        return words >= xp.uint32(min(int(rate * 2.0**32), 2**32 - 1))
    # The upper 24 bits are exact in float32.
    return (words >> 8).astype("float32") * xp.float32(2.0**-24) >= rate
