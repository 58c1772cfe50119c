"""Values on their way from a file to variables: nothing is assigned until all is known to fit."""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from highlevel_backend import current_backend

from highlevel.saving.errors import FileError
from highlevel.saving.report import LoadReport
from highlevel.saving.walk import is_optimizer, walk

__all__ = ["Loading", "Source", "describe", "renamer"]

Rename = Mapping[str, str | None] | Callable[[str], str | None]


class Source(Protocol):
    """An array in a file: the shape is known, the values are read on `read()`."""

    path: str
    shape: tuple[int, ...]

    def read(self) -> Any:
        """The values."""


class Loading:
    """One load into one model.

    Args:
        model: whose variables take values.
        path: the file, for messages.
        strict: None as `.weights.h5` files are read: each variable needs a value, what the
            file holds beside is only reported. True: that is an error too. False: whatever
            fits is loaded.
        skip_mismatch: leave out what does not fit, with a warning.
        objects_to_skip: layers whose variables stay as they are.

    Attributes:
        report: what was found.
        problems: why it does not fit, in words.
    """

    def __init__(
        self,
        model: Any,
        path: str,
        strict: bool | None = None,
        skip_mismatch: bool = False,
        objects_to_skip: Iterable[Any] = (),
    ) -> None:
        self.model, self.path = model, path
        self.strict, self.skip_mismatch = strict, skip_mismatch
        self.skip = {id(obj) for obj in objects_to_skip}
        self.report = LoadReport(path)
        self.problems: list[str] = []
        self._closed: list[str] = []
        self._pairs: list[tuple[Any, Source]] = []
        self._values: list[tuple[Any, Any]] = []

    @property
    def lenient(self) -> bool:
        """Whether what does not fit is left out."""
        return self.skip_mismatch or self.strict is False

    def walk(self) -> Iterator[tuple[str, Any]]:
        """`(place, object)` of what is to be loaded; notes in the report what is left out."""
        for place, obj in walk(self.model, self.skip):
            if id(obj) in self.skip:
                self.report.skipped.append(f"{describe(obj)}, as asked")
                self._closed.append(place)
            else:
                yield place, obj

    def asked_for(self, place: str) -> bool:
        """Whether a place is not below an object that was left out."""
        return not any(
            place == closed or place.startswith(closed + "/") for closed in self._closed
        )

    def differ(self, variable: Any, source: Source) -> str | None:
        """Why an array does not fit a variable, or None; noted in the report."""
        here, there = tuple(variable.shape), tuple(source.shape)
        if here == there:
            return None
        self.report.differing.append((variable.path, here, there))
        return (
            f"'{variable.path}' has the shape {here}, '{source.path}' in the file {there}"
        )

    def take(self, variable: Any, source: Source) -> None:
        """An array for a variable of its shape."""
        self._pairs.append((variable, source))

    def pair(self, obj: Any, variables: list, sources: Sequence[Source], where: str) -> None:
        """An object's variables and its arrays, in the same order.

        Args:
            obj: the layer or optimizer; for messages.
            variables: its variables.
            sources: as many arrays, where all is well.
            where: the arrays' place in the file; for messages.
        """
        mine: list[str] = []
        fitting = []
        for variable, source in zip(variables, sources):
            text = self.differ(variable, source)
            if text is None:
                fitting.append((variable, source))
            else:
                mine.append(text)
        if len(variables) != len(sources):
            self.report.missing += [v.path for v in variables[len(sources):]]
            mine.insert(0, _counts(obj, variables, sources, where))
        if not mine:
            self._pairs += fitting
            return
        if self.strict is False:  # whatever fits
            self._pairs += fitting
        if is_optimizer(obj) and self.strict is not True:
            if sources:  # a file without optimizer state is no fault
                warnings.warn(
                    f"The state of the optimizer was not loaded: {'; '.join(mine)}.",
                    stacklevel=6,
                )
                self.report.skipped += mine
        else:
            self.problems += mine

    def read(self) -> None:
        """Read what was paired, each array straight into what its variable will hold.

        Raises:
            FileError: the file is damaged.
        """
        before = None
        for variable, source in self._pairs:
            try:
                value = variable.fitted(source.read(), adopted=True)
                self._values.append((variable, value))
                # On a device of its own it is a copy: once it is there, the host's can go. Two
                # are on their way at a time.
                current_backend().ready(before)
                before = value
            except (OSError, RuntimeError) as error:
                raise FileError(
                    f"'{self.path}' is damaged at '{source.path}': {error}"
                ) from error
            self.report.sources[variable.path] = source.path
        self._pairs = []

    def check(self) -> None:
        """Raise unless all fits, or what does not may be left out.

        Raises:
            FileError: everything that does not fit, in one message.
        """
        if self.strict and self.report.unused:
            self.problems += [
                f"'{name}' in the file is used by nothing" for name in self.report.unused
                if not name.startswith("optimizer/")  # a model need not be compiled
            ]
        if self.problems and not self.lenient:
            raise FileError(
                f"The weights in '{self.path}' do not fit {describe(self.model)}; nothing was "
                "changed.\n" + "\n".join(f"  {text}" for text in self.problems)
                + "\nMake the model as it was saved, or pass `skip_mismatch=True` (or "
                "`strict=False`) to load the rest."
            )

    def finish(self, updates: Mapping[Any, Any] | None = None) -> LoadReport:
        """Assign everything.

        Args:
            updates: variable → value, beside what was paired.

        Raises:
            FileError: see `check`; nothing is assigned then.
        """
        self.check()
        if self.problems:
            if self.skip_mismatch:
                warnings.warn(
                    f"Loaded '{self.path}' without what does not fit:\n"
                    + "\n".join(self.problems), stacklevel=5,
                )
            self.report.skipped += self.problems
        values, self._values = self._values, []
        for variable, value in values:
            variable.store(value)
            self.report.loaded.append(variable.path)
        for variable, value in (updates or {}).items():
            variable.assign(value)
            self.report.loaded.append(variable.path)
        return self.report


