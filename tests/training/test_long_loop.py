"""Many steps: memory stays where it was and nothing is compiled again."""

import sys
from pathlib import Path

import numpy as np
import pytest

import highlevel as hl
from highlevel import callbacks

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
import million_steps

ROOM = 4 * 2**20


class Leak(callbacks.Callback):
    """What the measurement must notice: about the size of a step's state, kept for each step."""

    def __init__(self):
        super().__init__()
        self.kept = []

    def on_epoch_end(self, epoch, logs=None):
        self.kept.append(np.ones((1000, 32), "float32"))


@pytest.mark.slow
def test_memory_stays_flat():
    """`benchmarks/million_steps.py` does a million."""
    with hl.use_backend("jax"):
        sizes, compiled = million_steps.run(100_000, 100)
        assert compiled == 1
        assert sizes[-1] - sizes[10] < ROOM
        sizes, _ = million_steps.run(100_000, 100, [Leak()])
        assert sizes[-1] - sizes[10] > ROOM
