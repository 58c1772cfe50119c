"""Equinox: models of one sample, mapped over the batch; `eqx.filter_jit` with donation, optax."""

from __future__ import annotations

import itertools
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from equinox import nn
from workloads import WORKLOADS, batches, data

from peers.raw_jax import loss_function


class _Keys:
    def __init__(self) -> None:
        self._key = jax.random.key(0)

    def __call__(self) -> Any:
        self._key, use = jax.random.split(self._key)
        return use


def _as_keras(model: Any, keys: _Keys) -> Any:
    """Weights as Keras's defaults draw them, so that losses start alike."""
    init = jax.nn.initializers.glorot_uniform(in_axis=1, out_axis=0)

    def drawn(module: Any) -> Any:
        if isinstance(module, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
            module = eqx.tree_at(
                lambda m: m.weight, module, init(keys(), module.weight.shape))
            if module.bias is not None:
                module = eqx.tree_at(lambda m: m.bias, module, jnp.zeros_like(module.bias))
        elif isinstance(module, nn.Embedding):
            module = eqx.tree_at(
                lambda m: m.weight, module,
                jax.random.uniform(keys(), module.weight.shape, minval=-0.05, maxval=0.05))
        return module

    kinds = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d, nn.Embedding)
    return jax.tree.map(drawn, model, is_leaf=lambda m: isinstance(m, kinds))


class Stack(eqx.Module):
    dense: list

    def __init__(self, keys: _Keys, *units: int) -> None:
        self.dense = [nn.Linear(n, m, key=keys()) for n, m in itertools.pairwise(units)]

    def __call__(self, x: Any) -> Any:
        for part in self.dense[:-1]:
            x = jax.nn.relu(part(x))
        return self.dense[-1](x)


class Plain(eqx.Module):
    """A model without state or chance, with the signature of the others."""

    body: Any

    def __call__(self, state: Any, key: Any, *x: Any) -> tuple:
        return self.body(*x), state


class Cnn(eqx.Module):
    convs: list
    pool: Any
    dropout: Any
    head: Any

    def __init__(self, keys: _Keys) -> None:
        self.convs = [nn.Conv2d(1, 32, 3, key=keys()), nn.Conv2d(32, 64, 3, key=keys())]
        self.pool = nn.MaxPool2d(2, 2)
        self.dropout = nn.Dropout(0.5)
        self.head = Stack(keys, 1600, 128, 10)

    def __call__(self, state: Any, key: Any, x: Any) -> tuple:
        for conv in self.convs:
            x = self.pool(jax.nn.relu(conv(x)))
        return self.head(self.dropout(x.reshape(-1), key=key, inference=key is None)), state


class ConvNorm(eqx.Module):
    conv: Any
    norm: Any

    def __init__(self, keys: _Keys, n: int, m: int, size: int, stride: int, groups: int = 1):
        self.conv = nn.Conv2d(n, m, size, stride, size // 2, groups=groups, use_bias=False,
                              key=keys())
        self.norm = nn.BatchNorm(m, "batch", momentum=0.9, eps=1e-5, mode="batch")

    def __call__(self, x: Any, state: Any) -> tuple:
        return self.norm(self.conv(x), state)


class Block(eqx.Module):
    first: Any
    second: Any
    shortcut: Any

    def __init__(self, keys: _Keys, n: int, m: int, stride: int) -> None:
        self.first, self.second = ConvNorm(keys, n, m, 3, stride), ConvNorm(keys, m, m, 3, 1)
        self.shortcut = ConvNorm(keys, n, m, 1, stride) if stride > 1 else None

    def __call__(self, x: Any, state: Any) -> tuple:
        y, state = self.first(x, state)
        y, state = self.second(jax.nn.relu(y), state)
        if self.shortcut is not None:
            x, state = self.shortcut(x, state)
        return jax.nn.relu(y + x), state


