"""The base class of callbacks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from highlevel.training.plain_state import is_plain

__all__ = ["Callback"]

Logs = Mapping[str, Any] | None


class Callback:
    """Acts at the start and end of training, epochs and batches.

    Subclasses override the `on_*` methods they need. `logs` holds metric values as floats;
    those of a batch are fetched from the device when first read.

    Attributes:
        model: the model being trained; set `model.stop_training = True` to end training.
        params: `epochs`, `steps` and `verbose` of the call.
        needs_batch_logs: whether batch methods must be called for every single batch. None
            (the default) means yes where one is overridden; with False they are called once
            for each block of batches that the device ran together.

    Example:

    >>> class Announce(Callback):
    ...     def on_epoch_end(self, epoch, logs=None):
    ...         print(epoch, logs["loss"])
    >>> Announce().on_epoch_end(0, {"loss": 0.5})
    0 0.5
    """

    needs_batch_logs: bool | None = None
    #: called after all others at the end of batches, epochs and training
    acts_last: bool = False

    # Subclasses may forget to call `__init__`.
    params: dict[str, Any] | None = None
    _model: Any = None

    def __init__(self) -> None:
        self.params = None
        self._model = None

    @property
    def model(self) -> Any:
        """The model being trained."""
        return self._model

    def set_model(self, model: Any) -> None:
        """Called with the model before training."""
        self._model = model

    def set_params(self, params: dict[str, Any]) -> None:
        """Called with `epochs`, `steps` and `verbose` before training."""
        self.params = params

    def get_state(self) -> dict[str, Any]:
        """What the callback remembers, for a backup: numbers, text, arrays, lists and dicts.

        By default all attributes that are such values; override it, with `set_state`, to
        keep other things.
        """
        return {
            name: value for name, value in vars(self).items()
            if name not in ("params", "_model") and is_plain(value)
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Take up what `get_state` gave in a training that was interrupted."""
        for name, value in state.items():
            setattr(self, name, value)

    def on_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Older name of `on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Older name of `on_train_batch_end`."""

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Before an epoch of training; `epoch` counts from 0."""

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """After an epoch; `logs` has the epoch's metrics, `val_*` for those of validation."""

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Before a batch of training; `batch` counts from 0 in each epoch."""
        self.on_batch_begin(batch, logs=logs)

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """After a batch; `logs` has the means over the epoch so far."""
        self.on_batch_end(batch, logs=logs)

    def on_test_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Before a batch of evaluation, or of validation in `fit`."""

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        """After a batch of evaluation, or of validation in `fit`."""

    def on_predict_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Before a batch of prediction."""

    def on_predict_batch_end(self, batch: int, logs: Logs = None) -> None:
        """After a batch of prediction; `logs["outputs"]` has its outputs."""

    def on_train_begin(self, logs: Logs = None) -> None:
        """At the start of `fit`."""

    def on_train_end(self, logs: Logs = None) -> None:
        """At the end of `fit`, with the logs of the last epoch."""

    def on_test_begin(self, logs: Logs = None) -> None:
        """At the start of evaluation, or of validation in `fit`."""

    def on_test_end(self, logs: Logs = None) -> None:
        """At the end of evaluation, or of validation in `fit`."""

    def on_predict_begin(self, logs: Logs = None) -> None:
        """At the start of `predict`."""

    def on_predict_end(self, logs: Logs = None) -> None:
        """At the end of `predict`."""
