"""`.keras` archives: a zip of `config.json`, `metadata.json`, weights and assets.

Everything in an archive is checked before it is read: paths, kinds of entries, and the
sizes it claims against those it has.
"""

from __future__ import annotations

import contextlib
import difflib
import io
import json
import os
import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import IO, Any

from highlevel.saving.errors import FileError
from highlevel.saving.zip_entry import check_sum

__all__ = ["Archive", "missing_file", "open_archive"]

# JSON becomes objects many times its size: what is longer than this has to be there in
# fair proportion, and there is an end.
_PLAIN_JSON, _MAX_JSON, _JSON_EXPANSION = 16 * 2**20, 256 * 2**20, 50
# What entries may grow to: the larger of a size and a multiple of their packed size.
_EXPANSION, _FREE = 200, 64 * 2**20
_MANY = 100_000
#: entries larger than this are checked beside other work
_AHEAD = 2**22
#: what a damaged archive raises
_DAMAGED = (
    zipfile.BadZipFile, EOFError, struct.error, NotImplementedError, zlib.error, RuntimeError,
    OverflowError, ValueError,
)


class Archive:
    """An open model file or folder."""

    def names(self) -> list[str]:
        """Paths of the entries."""
        raise NotImplementedError

    def open(self, name: str) -> IO[bytes]:
        """An entry, seekable."""
        raise NotImplementedError

    def expect(self, name: str) -> None:
        """The entry will be opened: checking it may begin, beside what is done until then."""

    def size(self, name: str) -> int:
        """Bytes of an entry."""
        raise NotImplementedError

    def packed_size(self, name: str) -> int:
        """Bytes of an entry in the file."""
        return self.size(name)

    def json(self, name: str, path: str) -> Any:
        """An entry's JSON.

        Raises:
            FileError: it is missing, too large or no JSON.
        """
        if name not in self.names():
            raise FileError(
                f"'{path}' is not a whole model file: it has no '{name}'. "
                f"It holds: {', '.join(self.names()) or 'nothing'}."
            )
        size = self.size(name)
        if size > _MAX_JSON or size > max(_PLAIN_JSON, _JSON_EXPANSION * self.packed_size(name)):
            raise FileError(f"'{name}' in '{path}' claims {size:,} bytes: refused.")
        try:
            with self.open(name) as file:
                return json.loads(file.read().decode("utf-8"))
        except FileError:
            raise
        except (ValueError, RecursionError) as error:
            raise FileError(f"'{name}' in '{path}' cannot be read as JSON: {error}") from error

    def extract_assets(self, folder: str) -> None:
        """Copy what is below `assets/` into a folder."""
        for name in self.names():
            if name.startswith("assets/") and not name.endswith("/"):
                target = os.path.join(folder, *name.split("/")[1:])
                os.makedirs(os.path.dirname(target), exist_ok=True)
                with self.open(name) as source, open(target, "xb") as copy:
                    while chunk := source.read(2**20):
                        copy.write(chunk)


