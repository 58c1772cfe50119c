"""Flax NNX: modules, one `nnx.jit` training step bound by `nnx.cached_partial`, optax."""

from __future__ import annotations

import itertools
from typing import Any

import jax
import numpy as np
import optax
from flax import nnx
from workloads import WORKLOADS, batches, data

from peers.raw_jax import loss_function, max_pool

_INIT = nnx.initializers.glorot_uniform()


def _table(key: Any, shape: Any, dtype: Any = "float32") -> Any:
    return jax.random.uniform(key, shape, dtype, -0.05, 0.05)


def _linear(n: int, m: int, rngs: Any) -> Any:
    return nnx.Linear(n, m, kernel_init=_INIT, rngs=rngs)


def _conv(n: int, m: int, size: int, rngs: Any, **options: Any) -> Any:
    return nnx.Conv(n, m, (size, size), kernel_init=_INIT, rngs=rngs, **options)


class Stack(nnx.Module):
    def __init__(self, *units: int, rngs: Any) -> None:
        self.dense = nnx.List([_linear(n, m, rngs) for n, m in itertools.pairwise(units)])

    def __call__(self, x: Any) -> Any:
        for part in self.dense[:-1]:
            x = nnx.relu(part(x))
        return self.dense[-1](x)


class Cnn(nnx.Module):
    def __init__(self, rngs: Any) -> None:
        self.convs = nnx.List([
            _conv(1, 32, 3, rngs, padding="VALID"), _conv(32, 64, 3, rngs, padding="VALID")
        ])
        self.dropout = nnx.Dropout(0.5, rngs=rngs)
        self.head = Stack(1600, 128, 10, rngs=rngs)

    def __call__(self, x: Any) -> Any:
        for conv in self.convs:
            x = nnx.max_pool(nnx.relu(conv(x)), (2, 2), (2, 2))
        return self.head(self.dropout(x.reshape(x.shape[0], -1)))


class ConvNorm(nnx.Module):
    def __init__(self, n: int, m: int, size: int, stride: int, rngs: Any, groups: int = 1) -> None:
        self.conv = _conv(n, m, size, rngs, strides=stride, use_bias=False,
                          feature_group_count=groups)
        self.norm = nnx.BatchNorm(m, momentum=0.9, epsilon=1e-5, rngs=rngs)

    def __call__(self, x: Any) -> Any:
        return self.norm(self.conv(x))


class Block(nnx.Module):
    def __init__(self, n: int, m: int, stride: int, rngs: Any) -> None:
        self.first, self.second = ConvNorm(n, m, 3, stride, rngs), ConvNorm(m, m, 3, 1, rngs)
        self.shortcut = ConvNorm(n, m, 1, stride, rngs) if stride > 1 else lambda x: x

    def __call__(self, x: Any) -> Any:
        return nnx.relu(self.second(nnx.relu(self.first(x))) + self.shortcut(x))


class ResNet(nnx.Module):
    def __init__(self, rngs: Any) -> None:
        self.stem = ConvNorm(3, 16, 3, 1, rngs)
        self.blocks = nnx.List([
            Block(n, m, s, rngs) for n, m, s in ((16, 16, 1), (16, 32, 2), (32, 64, 2))
        ])
        self.head = _linear(64, 10, rngs)

    def __call__(self, x: Any) -> Any:
        x = nnx.relu(self.stem(x))
        for block in self.blocks:
            x = block(x)
        return self.head(x.mean((1, 2)))


class Separable(nnx.Module):
    def __init__(self, rngs: Any) -> None:
        parts, width = [ConvNorm(3, 32, 3, 2, rngs)], 32
        for filters, stride in ((64, 1), (128, 2), (128, 1)):
            parts += [ConvNorm(width, width, 3, stride, rngs, groups=width),
                      ConvNorm(width, filters, 1, 1, rngs)]
            width = filters
        self.parts = nnx.List(parts)
        self.head = _linear(128, 10, rngs)

    def __call__(self, x: Any) -> Any:
        for part in self.parts:
            x = nnx.relu(part(x))
        return self.head(x.mean((1, 2)))


class Lstm(nnx.Module):
    def __init__(self, rngs: Any) -> None:
        self.table = nnx.Embed(1000, 64, embedding_init=_table, rngs=rngs)
        self.rnn = nnx.RNN(nnx.OptimizedLSTMCell(64, 64, kernel_init=_INIT, rngs=rngs))
        self.head = _linear(64, 2, rngs)

    def __call__(self, tokens: Any) -> Any:
        return self.head(self.rnn(self.table(tokens))[:, -1])


