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
import threading
import time
from dataclasses import dataclass
from pathlib import Path

TRAINEE = str(Path(__file__).with_name("trainee.py"))


@dataclass
class Undisturbed:
    """A training that nobody killed: what it printed, and seconds.

    Until `fit` was called, from there to the first backup, and from there to the end.
    """

    output: str
    before: float
    first: float
    rest: float


@dataclass
class Killed:
    """A training that was: what it printed in the end, kills, and those amid a save."""

    output: str
    kills: int
    saving: int


class Training:
    """The process, and what it prints."""

    def __init__(self, directory: str, every: str, backend: str, options: list[str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, TRAINEE, directory, every, *options],
            env=os.environ | {"HIGHLEVEL_BACKEND": backend},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        self.began = threading.Event()  # `fit` has been called
        self.backup = Path(directory) / "backup"
        self.lines: list[str] = []
        self.errors: list[str] = []
        self._threads = [
            threading.Thread(target=self._read, args=pair, daemon=True)
            for pair in ((self.process.stdout, self.lines), (self.process.stderr, self.errors))
        ]
        for thread in self._threads:
            thread.start()

    def _read(self, stream, lines) -> None:
        for line in stream:
            if line == "begins\n":
                self.began.set()
            else:
                lines.append(line)

    def wait(self, after: int = 0) -> str:
        self.process.wait()
        for thread in self._threads:
            thread.join()
        if self.process.returncode:
            raise RuntimeError(f"after {after} kills:\n{''.join(self.errors)}")
        return "".join(self.lines)

    def wait_for_a_backup(self) -> None:
        """Until a backup is made by this process, or it ends."""
        self.began.wait(120)
        before = self._changes()
        while self.process.poll() is None and self._changes() == before:
            time.sleep(0.001)

    def _changes(self) -> int:
        try:
            return self.backup.stat().st_mtime_ns
        except OSError:
            return 0

    def kill(self, delay: float) -> bool:
        """Kill it after so many seconds; whether it still ran."""
        try:
            self.process.wait(delay)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            for thread in self._threads:
                thread.join()
            return True
        return False


def undisturbed(every: str, backend: str, options: list[str] | None = None) -> Undisturbed:
    with tempfile.TemporaryDirectory() as directory:
        start = time.perf_counter()
        training = Training(directory, every, backend, options or [])
        training.began.wait(120)
        before = time.perf_counter()
        training.wait_for_a_backup()
        first = time.perf_counter()
        output = training.wait()
        return Undisturbed(output, before - start, first - before, time.perf_counter() - first)


def killed(
    expected: Undisturbed, every: str, backend: str, kills: int, seed: int,
    options: list[str] | None = None,
) -> Killed:
    """Start a training again and again until it ends; kill it so many times, or fewer."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as directory:
        count = saving = 0
        while True:
            training = Training(directory, every, backend, options or [])
            if count < kills:
                # Mostly while it trains and saves, sometimes before.
                kind = rng.random()
                if kind < 0.05:
                    delay = rng.uniform(0, expected.before)
                elif kind < 0.15:
                    training.began.wait(120)
                    delay = rng.uniform(0, expected.first)
                else:
                    training.wait_for_a_backup()
                    delay = rng.uniform(0, expected.rest / 2)
                if training.kill(delay):
                    count += 1
                    saving += _amid_a_save(directory)
                    continue
            return Killed(training.wait(count), count, saving)


def _amid_a_save(directory: str) -> bool:
    """Whether there are files that a save makes and moves to their place when it is done."""
    names = [path.name for path in Path(directory).rglob("*")]
    return any(name.startswith("next") or name.endswith(".tmp") for name in names)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--backend", default="numpy")
    parser.add_argument("--every", default="1", help="batches between backups, or 'epoch'")
    parser.add_argument("options", nargs="*", help="for trainee.py: `generator`, `steps=3`")
    given = parser.parse_args()
    expected = undisturbed(given.every, given.backend, given.options)
    print(
        f"undisturbed: {expected.before:.1f} s before `fit`, {expected.first:.1f} s to the first "
        f"backup, {expected.rest:.1f} s from there")
    print(expected.output, flush=True)
    total = saving = runs = 0
    while total < given.kills:
        found = killed(
            expected, given.every, given.backend, min(8, given.kills - total), runs,
            given.options)
        total += found.kills
        saving += found.saving
        runs += 1
        equal = found.output == expected.output
        print(
            f"run {runs}: {found.kills} kills, {found.saving} of them amid a save: "
            f"{'equal' if equal else 'DIFFERENT'}", flush=True)
        if not equal:
            raise SystemExit(f"expected\n{expected.output}\nfound\n{found.output}")
    print(f"{total} kills ({saving} amid a save) in {runs} runs: all ended as the undisturbed one")


if __name__ == "__main__":
    main()
