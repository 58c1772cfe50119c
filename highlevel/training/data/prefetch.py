"""Batches made ready by a background thread while the device works."""

from __future__ import annotations

import contextvars
import os
import queue
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["prefetch", "where_is"]

#: seconds without a batch after which the wait is told of
TELL_AFTER = 30.0
#: seconds that `close` gives a thread to come back from the user's code
PATIENCE = 5.0

_STANDARD = os.path.dirname(os.__file__) + os.sep


class prefetch:
    """An iterator over `batches` that a thread runs ahead of, by a few batches.

    Args:
        batches: iterator; it is used by the thread alone.
        prepare: applied to each batch in the thread (the transfer to the device).
        ahead: how many batches may wait.
        name: what the batches come from, for messages.
        first: number of the first batch, for messages.
        while_waiting: called a few times a second while no batch is there; may raise.

    An error in the iterator comes out of `next`, with its own traceback.
    """

    def __init__(
        self, batches: Iterator[Any], prepare: Callable, ahead: int = 2, name: str = "the data",
        first: int = 1, while_waiting: Callable[[], None] | None = None,
    ) -> None:
        self._queue: queue.Queue = queue.Queue(ahead)
        self._stop = threading.Event()
        self._name = name
        self._at = first
        self._while_waiting = while_waiting
        context = contextvars.copy_context()  # the thread works on the caller's backend
        self._thread = threading.Thread(
            target=context.run, args=(self._run, batches, prepare), daemon=True,
            name="highlevel-prefetch",
        )
        self._thread.start()

    def _run(self, batches: Iterator[Any], prepare: Callable) -> None:
        try:
            for batch in batches:
                if not self._offer((prepare(batch), None)):
                    return
            self._offer((None, StopIteration()))
        except BaseException as error:  # handed over, whatever it is
            self._offer((None, error))

    def _offer(self, item: tuple) -> bool:
        while not self._stop.is_set():
            try:
                self._queue.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def __iter__(self) -> prefetch:
        return self

    def __next__(self) -> Any:
        try:
            batch, error = self._queue.get_nowait()
        except queue.Empty:
            batch, error = self._wait()
        if error is not None:
            raise error
        self._at += 1
        return batch

    def _wait(self) -> tuple:
        since, told = time.monotonic(), False
        while True:
            try:
                return self._queue.get(timeout=0.2)
            except queue.Empty:
                pass
            if self._while_waiting is not None:
                self._while_waiting()
            if not told and time.monotonic() - since > TELL_AFTER:
                told = True
                warnings.warn(
                    f"Batch {self._at} of {self._name} has not come for {TELL_AFTER:.0f} s."
                    f"{where_is(self._thread)}", stacklevel=2,
                )

    def close(self) -> None:
        """Stop the thread; batches that wait are dropped.

        A thread that does not come back from the user's code is left behind.
        """
        self._stop.set()
        last = time.monotonic() + PATIENCE
        while self._thread.is_alive() and time.monotonic() < last:
            try:
                self._queue.get_nowait()
            except queue.Empty:
                self._thread.join(timeout=0.05)
        if self._thread.is_alive():
            warnings.warn(
                f"{self._name} does not come to an end and is left running."
                f"{where_is(self._thread)}", stacklevel=2,
            )


def where_is(thread: threading.Thread) -> str:
    """The line at which a thread is: the innermost one that is not the standard library's."""
    frame = sys._current_frames().get(thread.ident or 0)
    if frame is None:
        return ""
    lines = traceback.extract_stack(frame)
    own = [line for line in lines if not line.filename.startswith((_STANDARD, "<frozen"))]
    last = (own or lines)[-1]
    return f" It is at line {last.lineno} of {last.filename}: `{last.line}`."
