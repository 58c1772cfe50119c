"""Tables that what is looked at shows itself by: plain text in terminals, HTML in notebooks."""

from __future__ import annotations

import html
import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

__all__ = [
    "Mark", "Shown", "Table", "html_of", "readable_count", "readable_number", "readable_size",
    "readable_time",
]

_TONES = ("bad", "warn", "good", "muted")
_STYLE = """<style>
.hl-t{--hl-line:#d0d7de;--hl-head:#f3f5f7;--hl-muted:#57606a;--hl-bad:#b42318;--hl-warn:#8a5a00;
--hl-good:#1a7f37;font-size:13px;line-height:1.45;margin:.4em 0;max-width:100%;overflow-x:auto}
@media (prefers-color-scheme:dark){.hl-t{--hl-line:#444c56;--hl-head:#2d333b;--hl-muted:#9aa5b1;
--hl-bad:#ff8a80;--hl-warn:#e3b341;--hl-good:#6fdd8b}}
.hl-t table{border-collapse:collapse;margin:0}
.hl-t caption{text-align:left;font-weight:600;padding:.2em 0;caption-side:top;color:inherit}
.hl-t th,.hl-t td{padding:.15em .6em;border-bottom:1px solid var(--hl-line);text-align:left;
vertical-align:top;white-space:pre-line;font-variant-numeric:tabular-nums}
.hl-t thead th{background:var(--hl-head);color:inherit;font-weight:600}
.hl-t tbody th{font-weight:400}
.hl-t .hl-r{text-align:right;white-space:nowrap}
.hl-t .hl-bad{color:var(--hl-bad);font-weight:600}.hl-t .hl-warn{color:var(--hl-warn)}
.hl-t .hl-good{color:var(--hl-good)}.hl-t .hl-muted,.hl-t p{color:var(--hl-muted)}
.hl-t p{margin:.2em 0}.hl-t summary{cursor:pointer}.hl-t details{margin:.2em 0 .2em 1em}
.hl-t .hl-spark{fill:none;stroke:currentColor;stroke-width:1.3}
</style>"""


class Mark(str):
    """The text of a cell that is to be noticed, or passed over.

    Args:
        text: says by itself what is the matter; colour alone would not be seen by all.
        tone: `"bad"`, `"warn"`, `"good"` or `"muted"`.

    Raises:
        ValueError: another tone.
    """

    tone: str

    def __new__(cls, text: str, tone: str) -> Mark:
        if tone not in _TONES:
            raise ValueError(f"The tone of a mark is one of {', '.join(_TONES)}; got {tone!r}.")
        self = super().__new__(cls, text)
        self.tone = tone
        return self


