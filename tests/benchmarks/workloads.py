"""The work that every peer does: its size, its data, and what it learns from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Data = tuple[list[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Workload:
    """One kind of model and the data it is trained on.

    Args:
        about: one line for the table.
        inputs: each input's shape without the batch axis.
        batch: samples per step.
        steps: steps per epoch.
        make: `(rows, generator) -> (inputs, targets)`.
        loss: `"mse"`, `"classes"` (integers, from logits) or `"binary"` (from logits).
        dtype: of the inputs.
    """

    about: str
    inputs: tuple[tuple[int, ...], ...]
    batch: int
    steps: int
    make: Callable[[int, np.random.Generator], Data]
    loss: str
    dtype: str = "float32"


def _table(rows: int, rng: np.random.Generator) -> Data:
    x = rng.normal(size=(rows, 32)).astype("float32")
    return [x], np.tanh(x[:, :1] * x[:, 1:2]).astype("float32")


def _centres(shape: tuple[int, ...], noise: float = 1.0) -> Callable[..., Data]:
    """Noise around a centre per class, so that losses fall."""

    def make(rows: int, rng: np.random.Generator) -> Data:
        y = rng.integers(0, 10, rows).astype("int32")
        centres = rng.normal(size=(10, *shape)).astype("float32")
        x = centres[y] + noise * rng.normal(size=(rows, *shape))
        return [x.astype("float32")], y

    return make


def _sentences(rows: int, rng: np.random.Generator) -> Data:
    """Tokens below 1,000; the two classes prefer other tokens."""
    y = rng.integers(0, 2, rows).astype("int32")
    shift = np.where(rng.random((rows, 64)) < 0.3, y[:, None] * 500, 0)
    return [(rng.integers(0, 500, (rows, 64)) + shift).astype("int32")], y


def _text(rows: int, rng: np.random.Generator) -> Data:
    """Progressions modulo 256; the target is the next token."""
    start, step = rng.integers(0, 256, (rows, 1)), rng.integers(1, 9, (rows, 1))
    tokens = ((start + step * np.arange(65)) % 256).astype("int32")
    return [np.ascontiguousarray(tokens[:, :-1])], np.ascontiguousarray(tokens[:, 1:])


def _masks(rows: int, rng: np.random.Generator) -> Data:
    """Noisy images and where the image beneath is positive."""
    coarse = rng.normal(size=(rows, 8, 8, 1)).repeat(8, axis=1).repeat(8, axis=2)
    x = coarse + 0.5 * rng.normal(size=coarse.shape)
    return [x.astype("float32")], (coarse > 0).astype("float32")


def _pairs(rows: int, rng: np.random.Generator) -> Data:
    """Users and items; a pair matches where both indices are of one parity."""
    users = rng.integers(0, 50_000, rows).astype("int32")
    items = rng.integers(0, 20_000, rows).astype("int32")
    y = ((users + items) % 2).astype("float32")
    return [users, items], y[:, None]


WORKLOADS = {
    "tabular": Workload("MLP 32-64-64-1", ((32,),), 32, 64, _table, "mse"),
    "mlp": Workload("MLP 784-256-256-10", ((784,),), 128, 24, _centres((784,), 8.0), "classes"),
    "cnn": Workload(
        "LeNet-size CNN with dropout", ((28, 28, 1),), 64, 12, _centres((28, 28, 1)), "classes"
    ),
    "resnet": Workload(
        "ResNet-8, BatchNormalization", ((32, 32, 3),), 32, 8, _centres((32, 32, 3)), "classes"
    ),
    "lstm": Workload("Embedding, LSTM(64), 64 steps", ((64,),), 32, 16, _sentences, "classes",
                     "int32"),
    "transformer": Workload(
        "causal Transformer, d 64, 2 blocks, 64 tokens", ((64,),), 32, 12, _text, "classes",
        "int32",
    ),
    "separable": Workload(
        "depthwise-separable CNN", ((32, 32, 3),), 32, 8, _centres((32, 32, 3)), "classes"
    ),
    "unet": Workload("U-Net, 64×64", ((64, 64, 1),), 8, 8, _masks, "binary"),
    "towers": Workload(
        "two towers, tables 50,000×32 and 20,000×32", ((), ()), 256, 16, _pairs, "binary", "int32"
    ),
}


def data(name: str) -> Data:
    """The inputs and targets of a workload, from a fixed seed."""
    work = WORKLOADS[name]
    return work.make(work.batch * work.steps, np.random.default_rng(0))


def batches(name: str, rng: np.random.Generator) -> Any:
    """Index arrays of one shuffled epoch."""
    work = WORKLOADS[name]
    order = rng.permutation(work.batch * work.steps)
    return order.reshape(work.steps, work.batch)