class Chain(eqx.Module):
    """Parts with state in turn, the mean over the image, a dense head."""

    parts: list
    rectified: bool
    head: Any

    def __call__(self, state: Any, key: Any, x: Any) -> tuple:
        for i, part in enumerate(self.parts):
            x, state = part(x, state)
            if self.rectified or i == 0:
                x = jax.nn.relu(x)
        return self.head(x.mean((1, 2))), state


def _resnet(keys: _Keys) -> Any:
    blocks = [Block(keys, n, m, s) for n, m, s in ((16, 16, 1), (16, 32, 2), (32, 64, 2))]
    return Chain([ConvNorm(keys, 3, 16, 3, 1), *blocks], False, nn.Linear(64, 10, key=keys()))


def _separable(keys: _Keys) -> Any:
    parts, width = [ConvNorm(keys, 3, 32, 3, 2)], 32
    for filters, stride in ((64, 1), (128, 2), (128, 1)):
        parts += [ConvNorm(keys, width, width, 3, stride, width),
                  ConvNorm(keys, width, filters, 1, 1)]
        width = filters
    return Chain(parts, True, nn.Linear(128, 10, key=keys()))


class Lstm(eqx.Module):
    table: Any
    cell: Any
    head: Any

    def __init__(self, keys: _Keys) -> None:
        self.table, self.cell = nn.Embedding(1000, 64, key=keys()), nn.LSTMCell(64, 64, key=keys())
        self.head = nn.Linear(64, 2, key=keys())

    def __call__(self, tokens: Any) -> Any:
        def step(carry: tuple, x: Any) -> tuple:
            return self.cell(x, carry), None

        zeros = jnp.zeros(64)
        (h, _), _ = jax.lax.scan(step, (zeros, zeros), jax.vmap(self.table)(tokens))
        return self.head(h)


class TransformerBlock(eqx.Module):
    norms: list
    attention: Any
    up: Any
    down: Any

    def __init__(self, keys: _Keys) -> None:
        self.norms = [nn.LayerNorm(64), nn.LayerNorm(64)]
        self.attention = nn.MultiheadAttention(
            4, 64, use_query_bias=True, use_key_bias=True, use_value_bias=True,
            use_output_bias=True, key=keys())
        self.up, self.down = nn.Linear(64, 256, key=keys()), nn.Linear(256, 64, key=keys())

    def __call__(self, x: Any) -> Any:
        y = jax.vmap(self.norms[0])(x)
        x = x + self.attention(y, y, y, jnp.tril(jnp.ones((64, 64), bool)))
        y = jax.vmap(self.up)(jax.vmap(self.norms[1])(x))
        return x + jax.vmap(self.down)(jax.nn.gelu(y, approximate=False))


class Transformer(eqx.Module):
    tokens: Any
    positions: Any
    blocks: list
    norm: Any
    head: Any

    def __init__(self, keys: _Keys) -> None:
        self.tokens = nn.Embedding(256, 64, key=keys())
        self.positions = jax.random.uniform(keys(), (64, 64), minval=-0.05, maxval=0.05)
        self.blocks = [TransformerBlock(keys), TransformerBlock(keys)]
        self.norm, self.head = nn.LayerNorm(64), nn.Linear(64, 256, key=keys())

    def __call__(self, tokens: Any) -> Any:
        x = jax.vmap(self.tokens)(tokens) + self.positions
        for block in self.blocks:
            x = block(x)
        return jax.vmap(self.head)(jax.vmap(self.norm)(x))


class UNet(eqx.Module):
    down: list
    middle: Any
    wider: list
    up: list
    pool: Any
    head: Any

    def __init__(self, keys: _Keys) -> None:
        def twice(n: int, m: int) -> list:
            return [nn.Conv2d(n, m, 3, padding=1, key=keys()),
                    nn.Conv2d(m, m, 3, padding=1, key=keys())]

        self.down, self.middle = [twice(1, 16), twice(16, 32)], twice(32, 64)
        self.wider = [nn.ConvTranspose2d(n, m, 2, 2, key=keys()) for n, m in ((64, 32), (32, 16))]
        self.up = [twice(64, 32), twice(32, 16)]
        self.pool, self.head = nn.MaxPool2d(2, 2), nn.Conv2d(16, 1, 1, key=keys())

    def __call__(self, x: Any) -> Any:
        def through(convs: list, x: Any) -> Any:
            for conv in convs:
                x = jax.nn.relu(conv(x))
            return x

        kept = []
        for convs in self.down:
            x = through(convs, x)
            kept.append(x)
            x = self.pool(x)
        x = through(self.middle, x)
        for wider, convs in zip(self.wider, self.up):
            x = through(convs, jnp.concatenate([kept.pop(), wider(x)]))
        return self.head(x)


