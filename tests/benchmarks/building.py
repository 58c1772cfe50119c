"""Time to build 100 Dense layers and a ResNet-34, against Keras, in turn, as ratios.

    python tests/benchmarks/building.py [--rounds 9]
"""

import argparse
import gc
import os
import statistics
import time

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
from models import MODELS

import highlevel as hl


def seconds(module, make):
    gc.collect()
    # The thread's own time: building waits for nothing, and other processes do not count.
    start = time.thread_time()
    model = make(module)
    return time.thread_time() - start, model


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    print("| model | highlevel, ms | Keras, ms | ratio (min–max) | weights allocated |")
    print("|---|---|---|---|---|")
    for name in ("dense100", "resnet34"):
        make = MODELS[name]
        seconds(hl, make), seconds(keras, make)
        pairs = [(seconds(hl, make)[0], seconds(keras, make)[0]) for _ in range(rounds)]
        ratios = [a / b for a, b in pairs]
        allocated = sum(not weight.is_pending for weight in seconds(hl, make)[1].weights)
        ours, theirs = (statistics.median(column) * 1e3 for column in zip(*pairs))
        print(f"| {name} | {ours:.1f} | {theirs:.1f} | {statistics.median(ratios):.3f} "
              f"({min(ratios):.3f}–{max(ratios):.3f}) | {allocated} |")


if __name__ == "__main__":
    main()
