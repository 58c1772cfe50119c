"""Saves killed at random moments leave the old file or the new one; see `killed_saves`."""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

import killed_saves
import numpy as np
import pytest

import highlevel as hl


@pytest.mark.parametrize("kind", list(killed_saves.KINDS))
def test_killed(tmp_path: Path, kind: str) -> None:
    if kind == ".safetensors":
        pytest.importorskip("safetensors")
    r = random.Random(kind)
    for count in range(2):
        folder = tmp_path / str(count)
        folder.mkdir()
        killed_saves.kill_one(folder, kind, r.uniform(0, 0.2))


def test_a_list_that_is_replaced_leaves_nothing_behind(tmp_path: Path) -> None:
    model = killed_saves.model()
    path = tmp_path / "m.weights.json"
    for value in range(3):
        model.layers[0].bias.assign(np.full(256, value, "float32"))
        model.save_weights(path, max_shard_size=0.0006)
        again = killed_saves.model()
        again.load_weights(path)
        assert again.layers[0].bias.numpy()[0] == value
        assert len(os.listdir(tmp_path)) == 5  # the list and four files


def test_a_folder_changes_places_with_the_new_one(tmp_path: Path, monkeypatch: Any) -> None:
    model = hl.Sequential([hl.Input((2,)), hl.layers.Dense(1)])
    for exchange in (True, False):  # with the system's exchange, and without it
        if not exchange:
            monkeypatch.setattr("highlevel.saving.atomic._exchange", lambda a, b: False)
        model.save(tmp_path / "m", zipped=False)
        model.save(tmp_path / "m", zipped=False)
        assert os.listdir(tmp_path) == ["m"]
