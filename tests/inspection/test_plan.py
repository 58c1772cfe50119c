"""Plans: counts by hand, memory against the compiler's own figures, nothing allocated."""

from __future__ import annotations

import numpy as np
import pytest
from highlevel_backend import ArraySpec, current_backend, use_backend
from highlevel_backend.operations import Operation, Operations

import highlevel as hl
from highlevel import layers
from highlevel.inspection.liveness import memory_needed


def mlp():
    model = hl.Sequential([hl.Input((20,)), layers.Dense(64, "relu", name="a"),
                           layers.Dense(5, "softmax", name="b")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def cnn():
    model = hl.Sequential([
        hl.Input((16, 16, 3)), layers.Conv2D(8, 3, padding="same", use_bias=False),
        layers.BatchNormalization(), layers.ReLU(), layers.MaxPooling2D(), layers.Conv2D(16, 3),
        layers.Flatten(), layers.Dense(4)])
    model.compile("sgd", "mse")
    return model


def lstm():
    model = hl.Sequential([hl.Input((12, 6)), layers.LSTM(24), layers.Dense(1)])
    model.compile("rmsprop", "mse")
    return model


def transformer():
    x = hl.Input((16,), dtype="int32")
    h = layers.Embedding(50, 32)(x)
    h = layers.LayerNormalization()(h + layers.MultiHeadAttention(2, 16, name="attend")(h, h))
    h = layers.LayerNormalization()(h + layers.Dense(32)(layers.Dense(64, "gelu")(h)))
    model = hl.Model(x, layers.Dense(50)(h))
    model.compile("adam", hl.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def unet():
    def block(x, filters):
        return layers.Conv2D(filters, 3, padding="same", activation="relu")(x)

    x = hl.Input((16, 16, 3))
    down = block(x, 8)
    low = block(layers.MaxPooling2D()(down), 16)
    up = layers.Concatenate()([layers.Conv2DTranspose(8, 2, 2)(low), down])
    model = hl.Model(x, layers.Conv2D(1, 1)(block(up, 8)))
    model.compile("adam", "mse")
    return model


@pytest.mark.parametrize("make", [cnn, lstm, transformer])  # more: benchmarks/memory_plans.py
def test_peak_against_the_compiler(make):
    with use_backend("jax"):
        model = make()
        plan = model.plan(16)
        own = model.plan(16, compile=True)
        assert all(v.is_pending for v in model.weights)
    assert own.compiled and not plan.compiled
    assert plan.peak == pytest.approx(own.peak, rel=0.15)
    assert plan.training_flops == own.training_flops


def test_counts_by_hand(backend):
    model = mlp()
    plan = model.plan(32)
    weights = 20 * 64 + 64 + 64 * 5 + 5
    assert (plan.parameters, plan.trainable, plan.weights) == (weights, weights, 4 * weights)
    assert plan.gradients == 4 * weights
    assert 8 * weights < plan.optimizer < 8 * weights + 64  # two moments, and counters
    assert plan["a"].optimizer == 8 * (20 * 64 + 64)
    assert plan.batch == 32 * 20 * 4 + 32 * 4
    assert plan["a"].flops == 32 * 64 * (2 * 20 + 2)  # product, bias, relu
    assert plan.activations == 32 * 4 * (64 + 5)
    assert plan.flops == sum(layer.flops for layer in plan.layers)
    assert 2.2 < plan.training_flops / plan.flops < 3.3
    assert plan.training and plan.peak > plan.weights + plan.optimizer
    assert all(v.is_pending for v in model.weights)
    assert "Plan of" in repr(plan) and "<table>" in plan._repr_html_()
    with pytest.raises(KeyError, match="called at 'c'"):
        plan["c"]


def test_both_backends_count_alike():
    found = []
    for name in ("numpy", "jax"):
        with use_backend(name):
            found.append([model().plan(8).flops for model in (mlp, cnn, lstm, transformer, unet)])
    np.testing.assert_allclose(*found, rtol=0.01)


def test_a_model_that_is_not_compiled(backend):
    model = hl.Sequential([hl.Input((8,)), layers.Dense(4)])
    plan = model.plan(10)
    assert not plan.training and plan.training_flops is None and plan.optimizer == 0
    assert plan.peak >= plan.weights + plan.batch + 10 * 4 * 4


def test_properties_of_layers(backend):
    model = mlp()
    layer = model.layers["a"]
    assert layer.parameters == 20 * 64 + 64
    assert layer.flops == 64 * (2 * 20 + 2)
    size = 4 * (20 * 64 + 64)
    assert (layer.memory.weights, layer.memory.activations) == (size, 4 * 64)
    assert layer.memory.optimizer == 0
    model.optimizer.build(model.trainable_variables)
    assert layer.memory.optimizer == 2 * size and model.memory.optimizer > 2 * size
    assert model.parameters == model.count_params()
    alone = layers.Dense(3)
    assert alone.flops is None and alone.memory.activations is None and alone.parameters == 0
    assert transformer().layers["attend"].flops > 4 * 2 * 16 * 32 * 32  # four projections at least


def test_a_layer_may_have_attributes_of_these_names(backend):
    class Own(layers.Layer):
        def __init__(self):
            super().__init__()
            self.memory, self.flops, self.parameters = layers.Dense(2), 7, "mine"

        def call(self, x):
            return self.memory(x)

    layer = Own()
    layer(np.ones((2, 3), "float32"))
    assert layer.flops == 7 and len(layer.weights) == 2


def test_huge_models_take_no_memory(backend):
    model = hl.Sequential([hl.Input((2**16,)), layers.Dense(2**20), layers.Dense(2**16)])
    model.compile("adam", "mse")
    plan = model.plan(8)
    assert plan.parameters == 2 * 2**36 + 2**20 + 2**16
    assert plan.peak > 12 * plan.parameters


def test_shapes_that_are_not_known(backend):
    model = hl.Sequential([hl.Input((None, 4)), layers.LSTM(3), layers.Dense(1)])
    with pytest.raises(ValueError, match=r"all lengths but the first.*x=batch"):
        model.plan(4)
    plan = model.plan(4, x=np.zeros((1, 9, 4), "float32"))
    assert plan.batch == 4 * 9 * 4 * 4

    class Net(hl.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(2)

        def call(self, x):
            return self.dense(x)

    with pytest.raises(ValueError, match="does not know the shapes of its inputs"):
        Net().plan(4)
    late = hl.Sequential([layers.Dense(2)])
    late.compile("sgd", "mse")
    assert late.plan(4, x=np.zeros((1, 3), "float32")).batch == 4 * 4 * (3 + 2)
    words = hl.Sequential([hl.Input((1,), dtype="string"), layers.StringLookup(vocabulary=["a"])])
    with pytest.raises(ValueError, match="takes strings"):
        words.plan(4)
    assert Net().plan(4, x=np.zeros((1, 3), "float32")).parameters == 8


def test_memory_needed_by_hand():
    found = Operations()
    x = found.new((100,), "float32")
    found.inputs = [x]
    a, b, c, d = (found.new((100,), "float32") for _ in range(4))
    found.operations = [
        Operation("dot", (x,), (a,)),
        Operation("add", (a,), (b,), form="fused"),  # is not stored: computed within `mul`
        Operation("mul", (b,), (c,), form="fused"),  # may be written over `a`
        Operation("dot", (c,), (d,), workspace=50),
    ]
    found.outputs = [d]
    need = memory_needed(found)  # `c` and the workspace; `d` is a result, counted apart
    assert need.bytes == 400 + 50 and need.at is found.operations[-1]


def test_multi_output_targets(backend):
    x = hl.Input((4,))
    model = hl.Model(x, {"a": layers.Dense(3, name="a")(x), "b": layers.Dense(2, name="b")(x)})
    model.compile("sgd", {"a": "mse", "b": "sparse_categorical_crossentropy"})
    assert model.plan(6).batch == 4 * 6 * (4 + 3 + 1)


def test_operations_are_told_by_the_current_backend(backend):
    found = current_backend().operations(lambda x: x + 1, ArraySpec((3,), "float32"))
    assert found.flops == 3 and len(found.lines()) == len(found.operations)
