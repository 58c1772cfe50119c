"""`History`: the logs of every epoch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from highlevel import inspection
from highlevel.inspection import sheets
from highlevel.training.callbacks.callback import Callback, Logs

__all__ = ["History"]


class History(Callback):
    """Keeps the logs of every epoch; `fit` returns it.

    Attributes:
        history: metric name → list of its values, one per epoch.
        epoch: the epochs that ended, from 0.
        identity: the model's weights by name and shape, the optimizer's config, the order of
            the data and a digest of it, as `fit` found them.
        time: where the time of the `fit` went, a `TimeSpent`: seconds on the device, waiting for
            data, in callbacks and compiling; what to change if the device had to wait.
        watched: what `fit(watch=...)` measured, an `inspection.Watched`; None without it.

    >>> history = History()
    >>> history.on_train_begin()
    >>> history.on_epoch_end(0, {"loss": 0.5})
    >>> history.history
    {'loss': [0.5]}
    """

    def __init__(self) -> None:
        super().__init__()
        self.history: dict[str, list[Any]] = {}
        self.epoch: list[int] = []
        self.identity: dict[str, Any] = {}
        self.time: Any = None
        self.watched: Any = None

    @property
    def fingerprint(self) -> str:
        """A hash that is equal for two runs where they were the same run, to the last bit.

        It covers `identity`, and every value recorded. Runs that differ in a hyperparameter,
        in the data, in a seed or on the way differ in it.
        """
        values = {
            name: [v.hex() if isinstance(v, float) else str(v) for v in column]
            for name, column in sorted(self.history.items())
        }
        told = json.dumps([self.identity, self.epoch, values], sort_keys=True, default=str)
        return hashlib.sha256(told.encode()).hexdigest()

    def on_train_begin(self, logs: Logs = None) -> None:
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)
        if self.model is not None:
            self.model.history = self

    def __repr__(self) -> str:
        last = ", ".join(f"{name}={values[-1]:.4g}" for name, values in self.history.items()
                         if isinstance(values[-1], float))
        return f"<History of {len(self.epoch)} epochs{': ' + last if last else ''}>"

    def _repr_html_(self) -> str:
        return sheets.of_history(self)

    def plot(self, names: Sequence[str] | None = None) -> inspection.Picture:
        """Draw the values over the epochs, those of training and validation together.

        Args:
            names: of metrics, without `val_`; all of them when None.

        Returns:
            A picture, which shows itself in notebooks; `.save("curves.png")` writes it.

        Raises:
            ValueError: an unknown name, or no epoch has ended.
            ImportError: matplotlib is not installed.
        """
        return inspection.plot_history(self, names)
