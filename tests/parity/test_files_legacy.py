"""`.h5` files both ways with Keras 3, which still writes and reads them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from highlevel_backend import use_backend

import highlevel as hl

keras = pytest.importorskip("keras")
pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore:.*older HDF5")]
rng = np.random.default_rng(0)


def _normal(*shape: int) -> np.ndarray:
    return rng.normal(size=shape).astype("float32")


def stack(k: Any) -> Any:
    return k.Sequential([
        k.Input((6, 2)), k.layers.Conv1D(3, 2, activation="relu"), k.layers.BatchNormalization(),
        k.layers.Dropout(0.2), k.layers.Flatten(), k.layers.Dense(2, kernel_regularizer="l2"),
    ])


def shared_and_merged(k: Any) -> Any:
    a, b = k.Input((4,), name="a"), k.Input((4,), name="b")
    layer = k.layers.Dense(3, activation="tanh")
    h = k.layers.Concatenate()([layer(a), layer(b)])
    frozen = k.layers.Dense(3, trainable=False)
    return k.Model([a, b], [frozen(h), k.layers.Dense(1)(h)])


def nested(k: Any) -> Any:
    x = k.Input((4,))
    inner = k.Model(x, k.layers.Dense(3, name="deep")(x), name="inner")
    tower = k.Sequential([k.Input((4,)), k.layers.Dense(4), k.layers.BatchNormalization()], name="tower")
    y = k.Input((4,))
    return k.Model(y, k.layers.Add()([inner(tower(y)), inner(y)]))


def words(k: Any) -> Any:
    x = k.Input((5,), dtype="int32")
    h = k.layers.Embedding(7, 4, mask_zero=True)(x)
    h = k.layers.Bidirectional(k.layers.LSTM(3))(h)
    return k.Model(x, k.layers.Dense(1, dtype="float32")(h))


def attending(k: Any) -> Any:
    x = k.Input((5, 4))
    h = k.layers.MultiHeadAttention(2, 3)(x, value=x)
    return k.Model(x, k.layers.LayerNormalization()(k.layers.Add()([x, h])))


INPUTS: dict[Callable, Any] = {
    stack: _normal(2, 6, 2),
    shared_and_merged: [_normal(3, 4), _normal(3, 4)],
    nested: _normal(3, 4),
    words: rng.integers(1, 7, (2, 5)).astype("int32"),
    attending: _normal(2, 5, 4),
}


def _randomize(model: Any) -> None:
    values = np.random.default_rng(1)
    for variable in model.weights:
        variable.assign(values.uniform(0.1, 0.6, tuple(variable.shape)).astype("float32"))


def _outputs(model: Any, x: Any) -> list[np.ndarray]:
    found = model(x)
    return [np.asarray(v, "float32") for v in (found if isinstance(found, (list, tuple)) else [found])]


@pytest.mark.parametrize("build", INPUTS, ids=lambda build: build.__name__)
def test_both_ways(build: Callable, tmp_path: Any) -> None:
    theirs, x = build(keras), INPUTS[build]
    _randomize(theirs)
    path, back = str(tmp_path / "m.h5"), str(tmp_path / "back.h5")
    theirs.save(path)
    with use_backend("numpy"):
        ours, report = hl.models.load_model(path, report=True)
        assert report.complete and len(report.loaded) == len(theirs.weights)
        for a, b in zip(_outputs(ours, x), _outputs(theirs, x), strict=True):
            np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-5)
        ours.save(back)
        alone = build(hl)  # weights of a whole-model file, into a model made here
        assert len(alone.load_weights(path).loaded) == len(theirs.weights)
    again = keras.models.load_model(back)
    for a, b in zip(again.weights, theirs.weights, strict=True):
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))
    fresh = build(keras)
    fresh.load_weights(back)
    for a, b in zip(fresh.weights, theirs.weights, strict=True):
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


@pytest.mark.parametrize("optimizer", ["SGD", "Adam", "RMSprop"])
def test_training_continues(optimizer: str, tmp_path: Any) -> None:
    def compiled(k: Any) -> Any:
        model = k.Sequential([k.Input((3,)), k.layers.Dense(2), k.layers.Dense(1)])
        extra = {"momentum": 0.9} if optimizer == "SGD" else {}
        model.compile(getattr(k.optimizers, optimizer)(1e-2, **extra), loss=k.losses.Huber(),
                      metrics=["mae", k.metrics.MeanSquaredError(name="error")])
        return model

    theirs, x, y = compiled(keras), _normal(8, 3), _normal(8, 1)
    theirs.train_on_batch(x, y)
    path = str(tmp_path / "m.h5")
    theirs.save(path)
    ours = hl.models.load_model(path)
    expected = theirs.train_on_batch(x, y, return_dict=True)
    found = ours.train_on_batch(x, y, return_dict=True)
    assert set(found) == {"loss", "mae", "error"} and found["loss"] > 0 and set(expected)
    for a, b in zip(ours.weights, theirs.weights, strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=2e-4, atol=2e-6)
    ours.save(path)
    again = keras.models.load_model(path)
    assert type(again.optimizer).__name__ == optimizer and again.loss.name == "huber_loss"
