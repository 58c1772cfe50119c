"""Layers made of pure functions: weights, state, keys, files, both backends."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from highlevel_backend import use_backend

import highlevel as hl

layers = hl.layers
X = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")


def init(rng, inputs, training):
    return {
        "w": jax.random.normal(rng, (inputs.shape[-1], 2)), "b": [jnp.zeros(2)],
    }, {"calls": jnp.zeros((), "int32")}


def call(params, state, rng, inputs, training):
    outputs = jnp.dot(inputs, params["w"]) + params["b"][0]
    if training:
        outputs = outputs * jax.random.bernoulli(rng, 0.5, outputs.shape)
    return outputs, {"calls": state["calls"] + 1}


def plain(params, inputs):
    """Operators alone: any backend's arrays."""
    return inputs @ params["w"] + params["b"]


def known():
    return {"w": X.T @ X, "b": np.ones(3, "float32")}


def test_weights_and_values(backend):
    layer = layers.JaxLayer(call, init, seed=3, name="net")
    out = layer(X)
    assert backend.is_array(out)
    assert [(w.path, w.shape, w.dtype, w.trainable) for w in layer.weights] == [
        ("net/b.0", (2,), "float32", True), ("net/w", (3, 2), "float32", True),
        ("net/calls", (), "int32", False)]
    w = layer.params["w"].numpy()
    np.testing.assert_array_equal(
        w, jax.random.normal(jnp.array([3, 2**32 - 1], "uint32"), (3, 2)))
    np.testing.assert_allclose(np.asarray(out), X @ w, atol=1e-5)
    one, two = np.asarray(layer(X, training=True)), np.asarray(layer(X, training=True))
    assert (one == 0).any()
    assert (one != two).any()
    assert int(layer.state["calls"].numpy()) == 3
    # Symbolic, with unknown lengths; nothing is counted.
    assert layer(hl.Input((None, 3))).shape == (None, None, 2)
    assert int(layer.state["calls"].numpy()) == 3


def test_built_within_a_trace_and_trained():
    class Outer(hl.Model):
        def __init__(self):
            super().__init__()
            self.inner = layers.JaxLayer(call, init, seed=1)
            self.last = layers.Dense(1)

        def call(self, inputs):
            return self.last(self.inner(inputs))

    with use_backend("jax"):
        model = Outer()
        model.compile("sgd", "mse")
        model.fit(X, X[:, :1], epochs=2, batch_size=2, verbose=0)
        assert int(model.inner.state["calls"].numpy()) == 4
        first = jax.random.normal(jnp.array([1, 2**32 - 1], "uint32"), (3, 2))
        assert np.abs(model.inner.params["w"].numpy() - np.asarray(first)).max() > 1e-5


def test_operators_train_on_every_backend():
    results = []
    for name in ("numpy", "jax"):
        with use_backend(name):
            model = hl.Sequential([hl.Input((3,)), layers.JaxLayer(
                plain, params={"w": np.eye(3, dtype="float32"), "b": np.zeros(3, "float32")})])
            model.compile("sgd", "mse")
            model.fit(X, 2 * X, epochs=3, batch_size=4, verbose=0)
            results.append(model.get_weights())
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    assert np.abs(results[0][1] - np.eye(3)).max() > 1e-3


@pytest.mark.parametrize("convert", [jnp.dot, lambda a, b: jnp.asarray(np.ones((4, 2), "float32"))])
def test_a_lost_gradient_is_an_error(convert):
    with use_backend("numpy"):
        layer = layers.JaxLayer(
            lambda params, inputs: convert(inputs, params), params=np.ones((3, 2), "float32"))
        model = hl.Sequential([hl.Input((3,)), layer])
        model.compile("sgd", "mse")
        with pytest.raises(TypeError) as caught:
            model.fit(X, X[:, :2], verbose=0)
        text = str(caught.value) + "".join(caught.value.__notes__)
        assert "cannot take gradients of another library's functions" in text
        assert model.predict(X, verbose=0).shape == (4, 2)


def test_trees_in_and_out(backend):
    def both(params, inputs):
        a, b = inputs["pair"]
        return {"sum": (a + b) * params, "product": a * b}

    layer = layers.JaxLayer(both, params=2.0)
    out = layer({"pair": (X, 3 * X)})
    np.testing.assert_allclose(np.asarray(out["sum"]), 8 * X, rtol=1e-6)
    np.testing.assert_allclose(np.asarray(out["product"]), 3 * X * X, rtol=1e-6)
    assert layer.params.path.endswith("/params")


def test_mixed_precision(backend):
    def count(params, state, inputs):
        return inputs * params, state + 1

    layer = layers.JaxLayer(count, params=np.ones(3), state=np.zeros(3), dtype="mixed_bfloat16")
    assert str(layer(X).dtype) == "bfloat16"
    assert [w.dtype for w in layer.weights] == ["float32", "float32"]


def test_saved_and_loaded(backend, tmp_path):
    objects = {"call": call, "init": init, "plain": plain}
    for index, make in enumerate([
        lambda: layers.JaxLayer(call, init, seed=5),
        lambda: layers.JaxLayer(plain, params=known()),  # no `init_fn`: shapes are in the file
    ]):
        layer = make()
        model = hl.Sequential([hl.Input((3,)), layer])
        expected = model.predict(X, verbose=0)
        model.save(tmp_path / f"{index}.keras")
        again = hl.saving.load_model(tmp_path / f"{index}.keras", custom_objects=objects)
        np.testing.assert_array_equal(again.predict(X, verbose=0), expected)
        assert again.layers[-1].get_config() == layer.get_config()


def test_models_made_for_integers(backend, tmp_path):
    def table(rng, inputs):
        assert str(inputs.dtype) == "int32"
        return jnp.ones((5, 2))

    def look_up(params, inputs):
        return params[inputs]

    model = hl.Sequential([
        hl.Input((3,), dtype="int32"), layers.JaxLayer(look_up, table)])
    assert model.output.shape == (None, 3, 2)
    model.save(tmp_path / "m.keras")
    again = hl.saving.load_model(
        tmp_path / "m.keras", custom_objects={"table": table, "look_up": look_up})
    assert again.layers[-1].built


def test_errors(backend):
    with pytest.raises(ValueError, match="nothing to make them of"):
        layers.JaxLayer(plain)
    with pytest.raises(ValueError, match="no parameter 'inputs'"):
        layers.JaxLayer(lambda params: params, params=1.0)
    with pytest.raises(ValueError, match=r"`trainin`, .*Did you mean 'training'"):
        layers.JaxLayer(lambda inputs, trainin: inputs)
    with pytest.raises(ValueError, match="no parameter 'rng'"):
        layers.JaxLayer(plain, lambda inputs: inputs)
    with pytest.raises(ValueError, match="no `state` was given"):
        layers.JaxLayer(lambda params, state, inputs: (inputs, state), params=1.0)(X)
    with pytest.raises(ValueError, match=r"must return the pair \(outputs, new state\)"):
        layers.JaxLayer(lambda state, inputs: inputs, state=1.0)(X)
    with pytest.raises(ValueError, match=r"another structure .*\['b'\] instead of \['a'\]"):
        layers.JaxLayer(
            lambda state, inputs: (inputs, {"b": 1.0}), state={"a": np.zeros(())})(X)
    with pytest.raises(ValueError, match="entry 'a' of `params` is no array"):
        layers.JaxLayer(lambda params, inputs: inputs, params={"a": object()})(X)
