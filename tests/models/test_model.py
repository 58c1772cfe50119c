"""Sequential and subclassed models, compiled calls, scale."""

import subprocess
import sys
import textwrap

import numpy as np
import pytest
from highlevel_backend import use_backend

import highlevel as hl

L = hl.layers
X = np.linspace(-1, 1, 12, dtype="float32").reshape(3, 4)


class Net(hl.Model):
    def __init__(self, units=2, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.blocks = [L.Dense(3, name="one"), L.Dense(units, name="two")]
        self.heads = {"extra": L.Dense(1, name="extra")}
        self.drop = L.Dropout(0.5)

    def call(self, x, training=None):
        for block in self.blocks:
            x = block(x)
        return self.drop(x), self.heads["extra"](x)


def numpy(x):
    return np.asarray(hl.ops.convert_to_numpy(x))


def test_sequential_grows_and_shrinks(backend):
    model = hl.Sequential(name="stack")
    model.add(hl.Input((4,)))
    model.add(L.Dense(3))
    model.add(L.Dense(2))
    assert model.output_shape == (None, 2) and model(X).shape == (3, 2)
    assert model.weights[0].path.startswith("stack/dense")
    model.pop()
    assert model.output_shape == (None, 3) and model(X).shape == (3, 3)


def test_sequential_without_input_builds_on_data(backend):
    model = hl.Sequential([L.Dense(3), L.Dense(2)])
    assert not model.built
    with pytest.raises(AttributeError, match="does not know its input's shape"):
        model.output  # noqa: B018
    assert model(X).shape == (3, 2)
    assert model.layers[0].output.shape == (None, 3)


def test_sequential_refuses_what_is_no_layer():
    with pytest.raises(TypeError, match=r"`Dense\(\.\.\.\)`"):
        hl.Sequential([L.Dense])
    with pytest.raises(ValueError, match="input must come first"):
        hl.Sequential([L.Dense(2), hl.Input((3,))])


def test_subclass_knows_its_layers_once_called(backend):
    net = Net(name="net")
    with pytest.raises(AttributeError, match="never been called"):
        net.blocks[0].output  # noqa: B018
    net(X)
    assert [layer.name for layer in net.layers] == ["one", "two", "extra", net.drop.name]
    assert net.layers[0].output.shape == (None, 3)
    assert net.layers[1].input.shape == (None, 3)
    assert [w.path for w in net.weights[:2]] == ["net/one/kernel", "net/one/bias"]
    assert tuple(net.output[1].shape) == (None, 1)
    lines = []
    net.summary(print_fn=lines.append)
    assert "(None, 3)" in "".join(lines) and "?" not in "".join(lines)


def test_a_call_made_by_exec_belongs_to_no_module():
    made = {}
    exec("def call(self, x):\n    return self.inner(x)", made)
    doubled = type("Made", (hl.Model,), {"call": made["call"]})()
    doubled.inner = L.Rescaling(2.0)
    with use_backend("numpy"):
        np.testing.assert_allclose(doubled(X), 2 * X)


def test_subclass_builds_from_a_shape():
    net = Net()
    net.build((None, 4))
    assert net.built and net.layers[0].output.shape == (None, 3)
    assert all(w.is_pending for w in net.weights)


def test_subclass_config(backend):
    net = Net(units=3)
    copy = Net.from_config(net.get_config())
    assert copy.units == 3


def test_training_reaches_nested_layers(backend):
    net = Net()
    still, moving = numpy(net(X, training=False)[0]), numpy(net(X, training=True)[0])
    assert (moving == 0).any() and not (still == 0).any()


def test_model_moves_between_backends():
    model = hl.Sequential([hl.Input((4,)), L.Dense(3, activation="gelu"), L.Dense(2)])
    with use_backend("jax"):
        ours = np.asarray(model(X))
    with use_backend("numpy"):
        theirs = model(X)
        assert type(theirs) is np.ndarray
    np.testing.assert_allclose(ours, theirs, atol=1e-5)
    with use_backend("numpy"):
        model.layers[0].bias.assign(np.ones(3))
    with use_backend("jax"):
        assert np.abs(np.asarray(model(X)) - ours).max() > 1e-3


def test_the_same_seed_gives_the_same_weights_on_either_backend():
    weights = []
    for name in ("numpy", "jax"):
        with use_backend(name):
            hl.utils.set_random_seed(3)
            model = hl.Sequential([hl.Input((4,)), L.Dense(8), L.Dense(3, "relu")])
            weights.append(model.get_weights())
    for a, b in zip(*weights):
        np.testing.assert_array_equal(a, b)


def test_python_control_flow_falls_back_with_one_warning():
    class Branches(hl.Model):
        def call(self, x):
            return x * 2 if float(hl.ops.sum(x)) > 0 else x

    net = Branches()
    with use_backend("jax"):
        with pytest.warns(UserWarning, match="cannot be compiled"):
            first = net(X + 1)
        second = net(X + 1)
    np.testing.assert_allclose(np.asarray(first), np.asarray(second))


def test_stateless_call(backend):
    model = hl.Sequential([hl.Input((4,)), L.BatchNormalization(), L.Dense(2)])
    trainable = [v.value * 0 + 1 for v in model.trainable_variables]
    others = [v.value for v in model.non_trainable_variables]
    before = model.get_weights()
    outputs, after = model.stateless_call(trainable, others, X + 3, training=True)
    assert numpy(outputs).shape == (3, 2)
    assert any(np.abs(numpy(a) - numpy(b)).max() > 0 for a, b in zip(after, others))
    for a, b in zip(before, model.get_weights()):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(ValueError, match="has 4 entries, but 1"):
        model.stateless_call(trainable[:1], others, X)


def test_a_large_model_costs_no_memory():
    """21 billion parameters are built and summarised within a gigabyte."""
    code = textwrap.dedent("""
        import re, highlevel as hl
        model = hl.Sequential([hl.Input((16384,)), *(hl.layers.Dense(16384) for _ in range(80))])
        lines = []
        model.summary(print_fn=lines.append)
        assert "21,47" in "".join(lines), lines[-300:]
        assert model.count_params() == 80 * (16384 ** 2 + 16384)
        # Not `ru_maxrss`: it begins with the size of the process that started this one.
        print(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1])
    """)
    for backend in ("numpy", "jax"):
        result = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True,
            env={**__import__("os").environ, "HIGHLEVEL_BACKEND": backend},
        )
        assert result.returncode == 0, result.stderr
        assert int(result.stdout) < 2**20, f"{int(result.stdout)} KiB"



