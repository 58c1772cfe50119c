"""`KeyStream`: random keys from one key, without state."""

from __future__ import annotations

from typing import Any

import numpy as np
from highlevel_backend import current_backend

from highlevel.random.keys import split
from highlevel.random.seed_generator import SeedGenerator, checked_seed

__all__ = ["KeyStream", "as_generator"]


class KeyStream(SeedGenerator):
    """Keys made of one key, one after another; has no variable, and may live inside a trace.

    Args:
        key: `(2,)` uint32.
    """

    def __init__(self, key: Any) -> None:
        # Not the parent's constructor: that makes a variable.
        self.name = "key_stream"
        self.seed = None
        self.key = key
        self._count = 0

    def next(self, ordered: bool = True) -> Any:
        """The next key."""
        self._count += 1
        return split(self.key, self._count)[-1]


def as_generator(seed: Any) -> SeedGenerator:
    """A generator of an integer or a key; a generator as it is.

    Raises:
        ValueError: none of these.
    """
    if isinstance(seed, SeedGenerator):
        return seed
    backend = current_backend()
    if getattr(seed, "shape", None) == (2,):
        return KeyStream(backend.asarray(seed, "uint32"))
    value = checked_seed(seed, "An image layer")
    return KeyStream(backend.asarray(np.array([value, 0], np.uint32)))
