"""Two backends, and half precision, layer by layer."""

import numpy as np
import pytest
from highlevel_backend import load_backend, use_backend

import highlevel as hl
from highlevel import layers, ops

RNG = np.random.default_rng(0)
X = RNG.normal(size=(6, 5, 4)).astype("float32")
Y = X[:, 0, :1]


class Odd(layers.Layer):
    """Not the same everywhere."""

    def call(self, x):
        return x + 0.5 if ops.convert_to_tensor(0.0).__class__.__module__ == "numpy" else x * 1.0


def make(*middle):
    hl.utils.set_random_seed(0)
    model = hl.Sequential([
        hl.Input((5, 4)), layers.Dense(4, name="in"), *middle, layers.LSTM(3, name="lstm"),
        layers.Dropout(0.5, name="drop"), layers.Dense(1, name="out")], name="net")
    model.compile("sgd", "mse")
    return model


def test_backends_that_agree():
    found = make().compare_backends(X, Y, training=True)
    assert [d.path for d in found] == ["in", "lstm", "drop", "out"]
    assert found.first is None and found.first_gradient is None
    assert all(d.relative < 1e-5 and d.gradient < 1e-4 for d in found)


def test_the_first_layer_that_departs():
    model = make(Odd(name="odd"))
    found = model.compare_backends(X)
    assert found.first.path == "odd" and found["in"].relative < 1e-5
    np.testing.assert_allclose(found["odd"].output, 0.5, rtol=1e-5)
    assert "departs first" in repr(found) and found.first_gradient is None
    with pytest.raises(KeyError, match="Did you mean 'odd'"):
        found["od"]
    with pytest.raises(ValueError, match="two names"):
        model.compare_backends(X, backends=("numpy",))


def test_a_wrong_kernel_is_named_by_its_layer(monkeypatch):
    backend = load_backend("numpy")
    good = backend.kernels["lstm_sequence"]

    def wrong(*args, **kwargs):
        return tuple(part + 0.1 for part in good(*args, **kwargs))

    monkeypatch.setattr(type(backend), "kernels", {**backend.kernels, "lstm_sequence": wrong})
    assert make().compare_backends(X).first.path == "lstm"


@pytest.mark.parametrize("name", ["numpy", "jax"])
def test_precision(name):
    with use_backend(name):
        model = make(layers.Rescaling(1e4, name="big"), layers.Rescaling(1e2, name="bigger"))
        before = [layer.dtype_policy.name for layer in model.layers]
        found = model.precision_report(X)
        assert [layer.dtype_policy.name for layer in model.layers] == before
        assert str(model(X).dtype) == "float32"
        assert found.first_overflow is found["bigger"] and found["bigger"].overflows > 0
        assert found["bigger"].of_range > 1 > found["big"].of_range and "overflows first" in repr(found)
        kernel, bias = (v.numpy() for v in model.layers["in"].weights)
        exact = X @ kernel + bias
        half = X.astype("float16") @ kernel.astype("float16") + bias.astype("float16")
        wanted = np.linalg.norm(half.astype("float32") - exact) / np.linalg.norm(exact)
        assert 0.3 * wanted < found["in"].error < 3 * wanted
        assert found["big"].input_error == found["in"].error and found["big"].vanishes == 0
        tiny = make(layers.Rescaling(1e-8, name="tiny")).precision_report(X)
        assert tiny["tiny"].vanishes > 0.3
        assert model.precision_report(X, "bfloat16").first_overflow is None
        with pytest.raises(ValueError, match="Did you mean 'bfloat16'"):
            model.precision_report(X, "bfloat")
