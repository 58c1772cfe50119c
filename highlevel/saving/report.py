"""What a load did, by path."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["LoadReport"]

_SHOWN = 20


@dataclass(repr=False)
class LoadReport:
    """What a load did.

    Attributes:
        path: the file.
        loaded: paths of the variables that took a value from the file.
        missing: paths of variables for which the file has no value.
        differing: `(path, shape here, shape in the file)`.
        unused: arrays of the file that no variable took.
        skipped: what was left out on purpose or could not be loaded, in words.
        sources: path of a variable → name of its array in the file.

    >>> report = LoadReport("m.weights.h5", loaded=["dense/kernel"], missing=["dense/bias"])
    >>> report.complete
    False
    >>> report
    m.weights.h5: 1 variable loaded
      missing in the file: dense/bias
    """

    path: str = ""
    loaded: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    differing: list[tuple[str, tuple, tuple]] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    sources: dict[str, str] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether every variable took its value and every array was used."""
        return not (self.missing or self.differing or self.unused or self.skipped)

    def __str__(self) -> str:
        count = len(self.loaded)
        head = f"{count} variable{'' if count == 1 else 's'} loaded"
        lines = [f"{self.path}: {head}" if self.path else head]
        parts = [
            [f"missing in the file: {path}" for path in self.missing],
            [f"shape differs: {path} is {here} here, {there} in the file"
             for path, here, there in self.differing],
            [f"not used: {name}" for name in self.unused],
            [f"skipped: {text}" for text in self.skipped],
        ]
        for part in parts:
            lines += [f"  {text}" for text in part[:_SHOWN]]
            if len(part) > _SHOWN:
                lines.append(f"  ... and {len(part) - _SHOWN} more; see the report's attributes")
        return "\n".join(lines)

    __repr__ = __str__
