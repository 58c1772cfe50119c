"""Models in Keras's vocabulary: the same code for this library and for Keras."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from workloads import WORKLOADS, data


def highlevel_jax(name: str) -> dict:
    os.environ["HIGHLEVEL_BACKEND"] = "jax"
    import highlevel as hl

    return _activities(hl, name)


def highlevel_numpy(name: str) -> dict:
    os.environ["HIGHLEVEL_BACKEND"] = "numpy"
    import highlevel as hl

    return _activities(hl, name)


def keras_jax(name: str) -> dict:
    os.environ["KERAS_BACKEND"] = "jax"
    import keras

    return _activities(keras, name)


def _activities(k: Any, name: str) -> dict:
    work = WORKLOADS[name]
    x, y = data(name)
    fed = x[0] if len(x) == 1 else x
    model = build(k, name)
    one = x[0][:1] if len(x) == 1 else [part[:1] for part in x]

    def epoch() -> float:
        history = model.fit(fed, y, batch_size=work.batch, epochs=1, verbose=0)
        return history.history["loss"][0]

    return {
        "epoch": epoch,
        "call": lambda: np.asarray(model(one)),
        "parameters": lambda: sum(int(np.prod(v.shape)) for v in model.trainable_variables),
    }


def build(k: Any, name: str) -> Any:
    """The workload's model, compiled; `k` is the library."""
    work = WORKLOADS[name]
    inputs = [k.Input(shape, dtype=work.dtype) for shape in work.inputs]
    model = k.Model(inputs if len(inputs) > 1 else inputs[0], MODELS[name](k, *inputs))
    loss = {
        "mse": lambda: "mse",
        "classes": lambda: k.losses.SparseCategoricalCrossentropy(from_logits=True),
        "binary": lambda: k.losses.BinaryCrossentropy(from_logits=True),
    }[work.loss]()
    model.compile(k.optimizers.Adam(1e-3), loss)
    return model


def _dense_stack(*units: int) -> Any:
    def model(k: Any, x: Any) -> Any:
        for n in units[:-1]:
            x = k.layers.Dense(n, "relu")(x)
        return k.layers.Dense(units[-1])(x)

    return model


def _cnn(k: Any, x: Any) -> Any:
    x = k.layers.Conv2D(32, 3, activation="relu")(x)
    x = k.layers.MaxPooling2D(2)(x)
    x = k.layers.Conv2D(64, 3, activation="relu")(x)
    x = k.layers.MaxPooling2D(2)(x)
    x = k.layers.Dropout(0.5)(k.layers.Flatten()(x))
    return k.layers.Dense(10)(k.layers.Dense(128, "relu")(x))


def _resnet(k: Any, x: Any) -> Any:
    def conv(x: Any, filters: int, size: int = 3, stride: int = 1) -> Any:
        x = k.layers.Conv2D(filters, size, stride, padding="same", use_bias=False)(x)
        return k.layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x)

    x = k.layers.ReLU()(conv(x, 16))
    for filters, stride in ((16, 1), (32, 2), (64, 2)):
        y = k.layers.ReLU()(conv(x, filters, 3, stride))
        y = conv(y, filters)
        shortcut = x if stride == 1 else conv(x, filters, 1, stride)
        x = k.layers.ReLU()(k.layers.Add()([y, shortcut]))
    return k.layers.Dense(10)(k.layers.GlobalAveragePooling2D()(x))


def _lstm(k: Any, x: Any) -> Any:
    x = k.layers.Embedding(1000, 64)(x)
    return k.layers.Dense(2)(k.layers.LSTM(64)(x))


def _transformer(k: Any, tokens: Any) -> Any:
    layers = k.layers

    class Positions(layers.Layer):
        def build(self, input_shape: Any) -> None:
            self.table = self.add_weight(shape=(64, 64), initializer="uniform", name="table")

        def call(self, x: Any) -> Any:
            return x + self.table

    x = Positions()(layers.Embedding(256, 64)(tokens))
    for _ in range(2):
        y = layers.LayerNormalization(epsilon=1e-6)(x)
        y = layers.MultiHeadAttention(4, 16)(y, y, use_causal_mask=True)
        x = layers.Add()([x, y])
        y = layers.LayerNormalization(epsilon=1e-6)(x)
        y = layers.Dense(64)(layers.Dense(256, "gelu")(y))
        x = layers.Add()([x, y])
    return layers.Dense(256)(layers.LayerNormalization(epsilon=1e-6)(x))


def _separable(k: Any, x: Any) -> Any:
    def normal(x: Any) -> Any:
        return k.layers.ReLU()(k.layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x))

    x = normal(k.layers.Conv2D(32, 3, 2, padding="same", use_bias=False)(x))
    for filters, stride in ((64, 1), (128, 2), (128, 1)):
        x = normal(k.layers.DepthwiseConv2D(3, stride, padding="same", use_bias=False)(x))
        x = normal(k.layers.Conv2D(filters, 1, use_bias=False)(x))
    return k.layers.Dense(10)(k.layers.GlobalAveragePooling2D()(x))


def _unet(k: Any, x: Any) -> Any:
    layers = k.layers

    def twice(x: Any, filters: int) -> Any:
        for _ in range(2):
            x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
        return x

    kept = []
    for filters in (16, 32):
        x = twice(x, filters)
        kept.append(x)
        x = layers.MaxPooling2D(2)(x)
    x = twice(x, 64)
    for filters in (32, 16):
        x = layers.Conv2DTranspose(filters, 2, 2)(x)
        x = twice(layers.Concatenate()([kept.pop(), x]), filters)
    return layers.Conv2D(1, 1)(x)


def _towers(k: Any, users: Any, items: Any) -> Any:
    sides = []
    for rows, x in ((50_000, users), (20_000, items)):
        x = k.layers.Embedding(rows, 32)(x)
        sides.append(k.layers.Dense(32)(k.layers.Dense(64, "relu")(x)))
    return k.layers.Dot(1)(sides)


MODELS = {
    "tabular": _dense_stack(64, 64, 1),
    "mlp": _dense_stack(256, 256, 10),
    "cnn": _cnn,
    "resnet": _resnet,
    "lstm": _lstm,
    "transformer": _transformer,
    "separable": _separable,
    "unet": _unet,
    "towers": _towers,
}
