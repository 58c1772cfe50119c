"""Compiled calls of models: as right as eager ones, and short however large the model is."""

import gc
import sys

import numpy as np
import pytest
from highlevel_backend import use_backend

import highlevel as hl
from highlevel.training import filling

X = np.linspace(-1, 1, 8 * 4, dtype="float32").reshape(8, 4)
Y = np.ones((8, 4), "float32")

#: calls that Python's profiler may see in one call of the library, Python's own and C's; two of
#: `model(x)` only where some array in the process has a mask
LIMITS = {"call": 22, "predict": 43, "predict later": 23, "train_on_batch": 40,
          "test_on_batch": 38, "predict_on_batch": 30}


@pytest.fixture
def jax_backend():
    with use_backend("jax") as backend:
        yield backend


def calls_of(function):
    """How many functions Python calls, its own and C's, while a function runs."""
    count = 0

    def profiler(frame, event, argument):
        nonlocal count
        count += event in ("call", "c_call")

    gc.disable()  # JAX is called when Python collects, at any time
    sys.setprofile(profiler)
    try:
        function()
    finally:
        sys.setprofile(None)
        gc.enable()
    return count - 1  # taking the profiler off again


def dense(depth):
    model = hl.Sequential([hl.Input((4,)), *(hl.layers.Dense(4) for _ in range(depth))])
    model.compile("adam", "mse")
    return model


pytestmark = pytest.mark.xdist_group("calls")  # one preparation for all


@pytest.fixture(scope="module")
def counts():
    """Method → calls seen, for a model of 2 layers and one of 12."""
    found = {}
    with use_backend("jax"), pytest.MonkeyPatch.context() as patch:
        patch.setattr(filling, "PATIENCE", float("inf"))  # no change of programs meanwhile
        for depth in (2, 12):
            model = dense(depth)
            for name, call in {
                "call": lambda m=model: m(X),
                "predict": lambda m=model: m.predict(X[:1], verbose=0),
                "train_on_batch": lambda m=model: m.train_on_batch(X, Y),
                "test_on_batch": lambda m=model: m.test_on_batch(X, Y),
                "predict_on_batch": lambda m=model: m.predict_on_batch(X),
            }.items():
                for _ in range(3):
                    call()
                found.setdefault(name, []).append(calls_of(call))
            sizes, = model._program("predict").filling._kinds.values()
            sizes._calls[1] = filling.MANY_CALLS  # one row has a program of its own from now on
            sizes._decided.clear()
            for _ in range(3):
                model.predict(X[:1], verbose=0)
            later = calls_of(lambda m=model: m.predict(X[:1], verbose=0))
            found.setdefault("predict later", []).append(later)
    return found


@pytest.mark.parametrize("method", LIMITS)
def test_a_call_is_short_and_as_short_for_a_deep_model(counts, method):
    shallow, deep = counts[method]
    assert shallow == deep
    assert 3 < deep <= LIMITS[method], deep


def of_two(kind):
    """A model of two inputs, and what makes an argument for it of two arrays."""
    a, b = hl.Input((4,), name="a"), hl.Input((), dtype="int32", name="b")
    x = hl.layers.Concatenate()([a, hl.layers.Embedding(5, 3)(b)])
    inputs = {"list": [a, b], "tuple": (a, b), "dict": {"b": b, "a": a}}[kind]
    model = hl.Model(inputs, hl.layers.Dense(2)(x))
    make = {"list": lambda a, b: [a, b], "tuple": lambda a, b: (a, b),
            "dict": lambda a, b: {"a": a, "b": b}}[kind]
    return model, make


