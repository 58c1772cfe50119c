"""Rounds in turn: one process per peer, of which only the one that is asked runs."""

from __future__ import annotations

import json
import pathlib
import signal
import statistics
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from typing import Any

from workloads import WORKLOADS

_WORKER = str(pathlib.Path(__file__).parent / "worker.py")


@dataclass
class PeerResult:
    """What one peer took, round by round; `missing` says why it took no part."""

    peer: str
    missing: str | None = None
    seconds: dict[str, list[float]] = field(default_factory=dict)
    busy: dict[str, list[float]] = field(default_factory=dict)  # seconds of all processors
    losses: list[float] = field(default_factory=list)
    parameters: int | None = None
    start_megabytes: float = 0.0
    peak_megabytes: float = 0.0


@dataclass
class Result:
    """All peers on one workload."""

    workload: str
    measured: list[str]
    peers: list[PeerResult]

    @property
    def base(self) -> PeerResult | None:
        """The hand-written peer that ratios are taken to, else the first that is there."""
        present = [peer for peer in self.peers if peer.missing is None]
        named = [peer for peer in present if peer.peer.startswith("raw_")]
        return next(iter(named + present), None)

    def best(self, activity: str) -> PeerResult | None:
        """The fastest peer that is not this library, by the median."""
        rivals = [
            peer for peer in self.peers
            if peer.seconds.get(activity) and not peer.peer.startswith("highlevel")
        ]
        return min(rivals, key=lambda p: statistics.median(p.seconds[activity]), default=None)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


class _Process:
    """A worker, stopped by signal whenever it is not asked something."""

    def __init__(self, peer: str, workload: str, *flags: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, _WORKER, peer, workload, *flags],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )
        self.hello = self._read()
        self._pause()

    def _read(self) -> dict[str, Any]:
        line = self.process.stdout.readline() if self.process.stdout else ""
        return json.loads(line) if line else {"missing": "the process died"}

    def _pause(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGSTOP)

    def ask(self, activity: str, times: int) -> dict[str, Any]:
        self.process.send_signal(signal.SIGCONT)
        if self.process.stdin:
            self.process.stdin.write(json.dumps({"do": activity, "times": times}) + "\n")
            self.process.stdin.flush()
        answer = self._read()
        self._pause()
        return answer

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


def _begin(peer: str, hello: dict[str, Any]) -> PeerResult:
    return PeerResult(
        peer,
        missing=hello.get("missing"),
        losses=hello.get("losses", []),
        parameters=hello.get("parameters"),
        start_megabytes=hello.get("start_megabytes", 0.0),
    )


def _note(result: PeerResult, activity: str, answer: dict[str, Any]) -> None:
    if "seconds" not in answer:
        result.missing = answer.get("missing", "no answer")
        return
    result.seconds.setdefault(activity, []).append(answer["seconds"])
    result.busy.setdefault(activity, []).append(answer["busy"])
    result.peak_megabytes = answer["peak_megabytes"]
    if "loss" in answer:
        result.losses.append(answer["loss"])


def contest(workload: str, peers: list[str], measured: list[str], rounds: int) -> Result:
    """Warmed processes, asked for one round at a time in turn (A B C, A B C, ...)."""
    if workload not in WORKLOADS:
        raise ValueError(f"There is no workload {workload!r}; there are {sorted(WORKLOADS)}.")
    processes = [_Process(peer, workload) for peer in peers]
    try:
        results = [_begin(peer, each.hello) for peer, each in zip(peers, processes)]
        for _ in range(rounds):
            for activity in measured:
                for process, result in zip(processes, results):
                    if result.missing is None and activity in process.hello["activities"]:
                        times = process.hello["times"].get(activity, 1)
                        _note(result, activity, process.ask(activity, times))
    finally:
        for process in processes:
            process.close()
    return Result(workload, measured, results)


def fresh_contest(workload: str, peers: list[str], measured: list[str], rounds: int) -> Result:
    """A new process per peer and round: the first call of each activity, from the start.

    The time from the worker's first line to when it could be asked is the activity `start`.
    """
    results = [PeerResult(peer) for peer in peers]
    for _ in range(rounds):
        for result in results:
            if result.missing is not None:
                continue
            process = _Process(result.peer, workload, "--fresh")
            try:
                result.missing = process.hello.get("missing")
                if result.missing is not None:
                    continue
                result.start_megabytes = process.hello["start_megabytes"]
                result.seconds.setdefault("start", []).append(process.hello["start_seconds"])
                for activity in measured:
                    if activity in process.hello["activities"]:
                        _note(result, activity, process.ask(activity, 1))
            finally:
                process.close()
    return Result(workload, ["start", *measured], results)
