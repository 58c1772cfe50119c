"""A million steps of a tiny model: memory stays where it was, one program is compiled.

`python tests/benchmarks/million_steps.py --steps 1000000`
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np

import highlevel as hl
from highlevel import callbacks, layers


def resident() -> int:
    """Bytes of this process in memory."""
    with open("/proc/self/status") as file:
        for line in file:
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    raise RuntimeError("no VmRSS in /proc/self/status")


class Memory(callbacks.Callback):
    """Resident memory after each epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []

    def on_epoch_end(self, epoch, logs=None):
        self.sizes.append(resident())


class Leak(callbacks.Callback):
    """What the measurement must notice: 128 kB kept of each epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[np.ndarray] = []

    def on_epoch_end(self, epoch, logs=None):
        self.kept.append(np.ones((1000, 32), "float32"))


def run(steps: int, epochs: int, extra: list | None = None) -> tuple[list[int], int]:
    """Train; returns memory after each epoch and the number of step programs compiled."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(steps // epochs, 4)).astype("float32")
    y = x[:, :1] - x[:, 1:2]
    model = hl.Sequential([hl.Input((4,)), layers.Dense(4, activation="tanh"), layers.Dense(1)])
    model.compile(hl.optimizers.Adam(1e-3), "mse", metrics=["mae"])
    memory = Memory()
    model.fit(x, y, batch_size=1, epochs=epochs, verbose=0, callbacks=[memory, *(extra or [])])
    if int(model.optimizer.iterations) != steps:
        raise RuntimeError(f"{int(model.optimizer.iterations)} steps were done, not {steps}")
    program = model._program("train")
    return memory.sizes, program._block._cache_size()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--every-batch", action="store_true", help="with a callback of each batch")
    parser.add_argument("--leak", action="store_true", help="keep something of each epoch")
    parser.add_argument("--json", action="store_true", help="print the sizes and nothing else")
    given = parser.parse_args()
    extra: list[callbacks.Callback] = []
    if given.every_batch:
        extra.append(callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None))
    if given.leak:
        extra.append(Leak())
    with hl.use_backend("jax"):
        start = time.perf_counter()
        sizes, compiled = run(given.steps, given.epochs, extra)
        seconds = time.perf_counter() - start
    if given.json:
        print(json.dumps({"sizes": sizes, "compiled": compiled}))
        return
    first, last = sizes[0], sizes[-1]
    print(
        f"{given.steps:,} steps in {seconds:.0f} s: resident {first / 2**20:.1f} MiB after the "
        f"first of {given.epochs} epochs, {max(sizes) / 2**20:.1f} at most, "
        f"{last / 2**20:.1f} after the last ({(last - first) / 2**20:+.2f}); "
        f"{compiled} program compiled"
    )


if __name__ == "__main__":
    main()
