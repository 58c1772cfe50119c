"""`Progbar`: how far a loop is, on one line."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import time
from collections.abc import Iterable
from typing import Any

import numpy as np

from highlevel import config

__all__ = ["Progbar", "write"]

#: seconds between two refreshes of a live line, at least
REFRESH = 0.1
_DONE, _REST, _BOLD, _PLAIN = "\033[32m", "\033[37m", "\033[1m", "\033[0m"


class Progbar:
    """Shows progress as a bar with the time per step and values such as a loss.

    On a terminal or in a notebook the line is drawn anew, at most ten times a second.
    Elsewhere (a file, a pipe) one plain line is written at the end.

    Args:
        target: number of steps; None where unknown.
        width: characters of the bar.
        verbose: 0 silent, 1 a bar, 2 one line at the end without a bar.
        interval: least seconds between two refreshes.
        stateful_metrics: names of values shown as they come.
        stateless_metrics: names of values that are averaged over the steps.
        unit_name: what is counted.

    >>> bar = Progbar(10, verbose=0)
    >>> bar.update(4, [("loss", 0.5)])
    >>> bar.add(1)
    >>> bar.seen
    5
    """

    def __init__(
        self,
        target: int | None,
        width: int = 20,
        verbose: int = 1,
        interval: float = 0.05,
        stateful_metrics: Iterable[str] | None = None,
        stateless_metrics: Iterable[str] | None = None,
        unit_name: str = "step",
    ) -> None:
        self.target = target
        self.width = width
        self.verbose = verbose
        self.interval = max(interval, REFRESH)
        self.unit_name = unit_name
        self.stateful_metrics = set(stateful_metrics or ())
        self.stateless_metrics = set(stateless_metrics or ())
        self.seen = 0
        self.finished = False
        #: name → (sum of values times steps, steps)
        self._values: dict[str, list[Any]] = {}
        self._live = _redraws()
        self._start = time.monotonic()
        self._drawn_at = -1e9
        self._first: tuple[float, int] | None = None
        self._drawn_width = 0

    def due(self) -> bool:
        """Whether enough time has passed to draw the line again."""
        return (
            self.verbose == 1
            and self._live
            and time.monotonic() - self._drawn_at >= self.interval
        )

    def step(self, current: int) -> None:
        """Note that so many steps are done, without drawing."""
        self.seen = current
        if self._first is None:
            self._first = (time.monotonic(), current)
        self._last = (time.monotonic(), current)

    def add(self, n: int, values: Iterable[tuple[str, Any]] | None = None) -> None:
        """Count `n` steps more; see `update`."""
        self.update(self.seen + n, values)

    def update(
        self,
        current: int,
        values: Iterable[tuple[str, Any]] | None = None,
        finalize: bool | None = None,
    ) -> None:
        """Set the number of steps done, and draw the line if it is time.

        Args:
            current: steps done.
            values: pairs `(name, value)` to show.
            finalize: whether this is the end; by default when `target` is reached.
        """
        for name, value in values or ():
            if name in self.stateless_metrics and name in self._values:
                weight = max(current - self.seen, 1)
                self._values[name][0] += value * weight
                self._values[name][1] += weight
            else:
                weight = max(current - self.seen, 1) if name in self.stateless_metrics else 1
                self._values[name] = [value * weight if weight != 1 else value, weight]
        if current != self.seen or self._first is None:
            self.step(current)
        if finalize is None:
            finalize = self.target is not None and current >= self.target
        if self.finished:
            return
        if finalize:
            self.finished = True
            if self.target is None:
                self.target = current
            self._draw(True)
        elif self.due():
            self._draw(False)

    # --------------------------------------------------------------- drawing

    def _draw(self, final: bool) -> None:
        if self.verbose not in (1, 2):
            return
        now = time.monotonic()
        self._drawn_at = now
        if self.verbose == 2 or not self._live:
            if final:
                bar = "" if self.verbose == 2 else f" {self._bar(False)}"
                dash = " -" if self.verbose == 2 else ""
                write(f"{self._count(final)}{bar}{dash} {self._times(now, final, dash)}"
                       f"{self._shown()}\n")
            return
        head = self._count(final)
        times = self._times(now, final, "")
        bar = self._bar(True)
        plain = len(head) + (self.width if self.target is not None else 0) + len(times) + 3
        shown = self._shown()
        room = shutil.get_terminal_size((120, 24)).columns - plain - 1
        if not final and len(shown) > room:
            shown = shown[: max(room - 1, 0)] + "…"  # a wrapped line cannot be drawn again
        length = plain + len(shown)
        padding = " " * max(self._drawn_width - length, 0)
        self._drawn_width = length
        end = "\n" if final else ""
        write(f"\r{_BOLD}{head}{_PLAIN} {bar} {_BOLD}{times}{_PLAIN}{shown}{padding}{end}")

    def _count(self, final: bool) -> str:
        if self.target is None:
            return f"{self.seen:>7}/Unknown"
        width = len(str(self.target))
        return f"{self.seen:>{width}}/{self.target}"

    def _bar(self, colours: bool) -> str:
        if self.target is None:
            return ""
        mark = "━" if _encodes("━") else "="
        done = self.width * min(self.seen, self.target) // max(self.target, 1)
        if not colours:
            return mark * done + " " * (self.width - done)
        return f"{_DONE}{mark * done}{_PLAIN}{_REST}{mark * (self.width - done)}{_PLAIN}"

    def _per_step(self, now: float) -> float:
        """Seconds a step takes, the first one (which may compile) left out."""
        first, last = self._first, getattr(self, "_last", None)
        if first is None or last is None:
            return 0.0
        if last[1] > first[1]:
            return (last[0] - first[0]) / (last[1] - first[1])
        return (last[0] - self._start) / max(last[1], 1)

    def _times(self, now: float, final: bool, dash: str) -> str:
        per_step = self._per_step(now)
        if final or self.target is None:
            seconds = now - self._start
        else:
            seconds = per_step * (self.target - self.seen)
        joint = f"{dash} " if dash else " "
        return f"{_duration(seconds)}{joint}{_rate(per_step)}/{self.unit_name}"

    def _shown(self) -> str:
        parts = []
        for name, (total, weight) in self._values.items():
            value = total / weight if weight != 1 else total
            parts.append(f" - {name}: {_value(value)}")
        return "".join(parts)


def _value(value: Any) -> str:
    try:
        array = np.asarray(value, "float64")
    except (TypeError, ValueError):
        return str(value)
    number = float(array) if array.ndim == 0 else float(array.mean()) if array.size else 0.0
    return f"{number:.4f}" if abs(number) > 1e-3 or number == 0 else f"{number:.4e}"


def _duration(seconds: float) -> str:
    seconds = int(max(seconds, 0))
    if seconds >= 3600:
        return f"{seconds // 3600}:{seconds % 3600 // 60:02d}:{seconds % 60:02d}"
    if seconds >= 60:
        return f"{seconds // 60}:{seconds % 60:02d}"
    return f"{seconds}s"


def _rate(seconds: float) -> str:
    if seconds >= 1 or seconds == 0:
        return f"{seconds:.0f}s"
    if seconds >= 1e-3:
        return f"{seconds * 1e3:.0f}ms"
    return f"{seconds * 1e6:.0f}us"


def _redraws() -> bool:
    """Whether a line can be drawn anew where progress goes."""
    if not config.is_interactive_logging_enabled():
        return False
    stream = sys.stdout
    try:
        terminal = bool(stream.isatty())
    except (AttributeError, ValueError):
        terminal = False
    return terminal or "ipykernel" in sys.modules or "PYCHARM_HOSTED" in os.environ


def _encodes(text: str) -> bool:
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def write(text: str) -> None:
    """Put text on standard output at once, or into the log where that was chosen."""
    if not config.is_interactive_logging_enabled():
        logging.getLogger("highlevel").info("%s", text.strip("\n"))
        return
    stream = sys.stdout
    if stream is None:
        return  # a program without a console
    stream.write(text)
    stream.flush()
