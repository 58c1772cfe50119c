"""What a call of `fit` does beside its steps, where nothing has changed since the last one."""

import numpy as np
import pytest

import highlevel as hl
from highlevel.layers import tracking
from highlevel.training.program import Program


def trained():
    model = hl.Sequential([hl.Input((3,)), hl.layers.Dense(2), hl.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"])
    x = np.random.default_rng(0).normal(size=(256, 3)).astype("float32")

    def fit():
        model.fit(x, x[:, :1], batch_size=4, epochs=1, verbose=0)

    for _ in range(5):
        fit()
    return model, fit


def test_a_short_epoch_is_one_dispatch(monkeypatch):
    """What the calls before took says that all of it fits in one block."""
    with hl.use_backend("jax"):
        _, fit = trained()
        counts = []
        run = Program.run_block
        monkeypatch.setattr(
            Program, "run_block",
            lambda self, data, order, start, count: (
                counts.append(count), run(self, data, order, start, count))[1],
        )
        fit()
    assert sum(counts) == 64
    assert len(counts) == 1


def test_data_that_do_not_fit_are_refused_at_the_first_batch():
    """However many batches are sent off at once by then."""
    with hl.use_backend("jax"):
        model, _ = trained()
        with pytest.raises(ValueError, match="last axis of length 3") as caught:
            model.fit(np.ones((256, 4), "float32"), np.ones((256, 1)), batch_size=4, verbose=0)
    assert any("epoch 1/1, batch 1." in note for note in caught.value.__notes__)


def test_the_model_is_looked_through_once(monkeypatch):
    with hl.use_backend("jax"):
        model, fit = trained()
        looked = []
        find = tracking.Tracked._found
        monkeypatch.setattr(
            tracking.Tracked, "_found", lambda self: (looked.append(self), find(self))[1])
        fit()
        assert not looked
        model.layers[0].trainable = False
        fit()
        assert looked


def test_what_was_found_keeps_its_layer():
    """Else another layer could come to have its identity, and its variables."""
    finds = tracking.Finds()
    layer = hl.layers.Dense(1)
    layer.build((None, 1))
    with tracking.finding_once(finds):
        assert len(layer.weights) == 2
        seen = id(layer)
        del layer
        others = [hl.layers.Layer() for _ in range(100)]
        assert all(id(other) != seen for other in others)
        assert all(other.weights == [] for other in others)


def test_weights_set_under_another_backend_are_trained_on():
    """A value that another backend had converted is not taken for the present one."""
    with hl.use_backend("jax"):
        model, fit = trained()
        with hl.use_backend("numpy"):
            before = np.array(model.layers[0].kernel.value)
        fit()
        after = np.asarray(model.layers[0].kernel.value)
        with hl.use_backend("numpy"):
            np.testing.assert_array_equal(np.asarray(model.layers[0].kernel.value), after)
        assert np.abs(after - before).max() > 0


def test_copies_of_the_state_are_written_over():
    """The next `fit` copies to where the last one's copies lie, and begins from its own state."""
    with hl.use_backend("jax"):
        model, fit = trained()
        kept = model._trainer.run.first.values
        places = {key: value.ctypes.data for key, value in kept.items()}
        before = model.get_weights()
        fit()
        run = model._trainer.run
        assert {key: value.ctypes.data for key, value in run.first.values.items()} == places
        for variable, value in zip(model.weights, before):
            np.testing.assert_array_equal(run.first.values[id(variable)], value)