def test_get_layer_suggests():
    model = hl.Sequential([hl.Input((4,)), L.Dense(2, name="decoder")])
    with pytest.raises(ValueError, match="Did you mean 'decoder'"):
        model.get_layer("decodr")


def test_mixed_precision(backend):
    model = hl.Sequential([
        hl.Input((4,)), L.Dense(3, dtype="mixed_bfloat16"), L.Dense(2, dtype="float32")])
    assert model.layers[0].kernel.dtype == "float32"
    assert str(model.layers[0](X).dtype) == "bfloat16"
    assert str(model(X).dtype) == "float32"


def test_masks_travel_through_a_model(backend):
    tokens = np.array([[1, 2, 0, 0], [3, 4, 5, 0]])
    model = hl.Sequential([
        hl.Input((4,), dtype="int32"), L.Embedding(6, 3, mask_zero=True), L.LSTM(2)])
    shorter = numpy(model(np.array([[1, 2, 0, 0]])))
    np.testing.assert_allclose(numpy(model(tokens))[0], shorter[0], rtol=1e-5, atol=1e-8)
    lstm = model.layers[1]
    unpadded = lstm(model.layers[0](np.array([[1, 2]])))
    np.testing.assert_allclose(numpy(unpadded)[0], shorter[0], rtol=1e-5, atol=1e-7)
