"""`TensorBoard`: what happens in training, as files that TensorBoard shows."""

# pyright: reportAttributeAccessIssue=false
# (protocol buffers make their classes at run time)

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from highlevel_backend import current_backend

from highlevel.training.callbacks.callback import Callback, Logs
from highlevel.training.callbacks.event_writer import EventWriter, need_tensorboard

__all__ = ["TensorBoard"]


class TensorBoard(Callback):
    """Writes metrics, histograms, the graph and profiles for TensorBoard.

    It needs the package `tensorboard` (extra `tensorboard`). Look at the files with
    `tensorboard --logdir logs`.

    Args:
        log_dir: directory; `train` and `validation` are made in it.
        histogram_freq: epochs between histograms of the weights; 0 for none.
        write_graph: write the model's graph.
        write_images: write the weights as pictures where histograms are written.
        write_steps_per_second: write how many steps were done in a second.
        update_freq: `"epoch"`, `"batch"`, or the number of batches between two values of the
            metrics. Other than `"epoch"`, the host waits for the device at these batches.
        profile_batch: the batch, or a pair of first and last one, counted from the start of
            training, that a profile is made of; 0 for none. Where the backend has a profiler.
        embeddings_freq: epochs between copies of the embeddings; 0 for none.
        embeddings_metadata: file with a label per row, or a dict of layer name → file.

    Raises:
        ImportError: `tensorboard` is not installed.
        ValueError: a frequency that is none.

    Source: the event files' format is that of the `tensorboard` package.
    """

    needs_batch_logs = False

    def __init__(
        self,
        log_dir: str | os.PathLike = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: str | int = "epoch",
        profile_batch: int | tuple[int, int] | list[int] = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: Any = None,
    ) -> None:
        super().__init__()
        need_tensorboard()
        self.log_dir = os.fspath(log_dir)
        self.histogram_freq = _frequency("histogram_freq", histogram_freq)
        self.write_graph = write_graph
        self.write_images = write_images
        self.write_steps_per_second = write_steps_per_second
        if update_freq == "batch":
            update_freq = 1
        if update_freq != "epoch" and (not isinstance(update_freq, int) or update_freq < 1):
            raise ValueError(
                "`update_freq` of TensorBoard must be 'epoch', 'batch' or a positive integer; got "
                f"{update_freq!r}."
            )
        self.update_freq = update_freq
        self.embeddings_freq = _frequency("embeddings_freq", embeddings_freq)
        self.embeddings_metadata = embeddings_metadata
        self.profile_batch = profile_batch
        self._profiled = _span(profile_batch)
        self.needs_batch_logs = update_freq != "epoch" or self._profiled is not None
        self._train = EventWriter(os.path.join(self.log_dir, "train"))
        self._validation = EventWriter(os.path.join(self.log_dir, "validation"))
        self._step = 0  # batches since the beginning of training
        self._seen = -1  # last batch of this epoch
        self._epoch_began = 0.0
        self._in_fit = False
        self._watched_written = 0  # records of `fit(watch=...)`
        self._profile: Any = None

    def get_state(self) -> dict[str, Any]:
        """The number of batches done."""
        return {"_step": self._step, "_seen": self._seen}

    @property
    def summary(self) -> EventWriter:
        """For values of your own: `summary.scalar(name, value, step)`, `histogram`, `image`."""
        return self._train

    # ----------------------------------------------------------------- training

    def on_train_begin(self, logs: Logs = None) -> None:
        """Write the graph."""
        self._step, self._in_fit, self._watched_written = 0, True, 0
        if self.write_graph:
            self._train.graph(self.model)
        if self.embeddings_freq:
            self._configure_embeddings()

    def on_train_end(self, logs: Logs = None) -> None:
        self._stop_profile()
        self._in_fit = False
        self._train.close()
        self._validation.close()

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self._seen = -1
        self._epoch_began = time.perf_counter()

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        if self._profiled is not None and self._step + 1 == self._profiled[0]:
            make = getattr(current_backend(), "profile", None)
            self._profile = None if make is None else make(self._train.directory)
            if self._profile is not None:
                self._profile.__enter__()

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        self._step += batch - self._seen
        self._seen = batch
        if self._profiled is not None and self._step >= self._profiled[1]:
            self._stop_profile()
        if self.update_freq != "epoch" and self._step % int(self.update_freq) == 0:
            for name, value in (logs or {}).items():
                self._scalar(self._train, f"batch_{name}", value, self._step - 1)
            if self.write_steps_per_second:
                passed = time.perf_counter() - self._epoch_began
                self._scalar(
                    self._train, "batch_steps_per_second", (batch + 1) / passed, self._step - 1)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        for name, value in (logs or {}).items():
            of_validation = name.startswith("val_")
            writer = self._validation if of_validation else self._train
            self._scalar(writer, f"epoch_{name.removeprefix('val_')}", value, epoch)
        rate = self._learning_rate()
        if rate is not None and "learning_rate" not in (logs or {}):
            self._scalar(self._train, "epoch_learning_rate", rate, epoch)
        if self.write_steps_per_second:
            passed = time.perf_counter() - self._epoch_began
            self._scalar(self._train, "epoch_steps_per_second", (self._seen + 1) / passed, epoch)
        self._watched()
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            self._weights(epoch)
        if self.embeddings_freq and epoch % self.embeddings_freq == 0:
            self._embeddings(epoch)
        self._train.flush()
        self._validation.flush()

    def on_test_end(self, logs: Logs = None) -> None:
        step = getattr(self.model.optimizer, "iterations", None)
        if step is None:
            return
        step = int(np.asarray(step.numpy() if hasattr(step, "numpy") else step))
        for name, value in (logs or {}).items():
            self._scalar(self._validation, f"evaluation_{name}_vs_iterations", value, step)
        if not self._in_fit:
            self._validation.close()

    def _stop_profile(self) -> None:
        if self._profile is not None:
            self._profile.__exit__(None, None, None)
            self._profile = None

    def _learning_rate(self) -> float | None:
        try:
            rate = self.model.optimizer.learning_rate
        except AttributeError:  # no optimizer, or several
            return None
        return float(np.asarray(rate.numpy() if hasattr(rate, "numpy") else rate))

    @staticmethod
    def _scalar(writer: EventWriter, name: str, value: Any, step: int) -> None:
        if np.ndim(value) == 0:
            writer.scalar(name, value, step)

    def _watched(self) -> None:
        """Write what `fit(watch=...)` has measured since the last time."""
        watched = getattr(getattr(self.model, "history", None), "watched", None)
        if watched is None:
            return
        for at in range(self._watched_written, len(watched)):
            step = watched.steps[at] - 1
            for name, column in watched.values.items():
                self._train.scalar(f"watch/{name}", column[at], step)
            for name, counts in watched.histograms.items():
                self._train.counts(f"watch/{name}", counts[at], watched.edges, step)
        self._watched_written = len(watched)

    # ------------------------------------------------------------------ weights

    def _weights(self, epoch: int) -> None:
        for layer in self.model._flatten_layers():
            for variable in layer._direct_variables():
                value = variable.numpy()
                if value.dtype.kind not in "fiu" and value.dtype.name != "bfloat16":
                    continue
                self._train.histogram(f"{variable.path}/histogram", value, epoch)
                if self.write_images:
                    picture = _picture(np.asarray(value, "float32"))
                    if picture is not None:
                        self._train.image(variable.path, picture, epoch)

    def _embedding_layers(self) -> list[Any]:
        return [
            layer for layer in self.model._flatten_layers()
            if hasattr(type(layer), "embeddings") and layer.built
        ]

    def _configure_embeddings(self) -> None:
        """Say to the projector which files hold which embedding."""
        from google.protobuf import text_format
        from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig

        config = ProjectorConfig()
        layers = self._embedding_layers()
        files = self.embeddings_metadata
        if isinstance(files, Mapping):
            unknown = sorted(set(files) - {layer.name for layer in layers})
            if unknown:
                raise ValueError(
                    f"`embeddings_metadata` of TensorBoard names {unknown}, which are no embedding "
                    f"layers of the model; it has {[layer.name for layer in layers]}."
                )
        for layer in layers:
            entry = config.embeddings.add()
            entry.tensor_name = layer.path
            entry.tensor_path = f"{layer.name}.tsv"
            file = files.get(layer.name) if isinstance(files, Mapping) else files
            if file is not None:
                entry.metadata_path = os.path.abspath(os.fspath(file))
        os.makedirs(self._train.directory, exist_ok=True)
        place = os.path.join(self._train.directory, "projector_config.pbtxt")
        with open(place, "w", encoding="utf-8") as file:
            file.write(text_format.MessageToString(config))

    def _embeddings(self, epoch: int) -> None:
        for layer in self._embedding_layers():
            table = np.asarray(layer.embeddings)
            place = os.path.join(self._train.directory, f"{layer.name}.tsv")
            np.savetxt(place + ".part", table, fmt="%.6g", delimiter="\t")
            os.replace(place + ".part", place)


