"""`RematScope`, `remat`, `SymbolicScope`: same results, values computed again, clean state."""

import copy

import numpy as np
import pytest

import highlevel as hl

rng = np.random.default_rng(3)
X = rng.normal(size=(16, 6)).astype("float32")
Y = rng.normal(size=(16, 2)).astype("float32")


class Block(hl.layers.Layer):
    """Everything that a call can do besides computing: statistics, seeds, losses, metrics."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = hl.layers.Dense(8, activation="tanh", activity_regularizer="l2")
        self.norm = hl.layers.BatchNormalization()
        self.drop = hl.layers.Dropout(0.4, seed=5)
        self.noise = hl.layers.GaussianNoise(0.1, seed=6)
        self.calls = self.add_weight((), "zeros", trainable=False, name="calls")

    def call(self, inputs):
        self.calls.assign_add(1.0)
        x = self.drop(self.norm(self.noise(self.dense(inputs))))
        self.add_loss(0.01 * hl.ops.mean(hl.ops.square(x)))
        return x


def subclass():
    class Net(hl.Model):
        def __init__(self):
            super().__init__(name="net")
            self.block, self.end = Block(name="block"), hl.layers.Dense(2, name="end")

        def call(self, inputs):
            return self.end(self.block(inputs))

    return Net()


def functional():
    inputs = hl.Input((6,), name="x")
    x = Block(name="block")(inputs)
    return hl.Model(inputs, hl.layers.Dense(2, name="end")(x), name="net")


def sequential():
    return hl.Sequential([Block(name="block"), hl.layers.Dense(2, name="end")], name="net")


def trained(make, scope):
    hl.utils.set_random_seed(1)
    with scope:
        model = make()
    model.compile(hl.optimizers.Adam(name="adam"), "mse", metrics=["mae"])
    history = model.fit(X, Y, batch_size=8, epochs=2, shuffle=False, verbose=0).history
    return model, history


SCOPES = [
    {"mode": "full"}, {"mode": "activations"}, {"mode": "larger_than", "output_size_threshold": 20},
    {"mode": "list_of_layers", "layer_names": ["block"]},
    {"mode": "list_of_layers", "layer_names": ["net"]}, {"mode": None},
]


@pytest.mark.parametrize("options", SCOPES, ids=lambda o: "-".join(map(str, o.values())))
def test_trains_the_same(backend, options):
    make = {"full": subclass, "activations": sequential}.get(options["mode"], functional)
    model, history = trained(make, hl.RematScope(**options))
    plain, expected = trained(make, hl.RematScope(mode=None))
    for key, values in expected.items():
        np.testing.assert_allclose(history[key], values, rtol=1e-5)
    assert len(model.variables) == len(plain.variables)
    for mine, other in zip(model.variables, plain.variables):
        np.testing.assert_allclose(mine.numpy(), other.numpy(), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(model.predict(X, verbose=0), plain.predict(X, verbose=0),
                               rtol=1e-4, atol=1e-5)


def checkpoints(model, x=X):
    """How many calls the gradient's program computes again, at any depth but within others."""
    jax = pytest.importorskip("jax")
    pytest.importorskip("jax.extend.core")

    def loss(trainable, others):
        outputs, _, losses = model.stateless_call(
            trainable, others, x, training=True, return_losses=True)
        return hl.ops.sum(outputs) + sum(losses)

    def count(jaxpr):
        total = 0
        for equation in jaxpr.eqns:
            if equation.primitive.name in ("remat", "remat2", "checkpoint"):
                total += 1
                continue
            for inner in jax.extend.core.jaxprs_in_params(equation.params):
                total += count(inner)
        return total

    values = [v.value for v in model.trainable_variables]
    others = [v.value for v in model.non_trainable_variables]
    return count(jax.make_jaxpr(loss)(values, others).jaxpr)


