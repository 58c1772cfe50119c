"""Saves that are killed at random moments: the old file is there or the new one, whole.

    python tests/saving/killed_saves.py --kills 20

A second process saves a model over and over to the same path; its weights are all 1.0 the
first time, all 2.0 the second, and so on. It is killed (SIGKILL) after a random time, and the
file is read here: all of its weights must be the same number, that of the save that was
under way or of the one before it.
"""

from __future__ import annotations

import argparse
import collections
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import highlevel as hl

KINDS = {
    ".keras": "m.keras", "folder": "m", ".h5": "m.h5", ".weights.h5": "m.weights.h5",
    ".weights.json": "m.weights.json", ".safetensors": "m.safetensors",
}


def model() -> Any:
    """Two megabytes of weights, compiled, with a vocabulary."""
    return hl.Sequential([hl.Input((256,)), *[
        hl.layers.Dense(256, kernel_initializer="zeros") for _ in range(8)]], name="m")


def save(target: Any, path: str, kind: str) -> None:
    """Save in the manner of a kind."""
    if kind in (".keras", ".h5"):
        target.save(path)
    elif kind == "folder":
        target.save(path, zipped=False)
    elif kind == ".weights.json":
        target.save_weights(path, max_shard_size=0.0006)
    else:
        target.save_weights(path)


def load(path: str, kind: str) -> Any:
    """The model with the file's weights."""
    if kind in (".keras", "folder", ".h5"):
        return hl.saving.load_model(path)
    target = model()
    target.load_weights(path)
    return target


def save_on_and_on(path: str, kind: str) -> None:
    """Save 1.0, 2.0, ... and say so, until killed."""
    target = model()
    for count in range(1, 1_000_000):
        for variable in target.weights:
            variable.assign(np.full(variable.shape, count, "float32"))
        print("start", count, flush=True)
        save(target, path, kind)
        print("done", count, flush=True)


def kill_one(folder: Path, kind: str, after: float) -> str:
    """Kill one process after `after` seconds of saving; what was found.

    Raises:
        AssertionError: the file is not there, not whole, or holds what it must not.
    """
    path = str(folder / KINDS[kind])
    process = subprocess.Popen(
        [sys.executable, __file__, "--save", path, kind], stdout=subprocess.PIPE,
        env={**os.environ, "HIGHLEVEL_BACKEND": "numpy"})
    assert process.stdout is not None
    lines: list[bytes] = []
    while b"done 1\n" not in lines:
        lines.append(process.stdout.readline())
        assert lines[-1], "the saving process ended by itself"
    time.sleep(after)
    process.kill()
    lines += process.stdout.read().splitlines(keepends=True)
    process.stdout.close()
    process.wait()
    whole = [line.split() for line in lines if line.endswith(b"\n")]
    started = max(int(line[1]) for line in whole if line[0] == b"start")
    done = max(int(line[1]) for line in whole if line[0] == b"done")
    values = {float(x) for v in load(path, kind).weights for x in np.unique(v.numpy())}
    assert len(values) == 1, f"a mixture of {values}"
    value = values.pop()
    assert value in (done, started), f"{value}, where {done} was done and {started} under way"
    if started == done:
        return "between two saves"
    return "old" if value == done else "new"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save", nargs=2)
    given = parser.parse_args()
    if given.save:
        save_on_and_on(*given.save)
        return
    r = random.Random(given.seed)
    for kind in KINDS:
        counts: collections.Counter[str] = collections.Counter()
        for _ in range(given.kills):
            with tempfile.TemporaryDirectory() as folder:
                counts[kill_one(Path(folder), kind, r.uniform(0, 0.3))] += 1
        print(kind, dict(counts), flush=True)


if __name__ == "__main__":
    main()
