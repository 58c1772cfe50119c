"""A backend of somebody else's: a package that is installed, found, used and checked.

`highlevel_tiny` imports only `highlevel_backend` and NumPy. Everything runs in subprocesses
that see the package as installed, and nothing of this repository but what is installed too.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent / "highlevel_tiny"


pytestmark = pytest.mark.xdist_group("third backend")  # one preparation for all


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The folder that the package is installed in."""
    pytest.importorskip("hatchling")
    target = tmp_path_factory.mktemp("installed")
    command = [sys.executable, "-m", "pip", "install", "--no-build-isolation", "--no-deps"]
    options = ["--disable-pip-version-check", "--quiet", "--target", str(target)]
    subprocess.run([*command, *options, str(PROJECT)], check=True, timeout=300)
    return target


def run(installed, *arguments, **variables):
    """Output of Python with the package on its path."""
    paths = [str(installed), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)} | variables
    done = subprocess.run(
        [sys.executable, *arguments],
        env=environment,
        cwd=installed,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_is_listed_and_not_loaded(installed):
    code = """
import sys
from highlevel_backend import available_backends, load_backend
assert available_backends() == ["jax", "numpy", "tiny"], available_backends()
assert "highlevel_tiny" not in sys.modules
assert load_backend("tiny").name == "tiny"
assert "highlevel" not in sys.modules and "jax" not in sys.modules
"""
    run(installed, "-c", code)


def test_it_is_chosen_by_the_environment(installed):
    code = "from highlevel_backend import get_backend; print(get_backend())"
    assert run(installed, "-c", code, HIGHLEVEL_BACKEND="tiny").strip() == "tiny"


def test_it_trains_by_hand(installed):
    code = """
import numpy as np
from highlevel_backend import current_backend, use_backend
from highlevel_backend.tree import map_leaves

with use_backend("tiny") as backend:
    generator = np.random.default_rng(0)
    x = backend.asarray(generator.normal(size=(32, 2)).astype("float32"))
    y = x[:, :1] * x[:, 1:]
    weights = [generator.normal(size=s).astype("float32") for s in ((2, 6), (6,), (6, 1))]

    def loss(weights):
        hidden = backend.xp.tanh(x @ weights[0] + weights[1])
        return backend.xp.mean((hidden @ weights[2] - y) ** 2)

    run, losses = backend.compile(backend.value_and_grad(loss)), []
    for _ in range(60):
        value, gradient = run(weights)
        losses.append(float(value))
        weights = map_leaves(lambda w, g: w - 0.1 * g, weights, gradient)
    assert losses[-1] < 0.5 * losses[0], losses
    assert weights[0].dtype == "float32"
"""
    run(installed, "-c", code)


def test_a_model_trains_on_it(installed):
    code = """
import highlevel as hl
import numpy as np

generator = np.random.default_rng(0)
x = generator.normal(size=(64, 2)).astype("float32")
y = x[:, :1] - 2 * x[:, 1:]
model = hl.Sequential([hl.Input((2,)), hl.layers.Dense(3, "tanh"), hl.layers.Dense(1)])
model.compile(hl.optimizers.SGD(0.1), "mse")
history = model.fit(x, y, epochs=5, batch_size=16, verbose=0).history["loss"]
assert history[-1] < 0.5 * history[0], history
with hl.use_backend("jax"):  # the same model, where it is used
    compiled = np.asarray(model(x))
np.testing.assert_allclose(np.asarray(model(x)), compiled, rtol=1e-4, atol=1e-5)
"""
    run(installed, "-c", code, HIGHLEVEL_BACKEND="tiny")


def test_it_conforms(installed, tmp_path):
    file = tmp_path / "test_tiny.py"
    file.write_text(
        """
from highlevel_backend.conformance import *

backend_name = "tiny"
conformance_skips = {
    "test_custom_gradient_of_one_array": "differences need a pullback that is linear",
}
"""
    )
    output = run(installed, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(file))
    assert " passed" in output and "failed" not in output
