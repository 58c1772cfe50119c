"""What the processes of one training agree upon, so that all take the same steps.

A step is a program of all processes: one that came to it alone would wait for the others for ever.
So they agree upon everything that could differ among them: the order of the rows, how many steps
go into a program, and the last batch of streams that are not equally long.
"""

from __future__ import annotations

import itertools
import json
import threading
import time
import warnings
from collections import deque
from collections.abc import Iterator
from typing import Any

from highlevel_backend import current_backend, tree

from highlevel.state import active_distribution

__all__ = ["ask_all", "ask_first", "check_same_data", "in_step", "one_of_several"]

#: batches that a process keeps while it waits for others, and seconds between two agreements
MOST_WAITING, PAUSE = 16, 0.02
_streams = itertools.count()


def one_of_several() -> bool:
    """Whether this process trains together with others."""
    return active_distribution() is not None and current_backend().processes()[1] > 1


def ask_all(value: Any, what: str) -> list[Any]:
    """What every process says (plain values), in their order; `[value]` where there is one."""
    if not one_of_several():
        return [value]
    return [json.loads(text) for text in current_backend().agree(json.dumps(value), what)]


def ask_first(value: Any, what: str) -> Any:
    """What the first process says, which holds for all."""
    return ask_all(value, what)[0]


def check_same_data(digest: list[Any]) -> None:
    """See that arrays in memory are the same in all processes.

    Raises:
        ValueError: they are not; says which process has what.
    """
    found = ask_all(digest, "data")
    other = next((i for i, one in enumerate(found) if one != found[0]), None)
    if other is not None:
        raise ValueError(
            "Arrays must be the whole data in every process, but process 0 has (batch size; then "
            f"shape, dtype and checksum of each array) {found[0]}, and process {other} has "
            f"{found[other]}. Load the same data in all of them; to give each process a part of "
            "its own, pass an iterable of batches: a generator, a `PyDataset`, a `DataLoader`."
        )


class in_step:
    """The batches of a stream that all processes have.

    An epoch ends in all of them where the first stream does, or where a last batch has fewer
    rows in one process than in another.

    Args:
        batches: of this process.
        source: what they come from; its `cut` tells whether the end was not that of all streams.

    Raises:
        ValueError: the first batches differ in rows.
        RuntimeError: the data of another process failed.
    """

    def __init__(self, batches: Iterator[Any], source: Any) -> None:
        self._batches = batches
        self._source = source
        self._name = source.name
        # One that was stopped midway may have agreed more often here than in another process.
        self._channel = f"stream {next(_streams)}"
        self._stopped = threading.Event()
        source.cut = False

    def stop(self) -> None:
        """Wait for no other process any more."""
        self._stopped.set()

    def _check(self) -> None:
        if self._stopped.is_set():
            raise RuntimeError("The batches are not wanted any more.")

    def __iter__(self) -> Iterator[Any]:
        backend = current_backend()
        held: deque[tuple[Any, int]] = deque()
        given, ended = 0, False
        error: Exception | None = None
        while True:
            since = time.monotonic()
            while not (ended or error) and len(held) < MOST_WAITING and (
                not held or time.monotonic() - since < PAUSE
            ):
                try:
                    batch = next(self._batches)
                    held.append((batch, len(tree.leaves(batch[0])[0])))
                except StopIteration:
                    ended = True
                except Exception as found:  # the others must not wait for the batch
                    error = found
            said = [json.loads(text) for text in backend.agree(json.dumps({
                "rows": [rows for _, rows in held], "ended": ended,
                "error": f"{type(error).__name__}: {error}" if error else None,
            }), self._channel, self._check)]
            if error is not None:
                raise error
            _raise_for_others(said, self._name)
            ready = min(len(one["rows"]) for one in said)
            for place in range(ready):
                rows = [one["rows"][place] for one in said]
                if len(set(rows)) > 1:
                    self._ragged(rows, given + 1)
                    return
                yield held.popleft()[0]
                given += 1
            left = [len(one["rows"]) - ready for one in said]
            over = [one["ended"] and not more for one, more in zip(said, left)]
            if any(over) and all(one["ended"] or more for one, more in zip(said, left)):
                if not all(over):
                    self._stopped_early(over, given)
                return

    def _ragged(self, rows: list[int], batch: int) -> None:
        shown = ", ".join(f"{n} of process {i}" for i, n in enumerate(rows))
        if batch == 1:
            raise ValueError(
                f"The first batches of {self._name} must have as many rows in every process; "
                f"they have {shown}. Use one batch size in all."
            )
        self._source.cut = True
        warnings.warn(
            f"The batches {batch} of {self._name} differ in rows ({shown}): the epoch ends before "
            "them in all processes. Leave smaller last batches out, or give every process as "
            "many rows.", stacklevel=2,
        )

    def _stopped_early(self, over: list[bool], given: int) -> None:
        self._source.cut = True
        short = [str(i) for i, ended in enumerate(over) if ended]
        warnings.warn(
            f"{self._name[0].upper()}{self._name[1:]} ended after {given} batches in process"
            f"{'es' if len(short) > 1 else ''} {', '.join(short)}, and had more in others: the "
            "epoch ends there in all of them.", stacklevel=2,
        )


def _raise_for_others(said: list[dict[str, Any]], name: str) -> None:
    for number, one in enumerate(said):
        if one["error"]:
            raise RuntimeError(
                f"{name[0].upper()}{name[1:]} failed in process {number}, so that all end: "
                f"{one['error']}"
            )
