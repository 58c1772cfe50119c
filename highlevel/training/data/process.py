"""A process that makes items of a dataset, as its parent sees it and as it sees itself.

It is started anew ("spawn"), never forked: forking a process in which an array library runs
threads may leave the child with locks that nobody will open.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import signal
import traceback
import zlib
from multiprocessing.connection import Connection, wait
from typing import Any

__all__ = ["WorkerProcess"]


class WorkerProcess:
    """A process of its own for a dataset; started at the first item.

    Args:
        dataset: what `refresh` sends.

    Raises:
        TypeError: the dataset cannot be sent to another process; says why.
    """

    def __init__(self, dataset: Any) -> None:
        self._dataset = dataset
        self._name = type(dataset).__name__
        self._packed = b""
        self._mark: tuple[int, int] | None = None
        self._sent: tuple[int, int] | None = None
        self._process: Any = None
        self._pipe: Any = None
        self._closed = False

    def refresh(self) -> None:
        """Take the dataset as it is now; it is sent if it has changed since."""
        try:
            packed = pickle.dumps(self._dataset, protocol=5)
        except Exception as error:
            raise TypeError(
                f"{self._name} cannot be sent to worker processes: {error}. Let `__init__` keep "
                "what can be pickled (names of files instead of open files, no lambdas), or use "
                "threads: `use_multiprocessing=False`."
            ) from error
        self._mark = len(packed), zlib.crc32(packed)
        self._packed = packed if self._mark != self._sent else b""

    @property
    def ready(self) -> bool:
        """Whether the process runs and has the dataset as it is now."""
        return self._process is not None and self._sent == self._mark

    def prepare(self) -> None:
        """Start the process, and wait until it has the dataset."""
        if self.ready:
            return
        try:
            if self._process is None:
                self._start()
            # Kept until it has arrived: a process that is started after another one died
            # needs it again.
            packed = self._packed or pickle.dumps(self._dataset, protocol=5)
            self._pipe.send_bytes(pickle.dumps(None))
            self._pipe.send_bytes(packed)
            self._await()
            self._pipe.recv_bytes()
        except (EOFError, ConnectionError) as error:
            raise self._died() from error
        self._sent, self._packed = self._mark, b""

    def _await(self) -> None:
        """Wait for an answer.

        Raises:
            EOFError: the process died instead.
        """
        answered = wait([self._pipe, self._process.sentinel])
        if self._pipe not in answered and not self._pipe.poll():
            raise EOFError

    def make(self, index: int) -> Any:
        """The dataset's item of a number.

        Raises:
            Exception: what the item raised, with the traceback of the process as a note.
            RuntimeError: the process has died.
        """
        try:
            self.prepare()
            self._pipe.send_bytes(pickle.dumps(index))
            self._await()
            return self._receive()
        except (EOFError, ConnectionError) as error:
            raise self._died() from error

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._sent = None
        process = context.Process(
            target=_serve, args=(theirs,), daemon=True, name="highlevel-worker")
        process.start()
        self._process = process
        theirs.close()
        if self._closed:
            self.close()
            raise EOFError

    def _receive(self) -> Any:
        kind, body, sizes = pickle.loads(self._pipe.recv_bytes())
        if kind == "item":
            buffers = [bytearray(size) for size in sizes]
            for buffer in buffers:
                if buffer:
                    self._pipe.recv_bytes_into(buffer)
            return pickle.loads(body, buffers=buffers)
        error = RuntimeError(sizes.strip().splitlines()[-1])
        with contextlib.suppress(Exception):
            error = pickle.loads(body)
        error.add_note(f"Traceback in the worker process:\n{sizes.rstrip()}")
        raise error

    def _died(self) -> RuntimeError:
        process, self._process = self._process, None
        first = self._sent is None
        if process is None or self._closed:
            return RuntimeError("The worker process was stopped.")
        process.join(5)
        code = process.exitcode
        reason = f"exit code {code}"
        if code is not None and code < 0:
            with contextlib.suppress(ValueError):
                reason = f"killed by {signal.Signals(-code).name}"
            if -code == getattr(signal, "SIGKILL", None):
                reason += ", perhaps for want of memory"
        text = f"A worker process of {self._name} has died ({reason})."
        if first:
            text += (
                " It had not begun. It imports the program that it was started from: let that one "
                "train only `if __name__ == \"__main__\":`."
            )
        return RuntimeError(text + " The model is as the last step left it, and can be used.")

    def close(self) -> None:
        """End the process, whatever it does."""
        self._closed = True
        process = self._process
        if process is not None:
            with contextlib.suppress(Exception):
                process.terminate()
                process.join(1)
                if process.is_alive():
                    process.kill()
        if self._pipe is not None:
            with contextlib.suppress(OSError):
                self._pipe.close()


def _serve(pipe: Connection) -> None:
    """What the process does: take the dataset, then a number at a time."""
    # Ctrl-C reaches every process of the terminal; the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # The device is the parent's.
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    os.environ["HIGHLEVEL_BACKEND"] = "numpy"
    dataset: Any = None
    failed: tuple[bytes, str] | None = None
    with contextlib.suppress(EOFError, ConnectionError):
        while True:
            index = pickle.loads(pipe.recv_bytes())
            if index is None:
                packed = pipe.recv_bytes()
                try:
                    dataset, failed = pickle.loads(packed), None
                except Exception as error:  # told when an item is asked for
                    failed = _packed_error(error), traceback.format_exc()
                pipe.send_bytes(b"ready")
                continue
            buffers: list[Any] = []
            reply: tuple[str, bytes, Any]
            if failed is not None:
                reply = ("error", *failed)
            else:
                try:
                    body = pickle.dumps(dataset[index], protocol=5, buffer_callback=buffers.append)
                    reply = "item", body, [buffer.raw().nbytes for buffer in buffers]
                except Exception as error:
                    buffers.clear()
                    reply = "error", _packed_error(error), traceback.format_exc()
            pipe.send_bytes(pickle.dumps(reply))
            for buffer in buffers:
                if (raw := buffer.raw()).nbytes:
                    pipe.send_bytes(raw)


def _packed_error(error: BaseException) -> bytes:
    """An exception that the parent can raise; empty where it cannot be sent."""
    try:
        packed = pickle.dumps(error)
        pickle.loads(packed)
        return packed
    except Exception:
        return b""