def _frequency(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(
            f"`{name}` of TensorBoard must be a number of epochs, 0 for never; got {value!r}."
        )
    return value


def _span(value: Any) -> tuple[int, int] | None:
    """First and last batch to profile, from 1."""
    pair = tuple(value) if isinstance(value, Iterable) else (value, value)
    if (
        len(pair) != 2 or not all(isinstance(v, int) for v in pair)
        or pair[0] < 0 or pair[1] < pair[0]
    ):
        raise ValueError(
            "`profile_batch` of TensorBoard must be a batch, or a pair of first and last batch, "
            f"0 for none; got {value!r}."
        )
    return None if pair[1] == 0 else (max(1, pair[0]), pair[1])


def _picture(value: np.ndarray) -> np.ndarray | None:
    """A weight as pictures `(n, rows, columns, channels)`, its values from 0 to 1."""
    value = np.squeeze(value)
    if value.ndim == 1:
        value = value[None, None, :, None]
    elif value.ndim == 2:
        if value.shape[0] > value.shape[1]:
            value = value.T
        value = value[None, :, :, None]
    elif value.ndim == 3:
        value = np.moveaxis(value, -1, 0)[..., None]
    elif value.ndim != 4:
        return None
    else:
        value = np.moveaxis(value, -1, 0)
    if value.ndim != 4 or value.shape[-1] not in (1, 3, 4) or not value.size:
        return None
    low, high = float(value.min()), float(value.max())
    return (value - low) / (high - low if high > low else 1.0)
