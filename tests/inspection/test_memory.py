"""Who holds which arrays; and that a model that is gone has given its arrays back."""

import gc

import numpy as np
import pytest
from highlevel_backend import use_backend

import highlevel as hl

X = np.linspace(-1, 1, 24 * 4, dtype="float32").reshape(24, 4)
Y = (np.arange(24) % 3).astype("int32")


def make(*more, name="net"):
    model = hl.Sequential([
        hl.Input((4,)), hl.layers.Dense(5, "relu"), hl.layers.BatchNormalization(),
        hl.layers.Dropout(0.1), *more, hl.layers.Dense(3),
    ], name=name)
    model.compile("adam", hl.losses.SparseCategoricalCrossentropy(True), metrics=["accuracy"])
    return model


def size(variables):
    return sum(v.size * 4 for v in variables)


def test_each_array_is_counted_once_with_its_owner(backend):
    model = make()
    found = hl.memory(model)
    assert (found.total, found.pending) == (0, size([
        *model.variables, *model.metrics_variables, *model.optimizer.variables]))
    model.fit(X, Y, batch_size=8, verbose=0)
    model.predict(X, verbose=0), model(X)
    found = hl.memory(model)
    here = backend.name
    assert found.by_owner() == {
        ("net", "weights", here): size(model.weights),
        ("net", "states", here): size(model.variables) - size(model.weights),
        ("net", "metrics", here): size(model.metrics_variables),
        ("net", "optimizer", here): size(model.optimizer.variables),
    }
    assert found.pending == 0 and found.total == sum(found.by_owner().values())
    assert "net/dense" in str(found.to_dicts()[0]["name"])
    shown = repr(found)
    assert "optimizer" in shown and "Largest arrays" in shown and "<table" in found._repr_html_()


def test_copies_for_another_backend_are_told():
    with use_backend("jax"):
        model = make()
        model(X)
    with use_backend("numpy"):
        model(X)
    owners = hl.memory(model).by_owner()
    assert owners["net", "copies", "numpy"] == size(model.weights)


def test_what_belongs_to_no_model_is_found_too():
    gc.collect()
    with use_backend("jax") as backend:
        before = hl.memory().by_owner()
        variable = hl.Variable(np.zeros(100, "float32"), name="alone")
        data = backend.asarray(np.zeros((30, 10), "float32"))
        optimizer = hl.optimizers.Adam()
        optimizer.build([variable])
        [v.value for v in optimizer.variables]
        after = hl.memory()
        inner = make(name="inside")  # a name that no model of another test has
        outer = hl.Sequential([hl.Input((4,)), inner], name="outer")
        outer(X)
        owners = {each.owner for each in hl.memory().holdings if each.name.startswith("inside/")}

    def more(what):
        key = ("(no model)", what, "jax")
        return after.by_owner()[key] - before.get(key, 0)

    assert (more("variables"), more("arrays")) == (400, 1200)
    assert more("optimizer") == 808, "two moments, the step, the learning rate"
    assert owners == {"outer"}, "a model inside another one belongs to it"
    assert data.shape == (30, 10)


def test_no_other_object_is_taken():
    with pytest.raises(TypeError, match="takes a model"):
        hl.memory(hl.layers.Dense(2))


class Failing(hl.layers.Layer):
    fails = False

    def call(self, x):
        if self.fails:
            raise RuntimeError("on purpose")
        return x


class FailingCallback(hl.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        raise RuntimeError("on purpose")


def trained():
    model = make()
    model.fit(X, Y, batch_size=8, verbose=0, validation_data=(X, Y))
    model.predict(X, verbose=0), model(X), model(X, training=True)
    model.train_on_batch(X, Y), model.test_on_batch(X, Y), model.predict_on_batch(X)
    return model


def failing_in_a_layer():
    layer = Failing()
    model = make(layer)
    model(X)
    layer.fails = True
    with pytest.raises(RuntimeError, match="on purpose"):
        model(X)
    with pytest.raises(RuntimeError, match="on purpose"):
        model.fit(X, Y, verbose=0)
    return model


def failing_in_a_callback():
    model = make()
    with pytest.raises(RuntimeError, match="on purpose"):
        model.fit(X, Y, verbose=0, callbacks=[FailingCallback()])
    return model


def failing_on_a_shape():
    model = trained()
    with pytest.raises(ValueError):
        model(X[:, :3])
    with pytest.raises(ValueError):
        model.fit(X[:, :3], Y, verbose=0)
    return model


@pytest.mark.parametrize(
    "use", [trained, failing_in_a_layer, failing_in_a_callback, failing_on_a_shape],
    ids=lambda use: use.__name__,
)
def test_a_model_that_is_gone_has_given_its_arrays_back(use):
    with use_backend("jax") as backend:
        gc.collect()
        before = {id(array) for array in backend.live_arrays()}
        model = use()
        assert len(backend.live_arrays()) >= len(before) + len(model.weights)
        del model
        gc.collect()
        left = [array.shape for array in backend.live_arrays() if id(array) not in before]
        assert not left


def test_a_fit_gives_its_data_and_copies_back():
    """Those of the steps that `TerminateOnNaN` watches, and of an interrupted `fit`, too."""
    with use_backend("jax") as backend:
        model = make()
        model.fit(X, Y, batch_size=8, verbose=0)
        gc.collect()
        count = len(backend.live_arrays())
        stop = hl.callbacks.TerminateOnNaN()
        model.fit(X, Y, batch_size=8, verbose=0, callbacks=[stop], validation_data=(X, Y))
        gc.collect()
        assert len(backend.live_arrays()) <= count + 1, "the watch's counter"
        with pytest.raises(RuntimeError, match="on purpose"):
            model.fit(X, Y, verbose=0, callbacks=[stop, FailingCallback()])
        gc.collect()
        assert len(backend.live_arrays()) <= count + 1


def test_new_weights_take_the_place_of_the_old_at_once():
    """What calls keep at hand must not hold arrays that the variables have let go."""
    with use_backend("jax") as backend:
        gc.collect()
        model = trained()
        model(X), model.predict(X, verbose=0)
        gc.collect()
        count = len(backend.live_arrays())
        model.set_weights([w + 1 for w in model.get_weights()])
        assert len(backend.live_arrays()) == count
