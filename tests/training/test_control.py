"""Steps per execution, gradients looked at, Ctrl-C, and the state as pure values."""

import os
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import highlevel as hl

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 4)).astype("float32")
Y = (X[:, :1] > 0).astype("float32")


def make(**arguments):
    model = hl.Sequential([
        hl.Input((4,)), hl.layers.Dense(5, activation="tanh"), hl.layers.Dense(1)], name="net")
    model.set_weights([
        np.linspace(-1, 1, int(np.prod(v.shape))).reshape(v.shape) for v in model.weights])
    model.compile(arguments.pop("optimizer", "sgd"), "mse", **arguments)
    return model


class Batches(hl.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.seen = []

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(batch)


def generator():
    while True:
        for i in range(0, 40, 8):
            yield X[i:i + 8], Y[i:i + 8]


@pytest.mark.parametrize("steps", [1, 2, 3, "auto"])
def test_steps_per_execution(steps, backend):
    plain, model = make(), make(steps_per_execution=steps)
    expected = plain.fit(X, Y, batch_size=8, epochs=3, shuffle=False, verbose=0).history
    seen = Batches()
    found = model.fit(
        X, Y, batch_size=8, epochs=3, shuffle=False, verbose=0, callbacks=[seen]).history
    np.testing.assert_allclose(found["loss"], expected["loss"], rtol=1e-5)
    assert seen.seen[-1] == 4
    if steps == 2 and backend.compiles:
        assert seen.seen == [1, 3, 4] * 3
    assert model.steps_per_execution == steps


def test_steps_per_execution_of_a_stream(backend):
    plain, model, seen = make(), make(steps_per_execution=2), Batches()
    expected = plain.fit(X, Y, batch_size=8, epochs=2, shuffle=False, verbose=0).history
    found = model.fit(
        generator(), steps_per_epoch=5, epochs=2, verbose=0, callbacks=[seen]).history
    np.testing.assert_allclose(found["loss"], expected["loss"], rtol=1e-5)
    assert seen.seen == [1, 3, 4] * 2


@pytest.mark.parametrize("steps", [0, -1, 1.5, True, "fast"])
def test_steps_per_execution_is_checked(steps):
    with pytest.raises(ValueError, match='positive integer or "auto"'):
        make(steps_per_execution=steps)


def test_gradients_looked_at(backend):
    model = make(optimizer=hl.optimizers.SGD(0.1, clipnorm=0.01))
    before = model.get_weights()
    seen = []
    model.fit(
        X, Y, batch_size=20, shuffle=False, verbose=0,
        on_gradients=lambda step, found: seen.append(
            (step, {path: np.array(backend.to_numpy(g)) for path, g in found.items()})),
    )
    assert [step for step, _ in seen] == [0, 1]
    assert list(seen[0][1]) == [v.path for v in model.trainable_variables]
    # The gradient of the first batch, written out.
    kernel, bias, second, offset = (w.astype("float64") for w in before)
    hidden = np.tanh(X[:20] @ kernel + bias)
    error = 2 * (hidden @ second + offset - Y[:20]) / 20
    expected = [X[:20].T @ (error @ second.T * (1 - hidden**2)),
                (error @ second.T * (1 - hidden**2)).sum(0), hidden.T @ error, error.sum(0)]
    for found, right in zip(seen[0][1].values(), expected):
        np.testing.assert_allclose(found, right, rtol=1e-4, atol=1e-6)


def test_looking_at_gradients_changes_nothing_else(backend):
    plain, watched = make(), make()
    a = plain.fit(X, Y, batch_size=8, epochs=2, shuffle=False, verbose=0).history
    b = watched.fit(X, Y, batch_size=8, epochs=2, shuffle=False, verbose=0,
                    on_gradients=lambda step, found: None).history
    np.testing.assert_allclose(a["loss"], b["loss"], rtol=1e-5)
    before = backend.compile_count
    plain.fit(X, Y, batch_size=8, epochs=1, shuffle=False, verbose=0)
    assert backend.compile_count == before
    watched.train_on_batch(X, Y)  # gives logs again, not gradients


def test_gradients_come_without_the_loss_scale(backend):
    scaled = make(optimizer=hl.optimizers.LossScaleOptimizer(hl.optimizers.SGD(0.1)))
    plain, found = make(), {}
    for name, model in (("scaled", scaled), ("plain", plain)):
        model.fit(X, Y, batch_size=40, verbose=0, shuffle=False,
                  on_gradients=lambda step, g, name=name: found.update(
                      {name: [backend.to_numpy(x) for x in g.values()]}))
    for a, b in zip(found["scaled"], found["plain"]):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)


