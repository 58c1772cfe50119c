"""`BackupAndRestore`: go on with training where an interruption ended it."""

from __future__ import annotations

import json
import os
import shutil
from typing import Any

from highlevel.training.callbacks.callback import Callback, Logs

__all__ = ["BackupAndRestore"]

_WEIGHTS = "latest.weights.h5"
_RECORD = "training_metadata.json"


class BackupAndRestore(Callback):
    """Keeps a backup while training, and starts from it when `fit` is called again.

    The backup has the weights, the optimizer's state and the epoch; it is deleted when
    training comes to its end. Run the same program again after an interruption, and it
    goes on with the epoch that was not finished.

    Args:
        backup_dir: directory for the backup, used by one training only.
        save_freq: `"epoch"`, a number of batches, or False to save only where training is
            interrupted by an error.
        double_checkpoint: keep the backup before the last one, too.
        delete_checkpoint: delete the backup at the end of training.

    Raises:
        ValueError: an empty `backup_dir`, or an unknown `save_freq`.
    """

    needs_batch_logs = False

    def __init__(
        self,
        backup_dir: str | os.PathLike,
        save_freq: str | int | bool = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
    ) -> None:
        super().__init__()
        if not backup_dir:
            raise ValueError("`backup_dir` of BackupAndRestore must be a path; got an empty one.")
        if save_freq != "epoch" and not isinstance(save_freq, (int, bool)):
            raise ValueError(
                "`save_freq` of BackupAndRestore must be 'epoch', a number of batches or False. "
                f"Received: {save_freq!r}."
            )
        self.backup_dir = os.fspath(backup_dir)
        self.save_freq = save_freq
        self.double_checkpoint = double_checkpoint
        self.delete_checkpoint = delete_checkpoint
        self._epoch = 0
        self._batches = 0
        self._last_batch = -1
        self.needs_batch_logs = isinstance(save_freq, int) and save_freq is not False

    @property
    def _weights_path(self) -> str:
        return os.path.join(self.backup_dir, _WEIGHTS)

    def on_train_begin(self, logs: Logs = None) -> None:
        """Start from the backup, where there is one."""
        record = os.path.join(self.backup_dir, _RECORD)
        if not (os.path.exists(record) and os.path.exists(self._weights_path)):
            return
        with open(record, encoding="utf-8") as file:
            found = json.load(file)
        self.model.load_weights(self._weights_path)
        self.model._initial_epoch = int(found.get("initial_epoch", found.get("epoch", 0)))

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self._epoch = epoch
        self._last_batch = -1

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        self._epoch = epoch + 1
        if self.save_freq == "epoch":
            self._save(epoch + 1, 0)

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        if self.save_freq == "epoch" or not self.save_freq:
            return
        self._batches += batch - self._last_batch
        self._last_batch = batch
        if self._batches >= int(self.save_freq):
            self._batches = 0
            self._save(self._epoch, batch)

    def on_train_end(self, logs: Logs = None) -> None:
        if self.delete_checkpoint and os.path.isdir(self.backup_dir):
            for name in (_WEIGHTS, _RECORD, _previous(_WEIGHTS), _previous(_RECORD)):
                path = os.path.join(self.backup_dir, name)
                if os.path.exists(path):
                    os.remove(path)
            if not os.listdir(self.backup_dir):
                os.rmdir(self.backup_dir)

    def _save(self, epoch: int, batch: int) -> None:
        os.makedirs(self.backup_dir, exist_ok=True)
        record = os.path.join(self.backup_dir, _RECORD)
        if self.double_checkpoint and os.path.exists(record):
            for name in (_WEIGHTS, _RECORD):
                path = os.path.join(self.backup_dir, name)
                if os.path.exists(path):
                    shutil.copy2(path, os.path.join(self.backup_dir, _previous(name)))
        # Each file is replaced in one move. Killed between the two, the weights are newer than
        # the record and the epoch that they finished is trained once more.
        self.model.save_weights(self._weights_path, overwrite=True)
        temporary = record + ".tmp"
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump(_record(epoch, batch), file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, record)


def _previous(name: str) -> str:
    return name.replace("latest", "previous") if "latest" in name else f"previous_{name}"


def _record(epoch: int, batch: int) -> dict[str, Any]:
    return {"initial_epoch": epoch, "initial_batch": batch}
