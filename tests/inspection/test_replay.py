"""`model.replay`: the very step again on NumPy, and where its first bad number came from."""

import inspect

import numpy as np
import pytest
from highlevel_backend import use_backend

import highlevel as hl
from highlevel import layers, ops

RNG = np.random.default_rng(0)
X = RNG.normal(size=(740, 4)).astype("float32")
Y = X[:, :1]

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


class Log(layers.Layer):
    """Of a constant, but for inputs that are large: no gradient passes."""

    def call(self, x):
        return ops.log(1.0 - 2.0 * ops.cast(ops.abs(x) > 10.0, x.dtype)) + x


class Root(layers.Layer):
    def call(self, x):
        return ops.sqrt(ops.square(x))


class Scan(layers.Layer):
    def call(self, x):
        def step(total, row):
            total = total + ops.log(1.0 - ops.abs(row) / 1000)
            return total, total

        total, _ = ops.scan(step, ops.zeros_like(x[:, 0]), ops.swapaxes(x, 0, 1))
        return x + total[:, None]


class Block(layers.Layer):
    def __init__(self, inner, **kwargs):
        super().__init__(**kwargs)
        self.inner = inner

    def call(self, x):
        return self.inner(x)


class Jump(hl.optimizers.SGD):
    """Divides by what is 0 at one step."""

    at = 3.0

    def update_step(self, gradient, variable, learning_rate):
        away = ops.minimum(ops.cast(self.iterations, gradient.dtype) - self.at, 1.0)
        self.assign_sub(variable, 1e-6 * gradient / away)


def make(middle=None, loss="mse", optimizer="sgd"):
    hl.utils.set_random_seed(0)
    model = hl.Sequential([
        hl.Input((4,)), layers.Dense(3, use_bias=False, name="first"),
        middle or layers.ReLU(name="act"), layers.Dropout(0.2), layers.Dense(1, name="last")],
        name="net")
    model.compile(optimizer, loss)
    return model


def spoilt(row, value):
    x = X.copy()
    x[row] = value
    return x


def stopped(model, x=X, **options):
    options = {"batch_size": 1, "shuffle": False, "verbose": 0} | options
    model.fit(x, Y, callbacks=[hl.callbacks.TerminateOnNaN()], **options)
    return model.replay()


def line_of(where, text):
    """Number of the first line of an object's source that has a text."""
    source, first = inspect.getsourcelines(where)
    return first + next(i for i, line in enumerate(source) if text in line)


@pytest.mark.parametrize("row", [1, 731])
@pytest.mark.parametrize("layer, value, op, phase, text", [
    (Log, 1e4, "log", "forward", "ops.log"), (Root, 0.0, "sqrt", "backward", "ops.sqrt"),
    (Scan, 1e4, "log", "forward", "ops.log")])
def test_planted(capsys, row, layer, value, op, phase, text):
    with use_backend("jax"):
        model = make(Block(layer(name="bad"), name="block"))
        replay = stopped(model, spoilt(row, value))
        found = replay.first_nonfinite()
    assert (replay.epoch, replay.batch) == (0, row)
    assert (found.path, found.op, found.phase) == ("block/bad", op, phase)
    assert (found.file, found.line) == (__file__, line_of(layer, text))
    assert found.size == (1 if layer is Scan else 3) and found.nans + found.infinities > 0 and text in found.source
    assert found.low == found.high == 0 if layer is Root else found.low < -1 or found.high > 10
    assert f"In 'block/bad', the {'gradient' if layer is Root else 'result'} of `{op}`" in (
        capsys.readouterr().out)
    assert np.isfinite(replay.loss) == (phase == "backward")


@pytest.mark.parametrize("step, name", [(1, "numpy"), (731, "jax")])
def test_the_loss_that_was_told(step, name):
    """Where the gradient alone is bad the loss is a number: the one that training had."""
    seen = []
    note = hl.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append(logs["loss"]))
    with use_backend(name):
        model = make(Root(name="bad"))
        model.fit(X[:step], Y[:step], batch_size=1, shuffle=False, verbose=0, callbacks=[note])
        replay = stopped(make(Root(name="bad")), spoilt(step, 0.0))
    before = seen[step - 1]
    np.testing.assert_allclose(
        replay.logs["loss"], (before * step + replay.loss) / (step + 1), rtol=1e-5)
    bias = float(replay.state[id(replay.model.layers["last"].bias)][0])
    np.testing.assert_allclose(replay.loss, (bias - Y[step, 0]) ** 2, rtol=1e-5)  # of inputs 0


def test_any_step_on_request():
    seen = []
    note = hl.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append((logs["loss"], logs["mae"])))
    with use_backend("jax") as backend:
        model = make(optimizer="adam")
        model.compile("adam", "mse", metrics=["mae"])
        model.fit(X, Y, batch_size=1, epochs=2, verbose=0, callbacks=[note])
        before = [v.numpy().copy() for v in [*model.variables, *model.optimizer.variables]]
        compiled = backend.compile_count
        for step, place in ((0, (0, 0)), (731, (0, 731)), (741, (1, 1))):
            replay = model.replay(step)
            assert (replay.epoch, replay.batch) == place and replay.first_nonfinite() is None
            np.testing.assert_allclose(
                [replay.logs["loss"], replay.logs["mae"]], seen[step], rtol=1e-5)
        assert model.replay(1, epoch=1).loss == replay.loss
        for value, variable in zip(before, [*model.variables, *model.optimizer.variables]):
            np.testing.assert_array_equal(variable.numpy(), value)
        assert backend.compile_count - compiled <= 1
    assert "loss of this batch" in repr(replay)


