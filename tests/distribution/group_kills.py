"""Kill one process of a group that trains together, see the others end, start all again.

By hand, for many kills: `python tests/distribution/group_kills.py --kills 20 --processes 2`.
"""

import argparse
import json
import random
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from group_member import BOUND, STEPS
from launching import start

MEMBER = Path(__file__).with_name("group_member.py")


@dataclass
class Kill:
    """A process that was killed: which, after how many seconds, and how the others ended.

    `told` counts those whose output has the error of this library; the backend ends others.
    `saving` says whether a checkpoint was being written.
    """

    victim: int
    delay: float
    step: int
    seconds: float = 0.0
    codes: list = field(default_factory=list)
    told: int = 0
    saving: bool = False
    output: str = ""


class Group:
    """The processes, and what they print."""

    def __init__(self, count, directory, *options):
        self.directory = Path(directory)
        self.processes = start(MEMBER, count, directory, *options)
        self.began = [threading.Event() for _ in self.processes]
        self.lines = [[] for _ in self.processes]
        self.errors = [[] for _ in self.processes]
        self.threads = []
        for process, *rest in zip(self.processes, self.lines, self.errors, self.began):
            lines, errors, began = rest
            self._read(process.stdout, lines, began)
            self._read(process.stderr, errors, None)

    def _read(self, stream, lines, began):
        def read():
            for line in stream:
                lines.append(line)
                if began is not None and line == "begins\n":
                    began.set()

        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        self.threads.append(thread)

    def end(self):
        for process in self.processes:
            process.kill()
            process.wait()
        for thread in self.threads:
            thread.join()

    def results(self):
        """What they ended with."""
        try:
            for process, errors in zip(self.processes, self.errors):
                process.wait(300)
                assert process.returncode == 0, "".join(errors)[-3000:]
        finally:
            self.end()
        return [json.loads(lines[-1]) for lines in self.lines]

    def steps(self):
        """Steps that are saved."""
        folder = self.directory / "killed"
        return max((int(p.name) for p in folder.glob("*") if p.name.isdigit()), default=0)

    def kill(self, victim, delay, after_a_save=True):
        """Kill one so long after all have begun, or saved; None where one had ended by then."""
        before = self.steps()
        for event in self.began:
            event.wait(120)
        while after_a_save and self.steps() == before and self.processes[0].poll() is None:
            time.sleep(0.005)
        time.sleep(delay)
        if self.steps() == STEPS or any(p.poll() is not None for p in self.processes):
            return None  # nobody waits for anybody any more
        found = Kill(victim, delay, self.steps())
        self.processes[victim].kill()
        since = time.monotonic()
        others = [p for i, p in enumerate(self.processes) if i != victim]
        try:
            for process in others:
                process.wait(BOUND * 6)
            found.seconds = time.monotonic() - since
            found.codes = [process.returncode for process in others]
        finally:
            self.end()
        found.saving = any((self.directory / "killed").glob("*tmp*"))
        output = ["".join(lines) for i, lines in enumerate(self.errors) if i != victim]
        found.told = sum("that train together cannot go on" in text for text in output)
        found.output = "\n".join(output)
        return found


def kill_and_restart(kills, processes, seed, *options):
    """Kill groups of one training so many times and let it end; `(kills, results)`."""
    rng = random.Random(seed)
    found = []
    with tempfile.TemporaryDirectory() as directory:
        while len(found) < kills:
            group = Group(processes, directory)
            # Mostly while it trains and saves, sometimes while it compiles.
            victim, early = rng.randrange(processes), rng.random() < 0.2
            kill = group.kill(victim, rng.uniform(0, 3.0 if early else 0.7), not early)
            if kill is None:
                group.end()
                break
            found.append(kill)
        return found, Group(processes, directory, *options).results()


def compare(found, wanted):
    """The largest difference of weights and optimizer state, of losses; both relative."""
    weights = max(
        float(np.max(np.abs(np.array(a) - np.array(b)) / (np.abs(np.array(b)) + 1e-6)))
        for a, b in zip(found["weights"], wanted["weights"], strict=True))
    losses = np.array(found["history"]["loss"]) / np.array(wanted["history"]["loss"]) - 1
    return weights, float(np.max(np.abs(losses)))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--verbose", action="store_true", help="what the others wrote")
    given = parser.parse_args()
    total, slowest, runs, worst, told, ended, saving = 0, 0.0, 0, 0.0, 0, 0, 0
    while total < given.kills:
        kills, results = kill_and_restart(
            min(5, given.kills - total), given.processes, given.seed + runs, "undisturbed")
        runs += 1
        for kill in kills:
            print(
                f"  process {kill.victim} killed {kill.delay:.1f} s after the begin, step "
                f"{kill.step} saved: the others ended after {kill.seconds:.1f} s with "
                f"{kill.codes}, {kill.told} with ProcessLost", flush=True)
            if given.verbose:
                print(kill.output)
            assert all(kill.codes), "a process ended as if nothing had happened"
        total += len(kills)
        slowest = max([slowest, *(kill.seconds for kill in kills)])
        told += sum(kill.told for kill in kills)
        saving += sum(kill.saving for kill in kills)
        ended += sum(len(kill.codes) for kill in kills)
        for one in results:
            assert one["killed"]["steps"] == STEPS
            worst = max([worst, *compare(one["killed"], one["undisturbed"])])
        print(f"run {runs}: {len(kills)} kills, largest difference so far {worst:.1e}", flush=True)
        assert worst < 1e-6
    print(
        f"{total} kills, {saving} amid a save, in {runs} runs of {given.processes} processes: all ended as the "
        f"undisturbed ones (largest difference {worst:.1e}); the others ended within "
        f"{slowest:.1f} s, {told} of {ended} with ProcessLost")


if __name__ == "__main__":
    main()
