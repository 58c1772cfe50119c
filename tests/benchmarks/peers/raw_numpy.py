"""Hand-written NumPy, and the same network with HIPS autograd's gradients.

Both train with the same Adam, in place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from workloads import WORKLOADS, batches, data

WIDTHS = {"tabular": (32, 64, 64, 1), "mlp": (784, 256, 256, 10)}


def _glorot(name: str) -> list[np.ndarray]:
    if name not in WIDTHS:
        raise NotImplementedError(f"only {', '.join(WIDTHS)} are written out")
    rng = np.random.default_rng(2)
    params = []
    for n, m in zip(WIDTHS[name], WIDTHS[name][1:]):
        limit = (6 / (n + m)) ** 0.5
        params += [rng.uniform(-limit, limit, (n, m)).astype("float32"), np.zeros(m, "float32")]
    return params


class Adam:
    """In place, with two work arrays per parameter."""

    def __init__(self, params: list[np.ndarray]) -> None:
        self.params, self.count = params, 0
        self.m, self.v, self.work = ([np.zeros_like(p) for p in params] for _ in range(3))

    def update(self, grads: list[np.ndarray]) -> None:
        self.count += 1
        rate = 1e-3 * (1 - 0.999**self.count) ** 0.5 / (1 - 0.9**self.count)
        for p, g, m, v, work in zip(self.params, grads, self.m, self.v, self.work):
            m *= 0.9
            np.multiply(g, 0.1, out=work)
            m += work
            v *= 0.999
            np.multiply(g, g, out=work)
            work *= 0.001
            v += work
            np.sqrt(v, out=work)
            work += 1e-8
            np.divide(m, work, out=work)
            work *= rate
            p -= work


def _loss_and_gradient(name: str, out: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
    if WORKLOADS[name].loss == "mse":
        error = out - y
        return float(np.mean(error * error)), error * np.float32(2 / error.size)
    shifted = out - out.max(axis=1, keepdims=True)
    exponential = np.exp(shifted)
    total = exponential.sum(axis=1, keepdims=True)
    rows = np.arange(len(y))
    loss = float(np.mean(np.log(total[:, 0]) - shifted[rows, y]))
    gradient = exponential / total
    gradient[rows, y] -= 1
    gradient *= np.float32(1 / len(y))
    return loss, gradient


def _forward(params: list[np.ndarray], x: Any) -> list[Any]:
    """The input and the output of every layer."""
    kept = [x]
    for w, b in zip(params[:-2:2], params[1:-2:2]):
        x = x @ w
        x += b
        np.maximum(x, 0, out=x)
        kept.append(x)
    kept.append(x @ params[-2] + params[-1])
    return kept


def raw_numpy(name: str) -> dict:
    params = _glorot(name)

    def step(x: np.ndarray, y: np.ndarray) -> tuple[float, list[np.ndarray]]:
        *kept, out = _forward(params, x)
        loss, g = _loss_and_gradient(name, out, y)
        grads: list[Any] = [None] * len(params)
        for i in range(len(kept) - 1, -1, -1):
            grads[2 * i], grads[2 * i + 1] = kept[i].T @ g, g.sum(axis=0)
            if i:
                g = g @ params[2 * i].T
                g *= kept[i] > 0
        return loss, grads

    return _activities(name, params, step, lambda x: _forward(params, x)[-1])


def hips_autograd(name: str) -> dict:
    import autograd.numpy as anp
    from autograd import value_and_grad
    from autograd.scipy.special import logsumexp

    params = _glorot(name)

    def forward(params: list, x: Any) -> Any:
        for w, b in zip(params[:-2:2], params[1:-2:2]):
            x = anp.maximum(anp.dot(x, w) + b, 0)
        return anp.dot(x, params[-2]) + params[-1]

    def objective(params: list, x: Any, y: Any) -> Any:
        out = forward(params, x)
        if WORKLOADS[name].loss == "mse":
            return anp.mean((out - y) ** 2)
        return anp.mean(logsumexp(out, axis=1) - out[np.arange(len(y)), y])

    return _activities(name, params, value_and_grad(objective), lambda x: forward(params, x),
                       hands_params=True)


def _activities(
    name: str, params: list[np.ndarray], step: Callable, predict: Callable,
    hands_params: bool = False,
) -> dict:
    (x,), y = data(name)
    optimizer, rng = Adam(params), np.random.default_rng(1)

    def epoch() -> float:
        losses = []
        for rows in batches(name, rng):
            batch = (x[rows], y[rows])
            loss, grads = step(params, *batch) if hands_params else step(*batch)
            optimizer.update(grads)
            losses.append(loss)
        return float(np.mean(losses))

    return {
        "epoch": epoch,
        "call": lambda: predict(x[:1]),
        "parameters": lambda: sum(p.size for p in params),
    }
