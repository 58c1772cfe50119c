"""An entry of a zip archive that is written in any order, as HDF5 files are, in place."""

from __future__ import annotations

import contextlib
import io
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import IO, Any

from highlevel.saving.atomic import WriteAhead

__all__ = ["check_sum", "stored_entry"]

_CHUNK = 2**18
_LIMIT = 2**31 - 2**28


def check_sum(file: Any, size: int) -> tuple[int, int]:
    """CRC-32 of a file's next bytes, and how many of them are missing.

    Args:
        file: a binary file with `readinto`.
        size: how many bytes.
    """
    # One small buffer, which stays in the processor's cache: new memory for every chunk took
    # as long as the sum itself.
    buffer = memoryview(bytearray(min(_CHUNK, size)))
    check = 0
    while size:
        count = file.readinto(buffer[:size])
        if not count:
            break
        check = zlib.crc32(buffer[:count], check)
        size -= count
    return check, size


class _Part(io.RawIOBase):
    """The end of a file from a place on, as a file of its own, for reading and writing.

    What goes wrong with the disk is noted in `error` and not told: see `sink`.
    """

    def __init__(self, file: IO[bytes], start: int) -> None:
        self._file, self._start = file, start
        self._ahead = WriteAhead(file.fileno())
        self._at = 0
        self.size = 0
        self.error: OSError | None = None

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
        self._at = max(base + offset, 0)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")[: max(self.size - self._at, 0)]
        count = self._noted(lambda: self._file.readinto(view)) or 0  # type: ignore[attr-defined]
        view[count:] = bytes(len(view) - count)  # what was not written reads as zeros
        self._at += len(view)
        return len(view)

    def write(self, data: Any) -> int:
        size = memoryview(data).nbytes
        self._noted(lambda: self._file.write(data))
        self._at += size
        self.size = max(self.size, self._at)
        self._ahead.written(self._start + self._at)
        return size

    def truncate(self, size: int | None = None) -> int:
        size = self._at if size is None else size
        self._noted(lambda: self._file.truncate(self._start + size))
        self.size = size
        return size

    def _noted(self, do: Callable[[], Any]) -> Any:
        """Do something at the place where this file is, unless something went wrong before."""
        if self.error is None:
            try:
                self._file.seek(self._start + self._at)
                return do()
            except OSError as error:
                self.error = error
        return None


@contextlib.contextmanager
def stored_entry(archive: zipfile.ZipFile, name: str, size: int) -> Iterator[IO[bytes]]:
    """A file in the block, which becomes an uncompressed entry of the archive.

    What is written goes to its place at once, so that nothing is written twice; the check
    sum is computed from what the file then holds.

    Args:
        archive: open for writing, on a file that can be read too (mode `"x"` or `"w"`).
        name: of the entry.
        size: about how many bytes it will have; decides on the form of its header.

    Raises:
        OSError: the disk is full, or takes no more for another reason.
    """
    file: Any = archive.fp
    info = zipfile.ZipInfo(name, time.localtime()[:6])
    info.external_attr = 0o600 << 16
    info.compress_size = info.file_size = info.CRC = 0
    large = size > _LIMIT
    info.header_offset = file.tell()
    file.write(info.FileHeader(zip64=large))
    start = file.tell()
    part: Any = _Part(file, start)
    try:
        yield part
        if part.error is None:
            file.flush()
    except Exception:
        if part.error is None:
            raise
    if part.error is not None:
        raise part.error
    file.seek(start)
    check, left = check_sum(file, part.size)
    if left:
        raise OSError(f"The entry '{name}' could not be read back.")
    info.compress_size = info.file_size = part.size
    info.CRC = check
    if part.size > zipfile.ZIP64_LIMIT and not large:
        raise ValueError(f"The entry '{name}' has {part.size:,} bytes, more than was expected.")
    file.seek(info.header_offset)
    file.write(info.FileHeader(zip64=large))
    archive.start_dir = start + part.size
    file.seek(archive.start_dir)
    archive.filelist.append(info)
    archive.NameToInfo[name] = info
