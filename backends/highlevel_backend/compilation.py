"""What a backend tells of a program that it compiles."""

from __future__ import annotations

from dataclasses import dataclass, field

from highlevel_backend.interface import ArraySpec

__all__ = ["Compilation"]


@dataclass(slots=True, eq=False)
class Compilation:
    """One program, from the beginning of its tracing on.

    Attributes:
        arguments: place of each array in the tuple of arguments (argument, then keys and
            indices on the way down) → its shape and dtype.
        seconds: time from the beginning of tracing to the program's being there; None until
            then, and for ever where compiling failed.
        cached: whether it came from the cache on disk; None where that is not known.
    """

    arguments: dict[tuple, ArraySpec] = field(default_factory=dict)
    seconds: float | None = None
    cached: bool | None = None
