"""`CSVLogger`: the logs of each epoch as a line of a file."""

from __future__ import annotations

import csv
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
        self._heading = True

    def on_train_begin(self, logs: Logs = None) -> None:
        mode = "w"
        self._heading = True
        if self.append:
            mode = "a"
            if os.path.exists(self.filename):
                self._heading = os.path.getsize(self.filename) == 0
        self._file = open(self.filename, mode, newline="", encoding="utf-8")  # noqa: SIM115
        self.writer = None
        self.keys = None

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        logs = logs or {}
        if self.keys is None:
            self.keys = sorted(logs)
            if not any(key.startswith("val_") for key in self.keys):
                # Validation may come in a later epoch only.
                self.keys += [f"val_{key}" for key in self.keys]
        if self.writer is None:
            self.writer = csv.DictWriter(
                self._file, fieldnames=["epoch", *self.keys], delimiter=self.sep,
                lineterminator="\n",
            )
            if self._heading:
                self.writer.writeheader()
        row = {"epoch": epoch} | {key: _cell(logs.get(key, "NA")) for key in self.keys}
        self.writer.writerow(row)
        self._file.flush()

    def on_train_end(self, logs: Logs = None) -> None:
        if self._file is not None:
            self._file.close()
        self.writer = None