def describe(obj: Any) -> str:
    """An object in messages: class and path."""
    return f"{type(obj).__name__} '{getattr(obj, 'path', getattr(obj, 'name', '?'))}'"


def _counts(obj: Any, variables: list, sources: Sequence[Source], where: str) -> str:
    have = ", ".join(f"{v.name} {tuple(v.shape)}" for v in variables) or "none"
    there = ", ".join(str(tuple(s.shape)) for s in sources) or "none"
    text = (
        f"{describe(obj)} has {len(variables)} variables ({have}); the file has "
        f"{len(sources)} under '{where}' ({there})"
    )
    if not variables and getattr(obj, "built", True) is False:
        text += ". It is not built: call the model on data, or `build` it, before loading"
    return text


def renamer(rename: Rename | None, names: Iterable[str]) -> dict[str, str | None]:
    """Name in a file → name that is looked for here, None for what is to be left out.

    Args:
        rename: mapping of names, or of beginnings up to a `/` or `.`, the longest that
            fits counting; or a function of a name; None for no change.
        names: the names in the file.

    Raises:
        ValueError: an entry of the mapping fits no name; two names become one.
        TypeError: the function returns something else than a string or None.

    >>> renamer({"encoder": "backbone"}, ["encoder/kernel", "head/kernel"])
    {'encoder/kernel': 'backbone/kernel', 'head/kernel': 'head/kernel'}
    """
    names = list(names)
    if rename is None:
        return {name: name for name in names}
    used: set[str] = set()
    result: dict[str, str | None] = {}
    for name in names:
        result[name] = (
            _by_mapping(rename, name, used) if isinstance(rename, Mapping) else rename(name)
        )
        if result[name] is not None and not isinstance(result[name], str):
            raise TypeError(
                f"`rename` must return a string, or None to leave an array out; for {name!r} it "
                f"returned {result[name]!r}."
            )
    if isinstance(rename, Mapping):
        for key in rename:
            if key not in used:
                near = difflib.get_close_matches(key, names, n=3, cutoff=0.4) or names[:3]
                raise ValueError(
                    f"`rename` names {key!r}, which nothing in the file is called. It holds "
                    f"{', '.join(map(repr, near))}, for example."
                )
    taken: dict[str, str] = {}
    for name, new in result.items():
        if new is not None and taken.setdefault(new, name) != name:
            raise ValueError(
                f"`rename` gives {taken[new]!r} and {name!r} the same name {new!r}."
            )
    return result


def _by_mapping(rename: Mapping, name: str, used: set[str]) -> str | None:
    if name in rename:
        used.add(name)
        return rename[name]
    for end in range(len(name) - 1, 0, -1):
        if name[end] in "/.":
            for key in (name[:end], name[: end + 1]):
                if key in rename:
                    used.add(key)
                    new = rename[key]
                    return None if new is None else new + name[len(key):]
    return name
