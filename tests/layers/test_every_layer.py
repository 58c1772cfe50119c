"""The generic checks over the table of layers: a case per row."""

import numpy as np
import pytest
from highlevel_backend import use_backend

from highlevel import layers

from . import check
from .table import LAYERS, ROWS, of_layer

rows = pytest.mark.parametrize("one", ROWS, ids=str)
#: layers that abstract evaluation may find the shapes of
OF_OTHERS = ("Pipeline",)


@pytest.fixture
def on_numpy():
    # Nothing need be compiled: the backends are compared below.
    with use_backend("numpy"):
        yield


@rows
def test_config(one, on_numpy):
    check.check_config(one)


@pytest.mark.parametrize("one", [r for r in ROWS if r.name not in OF_OTHERS], ids=str)
def test_symbolic_shapes_are_eager_ones(one, on_numpy, monkeypatch):
    check.check_shapes(one, monkeypatch)


@pytest.mark.parametrize("one", [r for r in ROWS if r.full and "dtype" not in r.args], ids=str)
def test_mixed_precision(one, on_numpy):
    check.check_mixed_precision(one)


@rows
def test_models(one, on_numpy):
    check.check_models(one)


@pytest.mark.parametrize("one", [
    r for r in ROWS if check.has_data_formats(r) and len(r.leaves[0].shape) > 2], ids=str)
def test_data_formats(one, on_numpy):
    check.check_data_formats(one)


@pytest.mark.parametrize(
    "name", [n for n in LAYERS if any(r.trains and not r.random for r in of_layer(n))])
def test_backends_learn_alike(name):
    rows = [r for r in of_layer(name) if r.trains and not (r.random or r.batch)][:2]
    results = []
    for backend in ("numpy", "jax"):
        with use_backend(backend):
            results.append(check.learned(name, rows))
    for mine, other in zip(*results, strict=True):
        assert mine.dtype == other.dtype
        np.testing.assert_allclose(mine, other, rtol=2e-4, atol=2e-4)


def test_the_table_has_every_layer():
    """Each layer at least three times, but for what makes or describes layers."""
    made_elsewhere = {
        "FlaxLayer", "InputLayer", "JaxLayer", "Lambda", "Layer", "Wrapper",
    }
    for name in layers.__all__:
        cls = getattr(layers, name)
        if "augmentation" in cls.__module__:
            continue  # tests/layers/preprocessing/test_augmentation.py has those
        if isinstance(cls, type) and issubclass(cls, layers.Layer) and name not in made_elsewhere:
            own = [r for r in ROWS if getattr(layers, r.name) is cls]
            assert len(own) >= 3, f"{name}: {len(own)} rows in tests/layers/table"
