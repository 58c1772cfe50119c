"""Counter-based random bits, written over a backend's array namespace.

Threefry-2×32 with 20 rounds: J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw,
"Parallel random numbers: as easy as 1, 2, 3", SC 2011.
"""

from __future__ import annotations

import math
from typing import Any

__all__ = ["random_bits", "threefry_2x32"]

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = 0x1BD11BDA


def threefry_2x32(backend: Any, key: Any, high: Any, low: Any) -> tuple[Any, Any]:
    """The block cipher: two words of key, two words of counter, two words out.

    Args:
        backend: gives `xp` and `cast`.
        key: `(2,)` uint32.
        high, low: uint32 arrays of one shape, the counter's words.

    Returns:
        Two uint32 arrays of that shape.
    """
    xp = backend.xp
    word = xp.uint32
    keys = (key[0], key[1], key[0] ^ key[1] ^ word(_PARITY))
    a, b = high + keys[0], low + keys[1]
    for group in range(5):
        for rotation in _ROTATIONS[group % 2]:
            a = a + b
            b = (b << word(rotation)) | (b >> word(32 - rotation))
            b = a ^ b
        a = a + keys[(group + 1) % 3]
        b = b + keys[(group + 2) % 3] + word(group + 1)
    return a, b


def random_bits(backend: Any, key: Any, shape: tuple[int, ...]) -> Any:
    """uint32 bits of `shape`; entry i comes from the 64-bit counter i alone."""
    xp = backend.xp
    size = math.prod(shape)
    low = xp.arange(size, dtype="uint32")
    high = xp.zeros_like(low)
    if size > 2**32:
        raise ValueError(f"At most 2**32 random words at once, not {size} (shape {shape}).")
    a, b = threefry_2x32(backend, key, high, low)
    return xp.reshape(a ^ b, shape)
