"""What was compiled, what for, and why: the ledger behind `model.compilations`.

A program is noted when it has been traced. Why it had to be made is found by comparing the
shapes and dtypes of its arguments with those of the programs made before for the same purpose.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from highlevel_backend import ArraySpec, current_backend
from highlevel_backend.compilation import Compilation

from highlevel.masking import warn_user

__all__ = ["Compilations", "CompiledProgram", "Ledger", "noting", "watched"]

#: lists that get every program compiled while they are in here; see `testing`
watched: list[list[CompiledProgram]] = []

_FIRST = "the first of its kind"


class CompiledProgram:
    """One program that was compiled.

    Attributes:
        purpose: what for, such as `"call"` or `"training step"`.
        why: which argument's shape, dtype, structure or static value was new, or what in the
            model has changed.
        owner: name of the model, None where none is concerned.
        backend: name of the backend.
        seconds: tracing and compiling together; None where compiling failed.
        cached: whether it came from the cache on disk; None where compiling failed.
        arguments: each array among the program's arguments, by name → its shape and dtype.
        static: what is no array and was compiled in, by name.
    """

    __slots__ = (
        "_told", "arguments", "backend", "changed", "owner", "purpose", "static", "why",
    )

    def __init__(
        self, told: Compilation, purpose: str, owner: str | None, static: dict[str, Any],
        names: Callable[[tuple], str],
    ) -> None:
        self._told = told
        self.purpose = purpose
        self.owner = owner
        self.backend = current_backend().name
        self.static = static
        self.why = _FIRST
        self.arguments: dict[str, ArraySpec] = {}
        for place, spec in told.arguments.items():
            name = names(place)
            self.arguments[name if name not in self.arguments else f"{name} {place}"] = spec
        #: argument → its shapes before and now, where nothing else is new
        self.changed: dict[str, tuple[tuple, tuple]] = {}

    @property
    def seconds(self) -> float | None:
        """Seconds from the beginning of tracing to the program's being there."""
        return self._told.seconds

    @property
    def cached(self) -> bool | None:
        """Whether it came from the cache on disk."""
        return self._told.cached

    def to_dict(self) -> dict[str, Any]:
        """The attributes as plain values."""
        names = ("purpose", "why", "owner", "backend", "seconds", "cached")
        return {name: getattr(self, name) for name in names}

    def __repr__(self) -> str:
        return f"<{self}>"

    def __str__(self) -> str:
        spent = "not finished" if self.seconds is None else f"{self.seconds:.2f} s"
        disk = ", from disk" if self.cached else ""
        return f"{self.purpose} ({spent}{disk}): {self.why}"


class Compilations(list):
    """A list of `CompiledProgram`s that prints one a line."""

    def __repr__(self) -> str:
        if not self:
            return "Nothing was compiled."
        spent = sum(program.seconds or 0.0 for program in self)
        count = f"{len(self)} program{'s' if len(self) > 1 else ''}"
        return "\n".join([f"{count} compiled in {spent:.2f} s", *(f"  {each}" for each in self)])


class Ledger:
    """The programs compiled for one model, or for other things of one owner.

    Args:
        owner: name of the model, None where there is none.
    """

    def __init__(self, owner: str | None = None) -> None:
        self.owner = owner
        self.entries = Compilations()
        self._warned = False

    def noting(
        self,
        purpose: str,
        names: Callable[[tuple], str] = str,
        static: dict[str, Any] | None = None,
        cause: str | None = None,
        remedy: Callable[[tuple[int, ...]], str] | None = None,
    ) -> Callable[[Compilation], None]:
        """What to give `Backend.compile` as `note`, for one function.

        Args:
            purpose: what the programs are for.
            names: place of an argument → how to call it.
            static: further things that the function was made for, by name.
            cause: why the function was made anew, if it was.
            remedy: what to do about a second shape, for the axes that differ; None where a
                second shape is in order.
        """
        static = static or {}
        first = cause is not None

        def note(told: Compilation) -> None:
            nonlocal first
            program = CompiledProgram(told, purpose, self.owner, static, names)
            told.arguments = {}  # known by name now
            explain(program, self.entries)
            if first and cause is not None:
                program.why, program.changed, first = cause, {}, False
            self.entries.append(program)
            for listening in watched:
                listening.append(program)
            if program.changed and remedy is not None and not self._warned:
                self._warned = True
                self._warn(program, remedy)

        return note

    def _warn(
        self, program: CompiledProgram, remedy: Callable[[tuple[int, ...]], str]
    ) -> None:
        axes = sorted({
            axis for before, now in program.changed.values() for axis in range(len(now))
            if before[axis] != now[axis]
        })
        warn_user(
            f"Model '{self.owner}' was compiled once more, for a {program.purpose}: {program.why}. "
            f"Each further shape costs a compilation. {remedy(tuple(axes))} (Said once; "
            "`model.compilations` lists all programs.)"
        )


def explain(program: CompiledProgram, earlier: list[CompiledProgram]) -> None:
    """Find what is new about a program, beside those made before for the same purpose."""
    like = [
        each for each in earlier
        if each.purpose == program.purpose and each.backend == program.backend
    ]
    if not like:
        return
    nearest = min(reversed(like), key=lambda each: _distance(program, each))
    reasons = [
        f"`{name}` is {value!r}, before {nearest.static[name]!r}"
        if name in nearest.static else f"`{name}` is {value!r}"
        for name, value in program.static.items()
        if name not in nearest.static or nearest.static[name] != value
    ]
    ours, theirs = program.arguments, nearest.arguments
    only_shapes = not reasons and ours.keys() == theirs.keys()
    for name, spec in ours.items():
        other = theirs.get(name)
        if other is None:
            reasons.append(f"{name} is new")
        elif other != spec:
            same_kind = other.dtype == spec.dtype and len(other.shape) == len(spec.shape)
            only_shapes = only_shapes and same_kind
            reasons.append(f"{name} is {_shown(spec)}, before {_shown(other)}")
            program.changed[name] = (other.shape, spec.shape)
    reasons += [f"{name} is not there" for name in theirs if name not in ours]
    if not only_shapes:
        program.changed = {}
    if not reasons:
        program.why = "made anew for arguments as before"
        return
    more = f", and {len(reasons) - 3} more" if len(reasons) > 3 else ""
    program.why = "; ".join(reasons[:3]) + more


def _distance(a: CompiledProgram, b: CompiledProgram) -> int:
    """How many things differ; what was compiled in counts more than any shape."""
    differing = 0
    for name in a.arguments.keys() | b.arguments.keys():
        one, other = a.arguments.get(name), b.arguments.get(name)
        if one is None or other is None:
            differing += 2
        else:
            differing += (one.shape != other.shape) + (one.dtype != other.dtype)
    return differing + 1000 * sum(
        a.static.get(name) != b.static.get(name) for name in a.static.keys() | b.static.keys()
    )


def _shown(spec: Any) -> str:
    return f"{spec.dtype}{tuple(spec.shape)}"


def noting(purpose: str) -> Callable[[Compilation], None]:
    """`note` for programs that belong to no model; only `testing` hears of them."""
    return Ledger().noting(purpose)
