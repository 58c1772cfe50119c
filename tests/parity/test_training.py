"""Training as Keras trains: equal loss histories from equal weights, on both backends."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import numpy as np
import pytest

import highlevel as hl

keras = pytest.importorskip("keras")

pytestmark = pytest.mark.parity

RNG = np.random.default_rng(0)


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
    labels = RNG.integers(0, 3, 50)
    if kind == "mlp":
        x = RNG.normal(size=(50, 12)).astype("float32") + labels[:, None]
    elif kind == "cnn":
        x = RNG.normal(size=(50, 8, 8, 2)).astype("float32") + labels[:, None, None, None]
    else:
        x = (RNG.integers(1, 7, (50, 10)) + 6 * labels[:, None]).astype("int32")
        x[::3, 6:] = 0
    return x, labels.astype("int32")


KINDS = {"mlp": mlp, "cnn": cnn, "lstm": lstm, "transformer": transformer}


def histories(kind, optimizer, backend, **fit_arguments):
    x, y = data_for(kind)
    theirs = KINDS[kind](keras)
    ours = KINDS[kind](hl)
    ours.set_weights(theirs.get_weights())
    found = []
    for model in (theirs, ours):
        model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
        history = model.fit(
            x, y, batch_size=16, epochs=3, shuffle=False, verbose=0, **fit_arguments
        )
        found.append(history.history)
    return (*found, theirs, ours)


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize("kind", KINDS)
def test_loss_histories(kind, optimizer, backend):
    theirs, ours, their_model, our_model = histories(kind, optimizer, backend)
    assert list(theirs) == list(ours)
    for name in theirs:
        np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-3, atol=1e-5, err_msg=name)
    for a, b in zip(their_model.get_weights(), our_model.get_weights()):
        np.testing.assert_allclose(b, a, rtol=1e-2, atol=2e-4)


WEIGHTS = {
    "class": {"class_weight": {0: 1.0, 1: 2.0, 2: 0.5}},
    "sample": {"sample_weight": np.linspace(0.5, 1.5, 50).astype("float32")},
}


@pytest.mark.parametrize(("kind", "weights"), [
    ("mlp", "class"), ("mlp", "sample"), ("cnn", "class"), ("lstm", "sample"),
    ("transformer", "class")])
def test_validation_and_weights(kind, weights, backend):
    theirs, ours, *_ = histories(kind, "sgd" if kind == "cnn" else "adam", backend,
                                 validation_split=0.3, **WEIGHTS[weights])
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


@pytest.mark.parametrize("form", ["dict", "weights"])
def test_several_outputs(form, backend):
    x = {"a": RNG.normal(size=(20, 4)).astype("float32"),
         "b": RNG.normal(size=(20, 3)).astype("float32")}
    y = {"klass": RNG.integers(0, 3, 20), "size": RNG.normal(size=(20, 1)).astype("float32")}
    found = []
    theirs, ours = two_heads(keras), two_heads(hl)
    ours.set_weights(theirs.get_weights())
    for model in (theirs, ours):
        model.compile(
            "sgd", {"klass": "sparse_categorical_crossentropy", "size": "mse"},
            loss_weights={"klass": 1.0, "size": 0.1} if form == "weights" else None,
            metrics={"klass": ["accuracy"], "size": ["mae"]},
        )
        history = model.fit(x, y, batch_size=8, epochs=2, shuffle=False, verbose=0)
        evaluated = model.evaluate(x, y, batch_size=8, verbose=0, return_dict=True)
        found.append((history.history, evaluated))
    for theirs, ours in zip(*found):
        assert set(theirs) == set(ours)
        for name in theirs:
            np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-3, atol=1e-5)
