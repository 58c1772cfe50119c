"""Callbacks against Keras's: the order of all calls, and what each decides on given losses."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import numpy as np
import pytest

import highlevel as hl

keras = pytest.importorskip("keras")

pytestmark = pytest.mark.parity

X = np.random.default_rng(0).normal(size=(20, 3)).astype("float32")
Y = X[:, :1] - X[:, 1:2]

HOOKS = [
    f"on_{phase}_{at}" for phase in (
        "train", "epoch", "test", "predict", "train_batch", "test_batch", "predict_batch", "batch")
    for at in ("begin", "end")
]


def recorder(k, log, stop_after=None):
    """A callback that notes each call: hook, position and names in the logs."""

    def hook(name):
        def call(self, *position, logs=None):
            if position and position[-1].__class__ is not int:
                *position, logs = position
            log.append((name, *position, sorted(logs or {})))
            if stop_after is not None and (name, *position) == stop_after:
                self.model.stop_training = True
        return call

    return type("Recorder", (k.callbacks.Callback,), {name: hook(name) for name in HOOKS})()


def make(k, **compile_options):
    model = k.Sequential([k.Input((3,)), k.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"], **compile_options)
    return model


CALLS = {
    "fit": (lambda m, c: m.fit(X, Y, batch_size=8, epochs=2, verbose=0, callbacks=[c]), {}, None),
    "validation": (lambda m, c: m.fit(
        X, Y, batch_size=8, epochs=3, validation_split=0.4, validation_freq=2, verbose=0,
        callbacks=[c]), {}, None),
    # With a rest Keras counts to the end of the last group, past the last batch.
    "steps": (lambda m, c: m.fit(
        X, Y, batch_size=5, epochs=2, verbose=0, validation_data=(X, Y), callbacks=[c]),
        {"steps_per_execution": 2}, None),
    "stopped by an epoch": (lambda m, c: m.fit(
        X, Y, batch_size=8, epochs=3, verbose=0, validation_data=(X, Y), callbacks=[c]), {},
        ("on_epoch_end", 0)),
    "stopped by a batch": (lambda m, c: m.fit(
        X, Y, batch_size=4, epochs=3, verbose=0, validation_data=(X, Y), callbacks=[c]), {},
        ("on_train_batch_end", 1)),
    "initial epoch": (lambda m, c: m.fit(
        X, Y, batch_size=20, epochs=4, initial_epoch=2, verbose=0, callbacks=[c]), {}, None),
    "evaluate": (lambda m, c: m.evaluate(X, Y, batch_size=8, verbose=0, callbacks=[c]), {}, None),
    "predict": (lambda m, c: m.predict(X, batch_size=8, verbose=0, callbacks=[c]), {}, None),
}


@pytest.mark.parametrize("call", CALLS)
def test_order_of_calls(call, backend):
    run, options, stop = CALLS[call]
    logs = []
    for k in (keras, hl):
        log = []
        run(make(k, **options), recorder(k, log, stop))
        logs.append(log)
    assert logs[0] == logs[1]


@pytest.mark.parametrize("options", [{}, {"validation_split": 0.4}], ids=["plain", "validation"])
def test_history(options, backend):
    """Names, their order, epochs, and what `params` holds."""
    found = []
    for k in (keras, hl):
        model = make(k)
        callback = k.callbacks.ReduceLROnPlateau(monitor="loss")
        history = model.fit(
            X, Y, batch_size=8, epochs=3, initial_epoch=1, verbose=0, callbacks=[callback],
            **options)
        found.append((list(history.history), history.epoch, history.params))
    assert found[0] == found[1]


class Fake:
    """A model whose losses are given."""

    def __init__(self, k):
        self.optimizer = k.optimizers.SGD(0.5)
        self.metrics = []
        self.stop_training = False
        self.weights = 0.0

    def get_weights(self):
        return self.weights

    def set_weights(self, weights):
        self.weights = weights


def decide(k, callback, losses, name="loss"):
    """What a callback does, epoch by epoch."""
    model = Fake(k)
    callback.set_model(model)
    callback.set_params({})
    callback.on_train_begin()
    seen = []
    for epoch, loss in enumerate(losses):
        model.weights = float(epoch)
        callback.on_epoch_begin(epoch)
        logs = {name: loss}
        callback.on_epoch_end(epoch, logs)
        rate = round(float(np.asarray(model.optimizer.learning_rate)), 6)
        seen.append((model.stop_training, rate, sorted(logs)))
        if model.stop_training:
            break
    callback.on_train_end()
    seen.append((model.weights, getattr(callback, "best", None), getattr(callback, "wait", None),
                 getattr(callback, "stopped_epoch", None)))
    return seen


SEQUENCES = [
    [3, 2, 1, 1, 1, 1, 1, 1], [1, 2, 3, 4, 5], [5, 4, 4.5, 3, 3.5, 3.2, 3.4, 2, 2.5, 2.6],
    [1.0, 0.95, 0.9, 0.85, 0.84, 0.83], [2.0], [float("nan"), 1, 2, 3, 4],
    [1, float("inf"), 1, 0.5, 0.6, 0.7],
]


@pytest.mark.parametrize("options", [
    {"patience": 0}, {"patience": 2}, {"patience": 1, "min_delta": 0.5},
    {"patience": 2, "restore_best_weights": True},
    {"patience": 1, "start_from_epoch": 3, "restore_best_weights": True},
    {"patience": 2, "baseline": 2.5}, {"patience": 2, "baseline": 0.1},
    {"patience": 3, "baseline": 0.5, "restore_best_weights": True},
    {"patience": 1, "mode": "max"}, {"patience": 2, "mode": "min", "min_delta": -0.13},
], ids=str)
def test_early_stopping(options):
    for losses in SEQUENCES:
        theirs, ours = (
            decide(k, k.callbacks.EarlyStopping("loss", **options), losses) for k in (keras, hl))
        np.testing.assert_equal(ours, theirs)


@pytest.mark.parametrize("options", [
    {"patience": 1}, {"patience": 2, "factor": 0.5}, {"patience": 0, "factor": 0.5},
    {"patience": 1, "factor": 0.5, "cooldown": 2}, {"patience": 1, "factor": 0.3, "min_lr": 0.1},
    {"patience": 1, "min_delta": 0.5, "factor": 0.5}, {"patience": 1, "mode": "max"},
], ids=str)
def test_reduce_on_plateau(options):
    for losses in SEQUENCES:
        theirs, ours = (
            decide(k, k.callbacks.ReduceLROnPlateau("loss", **options), losses)
            for k in (keras, hl))
        np.testing.assert_equal(ours, theirs)


@pytest.mark.parametrize("schedule", [
    lambda epoch: 0.1 / (1 + epoch), lambda epoch, rate: rate * 0.5 if epoch > 1 else rate])
def test_schedule(schedule):
    theirs, ours = (
        decide(k, k.callbacks.LearningRateScheduler(schedule), [1, 1, 1, 1]) for k in (keras, hl))
    assert ours == theirs


@pytest.mark.parametrize("swap_on_epoch", [False, True])
def test_swapped_averages(swap_on_epoch, backend):
    """Weights at each point where somebody may look at them, and at the end."""
    found = []
    start = make(keras).get_weights()
    for k in (keras, hl):
        model = k.Sequential([k.Input((3,)), k.layers.Dense(1)])
        model.compile(k.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.6), "mse")
        model.set_weights(start)
        seen = []

        def note(*_, model=model, seen=seen):
            seen.append(np.concatenate([np.ravel(w) for w in model.get_weights()]))

        look = k.callbacks.LambdaCallback(
            on_epoch_begin=lambda epoch, logs, note=note: note(),
            on_epoch_end=lambda epoch, logs, note=note: note(),
            on_train_end=lambda logs, note=note: note())
        look.on_test_begin = lambda logs=None, note=note: note()
        look.on_test_end = lambda logs=None, note=note: note()
        history = model.fit(
            X, Y, batch_size=5, epochs=3, shuffle=False, verbose=0, validation_data=(X, Y),
            callbacks=[k.callbacks.SwapEMAWeights(swap_on_epoch), look])
        note()
        found.append((np.stack(seen), history.history))
    np.testing.assert_allclose(found[1][0], found[0][0], rtol=1e-4, atol=1e-6)
    for name in found[0][1]:
        np.testing.assert_allclose(found[1][1][name], found[0][1][name], rtol=1e-4)
