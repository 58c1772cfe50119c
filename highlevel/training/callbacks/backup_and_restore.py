"""`BackupAndRestore`: go on with training where an interruption ended it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from typing import Any

import numpy as np
from highlevel_backend import current_backend

from highlevel.saving.atomic import replacing_file
from highlevel.state import active_distribution
from highlevel.training.callbacks.callback import Callback, Logs
from highlevel.training.together import ask_all, one_of_several

__all__ = ["BackupAndRestore"]

_WEIGHTS = "latest.weights.h5"
_STATE = "latest.state.npz"
_RECORD = "training_metadata.json"
#: in the order in which a new backup replaces the old one: the record, which decides, last
_FILES = (_WEIGHTS, _STATE, _RECORD)


class BackupAndRestore(Callback):
    """Keeps a backup while training, and starts from it when `fit` is called again.

    Run the same program again after an interruption, a killed process included: it goes on
    where the last backup was made and ends with the weights, the `History` and the callbacks'
    own state of a run that nobody interrupted, to the last bit. The backup has the weights,
    the optimizer's state, the metrics, the epoch and the batch, the order of the data, the
    states of random generators, and what the callbacks remember (`Callback.get_state`); it
    is deleted when training comes to its end.

    Of several processes the first one writes; all must see the directory. Weights that a layout
    divides are for `OrbaxCheckpoint(directory, resume=True)`, which keeps them in parts.

    Args:
        backup_dir: directory for the backup, used by one training only.
        save_freq: `"epoch"`, a number of batches, or False to make no backups and only
            start from one that is there.
        double_checkpoint: keep the backup before the last one, too.
        delete_checkpoint: delete the backup at the end of training.

    Raises:
        ValueError: an empty `backup_dir`, or an unknown `save_freq`.

    >>> BackupAndRestore("/tmp/backup", save_freq=100).save_freq
    100
    """

    needs_batch_logs = False
    acts_last = True

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
        self._batches = 0
        self._last_batch = -1
        self.needs_batch_logs = isinstance(save_freq, int) and save_freq is not False

    def get_state(self) -> dict[str, Any]:
        """The batches since the last backup."""
        return {"_batches": self._batches, "_last_batch": self._last_batch}

    def _path(self, name: str) -> str:
        return os.path.join(self.backup_dir, name)

    def on_train_begin(self, logs: Logs = None) -> None:
        """Start from the backup, where there is one."""
        self._batches, self._last_batch = 0, -1
        if one_of_several():
            self._refuse_divided()
        if self._writes:
            self._finish_replacing()
        ask_all(None, "backup is in place")
        there = all(map(os.path.exists, (self._path(_WEIGHTS), self._path(_RECORD))))
        if len(set(ask_all(there, "backup"))) > 1:
            raise FileNotFoundError(
                f"Some of the processes see a backup in '{self.backup_dir}', others do not. Let "
                "all have the directory on one file system."
            )
        if not there:
            return
        with open(self._path(_RECORD), encoding="utf-8") as file:
            record = json.load(file)
        arrays = {}
        if os.path.exists(self._path(_STATE)):
            with np.load(self._path(_STATE), allow_pickle=False) as file:
                arrays = dict(file)
        self.model.load_weights(self._path(_WEIGHTS))
        known = dict(record["dict"]) if "dict" in record else record
        self.model._initial_epoch = int(known.get("initial_epoch", known.get("epoch", 0)))
        run = self._run
        if run is not None and "dict" in record:
            run.pending = (record, arrays)

    @property
    def _writes(self) -> bool:
        return not one_of_several() or not current_backend().processes()[0]

    def _refuse_divided(self) -> None:
        distribution = active_distribution()
        variables = [*self.model.variables, *self.model.optimizer.variables]
        divided = [v.path for v in variables if any(distribution.fitting(v).axes)]
        if divided:
            raise ValueError(
                f"BackupAndRestore keeps whole arrays, but '{divided[0]}' and {len(divided) - 1} "
                "others are divided over the processes. Use `OrbaxCheckpoint(directory, "
                "resume=True)`, which lets each process write its parts."
            )

    @property
    def _run(self) -> Any:
        return getattr(getattr(self.model, "_trainer", None), "run", None)

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self._last_batch = -1

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        if self.save_freq == "epoch":
            self._save(epoch + 1, 0)

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        if self.save_freq == "epoch" or not self.save_freq:
            return
        self._batches += batch - self._last_batch
        self._last_batch = batch
        if self._batches >= int(self.save_freq):
            self._batches = 0
            self._save(None, batch + 1)

    def on_train_end(self, logs: Logs = None) -> None:
        if self.delete_checkpoint and self._writes and os.path.isdir(self.backup_dir):
            # The record first: without it the others count for nothing.
            for name in (_RECORD, _WEIGHTS, _STATE):
                for path in (self._path(name), self._path(_previous(name))):
                    if os.path.exists(path):
                        os.remove(path)
            if not os.listdir(self.backup_dir):
                os.rmdir(self.backup_dir)

    # ------------------------------------------------------------------- saving

    def _save(self, epoch: int | None, batch: int) -> None:
        """Replace the backup, all its files or none.

        The new files are written beside the old ones, the record last. From the moment it
        is there under its temporary name the new backup counts: `_finish_replacing` moves
        the files to their names, now or when training is taken up again.
        """
        if not self._writes:
            return
        os.makedirs(self.backup_dir, exist_ok=True)
        run = self._run
        if run is None:  # called by hand, outside of `fit`
            record, arrays = {"dict": [["initial_epoch", epoch or 0], ["initial_batch", batch]]}, {}
        else:
            if epoch is not None:
                run.epoch = epoch
            run.batch = batch
            record, arrays = run.state()
        if self.double_checkpoint and os.path.exists(self._path(_RECORD)):
            for name in _FILES:
                if os.path.exists(self._path(name)):
                    shutil.copy2(self._path(name), self._path(_previous(name)))
        try:
            self.model.save_weights(self._path(_next(_WEIGHTS)), overwrite=True)
            with replacing_file(self._path(_next(_STATE))) as temporary, open(
                temporary, "wb"
            ) as file:
                np.savez(file, **arrays)
            with replacing_file(self._path(_next(_RECORD))) as temporary, open(
                temporary, "w", encoding="utf-8"
            ) as file:
                json.dump(record, file)
        except BaseException as error:
            if not os.path.exists(self._path(_next(_RECORD))):
                for name in (_WEIGHTS, _STATE):
                    with contextlib.suppress(OSError):
                        os.remove(self._path(_next(name)))
            error.add_note(
                f"The backup in '{self.backup_dir}' could not be made; the one before stays."
            )
            raise
        self._finish_replacing()

    def _finish_replacing(self) -> None:
        if not os.path.exists(self._path(_next(_RECORD))):
            return
        for name in _FILES:
            if os.path.exists(self._path(_next(name))):
                os.replace(self._path(_next(name)), self._path(name))


def _next(name: str) -> str:
    return name.replace("latest", "next") if "latest" in name else f"next_{name}"


def _previous(name: str) -> str:
    return name.replace("latest", "previous") if "latest" in name else f"previous_{name}"
