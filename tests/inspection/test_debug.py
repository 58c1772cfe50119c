"""Debug modes: guard, kernels beside their definitions, hooks, and `ops.print`."""

import warnings

import numpy as np
import pytest
from highlevel_backend import use_backend

import highlevel as hl
from highlevel import inspection, layers, ops
from highlevel.training.program import Program

X = np.linspace(-1, 1, 48, dtype="float32").reshape(12, 4)
Y = X[:, :1]

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


class Log(layers.Layer):
    def call(self, x):
        return ops.log(x)


def make(*middle):
    hl.utils.set_random_seed(0)
    model = hl.Sequential([hl.Input((4,)), layers.Dense(3, name="first"), *middle], name="net")
    model.compile("sgd", "mse")
    return model


def test_guard(backend):
    model = make(Log(name="log"))
    with pytest.raises(FloatingPointError, match=r"Log 'net/log' returned \d+ numbers of 36 that"), (
            inspection.guard()):
        model(X)
    model(X)  # nothing is left of it
    if not backend.compiles:
        with inspection.guard(), pytest.raises(FloatingPointError, match="Log 'net/log'"):
            model(X)  # at once
    with inspection.guard():
        make(layers.ReLU())(X)
    with pytest.raises(FloatingPointError, match=r"'net/first' returned numbers up to .* limit of 0.1"), (
            inspection.guard(limit=0.1)):
        make()(X)


def test_guard_ends_fit():
    """Between two blocks of steps: the model is whole."""
    with use_backend("jax"):
        model = make(Log(name="log"))
        with pytest.raises(FloatingPointError, match="Log 'net/log'") as info, inspection.guard():
            model.fit(X, Y, batch_size=4, epochs=50, verbose=0)
        assert any("During `fit`: epoch" in note for note in info.value.__notes__)
        assert model.get_weights()[0].shape == (4, 3)


def test_guard_inside_of_loops(backend):
    model = hl.Sequential([hl.Input((5, 2)), layers.RNN([layers.GRUCell(3)], name="rnn")])
    with inspection.guard():
        model(np.ones((2, 5, 2)))


def test_hooks(backend):
    model, seen = make(layers.ReLU(name="act")), []

    def before(layer, args, kwargs):
        seen.append((layer.name, "before", args[0].shape))

    def after(layer, args, kwargs, outputs):
        assert isinstance(outputs, np.ndarray)
        seen.append((layer.name, outputs.shape, float(outputs.sum())))

    with inspection.hooks(before=before):
        model(X)
    assert [s[:2] for s in seen] == [(n, "before") for n in ("net", "first", "act")]
    seen.clear()
    with inspection.hooks(after=after, values=True):
        first = np.asarray(model(X))
        model(X + 1)
    assert [s[0] for s in seen] == ["first", "act", "net"] * 2
    np.testing.assert_allclose(seen[2][2], first.sum(), rtol=1e-5)
    seen.clear()
    model(X)
    assert not seen


def test_checked_kernels(monkeypatch):
    with use_backend("numpy") as backend:
        model = hl.Sequential([hl.Input((5, 2)), layers.LSTM(3, name="lstm"), layers.Dropout(0.5)])
        good = dict(backend.kernels)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with inspection.checked_kernels() as found:
                model(np.ones((2, 5, 2)), training=True)
        ((name, path),) = found.differences
        assert name == "lstm_sequence" and path.endswith("/lstm")
        assert dict(backend.kernels) == good

        def wrong(*args, **kwargs):
            outputs, *rest = good["lstm_sequence"](*args, **kwargs)
            return (outputs * 1.01, *rest)

        monkeypatch.setattr(type(backend), "kernels", {**good, "lstm_sequence": wrong})
        with pytest.warns(UserWarning, match="kernel 'lstm_sequence' differs .* by 0.01 of the"), (
                inspection.checked_kernels()):
            model(np.ones((2, 5, 2)))


def test_print_in_compiled_code(capsys, backend):
    class Shown(layers.Layer):
        def call(self, x):
            return ops.print(x, "seen", summary=True) * 2.0

    model = make(Shown(name="shown"))
    for _ in range(2):
        model(X)
    backend.told()
    out = capsys.readouterr().out.splitlines()
    assert len(out) == 2 and out[0] == out[1] and out[0].startswith("seen: float32(12, 3), mean ")
    model.fit(X, Y, batch_size=4, verbose=0)
    backend.told()
    seen = capsys.readouterr().out.count("seen: float32(4, 3)")
    assert seen == 3 + (backend.name == "numpy")  # which looks at a batch first, for the metrics
    x = hl.Input((2,))
    assert hl.Model(x, ops.print(x)).output_shape == (None, 2)


def test_no_mode_no_cost(monkeypatch):
    """Nothing is compiled anew, and nothing further is dispatched."""
    with use_backend("jax") as backend:
        model, blocks = make(), []
        run = Program.run_block
        monkeypatch.setattr(
            Program, "run_block", lambda self, *a: blocks.append(1) or run(self, *a))
        model.steps_per_execution = 3
        before = backend.compile_count
        for _ in range(2):
            model.fit(X, Y, batch_size=4, epochs=4, verbose=0)
        assert (backend.compile_count - before, len(blocks)) == (1, 8)
