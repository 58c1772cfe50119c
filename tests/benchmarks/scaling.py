"""How cost grows: batch, width, depth, number of variables, rows of data, epochs.

    python tests/benchmarks/scaling.py [batch width depth branches rows epochs]
        [--peers highlevel,keras,raw_jax] [--rounds 3] [--json FILE] [--plot FILE.svg]

Each point is an MLP trained by `fit` over data in memory, in a process of its own per peer: it is
built, does its first step, and after an epoch to warm up whole epochs are timed. Peers take turns;
reported are medians of the rounds. `raw_jax` is one jitted, donated step per batch, by hand.
"""

import argparse
import itertools
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, replace

PEERS = ("highlevel", "keras", "raw_jax")
MEASURES = ("build", "first", "step", "busy", "megabytes")


@dataclass(frozen=True)
class Point:
    """What is trained: `depth` layers in a row, or `branches` beside each other."""

    features: int = 64
    width: int = 256
    depth: int = 3
    branches: int = 1
    batch: int = 128
    rows: int = 6400
    epochs: int = 1  # of one call of fit

    @property
    def steps(self):
        return -(-self.rows // self.batch)


def _rows(point, steps):
    return replace(point, rows=steps * point.batch)


AXES = {
    "batch": {n: _rows(Point(batch=n), max(4, min(200, 25600 // n)))
              for n in (8, 32, 128, 512, 2048, 8192)},
    "width": {n: _rows(Point(width=n), 50 if n < 1000 else 8) for n in (16, 64, 256, 1024, 2048)},
    "depth": {n: _rows(Point(width=32, depth=n, batch=32), max(5, 1000 // n))
              for n in (10, 30, 100, 300, 1000)},
    "branches": {n: _rows(Point(width=8, branches=n, batch=32), max(10, 1000 // n))
                 for n in (1, 10, 100, 500)},
    "rows": {n: Point(features=8, width=16, batch=1000, rows=n)
             for n in (1_000, 10_000, 100_000, 1_000_000, 10_000_000)},
    "epochs": {n: Point(features=8, width=16, batch=32, rows=320, epochs=n)
               for n in (1, 10, 100, 1000)},
}


def data(point):
    import numpy as np

    rng = np.random.default_rng(0)
    x = rng.standard_normal((point.rows, point.features), dtype="float32")
    return x, x[:, :1] * 0.5


def like_keras(k, point):
    """Build and fit, in Keras's vocabulary."""

    def build():
        x = inputs = k.Input((point.features,))
        beside = []
        for _ in range(point.branches):
            x = inputs
            for _ in range(point.depth):
                x = k.layers.Dense(point.width, activation="relu")(x)
            beside.append(x)
        if point.branches > 1:
            x = k.layers.Concatenate()(beside)
        model = k.Model(inputs, k.layers.Dense(1)(x))
        model.compile("adam", "mse")
        return model

    def fit(model, x, y, epochs):
        model.fit(x, y, batch_size=point.batch, epochs=epochs, verbose=0)

    return build, fit


def by_hand(point):
    """The same with jax and optax."""
    import jax
    import jax.numpy as jnp
    import numpy as np
    import optax

    optimizer = optax.adam(1e-3)

    def forward(params, x):
        beside = []
        for branch in params[:-1]:
            h = x
            for kernel, bias in branch:
                h = jax.nn.relu(h @ kernel + bias)
            beside.append(h)
        kernel, bias = params[-1]
        return jnp.concatenate(beside, -1) @ kernel + bias

    def step(params, state, x, y):
        loss, gradients = jax.value_and_grad(
            lambda params: jnp.mean((forward(params, x) - y) ** 2))(params)
        updates, state = optimizer.update(gradients, state)
        return optax.apply_updates(params, updates), state, loss

    step = jax.jit(step, donate_argnums=(0, 1))

    def build():
        rng = np.random.default_rng(0)

        def dense(n, m):
            return (jnp.asarray(rng.normal(0, n**-0.5, (n, m)), jnp.float32), jnp.zeros(m))

        sizes = [point.features] + [point.width] * point.depth
        params = [[dense(n, m) for n, m in itertools.pairwise(sizes)] for _ in range(point.branches)]
        params.append(dense(point.width * point.branches, 1))
        return [params, optimizer.init(params)]

    def fit(model, x, y, epochs):
        for _ in range(epochs):
            order, losses = np.random.permutation(len(x)), []
            for start in range(0, len(x), point.batch):
                chosen = order[start : start + point.batch]
                *model[:], loss = step(*model, x[chosen], y[chosen])
                losses.append(loss)
            float(sum(losses))

    return build, fit


def contestant(peer, point):
    if peer == "raw_jax":
        return by_hand(point)
    if peer == "keras":
        os.environ["KERAS_BACKEND"] = "jax"
        import keras

        return like_keras(keras, point)
    os.environ["HIGHLEVEL_BACKEND"] = "jax"
    import highlevel

    return like_keras(highlevel, point)


def measure(peer, point):
    """In this process: seconds to build and of the first step, then per step; peak memory."""
    tiny = Point(features=5, width=7, depth=1, batch=4, rows=8)
    build, fit = contestant(peer, tiny)  # what a process does once is not what grows
    fit(build(), *data(tiny), 1)
    build, fit = contestant(peer, point)
    x, y = data(point)
    start = time.perf_counter()
    model = build()
    built = time.perf_counter()
    fit(model, x[: point.batch], y[: point.batch], 1)
    first = time.perf_counter()
    fit(model, x, y, 1)
    steps = point.steps * point.epochs
    times, busy = [], []
    for _ in range(3 if steps < 20_000 else 1):
        processor, begun = time.process_time(), time.perf_counter()
        fit(model, x, y, point.epochs)
        times.append((time.perf_counter() - begun) / steps)
        busy.append((time.process_time() - processor) / steps)
    return {
        "build": built - start, "first": first - built, "step": min(times), "busy": min(busy),
        "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def ask(peer, axis, value):
    """`measure` in a new process; None where it failed."""
    command = [sys.executable, __file__, "--measure", peer, axis, str(value)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        print(f"{peer} on {axis} {value}: {done.stderr.strip().splitlines()[-1:]}",
              file=sys.stderr)
        return None
    return json.loads(done.stdout.splitlines()[-1])


def table(axis, found):
    """Markdown: per value what each peer took."""
    peers = list(next(iter(found.values())))
    rows = [
        f"\n#### {axis}\n",
        f"| {axis} | " + " | ".join(
            f"{peer}: build, first step, s; step, its processor time, ms; peak MB"
            for peer in peers) + " |",
        "|---" * (len(peers) + 1) + "|",
    ]
    for value, cells in found.items():
        texts = [
            "missing" if cell is None else
            f"{cell['build']:.2f}, {cell['first']:.1f}; {cell['step'] * 1e3:.3g}, "
            f"{cell['busy'] * 1e3:.3g}; {cell['megabytes']:.0f}"
            for cell in cells.values()
        ]
        rows.append(f"| {value:,} | " + " | ".join(texts) + " |")
    return "\n".join(rows)


def plot(axes, path):
    """Time per step over each axis; for depth the first step besides."""
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    plt.rcParams["svg.hashsalt"] = "scaling"
    panels = [(axis, "step", "ms per step") for axis in axes]
    if "depth" in axes:
        panels += [("depth", "build", "s to build"), ("depth", "first", "s for the first step")]
    figure, places = plt.subplots(-(-len(panels) // 2), 2, squeeze=False,
                                  figsize=(9, 2.8 * -(-len(panels) // 2)))
    for place, (axis, what, unit) in zip(places.flat, panels):
        found = axes[axis]
        for peer, marker in zip(PEERS, "os^"):
            there = [(value, cells[peer][what]) for value, cells in found.items()
                     if cells.get(peer)]
            if there:
                place.loglog([value for value, _ in there],
                             [y * (1e3 if what == "step" else 1) for _, y in there],
                             marker=marker, label=peer)
        place.set_xlabel(axis)
        place.set_ylabel(unit)
        place.grid(alpha=0.3)
    for place in list(places.flat)[len(panels):]:
        place.set_visible(False)
    places.flat[0].legend()
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("axes", nargs="*", help=", ".join(AXES))
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json")
    parser.add_argument("--plot")
    options = parser.parse_args()
    found = {}
    for axis in options.axes or AXES:
        found[axis] = {}
        for value in AXES[axis]:
            rounds = {peer: [] for peer in options.peers.split(",")}
            for _ in range(options.rounds):
                for peer in rounds:
                    rounds[peer].append(ask(peer, axis, value))
            found[axis][value] = {
                peer: None if None in answers else
                {what: statistics.median(a[what] for a in answers) for what in MEASURES}
                for peer, answers in rounds.items()
            }
        print(table(axis, found[axis]), flush=True)
        if options.json:
            pathlib.Path(options.json).write_text(json.dumps(found, indent=1))
    if options.plot:
        plot(found, options.plot)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        peer, axis, value = sys.argv[2:]
        print(json.dumps(measure(peer, AXES[axis][int(value)])))
    else:
        main()