@pytest.mark.parametrize("step, name", [(1, "numpy"), (731, "jax")])
def test_update(step, name):
    with use_backend(name):
        optimizer = Jump(0.1)
        optimizer.at = float(step)
        replay = stopped(make(optimizer=optimizer), epochs=1)
        found = replay.first_nonfinite()
    assert replay.batch == step and np.isfinite(replay.loss)
    assert (found.path, found.op, found.phase) == ("net/first/kernel", "divide", "update")
    assert (found.file, found.line) == (__file__, line_of(Jump, "/ away"))


def test_a_step_of_ones_own():
    class Own(hl.Sequential):
        def train_step(self, data):
            x, y = data
            variables = self.trainable_variables

            def loss(values):
                with hl.StatelessScope(zip(variables, values)):
                    return ops.mean(ops.square(ops.log(self(x, training=True)) - y))

            value, gradients = ops.value_and_grad(loss)([v.value for v in variables])
            self.optimizer.apply(gradients, variables)
            return {"loss": value}

    with use_backend("numpy"):
        hl.utils.set_random_seed(0)
        model = Own([hl.Input((4,)), layers.Dense(1, name="last", bias_initializer="ones")])
        model.compile("sgd")
        replay = stopped(model)
        found = replay.first_nonfinite()
    assert (found.path, found.op, found.phase) == ("loss", "log", "forward")
    assert found.file == __file__ and "ops.log(self(x" in found.source


def test_loss_data_and_weights():
    with use_backend("numpy"):
        model = make(loss=lambda y, p: ops.log(-1.0 - ops.abs(p)))
        found = stopped(model).first_nonfinite()
        assert (found.path, found.op, found.phase) == ("loss", "log", "forward")
        found = stopped(make(), spoilt(5, np.nan)).first_nonfinite()
        assert (found.path, found.phase, found.nans) == ("x", "data", 4)
        model = make()
        model.layers["last"].bias.assign([np.inf])
        found = stopped(model).first_nonfinite()
        assert (found.path, found.phase, found.infinities) == ("net/last/bias", "weights", 1)
        constant = make(layers.Lambda(lambda x: x * np.float32(np.nan), name="bad"))
        found = stopped(constant).first_nonfinite()
        assert (found.path, found.op, found.phase) == ("bad", "multiply", "forward")
        assert str(found).startswith("In 'bad', the result of `multiply` (forward): 3 NaN of 3")


class Picky(layers.Layer):
    def call(self, x):
        if not self.quiet and float(ops.max(ops.abs(x))) > 100:
            raise ZeroDivisionError("too large")
        return x

    quiet = False


def test_after_an_exception(capsys):
    with use_backend("numpy"):
        model = make(Picky(name="picky"))
        with pytest.raises(ZeroDivisionError):
            model.fit(spoilt(9, 1e4), Y, batch_size=1, shuffle=False, verbose=0)
        with pytest.raises(ZeroDivisionError):
            model.replay()  # there a debugger can look
        model.layers["picky"].quiet = True
        replay = model.replay()
        assert replay.batch == 9 and replay.data[0].max() == 1e4


def test_streams():
    class Rows(hl.utils.PyDataset):
        def __len__(self):
            return 6

        def __getitem__(self, at):
            return X[at:at + 2], Y[at:at + 2]

    with use_backend("numpy"):
        model = make()
        model.fit(Rows(), epochs=2, verbose=0, shuffle=False)
        replay = model.replay(3, epoch=1)
        np.testing.assert_array_equal(replay.data[0], X[3:5])
        model.fit(((X[i:i + 2], Y[i:i + 2]) for i in range(6)), verbose=0)
        with pytest.raises(RuntimeError, match="generator, which cannot be passed through again"):
            model.replay(2, epoch=0)


def test_errors():
    with use_backend("numpy"):
        model = make()
        with pytest.raises(RuntimeError, match="not trained by `fit` yet"):
            model.replay()
        model.fit(X[:8], Y[:8], batch_size=2, verbose=0)
        with pytest.raises(ValueError, match="say which to replay"):
            model.replay()
        with pytest.raises(ValueError, match=r"no step 4 .* ran epochs 0 to 0 of 4 steps"):
            model.replay(4, epoch=0)


def test_what_fit_keeps(monkeypatch):
    """The state once at the beginning, later only where that takes no time to speak of."""
    from highlevel.training import run

    kept = []
    state_of = run.state_of
    monkeypatch.setattr(run, "state_of", lambda *a: kept.append(1) or state_of(*a))
    with use_backend("numpy"):
        make().fit(X, Y, epochs=3, verbose=0, batch_size=370)
        assert 1 <= len(kept) <= 3
        monkeypatch.setattr(run, "_SELDOM", 10**9)
        kept.clear()
        make().fit(X, Y, epochs=3, verbose=0, batch_size=370)
        assert len(kept) == 1
        monkeypatch.setattr(run, "MOST_KEPT", 10)
        kept.clear()
        model = make()
        model.fit(X, Y, epochs=2, verbose=0, batch_size=370)
        assert not kept
        with pytest.raises(RuntimeError, match=r"its state takes .*TerminateOnNaN"):
            model.replay(0)


def test_what_a_step_changed(backend):
    model = hl.Sequential([hl.Input((3,)), hl.layers.Dense(2, name="only")])
    model.compile("adam", "mse")
    before = model.get_weights()
    x = np.linspace(-1, 1, 12, dtype="float32").reshape(4, 3)
    model.fit(x, x[:, :2], batch_size=4, epochs=1, verbose=0)
    changes = model.replay(0).changes
    assert list(changes) == [w.path for w in model.weights]
    for change, old, new in zip(changes.values(), before, model.get_weights()):
        assert change == pytest.approx(np.linalg.norm(new - old), rel=1e-4)
