"""What is done before and after every call of a layer, while a debug mode is on."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

__all__ = ["Debugging", "debugging"]


class Debugging:
    """A debug mode.

    Attributes:
        before: called with `(layer, args, kwargs)` before a call of a layer, or None.
        after: called with `(layer, args, kwargs, outputs)` behind it, or None.
        outer: the mode that was on when this one began.
    """

    before: Callable[[Any, tuple, dict], None] | None = None
    after: Callable[[Any, tuple, dict, Any], None] | None = None
    outer: Debugging | None = None

    def check(self) -> None:
        """Raise an error for what was found in a compiled program; loops ask now and then."""
        if self.outer is not None:
            self.outer.check()


#: the mode that is on, None nearly always
debugging: ContextVar[Debugging | None] = ContextVar("highlevel_debugging", default=None)
