"""Peak memory and arithmetic of training steps: `model.plan` against XLA's own analysis.

    python tests/benchmarks/memory_plans.py [names]

Nothing is run: the plan is made from shapes, the analysis by compiling the step.
"""

import sys
import time

import highlevel as hl
from highlevel import layers


def mlp():
    model = hl.Sequential([
        hl.Input((784,)), layers.Dense(512, "relu"), layers.Dense(512, "relu"),
        layers.Dropout(0.2), layers.Dense(10, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model, 128


def cnn():
    model = hl.Sequential([hl.Input((32, 32, 3))])
    for filters in (32, 64, 128):
        for layer in (layers.Conv2D(filters, 3, padding="same", use_bias=False),
                      layers.BatchNormalization(), layers.ReLU(), layers.MaxPooling2D()):
            model.add(layer)
    model.add(layers.Flatten())
    model.add(layers.Dense(10))
    model.compile("sgd", hl.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model, 64


def lstm():
    model = hl.Sequential([
        hl.Input((50, 16)), layers.LSTM(64, return_sequences=True), layers.LSTM(64),
        layers.Dense(1)])
    model.compile("adam", "mse")
    return model, 32


def transformer():
    x = hl.Input((64,), dtype="int32")
    h = layers.Embedding(1000, 128)(x)
    for _ in range(3):
        h = layers.LayerNormalization()(h + layers.MultiHeadAttention(4, 32)(h, h))
        h = layers.LayerNormalization()(h + layers.Dense(128)(layers.Dense(512, "gelu")(h)))
    model = hl.Model(x, layers.Dense(1000)(h))
    model.compile("adam", hl.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model, 16


def resnet34():
    def conv(x, filters, size, strides=1):
        x = layers.Conv2D(filters, size, strides, padding="same", use_bias=False)(x)
        return layers.BatchNormalization()(x)

    inputs = hl.Input((64, 64, 3))
    x = layers.MaxPooling2D(3, 2, padding="same")(layers.ReLU()(conv(inputs, 64, 7, 2)))
    for stage, (filters, blocks) in enumerate([(64, 3), (128, 4), (256, 6), (512, 3)]):
        for block in range(blocks):
            strides = 2 if stage and not block else 1
            y = conv(layers.ReLU()(conv(x, filters, 3, strides)), filters, 3)
            if strides > 1:
                x = conv(x, filters, 1, strides)
            x = layers.ReLU()(layers.Add()([x, y]))
    model = hl.Model(inputs, layers.Dense(100)(layers.GlobalAveragePooling2D()(x)))
    model.compile(hl.optimizers.SGD(0.1, momentum=0.9),
                  hl.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model, 16


def unet():
    def block(x, filters):
        for _ in range(2):
            x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
        return x

    inputs = x = hl.Input((64, 64, 3))
    skips = []
    for filters in (16, 32, 64):
        skips.append(block(x, filters))
        x = layers.MaxPooling2D()(skips[-1])
    x = block(x, 128)
    for filters in (64, 32, 16):
        x = layers.Concatenate()([layers.Conv2DTranspose(filters, 2, 2)(x), skips.pop()])
        x = block(x, filters)
    model = hl.Model(inputs, layers.Conv2D(1, 1, activation="sigmoid")(x))
    model.compile("adam", "binary_crossentropy")
    return model, 8


MODELS = {f.__name__: f for f in (mlp, cnn, lstm, transformer, resnet34, unet)}


def main():
    hl.set_backend("jax")
    for name in sys.argv[1:] or MODELS:
        model, rows = MODELS[name]()
        start = time.perf_counter()
        plan = model.plan(rows)
        planned = time.perf_counter() - start
        own = model.plan(rows, compile=True)
        print(f"{name}: peak {plan.peak / 2**20:.1f} MiB, XLA {own.peak / 2**20:.1f} MiB, ratio "
              f"{plan.peak / own.peak:.2f}; {plan.training_flops / 1e9:.2f} GFLOPs a step; "
              f"planned in {planned:.1f} s, with the compiler "
              f"{time.perf_counter() - start - planned:.1f} s", flush=True)


if __name__ == "__main__":
    main()
