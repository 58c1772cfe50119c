"""What calling an op costs beyond the NumPy function behind it, on small arrays.

Run by hand: `python tests/benchmarks/dispatch.py [--rounds 15]`. The two take turns; the
least time of each counts, and the median of the differences is beside it. Asserts nothing.
"""

from __future__ import annotations

import argparse
import statistics
import time
import timeit

import numpy as np
from highlevel_backend import use_backend

from highlevel import ops

CALLS = 20_000


def contestants() -> dict[str, tuple]:
    """Row → what NumPy does and what the op does."""
    x = np.linspace(-1, 1, 4, dtype="float32")
    y = np.ones(4, "float32")
    zero = np.float32(0)
    return {
        "add(x, y)": (lambda: np.add(x, y), lambda: ops.add(x, y)),
        "add(x, 1.0)": (lambda: np.add(x, 1.0), lambda: ops.add(x, 1.0)),
        "less(x, y)": (lambda: np.less(x, y), lambda: ops.less(x, y)),
        "exp(x)": (lambda: np.exp(x), lambda: ops.exp(x)),
        "sum(x)": (lambda: np.sum(x), lambda: ops.sum(x)),
        "matmul(x, y)": (lambda: np.matmul(x, y), lambda: ops.matmul(x, y)),
        "reshape(x)": (lambda: np.reshape(x, (2, 2)), lambda: ops.reshape(x, (2, 2))),
        "relu(x)": (lambda: np.where(x <= zero, zero, x), lambda: ops.relu(x)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    print(f"{'microseconds a call':<20}{'numpy':>8}{'ops':>8}{'beyond':>8}{'median':>8}")
    with use_backend("numpy"):
        for name, pair in contestants().items():
            times: list[list[float]] = [
                [timeit.timeit(call, timer=time.thread_time, number=CALLS) / CALLS * 1e6 for call in pair]
                for _ in range(rounds)
            ]
            plain, ours = (min(column) for column in zip(*times))
            median = statistics.median(b - a for a, b in times)
            print(f"{name:<20}{plain:>8.2f}{ours:>8.2f}{ours - plain:>8.2f}{median:>8.2f}")


if __name__ == "__main__":
    main()
