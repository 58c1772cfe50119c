"""Where the time of a `fit` went."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from highlevel_backend import current_backend

__all__ = ["TimeSpent"]

T = TypeVar("T")

#: shares of the time without compiling from which on something is said
_WORTH_A_WORD, _WORTH_A_WARNING = 0.2, 0.4
#: seconds of waiting below which nothing is said
_SHORT, _LONG = 0.1, 5.0

_warned: set[str] = set()


class TimeSpent:
    """The seconds of one `fit`, by what the loop was doing; `history.time`.

    The parts add up to `total`. They are the loop's own time: while it waits for data, the device
    may still be at work on the step before.

    Attributes:
        device: sending steps off and waiting for their results (without compilation: doing them).
        data: waiting for batches; in-memory data: ordering it and bringing it to the device.
        callbacks: in callbacks, the progress display among them.
        compiling: in steps that had to be compiled first.
        steps: how many were done, those of validation included.

    >>> spent = TimeSpent()
    >>> spent.device, spent.data, spent.total = 2.0, 6.0, 10.0
    >>> spent
    <fit took 10.0 s: device 2.0 s (20 %), data 6.0 s (60 %), other 2.0 s (20 %)>
    60% of the time went into waiting for data.
    """

    def __init__(self) -> None:
        self.device = self.data = self.callbacks = self.compiling = 0.0
        self.steps = 0
        #: of the callbacks' time, that at the beginning and end of epochs and trainings
        self.between = 0.0
        self._began = time.perf_counter()
        self._total: float | None = None  # while it runs
        #: what was waited for → seconds, and how to have it sooner
        self._waits: dict[str, tuple[float, str | None]] = {}

    @property
    def total(self) -> float:
        """Seconds from the beginning of the `fit` to its end, or until now."""
        return time.perf_counter() - self._began if self._total is None else self._total

    @total.setter
    def total(self, seconds: float) -> None:
        self._total = seconds

    @property
    def other(self) -> float:
        """What none of the parts holds: building the model, losses and metrics, this library."""
        parts = self.device + self.data + self.callbacks + self.compiling
        return max(0.0, self.total - parts)

    def as_dict(self) -> dict[str, float]:
        """The parts in seconds, by name."""
        names = ("device", "data", "callbacks", "compiling", "other")
        return {name: getattr(self, name) for name in names}

    @property
    def advice(self) -> str | None:
        """What to change where the device had to wait for data, or callbacks took long."""
        return self._advice(_WORTH_A_WORD, _SHORT)

    def _advice(self, share: float, seconds: float) -> str | None:
        running = max(self.total - self.compiling, 1e-9)
        if self.data >= max(seconds, share * running):
            name, (_, faster) = max(self._waits.items(), key=lambda item: item[1][0],
                                    default=("the data", (0.0, None)))
            text = f"{self.data / running:.0%} of the time went into waiting for data"
            return f"{text}. {name[0].upper()}{name[1:]}: {faster}." if faster else text + "."
        if self.callbacks >= max(seconds, share * running):
            rarer = (
                "Most of it at the ends of epochs (`on_epoch_end`): let them save or write less "
                "often, or make epochs longer." if self.between > 0.5 * self.callbacks else
                "Let them do less after every batch (`on_train_batch_end`), or compile with "
                "`steps_per_execution`."
            )
            return f"{self.callbacks / running:.0%} of the time went into callbacks. {rarer}"
        return None

    def __repr__(self) -> str:
        total = self.total or 1e-9
        parts = ", ".join(
            f"{name} {_seconds(value)} ({100 * value / total:.0f} %)"
            for name, value in self.as_dict().items() if value >= 0.005 * total
        )
        text = f"<fit took {_seconds(self.total)}" + (f": {parts}>" if parts else ">")
        advice = self.advice
        return f"{text}\n{advice}" if advice else text

    # ------------------------------------------------------- written by the loop

    def add(self, part: str, began: float) -> float:
        """Count the time since `began` to a part; returns the present time."""
        now = time.perf_counter()
        setattr(self, part, getattr(self, part) + now - began)
        return now

    def run(self, call: Any, *arguments: Any) -> Any:
        """Do a step: compiling if it had to be compiled, else the device's."""
        backend = current_backend()
        count = backend.compile_count
        began = time.perf_counter()
        result = call(*arguments)
        self.add("device" if backend.compile_count == count else "compiling", began)
        return result

    def timed(self, part: str, call: Any, *arguments: Any) -> Any:
        """What `call` returns; its time is counted to a part."""
        began = time.perf_counter()
        result = call(*arguments)
        self.add(part, began)
        return result

    def around(self, call: Any, *arguments: Any) -> None:
        """Call callbacks at the beginning or end of an epoch or a training."""
        before = self.callbacks
        self.timed("callbacks", call, *arguments)
        self.between += self.callbacks - before

    def waiting(self, items: Iterable[T], source: Any) -> Iterator[T]:
        """The items; the time until each comes is counted as waiting for data."""
        before = self.data
        iterator = iter(items)
        try:
            while True:
                began = time.perf_counter()
                try:
                    item = next(iterator)
                except StopIteration:
                    return
                finally:
                    self.add("data", began)
                yield item
        finally:
            seconds = self._waits.get(source.name, (0.0, None))[0] + self.data - before
            self._waits[source.name] = seconds, source.faster

    def end(self) -> None:
        """The `fit` is over: no more time passes; warn, once per kind of data, if it waited."""
        self.total = time.perf_counter() - self._began
        advice = self._advice(_WORTH_A_WARNING, _LONG)
        if advice is not None and self.data > self.callbacks:
            kind = max(self._waits, key=lambda name: self._waits[name][0], default="")
            if kind not in _warned:
                _warned.add(kind)
                warnings.warn(f"{advice} See `history.time`.", stacklevel=3)


def _seconds(value: float) -> str:
    if value >= 99.5:
        return f"{value:.0f} s"
    return f"{value:.1f} s" if value >= 1 else f"{1000 * value:.1f} ms"
