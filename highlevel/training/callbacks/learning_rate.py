"""Callbacks that change the learning rate between epochs."""

from __future__ import annotations

import inspect
import numbers
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from highlevel.training.callbacks.callback import Callback, Logs
from highlevel.training.callbacks.monitor import MonitorCallback

__all__ = ["LearningRateScheduler", "ReduceLROnPlateau"]


class LearningRateScheduler(Callback):
    """Sets the learning rate at the start of each epoch.

    Args:
        schedule: `(epoch, learning_rate) -> float` or `(epoch) -> float`; epochs count from 0.
        verbose: 1 prints the rate.

    >>> scheduler = LearningRateScheduler(lambda epoch, rate: rate * 0.9)
    >>> scheduler.verbose
    0
    """

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        super().__init__()
        self.schedule = schedule
        self.verbose = verbose

    def _takes_rate(self) -> bool:
        try:
            signature = inspect.signature(self.schedule)
        except (TypeError, ValueError):
            return True
        try:
            signature.bind(0, 0.0)
        except TypeError:
            return False
        return True

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Set the rate.

        Raises:
            ValueError: the schedule did not return a number.
        """
        optimizer = self.model.optimizer
        if self._takes_rate():
            rate = self.schedule(epoch, float(optimizer.learning_rate))
        else:
            rate = self.schedule(epoch)
        if not isinstance(rate, numbers.Real):
            array = np.asarray(rate) if not isinstance(rate, str) else None
            if array is None or array.size != 1 or array.dtype.kind not in "fiu":
                raise ValueError(
                    "The `schedule` of LearningRateScheduler must return a float. "
                    f"Got: {rate!r} for epoch {epoch}."
                )
            rate = float(array)
        optimizer.learning_rate = rate
        if self.verbose > 0:
            print(
                f"\nEpoch {epoch + 1}: LearningRateScheduler setting learning rate to {rate}."
            )

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if logs is not None:
            logs["learning_rate"] = float(self.model.optimizer.learning_rate)


class ReduceLROnPlateau(MonitorCallback):
    """Lowers the learning rate when a metric has stopped improving.

    Args:
        monitor: name in the logs.
        factor: the new rate is the old one times this, below 1.
        patience: epochs without improvement to wait for.
        verbose: 1 prints when it acts.
        mode: `"min"`, `"max"`, or `"auto"` to find out from the metric.
        min_delta: a smaller change is no improvement.
        cooldown: epochs after a reduction in which it does not count.
        min_lr: the least rate.

    Raises:
        ValueError: `factor` is not below 1.

    >>> ReduceLROnPlateau(factor=0.5, patience=2).in_cooldown()
    False
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(monitor, mode, min_delta=min_delta)
        if kwargs:
            raise TypeError(f"ReduceLROnPlateau takes no argument {', '.join(map(repr, kwargs))}.")
        if factor >= 1.0:
            raise ValueError(
                f"ReduceLROnPlateau does not support a factor >= 1.0. Received factor={factor}."
            )
        self.factor = factor
        self.patience = patience
        self.verbose = verbose
        self.cooldown = cooldown
        self.min_lr = min_lr
        self.cooldown_counter = 0
        self.wait = 0

    def on_train_begin(self, logs: Logs = None) -> None:
        self.best = None
        self.cooldown_counter = 0
        self.wait = 0

    def in_cooldown(self) -> bool:
        """Whether the last reduction is less than `cooldown` epochs ago."""
        return self.cooldown_counter > 0

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._set_monitor_op()
        logs = {} if logs is None else logs
        optimizer = self.model.optimizer
        rate = float(optimizer.learning_rate)
        logs["learning_rate"] = rate
        current = logs.get(self.monitor)
        if current is None:
            warnings.warn(
                f"Learning rate reduction is conditioned on metric `{self.monitor}` which is not "
                f"available. Available metrics are: {','.join(logs)}.",
                stacklevel=2,
            )
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self._is_improvement(current, self.best):
            self.best = current
            self.wait = 0
            return
        if self.in_cooldown():
            return
        self.wait += 1
        if self.wait >= self.patience and rate > np.float32(self.min_lr):
            new = max(rate * self.factor, self.min_lr)
            optimizer.learning_rate = new
            if self.verbose > 0:
                print(f"\nEpoch {epoch + 1}: ReduceLROnPlateau reducing learning rate to {new}.")
            self.cooldown_counter = self.cooldown
            self.wait = 0
