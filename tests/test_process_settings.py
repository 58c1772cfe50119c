"""Settings that other parts act on: limits of the loops, where progress is written."""

import logging
import subprocess
import sys

import numpy as np
import pytest

import highlevel as hl
from highlevel import config


@pytest.fixture(autouse=True)
def _restored():
    yield
    config.set_max_epochs(None)
    config.set_max_steps_per_epoch(None)
    config.enable_interactive_logging()


def _model():
    model = hl.Sequential([hl.Input((2,)), hl.layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


X, Y = np.ones((20, 2), "float32"), np.ones((20, 1), "float32")


class Batches(hl.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.seen = {"train": 0, "test": 0, "predict": 0}

    def on_train_batch_end(self, batch, logs=None):
        self.seen["train"] += 1

    def on_test_batch_end(self, batch, logs=None):
        self.seen["test"] += 1

    def on_predict_batch_end(self, batch, logs=None):
        self.seen["predict"] += 1


def test_limits_hold_in_fit_evaluate_and_predict(backend):
    config.set_max_epochs(2)
    config.set_max_steps_per_epoch(3)
    model, batches = _model(), Batches()
    with pytest.warns(UserWarning, match="limited to"):
        history = model.fit(X, Y, batch_size=4, epochs=5, verbose=0, callbacks=[batches],
                            validation_data=(X, Y))
    assert history.epoch == [0, 1]
    assert history.params["epochs"] == 2 and history.params["steps"] == 3
    # The second epoch goes on where the first one stopped, and finds 2 batches left.
    assert batches.seen == {"train": 5, "test": 6, "predict": 0}
    with pytest.warns(UserWarning, match="steps_per_epoch"):
        assert model.predict(X, batch_size=4, verbose=0).shape == (12, 1)
        model.evaluate(X, Y, batch_size=4, verbose=0, callbacks=[batches])
    assert batches.seen["test"] == 9


def test_a_limit_above_what_was_asked_for_changes_nothing(backend, recwarn):
    config.set_max_epochs(9)
    config.set_max_steps_per_epoch(9)
    batches = Batches()
    history = _model().fit(X, Y, batch_size=4, epochs=2, steps_per_epoch=5, verbose=0,
                           callbacks=[batches])
    assert history.epoch == [0, 1] and batches.seen["train"] == 10
    assert not [w for w in recwarn if "limited" in str(w.message)]


def test_a_limit_on_an_endless_generator(backend):
    config.set_max_steps_per_epoch(2)

    def forever():
        while True:
            yield X[:4], Y[:4]

    batches = Batches()
    with pytest.warns(UserWarning, match="limited"):
        _model().fit(forever(), epochs=2, verbose=0, callbacks=[batches])
    assert batches.seen["train"] == 4


@pytest.mark.parametrize("value", [0, -1, 2.5, "3", True])
def test_limits_must_be_positive_integers(value):
    with pytest.raises(ValueError, match="max_epochs"):
        config.set_max_epochs(value)
    with pytest.raises(ValueError, match="max_steps_per_epoch"):
        config.set_max_steps_per_epoch(value)


@pytest.mark.parametrize("given, expected", [
    ({"KERAS_MAX_EPOCHS": "3"}, "3 None"),
    ({"KERAS_MAX_EPOCHS": "3", "HIGHLEVEL_MAX_EPOCHS": "4"}, "4 None"),
    ({"HIGHLEVEL_MAX_STEPS_PER_EPOCH": "5"}, "None 5"),
])
def test_limits_from_the_environment(given, expected, monkeypatch):
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    code = "import highlevel as hl; print(hl.config.max_epochs(), hl.config.max_steps_per_epoch())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == expected, done.stderr


def test_without_interactive_logging_progress_goes_to_a_logger(backend, capsys, caplog):
    model = _model()
    with caplog.at_level(logging.INFO, logger="highlevel"):
        config.disable_interactive_logging()
        assert not hl.utils.is_interactive_logging_enabled()
        model.fit(X, Y, epochs=2)
        assert capsys.readouterr().out == ""
        lines = [record.getMessage() for record in caplog.records]
        assert lines[0] == "Epoch 1/2" and "loss: " in lines[1] and "━" not in lines[1]
        caplog.clear()
        config.enable_interactive_logging()
        model.fit(X, Y, epochs=1)
        assert "loss: " in capsys.readouterr().out and not caplog.records


def test_set_backend_takes_the_contracts_name():
    before = config.backend()
    config.set_backend(backend=before)
    assert config.backend() == before


def test_mixed_precision_names_are_those_of_the_policies():
    mixed = hl.mixed_precision
    assert mixed.Policy is hl.DTypePolicy
    assert mixed.LossScaleOptimizer is hl.optimizers.LossScaleOptimizer
    try:
        mixed.set_global_policy("mixed_bfloat16")
        assert mixed.global_policy().name == mixed.dtype_policy().name == "mixed_bfloat16"
        assert hl.layers.Dense(1).compute_dtype == "bfloat16"
    finally:
        mixed.set_dtype_policy("float32")