def test_own_training_steps_hold_their_gradients_themselves():
    class Own(hl.Model):
        def train_step(self, data):
            return {}

    model = Own()
    model.compile("sgd")
    with pytest.raises(ValueError, match="has its own `train_step`"):
        model.fit(X, Y, on_gradients=print, verbose=0)


PROGRAM = """
    import signal, sys, numpy as np, highlevel as hl
    # A process started in the background inherits that it ignores the signal.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    class Ready(hl.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 2:
                print("ready", flush=True)
    with hl.use_backend(sys.argv[1]):
        x = np.ones((64, 4), "float32"); y = x[:, :1]
        model = hl.Sequential([hl.Input((4,)), hl.layers.Dense(8), hl.layers.Dense(1)])
        model.compile("adam", "mse")
        try:
            model.fit(x, y, batch_size=8, epochs=10**7, verbose=0, callbacks=[Ready()])
        except KeyboardInterrupt as stop:
            print(stop.__notes__[0], flush=True)
        steps = int(model.optimizer.iterations.numpy())
        assert np.isfinite(model.evaluate(x, y, verbose=0))
        model.fit(x, y, batch_size=8, epochs=1, verbose=0)
        assert int(model.optimizer.iterations.numpy()) == steps + 8
        print("usable", steps > 16)
"""


@pytest.mark.parametrize("backend", ["numpy", "jax"])
def test_ctrl_c(backend):
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(PROGRAM), backend],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ))
    assert process.stdout.readline().strip() == "ready", process.stderr.read()
    process.send_signal(signal.SIGINT)
    try:
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    note, usable = out.strip().splitlines()
    assert note.startswith(("`fit` was interrupted after epoch ", "`fit` was interrupted in epoch "))
    assert "/10000000" in note and "The model is whole" in note
    assert usable == "usable True", err


def test_state_trees(backend):
    model, other = make(metrics=["mae"]), make(metrics=["mae"])
    model.fit(X, Y, verbose=0)
    tree = model.get_state_tree("numpy_array")
    assert list(tree) == ["trainable_variables", "non_trainable_variables",
                          "optimizer_variables", "metrics_variables"]
    kernel = tree["trainable_variables"]["net"]
    assert isinstance(next(iter(kernel.values()))["kernel"], np.ndarray)
    (optimizer,) = tree["optimizer_variables"].values()
    assert int(optimizer["iteration"]) == 2
    with pytest.raises(ValueError, match="Did you mean 'trainable_variables'"):
        other.set_state_tree({"trainable_variable": {}})
    with pytest.raises(ValueError, match="no variable 'net/x'"):
        other.set_state_tree({"trainable_variables": {"net": {"x": 1.0}}})
    with pytest.raises(ValueError, match="numpy_array"):
        model.get_state_tree("numpy")
    model.set_weights([0 * w for w in model.get_weights()])
    model.set_state_tree(tree)
    again = model.get_state_tree()["trainable_variables"]["net"]
    for name, layer in kernel.items():
        for part, value in layer.items():
            np.testing.assert_array_equal(backend.to_numpy(again[name][part]), value)


def test_stateless_compute_loss(backend):
    model = make()
    model.evaluate(X, Y, verbose=0)
    loss, (trainable, others, metrics) = model.stateless_compute_loss(
        [v.value for v in model.trainable_variables],
        [v.value for v in model.non_trainable_variables],
        [v.value for v in model.metrics_variables],
        x=X, y=Y, y_pred=model(X), training=False)
    assert float(loss) == pytest.approx(model.evaluate(X, Y, verbose=0), rel=1e-5)
    assert len(trainable) == 4 and not others and len(metrics) == 2


def test_a_callback_that_freezes_a_layer_is_heeded_at_the_next_step(backend):
    model = hl.Sequential([hl.Input((4,)), hl.layers.Dense(3), hl.layers.Dense(1)])
    model.compile("sgd", "mse")
    first, seen = model.layers[0], []

    def freeze(batch, logs):
        seen.append(first.get_weights()[0])
        first.trainable = False

    x = np.linspace(-1, 1, 32, dtype="float32").reshape(8, 4)
    model.fit(x, x[:, :1], batch_size=2, verbose=0,
              callbacks=[hl.callbacks.LambdaCallback(on_train_batch_end=freeze)])
    assert len(seen) == 4
    np.testing.assert_array_equal(seen[1], seen[0])
    np.testing.assert_array_equal(seen[3], seen[0])
