"""`RematScope`, `remat` and `rematerialized_call` against Keras: the same numbers with and without."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import numpy as np
import pytest
from highlevel_backend import use_backend

import highlevel as hl

keras = pytest.importorskip("keras")
jax = pytest.importorskip("jax")
pytestmark = pytest.mark.parity

X = np.linspace(-1, 1, 48, dtype="float32").reshape(8, 6)
Y = np.linspace(0, 1, 8, dtype="float32")[:, None]
WEIGHTS = [np.linspace(-1, 1, 24, dtype="float32").reshape(6, 4), np.zeros(4, "float32"),
           np.linspace(1, -1, 4, dtype="float32")[:, None], np.zeros(1, "float32")]


def history(library, options):
    """Losses of two epochs of a model made in a scope."""
    with library.RematScope(**options):
        model = library.Sequential([
            library.Input((6,)), library.layers.Dense(4, activation="gelu", name="wide"),
            library.layers.Dense(1),
        ])
    model.set_weights(WEIGHTS)
    model.compile(library.optimizers.SGD(0.1), "mse", run_eagerly=library is keras)
    return model.fit(X, Y, batch_size=8, epochs=2, shuffle=False, verbose=0).history["loss"]


@pytest.fixture(scope="module")
def expected():
    return history(keras, {"mode": None})


@pytest.mark.parametrize("options", [
    {"mode": "full"}, {"mode": "activations"},
    {"mode": "larger_than", "output_size_threshold": 8},
    {"mode": "list_of_layers", "layer_names": ["wide"]},
], ids=lambda o: o["mode"])
def test_histories(expected, options):
    with use_backend("numpy"):
        np.testing.assert_allclose(history(hl, options), expected, rtol=2e-5)
    if options["mode"] == "full":  # "larger_than" of Keras fails on a Dense layer
        np.testing.assert_allclose(history(keras, options), expected, rtol=2e-5)


def test_gradients_of_a_function(backend):
    def theirs(x):
        return keras.ops.sum(keras.remat(lambda x: keras.ops.sin(x) * keras.ops.exp(x))(x))

    def ours(x):
        return hl.ops.sum(hl.remat(lambda x: hl.ops.sin(x) * hl.ops.exp(x))(x))

    found = backend.to_numpy(hl.ops.grad(ours)(backend.asarray(X)))
    np.testing.assert_allclose(found, jax.grad(theirs)(X), rtol=1e-5)


@pytest.mark.parametrize("mode, wanted", [("full", True), ("activations", False), (None, False)])
def test_the_call_of_a_layer(mode, wanted):
    """A layer that asks which call to make is given another one where the scope wants that."""
    for library in (hl, keras):
        with library.RematScope(mode):
            layer = library.layers.Dense(2)
        layer.build((None, 6))
        given = layer.rematerialized_call(layer.call)
        with use_backend("numpy"):
            np.testing.assert_allclose(given(X), layer.call(X), rtol=1e-6)
        if library is hl:
            assert (given != layer.call) == wanted
