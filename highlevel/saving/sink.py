"""A file that the HDF5 library writes to, and that may run out of room.

Told of a write that failed, that library goes on as if it could be repeated, prints what it
cannot do while it closes, and may end the process. So it is not told: writes after the first
failure go nowhere, and the error is raised when the library has finished.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

from highlevel.saving.atomic import WriteAhead

__all__ = ["hdf5_file"]


class _Sink:
    """What the HDF5 library uses of a file opened for reading and writing."""

    def __init__(self, path: str) -> None:
        self._file = open(path, "w+b", buffering=0)  # noqa: SIM115 - closed in `close`
        self._ahead = WriteAhead(self._file.fileno())
        self._size = 0
        self.error: OSError | None = None

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if whence == os.SEEK_END:
            offset += self._size
        elif whence == os.SEEK_CUR:
            offset += self._file.tell()
        return self._file.seek(offset)

    def tell(self) -> int:
        return self._file.tell()

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        done = 0
        while done < len(view):
            count = self._file.readinto(view[done:])
            if not count:
                break
            done += count
        view[done:] = bytes(len(view) - done)  # what was not written reads as zeros
        return len(view)

    def read(self, size: int) -> bytes:
        buffer = bytearray(size)
        self.readinto(buffer)
        return bytes(buffer)

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        start = self._file.tell()
        self._size = max(self._size, start + len(view))
        done = 0
        while self.error is None and done < len(view):
            try:
                done += self._file.write(view[done:])
            except OSError as error:
                self.error = error
        if self.error is None:
            self._ahead.written(start + done)
        self._file.seek(start + len(view))
        return len(view)

    def truncate(self, size: int | None = None) -> int:
        size = self._file.tell() if size is None else size
        self._size = size
        if self.error is None:
            try:
                return self._file.truncate(size)
            except OSError as error:
                self.error = error
        return size

    def flush(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        self._file.close()


@contextlib.contextmanager
def hdf5_file(target: Any) -> Iterator[Any]:
    """An `h5py.File` to write to.

    Args:
        target: path, or a binary file open for reading and writing.

    Raises:
        OSError: the disk is full, or takes no more for another reason.
    """
    import h5py

    if not isinstance(target, (str, os.PathLike)):
        with h5py.File(target, "w") as file:
            yield file
        return
    sink = _Sink(os.fspath(target))
    try:
        with h5py.File(sink, "w") as file:
            yield file
    except Exception:
        if sink.error is None:
            raise
    finally:
        sink.close()
    if sink.error is not None:
        raise sink.error
