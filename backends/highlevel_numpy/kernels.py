"""Operations that the NumPy backend computes better than their definition in `highlevel.ops`.

An entry maps an operation's name to a function with the same signature. It belongs here
only where `tests/benchmarks` shows that it pays, and the conformance kit holds it, with
its gradient, against the definition. Functions that give their own gradient are made with
`highlevel_numpy.transforms.custom_gradient`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from highlevel_backend.random_mask import random_mask

from highlevel_numpy.recurrence import gru_sequence, lstm_sequence

__all__ = ["KERNELS"]

KERNELS: dict[str, Callable] = {
    "gru_sequence": gru_sequence,
    "lstm_sequence": lstm_sequence,
    "random_mask": partial(random_mask, np),
}
