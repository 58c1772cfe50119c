"""Workers that make the items of a dataset ahead: threads, or processes.

A thread of this process serves each worker. With processes it only hands out numbers and takes
batches in, so that memory, time and failures are watched in one place for both kinds.
"""

from __future__ import annotations

import contextlib
import contextvars
import queue
import threading
import time
import warnings
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from highlevel.training.data.prefetch import where_is
from highlevel.training.data.process import WorkerProcess

__all__ = ["Crew", "in_line", "wants_workers"]

#: seconds after which an item that is still being made is told of
TELL_AFTER = 30.0
#: seconds after which it is given up, where the dataset has no `worker_timeout`
GIVE_UP_AFTER = 600.0
#: seconds more for a process that has to start first
TO_START = 60.0


def wants_workers(dataset: Any) -> bool:
    """Whether a dataset asks for threads or processes."""
    workers = getattr(dataset, "workers", 1) or 0
    return workers > 1 or (workers > 0 and getattr(dataset, "use_multiprocessing", False))


def in_line(dataset: Any, indices: Iterable[int]) -> Iterator[Any]:
    """The items of `indices`, made when asked for."""
    for index in indices:
        try:
            item = dataset[index]
        except Exception as error:
            error.add_note(f"In {type(dataset).__name__}[{index}].")
            raise
        yield item


class _Task(NamedTuple):
    pass_number: int
    position: int
    index: int


class Crew:
    """Workers of one dataset; they stay from one pass to the next until `close`.

    Args:
        dataset: has `__getitem__`, and says in `workers`, `use_multiprocessing`,
            `max_queue_size` and `worker_timeout` what it wants.
    """

    def __init__(self, dataset: Any) -> None:
        self._dataset = dataset
        self._name = type(dataset).__name__
        self._size = max(1, dataset.workers)
        self._processes = bool(getattr(dataset, "use_multiprocessing", False))
        self._ahead = max(getattr(dataset, "max_queue_size", 10) or 1, self._size)
        self._timeout = getattr(dataset, "worker_timeout", GIVE_UP_AFTER)
        self._tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._changed = threading.Condition()
        self._pass = 0
        self._made: dict[int, Any] = {}
        self._error: BaseException | None = None
        #: thread → (task, since when)
        self._running: dict[threading.Thread, tuple[_Task, float]] = {}
        self._told: set[_Task] = set()
        self._threads: list[threading.Thread] = []
        self._remote: list[WorkerProcess] = []
        self.closed = False

    # ---------------------------------------------------------------- one pass

    def run(self, indices: Iterable[int]) -> Iterator[Any]:
        """The items of `indices`, in order; at most `max_queue_size` are made ahead.

        Raises:
            Exception: what an item raised, as soon as it is known.
            RuntimeError: a worker process has died; names the item that it was making.
            TimeoutError: an item takes longer than `worker_timeout`; names it.
        """
        if self._processes:
            for remote in self._remote or self._hire():
                remote.refresh()
        elif not self._threads:
            self._hire()
        with self._changed:
            self._pass += 1
            self._made.clear()
            self._error = None
        number = self._pass
        todo = enumerate(indices)
        at = waiting = 0
        try:
            while True:
                while waiting < self._ahead and (entry := next(todo, None)) is not None:
                    self._tasks.put(_Task(number, *entry))
                    waiting += 1
                if not waiting:
                    return
                yield self._take(at)
                at += 1
                waiting -= 1
        finally:
            if self._pass == number:
                self._abandon()

    def _take(self, position: int) -> Any:
        with self._changed:
            while True:
                if self._error is not None:
                    raise self._error
                if position in self._made:
                    return self._made.pop(position)
                self._changed.wait(min(1.0, (self._timeout or 4.0) / 4))
                self._watch()

    def _abandon(self) -> None:
        """Forget what is left of a pass; what is being made comes to an end unnoticed."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._tasks.get_nowait()
        with self._changed:
            self._pass += 1
            self._made.clear()

    def _watch(self) -> None:
        """Tell of items that take long, and give up those that take too long."""
        now = time.monotonic()
        for thread, (task, since) in list(self._running.items()):
            seconds = now - since
            if task.pass_number != self._pass or seconds < min(
                TELL_AFTER, self._timeout or TELL_AFTER
            ):
                continue
            where = "" if self._processes else where_is(thread)
            item = f"{self._name}[{task.index}]"
            if self._timeout is not None and seconds >= self._timeout:
                self.close()
                raise TimeoutError(
                    f"{item} has been in the making for {seconds:.0f} s, by a worker "
                    f"{'process' if self._processes else 'thread'}, and is given up.{where} If it "
                    "may take that long, set the dataset's `worker_timeout` to more seconds, or to "
                    "None."
                )
            if task not in self._told:
                self._told.add(task)
                warnings.warn(
                    f"Waiting for {item}, which has been in the making for {seconds:.0f} s."
                    f"{where}", stacklevel=2,
                )

    # ----------------------------------------------------------------- workers

    def _hire(self) -> list[WorkerProcess]:
        if self._processes:
            self._remote = [WorkerProcess(self._dataset) for _ in range(self._size)]
        for number in range(self._size):
            remote = self._remote[number] if self._processes else None
            context = contextvars.copy_context()  # the caller's backend
            thread = threading.Thread(
                target=context.run, args=(self._work, remote), daemon=True,
                name=f"highlevel-worker-{number}",
            )
            self._threads.append(thread)
            thread.start()
        return self._remote

    def _work(self, remote: WorkerProcess | None) -> None:
        thread = threading.current_thread()
        while (task := self._tasks.get()) is not None:
            if task.pass_number != self._pass or self._error is not None:
                continue
            item, error = None, None
            try:
                if remote is not None and not remote.ready:
                    self._running[thread] = task, time.monotonic() + TO_START
                    remote.prepare()
                self._running[thread] = task, time.monotonic()
                item = self._dataset[task.index] if remote is None else remote.make(task.index)
            except BaseException as caught:
                error = caught
                kind = "process" if self._processes else "thread"
                error.add_note(f"In {self._name}[{task.index}], made by a worker {kind}.")
            with self._changed:
                self._running.pop(thread, None)
                if task.pass_number == self._pass:
                    if error is None:
                        self._made[task.position] = item
                    else:
                        self._error = self._error or error
                    self._changed.notify_all()

    def close(self) -> None:
        """Send the workers home; one that is stuck is not waited for."""
        self.closed = True
        with self._changed:
            self._pass += 1
            self._made.clear()
        for _ in self._threads:
            self._tasks.put(None)
        for remote in self._remote:
            remote.close()
        self._threads, self._remote = [], []
