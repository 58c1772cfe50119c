"""Checkpoints by Orbax, both ways with Keras."""

import numpy as np
import pytest

import highlevel as hl

keras = pytest.importorskip("keras")

pytestmark = pytest.mark.parity

RNG = np.random.default_rng(0)
X = RNG.normal(size=(48, 4)).astype("float32")
Y = X[:, :1] - X[:, 1:2]


def make(k):
    model = k.Sequential([
        k.Input((4,)), k.layers.Dense(5, activation="relu", name="one"),
        k.layers.BatchNormalization(name="norm"), k.layers.Dense(1, name="two")], name="net")
    model.compile(k.optimizers.Adam(0.02, name="adam"), "mse", metrics=["mae"])
    return model


def fit(model, k, directory=None, **options):
    given = [] if directory is None else [
        k.callbacks.OrbaxCheckpoint(str(directory), monitor="loss", **options)]
    return model.fit(X, Y, batch_size=16, epochs=2, shuffle=False, verbose=0, callbacks=given)


def continues(one, other):
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    first, second = fit(one, None).history, fit(other, None).history
    assert list(first) == list(second)
    for name in first:
        np.testing.assert_allclose(first[name], second[name], rtol=1e-4)


# Keras's own `load_model` leaves the weights of such a model as they were initialised: it looks
# for them under paths without the model's name.
@pytest.mark.parametrize("writer, reader, way", [
    (keras, hl, "load_model"), (keras, hl, "load_weights"), (hl, keras, "load_weights"),
], ids=["theirs", "their weights", "our weights"])
def test_checkpoints(tmp_path, writer, reader, way):
    with hl.use_backend("jax"):
        model = make(writer)
        fit(model, writer, tmp_path / "c")
        if way == "load_model":
            loaded = reader.models.load_model(str(tmp_path / "c"))
        else:
            loaded = make(reader)
            loaded.fit(X[:16], Y[:16], verbose=0)  # the optimizer has its variables
            loaded.load_weights(str(tmp_path / "c"))
        continues(model, loaded)


def test_weights_only_and_numpy(tmp_path):
    """What Keras saved is read on NumPy, too."""
    model = make(keras)
    fit(model, keras, tmp_path / "c", save_weights_only=True)
    with hl.use_backend("numpy"):
        loaded = make(hl)
        loaded.load_weights(str(tmp_path / "c"))
        np.testing.assert_allclose(
            loaded.predict(X, verbose=0), model.predict(X, verbose=0), rtol=1e-5, atol=1e-6)
