"""Archives are unpacked into one folder, and nothing in them reaches out of it."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

__all__ = ["extract_archive"]

#: what an archive may grow to: the larger of a size and a multiple of its own size
MOST_BYTES = 2**30
MOST_GROWTH = 200
MOST_MEMBERS = 5_000_000
#: more than this at once is asked for by forged headers only
MOST_AT_ONCE = 2**24
_CHUNK = 2**20
#: what a damaged or hostile archive raises; a full disk is something else
_REFUSED = (
    ValueError, RuntimeError, EOFError, tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile,
    lzma.LZMAError, zlib.error,
)


@dataclass
class _Member:
    """One entry: its name, its size, and what it is."""

    name: str
    kind: str  # "file", "folder", "symlink", "hardlink"
    size: int = 0
    target: str = ""
    executable: bool = False
    source: Any = None


class _Bounded:
    """A decompressed stream that refuses to hand out a huge piece at once."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= MOST_AT_ONCE:
            raise ValueError(f"a header asks for {size} bytes of memory")
        return self._stream.read(size)

    def seek(self, place: int, whence: int = 0) -> int:
        return self._stream.seek(place, whence)

    def tell(self) -> int:
        return self._stream.tell()


class _Tar:
    """The members of a tar archive, plain or compressed."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            head = file.read(6)
        opener: Any = open
        if head[:2] == b"\x1f\x8b":
            opener = gzip.open
        elif head[:3] == b"BZh":
            opener = bz2.open
        elif head == b"\xfd7zXZ\x00":
            opener = lzma.open
        self._stream: IO[bytes] = opener(path, "rb")
        try:
            self._tar = tarfile.open(fileobj=_Bounded(self._stream), mode="r:")  # type: ignore # noqa: SIM115
        except BaseException:
            self._stream.close()
            raise

    def __iter__(self) -> Iterator[_Member]:
        for info in self._tar:
            self._tar.members = []  # a list of millions would be kept otherwise
            if info.isreg():
                kind = "file"
            elif info.isdir():
                kind = "folder"
            elif info.issym():
                kind = "symlink"
            elif info.islnk():
                kind = "hardlink"
            else:
                raise ValueError(f"member {info.name!r} is a device or pipe")
            yield _Member(info.name, kind, info.size if kind == "file" else 0, info.linkname,
                          bool(info.mode & 0o100), info)
        # To the end, where the compression's check sum is; a tar file ends in a few zeros.
        for _ in range(MOST_BYTES // _CHUNK):
            if not self._stream.read(_CHUNK):
                break

    def open(self, member: _Member) -> IO[bytes]:
        stream = self._tar.extractfile(member.source)
        if stream is None:
            raise ValueError(f"member {member.name!r} has no content")
        return stream

    def close(self) -> None:
        self._tar.close()
        self._stream.close()


class _Zip:
    """The members of a zip archive."""

    def __init__(self, path: Path) -> None:
        self._zip = zipfile.ZipFile(path)

    def __iter__(self) -> Iterator[_Member]:
        for info in self._zip.infolist():
            mode = info.external_attr >> 16
            if info.flag_bits & 1:
                raise ValueError(f"member {info.filename!r} is encrypted")
            if info.is_dir():
                yield _Member(info.filename, "folder")
            elif stat.S_ISLNK(mode):
                if info.file_size > 4096:
                    raise ValueError(f"member {info.filename!r} is a link with a forged target")
                yield _Member(info.filename, "symlink", 0, self._zip.read(info).decode())
            elif stat.S_IFMT(mode) in (0, stat.S_IFREG):
                yield _Member(info.filename, "file", info.file_size, "", bool(mode & 0o100), info)
            else:
                raise ValueError(f"member {info.filename!r} is a device or pipe")

    def open(self, member: _Member) -> IO[bytes]:
        return self._zip.open(member.source)

    def close(self) -> None:
        self._zip.close()


def _is_tar(path: Path) -> bool:
    try:
        archive = _Tar(path)
    except (tarfile.TarError, OSError, EOFError, lzma.LZMAError, zlib.error, ValueError):
        return False
    archive.close()
    return True


def _opened(path: Path, formats: Sequence[str]) -> _Tar | _Zip | None:
    for name in formats:
        if name == "tar" and _is_tar(path):
            return _Tar(path)
        if name == "zip" and zipfile.is_zipfile(path):
            return _Zip(path)
    return None


def _formats(archive_format: Any) -> list[str]:
    if archive_format == "auto":
        return ["tar", "zip"]
    names = [archive_format] if isinstance(archive_format, str) else list(archive_format)
    if not names or any(name not in ("tar", "zip") for name in names):
        raise ValueError(
            "`archive_format` must be 'auto', 'tar', 'zip', None or a list of these; got "
            f"{archive_format!r}."
        )
    return names


def _place(root: Path, name: str) -> Path:
    """Where a member goes.

    Raises:
        ValueError: its name leads out of the folder.
    """
    plain = name.replace("\\", "/")
    parts = [part for part in plain.split("/") if part not in ("", ".")]
    absolute = plain.startswith("/") or (os.name == "nt" and ":" in plain)
    if absolute or ".." in parts or "\0" in name:
        raise ValueError(f"member {name!r} leads out of the folder")
    return root.joinpath(*parts)


def extract_archive(
    path: str | os.PathLike, folder: str | os.PathLike, archive_format: Any = "auto"
) -> bool:
    """Unpack an archive into a new folder; all of it, or nothing.

    Names that lead out of the folder, links to the outside, devices, and sizes out of all
    proportion (more than 1 GiB and more than 200 times the archive, or more than the disk has
    room for) are refused before anything is put in place.

    Args:
        path: a zip or a tar file, plain or compressed with gzip, bzip2 or xz.
        folder: is made; one that is there is replaced.
        archive_format: `"auto"`, `"tar"`, `"zip"`, a list of these, or None to do nothing.

    Returns:
        Whether the file was an archive of such a format.

    Raises:
        ValueError: the archive is damaged, or holds what is refused; names the member.
    """
    if archive_format is None:
        return False
    path, folder = Path(path), Path(folder)
    archive = _opened(path, _formats(archive_format))
    if archive is None:
        return False
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = folder.with_name(f".{folder.name}.{os.getpid()}.{os.urandom(4).hex()}")
    fresh.mkdir()
    try:
        try:
            _unpack(archive, fresh.resolve(), path)
        except _REFUSED as error:
            raise ValueError(f"The archive {path} was not unpacked: {error}.") from error
        finally:
            archive.close()
        _swap(fresh, folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return True


def _swap(fresh: Path, folder: Path) -> None:
    """Put a new folder where an old one may be."""
    if not folder.exists():
        try:
            fresh.rename(folder)
            return
        except OSError:
            if not folder.exists():
                raise  # otherwise another process was quicker
    old = fresh.with_name(f"{fresh.name}.old")
    folder.rename(old)
    fresh.rename(folder)
    if old.is_dir():
        shutil.rmtree(old, ignore_errors=True)
    else:
        old.unlink()


def _unpack(archive: _Tar | _Zip, root: Path, path: Path) -> None:
    room = min(
        max(MOST_BYTES, MOST_GROWTH * path.stat().st_size), shutil.disk_usage(root).free
    )
    left, count = room, 0
    links: list[tuple[Path, _Member]] = []
    for member in archive:
        count += 1
        left -= member.size
        if member.size < 0 or left < 0:
            raise ValueError(f"it would grow beyond {room:,} bytes at member {member.name!r}")
        if count > MOST_MEMBERS:
            raise ValueError(f"it has more than {MOST_MEMBERS:,} members")
        place = _place(root, member.name)
        if member.kind == "folder":
            place.mkdir(parents=True, exist_ok=True)
            continue
        if place == root:
            raise ValueError(f"member {member.name!r} has no name")
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.is_dir():
            raise ValueError(f"member {member.name!r} is a folder before and a file after")
        if member.kind == "symlink":
            # Made last: no file is ever written through a link.
            links.append((place, member))
            continue
        place.unlink(missing_ok=True)
        if member.kind == "hardlink":
            first = _place(root, member.target)
            if not first.is_file():
                raise ValueError(f"member {member.name!r} links to {member.target!r}, which is "
                                 "no file before it")
            left -= first.stat().st_size
            if left < 0:
                raise ValueError(f"it would grow beyond {room:,} bytes at {member.name!r}")
            shutil.copy(first, place)
            continue
        with archive.open(member) as source, place.open("xb") as file:
            shutil.copyfileobj(source, file, _CHUNK)
        if place.stat().st_size != member.size:
            raise ValueError(f"member {member.name!r} is cut short")
        if member.executable:
            place.chmod(0o755)
    _make_links(root, links)


def _make_links(root: Path, links: list[tuple[Path, _Member]]) -> None:
    """Symbolic links, all of which end in the folder when all of them are there."""
    for place, member in links:
        if os.path.isabs(member.target):
            raise ValueError(f"link {member.name!r} leads out of the folder")
        if os.path.lexists(place):
            raise ValueError(f"link {member.name!r} has the name of another member")
        place.symlink_to(member.target)
    for place, member in links:
        end = Path(os.path.realpath(place))
        if end != root and root not in end.parents:
            raise ValueError(f"link {member.name!r} leads out of the folder")