class TransformerBlock(nnx.Module):
    def __init__(self, rngs: Any) -> None:
        self.norms = nnx.List([nnx.LayerNorm(64, rngs=rngs), nnx.LayerNorm(64, rngs=rngs)])
        self.attention = nnx.MultiHeadAttention(
            4, 64, kernel_init=_INIT, decode=False, rngs=rngs
        )
        self.up, self.down = _linear(64, 256, rngs), _linear(256, 64, rngs)

    def __call__(self, x: Any, mask: Any) -> Any:
        x = x + self.attention(self.norms[0](x), mask=mask)
        return x + self.down(nnx.gelu(self.up(self.norms[1](x)), approximate=False))


class Transformer(nnx.Module):
    def __init__(self, rngs: Any) -> None:
        self.tokens = nnx.Embed(256, 64, embedding_init=_table, rngs=rngs)
        self.positions = nnx.Param(_table(rngs.params(), (64, 64)))
        self.blocks = nnx.List([TransformerBlock(rngs), TransformerBlock(rngs)])
        self.norm, self.head = nnx.LayerNorm(64, rngs=rngs), _linear(64, 256, rngs)

    def __call__(self, tokens: Any) -> Any:
        x = self.tokens(tokens) + self.positions[...]
        mask = nnx.make_causal_mask(tokens)
        for block in self.blocks:
            x = block(x, mask)
        return self.head(self.norm(x))


class Twice(nnx.Module):
    def __init__(self, n: int, m: int, rngs: Any) -> None:
        self.first, self.second = _conv(n, m, 3, rngs), _conv(m, m, 3, rngs)

    def __call__(self, x: Any) -> Any:
        return nnx.relu(self.second(nnx.relu(self.first(x))))


class UNet(nnx.Module):
    def __init__(self, rngs: Any) -> None:
        self.down = nnx.List([Twice(1, 16, rngs), Twice(16, 32, rngs)])
        self.middle = Twice(32, 64, rngs)
        self.wider = nnx.List([
            nnx.ConvTranspose(n, m, (2, 2), (2, 2), padding="VALID", kernel_init=_INIT, rngs=rngs)
            for n, m in ((64, 32), (32, 16))
        ])
        self.up = nnx.List([Twice(64, 32, rngs), Twice(32, 16, rngs)])
        self.head = _conv(16, 1, 1, rngs)

    def __call__(self, x: Any) -> Any:
        kept = []
        for part in self.down:
            x = part(x)
            kept.append(x)
            x = max_pool(x)
        x = self.middle(x)
        for wider, part in zip(self.wider, self.up):
            x = part(jax.numpy.concatenate([kept.pop(), wider(x)], axis=-1))
        return self.head(x)


class Towers(nnx.Module):
    def __init__(self, rngs: Any) -> None:
        self.tables = nnx.List([
            nnx.Embed(rows, 32, embedding_init=_table, rngs=rngs) for rows in (50_000, 20_000)
        ])
        self.sides = nnx.List([Stack(32, 64, 32, rngs=rngs), Stack(32, 64, 32, rngs=rngs)])

    def __call__(self, users: Any, items: Any) -> Any:
        a, b = (side(table(x)) for side, table, x in zip(self.sides, self.tables, (users, items)))
        return (a * b).sum(-1, keepdims=True)


MODELS: dict[str, Any] = {
    "tabular": lambda rngs: Stack(32, 64, 64, 1, rngs=rngs),
    "mlp": lambda rngs: Stack(784, 256, 256, 10, rngs=rngs),
    "cnn": Cnn,
    "resnet": ResNet,
    "lstm": Lstm,
    "transformer": Transformer,
    "separable": Separable,
    "unet": UNet,
    "towers": Towers,
}


def flax_nnx(name: str) -> dict:
    loss_of = loss_function(WORKLOADS[name].loss)
    x, y = data(name)
    model = MODELS[name](rngs=nnx.Rngs(0))
    optimizer = nnx.Optimizer(model, optax.adam(1e-3), wrt=nnx.Param)

    @nnx.jit(donate_argnums=(0, 1))
    def step(model: Any, optimizer: Any, x: list, y: Any) -> Any:
        loss, grads = nnx.value_and_grad(lambda model: loss_of(model(*x), y))(model)
        optimizer.update(model, grads)
        return loss

    @nnx.jit
    def predict(model: Any, x: list) -> Any:
        return model(*x)

    model.train()
    train = nnx.cached_partial(step, model, optimizer)
    seen = nnx.view(model, deterministic=True, use_running_average=True,
                    raise_if_not_found=False)
    run = nnx.cached_partial(predict, seen)
    rng = np.random.default_rng(1)

    def epoch() -> float:
        losses = [train([part[rows] for part in x], y[rows]) for rows in batches(name, rng)]
        return float(np.mean(jax.device_get(losses)))

    one = [part[:1] for part in x]
    return {
        "epoch": epoch,
        "call": lambda: np.asarray(run(one)),
        "parameters": lambda: sum(
            leaf.size for leaf in jax.tree.leaves(nnx.state(model, nnx.Param))
        ),
    }
