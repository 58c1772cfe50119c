"""Every layer as Keras computes it: outputs, a training step, files both ways.

The rows of a layer are the branches of one model, so that a layer costs one program per
library. In front of every branch stands a layer that adds a weight to its input: the
step's change of it is the gradient to the input.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import jax
import numpy as np
import pytest
from highlevel_backend import tree
from layers.table import LAYERS, Row, arrays, fill, of_layer

import highlevel as hl
from highlevel.naming import reset_names

keras = pytest.importorskip("keras")

from layers.peer import cheap_weights  # noqa: E402

pytestmark = [pytest.mark.parity, pytest.mark.usefixtures("cheap_weights")]
__all__ = ["cheap_weights"]
#: rows of a layer whose training step is compiled on JAX
COMPILED = 4


def comparable(name: str) -> list[Row]:
    return [one for one in of_layer(name, keras=True) if "graph" not in one.astray]


layer_names = pytest.mark.parametrize(
    "name", [
        # Keras's half is computed once for both backends.
        pytest.param(name, marks=pytest.mark.xdist_group(name))
        for name in LAYERS if comparable(name)
    ])
RATE = 0.1


def shift(k: Any) -> type:
    """A layer that adds a weight to its input, written once for both libraries."""
    class Shift(k.layers.Layer):
        def build(self, input_shape: Any) -> None:
            self.amount = self.add_weight(
                shape=tuple(input_shape[1:]), initializer="zeros", name="amount")

        def call(self, inputs: Any) -> Any:
            return inputs + self.amount

        def compute_output_shape(self, input_shape: Any) -> Any:
            return input_shape

    return Shift


SHIFTS = {keras: shift(keras), hl: shift(hl)}


def model_of(k: Any, rows: list[Row], shifted: bool = False) -> tuple[Any, list[slice]]:
    """A model with a branch per row, and where each row's outputs are."""
    keras.utils.clear_session(free_memory=False)
    reset_names()
    inputs: list[Any] = []
    outputs: list[Any] = []
    places = []
    for one in rows:
        def give(leaf: Any, one: Row = one) -> Any:
            x = k.Input(
                leaf.shape[1:], dtype=leaf.dtype, name=f"{one.slug}_{len(inputs)}",
                batch_size=leaf.shape[0] if one.batch else None)
            inputs.append(x)
            if shifted and leaf.kind == "float":
                x = SHIFTS[k](name=f"shift_{len(inputs)}")(x)
            return x

        args, kwargs = one.arguments(give)
        found = tree.leaves(one.layer(k.layers, name=one.slug)(*args, **kwargs))
        places.append(slice(len(outputs), len(outputs) + len(found)))
        outputs += found
    return k.Model(inputs, outputs), places


def data_of(rows: list[Row]) -> list[np.ndarray]:
    return [x for one in rows for x in one.arrays()]


def listed(outputs: Any) -> list[np.ndarray]:
    return arrays(outputs)


def close(one: Row, mine: Any, other: Any, what: str, faults: list[str]) -> None:
    """Note where two lists of arrays differ."""
    for index, (a, b) in enumerate(zip(mine, other, strict=True)):
        if a.dtype != b.dtype or a.shape != b.shape:
            faults.append(f"{one} {what} {index}: {a.dtype}{a.shape} not {b.dtype}{b.shape}")
        elif not np.allclose(a, b, rtol=5e-5, atol=5e-5, equal_nan=True):
            faults.append(
                f"{one} {what} {index}: differs by {np.max(np.abs(a - b)):.2g} in up to "
                f"{np.max(np.abs(b)):.2g}")


@functools.cache
def predicted(name: str) -> tuple[Any, list[np.ndarray]]:
    """Keras's model of a layer's rows, filled, and its outputs."""
    rows = comparable(name)
    model, _ = model_of(keras, rows)
    fill_both(model)
    return model, run_keras(model, rows)


def fill_both(model: Any) -> None:
    """`fill`, and what Keras derives from weights once and not again."""
    fill(model)
    for layer in model.layers:
        if hasattr(layer, "finalize_state"):
            layer.finalize_state()


QUICK = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
#: compiled programs of Keras's models, by their text
PROGRAMS: dict[str, Any] = {}


def run_keras(model: Any, rows: list[Row]) -> list[np.ndarray]:
    """A Keras model's outputs, by one program, which models of the same program share."""
    def call(trainable: Any, others: Any, x: Any) -> Any:
        return model.stateless_call(trainable, others, x, training=False)[0]

    given = (
        [v.value for v in model.trainable_variables],
        [v.value for v in model.non_trainable_variables], data_of(rows))
    lowered = jax.jit(call, compiler_options=QUICK).lower(*given)
    text = lowered.as_text()
    if text not in PROGRAMS:
        PROGRAMS[text] = lowered.compile()
    return listed(PROGRAMS[text](*given))


@layer_names
def test_outputs(name: str, backend: Any) -> None:
    rows = comparable(name)
    theirs, expected = predicted(name)
    ours, places = model_of(hl, rows)
    assert [w.path for w in ours.weights] == [w.path for w in theirs.weights]
    ours.set_weights(theirs.get_weights())
    got = listed(ours.predict_on_batch(data_of(rows)))
    faults: list[str] = []
    for one, place in zip(rows, places):
        close(one, got[place], expected[place], "output", faults)
    assert not faults, "\n".join(faults)


