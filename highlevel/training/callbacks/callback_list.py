"""`CallbackList`: several callbacks called as one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from highlevel.training.callbacks.callback import Callback, Logs
from highlevel.training.callbacks.history import History
from highlevel.training.callbacks.progbar_logger import ProgbarLogger

__all__ = ["CallbackList"]

#: hook of the list → the methods one of which a callback must override to be called
_BATCH_HOOKS = {
    "on_train_batch_begin": ("on_train_batch_begin", "on_batch_begin"),
    "on_train_batch_end": ("on_train_batch_end", "on_batch_end"),
    "on_test_batch_begin": ("on_test_batch_begin",),
    "on_test_batch_end": ("on_test_batch_end",),
    "on_predict_batch_begin": ("on_predict_batch_begin",),
    "on_predict_batch_end": ("on_predict_batch_end",),
}


def _overrides(callback: Any, name: str) -> bool:
    method = getattr(callback, name, None)
    return method is not None and getattr(method, "__func__", method) is not getattr(Callback, name)


class CallbackList(Callback):
    """Calls each of several callbacks, in order.

    Args:
        callbacks: a callback, a list of them, or None.
        add_history: add a `History` unless there is one.
        add_progbar: add a `ProgbarLogger` unless there is one.
        model: given to all callbacks.
        **params: given to all callbacks: `epochs`, `steps`, `verbose`.

    Raises:
        TypeError: one of the callbacks has no `on_*` methods.

    >>> both = CallbackList([Callback()], add_history=True, epochs=2)
    >>> [type(callback).__name__ for callback in both.callbacks]
    ['Callback', 'History']
    """

    def __init__(
        self,
        callbacks: Iterable[Callback] | Callback | None = None,
        add_history: bool = False,
        add_progbar: bool = False,
        model: Any = None,
        **params: Any,
    ) -> None:
        super().__init__()
        if callbacks is None:
            self.callbacks: list[Any] = []
        elif isinstance(callbacks, (list, tuple, set)):
            self.callbacks = list(callbacks)
        else:
            self.callbacks = [callbacks]
        for callback in self.callbacks:
            self._check(callback)
        self._history = next((c for c in self.callbacks if isinstance(c, History)), None)
        self._progbar = next((c for c in self.callbacks if isinstance(c, ProgbarLogger)), None)
        if self._history is None and add_history:
            self._history = History()
            self.callbacks.append(self._history)
        if self._progbar is None and add_progbar:
            self._progbar = ProgbarLogger()
            self.callbacks.append(self._progbar)
        self._hooks: dict[str, list] = {}
        if model is not None:
            self.set_model(model)
        if params:
            self.set_params(params)

    def get_state(self) -> dict[str, Any]:
        """Nothing of its own: each callback is asked by itself."""
        return {}

    def _at_end(self) -> list[Any]:
        """The callbacks in the order of the hooks at ends: a backup holds what others did."""
        return sorted(self.callbacks, key=lambda c: getattr(c, "acts_last", False))

    @staticmethod
    def _check(callback: Any) -> None:
        if isinstance(callback, type) or not hasattr(callback, "on_epoch_end"):
            hint = " Make an object of it: add `()`." if isinstance(callback, type) else ""
            raise TypeError(f"A callback must be a Callback object; got {callback!r}.{hint}")

    def append(self, callback: Callback) -> None:
        """Add a callback at the end."""
        self._check(callback)
        self.callbacks.append(callback)
        self._hooks.clear()
        if self.params is not None:
            callback.set_params(self.params)
        if self._model is not None:
            callback.set_model(self._model)

    def set_params(self, params: dict[str, Any]) -> None:
        self.params = params
        for callback in self.callbacks:
            callback.set_params(params)

    def set_model(self, model: Any) -> None:
        super().set_model(model)
        if self._history is not None:
            model.history = self._history
        for callback in self.callbacks:
            callback.set_model(model)

    def has_batch_hooks(self, phase: str) -> bool:
        """Whether a callback must see every batch.

        Args:
            phase: `"train"`, `"test"` or `"predict"`.
        """
        return any(
            callback.needs_batch_logs is not False
            if hasattr(callback, "needs_batch_logs")
            else True
            for hook in (f"on_{phase}_batch_begin", f"on_{phase}_batch_end")
            for callback in self._called_by(hook)
        )

    def _called_by(self, hook: str) -> list[Any]:
        """The callbacks that do something at a batch hook."""
        found = self._hooks.get(hook)
        if found is None:
            found = self._hooks[hook] = [
                callback
                for callback in self._at_end()
                if any(_overrides(callback, name) for name in _BATCH_HOOKS[hook])
            ]
        return found

    # Batch hooks are called often: only those that override them are.

    def on_batch_begin(self, batch: int, logs: Logs = None) -> None:
        self.on_train_batch_begin(batch, logs)

    def on_batch_end(self, batch: int, logs: Logs = None) -> None:
        self.on_train_batch_end(batch, logs)

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        for callback in self._called_by("on_train_batch_begin"):
            callback.on_train_batch_begin(batch, logs={} if logs is None else logs)

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        for callback in self._called_by("on_train_batch_end"):
            callback.on_train_batch_end(batch, logs={} if logs is None else logs)

    def on_test_batch_begin(self, batch: int, logs: Logs = None) -> None:
        for callback in self._called_by("on_test_batch_begin"):
            callback.on_test_batch_begin(batch, logs={} if logs is None else logs)

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        for callback in self._called_by("on_test_batch_end"):
            callback.on_test_batch_end(batch, logs={} if logs is None else logs)

    def on_predict_batch_begin(self, batch: int, logs: Logs = None) -> None:
        for callback in self._called_by("on_predict_batch_begin"):
            callback.on_predict_batch_begin(batch, logs={} if logs is None else logs)

    def on_predict_batch_end(self, batch: int, logs: Logs = None) -> None:
        for callback in self._called_by("on_predict_batch_end"):
            callback.on_predict_batch_end(batch, logs={} if logs is None else logs)

    # All callbacks get the same dict: what one adds to the logs, the later ones see.

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        logs = {} if logs is None else logs
        for callback in self.callbacks:
            callback.on_epoch_begin(epoch, logs)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        logs = {} if logs is None else logs
        for callback in self._at_end():
            callback.on_epoch_end(epoch, logs)

    def on_train_begin(self, logs: Logs = None) -> None:
        logs = {} if logs is None else logs
        for callback in self.callbacks:
            callback.on_train_begin(logs)

    def on_train_end(self, logs: Logs = None) -> None:
        logs = {} if logs is None else logs
        for callback in self._at_end():
            callback.on_train_end(logs)

    def on_test_begin(self, logs: Logs = None) -> None:
        logs = {} if logs is None else logs
        for callback in self.callbacks:
            callback.on_test_begin(logs)

    def on_test_end(self, logs: Logs = None) -> None:
        logs = {} if logs is None else logs
        for callback in self.callbacks:
            callback.on_test_end(logs)

    def on_predict_begin(self, logs: Logs = None) -> None:
        logs = {} if logs is None else logs
        for callback in self.callbacks:
            callback.on_predict_begin(logs)

    def on_predict_end(self, logs: Logs = None) -> None:
        logs = {} if logs is None else logs
        for callback in self.callbacks:
            callback.on_predict_end(logs)
