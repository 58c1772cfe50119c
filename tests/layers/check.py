"""What every layer must do, without another library to compare with; a row each."""

from __future__ import annotations

import inspect
import json
from typing import Any

import numpy as np
from highlevel_backend import canonical_name, tree

import highlevel as hl
from highlevel import layers
from highlevel.serialization import deserialize_keras_object, serialize_keras_object
from highlevel.symbolic import SymbolicTensor

from .table import Row, arrays, fill


def call(layer: Any, one: Row, **more: Any) -> list[np.ndarray]:
    """A layer's outputs for the row's data."""
    args, kwargs = one.data()
    if one.args.get("stateful"):
        layer.reset_state()
    return arrays(layer(*args, **kwargs, **more))


def filled(one: Row, **extra: Any) -> Any:
    """The row's layer, built, with weights that are neither zeros nor ones."""
    layer = one.layer(layers, **extra)
    args, kwargs = one.symbols(SymbolicTensor)
    layer(*args, **kwargs)
    fill(layer)
    return layer


def same(mine: Any, other: Any, tolerance: float = 1e-6) -> None:
    for a, b in zip(mine, other, strict=True):
        assert a.dtype == b.dtype and a.shape == b.shape
        if a.dtype.kind in "fc":
            np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)
        else:
            np.testing.assert_array_equal(a, b)


def unbuilt(config: Any) -> Any:
    """A config without the shapes that layers inside were built for: a copy has none yet."""
    if isinstance(config, dict):
        return {key: unbuilt(v) for key, v in config.items() if key != "build_config"}
    return [unbuilt(v) for v in config] if isinstance(config, list) else config


def check_config(one: Row) -> None:
    """Layer -> config -> layer: an equal config, and with equal weights equal outputs."""
    layer = filled(one, name="some")
    config = layer.get_config()
    written = json.dumps(config)
    assert config["name"] == "some"
    again = type(layer).from_config(json.loads(written))
    plain = json.dumps(unbuilt(json.loads(written)))
    assert json.dumps(unbuilt(again.get_config())) == plain
    stored = json.loads(json.dumps(serialize_keras_object(layer)))
    assert stored["module"] == "keras.layers", stored["module"]
    restored = deserialize_keras_object(stored)
    assert json.dumps(unbuilt(restored.get_config())) == plain
    for copy in (again, restored):
        args, kwargs = one.symbols(SymbolicTensor)
        copy(*args, **kwargs)
        copy.set_weights(layer.get_weights())
        same(call(copy, one), call(layer, one))


