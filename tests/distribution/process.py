"""One of several processes that train a model together.

Run as `process.py address count number directory`; checkpoints are in the directory. Prints what each of its parts came to, as JSON. A single process does the same alone.
"""

import json
import random
import sys
import warnings

import numpy as np
import resumed

import highlevel as hl
from highlevel import callbacks
from highlevel import distribution as d
from highlevel import layers as L

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(96, 8)).astype("float32"), RNG.integers(0, 4, 96)


def make():
    hl.utils.set_random_seed(3)
    model = hl.Sequential([
        hl.Input((8,), name="x"), L.Dense(16, activation="relu", name="wide"),
        L.Dropout(0.1, name="drop"), L.Dense(4, name="out")], name="net")  # fmt: skip
    model.compile("adam", hl.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    return model


def result(model, history):
    return {
        "history": history.history, "steps": int(model.optimizer.iterations),
        "weights": [v.numpy().tolist() for v in model.weights],
    }


def arrays(directory):
    """Arrays are the whole data everywhere; their last batch is a partial one."""
    model = make()
    backup = callbacks.BackupAndRestore(f"{directory}/backup", delete_checkpoint=False)
    for epochs in (2, 3):
        history = model.fit(
            X[:70], Y[:70], batch_size=16, epochs=epochs, verbose=0, validation_split=0.1,
            callbacks=[backup])
    return {**result(model, history), "predictions": model.predict(X[:8], verbose=0).tolist()}


def part(rows, count, number):
    """What a process gives of a batch of all of them."""
    size = len(rows) // count
    return rows[number * size:(number + 1) * size]


def batches(count, number, sizes):
    start = 0
    for rows in sizes:
        places = part(np.arange(start, start + rows), count, number)
        yield X[places], Y[places]
        start += rows


class Batches:
    """Batches of the given numbers of rows, at every pass; the first process has one less."""

    def __init__(self, count, number, sizes):
        self.of = count, number, sizes if number or count == 1 else sizes[:-1]

    def __iter__(self):
        return batches(*self.of)


def fit_quietly(model, *args, **options):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        history = model.fit(*args, verbose=0, **options)
    return history, [str(w.message) for w in caught if issubclass(w.category, UserWarning)]


def streams(count, number):
    """Each process gives a part; the first one ends before the others."""
    sizes = [16] * 5 if count > 1 else [16] * 4
    model = make()
    history, said = fit_quietly(model, Batches(count, number, sizes), epochs=2)
    return {**result(model, history), "said": [s for s in said if "ended after" in s]}


def once(count, number):
    """A generator that comes to its end in one process before the second epoch."""
    model = make()
    sizes = [16] * (4 if number == count - 1 else 6)
    history, _ = fit_quietly(
        model, batches(count, number, sizes), epochs=3, steps_per_epoch=2, validation_data=(X[:20], Y[:20]))
    return result(model, history)


def odd(count, number):
    """Rows that do not divide by the devices (3 by 2), then a last batch of other sizes."""
    rows = 3 if count > 1 else 6
    given = [rows] * 2 + ([number + 1] if count > 1 else [])

    def stream():
        start = 0
        for k in given:
            first = start + (number * k if count > 1 else 0)
            yield X[first:first + k], Y[first:first + k]
            start += k * count

    model = make()
    history, said = fit_quietly(model, stream())
    return {**result(model, history), "said": [s for s in said if "differ in rows" in s]}


def across(count, number):
    """Weights divided over the processes, which all have a part of each batch."""
    model = make()
    if count > 1:
        mesh = d.DeviceMesh((1, d.get_device_count()), ["batch", "model"])
        d.set_distribution(d.ModelParallel(d.tensor_parallel(model, mesh), batch_dim_name="batch"))
    history, _ = fit_quietly(model, batches(count, number, [16] * 4))
    found = result(model, history)
    d.set_distribution(d.DataParallel() if count > 1 else None)
    return found


def refused(count, number):
    """What raises an error in all processes instead of keeping some of them waiting."""
    found = {}

    def failing():
        yield from batches(count, number, [16])
        if number == 1:
            raise KeyError("no such file")
        yield from batches(count, number, [16])

    for name, data in {
        "other arrays": (X + number, Y), "other rows": (batches(count, number, [16 + 16 * number]),),
        "failing": (failing(),),
    }.items():
        try:
            fit_quietly(make(), *data)
        except (ValueError, RuntimeError, KeyError) as error:
            found[name] = f"{type(error).__name__}: {error}"
    with resumed.strategy(make(), (2, 2)).scope():
        try:
            make().fit(X, Y, verbose=0, callbacks=[callbacks.BackupAndRestore("backup")])
        except ValueError as error:
            found["backup"] = str(error)
    return found


def checkpoints(directory, count, devices):
    """Trainings that others have begun, on other devices, and one for others to go on with."""
    def to(epochs, name, shape=None):
        return resumed.train(make(), X[:64], Y[:64], f"{directory}/{name}", epochs, shape)

    if count == 4:
        return {"begun by two": to(3, "two", (2, 2))}
    if count == 2:
        return {"begun alone": to(3, "alone", (2, 2)), "begun": to(2, "two", (2, 2))}
    if devices == 8:
        return {
            "on 2 x 4": to(1, "eight", (2, 4)), "on 4 x 2": to(2, "eight", (4, 2)),
            "on one device": to(3, "eight"), "begun by two": to(3, "two on one"),
        }
    return {"begun": to(2, "alone"), "whole": to(3, "whole")}


if __name__ == "__main__":
    address, count, number, directory = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    random.seed(number)
    if count > 1:
        d.initialize(*([] if address == "launcher" else [address, count, number]))
    found = {"drawn": random.random()}
    devices = d.get_device_count()
    found["checkpoints"] = checkpoints(directory, count, devices)
    if count > 1:
        d.set_distribution(d.DataParallel())
        found["refused"] = refused(count, number) if count == 2 else None
    if devices < 8:
        found["arrays"] = arrays(f"{directory}/{count}")
        for task in (streams, once, odd, across)[: 1 if count > 2 else None]:
            found[task.__name__] = task(count, number)
    print(json.dumps(found))
