"""Many steps: memory stays where it was and nothing is compiled again."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[1] / "benchmarks" / "million_steps.py"
ROOM = 4 * 2**20


def measured(*options: str) -> dict:
    """Of a process of its own: in a worker that ran other tests, what a leak takes may
    come out of memory that they gave back, and resident memory says nothing."""
    command = [sys.executable, str(PROGRAM), "--steps", "100000", "--json", *options]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


@pytest.mark.slow
def test_memory_stays_flat():
    """The program does a million steps when asked to."""
    found = measured()
    assert found["compiled"] == 1
    assert found["sizes"][-1] - found["sizes"][10] < ROOM


@pytest.mark.slow
def test_a_leak_is_noticed():
    found = measured("--leak")
    assert found["sizes"][-1] - found["sizes"][10] > ROOM