@pytest.mark.parametrize("options, expected", [
    ({"mode": "full"}, 2),  # the block as one, and the last layer
    ({"mode": "activations"}, 1),  # the tanh; the last layer's is linear
    ({"mode": "larger_than", "output_size_threshold": 127}, 1),  # 16 x 8 > 127 > 16 x 2
    ({"mode": "larger_than", "output_size_threshold": 128}, 0),
    ({"mode": "list_of_layers", "layer_names": ["end"]}, 1),
    ({"mode": "list_of_layers", "layer_names": ["net"]}, 1),
    ({"mode": "list_of_layers"}, 0),
    ({"mode": None}, 0),
])
@pytest.mark.parametrize("make", [subclass, functional])
def test_acts_where_it_is_asked_to(options, expected, make):
    with hl.use_backend("jax"):
        with hl.RematScope(**options):
            model = make()
        model(X)
        assert checkpoints(model) == expected


def test_acts_in_the_training_step_of_numpy(monkeypatch):
    with hl.use_backend("numpy"):
        runs = []
        with hl.RematScope():
            class Counted(hl.layers.Dense):
                def call(self, inputs, training=None):
                    runs.append(training)
                    return super().call(inputs)

            model = hl.Sequential([Counted(4), hl.layers.Dense(2)])
        model.compile("sgd", "mse")
        model.train_on_batch(X, Y)
        runs.clear()
        model.train_on_batch(X, Y)
        assert runs == [True, True]  # forward, and again for the gradient
        model.predict(X, verbose=0)
        assert len(runs) == 3


def test_innermost_scope_counts_and_ends():
    with hl.use_backend("jax"):
        with hl.RematScope("full"):
            first = hl.layers.Dense(4)
            with hl.RematScope(None):
                second = hl.layers.Dense(4)
            third = hl.layers.Dense(4)
        fourth = hl.layers.Dense(4)
        model = hl.Sequential([first, second, third, fourth])
        model(X)
        assert checkpoints(model) == 2


def test_layers_made_before_and_called_within(backend):
    layers = [hl.layers.Dense(4), hl.layers.Dense(2)]
    inputs = hl.Input((6,))
    with hl.RematScope():
        x = layers[0](inputs)
    model = hl.Model(inputs, layers[1](x))
    assert [type(layer._remat_scope) for layer in layers] == [hl.RematScope, type(None)]
    if backend.name == "jax":
        assert checkpoints(model) == 1


def test_losses_stay_with_their_layers(backend):
    with hl.RematScope():
        block = Block()
    block(X, training=True)
    block(X, training=True)
    assert [len(layer.losses) for layer in (block, block.dense, block.norm)] == [2, 1, 0]
    assert float(block.calls.value) == 2.0
    assert not backend.is_abstract(block.losses[0])


def test_masks_go_through(backend):
    def outputs(scope):
        hl.utils.set_random_seed(2)

        class Twice(hl.layers.Layer):
            def __init__(self):
                super().__init__()
                self.embed = hl.layers.Embedding(5, 4, mask_zero=True)

            def call(self, ids):
                return hl.ops.multiply(self.embed(ids), 2.0)

        with scope:
            model = hl.Sequential([Twice(), hl.layers.LSTM(3), hl.layers.Dense(1)])
        ids = np.array([[1, 2, 0, 0], [3, 0, 0, 0]])
        return hl.ops.convert_to_numpy(model(ids))

    np.testing.assert_allclose(outputs(hl.RematScope()), outputs(hl.RematScope(None)), rtol=1e-6)


@pytest.mark.parametrize("make", [
    lambda: hl.layers.LSTM(3, dropout=0.3, recurrent_dropout=0.2, seed=1),
    lambda: hl.layers.Bidirectional(hl.layers.GRU(3, return_sequences=True)),
    lambda: hl.layers.TimeDistributed(hl.layers.Dense(3, activation="relu")),
    lambda: hl.layers.MultiHeadAttention(2, 3, dropout=0.2, seed=1),
    lambda: hl.layers.SpectralNormalization(hl.layers.Dense(3)),
    lambda: hl.layers.Activation("gelu"),
], ids=["lstm", "bidirectional", "time", "attention", "spectral", "activation"])
@pytest.mark.parametrize("mode", ["full", "activations"])
def test_layers_with_state_and_layers_inside(backend, make, mode):
    x = rng.normal(size=(2, 4, 3)).astype("float32")
    results = []
    for scope in (hl.RematScope(mode), hl.RematScope(None)):
        hl.utils.set_random_seed(4)
        with scope:
            layer = make()
        args = (x, x) if isinstance(layer, hl.layers.MultiHeadAttention) else (x,)
        layer(*args)
        state = [v.value for v in layer.non_trainable_variables]

        def loss(values, layer=layer, args=args, state=state):
            out, after = layer.stateless_call(values, state, *args, training=True)
            return hl.ops.sum(hl.ops.square(out)), after

        values = [v.value for v in layer.trainable_variables]
        if values:
            run = backend.compile(backend.value_and_grad(loss, has_aux=True))
            results.append(run(values))
        else:
            results.append(((loss(values)[0], []), []))
    ((a, states), grads), ((b, other_states), other_grads) = results
    for mine, other in zip([a, *states, *grads], [b, *other_states, *other_grads]):
        np.testing.assert_allclose(hl.ops.convert_to_numpy(mine), hl.ops.convert_to_numpy(other),
                                   rtol=1e-4, atol=1e-6)