@pytest.mark.parametrize("kind", ["list", "tuple", "dict"])
def test_calls_with_several_arrays_are_short_and_right(kind, jax_backend):
    model, make = of_two(kind)
    rows = np.arange(8, dtype="int32") % 5
    model.run_eagerly = True
    expected = [np.asarray(model(make(X * i, rows[::-1] if i > 3 else rows))) for i in range(6)]
    model.run_eagerly = False
    for i in range(6):
        given = make(X * i, rows[::-1].copy() if i > 3 else rows)
        np.testing.assert_allclose(model(given), expected[i], rtol=1e-5, atol=1e-6)
    assert calls_of(lambda: model(make(X, rows))) <= 30
    # Other dtypes, other arrays and other numbers of rows are right as well.
    for given in (make(X.astype("float64"), rows),
                  make(jax_backend.asarray(X), rows.astype("int64"))):
        np.testing.assert_allclose(model(given), expected[1], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(model(make(X[:3], rows[:3])), expected[1][:3], rtol=1e-5, atol=1e-6)
    kernel = model.layers[-1].kernel
    kernel.assign(kernel.value * 0)
    assert not np.asarray(model(make(X, rows))).any()


def test_a_dict_without_an_input_is_told_of(jax_backend):
    model, make = of_two("dict")
    for _ in range(2):
        model(make(X, np.zeros(8, "int32")))
    with pytest.raises(ValueError, match="b"):
        model({"a": X})
    with pytest.raises(ValueError, match="b"):
        model({"a": X, "c": np.zeros(8, "int32")})


class Everything(hl.layers.Layer):
    """A loss, a state and a random number in one layer."""

    def build(self, shape):
        self.calls = self.add_weight((), "zeros", trainable=False, name="calls")
        self.seed = hl.random.SeedGenerator(3)

    def call(self, x, training=None):
        self.add_loss(hl.ops.sum(x) * (2.0 if training else 1.0))
        self.calls.assign_add(1.0)
        return x + hl.random.uniform(hl.ops.shape(x)[-1:], seed=self.seed)


def test_state_losses_and_training_as_eagerly(backend):
    def run(eagerly):
        layer = Everything()
        model = hl.Sequential([hl.Input((4,)), layer, hl.layers.BatchNormalization()])
        model.compile("sgd", "mse", run_eagerly=eagerly)
        seen = []
        for rows, training in ((8, None), (8, None), (8, True), (8, True), (4, None), (8, True)):
            out = np.asarray(model(X[:rows], training=training) if training else model(X[:rows]))
            seen += [out, float(model.losses[0]), len(model.losses), float(layer.calls.value)]
        return [*seen, *model.get_weights()]

    for a, b in zip(run(False), run(True)):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_losses_of_layers_called_alone_end_with_the_models_next_call(jax_backend):
    layer = Everything()
    model = hl.Sequential([hl.Input((4,)), layer])
    model(X), model(X)
    layer(X)
    assert len(model.losses) == 2
    model(X)
    assert len(model.losses) == 1


def test_a_changed_model_or_weight_counts_at_once(jax_backend):
    model = dense(1)
    for _ in range(2):
        before = np.asarray(model(X))
        predicted = model.predict(X, verbose=0)
        on_batch = model.predict_on_batch(X)
    kernel = model.layers[0].kernel
    kernel.assign(kernel.value * 2)
    for found, old in ((model(X), before), (model.predict(X, verbose=0), predicted),
                       (model.predict_on_batch(X), on_batch)):
        np.testing.assert_allclose(found, 2 * np.asarray(old), rtol=1e-5)
    model.layers[0].activation = hl.activations.relu
    for found in (model(X), model.predict(X, verbose=0), model.predict_on_batch(X)):
        assert np.asarray(found).min() == 0
    with use_backend("numpy"):
        assert isinstance(model(X), np.ndarray)
        kernel.assign(np.zeros((4, 4), "float32"))
    assert np.abs(np.asarray(model(X))).max() == 0
    assert np.abs(model.predict_on_batch(X)).max() == 0


def test_training_goes_on_from_what_was_assigned(jax_backend):
    def trained(interfere):
        model = hl.Sequential([hl.Input((4,)), hl.layers.Dense(4, kernel_initializer="ones")])
        model.compile(hl.optimizers.SGD(0.1, momentum=0.9), "mse")
        for step in range(4):
            if step == 2:
                interfere(model)
            model.train_on_batch(X, Y)
        return model.get_weights()

    def reading(model):
        model.predict(X, verbose=0), model(X)
        with use_backend("numpy"):
            model(X)

    def assigning(model):
        model.set_weights([w * 0 for w in model.get_weights()])

    plain = trained(lambda model: None)
    for a, b in zip(plain, trained(reading)):
        np.testing.assert_array_equal(a, b)
    assert np.abs(plain[0] - trained(assigning)[0]).max() > 0.1
    with use_backend("numpy"):
        reference = trained(assigning)
    for a, b in zip(reference, trained(assigning)):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_the_optimizers_changes_count_at_once(jax_backend):
    model = dense(1)
    model.compile(hl.optimizers.SGD(0.1), "mse")
    for _ in range(2):
        model.train_on_batch(X, Y)
    before = model.get_weights()
    model.optimizer.learning_rate = 0.0
    model.train_on_batch(X, Y)
    np.testing.assert_array_equal(before[0], model.get_weights()[0])
    model.optimizer = hl.optimizers.SGD(0.1)
    model.train_on_batch(X, Y)
    assert np.abs(before[0] - model.get_weights()[0]).max() > 0


def test_masks_of_arrays_reach_the_program_and_its_outputs(backend):
    model = hl.Sequential([hl.Input((3, 2)), hl.layers.Masking(0.0), hl.layers.Dense(2)])
    x = np.ones((2, 3, 2), "float32")
    x[:, 2] = 0
    after = hl.Sequential([hl.Input((3, 2)), hl.layers.GlobalAveragePooling1D()])
    for _ in range(2):
        out = model(x)
        ours = np.asarray(after(out))
    np.testing.assert_allclose(ours, np.asarray(out)[:, :2].mean(1), rtol=1e-5)
    np.testing.assert_allclose(
        np.asarray(after(np.array(out))), np.asarray(out).mean(1), rtol=1e-5)


def test_an_array_may_be_changed_after_the_call(jax_backend):
    model = hl.Sequential([hl.Input((512,)), *(hl.layers.Dense(512) for _ in range(4))])
    x = np.ones((512, 512), "float32")
    wanted = np.asarray(model(x))
    for _ in range(3):
        out = model(x)
        x[:] = -3
        np.testing.assert_array_equal(np.asarray(out), wanted)
        x[:] = 1


def test_errors_are_those_of_the_long_way(jax_backend):
    model = dense(1)
    for _ in range(2):
        model(X), model.train_on_batch(X, Y), model.predict(X, verbose=0)
    with pytest.raises(ValueError, match=r"\(8, 3\)"):
        model(X[:, :3])
    with pytest.raises(ValueError, match="same number of rows"):
        model.train_on_batch(X, Y[:5])
    with pytest.raises(ValueError, match=r"last axis of length 4, not 3"):
        model.predict(X[:, :3], verbose=0)


def test_other_dtypes_and_arrays_of_the_backend(backend):
    model = dense(1)
    wanted = np.asarray(model(X))
    for x in (X.astype("float64"), backend.asarray(X), X.tolist(), X[:, ::-1][:, ::-1]):
        for _ in range(2):
            x = np.asarray(x, "float32") if isinstance(x, list) else x
            np.testing.assert_allclose(np.asarray(model(x)), wanted, rtol=1e-5, atol=1e-6)
            np.testing.assert_allclose(model.predict(x, verbose=0), wanted, rtol=1e-5, atol=1e-6)
            np.testing.assert_allclose(model.predict_on_batch(x), wanted, rtol=1e-5, atol=1e-6)
            assert model.test_on_batch(x, Y) > 0
