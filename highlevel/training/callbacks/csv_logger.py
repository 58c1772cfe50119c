"""`CSVLogger`: the logs of each epoch as a line of a file."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable
from typing import Any

import numpy as np

from highlevel.training.callbacks.callback import Callback, Logs

__all__ = ["CSVLogger"]


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return value
    if isinstance(value, np.ndarray) and value.ndim == 0:
        return value.item()
    if isinstance(value, Iterable):
        return f'"[{", ".join(map(str, value))}]"'
    return value


class CSVLogger(Callback):
    """Writes the logs of each epoch into a CSV file.

    Args:
        filename: path of the file.
        separator: between the columns.
        append: add to a file that is there, under its heading.
    """

    def __init__(
        self, filename: str | os.PathLike, separator: str = ",", append: bool = False
    ) -> None:
        super().__init__()
        self.filename = os.fspath(filename)
        self.sep = separator
        self.append = append
        self.keys: list[str] | None = None
        self.writer: Any = None
        self._file: Any = None
        self._line = io.StringIO(newline="")
        self._heading = True
        self._size: int | None = None

    def on_train_begin(self, logs: Logs = None) -> None:
        self._file = None
        self.writer = self.keys = self._size = None

    def get_state(self) -> dict[str, Any]:
        """The columns, and how long the file is.

        A training taken up again has not opened it yet: then it is as long as it was.
        """
        size = self._size if self._file is None else self._file.tell()
        return {"keys": self.keys, "_size": size}

    def _open(self) -> Any:
        """Open the file, at the end of training's first epoch: where it resumes is known then."""
        if self._size is not None and os.path.exists(self.filename):
            os.truncate(self.filename, self._size)  # without rows of epochs that come again
        keep = self.append or self._size is not None
        self._file = open(  # noqa: SIM115
            self.filename, "ab" if keep else "wb", buffering=0
        )
        self._heading = self._file.tell() == 0
        return self._file

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        logs = logs or {}
        file: Any = self._file or self._open()
        if self.keys is None:
            self.keys = sorted(logs)
            if not any(key.startswith("val_") for key in self.keys):
                # Validation may come in a later epoch only.
                self.keys += [f"val_{key}" for key in self.keys]
        if self.writer is None:
            self.writer = csv.DictWriter(
                self._line, fieldnames=["epoch", *self.keys], delimiter=self.sep,
                lineterminator="\n",
            )
            if self._heading:
                self.writer.writeheader()
        row = {"epoch": epoch} | {key: _cell(logs.get(key, "NA")) for key in self.keys}
        self.writer.writerow(row)
        line = self._line.getvalue().encode()
        self._line.seek(0)
        self._line.truncate()
        self._append(file, line)

    def _append(self, file: Any, line: bytes) -> None:
        """Write a whole line, or none.

        Raises:
            OSError: the disk is full; the file ends with the line before.
        """
        size = file.tell()
        try:
            done = 0
            while done < len(line):
                done += file.write(line[done:])
        except OSError as error:
            file.truncate(size)
            error.filename = self.filename
            error.add_note("CSVLogger could not write an epoch; the lines before it are whole.")
            raise

    def on_train_end(self, logs: Logs = None) -> None:
        if self._file is not None:
            self._file.close()
        self.writer = None
