"""Programs kept on disk: a second process finds them, and the ledger tells."""

import os
import subprocess
import sys

import pytest

from highlevel import config

CODE = """
import sys
import numpy as np
import highlevel as hl
if sys.argv[1:]:
    hl.config.set_compilation_cache(sys.argv[1])
model = hl.Sequential([hl.Input((3,)), hl.layers.Dense(2)])
model(np.ones((4, 3), "float32"))
print(hl.config.compilation_cache(), [each.cached for each in model.compilations])
"""


def run(*arguments, **environment):
    result = subprocess.run(
        [sys.executable, "-c", CODE, *arguments], capture_output=True, text=True,
        env={**os.environ, "HIGHLEVEL_BACKEND": "jax", **environment},
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def test_a_second_process_finds_the_programs(tmp_path):
    directory = str(tmp_path / "programs")
    assert run(directory) == f"{directory} [False]"
    assert os.listdir(directory)
    assert run(HIGHLEVEL_COMPILATION_CACHE=directory) == f"{directory} [True]"


def test_the_setting_is_taken_back(tmp_path, monkeypatch):
    monkeypatch.setenv("HIGHLEVEL_COMPILATION_CACHE", "")
    before = config.compilation_cache()
    try:
        config.set_compilation_cache(tmp_path)
        assert config.compilation_cache() == str(tmp_path)
    finally:
        config.set_compilation_cache(before)
    assert not config.compilation_cache()


def test_a_directory_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError):
        config.set_compilation_cache(tmp_path / "file" / "inside")
