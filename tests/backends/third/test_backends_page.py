"""The Python of docs/backends.md runs, and its counts are those of the interface."""

from __future__ import annotations

import re
from pathlib import Path

from highlevel_backend import Backend, registry

PAGE = (Path(__file__).parents[3] / "docs" / "backends.md").read_text()


def test_its_example_runs(monkeypatch):
    monkeypatch.setattr(registry, "_loaded", dict(registry._loaded))  # it registers a backend
    blocks = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, "docs/backends.md", "exec"), {"__name__": "example"})


def test_its_table_names_the_interface():
    required = set(Backend.__abstractmethods__)
    methods = {n for n, v in vars(Backend).items() if callable(v) and not n.startswith("_")}
    table = PAGE[PAGE.index("| | must be written") : PAGE.index("What each takes")]
    rows = [line.split("|") for line in table.splitlines()[2:] if line.startswith("|")]
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row[2])} == required
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row[3])} == methods - required
    assert f"**{len(required)} methods**" in PAGE and f"**{len(methods - required)} more**" in PAGE
