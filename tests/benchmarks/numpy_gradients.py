"""What recording gradients costs: the NumPy backend, hand-written NumPy, HIPS autograd.

Run by hand: `python tests/benchmarks/numpy_gradients.py [--repeat 30]`. The contestants take
turns, so that a busy machine slows all of them; the best time of each counts. Prints
times and ratios to the hand-written code; asserts nothing.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from itertools import pairwise

import numpy as np
from highlevel_numpy import backend

try:
    import autograd
    import autograd.numpy as anp
except ImportError:
    autograd = None


def layers(sizes: tuple[int, ...]) -> list[tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(0)
    return [
        (rng.normal(size=(n, m)).astype("float32") / np.sqrt(n), np.zeros(m, "float32"))
        for n, m in pairwise(sizes)
    ]


# ----------------------------------------------------------------- classification, 784-256-256-10


def cross_entropy(xp, params, x, onehot):
    for w, b in params[:-1]:
        x = xp.maximum(x @ w + b, 0.0)
    w, b = params[-1]
    logits = x @ w + b
    logits = logits - xp.max(logits, axis=1, keepdims=True)
    return -xp.mean(xp.sum(onehot * (logits - xp.log(xp.sum(xp.exp(logits), axis=1, keepdims=True))), axis=1))


def cross_entropy_by_hand(params, x, onehot):
    inputs, masks = [], []
    for w, b in params[:-1]:
        inputs.append(x)
        x = x @ w
        x += b
        masks.append(x > 0)
        x = np.maximum(x, 0.0, out=x)
    inputs.append(x)
    w, b = params[-1]
    logits = x @ w + b
    logits -= logits.max(axis=1, keepdims=True)
    p = np.exp(logits)
    total = p.sum(axis=1, keepdims=True)
    value = -np.mean(np.sum(onehot * (logits - np.log(total)), axis=1))
    g = (p / total - onehot) / np.float32(len(x))
    grads = []
    for i in range(len(params) - 1, -1, -1):
        grads.append((inputs[i].T @ g, g.sum(axis=0)))
        if i:
            g = (g @ params[i][0].T) * masks[i - 1]
    return value, grads[::-1]


# ------------------------------------------------------------------------ regression, 32-64-64-1


def squared_error(xp, params, x, y):
    for w, b in params[:-1]:
        x = xp.maximum(x @ w + b, 0.0)
    w, b = params[-1]
    return xp.mean(xp.square(x @ w + b - y))


def squared_error_by_hand(params, x, y):
    inputs, masks = [], []
    for w, b in params[:-1]:
        inputs.append(x)
        x = x @ w
        x += b
        masks.append(x > 0)
        x = np.maximum(x, 0.0, out=x)
    inputs.append(x)
    w, b = params[-1]
    error = x @ w + b - y
    value = np.mean(np.square(error))
    g = error * np.float32(2 / error.size)
    grads = []
    for i in range(len(params) - 1, -1, -1):
        grads.append((inputs[i].T @ g, g.sum(axis=0)))
        if i:
            g = (g @ params[i][0].T) * masks[i - 1]
    return value, grads[::-1]


# ------------------------------------------------------------------------------ recurrent network


def recurrent(xp, params, x, y):
    w, u, b, v = params
    h = xp.zeros((x.shape[1], u.shape[0]), "float32")
    for t in range(x.shape[0]):
        h = xp.tanh(x[t] @ w + h @ u + b)
    return xp.mean(xp.square(h @ v - y))


def recurrent_by_hand(params, x, y):
    w, u, b, v = params
    hs = [np.zeros((x.shape[1], u.shape[0]), "float32")]
    for t in range(x.shape[0]):
        hs.append(np.tanh(x[t] @ w + hs[-1] @ u + b))
    error = hs[-1] @ v - y
    value = np.mean(np.square(error))
    g = error * np.float32(2 / error.size)
    gv = hs[-1].T @ g
    gh = g @ v.T
    gw, gu, gb = np.zeros_like(w), np.zeros_like(u), np.zeros_like(b)
    for t in range(x.shape[0] - 1, -1, -1):
        gz = gh * (1 - hs[t + 1] * hs[t + 1])
        gw += x[t].T @ gz
        gu += hs[t].T @ gz
        gb += gz.sum(axis=0)
        gh = gz @ u.T
    return value, (gw, gu, gb, gv)


# ---------------------------------------------------------------------------------------- running


def race(contestants: dict[str, Callable], repeat: int, inner: int) -> dict[str, float]:
    """Best time of each in seconds, taking turns."""
    best = dict.fromkeys(contestants, float("inf"))
    for run in contestants.values():
        run()
    for _ in range(repeat):
        for name, run in contestants.items():
            start = time.perf_counter()
            for _ in range(inner):
                run()
            best[name] = min(best[name], (time.perf_counter() - start) / inner)
    return best


def case(function, by_hand, params, data, repeat, inner, title):
    grad = backend.value_and_grad(lambda p, *d: function(np, p, *d))
    contestants = {
        "by hand": lambda: by_hand(params, *data),
        "highlevel_numpy": lambda: grad(params, *data),
    }
    if autograd is not None:
        other = autograd.value_and_grad(lambda p, *d: function(anp, p, *d))
        contestants["autograd"] = lambda: other(params, *data)
    value, expected = contestants["by hand"]()
    got, gradient = contestants["highlevel_numpy"]()
    worst = max(
        float(np.abs(a - b).max())
        for a, b in zip(_flat(gradient), _flat(expected))
    )
    times = race(contestants, repeat, inner)
    print(f"{title}  (value {value:.5f} / {got:.5f}, largest difference {worst:.1e})")
    for name, seconds in times.items():
        print(f"  {name:16s} {seconds * 1e6:9.1f} us   {seconds / times['by hand']:.2f}x")


def _flat(tree):
    return [x for item in tree for x in (_flat(item) if isinstance(item, (tuple, list)) else [item])]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=30)
    repeat = parser.parse_args().repeat
    rng = np.random.default_rng(1)

    def normal(*shape):
        return rng.normal(size=shape).astype("float32")

    onehot = np.eye(10, dtype="float32")[rng.integers(0, 10, 128)]
    case(cross_entropy, cross_entropy_by_hand, layers((784, 256, 256, 10)),
         (normal(128, 784), onehot), repeat, 5, "MLP 784-256-256-10, batch 128")  # fmt: skip
    case(squared_error, squared_error_by_hand, layers((32, 64, 64, 1)),
         (normal(32, 32), normal(32, 1)), repeat, 50, "MLP 32-64-64-1, batch 32")  # fmt: skip
    params = (normal(16, 64) / 4, normal(64, 64) / 8, np.zeros(64, "float32"), normal(64, 1) / 8)
    case(recurrent, recurrent_by_hand, params, (normal(50, 32, 16), normal(32, 1)), repeat, 2,
         "recurrent network, 50 steps, 16-64, batch 32")  # fmt: skip


if __name__ == "__main__":
    main()
