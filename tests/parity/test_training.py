"""Training as Keras trains: equal loss histories from equal weights, on both backends."""

import functools
import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import numpy as np
import pytest

import highlevel as hl

keras = pytest.importorskip("keras")

pytestmark = pytest.mark.parity


def mlp(k):
    return k.Sequential([
        k.Input((12,)),
        k.layers.Dense(16, activation="relu"),
        k.layers.Dense(16, activation="tanh", kernel_regularizer="l2"),
        k.layers.Dense(3, activation="softmax"),
    ])


def cnn(k):
    return k.Sequential([
        k.Input((8, 8, 2)),
        k.layers.Conv2D(8, 3, padding="same", use_bias=False),
        k.layers.BatchNormalization(),
        k.layers.ReLU(),
        k.layers.MaxPooling2D(2),
        k.layers.Conv2D(8, 3, strides=2, padding="same", activation="relu"),
        k.layers.GlobalAveragePooling2D(),
        k.layers.Dense(3, activation="softmax"),
    ])


def lstm(k):
    return k.Sequential([
        k.Input((10,), dtype="int32"),
        k.layers.Embedding(20, 8, mask_zero=True),
        k.layers.LSTM(8),
        k.layers.Dense(3, activation="softmax"),
    ])


def transformer(k):
    tokens = k.Input((10,), dtype="int32")
    x = k.layers.Embedding(20, 8)(tokens)
    for _ in range(2):
        attended = k.layers.MultiHeadAttention(2, 4)(x, x, use_causal_mask=True)
        x = k.layers.LayerNormalization()(k.layers.Add()([x, attended]))
        hidden = k.layers.Dense(8)(k.layers.Dense(16, activation="gelu")(x))
        x = k.layers.LayerNormalization()(x + hidden)
    x = k.layers.GlobalAveragePooling1D()(x)
    return k.Model(tokens, k.layers.Dense(3, activation="softmax")(x))


def data_for(kind):
    rng = np.random.default_rng(list(KINDS).index(kind))
    labels = rng.integers(0, 3, 50)
    if kind == "mlp":
        x = rng.normal(size=(50, 12)).astype("float32") + labels[:, None]
    elif kind == "cnn":
        x = rng.normal(size=(50, 8, 8, 2)).astype("float32") + labels[:, None, None, None]
    else:
        x = (rng.integers(1, 7, (50, 10)) + 6 * labels[:, None]).astype("int32")
        x[::3, 6:] = 0
    return x, labels.astype("int32")


KINDS = {"mlp": mlp, "cnn": cnn, "lstm": lstm, "transformer": transformer}
WEIGHTS = {
    None: {},
    "class": {"class_weight": {0: 1.0, 1: 2.0, 2: 0.5}},
    "sample": {"sample_weight": np.linspace(0.5, 1.5, 50).astype("float32")},
}


def fitted(model, kind, optimizer, weights):
    """The history of a model's training, and its weights before and after."""
    x, y = data_for(kind)
    before = model.get_weights()
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(
        x, y, batch_size=16, epochs=3, shuffle=False, verbose=0,
        validation_split=0.3 if weights else 0.0, **WEIGHTS[weights],
    )
    return history.history, before, model.get_weights()


@functools.cache
def keras_fitted(kind, optimizer, weights):
    """Keras's half, which both backends are held against."""
    return fitted(KINDS[kind](keras), kind, optimizer, weights)


def histories(kind, optimizer, weights=None):
    """Keras's history and ours, and the weights after both."""
    theirs, before, their_weights = keras_fitted(kind, optimizer, weights)
    model = KINDS[kind](hl)
    model.set_weights(before)
    ours, _, our_weights = fitted(model, kind, optimizer, weights)
    return theirs, ours, their_weights, our_weights


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize("kind", KINDS)
def test_loss_histories(kind, optimizer, backend):
    theirs, ours, their_weights, our_weights = histories(kind, optimizer)
    assert list(theirs) == list(ours)
    for name in theirs:
        np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-3, atol=1e-5, err_msg=name)
    for a, b in zip(their_weights, our_weights, strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-2, atol=2e-4)


@pytest.mark.parametrize(("kind", "weights"), [
    ("mlp", "class"), ("mlp", "sample"), ("cnn", "class"), ("lstm", "sample"),
    ("transformer", "class")])
def test_validation_and_weights(kind, weights, backend):
    theirs, ours, *_ = histories(kind, "sgd" if kind == "cnn" else "adam", weights)
    assert list(theirs) == list(ours)
    for name in theirs:
        np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-3, atol=1e-5, err_msg=name)


def two_heads(k):
    a, b = k.Input((4,), name="a"), k.Input((3,), name="b")
    x = k.layers.Dense(8, activation="relu")(k.layers.Concatenate()([a, b]))
    return k.Model(
        {"a": a, "b": b},
        {"klass": k.layers.Dense(3, activation="softmax", name="klass")(x),
         "size": k.layers.Dense(1, name="size")(x)},
    )


def heads_fitted(model, form):
    """A fit's history, an evaluation, and the weights before."""
    rng = np.random.default_rng(4)
    x = {"a": rng.normal(size=(20, 4)).astype("float32"),
         "b": rng.normal(size=(20, 3)).astype("float32")}
    y = {"klass": rng.integers(0, 3, 20), "size": rng.normal(size=(20, 1)).astype("float32")}
    before = model.get_weights()
    model.compile(
        "sgd", {"klass": "sparse_categorical_crossentropy", "size": "mse"},
        loss_weights={"klass": 1.0, "size": 0.1} if form == "weights" else None,
        metrics={"klass": ["accuracy"], "size": ["mae"]},
    )
    history = model.fit(x, y, batch_size=8, epochs=2, shuffle=False, verbose=0)
    return history.history, model.evaluate(x, y, batch_size=8, verbose=0, return_dict=True), before


@functools.cache
def keras_heads_fitted(form):
    return heads_fitted(two_heads(keras), form)


@pytest.mark.parametrize("form", ["dict", "weights"])
def test_several_outputs(form, backend):
    *expected, before = keras_heads_fitted(form)
    model = two_heads(hl)
    model.set_weights(before)
    for theirs, ours in zip(expected, heads_fitted(model, form)):
        assert set(theirs) == set(ours)
        for name in theirs:
            np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-3, atol=1e-5)