def learning(name: str) -> list[Row]:
    return [r for r in comparable(name) if r.trains and not r.random]


class Step(NamedTuple):
    """A training step: weights by path before and after, targets, outputs, logs."""

    before: dict[str, np.ndarray]
    targets: list[np.ndarray]
    outputs: list[np.ndarray]
    logs: dict[str, Any]
    after: dict[str, np.ndarray]


@functools.cache
def stepped(name: str) -> Step:
    """A step of Keras."""
    rows = learning(name)
    model, _ = model_of(keras, rows, shifted=True)
    fill_both(model)
    paths = [w.path for w in model.weights]
    before, x = dict(zip(paths, model.get_weights())), data_of(rows)
    model.compile(keras.optimizers.SGD(RATE), loss=["mse"] * len(model.outputs))
    model.optimizer.build(model.trainable_variables)
    shapes = jax.eval_shape(lambda x: model.stateless_call(
        [v.value for v in model.trainable_variables],
        [v.value for v in model.non_trainable_variables], x)[0], x)
    y = targets([s.shape for s in tree.leaves(shapes)])
    state = [
        [v.value for v in variables] for variables in (
            model.trainable_variables, model.non_trainable_variables,
            model.optimizer.variables, model.metrics_variables)
    ]

    def step(state: Any, x: Any, y: Any) -> Any:
        outputs, _ = model.stateless_call(state[0], state[1], x, training=True)
        logs, after = model.train_step(state, (x, y))
        return outputs, logs, after[0], after[1]

    outputs, logs, trained, others = jax.jit(step, compiler_options=QUICK)(state, x, y)
    for variables, values in (
        (model.trainable_variables, trained), (model.non_trainable_variables, others)
    ):
        for variable, value in zip(variables, values):
            variable.assign(value)
    return Step(before, y, listed(outputs), logs, dict(zip(paths, model.get_weights())))


def targets(shapes: list[tuple[int, ...]]) -> list[np.ndarray]:
    rng = np.random.default_rng(5)
    return [rng.normal(size=shape).astype("float32") for shape in shapes]


@pytest.mark.parametrize(
    "name", [name for name in LAYERS if learning(name)])
def test_a_training_step(name: str, backend: Any) -> None:
    step = stepped(name)
    rows = learning(name)[:COMPILED] if backend.compiles else learning(name)
    model, places = model_of(hl, rows, shifted=True)
    # The first branches are the whole model's first inputs, weights and outputs.
    before, after = ([known[w.path] for w in model.weights] for known in (step.before, step.after))
    y, outputs = step.targets[:len(model.outputs)], step.outputs
    model.set_weights(before)
    model.compile(hl.optimizers.SGD(RATE), loss=["mse"] * len(model.outputs))
    x = data_of(rows)
    faults: list[str] = []
    if not backend.compiles:
        got = listed(model(x, training=True))
        model.set_weights(before)
        for layer in model.layers:
            if hasattr(layer, "reset_state"):
                layer.reset_state()
        for one, place in zip(rows, places):
            close(one, got[place], outputs[place], "output in training", faults)
    mine = model.train_on_batch(x, y, return_dict=True)
    logs = dict(step.logs)
    if len(rows) < len(learning(name)):  # Keras's total is of all branches
        logs = {key: logs.get(key) for key in mine if key != "loss"}
        mine.pop("loss")
    if set(mine) != set(logs):
        faults.append(f"logs {sorted(mine)} not {sorted(logs)}")
    for key in set(mine) & set(logs):
        if not np.isclose(float(mine[key]), float(logs[key]), rtol=1e-4):
            faults.append(f"log {key}: {float(mine[key])} not {float(logs[key])}")
    for w, a, b in zip(model.weights, model.get_weights(), after, strict=True):
        if not np.allclose(a, b, rtol=1e-4, atol=1e-4):
            faults.append(f"{w.path} after: differs by {np.max(np.abs(a - b)):.2g}")
    assert not faults, "\n".join(faults)


@layer_names
def test_files_both_ways(name: str, tmp_path: Any) -> None:
    rows = comparable(name)
    theirs, expected = predicted(name)
    there, back = str(tmp_path / "theirs.keras"), str(tmp_path / "ours.keras")
    theirs.save(there)
    faults: list[str] = []
    with hl.use_backend("numpy"):
        loaded = hl.models.load_model(there)
        got = listed(loaded.predict_on_batch(data_of(rows)))
        ours, places = model_of(hl, rows)
        ours.set_weights(theirs.get_weights())
        ours.save(back)
    again = keras.models.load_model(back)
    for a, b in zip(again.weights, theirs.weights, strict=True):
        if not np.array_equal(np.asarray(a), np.asarray(b)):
            faults.append(f"{b.path} has other values in our file")
    returned = run_keras(again, rows)
    for one, place in zip(rows, places):
        close(one, got[place], expected[place], "output of their file", faults)
        close(one, returned[place], expected[place], "output of our file", faults)
    assert not faults, "\n".join(faults)
