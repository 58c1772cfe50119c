"""The examples that take gradients inside of models: the same on every backend."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import highlevel as hl

FOLDER = Path(__file__).parents[2] / "examples"
# Few steps: rounding differs between the backends, and training lets differences grow.
RUNS = {
    "grad_cam": {"samples": 64, "epochs": 1, "shown": 1},
    "wgan_gp": {"steps": 4, "batch": 8},
    "physics_informed": {"epochs": 5, "points": 9},
}


def run(name, **sizes):
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main(**sizes)


@pytest.mark.parametrize("name", RUNS)
def test_backends_agree(name, capsys):
    sizes = RUNS[name]
    found = []
    for backend in ("numpy", "jax"):
        with hl.use_backend(backend):
            found.append(run(name, **sizes))
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)
    assert capsys.readouterr().out


def test_the_oscillator_is_learnt():
    with hl.use_backend("numpy"):
        losses, error, _ = run("physics_informed", epochs=600, points=24)
    assert losses[-1] < losses[0] / 50
    assert error < 0.5