def test_remat_of_a_function(backend):
    counter = hl.Variable(0.0, trainable=False)
    stream = hl.random.SeedGenerator(3)

    def noisy(x, factor=1.0, tag="a"):
        counter.assign_add(1.0)
        noise = hl.random.normal((3,), seed=stream)
        return {"y": hl.ops.sin(x * factor) * noise, "tag": tag, "none": None}

    again = hl.remat(noisy)
    x = backend.asarray(np.array([0.1, 0.2, 0.3], "float32"))
    out = again(x, factor=2.0)
    assert (out["tag"], out["none"], again.__name__) == ("a", None, "noisy")
    assert float(counter.value) == 1.0
    assert [int(i) for i in stream.state.numpy()] == [3, 1]

    def gradient(function):
        def loss(x):
            with hl.StatelessScope([(stream.state, backend.asarray(np.array([3, 0], "uint32"))),
                                    (counter, backend.asarray(0.0, "float32"))]) as scope:
                value = hl.ops.sum(function(x, factor=2.0)["y"])
            assert set(scope.updates) == {counter, stream.state}
            return value

        return backend.value_and_grad(loss)(x)

    for mine, other in zip(gradient(again), gradient(noisy)):
        np.testing.assert_allclose(backend.to_numpy(mine), backend.to_numpy(other), rtol=1e-5)


def test_remat_of_a_layer(backend):
    layer = hl.layers.BatchNormalization()
    hl.remat(layer)(X, training=True)
    assert layer.built and layer.moving_mean.numpy().any()


def test_files_and_copies_do_not_hold_it(backend, tmp_path):
    model, _ = trained(functional, hl.RematScope())
    plain, _ = trained(functional, hl.RematScope(None))
    assert model.to_json() == plain.to_json()
    hl.utils.set_random_seed(0)
    model.save(tmp_path / "m.keras")
    again = hl.saving.load_model(tmp_path / "m.keras", custom_objects={"Block": Block})
    assert again.get_layer("block")._remat_scope is None
    np.testing.assert_allclose(again.predict(X, verbose=0), model.predict(X, verbose=0),
                               rtol=1e-5, atol=1e-6)
    assert copy.deepcopy(hl.RematScope("larger_than", 5)).output_size_threshold == 5


def test_errors(backend):
    with pytest.raises(ValueError, match=r"`mode` must be one of 'full', .*got 'some'"):
        hl.RematScope("some")
    with pytest.raises(ValueError, match=r"Write `layer_names=\['dense'\]`"):
        hl.RematScope("list_of_layers", layer_names="dense")
    with pytest.raises(TypeError, match=r"remat\(relu\) was called on symbolic tensors"):
        hl.remat(hl.activations.relu)(hl.Input((3,)))
    with pytest.raises(TypeError, match="takes a function or a layer; got 3"):
        hl.remat(3)


def test_symbolic_scope_leaves_everything_as_it_was(backend):
    block = Block()
    block(X)
    before = [v.numpy() for v in block.variables]
    count = len(block.losses)
    with hl.SymbolicScope():
        assert block(X, training=True).shape == (16, 8)
        inside = hl.ops.sum(block.dense.kernel.value)
    assert float(inside) == 0.0
    for variable, value in zip(block.variables, before):
        np.testing.assert_array_equal(variable.numpy(), value)
    assert len(block.losses) <= count