class _Zip(Archive):
    def __init__(self, path: str, file: zipfile.ZipFile) -> None:
        self._path, self._file = path, file
        self._entries: dict[str, zipfile.ZipInfo] = {}
        self._checks: dict[str, Future[None]] = {}
        self._threads = ThreadPoolExecutor(1)  # its thread starts with the first check
        infos = file.infolist()
        if len(infos) > _MANY:
            raise FileError(f"'{path}' holds {len(infos):,} entries: refused.")
        for info in infos:
            self._check(info)
            if info.filename in self._entries:
                raise FileError(f"'{path}' holds '{info.filename}' twice: refused.")
            self._entries[info.filename] = info
        if any(not 0 <= info.header_offset < os.path.getsize(path) for info in infos):
            raise FileError(f"'{path}' is damaged: its list of entries leads out of it.")
        packed = sum(info.compress_size for info in infos)
        if packed > os.path.getsize(path):
            raise FileError(
                f"The entries of '{path}' claim {packed:,} bytes of a file of "
                f"{os.path.getsize(path):,}: they lie over one another. Refused."
            )
        size = sum(info.file_size for info in infos)
        if size > max(_FREE, packed * _EXPANSION):
            raise FileError(
                f"The entries of '{path}' would grow from {packed:,} to {size:,} bytes together: "
                "refused."
            )

    def _check(self, info: zipfile.ZipInfo) -> None:
        name = info.filename
        parts = name.rstrip("/").split("/")
        if (
            not name or name.startswith("/") or "\\" in name or ":" in name or "\0" in name
            or any(part in ("", ".", "..") for part in parts)
        ):
            raise FileError(
                f"'{self._path}' holds an entry with the path '{name}', which leads out of the "
                "archive: refused."
            )
        kind = stat.S_IFMT(info.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise FileError(
                f"The entry '{name}' of '{self._path}' is a link or a special file: refused."
            )
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise FileError(
                f"The entry '{name}' of '{self._path}' is packed by method {info.compress_type}; "
                "model files use none, or deflate."
            )
        if info.file_size > max(info.compress_size, 2**20) * _EXPANSION:
            raise FileError(
                f"The entry '{name}' of '{self._path}' would grow from {info.compress_size:,} to "
                f"{info.file_size:,} bytes: refused."
            )
        if info.flag_bits & 1:
            raise FileError(f"The entry '{name}' of '{self._path}' is encrypted.")

    def __enter__(self) -> None:
        """Whatever checks the entries stops with the block."""

    def __exit__(self, *error: object) -> None:
        self._threads.shutdown()

    def names(self) -> list[str]:
        return list(self._entries)

    def size(self, name: str) -> int:
        return self._entries[name].file_size

    def packed_size(self, name: str) -> int:
        return self._entries[name].compress_size

    def open(self, name: str) -> IO[bytes]:
        info = self._entries[name]
        try:
            if info.compress_type == zipfile.ZIP_STORED:
                check = self._checks.pop(name, None)
                if check is not None:
                    check.result()
                else:
                    self._check_sum(info)
                return io.BufferedReader(_Window(self._path, *self._place(info)))
            return self._unpacked(info)
        except _DAMAGED as error:
            raise FileError(f"'{name}' in '{self._path}' is damaged: {error}") from error

    def expect(self, name: str) -> None:
        info = self._entries.get(name)
        if info is not None and info.compress_type == zipfile.ZIP_STORED \
                and info.file_size > _AHEAD:
            self._checks[name] = self._threads.submit(self._check_sum, info)

    def _check_sum(self, info: zipfile.ZipInfo) -> None:
        """Read an entry through, so that a changed byte is found before it becomes a weight."""
        self._file.open(info).close()  # compares the entry's own header with the list
        with _Window(self._path, *self._place(info)) as source:
            found, missing = check_sum(source, info.file_size)
        if missing or found != info.CRC or info.compress_size != info.file_size:
            raise zipfile.BadZipFile("its check sum is not that of what it holds")

    def _place(self, info: zipfile.ZipInfo) -> tuple[int, int]:
        """Where a stored entry's bytes lie in the file."""
        with open(self._path, "rb") as file:
            file.seek(info.header_offset)
            header = file.read(30)
            name_length, extra_length = struct.unpack("<HH", header[26:30])
        return info.header_offset + 30 + name_length + extra_length, info.file_size

    def _unpacked(self, info: zipfile.ZipInfo) -> IO[bytes]:
        copy: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - handed to the caller
        try:
            with self._file.open(info) as source:
                left = info.file_size
                while chunk := source.read(min(2**22, left + 1)):
                    left -= len(chunk)
                    if left < 0:
                        raise zipfile.BadZipFile("it is longer than it claims")
                    copy.write(chunk)
            copy.seek(0)
        except BaseException:
            copy.close()
            raise
        return copy


class _Window(io.RawIOBase):
    """A part of a file, read without copying the rest."""

    def __init__(self, path: str, start: int, size: int) -> None:
        self._file = open(path, "rb")  # noqa: SIM115 - closed in `close`
        self._start, self._size, self._at = start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(base + offset, 0)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        left = max(self._size - self._at, 0)
        view = memoryview(buffer).cast("B")[:left]
        self._file.seek(self._start + self._at)
        count = self._file.readinto(view) or 0
        self._at += count
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


class _Folder(Archive):
    def __init__(self, path: str) -> None:
        self._path = path
        self._files: dict[str, str] = {}
        for folder, _, names in os.walk(path):
            for name in names:
                full = os.path.join(folder, name)
                if not stat.S_ISREG(os.lstat(full).st_mode):
                    raise FileError(
                        f"'{full}' is a link or a special file; a model folder holds plain files."
                    )
                self._files[os.path.relpath(full, path).replace(os.sep, "/")] = full

    def names(self) -> list[str]:
        return list(self._files)

    def size(self, name: str) -> int:
        return os.path.getsize(self._files[name])

    def open(self, name: str) -> IO[bytes]:
        return open(self._files[name], "rb")


@contextlib.contextmanager
def open_archive(path: str) -> Iterator[Archive]:
    """Open a model file or folder for reading.

    Raises:
        FileNotFoundError: nothing is there; names similar files.
        FileError: it is damaged, no archive, or holds what is refused.
    """
    if os.path.isdir(path):
        yield _Folder(path)
        return
    if not os.path.exists(path):
        raise missing_file(path)
    try:
        file = zipfile.ZipFile(path)
    except _DAMAGED as error:
        raise FileError(_why_no_zip(path)) from error
    with file:
        archive = _Zip(path, file)
        with archive:
            yield archive


def _why_no_zip(path: str) -> str:
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        start = file.read(8)
    if size == 0:
        return f"'{path}' is empty (0 bytes): it was never written to the end."
    if start[:4] == b"PK\x03\x04":
        return (
            f"'{path}' is there, but it is damaged: the end of the archive is missing after "
            f"{size:,} bytes. It was only partly written or copied; take a whole copy."
        )
    if start == b"\x89HDF\r\n\x1a\n":
        return (
            f"'{path}' is an HDF5 file, not a `.keras` archive. If it holds weights, name it "
            "`<name>.weights.h5` and use `model.load_weights`."
        )
    return f"'{path}' is not a `.keras` archive (or its beginning is damaged)."


def missing_file(path: str) -> FileNotFoundError:
    """The error for a path where nothing is."""
    folder, name = os.path.split(os.path.abspath(path))
    if not os.path.isdir(folder):
        return FileNotFoundError(f"There is no file '{path}': the folder '{folder}' is not there.")
    files = os.listdir(folder)
    near = difflib.get_close_matches(name, files, n=3)
    if not near:
        ending = os.path.splitext(name)[1]
        near = sorted(f for f in files if ending and f.endswith(ending))[:3]
    hint = f" In that folder there is: {', '.join(map(repr, near))}." if near else ""
    return FileNotFoundError(f"There is no file '{path}'.{hint}")
