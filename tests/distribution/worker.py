"""Trains a model under a distribution and prints what came of it; run with several devices."""

import json
import sys
from collections import Counter

import jax
import numpy as np
from highlevel_jax import partition

import highlevel as hl
from highlevel import distribution as d
from highlevel import layers as L


def mlp():
    return hl.Sequential([hl.Input((16,)), L.Dense(32, activation="relu"), L.Dropout(0.1), L.Dense(8)])


def cnn():
    return hl.Sequential([
        hl.Input((8, 8, 3)), L.Conv2D(8, 3, padding="same"), L.BatchNormalization(),
        L.Activation("relu"), L.MaxPooling2D(), L.Flatten(), L.Dense(8)])  # fmt: skip


def transformer():
    x = inputs = hl.Input((8,), dtype="int32")
    x = L.Embedding(16, 16)(x)
    y = L.MultiHeadAttention(4, 4)(x, x, use_causal_mask=True)
    x = L.LayerNormalization()(x + y)
    y = L.Dense(16)(L.Dense(32, activation="gelu")(x))
    x = L.LayerNormalization()(x + y)
    return hl.Model(inputs, L.Dense(8)(L.GlobalAveragePooling1D()(x)))


def deep():
    block = hl.Sequential([hl.Input((16,)), L.Dense(32, "tanh"), L.Dropout(0.1), L.Dense(16)])
    return hl.Sequential([hl.Input((16,)), L.Repeat(block, 3), L.Dense(8)])


MODELS = {"mlp": mlp, "cnn": cnn, "transformer": transformer, "deep": deep}


def data(kind, rows=72):
    rng = np.random.default_rng(0)
    shape = {"mlp": (16,), "cnn": (8, 8, 3), "transformer": (8,), "deep": (16,)}[kind]
    x = rng.normal(size=(rows, *shape)).astype("float32")
    if kind == "transformer":
        x = rng.integers(0, 16, (rows, 8)).astype("int32")
    return x, rng.integers(0, 8, rows)


def strategy(name, model):
    if name == "single":
        return None
    if name == "data":
        return d.DataParallel()
    if name == "zero":
        return d.DataParallel(shard_optimizer=True)
    if name == "sharded":
        return d.ModelParallel(d.fully_sharded(model, d.DeviceMesh((8,), ["batch"])))
    shape = {"tensor": (1, 8), "mixed": (2, 4)}[name]
    mesh = d.DeviceMesh(shape, ["batch", "model"])
    return d.ModelParallel(d.tensor_parallel(model, mesh, axis="model"), batch_dim_name="batch")


def train(kind, name):
    hl.utils.set_random_seed(1)
    model = MODELS[kind]()
    chosen = strategy(name, model)
    d.set_distribution(chosen)
    # Adam turns the rounding of gradients that vanish (a bias before the normalization) into
    # steps of full length.
    optimizer = hl.optimizers.SGD(0.05, momentum=0.9) if kind == "cnn" else hl.optimizers.Adam(0.01)
    model.compile(optimizer, hl.losses.SparseCategoricalCrossentropy(from_logits=True),
                  metrics=["accuracy"])
    x, y = data(kind)
    history = model.fit(x, y, batch_size=16, epochs=3, verbose=0, validation_split=0.1).history
    found = model.predict(x[:10], verbose=0)
    held = {}
    for v in [*model.trainable_variables, *model.optimizer.variables]:
        shards = getattr(v.raw_value(), "addressable_shards", [])
        held[v.path] = [s.data.nbytes for s in shards]
    d.set_distribution(None)
    return {
        "plan": looked_at(model, chosen) if chosen is not None else None,
        "history": history, "predictions": np.asarray(found).tolist(), "bytes": held,
        "weights": {v.path: v.numpy().tolist() for v in model.weights},
    }


def looked_at(model, chosen):
    """What the compiled step exchanges and takes, and whether it is lowered for NVIDIA GPUs."""
    seen = []

    def flat_step(*args):
        seen.append(found := flat_step_(*args))
        return found

    flat_step_, partition.flat_step = partition.flat_step, flat_step
    try:
        plan = d.plan(model, layout=chosen, batch=16)
    finally:
        partition.flat_step = flat_step_
    counts = Counter()
    for each in plan.collectives:
        counts[f"{each.kind} over {', '.join(each.axes)}"] += each.times
    (step, structs, _), = seen
    lowered = jax.export.export(step, platforms=["cuda"])(*structs)
    return {
        "exchanges": counts, "weights": plan.weights, "optimizer": plan.optimizer,
        "reduced": max((each.bytes for each in plan.collectives if each.kind == "all-reduce"
                        and "batch" in each.axes), default=0),
        "gradients": plan.gradients, "total": plan.total, "batch": plan.batch,
        "activations": plan.activations,
        "cuda": [lowered.platforms, lowered.nr_devices, "stablehlo" in lowered.mlir_module()],
    }


if __name__ == "__main__":
    print(json.dumps({f"{k} {s}": train(k, s) for k in sys.argv[1].split(",") for s in sys.argv[2].split(",")}))