def check_shapes(one: Row, monkeypatch: Any) -> None:
    """Symbolic shape and dtype are the eager ones, found without abstract evaluation."""
    import highlevel.layers.layer as module

    def refused(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError(f"{one}: abstract evaluation")

    monkeypatch.setattr(module, "evaluate_abstractly", refused)
    args, kwargs = one.data()
    eager = tree.leaves(one.layer(layers)(*args, **kwargs))
    for opened in (False, True) if one.open else (False,):
        layer = one.layer(layers)
        symbolic = one.symbols(SymbolicTensor, opened)
        found = tree.leaves(layer(*symbolic[0], **symbolic[1]))
        assert layer.built
        assert [x.dtype for x in found] == [canonical_name(x.dtype) for x in eager]
        for x, y in zip(found, eager, strict=True):
            assert len(x.shape) == y.ndim
            assert all(n in (None, m) for n, m in zip(x.shape, y.shape)), (x.shape, y.shape)
            if not opened and one.name != "TextVectorization":
                assert None not in x.shape[1:]
        # The built layer takes data of the shapes it was built for.
        assert [x.shape for x in call(layer, one)] == [tuple(x.shape) for x in eager]


def check_mixed_precision(one: Row) -> None:
    """bfloat16 in and out, float32 variables, and about the numbers of float32."""
    before = hl.config.dtype_policy()
    full = filled(one)
    hl.config.set_dtype_policy("mixed_bfloat16")
    try:
        layer = one.layer(layers)
        args, kwargs = one.symbols(SymbolicTensor)
        layer(*args, **kwargs)
        layer.set_weights(full.get_weights())
        assert all(w.dtype in ("float32", "int32") for w in layer.weights)
        for a, b in zip(call(layer, one), call(full, one), strict=True):
            if a.dtype.kind not in "fiub":
                np.testing.assert_array_equal(a, b)
                continue
            np.testing.assert_allclose(
                np.asarray(a, "float32"), np.asarray(b, "float32"), rtol=0.06, atol=0.06)
    finally:
        hl.config.set_dtype_policy(before)


def check_models(one: Row) -> None:
    """In a `Sequential` and in a functional model, and in copies made from their configs."""
    layer = filled(one)
    expected = call(layer, one)
    inputs: list[Any] = []

    def give(leaf: Any) -> Any:
        inputs.append(hl.Input(
            leaf.shape[1:], dtype=leaf.dtype, batch_size=leaf.shape[0] if one.batch else None))
        return inputs[-1]

    args, kwargs = one.arguments(give)
    models = [hl.Model(inputs, layer(*args, **kwargs))]
    if len(inputs) == 1 and not one.call and not isinstance(one.inputs[0], list) and \
            len(expected) == 1:
        models.append(hl.Sequential([
            hl.Input(one.leaves[0].shape[1:], dtype=one.leaves[0].dtype,
                     batch_size=one.leaves[0].shape[0] if one.batch else None),
            layer,
        ]))
    x = one.arrays()
    for model in models:
        given = x if len(x) > 1 else x[0]
        if one.batch:
            layer.reset_state()
        same(arrays(model(given)), expected)
        copy = type(model).from_config(json.loads(json.dumps(model.get_config())))
        copy.set_weights(model.get_weights())
        if model is models[0]:  # a `Sequential` gives its path to what it builds itself
            assert [w.path for w in copy.weights] == [w.path for w in model.weights]
        same(arrays(copy.predict_on_batch(given)), expected)


def has_data_formats(one: Row) -> bool:
    """Whether the row's layer takes images in both layouts."""
    return "data_format" in inspect.signature(getattr(layers, one.name)).parameters


def check_data_formats(one: Row) -> None:
    """The same numbers, whichever axis the channels are on."""
    given = one.args.get("data_format", "channels_last")
    other = "channels_first" if given == "channels_last" else "channels_last"
    layer = filled(one)
    changed = getattr(layers, one.name)(**{**one.args, "data_format": other})
    args, kwargs = one.data()
    rank = args[0].ndim

    def turned(x: np.ndarray, back: bool = False) -> np.ndarray:
        # Sequences of images have a time axis before those that change place.
        lead = 2 if one.name.startswith("ConvLSTM") and x.ndim == rank else 1
        first = (given == "channels_last") != back
        return np.moveaxis(x, -1, lead) if first else np.moveaxis(x, lead, -1)

    if "initial_state" in kwargs:
        kwargs["initial_state"] = [turned(x) for x in kwargs["initial_state"]]
    changed(turned(args[0]), **kwargs)
    changed.set_weights(layer.get_weights())
    for a, b in zip(
        arrays(changed(turned(args[0]), **kwargs)), call(layer, one), strict=True
    ):
        if a.ndim > 2 and one.name != "Flatten":
            a = turned(a, back=True)
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


def learned(name: str, rows: list[Row]) -> list[Any]:
    """Outputs and weights after a step of SGD on a model with a branch per row."""
    inputs: list[Any] = []
    outputs: list[Any] = []

    def give(leaf: Any) -> Any:
        inputs.append(hl.Input(leaf.shape[1:], dtype=leaf.dtype))
        if leaf.kind != "float":
            return inputs[-1]
        # A weight of the input's shape: the step's change of it shows the input's gradient.
        return layers.PReLU(alpha_initializer="ones", name=f"in_{len(inputs)}")(inputs[-1])

    for one in rows:
        args, kwargs = one.arguments(give)
        outputs += tree.leaves(one.layer(layers, name=one.slug)(*args, **kwargs))
    model = hl.Model(inputs, outputs)
    fill(model)
    model.compile(hl.optimizers.SGD(0.1), loss=["mse"] * len(outputs))
    x = [x for one in rows for x in one.arrays()]
    before = model.predict_on_batch(x)
    rng = np.random.default_rng(3)
    y = [rng.normal(size=y.shape).astype("float32") for y in tree.leaves(before)]
    logs = model.train_on_batch(x, y, return_dict=True)
    return [*arrays(before), *model.get_weights(), *(np.float32(logs[k]) for k in sorted(logs))]
