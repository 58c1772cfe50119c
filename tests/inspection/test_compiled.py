"""The programs that models run, as texts and figures."""

from __future__ import annotations

import numpy as np
import pytest
from highlevel_backend import use_backend

import highlevel as hl
from highlevel import layers

X = np.ones((8, 6), "float32")


def make():
    model = hl.Sequential([hl.Input((6,)), layers.Dense(16, "tanh"), layers.Dense(3)], name="net")
    model.compile("adam", "mse")
    return model


def test_call_on_jax():
    with use_backend("jax") as backend:
        model = make()
        model(X)
        before = backend.compile_count
        found = model.compiled_program(X)
        assert backend.compile_count == before
        assert "highlevel_product" in found.jaxpr and "stablehlo.dot_general" in found.stablehlo
        assert found.optimized.startswith("HloModule")
        weights = sum(v.nbytes for v in model.weights)
        assert found.memory["arguments"] == weights + X.nbytes
        assert found.memory["outputs"] >= 8 * 3 * 4 and found.memory["peak"] > weights
        assert found.counts["dot_general"] == 2
        assert found.flops == pytest.approx(found.cost["flops"] + 8 * 16, abs=8 * 16 + 1)
        assert set(found.seconds) == {"trace", "lower", "compile"}
        assert "Program of a call of 'net'" in repr(found)
        assert "<table>" in found._repr_html_()


def test_step_of_training_on_jax():
    with use_backend("jax"):
        model = make()
        found = model.compiled_program(X, np.ones((8, 3), "float32"))
        # Weights and state go in and come out in the same memory.
        state = sum(v.nbytes for v in (*model.weights, *model.optimizer.variables))
        assert found.memory["shared"] >= state - 64
        assert found.counts["dot_general"] == 2 + 3  # the input needs no gradient
        assert model.optimizer.iterations.numpy() == 0


def test_numpy_tells_its_operations():
    with use_backend("numpy"):
        model = make()
        found = model.compiled_program(X)
        lines = found.texts["operations"].splitlines()
        assert lines[0] == "float32[8,16] = matmul(float32[8,6], float32[6,16])"
        assert found.counts["matmul"] == 2 and found.counts["tanh"] == 1
        assert found.flops == 8 * (16 * (12 + 2) + 3 * (32 + 1))
        assert found.jaxpr is None and not found.memory
        with pytest.raises(NotImplementedError, match="leave `y` out"):
            model.compiled_program(X, np.ones((8, 3), "float32"))


def test_subclass_and_training(backend):
    class Net(hl.Model):
        def __init__(self):
            super().__init__()
            self.drop, self.dense = layers.Dropout(0.5), layers.Dense(2)

        def call(self, x, training=False):
            return self.dense(self.drop(x, training=training))

    model = Net()
    plain, training = (len(model.compiled_program(X, training=flag).operations.operations)
                       for flag in (False, True))
    assert training > plain
    with pytest.raises(RuntimeError, match="compile"):
        model.compiled_program(X, X)
