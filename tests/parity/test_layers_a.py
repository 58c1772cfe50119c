"""Layers without state against Keras: weights, outputs, shapes, configs, masks."""

import functools
import json
import os
import sys
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")

import numpy as np
import pytest
from highlevel_backend import use_backend

import highlevel as hl
from highlevel import layers
from highlevel.symbolic import SymbolicTensor

keras = pytest.importorskip("keras")

sys.path.insert(0, str(Path(__file__).parents[1]))
from layers import check  # noqa: E402
from layers.rows import ROWS  # noqa: E402

pytestmark = pytest.mark.parity
ROWS = [row for row in ROWS if row.keras]


def summary(layer):
    return [(tuple(w.shape), tail(w.path), w.trainable, w.dtype) for w in layer.weights]


def calls(one):
    return [{"training": flag} for flag in (False, True)] if one.training else [{}]


@functools.cache
def expected(index):
    """What Keras makes of a row: weights, then outputs and new weights per call."""
    one = ROWS[index]
    x = check.data(one)
    layer = check.make(one, keras.layers, name="one")
    layer(x)
    described = summary(layer), len(layer.variables)
    check.fill(layer)
    results = []
    for kwargs in calls(one):
        results.append(np.asarray(layer(x, **kwargs)))
        results.extend(layer.get_weights())
    return *described, results


def tail(path):
    """A weight's path without the numbers that automatic names carry."""
    return "/".join(part.rstrip("0123456789").rstrip("_") for part in path.split("/"))


@pytest.mark.parametrize("index", range(len(ROWS)), ids=lambda index: str(ROWS[index]))
def test_weights_and_outputs(index, backend):
    one = ROWS[index]
    described, count, results = expected(index)
    x = check.data(one)
    layer = check.make(one, layers, name="one")
    layer(x)
    assert summary(layer) == described
    assert len(layer.variables) == count
    check.fill(layer)
    mine = []
    for kwargs in calls(one):
        mine.append(np.asarray(layer(x, **kwargs)))
        mine.extend(layer.get_weights())
    for a, b in zip(mine, results, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("one", ROWS, ids=str)
def test_symbolic_shapes(one):
    for unknown in (False, True):
        shapes = [one.unknown] * len(one.shapes) if unknown and one.unknown else one.shapes
        dtype = "int32" if one.integer else "float32"
        mine = [SymbolicTensor(shape, dtype) for shape in shapes]
        other = [keras.KerasTensor(shape, dtype) for shape in shapes]
        with use_backend("numpy"):
            ours = check.make(one, layers)(mine if len(mine) > 1 else mine[0])
        theirs = check.make(one, keras.layers)(other if len(other) > 1 else other[0])
        assert len(ours.shape) == len(theirs.shape)
        # Ours may know lengths that Keras leaves open, never the other way round.
        assert all(b in (a, None) for a, b in zip(ours.shape, theirs.shape)), (
            ours.shape, theirs.shape)
        assert ours.dtype == theirs.dtype


@pytest.mark.parametrize("one", ROWS, ids=str)
def test_configs(one):
    ours = check.make(one, layers, name="one").get_config()
    theirs = check.make(one, keras.layers, name="one").get_config()
    if "layer" in ours:
        ours["layer"]["config"]["name"] = theirs["layer"]["config"]["name"]
    assert json.loads(json.dumps(ours)) == json.loads(json.dumps(theirs))
    # Each reads the other's.
    check.make(one, layers).from_config(json.loads(json.dumps(theirs)))
    check.make(one, keras.layers).from_config(json.loads(json.dumps(ours)))


def masked(x):
    """A mask over the second axis with a gap in every row."""
    mask = np.ones(x.shape[:2], bool)
    mask[0, 1:] = False
    mask[-1, -1] = False
    return mask


@pytest.mark.parametrize("name, args", [
    ("BatchNormalization", {}),
    ("GlobalAveragePooling1D", {}),
    ("GlobalAveragePooling1D", {"keepdims": True}),
])
def test_masks_change_the_values(name, args, backend):
    x = np.random.default_rng(0).normal(size=(3, 4, 2)).astype("float32")
    ours, theirs = getattr(layers, name)(**args), getattr(keras.layers, name)(**args)
    training = {"training": True} if name.startswith("Batch") else {}
    np.testing.assert_allclose(
        np.asarray(ours(x, mask=masked(x), **training)),
        np.asarray(theirs(x, mask=masked(x), **training)), rtol=1e-4, atol=1e-5)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_softmax_mask(backend):
    x = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")
    mask = np.array([[1, 1, 0, 1], [0, 1, 0, 0], [1, 1, 1, 1]], bool)
    np.testing.assert_allclose(
        np.asarray(layers.Softmax()(x, mask=mask)),
        np.asarray(keras.layers.Softmax()(x, mask=mask)), rtol=1e-5, atol=1e-6)


MERGES = ["Add", "Multiply", "Average", "Maximum", "Concatenate"]


@pytest.mark.parametrize("name", MERGES)
@pytest.mark.parametrize("which", ["both", "first"])
def test_merged_masks(name, which, backend):
    rng = np.random.default_rng(1)
    xs = [rng.normal(size=(2, 4, 3)).astype("float32") for _ in range(2)]
    masks = [rng.random((2, 4)) > 0.4, rng.random((2, 4)) > 0.4 if which == "both" else None]
    for axis in (1, 2) if name == "Concatenate" else (None,):
        args = {} if axis is None else {"axis": axis}
        ours = getattr(layers, name)(**args).compute_mask(xs, masks)
        theirs = getattr(keras.layers, name)(**args).compute_mask(
            [keras.ops.array(x) for x in xs],
            [None if m is None else keras.ops.array(m) for m in masks])
        if which == "first" and axis != 1:
            # An input without a mask takes that of the other away there; here it has no say.
            assert theirs is None or np.asarray(theirs).all()
            theirs = masks[0]
        np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))


