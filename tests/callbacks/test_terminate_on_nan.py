"""`TerminateOnNaN` in real trainings: which batch, which layer, and what is left of the model."""

import re

import numpy as np
import pytest

import highlevel as hl
from highlevel import callbacks, layers, ops
from highlevel.training import watch
from highlevel.training.program import Program

RNG = np.random.default_rng(0)
X = RNG.normal(size=(640, 4)).astype("float32")
Y = X[:, :1]

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


@pytest.fixture
def on_numpy():
    """For what does not depend on the backend; step by step on JAX, each op is compiled."""
    with hl.use_backend("numpy"):
        yield


class Log(layers.Layer):
    """Of what is 1, but for inputs that are large."""

    def call(self, x):
        return ops.log(1.0 - 2.0 * ops.cast(ops.abs(x) > 10.0, x.dtype))


class Length(layers.Layer):
    """Finite at 0, where its gradient is not."""

    def call(self, x):
        return ops.sqrt(ops.square(x))


class Twice(layers.Layer):
    """A layer with layers inside."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.one = layers.Dense(3, name="one")
        self.two = Log(name="log")

    def call(self, x):
        return self.two(self.one(x))


def make(middle, loss="mse", optimizer="sgd"):
    hl.utils.set_random_seed(0)
    model = hl.Sequential([
        hl.Input((4,)), layers.Dense(3, use_bias=False, name="first"), middle,
        layers.Dropout(0.1), layers.Dense(1, name="last")])
    model.compile(optimizer, loss)
    return model


def stop(model, x=X, y=Y, capsys=None, **options):
    options = {"shuffle": False, "epochs": 3, "verbose": 0} | options
    history = model.fit(x, y, callbacks=[callbacks.TerminateOnNaN()], **options)
    return history, capsys.readouterr().out


def with_row(row, value):
    x = X.copy()
    x[row] = value
    return x


def test_data(backend, capsys):
    history, out = stop(make(layers.Dense(3)), with_row(333, np.nan), capsys=capsys)
    assert "Epoch 1, batch 10: Invalid loss (nan), terminating training." in out
    assert "`x` (4 NaN of 128 entries, first in row 13 of the batch)" in out
    assert history.epoch == [0] and np.isnan(history.history["loss"]).all()


@pytest.mark.parametrize("middle, path", [(Log, "log"), (Twice, "twice/log")])
def test_a_layers_output(on_numpy, capsys, middle, path):
    model = make(middle(name=path.partition("/")[0]))
    _, out = stop(model, with_row(400, 1e4), capsys=capsys)
    assert "Epoch 1, batch 12: Invalid loss" in out
    assert f"first layer whose output was not finite: Log 'log' (path '{model.name}/{path}')" in out
    assert "NaN of 96 entries, from inputs between" in out


def test_a_layers_gradient(backend, capsys):
    """The loss is finite: Keras would go on with weights of NaN for one more batch."""
    model = make(Length(name="length"))
    _, out = stop(model, with_row(70, 0.0), capsys=capsys)
    assert "Epoch 1, batch 2: Invalid weights after a loss of" in out
    assert "the first gradient that was not: that of its input, in Length 'length'" in out
    assert all(np.isfinite(w).all() for w in model.get_weights())


def test_loss_and_update(on_numpy, capsys):
    _, out = stop(
        make(layers.Dense(3), lambda y, p: ops.log(-1.0 - ops.abs(p))), capsys=capsys)
    assert "batch 0: Invalid loss (nan)" in out
    assert "output of every layer was finite, the loss of them was not (nan)" in out
    _, out = stop(
        make(layers.Dense(3), optimizer=hl.optimizers.SGD(float("inf"))), capsys=capsys)
    assert re.search(r"finite: it was the update by the optimizer 'sgd.*' that was not", out, re.I)
    assert "(learning rate inf)" in out


def test_the_state_is_that_before_the_batch(backend, capsys):
    """Weights, optimizer and random states as after the batches that went well."""
    def fresh():
        hl.utils.set_random_seed(0)  # the layer in the middle is made before the others
        return make(layers.Dense(3), optimizer="adam")

    bad = fresh()
    stop(bad, with_row(333, np.nan), capsys=capsys)
    good = fresh()
    good.fit(X[:320], Y[:320], shuffle=False, epochs=1, verbose=0)
    for one, other in zip(
        [*bad.variables, *bad.optimizer.variables], [*good.variables, *good.optimizer.variables],
        strict=True,
    ):
        np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-5, atol=1e-6)
    assert int(bad.optimizer.iterations) == 10
    bad.fit(X, Y, epochs=1, verbose=0)  # usable
    assert np.isfinite(bad.evaluate(X, Y, verbose=0))


@pytest.mark.parametrize("row, where, steps", [
    (0, "batch 0", 1), (639, "batch 19", 7), (300, "batch 9", 7)])
def test_any_batch(backend, capsys, row, where, steps):
    model = make(layers.Dense(3))
    model.steps_per_execution = steps
    _, out = stop(model, with_row(row, np.inf), capsys=capsys)
    assert f"Epoch 1, {where}: Invalid loss" in out


def test_partial_batch_and_second_epoch(on_numpy, capsys):
    class Spoil(callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                self.model.get_layer("last").bias.assign([np.nan])

    model = make(layers.Dense(3))
    _, out = stop(model, with_row(600, np.nan)[:601], Y[:601], capsys=capsys)
    assert "Epoch 1, batch 18: Invalid loss" in out and "of 100 entries" in out
    model.fit(X, Y, epochs=3, verbose=0, callbacks=[callbacks.TerminateOnNaN(), Spoil()])
    out = capsys.readouterr().out
    assert "Epoch 2, batch 0" in out
    assert f"'{model.get_layer('last').path}/bias' was not finite before this batch" in out


def test_streams_and_errors(backend):
    def batches():
        for i in range(20):
            yield (X + (np.inf if i == 7 else 0))[:8], Y[:8]

    model = make(layers.Dense(3))
    seen = []
    with pytest.raises(RuntimeError, match="Epoch 1, batch 7: NaN or Inf loss encountered") as info:
        model.fit(batches(), verbose=0, callbacks=[
            callbacks.TerminateOnNaN(raise_error=True),
            callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(batch))])
    assert "During `fit`: epoch 1/1, batch 8." in info.value.__notes__
    assert seen[:7] == list(range(7)) and len(seen) <= 8
    assert np.isfinite(model.get_weights()[0]).all()


def test_custom_step(on_numpy, capsys):
    class Own(hl.Sequential):
        def train_step(self, data):
            x, _ = data
            gradients = [ops.sum(x) + 0 * v for v in self.trainable_variables]
            self.optimizer.apply(gradients, self.trainable_variables)
            return {"size": ops.mean(x)}

    model = Own([hl.Input((4,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    _, out = stop(model, with_row(100, np.nan), capsys=capsys)
    assert "Epoch 1, batch 3: Invalid" in out and "`x` (4 NaN of 128" in out


def test_steps_stay_fused(monkeypatch):
    """Looking costs no dispatch of its own: as many as without the callback, or nearly."""
    with hl.use_backend("jax"):
        model = make(layers.Dense(3))
        blocks = []
        run = Program.run_block
        monkeypatch.setattr(
            Program, "run_block", lambda self, *args: blocks.append(args[3]) or run(self, *args))
        model.fit(
            X, Y, batch_size=1, epochs=4, verbose=0, callbacks=[callbacks.TerminateOnNaN()])
        assert sum(blocks) == 4 * 640
        assert len(blocks) < 4 * 640 / 8


def test_nothing_is_done_for_each_step(monkeypatch):
    """No dispatch and no copy of its own for a step, nor a program that stops at one."""
    with hl.use_backend("jax"):
        calls = {name: [] for name in ("kept", "run", "run_block")}
        for name, found in calls.items():
            method = getattr(Program, name)
            monkeypatch.setattr(
                Program, name, lambda self, *a, m=method, f=found: f.append(a) or m(self, *a))
        model = make(layers.Dense(3))
        fit = {"batch_size": 1, "epochs": 4, "verbose": 0, "steps_per_epoch": 60}
        model.fit(X, Y, **fit, callbacks=[callbacks.TerminateOnNaN()])
        assert sum(a[3] for a in calls["run_block"]) == 240 and not calls["run"]
        assert len(calls["kept"]) <= len(calls["run_block"]) < 240 / 8
        model.fit(((X[:4], Y[:4]) for _ in range(240)), **fit,
                  callbacks=[callbacks.TerminateOnNaN()])
        assert len(calls["run"]) == 240 and len(calls["kept"]) < 240 / 4
        kinds = {key[3] for key in model._trainer.programs if key[0] == "train"}
        assert "careful" not in kinds


@pytest.mark.parametrize("seconds, large, stream", [
    (0.0, 2**27, False), (0.0, 0, False), (1e9, 2**27, False), (0.0, 2**27, True)])
def test_the_step_is_found_however_late(monkeypatch, capsys, seconds, large, stream):
    """At once, a segment later, or at the end: the same step, and the state from before it."""
    monkeypatch.setattr(watch, "_SECONDS", seconds)
    monkeypatch.setattr(watch, "_LARGE", large)
    with hl.use_backend("jax"):
        model = make(layers.Dense(3), optimizer="adam")
        x = with_row(333, np.nan)
        batches = ((x[i:i + 32], Y[i:i + 32]) for i in range(0, 640, 32))
        data = {"x": batches, "y": None} if stream else {"x": x, "y": Y}
        _, out = stop(model, **data, epochs=1, capsys=capsys)
        assert "Epoch 1, batch 10: Invalid loss (nan)" in out
        assert int(model.optimizer.iterations) == 10
        assert all(np.isfinite(w).all() for w in model.get_weights())


def test_another_fit_is_not_compiled_again():
    with hl.use_backend("jax"):
        model = make(layers.Dense(3))
        for _ in range(2):
            model.fit(X, Y, verbose=0, callbacks=[callbacks.TerminateOnNaN()])
        watched = [p for key, p in model._trainer.programs.items() if key[3]]
        assert len(watched) == 1 and watched[0]._block._cache_size() == 1
