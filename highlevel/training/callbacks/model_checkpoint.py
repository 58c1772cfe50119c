"""`ModelCheckpoint`: save the model while it trains."""

from __future__ import annotations

import os
import warnings
from typing import Any

import numpy as np

from highlevel.training.callbacks.callback import Logs
from highlevel.training.callbacks.monitor import MonitorCallback

__all__ = ["ModelCheckpoint"]


class ModelCheckpoint(MonitorCallback):
    """Saves the model, or its weights, after epochs or numbers of batches.

    A file is written whole or not at all: an interruption leaves the one before.

    Args:
        filepath: path ending in `.keras`, or `.weights.h5` with `save_weights_only`. May hold
            fields for `epoch` (from 1), `batch` and the names in the logs:
            `"{epoch:02d}-{val_loss:.2f}.keras"`.
        monitor: name in the logs, for `save_best_only`.
        verbose: 1 prints when it acts.
        save_best_only: save only when the metric has improved.
        save_weights_only: `model.save_weights` instead of `model.save`.
        mode: `"min"`, `"max"`, or `"auto"` to find out from the metric.
        save_freq: `"epoch"`, or a number of batches.
        initial_value_threshold: the value to beat at first.

    Raises:
        ValueError: a path with another ending, or an unknown `save_freq`.

    >>> ModelCheckpoint("best.keras", monitor="val_loss", save_best_only=True).save_freq
    'epoch'
    """

    needs_batch_logs = False

    def __init__(
        self,
        filepath: str | os.PathLike,
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        super().__init__(monitor, mode, initial_value_threshold)
        self.filepath = os.fspath(filepath)
        self.verbose = verbose
        self.save_best_only = save_best_only
        self.save_weights_only = save_weights_only
        self.save_freq = save_freq
        self._epoch = 0
        self._batches_since_save = 0
        self._last_batch = -1
        if save_freq != "epoch" and (not isinstance(save_freq, int) or save_freq < 1):
            raise ValueError(
                f"Unrecognized save_freq: {save_freq!r}. It is 'epoch' or a number of batches."
            )
        # Every batch must be seen to save after exactly so many.
        self.needs_batch_logs = save_freq != "epoch"
        ending = ".weights.h5" if save_weights_only else ".keras"
        if not self.filepath.endswith(ending):
            how = "With `save_weights_only=True` the" if save_weights_only else "The"
            raise ValueError(
                f"{how} `filepath` of ModelCheckpoint must end in `{ending}`. "
                f"Received: filepath={self.filepath}"
            )

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        if self.save_freq == "epoch":
            return
        # Batches that were run together count all.
        new = batch + 1 if batch <= self._last_batch else batch - self._last_batch
        self._batches_since_save += new
        self._last_batch = batch
        if self._batches_since_save >= int(self.save_freq):
            self._batches_since_save = 0
            self._save(self._epoch, batch, logs)

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self._epoch = epoch

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        if self.save_freq == "epoch":
            self._save(epoch, None, logs)

    def _save(self, epoch: int, batch: int | None, logs: Logs) -> None:
        logs = logs or {}
        path = self._path(epoch, batch, logs)
        if not self._wanted(epoch, batch, logs, path):
            return
        directory = os.path.dirname(path)
        if directory:
            os.makedirs(directory, exist_ok=True)
        if os.path.isdir(path):
            raise OSError(
                f"ModelCheckpoint cannot save to '{path}': it is a directory. Give the path of a "
                "file."
            )
        if self.save_weights_only:
            self.model.save_weights(path, overwrite=True)
        else:
            self.model.save(path, overwrite=True)
        if self.verbose > 0:
            print(f"\nEpoch {epoch + 1}: finished saving model to {path}")

    def _wanted(self, epoch: int, batch: int | None, logs: Any, path: str) -> bool:
        """Whether to save now; says so where verbose."""
        if not self.save_best_only:
            if self.verbose > 0:
                print(f"\nEpoch {epoch + 1}: saving model to {path}")
            return True
        current = logs.get(self.monitor)
        if current is None:
            warnings.warn(
                f"Can save best model only with {self.monitor} available. Available are: "
                f"{', '.join(logs)}. Skipping the save.",
                stacklevel=4,
            )
            return False
        if np.ndim(current) > 0:
            warnings.warn(
                f"Can save best model only when `monitor` is a number; {self.monitor} is an array "
                f"of shape {np.shape(current)}. Skipping the save.",
                stacklevel=4,
            )
            return False
        self._set_monitor_op()
        if not self._is_improvement(current, self.best):
            if self.verbose > 0:
                print(f"\nEpoch {epoch + 1}: {self.monitor} did not improve from {self.best:.5f}")
            return False
        if self.verbose > 0:
            before = "None" if self.best is None else f"{self.best:.5f}"
            print(
                f"\nEpoch {epoch + 1}: {self.monitor} improved from {before} to {current:.5f}, "
                f"saving model to {path}"
            )
        self.best = current
        return True

    def _path(self, epoch: int, batch: int | None, logs: Any) -> str:
        if "{" not in self.filepath:
            return self.filepath  # nothing to read from the logs
        fields = {"epoch": epoch + 1} | dict(logs)
        if batch is not None:
            fields["batch"] = batch + 1
        try:
            return self.filepath.format(**fields)
        except KeyError as error:
            raise KeyError(
                f'Failed to format the filepath of ModelCheckpoint: "{self.filepath}" names the '
                f"field `{error.args[0]}`; there are {', '.join(fields)}."
            ) from error
