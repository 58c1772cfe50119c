"""From the start of a process to its first training step, against Keras and plain JAX, in turn.

    python tests/benchmarks/startup.py [mlp cnn ...] [--rounds 5] [--peers highlevel,keras,raw_jax]

Each round runs every peer once in a process of its own: imports, builds the model, does one
training step with Adam, cold and then with the programs of the run before on disk. Reported are
the wall-clock and the processor's seconds of the stages, as medians, and the ratio of the totals
to Keras's, round by round. `--primitives` counts instead how many primitives are traced for a
training step, by hand-written JAX with optax and here.
"""

import argparse
import collections
import itertools
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).parent
STAGES = ("import", "build", "step", "total", "cpu")
BATCH = 32


def stage_times(peer, name):
    """Do it, and tell the seconds of each stage."""
    began = time.perf_counter()
    start = {"raw_jax": start_by_hand, "keras": start_keras, "highlevel": start_highlevel}[peer]
    build, step = start(name)
    imported = time.perf_counter()
    model = build()
    built = time.perf_counter()
    step(model)
    done = time.perf_counter()
    times = os.times()
    return {
        "import": imported - began, "build": built - imported, "step": done - built,
        "total": done - began, "cpu": times.user + times.system,
    }


def batch_for(name):
    import numpy as np
    from models import SHAPES

    rng = np.random.default_rng(0)
    x = rng.normal(size=(BATCH, *SHAPES[name])).astype("float32")
    if name == "dense100":
        return x, np.zeros((BATCH, 64), "float32")
    return x, np.zeros(BATCH, "int32")


def start_like_keras(k, name):
    from models import MODELS

    x, y = batch_for(name)

    def step(model):
        loss = "mse" if name == "dense100" else k.losses.SparseCategoricalCrossentropy(
            from_logits=True)
        model.compile("adam", loss)
        model.train_on_batch(x, y)

    return lambda: MODELS[name](k), step


def use_jax_cache():
    directory = os.environ.get("BENCHMARK_CACHE")
    if directory:
        import jax

        jax.config.update("jax_compilation_cache_dir", directory)
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


def start_keras(name):
    os.environ["KERAS_BACKEND"] = "jax"
    import keras

    use_jax_cache()
    return start_like_keras(keras, name)


def start_highlevel(name):
    os.environ["HIGHLEVEL_BACKEND"] = "jax"
    import highlevel as hl

    if os.environ.get("BENCHMARK_CACHE"):
        hl.config.set_compilation_cache(os.environ["BENCHMARK_CACHE"])
    return start_like_keras(hl, name)


def start_by_hand(name):
    """The MLP as somebody who knows JAX writes it; the other models are not there."""
    if name != "mlp":
        raise SystemExit("raw_jax does the mlp only")
    import jax
    import numpy as np

    use_jax_cache()
    step, state_of = by_hand()
    x, y = batch_for(name)

    def build():
        rng = np.random.default_rng(0)
        sizes = (784, 256, 256, 10)
        return [
            {"w": (rng.normal(size=pair) * 0.05).astype("float32"), "b": np.zeros(pair[1], "float32")}
            for pair in itertools.pairwise(sizes)
        ]

    return build, lambda params: jax.block_until_ready(step(params, state_of(params), x, y))


def by_hand():
    import jax
    import optax

    optimizer = optax.adam(1e-3)

    def loss_of(params, x, y):
        for layer in params[:-1]:
            x = jax.nn.relu(x @ layer["w"] + layer["b"])
        logits = x @ params[-1]["w"] + params[-1]["b"]
        return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()

    def step(params, state, x, y):
        loss, gradients = jax.value_and_grad(loss_of)(params, x, y)
        updates, state = optimizer.update(gradients, state)
        return optax.apply_updates(params, updates), state, loss

    return jax.jit(step), optimizer.init


def run(peer, name, cache):
    environment = {**os.environ, "BENCHMARK_CACHE": cache or ""}
    environment.pop("HIGHLEVEL_COMPILATION_CACHE", None)
    result = subprocess.run(
        [sys.executable, __file__, "--worker", peer, name], capture_output=True, text=True,
        env=environment,
    )
    if result.returncode:
        return None
    return json.loads(result.stdout.strip().splitlines()[-1])


def compare(name, peers, rounds):
    found = collections.defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        for peer in peers:
            run(peer, name, os.path.join(folder, peer))  # fills the cache, and the disk's
        for _ in range(rounds):
            for peer in peers:
                for kind in ("cold", "from disk"):
                    cache = os.path.join(folder, peer) if kind == "from disk" else None
                    times = run(peer, name, cache)
                    if times is not None:
                        found[peer, kind].append(times)
    print(f"\n### {name}: medians in seconds\n")
    print("| peer | programs | " + " | ".join(STAGES) + " | total, ratio to Keras (min–max) "
          "| cpu, ratio to Keras |")
    print("|---|---|" + "---|" * (len(STAGES) + 2))
    for (peer, kind), runs in found.items():
        medians = [f"{statistics.median(run[stage] for run in runs):.2f}" for stage in STAGES]
        base = found.get(("keras", kind), [])
        ratios = [a["total"] / b["total"] for a, b in zip(runs, base)]
        cpu = [a["cpu"] / b["cpu"] for a, b in zip(runs, base)]
        told = f"{statistics.median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f}) | " \
            f"{statistics.median(cpu):.2f}" if ratios else "- | -"
        print(f"| {peer} | {kind} | " + " | ".join(medians) + f" | {told} |", flush=True)


def count_primitives():
    """How many primitives a training step of the MLP is, here and written by hand."""

    def count(jaxpr):
        total = 0
        for equation in jaxpr.eqns:
            inner = [
                value for parameter in equation.params.values()
                for value in (parameter if isinstance(parameter, (list, tuple)) else [parameter])
                if hasattr(value, "jaxpr") or hasattr(value, "eqns")
            ]
            total += sum(count(getattr(value, "jaxpr", value)) for value in inner) or 1
        return total

    from models import MODELS

    import highlevel as hl

    build, _ = start_by_hand("mlp")
    step, state_of = by_hand()
    x, y = batch_for("mlp")
    params = build()
    ours = MODELS["mlp"](hl)
    ours.compile("adam", hl.losses.SparseCategoricalCrossentropy(from_logits=True))
    with hl.use_backend("jax"):
        ours._make_ready((x, y, None), training=True)
        program = ours._program("train")
        traced = program._step.trace(*program._values(), (x, y, None)).jaxpr
    print(f"by hand {count(step.trace(params, state_of(params), x, y).jaxpr.jaxpr)}, "
          f"highlevel {count(traced.jaxpr)} primitives")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=["mlp", "cnn"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peers", default="highlevel,keras,raw_jax")
    parser.add_argument("--primitives", action="store_true")
    options = parser.parse_args()
    if options.primitives:
        count_primitives()
        return
    for name in options.models:
        peers = [p for p in options.peers.split(",") if p != "raw_jax" or name == "mlp"]
        compare(name, peers, options.rounds)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        print(json.dumps(stage_times(*sys.argv[2:4])))
    else:
        main()
