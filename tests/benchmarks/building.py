"""Time to build a functional model of 100 Dense layers, against Keras, as a ratio.

    python tests/benchmarks/building.py
"""

import os
import statistics
import time

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras

import highlevel as hl


def build(module):
    start = time.perf_counter()
    x = inputs = module.Input((64,))
    for _ in range(100):
        x = module.layers.Dense(64, activation="relu")(x)
    model = module.Model(inputs, x)
    seconds = time.perf_counter() - start
    return seconds, model


build(hl), build(keras)
rounds = [(build(hl)[0], build(keras)[0]) for _ in range(7)]
model = build(hl)[1]
print(f"highlevel {statistics.median(a for a, _ in rounds) * 1e3:.0f} ms, "
      f"keras {statistics.median(b for _, b in rounds) * 1e3:.0f} ms, ratio "
      f"{statistics.median(a / b for a, b in rounds):.3f} "
      f"({min(a / b for a, b in rounds):.3f}–{max(a / b for a, b in rounds):.3f}); "
      f"weights allocated: {sum(not w.is_pending for w in model.weights)}")
