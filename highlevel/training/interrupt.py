"""Ctrl-C during training, taken between two steps instead of in the middle of one."""

from __future__ import annotations

import signal
import threading
from typing import Any

__all__ = ["InterruptGuard"]


class InterruptGuard:
    """Within the block, the first Ctrl-C waits for `check`; a second one acts at once.

    A step hands its memory over to the next one; stopped between them the variables are
    whole, stopped inside they might not be.
    """

    def __init__(self) -> None:
        self._pressed = False
        self._previous: Any = None
        self._installed = False

    def __enter__(self) -> InterruptGuard:
        # Only the main thread may, and only where nobody else handles Ctrl-C.
        if (
            threading.current_thread() is threading.main_thread()
            and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        ):
            self._previous = signal.signal(signal.SIGINT, self._press)
            self._installed = True
        return self

    def __exit__(self, *exception: Any) -> None:
        if self._installed:
            signal.signal(signal.SIGINT, self._previous)
            self._installed = False

    def _press(self, number: int, frame: Any) -> None:
        if self._pressed:
            raise KeyboardInterrupt
        self._pressed = True

    def check(self) -> None:
        """Raise KeyboardInterrupt if Ctrl-C was pressed."""
        if self._pressed:
            raise KeyboardInterrupt
