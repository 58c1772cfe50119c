"""`get_file`: a file from the network, kept in a local folder."""

from __future__ import annotations

import hashlib
import hmac
import os
import shutil
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from highlevel.training.progress import Progbar, write
from highlevel.utils.archives import extract_archive

__all__ = ["get_file"]

_CHUNK = 2**20
_SCHEMES = ("http", "https", "ftp", "file")
#: seconds without a byte after which a download is given up
TIMEOUT = 60.0


def get_file(
    fname: str | os.PathLike | None = None,
    origin: str | None = None,
    untar: bool = False,
    md5_hash: str | None = None,
    file_hash: str | None = None,
    cache_subdir: str = "datasets",
    hash_algorithm: str = "auto",
    extract: bool = False,
    archive_format: Any = "auto",
    cache_dir: str | os.PathLike | None = None,
    force_download: bool = False,
) -> str:
    """The path of a file that is downloaded unless it is in the cache already.

    A file appears in the cache complete and checked, or not at all. So does the folder of an
    archive; archives that reach out of their folder or grow out of proportion are refused.

    Args:
        fname: the file's name in the cache; the last part of `origin` by default.
        origin: its address: http, https, ftp or file.
        untar: the older way to ask for `extract`.
        md5_hash: the older way to give `file_hash`.
        file_hash: what the content must hash to, in hexadecimal digits.
        cache_subdir: folder below `cache_dir`.
        hash_algorithm: `"sha256"`, `"md5"`, or `"auto"`, which goes by the hash's length.
        extract: unpack the archive, a tar or zip file.
        archive_format: `"auto"`, `"tar"`, `"zip"`, or a list of these.
        cache_dir: the environment variable `HIGHLEVEL_HOME`, else `KERAS_HOME`, else
            `~/.keras`, which Keras uses, by default.
        force_download: download even where the file is there.

    Returns:
        Path of the file, or with `extract` of the folder with the archive's content.

    Raises:
        ValueError: no origin, a name that is a path, content of another hash, an archive that
            is damaged or refused.
        OSError: the download failed.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     source = pathlib.Path(folder, "numbers.txt")
    ...     _ = source.write_text("1 2 3")
    ...     path = get_file(origin=source.as_uri(), cache_dir=folder)  # doctest: +ELLIPSIS
    ...     print(pathlib.Path(path).read_text())
    Downloading data from file:...numbers.txt
    1 2 3
    """
    if not origin:
        raise ValueError("`get_file` needs `origin`, the address to download from.")
    scheme = urllib.parse.urlsplit(origin).scheme
    if scheme not in _SCHEMES:
        raise ValueError(
            f"`origin` must begin with one of {', '.join(f'{s}://' for s in _SCHEMES)}; "
            f"got {origin!r}."
        )
    if file_hash is None and md5_hash is not None:
        file_hash, hash_algorithm = md5_hash, "md5"
    extract = extract or untar
    if untar:
        archive_format = "tar"
    archive, folder = _names(fname, origin, extract)
    root = _cache_root(cache_dir) / cache_subdir
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(
            f"The cache folder {root} cannot be made: {error}. Give another `cache_dir`, or set "
            "the environment variable HIGHLEVEL_HOME."
        ) from error
    path = root / archive
    fresh = force_download or not path.is_file()
    if not fresh and file_hash is not None and not _matches(path, file_hash, hash_algorithm):
        write(f"{path} is not the file that is wanted (its hash differs): "
              "it is downloaded again.\n")
        fresh = True
    if fresh:
        _download(origin, path, file_hash, hash_algorithm)
    if not extract:
        return str(path)
    target = root / folder
    if (fresh or not target.is_dir()) and not extract_archive(path, target, archive_format):
        raise ValueError(
            f"{path}, from {origin}, is no archive of format {archive_format!r}; give another "
            "`archive_format`, or leave `extract` out."
        )
    return str(target)


def _names(fname: Any, origin: str, extract: bool) -> tuple[str, str]:
    """Names of the file and of the folder for its content."""
    given = fname is not None
    if given:
        name = os.fspath(fname)
        if isinstance(name, bytes) or os.path.basename(name) != name or name in ("", ".", ".."):
            raise ValueError(
                f"`fname` must be a name without folders; got {fname!r}. Folders go into "
                "`cache_dir` and `cache_subdir`."
            )
    else:
        name = urllib.parse.unquote(urllib.parse.urlsplit(origin).path).rpartition("/")[2]
        if os.path.basename(name) != name or name in ("", ".", ".."):
            raise ValueError(f"{origin!r} does not end in a file's name; give `fname`.")
    if not extract:
        return name, name
    # The names that Keras gives them, so that a cache can be shared.
    stem, dot, _ = name.partition(".")
    return (name, f"{stem}_extracted") if given and dot and stem else (f"{name}_archive", name)


def _cache_root(cache_dir: Any) -> Path:
    if cache_dir is None:
        cache_dir = os.environ.get("HIGHLEVEL_HOME") or os.environ.get("KERAS_HOME")
    return Path(cache_dir or Path.home() / ".keras").expanduser()


def _algorithm(expected: str, algorithm: str) -> str:
    if algorithm == "auto":
        return "sha256" if len(expected) == 64 else "md5"
    if algorithm not in ("sha256", "md5"):
        raise ValueError(
            f"`hash_algorithm` must be 'auto', 'sha256' or 'md5'; got {algorithm!r}."
        )
    return algorithm


def _digest(path: Path, algorithm: str) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(
            file, lambda: hashlib.new(algorithm, usedforsecurity=False)
        ).hexdigest()


def _matches(path: Path, expected: str, algorithm: str) -> bool:
    found = _digest(path, _algorithm(expected, algorithm))
    return hmac.compare_digest(found, expected.strip().lower())


def _download(origin: str, path: Path, file_hash: str | None, algorithm: str) -> None:
    """Fetch, check, and only then put in place."""
    write(f"Downloading data from {origin}\n")
    part = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}.part")
    try:
        try:
            with urllib.request.urlopen(origin, timeout=TIMEOUT) as response, \
                    part.open("xb") as file:
                _copy(response, file)
        except urllib.error.HTTPError as error:
            raise OSError(f"{origin} could not be downloaded: {error.code} {error.msg}.") from error
        except (OSError, ValueError) as error:
            raise OSError(f"{origin} could not be downloaded: {error}.") from error
        if file_hash is not None:
            kind = _algorithm(file_hash, algorithm)
            if not _matches(part, file_hash, algorithm):
                raise ValueError(
                    f"What {origin} gave has the {kind} hash {_digest(part, kind)}, where "
                    f"{file_hash} was expected. The file was changed or the download damaged; it "
                    "was not kept."
                )
        if path.is_dir():
            shutil.rmtree(path)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _copy(response: Any, file: Any) -> None:
    """Copy a response, with a bar where there is enough to watch."""
    length = response.headers.get("Content-Length")
    size = int(length) if length and length.isdecimal() else None
    bar = Progbar(size, unit_name="B", verbose=1 if size is None or size > 2**22 else 0)
    done = 0
    while chunk := response.read(_CHUNK):
        file.write(chunk)
        done += len(chunk)
        bar.update(done, finalize=False)
    if size is not None and done != size:
        raise OSError(f"the connection ended after {done:,} of {size:,} bytes")
    bar.update(done, finalize=True)
