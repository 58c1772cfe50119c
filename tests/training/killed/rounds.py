"""Kill a training process at random instants, start it again, and compare how it ends.

By hand, for many kills: `python tests/training/killed/rounds.py --kills 60 --backend jax`.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TRAINEE = str(Path(__file__).with_name("trainee.py"))


def start(directory: str, every: str, backend: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, TRAINEE, directory, every],
        env=os.environ | {"HIGHLEVEL_BACKEND": backend},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )


def undisturbed(every: str, backend: str) -> tuple[str, float, float]:
    """What the training prints, its seconds, and the seconds until its first backup."""
    with tempfile.TemporaryDirectory() as directory:
        began = time.perf_counter()
        process = start(directory, every, backend)
        backup = Path(directory) / "backup"
        while process.poll() is None and not backup.exists():
            time.sleep(0.002)
        first = time.perf_counter() - began
        output, errors = process.communicate()
        if process.returncode:
            raise RuntimeError(errors)
        return output, time.perf_counter() - began, first


def killed(
    every: str, backend: str, kills: int, seconds: float, first: float, seed: int
) -> tuple[str, int]:
    """What the training prints after being killed; how often it was before it could end."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as directory:
        count = 0
        while True:
            process = start(directory, every, backend)
            if count < kills:
                # Mostly while it trains and saves, sometimes before.
                early = rng.random() < 0.1
                delay = rng.uniform(0, first) if early else rng.uniform(first * 0.9, seconds)
                try:
                    process.wait(delay)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.communicate()
                    count += 1
                    continue
            output, errors = process.communicate()
            if process.returncode:
                raise RuntimeError(f"after {count} kills:\n{errors}")
            return output, count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--backend", default="numpy")
    parser.add_argument("--every", default="1", help="batches between backups, or 'epoch'")
    options = parser.parse_args()
    expected, seconds, first = undisturbed(options.every, options.backend)
    print(f"undisturbed: {seconds:.1f} s, first backup after {first:.1f} s\n{expected}")
    total = runs = 0
    while total < options.kills:
        found, count = killed(
            options.every, options.backend, min(8, options.kills - total), seconds, first, runs)
        total += count
        runs += 1
        print(f"run {runs}: {count} kills, {'equal' if found == expected else 'DIFFERENT'}")
        if found != expected:
            raise SystemExit(f"expected {expected}found {found}")
    print(f"{total} kills in {runs} runs: all ended as the undisturbed run did")


if __name__ == "__main__":
    main()
