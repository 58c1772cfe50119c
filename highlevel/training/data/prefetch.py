"""Batches made ready by a background thread while the device works."""

from __future__ import annotations

import contextvars
import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["prefetch"]


class prefetch:
    """An iterator over `batches` that a thread runs ahead of, by a few batches.

    Args:
        batches: iterator; it is used by the thread alone.
        prepare: applied to each batch in the thread (the transfer to the device).
        ahead: how many batches may wait.

    An error in the iterator comes out of `next`, with its own traceback.
    """

    def __init__(self, batches: Iterator[Any], prepare: Callable, ahead: int = 2) -> None:
        self._queue: queue.Queue = queue.Queue(ahead)
        self._stop = threading.Event()
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
        batch, error = self._queue.get()
        if error is not None:
            raise error
        return batch

    def close(self) -> None:
        """Stop the thread; batches that wait are dropped."""
        self._stop.set()
        while self._thread.is_alive():
            try:
                self._queue.get_nowait()
            except queue.Empty:
                self._thread.join(timeout=0.05)
