"""A model of 70 billion parameters: looked at without its weights."""

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
def test_seventy_billion_parameters():
    script = Path(__file__).with_name("seventy_billion.py")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True)
    assert not done.returncode, done.stderr
    found = json.loads(done.stdout)
    width, inner, words = 8192, 28672, 128256
    attention = 2 * width * width + 2 * width * width // 8
    blocks = 80 * (attention + 3 * width * inner + 2 * width)
    assert found["parameters"] == blocks + 2 * words * width + width
    assert found["of_attention"] == attention and found["costs"] == [width, words * width]
    assert found["pending"]  # no weight was computed
    assert found["peak_mib"] < 1024
    assert found["boxes"] == 4 + 80 * 11 and found["last"] == [None, None, words]
    assert found["neighbours"] == 2 * 83  # a chain of 84
