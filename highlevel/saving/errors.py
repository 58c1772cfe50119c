"""What reading a file raises: one class for every fault of the file itself."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator

from highlevel.errors import passes_user_code

__all__ = ["FileError", "UnknownObjectError", "reading"]

#: faults of the machine, not of the file
_SYSTEM = frozenset((
    errno.EACCES, errno.EPERM, errno.ENOSPC, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EDQUOT,
))


class FileError(ValueError):
    """A file is damaged, of another kind, does not fit, or holds what is refused.

    >>> import pathlib, tempfile
    >>> import highlevel as hl
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "half.keras")
    ...     _ = path.write_bytes(b"PK\\x03\\x04 and then nothing")
    ...     try:
    ...         hl.saving.load_model(path)
    ...     except hl.saving.FileError as error:
    ...         print("damaged" in str(error))
    True
    """


class UnknownObjectError(FileError, TypeError):
    """A file names a class or function that is not known here, or arguments it does not take."""


@contextlib.contextmanager
def reading(path: str) -> Iterator[None]:
    """In the block, whatever a file's content leads to is raised as a `FileError`.

    What the user's own code raises (a registered class, say) passes unchanged but for a
    note, and so do faults of the machine: a missing file, no permission, no memory.
    """
    try:
        yield
    except (FileNotFoundError, MemoryError):
        raise
    except FileError as error:
        _note(error, path)
        raise
    except Exception as error:
        _note(error, path)
        if passes_user_code(error):
            raise
        if isinstance(error, OSError) and error.errno in _SYSTEM:
            raise
        kind = UnknownObjectError if isinstance(error, TypeError) else FileError
        text = str(error)
        if not isinstance(error, (ValueError, TypeError)):
            # A bare `KeyError: 'x'` does not say what is wrong.
            text = (
                f"'{path}' is damaged, or was not written by a library that this one knows: "
                f"{type(error).__name__}: {text}"
            )
        new = kind(text)
        for note in getattr(error, "__notes__", ()):
            new.add_note(note)
        raise new from error


def _note(error: BaseException, path: str) -> None:
    note = f"While reading '{path}'."
    if note not in getattr(error, "__notes__", ()):
        error.add_note(note)
