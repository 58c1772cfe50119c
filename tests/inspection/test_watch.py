"""`fit(watch=...)`: what is measured within the step is what a look from outside would find."""

import numpy as np
import pytest
from highlevel_backend import use_backend

import highlevel as hl
from highlevel import layers
from highlevel.inspection import Watch
from highlevel.training.program import Program
from highlevel.variable import Variable

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 4)).astype("float32")
Y = X[:, :1] - 1
QUIET = {"verbose": 0, "batch_size": 8, "shuffle": False}


def make(optimizer="sgd"):
    hl.utils.set_random_seed(1)
    inner = hl.Input((4,))
    block = hl.Model(
        inner, layers.ReLU(name="act")(layers.Dense(5, name="conv")(inner)), name="block")
    model = hl.Sequential([
        hl.Input((4,)), block, layers.BatchNormalization(name="norm"), layers.Dense(1, name="head")])
    model.compile(optimizer, "mse")
    return model


def test_as_traces_of_the_batches(backend):
    """With a learning rate of 0 every batch meets the same weights."""
    model = make(hl.optimizers.SGD(0.0))
    watch = Watch(["block/*", "head"], statistics=["norm", "mean", "spread", "zeros"], every=2)
    watched = model.fit(X, Y, epochs=2, watch=watch, **QUIET).watched
    assert watched.steps == [2, 4, 5, 7, 9, 10]  # the last record of an epoch is of one batch
    traces = [model.trace(X[at:at + 8], Y[at:at + 8]) for at in range(0, 40, 8)]

    def means(values):
        return [np.mean(values[:2]), np.mean(values[2:4]), values[4]]
    for path in ("block/conv", "block/act", "head"):
        for name in ("norm", "mean", "spread", "zeros"):
            wanted = [getattr(trace[path].statistics, name) for trace in traces]
            np.testing.assert_allclose(
                watched[f"{path}/activations/{name}"], means(wanted) * 2, rtol=1e-4, atol=1e-6)
    norms = [trace["head"].weight_gradient_norm for trace in traces]
    np.testing.assert_allclose(watched["head/gradients/norm"][:3], means(norms), rtol=1e-4)
    kernel = np.concatenate([v.numpy().reshape(-1) for v in model.layers["head"].weights])
    np.testing.assert_allclose(watched["head/weights/spread"], kernel.std(), rtol=1e-5)
    assert "block/act/gradients/norm" not in watched.values and "norm/weights/norm" not in watched.values


def test_histograms(backend):
    model = make(hl.optimizers.SGD(0.0))
    watched = model.fit(
        X, Y, watch=Watch("*/conv", statistics="histogram"), **QUIET).watched
    conv = model.layers["block/conv"]
    wanted, _ = np.histogram(X @ conv.kernel.numpy() + conv.bias.numpy(), watched.edges)
    np.testing.assert_array_equal(watched["block/conv/activations"], [wanted])
    assert watched["block/conv/weights"].sum() == 5 * 25 and not watched.values
    assert watched["block/conv/weights"][0, len(watched.edges) // 2 - 1] == 5 * 5  # zeros: the bias


def test_no_further_program_and_no_further_wait(monkeypatch):
    with use_backend("jax") as backend:
        model, counted = make(), []
        run, read = Program.run_block, Variable.numpy
        monkeypatch.setattr(
            Program, "run_block", lambda self, *a: counted.append("block") or run(self, *a))
        monkeypatch.setattr(Variable, "numpy", lambda self: counted.append("read") or read(self))
        whole = {"verbose": 0, "batch_size": 10, "epochs": 3, "shuffle": False}
        model.steps_per_execution = 2

        def fit(**more):
            before = backend.compile_count
            counted.clear()
            model.fit(X, Y, **whole, **more)
            return backend.compile_count - before, counted.count("block"), counted.count("read")

        made, blocks, reads = fit()
        assert (made, blocks) == (1, 6)
        assert fit(watch="block/*") == (1, 6, reads + 6)  # two buffers per epoch
        assert fit(watch="block/*") == (0, 6, reads + 6)
        assert fit() == (0, 6, reads)
        assert model.history.watched is None


def test_nothing_changes():
    with use_backend("numpy"):
        models = [make("adam"), make("adam")]
        models[0].fit(X, Y, epochs=2, **QUIET)
        models[1].fit(X, Y, epochs=2, watch="*", callbacks=[hl.callbacks.TerminateOnNaN()], **QUIET)
        for one, other in zip(models[0].get_weights(), models[1].get_weights()):
            np.testing.assert_array_equal(one, other)


def test_a_stream_without_a_known_length():
    def batches():
        for at in range(600):
            yield X[at % 40: at % 40 + 4], Y[at % 40: at % 40 + 4]

    with use_backend("numpy"):
        model = hl.Sequential([hl.Input((4,)), layers.Dense(1, name="head")])
        model.compile("sgd", "mse")
        watched = model.fit(batches(), verbose=0, watch=Watch("head", every=2)).watched
        assert watched.steps == list(range(2, 601, 2))
        assert "300 records" in repr(watched)


def test_tensorboard(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util.tensor_util import make_ndarray

    with use_backend("numpy"):
        model = make()
        watch = Watch("head", "weights", ["norm", "histogram"])
        history = model.fit(
            X, Y, epochs=2, watch=watch, callbacks=[hl.callbacks.TensorBoard(tmp_path)], **QUIET)
    events = EventAccumulator(str(tmp_path / "train"))
    events.Reload()
    found = [(event.step, float(make_ndarray(event.tensor_proto)))
             for event in events.Tensors("watch/head/weights/norm")]
    assert [step for step, _ in found] == [4, 9]
    np.testing.assert_allclose([v for _, v in found], history.watched["head/weights/norm"], rtol=1e-5)
    buckets = make_ndarray(events.Tensors("watch/head/weights")[0].tensor_proto)
    assert buckets[:, 2].sum() == 5 * 6


def test_errors():
    with use_backend("numpy"):
        model = make()
        with pytest.raises(ValueError, match=r"matches 'blok/\*'. Did you mean 'block"):
            model.fit(X, Y, watch="blok/*", **QUIET)
        with pytest.raises(ValueError, match=r"got 'nrom'\. Did you mean 'norm'"):
            Watch("*", statistics="nrom")
        with pytest.raises(ValueError, match="`every`"):
            Watch("*", every=0)
        with pytest.raises(TypeError, match="got 3"):
            model.fit(X, Y, watch=3, **QUIET)
        watched = model.fit(X, Y, watch="head", **QUIET).watched
        with pytest.raises(KeyError, match="Did you mean 'head/weights/norm'"):
            watched["head/weight/norm"]

        class Own(hl.Sequential):
            def train_step(self, data):
                return {}

        own = Own([hl.Input((4,)), layers.Dense(1)])
        own.compile("sgd", "mse")
        with pytest.raises(ValueError, match="own `train_step`"):
            own.fit(X, Y, watch="*", **QUIET)