def masked_model(namespace):
    ids = namespace.Input((5,), dtype="int32")
    x = namespace.layers.Embedding(6, 4, mask_zero=True)(ids)
    x = namespace.layers.LSTM(4, return_sequences=True)(x)
    outputs = [
        namespace.layers.Dense(1, activation="sigmoid", name="a")(x),
        namespace.layers.Dense(3, activation="softmax", name="b")(x),
    ]
    model = namespace.Model(ids, outputs)
    rng = np.random.default_rng(1)
    model.set_weights([rng.normal(size=w.shape).astype("float32") for w in model.weights])
    model.compile(
        "sgd", loss=["binary_crossentropy", "sparse_categorical_crossentropy"],
        metrics=[["accuracy", "mse"], ["accuracy"]], weighted_metrics=[["mae"], []],
    )
    return model


def test_losses_and_metrics_of_masked_outputs(backend):
    rng = np.random.default_rng(0)
    ids = rng.integers(1, 6, (8, 5)).astype("int32")
    ids[np.arange(5) >= rng.integers(1, 6, (8, 1))] = 0
    y = [rng.integers(0, 2, (8, 5, 1)).astype("float32"), rng.integers(0, 3, (8, 5))]
    y[1] = y[1].astype("int32")
    weights = [rng.random((8, 5)).astype("float32") for _ in y]
    ours, theirs = masked_model(hl), masked_model(keras)
    for given in (None, weights):
        mine = ours.evaluate(ids, y, sample_weight=given, verbose=0, return_dict=True)
        other = theirs.evaluate(ids, y, sample_weight=given, verbose=0, return_dict=True)
        assert mine.keys() == other.keys()
        for name, value in other.items():
            assert mine[name] == pytest.approx(value, rel=1e-4), name
    mine = ours.fit(ids, y, batch_size=4, shuffle=False, verbose=0).history
    other = theirs.fit(ids, y, batch_size=4, shuffle=False, verbose=0).history
    for name in ("loss", "a_loss", "b_loss"):
        assert mine[name] == pytest.approx(other[name], rel=1e-4)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name, args", [
    ("Embedding", {"input_dim": 5, "output_dim": 2, "mask_zero": True}),
    ("Masking", {}),
])
def test_computed_masks(name, args, backend):
    x = np.array([[1, 0, 2], [0, 0, 3]], "int32")
    if name == "Masking":
        x = np.stack([x, x], -1).astype("float32")
    ours, theirs = getattr(layers, name)(**args), getattr(keras.layers, name)(**args)
    np.testing.assert_array_equal(
        np.asarray(ours.compute_mask(x)), np.asarray(theirs.compute_mask(keras.ops.array(x))))


