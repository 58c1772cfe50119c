"""`model.trace`: values as those of intermediate models, gradients as `jax.grad` gives them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from highlevel_backend import use_backend

import highlevel as hl
from highlevel import layers, ops

RNG = np.random.default_rng(0)
X = RNG.normal(size=(16, 4)).astype("float32")
Y = X[:, :1] - 1


def nested(name="net"):
    """A nested model and a layer that is called twice."""
    x, inner = hl.Input((4,)), hl.Input((4,))
    block = hl.Model(
        inner, layers.ReLU(name="act")(layers.Dense(4, name="conv")(inner)), name="block")
    shared = layers.Dense(4, "tanh", name="shared")
    h = shared(block(shared(x)))
    model = hl.Model(x, layers.Dense(1, name="head")(h), name=name)
    model.compile("sgd", "mse")
    return model


def reference(weights, x, shifts):
    """The same network by hand; `shifts` are added to what each call returns."""
    (k, b), (ck, cb), (hk, hb) = weights
    one = jnp.tanh(x @ k + b) + shifts["shared"]
    conv = one @ ck + cb + shifts["block/conv"]
    two = jnp.tanh(jax.nn.relu(conv) @ k + b) + shifts["shared#2"]
    return jnp.mean((two @ hk + hb + shifts["head"] - Y) ** 2)


def test_values_and_gradients_of_nested_and_shared_layers(backend):
    model = nested()
    found = model.trace(X, Y)
    assert found.paths == ["shared", "block/conv", "block/act", "block", "shared#2", "head"]
    ends = [model.layers["shared"], model.layers["block/conv"], model.layers["head"]]
    weights = [[jnp.asarray(v.numpy()) for v in layer.weights] for layer in ends]
    shifts = {path: jnp.zeros(np.shape(found[path].output))
              for path in ("shared", "block/conv", "shared#2", "head")}
    loss, (of_weights, of_outputs) = jax.value_and_grad(
        lambda w, s: reference(w, X, s), argnums=(0, 1))(weights, shifts)
    close = {"rtol": 1e-4, "atol": 1e-6}
    np.testing.assert_allclose(found.loss, loss, rtol=1e-5)
    np.testing.assert_allclose(model.evaluate(X, Y, verbose=0), loss, rtol=1e-5)
    for path, gradient in of_outputs.items():
        np.testing.assert_allclose(found[path].output_gradient, gradient, **close)
    for layer, gradients in zip(ends, of_weights):
        mine = found[layer].weight_gradients
        assert list(mine) == ["kernel", "bias"]
        for got, wanted in zip(mine.values(), gradients):
            np.testing.assert_allclose(got, wanted, **close)
    np.testing.assert_array_equal(found["head"].weights["kernel"], weights[2][0])
    assert set(found["block"].weight_gradients) == {"conv/kernel", "conv/bias"}
    between = hl.Model(model.input, [
        node.outputs[0] for node in model.layers["shared"]._inbound_nodes[:2]])
    for path, wanted in zip(("shared", "shared#2"), between(X)):
        np.testing.assert_allclose(found[path].output, wanted, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found["head"].input, found["shared#2"].output)
    np.testing.assert_allclose(found.output, model(X), rtol=1e-5, atol=1e-6)


class Net(hl.Model):
    """A subclass whose layer keeps statistics, drops entries and adds to the loss."""

    def __init__(self):
        super().__init__(name="sub")
        self.norm = layers.BatchNormalization(name="norm")
        self.drop = layers.Dropout(0.5, name="drop")
        self.head = layers.Dense(1, name="head", activity_regularizer="l2")

    def call(self, x):
        return {"y": self.head(self.drop(self.norm(x)))}


def test_a_subclass_is_left_as_it_was(backend):
    model = Net()
    model.compile("sgd", {"y": "mse"})
    model(X)
    before = [v.numpy().copy() for v in model.variables]
    found = model.trace(X, {"y": Y})
    for variable, value in zip(model.variables, before):
        np.testing.assert_array_equal(variable.numpy(), value)
    assert found.paths == ["norm", "drop", "head"] and set(found.output) == {"y"}
    assert 0.2 < found["drop"].statistics.zeros < 0.8  # as in training
    assert list(found["norm"].weight_gradients) == ["gamma", "beta"]
    assert len(found["norm"].weights) == 4
    head = np.asarray(found["head"].output)
    assert float(found.loss) > np.mean((head - Y) ** 2) + 1e-6
    plain = model.trace(X)
    assert plain.loss is None and plain["drop"].statistics.zeros == 0
    assert plain["drop"].output_gradient is None and plain["drop"].weight_gradients == {}


def test_one_program():
    with use_backend("jax") as backend:
        model = nested()
        model.trace(X, Y)
        compiled = backend.compile_count
        model.trace(X + 1, Y)
        assert backend.compile_count == compiled
        model.layers["head"].trainable = False
        assert "kernel" not in model.trace(X, Y)["head"].weight_gradients
        assert backend.compile_count == compiled + 1


class Cell(layers.Layer):
    state_size = 3

    def build(self, shape):
        self.inner = layers.Dense(3, name="inner")
        self.inner.build(shape)

    def call(self, x, states):
        y = self.inner(x) + states[0]
        return y, [y]


def test_loops(backend):
    model = hl.Sequential([hl.Input((5, 2)), layers.RNN(Cell(name="cell"), name="rnn")])
    found = model.trace(np.ones((3, 5, 2)))
    assert found.paths == ["rnn"] and set(found.looped) == {"rnn/cell", "rnn/cell/inner"}
    assert "'rnn/cell' runs inside of a loop" in repr(found)
    with pytest.raises(KeyError, match="'rnn/cell' runs inside of a loop"):
        found["rnn/cell"]


class Log(layers.Layer):
    def call(self, x):
        return ops.log(x)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_marks():
    with use_backend("numpy"):
        model = hl.Sequential([
            hl.Input((4,)),
            layers.Dense(6, "relu", name="one", bias_initializer=lambda s, dtype: np.array(
                [1, 1, 1, -99, -99, 1], dtype)),
            layers.Rescaling(1e-6, name="small"), layers.Rescaling(1e6, name="large"),
            layers.Dense(1, name="two")])
        model.compile("sgd", "mse")
        found = model.trace(X, Y)
        assert found["one"].dead == (2, 6)
        rows = {row[0]: row[-1] for row in found._tables()[0].rows}
        assert rows["one"].startswith("2 of 6 units dead") and rows["two"] == ""
        assert "gradient explodes" in rows["small"] and "2 of 6" in rows["small"]
        model.layers["large"].scale = 1e-6
        assert "gradient vanishes" in repr(model.trace(X, Y))

        bad = hl.Sequential([hl.Input((4,)), layers.Dense(3, name="d"), Log(name="log"),
                             layers.Dense(1, name="e")])
        found = bad.trace(X)
        assert found.first_nonfinite is found["log"] and found["e"].statistics.nans
        assert repr(found).count("first not finite") == 1
        assert 'class="hl-bad"' in found._repr_html_()


def test_errors():
    with use_backend("numpy"):
        model = nested()
        found = model.trace(X)
        with pytest.raises(KeyError, match=r"called at 'conv'\. Did you mean 'block/conv'"):
            found["conv"]
        with pytest.raises(KeyError, match="Did you mean 'head'"):
            found["heads"]
        assert found["net/head"] is found[-1] and len(found[1:3]) == 2 and len(found) == 6
        fresh = hl.Sequential([layers.Dense(1)])
        assert len(fresh.trace(X)) == 1
        with pytest.raises(RuntimeError, match="compile"):
            fresh.trace(X, Y)
