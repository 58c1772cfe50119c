"""`OrbaxCheckpoint`: checkpoints by step, sharded and in the background."""

from __future__ import annotations

import os
import warnings
from typing import Any

import numpy as np

from highlevel.saving.checkpoint_state import layouts_for, put_state
from highlevel.saving.checkpoints import (
    CheckpointDirectory,
    process_index_and_count,
    read_checkpoint,
)
from highlevel.saving.to_checkpoint import take_state
from highlevel.training.callbacks.callback import Logs
from highlevel.training.callbacks.monitor import MonitorCallback
from highlevel.training.together import ask_all

__all__ = ["OrbaxCheckpoint"]


class OrbaxCheckpoint(MonitorCallback):
    """Saves model, optimizer and the training's position after epochs or numbers of batches.

    On JAX, with `orbax-checkpoint` installed (`pip install highlevel[orbax]`), Orbax writes:
    sharded arrays in shards, while training goes on. Without it, and on NumPy, a thread writes
    archives of arrays. Either way a checkpoint is there whole or not at all, and Keras reads
    those by Orbax. `models.load_model(directory)` gives the model of the latest,
    `model.load_weights(directory)` puts its state into a model.

    Args:
        directory: for the checkpoints, a folder for each step: the epoch (from 0), or with
            `save_freq` in batches the number of batches trained.
        monitor: name in the logs, for `save_best_only`.
        verbose: 1 prints when it acts.
        save_best_only: save only when the metric has improved.
        mode: `"min"`, `"max"`, or `"auto"` to find out from the metric.
        save_freq: `"epoch"`, or a number of batches.
        initial_value_threshold: the value to beat at first.
        max_to_keep: how many checkpoints to keep, the last ones written; None for all.
        save_on_background: write while training goes on. An error in writing then comes out
            at the next checkpoint, or at the end.
        save_weights_only: leave out optimizer, metrics and the model's config.
        resume: where the directory has a checkpoint, go on from there: weights, optimizer,
            epoch and batch, order of the data, random states and what callbacks remember are
            as in a training that was not interrupted; see `BackupAndRestore`.

    Raises:
        ValueError: an unknown `save_freq`, or `resume` together with `save_weights_only`.

    >>> OrbaxCheckpoint("/tmp/checkpoints", save_freq=100, max_to_keep=3).is_primary_host()
    True
    """

    needs_batch_logs = False
    acts_last = True  # a checkpoint holds what the other callbacks did

    def __init__(
        self,
        directory: str | os.PathLike,
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
        max_to_keep: int | None = 1,
        save_on_background: bool = True,
        save_weights_only: bool = False,
        resume: bool = False,
    ) -> None:
        super().__init__(monitor, mode, initial_value_threshold)
        if save_freq != "epoch" and (
            not isinstance(save_freq, int) or isinstance(save_freq, bool) or save_freq < 1
        ):
            raise ValueError(
                f"Unrecognized save_freq: {save_freq!r}. It is 'epoch' or a number of batches."
            )
        if max_to_keep is not None and max_to_keep < 1:
            raise ValueError(
                f"`max_to_keep` of OrbaxCheckpoint must be 1 or more, or None for all; got "
                f"{max_to_keep!r}."
            )
        if resume and save_weights_only:
            raise ValueError(
                "OrbaxCheckpoint cannot `resume` from checkpoints with `save_weights_only=True`: "
                "they lack the optimizer's state and the position. Leave one of the two out."
            )
        self.directory = os.fspath(directory)
        self.verbose = verbose
        self.save_best_only = save_best_only
        self.save_freq = save_freq
        self.max_to_keep = max_to_keep
        self.save_on_background = save_on_background
        self.save_weights_only = save_weights_only
        self.resume = resume
        # Every batch must be seen to save after exactly so many.
        self.needs_batch_logs = save_freq != "epoch"
        self._checkpoints = CheckpointDirectory(self.directory, max_to_keep, save_on_background)
        self._batches = 0
        self._last_batch = -1
        self._total = 0

    def get_state(self) -> dict[str, Any]:
        """The best value, and the batches since the last checkpoint and in all."""
        return {
            "best": self.best, "_batches": self._batches, "_last_batch": self._last_batch,
            "_total": self._total,
        }

    def set_model(self, model: Any) -> None:
        super().set_model(model)
        optimizer = getattr(model, "optimizer", None)
        if optimizer is not None:
            self._total = int(optimizer.iterations)

    def on_train_begin(self, logs: Logs = None) -> None:
        """With `resume`, go on from the latest checkpoint, where there is one."""
        self._batches, self._last_batch = 0, -1
        if not self.resume or not self._has_one():
            return
        path, checkpoint = read_checkpoint(self.directory, layouts_for(self.model))
        put_state(self.model, checkpoint, path)
        run = self._run
        if checkpoint.run is None or run is None:
            warnings.warn(
                f"The checkpoint '{path}' does not tell where its training stood: only weights "
                "and optimizer were restored from it.",
                stacklevel=4,
            )
            return
        run.pending = checkpoint.run
        self.model._initial_epoch = int(dict(checkpoint.run[0]["dict"])["initial_epoch"])
        if self.verbose > 0:
            print(f"\nResuming from the checkpoint {path}")

    def _has_one(self) -> bool:
        """Whether there is a checkpoint, the same for all processes.

        Raises:
            FileNotFoundError: only some of them see it.
        """
        found = ask_all(self._checkpoints.steps()[-1:], "checkpoint")
        if any(one != found[0] for one in found):
            raise FileNotFoundError(
                f"The processes see different checkpoints in '{self.directory}': "
                + ", ".join(f"{one[0] if one else 'none'} in process {i}"
                            for i, one in enumerate(found))
                + ". Let all have the directory on one file system."
            )
        return bool(found[0])

    @property
    def _run(self) -> Any:
        return getattr(getattr(self.model, "_trainer", None), "run", None)

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self._last_batch = -1

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        if self.save_freq == "epoch":
            return
        new = batch - self._last_batch  # batches that were run together count all
        self._batches += new
        self._total += new
        self._last_batch = batch
        if self._batches >= int(self.save_freq):
            self._batches = 0
            if self._wanted(logs, f"batch {batch}"):
                self._save(self._total, None, batch + 1)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        if self.save_freq == "epoch" and self._wanted(logs, f"epoch {epoch}"):
            self._save(epoch, epoch + 1, 0)

    def on_train_end(self, logs: Logs = None) -> None:
        self._checkpoints.close()

    def _save(self, step: int, epoch: int | None, batch: int) -> None:
        checkpoint = take_state(self.model, self.save_weights_only)
        run = self._run
        if run is not None and not self.save_weights_only:
            if epoch is not None:
                run.epoch = epoch
            run.batch = batch
            checkpoint.run = run.state()
        self._checkpoints.save(step, checkpoint)
        if self.verbose > 0:
            print(f"\nSaving checkpoint {step} to {self.directory}")

    def _wanted(self, logs: Logs, when: str) -> bool:
        if not self.save_best_only:
            return True
        current = (logs or {}).get(self.monitor)
        if current is None or np.ndim(current) > 0:
            warnings.warn(
                f"Can save best model only with {self.monitor} available, as a number; skipping "
                f"the save at {when}. Available are: {', '.join(logs or {})}.",
                stacklevel=4,
            )
            return False
        self._set_monitor_op()
        if not self._is_improvement(current, self.best):
            return False
        self.best = current
        return True

    def wait_until_finished(self) -> None:
        """Wait for checkpoints that are being written.

        Raises:
            OSError: one could not be.
        """
        self._checkpoints.wait()

    def is_multihost_enabled(self) -> bool:
        """Whether several processes train together."""
        return process_index_and_count()[1] > 1

    def is_primary_host(self) -> bool:
        """Whether this process is the first of those that train together, or the only one."""
        return process_index_and_count()[0] == 0
