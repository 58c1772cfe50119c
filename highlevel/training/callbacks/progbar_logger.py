"""`ProgbarLogger`: the progress of training, evaluation and prediction."""

from __future__ import annotations

from typing import Any

from highlevel import config
from highlevel.training.callbacks.callback import Callback, Logs
from highlevel.training.progress import Progbar, write

__all__ = ["ProgbarLogger"]


class ProgbarLogger(Callback):
    """Shows a progress bar for each epoch, with the metrics.

    It never makes the device wait: values are read only when the line is drawn, and then
    those of the batches before the ones that are running.

    >>> ProgbarLogger().needs_batch_logs
    False
    """

    needs_batch_logs = False

    def __init__(self) -> None:
        super().__init__()
        self.verbose: int = 1
        self.epochs = 1
        self.target: int | None = None
        self.progbar: Progbar | None = None
        self._in_fit = False
        #: steps and logs of the latest batches, whose values may not be computed yet
        self._latest: tuple[int, Any] | None = None

    def set_params(self, params: dict[str, Any]) -> None:
        super().set_params(params)
        verbose = params.get("verbose", 1)
        if verbose == "auto":
            verbose = 1 if config.is_interactive_logging_enabled() else 2
        self.verbose = int(verbose)
        self.epochs = params.get("epochs", 1)
        self.target = params.get("steps")

    def _start(self) -> None:
        self._latest = None
        self.progbar = Progbar(self.target, verbose=self.verbose)

    def _moved(self, batch: int, logs: Logs) -> None:
        bar = self.progbar
        if bar is None or not self.verbose:
            return
        before, self._latest = self._latest, (batch + 1, logs)
        if before is None or not bar.due():
            bar.step(batch + 1)
            return
        bar.update(batch + 1, _scalars(before[1]), finalize=False)

    def _finish(self, logs: Logs) -> None:
        if self.progbar is None or not self.verbose:
            return
        self.progbar.update(self.progbar.seen, _scalars(logs), finalize=True)
        self._latest = None
        self.progbar = None

    def get_state(self) -> dict[str, Any]:
        """Nothing: the display begins anew."""
        return {}

    def on_train_begin(self, logs: Logs = None) -> None:
        self._in_fit = True

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self._start()
        if self.verbose and self.epochs > 1:
            write(f"Epoch {epoch + 1}/{self.epochs}\n")

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        self._moved(batch, logs)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        if self.target is None and self.progbar is not None:
            self.target = self.progbar.seen or None  # the next epoch is as long, most likely
        self._finish(logs)

    def on_train_end(self, logs: Logs = None) -> None:
        self._in_fit = False

    def on_test_begin(self, logs: Logs = None) -> None:
        if not self._in_fit:
            self._start()

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        if not self._in_fit:
            self._moved(batch, logs)

    def on_test_end(self, logs: Logs = None) -> None:
        if not self._in_fit:
            self._finish(logs)

    def on_predict_begin(self, logs: Logs = None) -> None:
        self._start()

    def on_predict_batch_end(self, batch: int, logs: Logs = None) -> None:
        self._moved(batch, None)

    def on_predict_end(self, logs: Logs = None) -> None:
        self._finish(None)


def _scalars(logs: Logs) -> list[tuple[str, Any]]:
    """Name and value of the entries that can be shown."""
    found = []
    for name, value in (logs or {}).items():
        if hasattr(value, "item") and getattr(value, "size", 1) == 1:
            value = value.item()
        if isinstance(value, (int, float)):
            found.append((name, value))
    return found
