"""Files that are there whole or not at all."""

from __future__ import annotations

import contextlib
import ctypes
import os
import secrets
import shutil
import sys
from collections.abc import Iterator

__all__ = ["WriteAhead", "replacing_directory", "replacing_file"]


def _temporary(path: str) -> str:
    folder, name = os.path.split(os.path.abspath(path))
    return os.path.join(folder, f".{name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")


def _sync(path: str) -> None:
    """Wait until a file or folder is on the disk; folders where the system allows it."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    except OSError:
        pass
    finally:
        os.close(descriptor)


class WriteAhead:
    """Lets the disk begin with what has been written of a file, while more is computed.

    Waiting for the disk at the end (`_sync`) then takes a part of the time. It is a hint,
    which Linux understands; errors of the disk are told at the end as ever.

    Args:
        descriptor: of the file.
    """

    _STEP = 2**23

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._start = 0
        try:
            self._hint = ctypes.CDLL(None).sync_file_range
            self._hint.argtypes = [ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint]
        except (AttributeError, OSError, TypeError):
            self._hint = None

    def written(self, end: int) -> None:
        """The file has been written up to a place."""
        if self._hint is not None and end - self._start >= self._STEP:
            self._hint(self._descriptor, self._start, end - self._start, 2)
            self._start = end


def _tell(error: BaseException, path: str) -> None:
    """Let an error of the system (a full disk) name the file, and what became of it."""
    if isinstance(error, OSError) and error.errno is not None:
        if error.filename is None or str(error.filename).endswith(".tmp"):
            error.filename = path
        error.add_note(
            f"'{path}' could not be written; what was there before is as it was, and what was "
            "begun is removed."
        )


@contextlib.contextmanager
def replacing_file(path: str) -> Iterator[str]:
    """A path beside `path` to write to; on success it takes `path`'s place in one step.

    Where the block fails, the file that was there stays as it was and the new one goes.

    Raises:
        FileNotFoundError: the folder does not exist.
    """
    folder = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(folder):
        raise FileNotFoundError(
            f"The folder '{folder}' does not exist; make it before saving to '{path}'."
        )
    temporary = _temporary(path)
    try:
        yield temporary
        _sync(temporary)
        os.replace(temporary, path)
        _sync(folder)
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.remove(temporary)
        _tell(error, path)
        raise


def _exchange(first: str, second: str) -> bool:
    """Let two folders change places in one step, where the system can (Linux, macOS).

    `os.rename` cannot put a folder in the place of one that is not empty, and between two
    renames there would be none.
    """
    try:
        library = ctypes.CDLL(None, use_errno=True)
        names = os.fsencode(os.path.abspath(first)), os.fsencode(os.path.abspath(second))
        if sys.platform == "darwin":
            return library.renamex_np(*names, 2) == 0
        return library.renameat2(-100, names[0], -100, names[1], 2) == 0
    except (AttributeError, OSError, TypeError):
        return False


@contextlib.contextmanager
def replacing_directory(path: str) -> Iterator[str]:
    """As `replacing_file`, for a folder with all that is in it."""
    temporary = _temporary(path)
    os.makedirs(temporary)
    old = None
    try:
        yield temporary
        for folder, _, names in os.walk(temporary):
            for name in names:
                _sync(os.path.join(folder, name))
            _sync(folder)
        if os.path.isdir(path):
            if _exchange(temporary, path):
                old = temporary
            else:
                old = _temporary(path)
                os.rename(path, old)
                os.rename(temporary, path)
        else:
            os.rename(temporary, path)
        _sync(os.path.dirname(os.path.abspath(path)))
    except BaseException as error:
        if old is not None and not os.path.exists(path):
            os.rename(old, path)
        shutil.rmtree(temporary, ignore_errors=True)
        _tell(error, path)
        raise
    if old is not None:
        shutil.rmtree(old, ignore_errors=True)
