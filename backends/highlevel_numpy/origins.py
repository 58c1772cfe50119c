"""Where recorded numbers come from: which function, called from which line.

While `Origins` is in force, every recorded array remembers the lines of Python that made it,
and its gradient rule is watched. A result that is not finite can then be followed back to
the first function that made such a number out of finite ones; so can a gradient. Without it
nothing of this is in the way.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from highlevel_backend import Origin

from highlevel_numpy import transforms
from highlevel_numpy.recorded import PART, RULES, Recorded, strip
from highlevel_numpy.walk import backward

__all__ = ["Origins"]

#: frames that are kept of a call
_DEPTH = 60
_NAMES = ("record", "record_one", "record_two")


class Origins:
    """See `Backend.origins`."""

    def __init__(self, note: Callable[[], Any]) -> None:
        self._note = note
        self._thread = threading.get_ident()
        #: order of a recorded array → `(note, frames, name of the function)`
        self._made: dict[int, tuple[Any, tuple, str]] = {}
        self._gradient: Origin | None = None
        self._value: Origin | None = None
        self.flagged: list[Origin] = []

    # --------------------------------------------------------------- answers

    def first(self) -> Origin | None:
        """The first function of which a derivative's value or gradient got a bad number."""
        return self._value or self._gradient

    def of(self, array: Any) -> Origin | None:
        """The function that first gave a number that is not finite, on the way to an array."""
        if type(array) is not Recorded or _finite(array.value):
            return None
        node = array
        while True:
            bad = [parent for _, parent in node.inputs if not _finite(parent.value)]
            if not bad:
                return self._origin(node, "forward")
            node = max(bad, key=lambda parent: parent.order)  # the earliest

    def _flag(self, kind: str, flag: int) -> None:
        """Called by NumPy where a function divides by zero, overflows or has no answer."""
        if threading.get_ident() == self._thread:
            frames, _ = _frames(sys._getframe(1), self)
            self.flagged.append(Origin("", "forward", self._note(), frames, [], []))

    def _origin(self, node: Recorded, phase: str, made_of: Any = None) -> Origin | None:
        while node.rule is PART:
            node = node.inputs[0][1]
        made = self._made.get(node.order)
        if made is None:  # handed in, not made
            return None
        note, frames, function = made
        values = [strip(x) for x in node.args if isinstance(x, (np.ndarray, np.generic, Recorded))]
        values = values or [strip(parent.value) for _, parent in node.inputs]
        result = node.value if made_of is None else made_of
        parts = result if isinstance(result, (list, tuple)) else [result]
        parts = [strip(part) for part in parts if part is not None]
        return Origin(function, phase, note, frames, values, parts)

    # -------------------------------------------------------------- recording

    @contextmanager
    def active(self) -> Iterator[Origins]:
        """The block in which origins are remembered."""
        plain, walk = Recorded.__init__, transforms.backward

        def remembering(node: Recorded, value: Any, level: int, rule: Any = None,
                        args: Sequence = (), kwargs: dict | None = None,
                        inputs: Sequence = ()) -> None:
            plain(node, value, level, rule, args, kwargs, inputs)
            if inputs and threading.get_ident() == self._thread:
                frames, function = _frames(sys._getframe(1), rule)
                self._made[node.order] = (self._note(), frames, function)
                if rule is not PART:
                    node.rule = self._watched(rule, node)

        def walking(results: list, cotangents: list, targets: list) -> list:
            if self._value is None and threading.get_ident() == self._thread:
                self._value = next(filter(None, map(self.of, results)), None)
            return backward(results, cotangents, targets)

        Recorded.__init__ = remembering  # type: ignore[method-assign]
        transforms.backward = walking
        try:
            with np.errstate(all="call", under="ignore", call=self._flag):
                yield self
        finally:
            Recorded.__init__ = plain  # type: ignore[method-assign]
            transforms.backward = walk

    def _watched(self, rule: Any, node: Recorded) -> Any:
        """A gradient rule that tells when it makes a bad number of finite ones."""
        if rule is None:
            return None

        def watching(function: Callable) -> Callable:
            def run(g: Any, *args: Any, **kwargs: Any) -> Any:
                found = function(g, *args, **kwargs)
                if self._gradient is None and _finite(g) and not _finite(found):
                    self._gradient = self._origin(node, "backward", found)
                return found

            return run

        if type(rule) is tuple:
            return tuple([None if part is None else watching(part) for part in rule])
        return watching(rule)


def _finite(value: Any) -> bool:
    """Whether all entries of an array, or of a list of arrays or None, are finite."""
    if isinstance(value, (list, tuple)):
        return all(map(_finite, value))
    value = strip(value)
    dtype = getattr(value, "dtype", None)
    if dtype is None or dtype.kind in "biuUSTOmM":
        return True
    return bool(np.isfinite(value).all())


def _frames(frame: Any, rule: Any) -> tuple[tuple, str]:
    """`((code, line), ...)` from the innermost frame on, and the recorded function's name."""
    function = None
    found = []
    while frame is not None and len(found) < _DEPTH:
        name = frame.f_code.co_name
        if function is None and name in _NAMES:
            function = frame.f_locals.get("ufunc") or frame.f_locals.get("function")
        found.append((frame.f_code, frame.f_lineno))
        frame = frame.f_back
    if function is None:
        function = next((ufunc for ufunc, known in RULES.items() if known is rule), None)
    return tuple(found), getattr(function, "__name__", "") or ""