@dataclass
class Table:
    """Rows of cells under the names of their columns.

    Args:
        title: stands above.
        columns: names of the columns.
        rows: one text per column; a `Mark` where it is to be noticed.
        right: names of the columns of numbers, which are set to the right.
        notes: lines that stand below.
        most: how many rows are shown; the others are counted.

    >>> print(Table("Layers", ["layer", "size"], [["dense", "12"], ["out", "4"]], {"size"}))
    Layers
    layer  size
    ───────────
    dense    12
    out       4
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    right: Collection[str] = ()
    notes: Sequence[str] = ()
    most: int = 1000

    def __str__(self) -> str:
        shown, notes = self._shown()
        cells = [self.columns, *shown]
        widths = [
            max(len(line) for row in cells for line in (row[i].splitlines() or [""]))
            for i in range(len(self.columns))
        ]

        def lines(row: Sequence[str]) -> Iterable[str]:
            parts = [cell.splitlines() or [""] for cell in row]
            for at in range(max(map(len, parts), default=0)):
                texts = [part[at] if at < len(part) else "" for part in parts]
                yield "  ".join(
                    text.rjust(width) if name in self.right else text.ljust(width)
                    for text, width, name in zip(texts, widths, self.columns)
                ).rstrip()

        rule = "─" * (sum(widths) + 2 * (len(widths) - 1))
        body = [line for row in shown for line in lines(row)]
        return "\n".join(
            [*([self.title] if self.title else []), *lines(self.columns), rule, *body, *notes])

    def _shown(self) -> tuple[Sequence[Sequence[str]], list[str]]:
        more = len(self.rows) - self.most
        notes = [f"... and {more:,} rows more"] if more > 0 else []
        return self.rows[: self.most], [*notes, *self.notes]

    def html(self) -> str:
        """The table as HTML, without the style that `Shown` puts before it."""
        shown, notes = self._shown()
        parts = [f"<table><caption>{html.escape(self.title)}</caption><thead><tr>"]
        parts += [f'<th scope="col"{self._side(name)}>{html.escape(name)}</th>'
                  for name in self.columns]
        parts.append("</tr></thead><tbody>")
        for row in shown:
            parts.append("<tr>")
            for at, (name, cell) in enumerate(zip(self.columns, row)):
                tag = "td" if at else 'th scope="row"'
                text = html.escape(str(cell))
                if isinstance(cell, Mark):
                    text = f'<span class="hl-{cell.tone}">{text}</span>'
                parts.append(f"<{tag}{self._side(name)}>{text}</{tag[:2]}>")
            parts.append("</tr>")
        parts.append("</tbody></table>")
        parts += [f"<p>{html.escape(note)}</p>" for note in notes]
        return "".join(parts)

    def _side(self, name: str) -> str:
        return ' class="hl-r"' if name in self.right else ""


class Shown:
    """What shows itself by tables: a subclass gives `_tables()`."""

    def _tables(self) -> list[Table]:
        raise NotImplementedError

    def __repr__(self) -> str:
        return "\n\n".join(map(str, self._tables()))

    def _repr_html_(self) -> str:
        return html_of(self._tables())


def html_of(tables: Iterable[Table], more: str = "") -> str:
    """Tables as HTML with its style.

    Args:
        tables: one below the other.
        more: HTML that stands below them.
    """
    return f'{_STYLE}<div class="hl-t">{"".join(table.html() for table in tables)}{more}</div>'


# ------------------------------------------------------------------------- numbers


def readable_size(count: float) -> str:
    """Bytes in the unit that reads best.

    >>> readable_size(4096)
    '4.00 KB'
    """
    return _scaled(count, ("B", "KB", "MB", "GB", "TB"), 1024)


def readable_count(count: float | None) -> str:
    """A number of things with the letter that reads best; `-` for None.

    >>> readable_count(12), readable_count(25_557_032), readable_count(7.7e9)
    ('12', '25.56 M', '7.70 G')
    """
    if count is None:
        return "-"
    if abs(count) < 1e4:
        return f"{count:,.0f}"
    return _scaled(count, ("", "k", "M", "G", "T", "P"), 1000)


def readable_time(seconds: float | None) -> str:
    """A duration in the unit that reads best; `-` for None.

    >>> readable_time(0.00123), readable_time(2.5e-6), readable_time(75)
    ('1.23 ms', '2.50 µs', '75.0 s')
    """
    if seconds is None:
        return "-"
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        if seconds * factor >= 1 or unit == "µs":
            return f"{_three(seconds * factor)} {unit}"
    raise AssertionError("the last unit takes all")


def readable_number(value: float | None) -> str:
    """A value with four digits that count; `-` for None.

    >>> readable_number(0.123456), readable_number(1.5e-9), readable_number(float("nan"))
    ('0.1235', '1.5e-09', 'nan')
    """
    return "-" if value is None else f"{value:.4g}"


def _three(value: float) -> str:
    """Three digits that count, none of them lost before the point."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    return f"{value:.{max(0, 2 - max(0, math.floor(math.log10(abs(value)))))}f}"


def _scaled(count: float, units: Sequence[str], step: int) -> str:
    unit = 0
    while abs(count) >= step and unit < len(units) - 1:
        count, unit = count / step, unit + 1
    return f"{count:.2f} {units[unit]}".rstrip()
