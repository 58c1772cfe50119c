"""Time to save and to load a ResNet-34, compiled and trained for a step, against Keras.

    python tests/benchmarks/saving.py [--rounds 5]

Rounds are interleaved; reported are medians and, round by round, ratios to Keras. Our saves
wait until the data is on the disk (`fsync`), Keras's do not. Beside them stands what the disk
itself takes for as many bytes.
"""

import argparse
import os
import statistics
import tempfile
import time

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras

import highlevel as hl


def resnet34(module):
    layers = module.layers

    def conv(x, filters, size, strides=1):
        x = layers.Conv2D(filters, size, strides, padding="same", use_bias=False)(x)
        return layers.BatchNormalization()(x)

    inputs = module.Input((64, 64, 3))
    x = layers.MaxPooling2D(3, 2, padding="same")(layers.ReLU()(conv(inputs, 64, 7, 2)))
    for stage, (filters, blocks) in enumerate([(64, 3), (128, 4), (256, 6), (512, 3)]):
        for block in range(blocks):
            strides = 2 if stage and not block else 1
            y = conv(layers.ReLU()(conv(x, filters, 3, strides)), filters, 3)
            if strides > 1:
                x = conv(x, filters, 1, strides)
            x = layers.ReLU()(layers.Add()([x, y]))
    model = module.Model(inputs, layers.Dense(1000)(layers.GlobalAveragePooling2D()(x)))
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    return model


def seconds(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    models = {"highlevel": resnet34(hl), "keras": resnet34(keras)}
    for model in models.values():
        model.get_weights()
    with tempfile.TemporaryDirectory() as folder:
        def path(name, ending):
            return os.path.join(folder, name + ending)

        work = {
            "save .keras": lambda n, m: models[n].save(path(n, ".keras")),
            "load .keras": lambda n, m: m.saving.load_model(path(n, ".keras")),
            "save .weights.h5": lambda n, m: models[n].save_weights(path(n, ".weights.h5")),
            "load .weights.h5": lambda n, m: models[n].load_weights(path(n, ".weights.h5")),
        }
        times = {(what, name): [] for what in work for name in models}
        disk = {"write": [], "read": []}
        for _ in range(rounds + 1):  # the first one warms up
            for what, do in work.items():
                for name, module in (("highlevel", hl), ("keras", keras)):
                    times[what, name].append(seconds(lambda: do(name, module)))  # noqa: B023
            data = os.urandom(os.path.getsize(path("highlevel", ".keras")))

            def write():
                with open(path("raw", ""), "wb") as file:
                    file.write(data)  # noqa: B023
                    file.flush()
                    os.fsync(file.fileno())

            def read():
                with open(path("raw", ""), "rb") as file:
                    file.read()

            disk["write"].append(seconds(write))
            disk["read"].append(seconds(read))
        size = os.path.getsize(path("highlevel", ".keras")) / 2**20
    print(f"{size:.0f} MiB; the disk: write and fsync {statistics.median(disk['write'][1:]):.2f} s, "
          f"read {statistics.median(disk['read'][1:]):.2f} s")
    for what in work:
        ours, theirs = times[what, "highlevel"][1:], times[what, "keras"][1:]
        ratios = [a / b for a, b in zip(ours, theirs)]
        print(f"{what}: highlevel {statistics.median(ours):.2f} s, keras "
              f"{statistics.median(theirs):.2f} s, ratio {statistics.median(ratios):.2f} "
              f"({min(ratios):.2f}–{max(ratios):.2f})")


if __name__ == "__main__":
    main()
