"""A short run of `fuzz`: mutated files load, or raise the library's own error."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import fuzz
import pytest

pytest.importorskip("h5py")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: Any) -> Path:
    """The sound files."""
    place = tmp_path_factory.mktemp("fuzz") / "sound"
    place.mkdir()
    fuzz.make_files(place)
    return place


@pytest.mark.filterwarnings("ignore:.*older HDF5 format")
def test_mutated_files(folder: Path) -> None:
    failures: list[dict] = []
    counts = fuzz.run(list(range(250)), folder, failures.append)
    assert failures == []
    assert counts["cases"] == 250 and counts["refused"] > 100 and counts["loaded"] > 30


def test_a_failure_is_a_failure() -> None:
    """The watch sees what it is there for."""
    watch = fuzz.Watch("/nowhere")
    watch.on = True
    with open("/etc/hostname") as file:
        file.read()
    watch.on = False
    assert watch.seen == ["read /etc/hostname"]


@pytest.mark.filterwarnings("ignore:.*older HDF5 format")
def test_cases_are_the_same_again(folder: Path) -> None:
    files = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    for seed in range(30):
        name = random.Random(seed).choice(list(files))
        if name.endswith((".json", ".safetensors", ".keras")):
            first, second = (fuzz.mutate(name, files, random.Random(seed)) for _ in range(2))
            assert len(first) == len(second)
