"""Tables as text and as HTML."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from highlevel.inspection.tables import (
    Mark,
    Shown,
    Table,
    readable_count,
    readable_number,
    readable_time,
)


class _Cells(HTMLParser):
    """The texts of an HTML table's cells, and whether every tag is closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.cells: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        self.addresses += [v or "" for k, v in attrs if k in ("src", "href")]
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if {"td", "th"} & set(self.open):
            self.cells[-1] += data


class _Thing(Shown):
    def _tables(self) -> list[Table]:
        return [Table("A & B", ["name", "n"], [["<x>", Mark("dead", "bad")], ["two\nlines", "1"]],
                      right={"n"}, notes=["a note"])]


def test_text() -> None:
    assert repr(_Thing()).splitlines() == [
        "A & B", "name      n", "───────────", "<x>    dead", "two       1", "lines", "a note"]


def test_html_says_the_same_and_asks_for_nothing() -> None:
    text = _Thing()._repr_html_()
    parser = _Cells()
    parser.feed(text)
    assert not parser.open and not parser.addresses and "url(" not in text
    assert parser.cells == ["name", "n", "<x>", "dead", "two\nlines", "1"]
    assert "A &amp; B" in text and "a note" in text and "prefers-color-scheme:dark" in text


def test_rows_that_are_not_shown_are_counted() -> None:
    table = Table("", ["n"], [[str(i)] for i in range(9)], most=4)
    assert str(table).splitlines() == ["n", "─", "0", "1", "2", "3", "... and 5 rows more"]
    assert "and 5 rows more" in table.html() and "<th scope=\"row\">4" not in table.html()


def test_no_other_tone() -> None:
    with pytest.raises(ValueError, match="'loud'"):
        Mark("x", "loud")


def test_numbers() -> None:
    assert [readable_count(n) for n in (0, 9999, 10000, 1.5e12, None)] == [
        "0", "9,999", "10.00 k", "1.50 T", "-"]
    assert [readable_time(t) for t in (0, 1.5e-7, 0.0125, 1.0, 250.4, None)] == [
        "0 µs", "0.15 µs", "12.5 ms", "1.00 s", "250 s", "-"]
    assert readable_number(float("inf")) == "inf"