class Towers(eqx.Module):
    tables: list
    sides: list

    def __init__(self, keys: _Keys) -> None:
        self.tables = [nn.Embedding(rows, 32, key=keys()) for rows in (50_000, 20_000)]
        self.sides = [Stack(keys, 32, 64, 32), Stack(keys, 32, 64, 32)]

    def __call__(self, users: Any, items: Any) -> Any:
        a, b = (side(table(x)) for side, table, x in zip(self.sides, self.tables, (users, items)))
        return (a * b).sum(keepdims=True)


MODELS: dict[str, Any] = {
    "tabular": lambda keys: Plain(Stack(keys, 32, 64, 64, 1)),
    "mlp": lambda keys: Plain(Stack(keys, 784, 256, 256, 10)),
    "cnn": Cnn,
    "resnet": _resnet,
    "lstm": lambda keys: Plain(Lstm(keys)),
    "transformer": lambda keys: Plain(Transformer(keys)),
    "separable": _separable,
    "unet": lambda keys: Plain(UNet(keys)),
    "towers": lambda keys: Plain(Towers(keys)),
}


def equinox(name: str) -> dict:
    loss_of = loss_function(WORKLOADS[name].loss)
    x, y = data(name)
    x = [np.ascontiguousarray(p.transpose(0, 3, 1, 2)) if p.ndim == 4 else p for p in x]
    y = y.transpose(0, 3, 1, 2) if y.ndim == 4 else y
    keys = _Keys()
    model, state = eqx.nn.make_with_state(MODELS[name])(keys)
    model = _as_keras(model, keys)
    optimizer = optax.adam(1e-3)
    slots = optimizer.init(eqx.filter(model, eqx.is_inexact_array))

    def outputs(model: Any, state: Any, key: Any, x: list) -> tuple:
        many = None if key is None else jax.random.split(key, len(x[0]))
        return jax.vmap(
            model, in_axes=(None, None if key is None else 0, *[0] * len(x)),
            out_axes=(0, None), axis_name="batch",
        )(state, many, *x)

    @eqx.filter_jit(donate="all")
    def step(now: tuple, x: list, y: Any) -> tuple:
        model, slots, state, key = now
        key, use = jax.random.split(key)

        def objective(model: Any) -> tuple:
            out, after = outputs(model, state, use, x)
            return loss_of(out, y), after

        (loss, state), grads = eqx.filter_value_and_grad(objective, has_aux=True)(model)
        updates, slots = optimizer.update(grads, slots)
        return (eqx.apply_updates(model, updates), slots, state, key), loss

    @eqx.filter_jit
    def predict(model: Any, state: Any, x: list) -> Any:
        return outputs(eqx.nn.inference_mode(model), state, None, x)[0]

    now = [(model, slots, state, jax.random.key(1))]
    rng = np.random.default_rng(1)

    def epoch() -> float:
        losses = []
        for rows in batches(name, rng):
            now[0], loss = step(now[0], [part[rows] for part in x], y[rows])
            losses.append(loss)
        return float(np.mean(jax.device_get(losses)))

    one = [part[:1] for part in x]
    return {
        "epoch": epoch,
        "call": lambda: np.asarray(predict(now[0][0], now[0][2], one)),
        "parameters": lambda: sum(
            leaf.size for leaf in jax.tree.leaves(eqx.filter(now[0][0], eqx.is_inexact_array))
        ),
    }
