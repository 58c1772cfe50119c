"""The ledger of compiled programs: what for, why, how long; one warning; the limit for tests."""

import warnings

import numpy as np
import pytest
from highlevel_backend import use_backend

import highlevel as hl
from highlevel.testing import max_compilations

X = np.linspace(-1, 1, 24 * 4, dtype="float32").reshape(24, 4)
Y = (np.arange(24) % 3).astype("int32")


@pytest.fixture(autouse=True)
def on_jax():
    with use_backend("jax"):
        yield


def make(**arguments):
    model = hl.Sequential([hl.Input((4,)), hl.layers.Dense(3, name="head")], name="net")
    model.compile("adam", hl.losses.SparseCategoricalCrossentropy(True), **arguments)
    return model


def whys(model, purpose):
    return [each.why for each in model.compilations if each.purpose == purpose]


def quietly(call):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return call()


def test_each_program_says_what_it_is_for_and_why():
    model = make()
    model(X[:8])
    quietly(lambda: model(X[:7]))
    model(X[:8], training=True)
    quietly(lambda: model(X[:8].astype("int32")))
    assert whys(model, "call") == [
        "the first of its kind",
        "`inputs` is float32(7, 4), before float32(8, 4)",
        "`training` is True",
        "`inputs` is int32(8, 4), before float32(8, 4)",
    ]
    model.fit(X, Y, batch_size=16, verbose=0)
    assert whys(model, "training steps over data on the device") == [
        "the first of its kind", "`batches × rows` is int32(1, 8), before int32(1, 16)",
    ]
    model.train_on_batch(X, Y)
    model.test_on_batch(X, Y)
    model.predict(X, verbose=0)
    assert {each.purpose for each in model.compilations} == {
        "call", "training step", "training steps over data on the device", "evaluation step",
        "prediction",
    }
    for each in model.compilations:
        assert each.seconds > 0
        assert each.cached is False
        assert (each.owner, each.backend) == ("net", "jax")
    assert "`inputs` is float32(7, 4)" in repr(model.compilations)
    assert set(model.compilations[0].to_dict()) >= {"purpose", "why", "seconds", "cached"}


def test_a_new_argument_and_another_structure_are_named():
    class Two(hl.Model):
        def call(self, inputs, other=None):
            return inputs["a"] if other is None else inputs["a"] + other

    model = Two(name="two")
    model({"a": X})
    model({"a": X}, X)
    model({"a": X, "b": X[:3]})
    assert whys(model, "call")[1:] == ["`other` is new", "`inputs['b']` is new"]
    model = make()
    model.train_on_batch(X, Y)
    model.train_on_batch(X, Y, np.ones(24, "float32"))
    assert whys(model, "training step")[1] == "`sample_weight` is new"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda m: setattr(m.layers[0], "activation", hl.activations.relu),
         "`activation` of layer 'net/head' has changed"),
        (lambda m: setattr(m.layers[0], "trainable", False),
         "`trainable` of layer 'net/head' has changed"),
        (lambda m: setattr(m.optimizer, "clipnorm", 0.5),
         "a number that the optimizer's program holds was set"),
        (lambda m: m.compile("sgd", "mse"), "`compile` was called"),
    ],
    ids=["activation", "trainable", "clipnorm", "compile"],
)
def test_what_has_changed_is_named(change, why):
    model = make()
    model.train_on_batch(X, Y)
    change(model)
    model.train_on_batch(X, Y if why[1:8] != "compile" else X[:, :3])
    assert whys(model, "training step") == ["the first of its kind", why]


def test_one_warning_when_a_second_shape_appears():
    model = make()
    model(X[:8])
    with pytest.warns(UserWarning, match=r"'net' was compiled once more, for a call: `inputs` is "
                      r"float32\(7, 4\), before float32\(8, 4\)\..*model\.predict") as told:
        model(X[:7])
    assert told[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model(X[:6])
        model.train_on_batch(X, Y)
        model.train_on_batch(X[:8], Y[:8])
    model = make()
    model.train_on_batch(X, Y)
    with pytest.warns(UserWarning, match="`sample_weight` is 0"):
        model.train_on_batch(X[:8], Y[:8])


def test_nothing_is_said_where_a_second_program_is_in_order():
    model = make()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(X, Y, batch_size=16, verbose=0)
        model.evaluate(X, Y, batch_size=16, verbose=0)
        model.predict(X, batch_size=16, verbose=0)
        model(X)
        model(X, training=True)


def test_max_compilations():
    model = make()
    with max_compilations(1) as programs:
        model.fit(X, Y, batch_size=8, epochs=2, verbose=0)
    assert [each.purpose for each in programs] == ["training steps over data on the device"]
    with max_compilations(0):
        model.fit(X, Y, batch_size=8, verbose=0)
    with pytest.raises(AssertionError, match=r"(?s)2 programs were compiled, 0 at most.*"
                       r"net: call .*the first.*net: evaluation step .*the first"), \
            max_compilations(0):
        model(X)
        model.test_on_batch(X, Y)
    with pytest.raises(KeyError), max_compilations(0):  # what is raised inside comes out
        make()(X)
        raise KeyError
    with pytest.raises(ValueError, match="whole number"), max_compilations(-1):
        pass


def test_the_optimizers_own_program_is_counted():
    layer = hl.layers.Dense(2)
    layer.build((None, 4))
    optimizer = hl.optimizers.SGD(0.1)
    optimizer.build(layer.trainable_variables)
    gradients = [np.zeros(v.shape, "float32") for v in layer.trainable_variables]
    with max_compilations(1) as programs:
        optimizer.apply(gradients)
        optimizer.apply(gradients)
    assert [each.purpose for each in programs] == ["update by an optimizer"]


def test_on_numpy_nothing_is_compiled():
    with use_backend("numpy"), max_compilations(0):
        model = make()
        model(X)
        model.fit(X, Y, verbose=0)
        assert repr(model.compilations) == "Nothing was compiled."
