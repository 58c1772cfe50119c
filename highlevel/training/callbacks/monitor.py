"""Watching one number of the logs: which direction is better, and whether it got better."""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np

from highlevel.training.callbacks.callback import Callback

__all__ = ["MonitorCallback"]

_UP = re.compile(
    r"acc$|accuracy|auc$|^auc|precision|recall|iou|f1|fbeta|r2|cosine_?similarity|"
    r"_at_|true_?positives|true_?negatives|correlation|concordance",
    re.IGNORECASE,
)
_DOWN = re.compile(
    r"loss$|error$|^mse$|^mae$|^mape$|^msle$|^rmse$|crossentropy$|hinge$|poisson|divergence$|"
    r"log_?cosh|false_?positives|false_?negatives|^kld$",
    re.IGNORECASE,
)


class MonitorCallback(Callback):
    """Base of callbacks that watch one entry of the logs.

    Args:
        monitor: name of the entry.
        mode: `"min"`, `"max"`, or `"auto"` to find out from the metric.
        best: the value to beat at first; None for whatever comes first.
        min_delta: smaller changes are no improvement.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        mode: str = "auto",
        best: float | None = None,
        min_delta: float = 0.0,
    ) -> None:
        super().__init__()
        if mode not in ("auto", "min", "max"):
            warnings.warn(
                f"{type(self).__name__} mode '{mode}' is unknown, fallback to auto mode. "
                "It is one of 'auto', 'min', 'max'.",
                stacklevel=3,
            )
            mode = "auto"
        self.monitor = monitor
        self.mode = mode
        self.best = best
        self.min_delta = abs(min_delta)
        self.monitor_op: Any = {"min": np.less, "max": np.greater}.get(mode)

    def _set_monitor_op(self) -> None:
        """Find out whether less or more is better.

        Raises:
            ValueError: neither the model's metrics nor the name tell.
        """
        if self.monitor_op is not None:
            return
        name = self.monitor.removeprefix("val_")
        direction = self._direction_of_metric(name)
        if direction is None:
            direction = "down" if _DOWN.search(name) else "up" if _UP.search(name) else None
        if direction is None:
            raise ValueError(
                f"{type(self).__name__} cannot tell whether `monitor='{self.monitor}'` is better "
                "when higher or when lower. Pass `mode='max'` or `mode='min'`."
            )
        self.monitor_op = np.less if direction == "down" else np.greater

    def _direction_of_metric(self, name: str) -> str | None:
        for metric in getattr(self.model, "metrics", None) or ():
            if getattr(metric, "name", None) != name:
                continue
            found = getattr(metric, "_direction", None)
            if found is not None:
                return found
            kind = type(metric).__name__
            return "down" if _DOWN.search(kind) else "up" if _UP.search(kind) else None
        return None

    def _is_improvement(self, value: Any, reference: Any) -> bool:
        if reference is None:
            return True
        if self.monitor_op is np.greater:
            return bool(self.monitor_op(value - self.min_delta, reference))
        return bool(self.monitor_op(value + self.min_delta, reference))
