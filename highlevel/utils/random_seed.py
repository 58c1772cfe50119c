"""One seed for everything that draws random numbers."""

from __future__ import annotations

import random as python_random

import numpy as np

from highlevel.random.seed_generator import reset_global_seed

__all__ = ["set_random_seed"]


def set_random_seed(seed: int) -> None:
    """Seed Python's `random`, NumPy's global generator, and the generator of `seed=None`.

    What is made afterwards without a seed of its own (initial weights, dropout, shuffling)
    is the same at every run, and on every backend.

    Args:
        seed: integer from 0 to 2**32 - 1.

    Raises:
        ValueError: not such an integer.
    """
    if not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**32:
        raise ValueError(
            f"`set_random_seed` needs an integer from 0 to 2**32 - 1; got {seed!r}."
        )
    python_random.seed(int(seed))
    np.random.seed(int(seed))
    reset_global_seed()
