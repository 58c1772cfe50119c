"""`SwapEMAWeights`: evaluate with the moving averages of the weights."""

from __future__ import annotations

from typing import Any

from highlevel.training.callbacks.callback import Callback, Logs

__all__ = ["SwapEMAWeights"]


class SwapEMAWeights(Callback):
    """Exchanges the weights with their moving averages while the model is evaluated.

    The optimizer must keep them: `use_ema=True`.

    Args:
        swap_on_epoch: exchange at the end of each epoch too, until the next begins, so that
            what is saved then (`ModelCheckpoint` after this callback) are the averages.
    """

    def __init__(self, swap_on_epoch: bool = False) -> None:
        super().__init__()
        self.swap_on_epoch = swap_on_epoch
        self._swapped = False
        self._epochs_ended = False

    def _optimizer(self) -> Any:
        optimizer = getattr(self.model, "optimizer", None)
        optimizer = getattr(optimizer, "inner_optimizer", optimizer)
        if optimizer is None or not optimizer.use_ema:
            raise ValueError(
                "SwapEMAWeights needs an optimizer that keeps moving averages: make it with "
                f"`use_ema=True`. The model's optimizer is {optimizer!r}."
            )
        return optimizer

    def _swap(self) -> None:
        optimizer = self._optimizer()
        if not optimizer.built:
            return
        for variable, average in zip(optimizer._trainable_variables, optimizer._averages):
            value, mean = variable.value, average.value
            variable.assign(mean)
            average.assign(value)
        self._swapped = optimizer.averages_in_model = not self._swapped

    def on_train_begin(self, logs: Logs = None) -> None:
        self._optimizer()
        self._swapped = self._epochs_ended = False

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        if self.swap_on_epoch and self._swapped:
            self._swap()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        if self.swap_on_epoch and not self._swapped:
            self._swap()

    def on_train_end(self, logs: Logs = None) -> None:
        # `fit` has set the weights to the averages for good, exchanged or not.
        if self._swapped and self._optimizer().averages_in_model:
            self._swap()
        self._swapped = False

    def on_test_begin(self, logs: Logs = None) -> None:
        if not self._swapped:
            self._swap()

    def on_test_end(self, logs: Logs = None) -> None:
        if self._swapped:
            self._swap()

    def on_predict_begin(self, logs: Logs = None) -> None:
        if not self._swapped:
            self._swap()

    def on_predict_end(self, logs: Logs = None) -> None:
        if self._swapped:
            self._swap()
