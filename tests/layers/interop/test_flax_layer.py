"""Flax modules as layers, against the modules themselves."""

import sys

import numpy as np
import pytest
from highlevel_backend import use_backend

import highlevel as hl

X = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")


def test_without_flax_the_error_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "flax", None)
    with pytest.raises(ImportError, match=r"pip install \"highlevel\[flax\]\""):
        hl.layers.FlaxLayer(object())


def modules():
    """A module class that can be saved; Flax is loaded only where it is there."""
    pytest.importorskip("flax")
    from flax import linen

    class Net(linen.Module):
        units: int = 2

        @linen.compact
        def __call__(self, inputs, training):
            x = linen.BatchNorm(use_running_average=not training)(inputs)
            x = linen.Dropout(0.5, deterministic=not training)(linen.Dense(self.units)(x))
            self.sow("intermediates", "seen", x)
            return x

        @linen.compact
        def doubled(self, inputs):
            return 2 * linen.Dense(self.units)(inputs)

        def get_config(self):
            return {"units": self.units}

        @classmethod
        def from_config(cls, config):
            return cls(**config)

    return Net


def test_values_are_the_modules(backend):
    net = modules()()
    layer = hl.layers.FlaxLayer(net, name="net", seed=1)
    out = layer(X)
    assert backend.is_array(out)
    assert [(w.path, w.trainable) for w in layer.weights] == [
        ("net/BatchNorm_0.bias", True), ("net/BatchNorm_0.scale", True),
        ("net/Dense_0.bias", True), ("net/Dense_0.kernel", True),
        ("net/batch_stats.BatchNorm_0.mean", False), ("net/batch_stats.BatchNorm_0.var", False)]
    names = ["BatchNorm_0/bias", "BatchNorm_0/scale", "Dense_0/bias", "Dense_0/kernel"]
    params: dict = {"BatchNorm_0": {}, "Dense_0": {}}
    for name, value in zip(names, layer.get_weights()):
        module, weight = name.split("/")
        params[module][weight] = value
    mean, var = layer.get_weights()[4:]
    variables = {"params": params, "batch_stats": {"BatchNorm_0": {"mean": mean, "var": var}}}
    np.testing.assert_allclose(
        np.asarray(out), np.asarray(net.apply(variables, X, False)), atol=1e-6)
    assert (np.asarray(layer(X, training=True)) == 0).any()
    np.testing.assert_allclose(layer.get_weights()[4], 0.01 * X.mean(0), rtol=1e-4)
    given = hl.layers.FlaxLayer(net, variables=variables)
    np.testing.assert_allclose(np.asarray(given(X)), np.asarray(out), atol=1e-6)


def test_methods_by_name_and_as_functions(backend):
    net = modules()()

    def through(module, inputs):
        return module.doubled(inputs) / 2

    named = hl.layers.FlaxLayer(net, method="doubled")
    named(X)
    other = hl.layers.FlaxLayer(net, method=through)
    other(X)
    other.set_weights(named.get_weights())
    np.testing.assert_allclose(np.asarray(named(X)), 2 * np.asarray(other(X)), atol=1e-6)


def test_trained_saved_and_loaded(tmp_path):
    Net = modules()
    with use_backend("jax"):
        model = hl.Sequential([hl.Input((3,)), hl.layers.FlaxLayer(Net(2))])
        model.compile("adam", "mse")
        before = model.get_weights()
        model.fit(X, X[:, :2], epochs=2, batch_size=4, verbose=0)
        assert all(np.abs(a - b).max() > 1e-5 for a, b in zip(before, model.get_weights()))
        model.save(tmp_path / "m.keras")
        again = hl.saving.load_model(tmp_path / "m.keras", custom_objects={"Net": Net})
        np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))
        assert again.layers[-1].module == Net(2)


def test_errors():
    modules()
    from flax import linen
    with pytest.raises(ValueError, match="takes an object of `flax"):
        hl.layers.FlaxLayer(linen.Dense)
    with pytest.raises(TypeError, match="has no `get_config`"):
        hl.layers.FlaxLayer(linen.Dense(2)).get_config()
