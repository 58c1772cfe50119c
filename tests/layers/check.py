"""What every layer must do; `check_layer` runs all of it for one row."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from highlevel_backend import canonical_name, current_backend, tree, use_backend

from highlevel import layers
from highlevel.serialization import deserialize_keras_object, serialize_keras_object
from highlevel.symbolic import SymbolicTensor

from .rows import Row


def make(one: Row, namespace: Any = layers, **extra: Any) -> Any:
    """The row's layer, from `highlevel.layers` or `keras.layers`."""
    args = dict(one.args)
    if "layer" in args:
        args["layer"] = namespace.Dense(3, dtype=extra.get("dtype"))
    return getattr(namespace, one.name)(**args, **extra)


def data(one: Row, seed: int = 0) -> Any:
    """Inputs as NumPy arrays: one, or a list of several."""
    rng = np.random.default_rng(seed)
    arrays = [
        rng.integers(0, one.integer, shape).astype("int32") if one.integer
        else rng.normal(size=shape).astype("float32")
        for shape in one.shapes
    ]
    return arrays[0] if len(arrays) == 1 else arrays


def fill(layer: Any, seed: int = 1) -> None:
    """Weights that are neither zeros nor ones, positive where they are variances."""
    rng = np.random.default_rng(seed)
    layer.set_weights([
        (np.abs(rng.normal(size=w.shape)) * 0.3 + 0.4).astype("float32") for w in layer.weights
    ])


def check_config(one: Row) -> None:
    layer = make(one, name="some")
    config = layer.get_config()
    json.dumps(config)
    assert config["name"] == "some"
    again = type(layer).from_config(json.loads(json.dumps(config)))
    assert json.dumps(again.get_config()) == json.dumps(config)
    stored = json.loads(json.dumps(serialize_keras_object(layer)))
    assert stored["module"] == "keras.layers", stored["module"]
    assert json.dumps(deserialize_keras_object(stored).get_config()) == json.dumps(config)


def symbolic(one: Row, dtype: str = "float32", unknown: bool = False) -> Any:
    shapes = list(one.shapes)
    if unknown and one.unknown is not None:
        shapes = [one.unknown] * len(shapes)
    dtype = "int32" if one.integer else dtype
    tensors = [SymbolicTensor(shape, dtype) for shape in shapes]
    return tensors[0] if len(tensors) == 1 else tensors


def check_shapes(one: Row, monkeypatch: Any) -> None:
    """Symbolic shape and dtype are the eager ones, found without abstract evaluation."""
    import highlevel.layers.layer as module

    def refused(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError(f"{one}: abstract evaluation")

    monkeypatch.setattr(module, "evaluate_abstractly", refused)
    eager = make(one)(data(one))
    built = make(one)
    outputs = built(symbolic(one))
    assert outputs.shape == tuple(eager.shape)
    assert outputs.dtype == canonical_name(eager.dtype)
    assert built.built
    # The built layer takes data of the shape it was built for.
    assert tuple(built(data(one)).shape) == outputs.shape
    assert tuple(make(one).compute_output_shape(
        one.shapes[0] if len(one.shapes) == 1 else one.shapes)) == outputs.shape
    if one.unknown is not None:
        opened = make(one)
        shape = opened(symbolic(one, unknown=True)).shape
        assert len(shape) == len(outputs.shape)
        for length, known in zip(shape, outputs.shape):
            assert length in (None, known), (shape, outputs.shape)
        assert tuple(opened(data(one)).shape) == outputs.shape


def check_dtypes(one: Row) -> None:
    layer = make(one, dtype="mixed_bfloat16")
    outputs = layer(data(one))
    assert canonical_name(outputs.dtype) == "bfloat16"
    assert all(w.dtype == "float32" for w in layer.weights)
    assert make(one, dtype="mixed_bfloat16")(symbolic(one)).dtype == "bfloat16"
    full = make(one)
    expected = full(data(one))
    if full.weights:
        layer.set_weights(full.get_weights())
        outputs = layer(data(one))
    np.testing.assert_allclose(
        np.asarray(outputs, "float32"), np.asarray(expected), rtol=0.05, atol=0.05)


def value_and_gradients(one: Row, training: bool) -> Any:
    """Sum of squares of the output, its gradients and the state after, as NumPy arrays."""
    backend = current_backend()
    layer = make(one)
    inputs = data(one)
    layer(inputs)
    fill(layer)
    trainable = [v.raw_value() for v in layer.trainable_variables]
    others = [v.raw_value() for v in layer.non_trainable_variables]
    arrays = tree.map_leaves(backend.asarray, inputs)

    def loss(parts: Any) -> Any:
        weights, x = parts
        x = arrays if x is None else x
        y, state = layer.stateless_call(weights, others, x, training=training)
        # Unequal factors, so that normalized outputs have a gradient too.
        factors = backend.asarray(
            np.linspace(0.5, 1.5, int(np.prod(y.shape)), dtype="float32").reshape(y.shape))
        return backend.xp.sum(y * y * factors), state

    run = backend.compile(backend.value_and_grad(loss, has_aux=True))
    (value, state), gradient = run((trainable, None if one.integer else arrays))
    return tree.map_leaves(np.asarray, (value, state, gradient))


def check_gradients(one: Row) -> None:
    for training in (False, True) if one.training else (False,):
        results = []
        for name in ("numpy", "jax"):
            with use_backend(name):
                results.append(tree.leaves(value_and_gradients(one, training)))
        for mine, other in zip(*results, strict=True):
            np.testing.assert_allclose(mine, other, rtol=2e-4, atol=2e-4)