def test_lambda_and_identity(backend):
    x = np.ones((2, 3), "float32")
    for namespace in (layers, keras.layers):
        layer = namespace.Lambda(lambda x, k: x * k, arguments={"k": 3.0}, output_shape=(3,))
        np.testing.assert_array_equal(np.asarray(layer(x)), 3 * x)
        assert tuple(layer.compute_output_shape((None, 3))) == (None, 3)


@pytest.mark.parametrize("name", ["Dense", "Conv2D", "BatchNormalization", "LayerNormalization"])
def test_mixed_precision_dtypes(name, backend):
    args = {"Dense": {"units": 3}, "Conv2D": {"filters": 2, "kernel_size": 2}}.get(name, {})
    x = np.random.default_rng(0).normal(size=(2, 4, 4, 3)).astype("float32")
    ours = getattr(layers, name)(**args, dtype="mixed_bfloat16")
    theirs = getattr(keras.layers, name)(**args, dtype="mixed_bfloat16")
    y = ours(x)
    z = theirs(x)
    theirs.set_weights(ours.get_weights())
    z = theirs(x)
    assert str(y.dtype) == str(z.dtype) == "bfloat16"
    assert [w.dtype for w in ours.weights] == [w.dtype for w in theirs.weights]
    np.testing.assert_allclose(
        np.asarray(y, "float32"), np.asarray(z, "float32"), rtol=2e-2, atol=2e-2)


SAME_ERRORS = [
    lambda L: L.Dense(0),
    lambda L: L.Dense(3)(np.ones(3, "float32")),
    lambda L: L.Conv2D(3, 3)(np.ones((2, 3, 3), "float32")),
    lambda L: L.Conv2D(4, 3, groups=3),
    lambda L: L.Conv2D(3, 3, strides=2, dilation_rate=2),
    lambda L: L.Conv2D(3, 3, padding="causal"),
    lambda L: L.Conv2D(3, 5)(np.ones((1, 3, 3, 1), "float32")),
    lambda L: L.Dropout(2.0),
    lambda L: L.add([np.ones((2, 3), "float32"), np.ones((2, 4), "float32")]),
    lambda L: L.concatenate([np.ones((2, 3), "float32"), np.ones((3, 3), "float32")]),
    lambda L: L.Subtract()([np.ones((2, 3), "float32")] * 3),
    lambda L: L.Dot(1)([np.ones((2, 3), "float32"), np.ones((2, 4), "float32")]),
    lambda L: L.Add()(np.ones((2, 3), "float32")),
    lambda L: L.Permute((1, 3)),
    lambda L: L.Reshape((5,))(np.ones((2, 3), "float32")),
    lambda L: L.ReLU(negative_slope=-1),
    lambda L: L.GroupNormalization(4)(np.ones((2, 6), "float32")),
]


@pytest.mark.parametrize("index", range(len(SAME_ERRORS)))
def test_the_same_mistakes_are_value_errors(index):
    with pytest.raises(ValueError):
        SAME_ERRORS[index](keras.layers)
    with pytest.raises(ValueError), use_backend("numpy"):
        SAME_ERRORS[index](layers)
