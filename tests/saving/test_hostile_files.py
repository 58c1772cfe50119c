"""The corpus of `hostile`: every file is refused, in words, and touches nothing."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("h5py")
pytest.importorskip("safetensors")

from hostile import CASES, get_file

pytestmark = pytest.mark.xdist_group("hostile files")  # one preparation for all


@pytest.fixture(scope="module")
def results(tmp_path_factory: Any) -> dict[str, dict[str, Any]]:
    """What a process of its own, short of memory and watched, made of the files."""
    folder = tmp_path_factory.mktemp("hostile")
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("hostile.py")), "--worker", str(folder)],
        capture_output=True, text=True, timeout=600,
        env={**os.environ, "HIGHLEVEL_BACKEND": "numpy"})
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, (lines[-1:], done.stderr[-3000:])
    return {line["name"]: line for line in lines if "name" in line}


def test_there_are_enough() -> None:
    assert len(CASES) >= 30


@pytest.mark.parametrize("name", list(CASES))
def test_refused(results: dict[str, dict[str, Any]], name: str) -> None:
    result, entry = results[name], CASES[name]
    known = {"FileError", "UnknownObjectError"} | (
        {"ValueError"} if entry.read is get_file or "outside_of_loading" in name else set())
    assert result["error"] in known, result["text"]
    assert re.search(entry.match, result["text"]), result["text"]
    assert result["touched"] == []
