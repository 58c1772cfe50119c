"""One of several processes of a training that is killed and started again.

Run as `group_member.py address count number directory [undisturbed]`. Prints `begins` before the
training, and what it ended with as JSON.
"""

import json
import sys
import time

import numpy as np

import highlevel as hl
from highlevel import callbacks, layers
from highlevel import distribution as d

#: seconds after which the others must have ended, beside those that ending takes
BOUND = 10
STEPS = 48


class Slowly(callbacks.Callback):
    """Leaves time for a kill between two steps."""

    def on_train_batch_end(self, batch, logs=None):
        time.sleep(0.03)


def train(directory, slowly=True):
    hl.utils.set_random_seed(5)
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(96, 8)).astype("float32"), rng.integers(0, 4, 96)
    model = hl.Sequential([
        hl.Input((8,), name="x"), layers.Dense(16, activation="relu", name="wide"),
        layers.Dropout(0.2, name="drop"), layers.Dense(4, name="out")], name="net")  # fmt: skip
    model.compile("adam", hl.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    save = callbacks.OrbaxCheckpoint(directory, save_freq=4, resume=True, max_to_keep=2)
    print("begins", flush=True)
    history = model.fit(
        x, y, batch_size=16, epochs=STEPS // 6, verbose=0,
        callbacks=[save, *([Slowly()] if slowly else [])])
    return {
        "history": history.history, "steps": int(model.optimizer.iterations),
        "weights": [v.numpy().tolist() for v in [*model.weights, *model.optimizer.variables]],
    }


if __name__ == "__main__":
    address, count, number, directory, *options = sys.argv[1:]
    d.initialize(
        address, int(count), int(number),
        heartbeat_timeout_seconds=BOUND, shutdown_timeout_seconds=BOUND)
    d.set_distribution(d.DataParallel())
    found = {"killed": train(f"{directory}/killed")}
    if options:
        found["undisturbed"] = train(f"{directory}/undisturbed", slowly=False)
    print(json.dumps(found))
