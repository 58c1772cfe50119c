"""Faster definitions of single operations; the conformance kit compares each with its reference."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
from jax import lax

from highlevel_jax.attention import flash_attention

__all__ = ["KERNELS", "random_mask"]

Array = Any


def _finalize(word: Array) -> Array:
    """A bijection of 32-bit words in which every input bit reaches every output bit.

    Multiply and xor-shift, with the constants that C. Wellons' search "hash prospector"
    (2018, public domain) found to be the least biased of this form.
    """
    word = (word ^ (word >> 16)) * jnp.uint32(0x7FEB352D)
    word = (word ^ (word >> 15)) * jnp.uint32(0x846CA68B)
    return word ^ (word >> 16)


def random_mask(key: Array, rate: float | Array, shape: Sequence[int]) -> Array:
    """A mask for dropout: each entry is True with probability `1 - rate`.

    A hash of position and key in place of Threefry: a third to a half of the time, and
    enough for masks. The key's two words are hashed into each other first, so that keys which
    count upwards give unrelated masks. Not the bits of `Backend.random_bits`.

    Args:
        key: `(2,)` uint32.
        rate: the share of False, 0 to 1; a number, or a scalar array.
        shape: of the result, at most 2**32 entries.

    Returns:
        bool array of `shape`.
    """
    shape = tuple(shape)
    if isinstance(rate, (int, float)):
        if rate <= 0:
            return jnp.ones(shape, bool)
        if rate >= 1:
            return jnp.zeros(shape, bool)
    first = _finalize(key[0] + _finalize(key[1]))
    second = _finalize(key[1] ^ _finalize(key[0] + jnp.uint32(0x9E3779B9)))
    count = lax.iota(jnp.uint32, math.prod(shape))
    words = _finalize(_finalize(count + first) ^ second).reshape(shape)
    if isinstance(rate, (int, float)):
        return words >= jnp.uint32(min(int(rate * 2.0**32), 2**32 - 1))
    # The upper 24 bits are exact in float32.
    return (words >> 8).astype(jnp.float32) * jnp.float32(2.0**-24) >= rate


KERNELS: dict[str, Callable] = {"flash_attention": flash_attention, "random_mask": random_mask}
