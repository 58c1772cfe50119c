"""Every op by name."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["registered_ops"]

#: name → op, of every decorated function; what a saved graph may name
registered_ops: dict[str, Callable] = {}
