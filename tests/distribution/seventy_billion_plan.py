"""Plans the training of a Transformer of 70 billion parameters on 8 × 16 devices; run by hand.

    python tests/distribution/seventy_billion_plan.py [blocks] [repeat]

With `repeat` the blocks are one `layers.Repeat`, divided over both axes of the mesh. Prints the plan, and what it took: seconds, and the peak memory of this process and of the one
that compiles, together.
"""

import resource
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "inspection"))

from seventy_billion import block, transformer

import highlevel as hl
from highlevel import distribution as d
from highlevel import layers


def repeated(blocks, width=8192, words=128256):
    x = tokens = hl.Input((None,), dtype="int32", name="tokens")
    x = layers.Embedding(words, width, name="embedding")(x)
    x = layers.Repeat(block(width, 64, 8, 28672, "block"), blocks, name="blocks")(x)
    x = layers.RMSNormalization(name="norm")(x)
    return hl.Model(tokens, layers.Dense(words, use_bias=False, name="words")(x), name="large")


def over_both(model, mesh):
    found = d.tensor_parallel(model, mesh)
    return d.fully_sharded(model, mesh, axis="data", layout_map=found)


def main(blocks="80", kind=""):
    began = time.perf_counter()
    model = repeated(int(blocks)) if kind else transformer(int(blocks))
    model.compile("adam", hl.losses.SparseCategoricalCrossentropy(from_logits=True))
    tokens = hl.KerasTensor((None, 2048), "int32")
    plan = d.plan(
        model, {"data": 8, "model": 16}, over_both if kind else d.tensor_parallel, batch=32,
        x=tokens, y=tokens, batch_dim_name="data")
    seconds = time.perf_counter() - began
    print(plan)
    here, child = (
        resource.getrusage(who).ru_maxrss / 1024
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    used = sum(
        use.ru_utime + use.ru_stime
        for use in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))
    print(f"\n{model.count_params():,} parameters, {len(model.weights)} weights, all pending: "
          f"{all(v.is_pending for v in model.weights)}")
    print(f"{seconds:.1f} s ({used:.1f} s of the processor); peak memory "
          f"{here:.0f} MiB here + {child:.0f} MiB in the process that compiled")


if __name__ == "__main__":
    main(*sys.argv[1:])
