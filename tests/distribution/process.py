"""One of several processes that train a model together: `process.py address count number`."""

import json
import sys

import numpy as np

import highlevel as hl
from highlevel import distribution as d
from highlevel import layers as L


def train(chosen):
    hl.utils.set_random_seed(3)
    model = hl.Sequential([hl.Input((8,)), L.Dense(16, activation="relu"), L.Dropout(0.1), L.Dense(4)])
    model.compile("adam", hl.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(70, 8)).astype("float32"), rng.integers(0, 4, 70)
    d.set_distribution(chosen() if chosen else None)
    history = model.fit(x, y, batch_size=16, epochs=3, verbose=0, validation_split=0.1).history
    return {
        "history": history, "predictions": model.predict(x[:8], verbose=0).tolist(),
        "weights": [v.numpy().tolist() for v in model.weights],
    }


if __name__ == "__main__":
    address, count, number = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    if count > 1:
        d.initialize(address, count, number)
        print(json.dumps(train(d.DataParallel)))
    else:
        print(json.dumps(train(None)))
