"""One call at a time, against the bare jitted function and Keras, in turn, as ratios.

    python tests/benchmarks/latency.py [tabular mlp cnn] [--rounds 15]

Bare is `jax.jit` of the same mathematics written by hand, called with the same NumPy arrays and
waited for as the method does: for training a step with optax and donated state whose loss is
fetched. Each round times a few calls of each, one after the other; reported are medians and the
ratios to bare, round by round.
"""

import argparse
import os
import statistics
import time

os.environ["KERAS_BACKEND"] = os.environ["HIGHLEVEL_BACKEND"] = "jax"

import jax
import jax.numpy as jnp
import keras
import numpy as np
import optax

import highlevel as hl

SHAPES = {"tabular": (32,), "mlp": (784,), "cnn": (28, 28, 1)}
BATCH = 32
METHODS = ("model(x)", "predict", "train_on_batch", "test_on_batch", "predict_on_batch")


def make(k, name):
    layers = k.layers
    if name == "cnn":
        stack = [
            layers.Conv2D(16, 3, activation="relu"), layers.MaxPooling2D(2), layers.Flatten(),
        ]
    else:
        width = 64 if name == "tabular" else 256
        stack = [layers.Dense(width, activation="relu"), layers.Dense(width, activation="relu")]
    model = k.Sequential([k.Input(SHAPES[name]), *stack, layers.Dense(10)])
    model.compile(k.optimizers.Adam(1e-3),
                  k.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def by_hand(name, weights):
    """`forward(params, x)`, `loss(params, x, y)` and a training step, all jitted."""

    def forward(params, x):
        params = list(params)
        if name == "cnn":
            kernel, bias = params.pop(0), params.pop(0)
            x = jax.lax.conv_general_dilated(
                x, kernel, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC"))
            x = jax.nn.relu(x + bias)
            x = jax.lax.reduce_window(
                x, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
            x = x.reshape(x.shape[0], -1)
        while len(params) > 2:
            x = jax.nn.relu(x @ params.pop(0) + params.pop(0))
        return x @ params[0] + params[1]

    def loss_of(params, x, y):
        return optax.softmax_cross_entropy_with_integer_labels(forward(params, x), y).mean()

    optimizer = optax.adam(1e-3)

    def step(params, state, x, y):
        loss, gradients = jax.value_and_grad(loss_of)(params, x, y)
        updates, state = optimizer.update(gradients, state)
        return optax.apply_updates(params, updates), state, loss

    params = [jnp.array(w) for w in weights]
    now = [params, optimizer.init(params)]
    forward, test = jax.jit(forward), jax.jit(loss_of)
    step = jax.jit(step, donate_argnums=(0, 1))
    fixed = [jnp.array(w) for w in weights]

    def train(x, y):
        *now[:], loss = step(*now, x, y)
        return float(loss)

    return forward, test, train, fixed


def contestants(name):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(BATCH, *SHAPES[name])).astype("float32")
    y = rng.integers(0, 10, BATCH).astype("int32")
    one = x[:1]
    ours = make(hl, name)
    forward, test, train, params = by_hand(name, ours.get_weights())
    calls = {
        "bare": {
            "model(x)": lambda: jax.block_until_ready(forward(params, one)),
            "predict": lambda: np.asarray(forward(params, one)),
            "train_on_batch": lambda: train(x, y),
            "test_on_batch": lambda: float(test(params, x, y)),
            "predict_on_batch": lambda: np.asarray(forward(params, x)),
        }
    }
    for peer, model in (("highlevel", ours), ("keras", make(keras, name))):
        calls[peer] = {
            "model(x)": lambda m=model: jax.block_until_ready(m(one)),
            "predict": lambda m=model: m.predict(one, verbose=0),
            "train_on_batch": lambda m=model: m.train_on_batch(x, y),
            "test_on_batch": lambda m=model: m.test_on_batch(x, y),
            "predict_on_batch": lambda m=model: m.predict_on_batch(x),
        }
    return calls


def least(call, count):
    """The least of some times: what the machine's other work has not disturbed."""
    times = []
    for _ in range(count):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=list(SHAPES))
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    print("| model | call | bare, µs | highlevel, ratio (min–max) | Keras, ratio |")
    print("|---|---|---|---|---|")
    for name in options.models:
        calls = contestants(name)
        for method in METHODS:
            for peer in calls:
                for _ in range(200 if method == "predict" and peer == "highlevel" else 30):
                    calls[peer][method]()
            rounds = [
                {peer: least(calls[peer][method], 20) for peer in calls}
                for _ in range(options.rounds)
            ]
            ratios = {
                peer: [each[peer] / each["bare"] for each in rounds] for peer in calls
            }
            ours = ratios["highlevel"]
            print(f"| {name} | {method} | {statistics.median(r['bare'] for r in rounds) * 1e6:.0f} "
                  f"| {statistics.median(ours):.2f} ({min(ours):.2f}–{max(ours):.2f}) "
                  f"| {statistics.median(ratios['keras']):.1f} |", flush=True)


if __name__ == "__main__":
    main()
