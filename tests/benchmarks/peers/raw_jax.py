"""Hand-written JAX: one jitted, donated step per batch, stock lowerings, optax.

A model is `init(weights) -> params` and `forward(params, state, inputs, key) -> (out, state)`;
`key` is None outside of training, `state` holds moving averages.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from workloads import WORKLOADS, batches, data

Array = Any


class Weights:
    """Draws the weights that Keras's defaults draw."""

    def __init__(self) -> None:
        self._keys: Iterator = iter(jax.random.split(jax.random.key(0), 64))

    def _glorot(self, shape: tuple, fan_in: int, fan_out: int) -> Array:
        limit = (6 / (fan_in + fan_out)) ** 0.5
        return jax.random.uniform(next(self._keys), shape, minval=-limit, maxval=limit)

    def dense(self, n_in: int, n_out: int) -> dict:
        return {"w": self._glorot((n_in, n_out), n_in, n_out), "b": jnp.zeros(n_out)}

    def conv(self, size: int, n_in: int, n_out: int, bias: bool = True) -> dict:
        w = self._glorot((size, size, n_in, n_out), size * size * n_in, size * size * n_out)
        return {"w": w, "b": jnp.zeros(n_out)} if bias else {"w": w}

    def table(self, rows: int, width: int) -> Array:
        return jax.random.uniform(next(self._keys), (rows, width), minval=-0.05, maxval=0.05)

    def orthogonal(self, n: int, m: int) -> Array:
        return jax.nn.initializers.orthogonal()(next(self._keys), (n, m))

    @staticmethod
    def norm(n: int) -> dict:
        return {"scale": jnp.ones(n), "offset": jnp.zeros(n)}


def dense(p: dict, x: Array) -> Array:
    return x @ p["w"] + p["b"]


def conv(p: dict, x: Array, stride: int = 1, padding: str = "SAME", groups: int = 1) -> Array:
    x = jax.lax.conv_general_dilated(
        x, p["w"], (stride, stride), padding, dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=groups,
    )
    return x + p["b"] if "b" in p else x


def max_pool(x: Array) -> Array:
    return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")


def batch_norm(p: dict, moving: dict, x: Array, training: bool) -> tuple[Array, dict]:
    mean, var = moving["mean"], moving["var"]
    if training:
        mean, var = x.mean((0, 1, 2)), x.var((0, 1, 2))
        moving = {
            "mean": 0.9 * moving["mean"] + 0.1 * mean,
            "var": 0.9 * moving["var"] + 0.1 * var,
        }
    return (x - mean) * (jax.lax.rsqrt(var + 1e-5) * p["scale"]) + p["offset"], moving


def layer_norm(p: dict, x: Array) -> Array:
    mean, var = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return (x - mean) * jax.lax.rsqrt(var + 1e-6) * p["scale"] + p["offset"]


class Stack:
    """An MLP."""

    def __init__(self, *units: int) -> None:
        self.units = units

    def init(self, w: Weights) -> Any:
        return [w.dense(n, m) for n, m in zip(self.units, self.units[1:])]

    def forward(self, params: Any, state: Any, x: Array, key: Array | None) -> tuple:
        for p in params[:-1]:
            x = jax.nn.relu(dense(p, x))
        return dense(params[-1], x), state


class Cnn:
    def init(self, w: Weights) -> Any:
        return [w.conv(3, 1, 32), w.conv(3, 32, 64), w.dense(1600, 128), w.dense(128, 10)]

    def forward(self, params: Any, state: Any, x: Array, key: Array | None) -> tuple:
        for p in params[:2]:
            x = max_pool(jax.nn.relu(conv(p, x, padding="VALID")))
        x = x.reshape(x.shape[0], -1)
        if key is not None:
            x = jnp.where(jax.random.bernoulli(key, 0.5, x.shape), x / 0.5, 0.0)
        return dense(params[3], jax.nn.relu(dense(params[2], x))), state


class WithMoving:
    """A model with batch normalization: `norms` are the widths, in order of use."""

    norms: tuple[int, ...]

    def state(self) -> Any:
        return [{"mean": jnp.zeros(n), "var": jnp.ones(n)} for n in self.norms]

    def forward(self, params: Any, state: Any, x: Array, key: Array | None) -> tuple:
        after, norms = [], iter(zip(params["norms"], state))

        def norm(x: Array) -> Array:
            p, moving = next(norms)
            x, moving = batch_norm(p, moving, x, key is not None)
            after.append(moving)
            return x

        return self.body(params, x, norm), after

    def body(self, params: Any, x: Array, norm: Any) -> Array:
        raise NotImplementedError


class ResNet(WithMoving):
    norms = (16, 16, 16, 32, 32, 32, 64, 64, 64)

    def init(self, w: Weights) -> Any:
        blocks, width = [], 16
        for filters, stride in ((16, 1), (32, 2), (64, 2)):
            block = [w.conv(3, width, filters, False), w.conv(3, filters, filters, False)]
            if stride > 1:
                block.append(w.conv(1, width, filters, False))
            blocks.append(block)
            width = filters
        return {"stem": w.conv(3, 3, 16, False), "blocks": blocks, "head": w.dense(64, 10),
                "norms": [w.norm(n) for n in self.norms]}

    def body(self, params: Any, x: Array, norm: Any) -> Array:
        x = jax.nn.relu(norm(conv(params["stem"], x)))
        for p in params["blocks"]:
            stride = len(p) - 1
            y = jax.nn.relu(norm(conv(p[0], x, stride)))
            y = norm(conv(p[1], y))
            x = jax.nn.relu(y + (norm(conv(p[2], x, 2)) if stride > 1 else x))
        return dense(params["head"], x.mean((1, 2)))


class Separable(WithMoving):
    norms = (32, 32, 64, 64, 128, 128, 128)

    def init(self, w: Weights) -> Any:
        blocks, width = [], 32
        for filters in (64, 128, 128):
            depthwise = {"w": w._glorot((3, 3, 1, width), 9 * width, 9)}
            blocks.append([depthwise, w.conv(1, width, filters, False)])
            width = filters
        return {"stem": w.conv(3, 3, 32, False), "blocks": blocks, "head": w.dense(128, 10),
                "norms": [w.norm(n) for n in self.norms]}

    def body(self, params: Any, x: Array, norm: Any) -> Array:
        x = jax.nn.relu(norm(conv(params["stem"], x, 2)))
        for (depthwise, pointwise), stride in zip(params["blocks"], (1, 2, 1)):
            x = jax.nn.relu(norm(conv(depthwise, x, stride, groups=x.shape[-1])))
            x = jax.nn.relu(norm(conv(pointwise, x)))
        return dense(params["head"], x.mean((1, 2)))


class Lstm:
    def init(self, w: Weights) -> Any:
        p = w.dense(64, 256)
        p["b"] = p["b"].at[64:128].set(1.0)
        return {"table": w.table(1000, 64), "in": p, "recurrent": w.orthogonal(64, 256),
                "head": w.dense(64, 2)}

    def forward(self, params: Any, state: Any, tokens: Array, key: Array | None) -> tuple:
        projected = dense(params["in"], params["table"][tokens]).swapaxes(0, 1)

        def step(carry: tuple, z: Array) -> tuple:
            h, c = carry
            i, f, g, o = jnp.split(z + h @ params["recurrent"], 4, axis=-1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            return (jax.nn.sigmoid(o) * jnp.tanh(c), c), None

        zeros = jnp.zeros((tokens.shape[0], 64))
        (h, _), _ = jax.lax.scan(step, (zeros, zeros), projected)
        return dense(params["head"], h), state


class Transformer:
    def init(self, w: Weights) -> Any:
        blocks = [
            {"norms": [w.norm(64), w.norm(64)], "q": w.dense(64, 64), "k": w.dense(64, 64),
             "v": w.dense(64, 64), "o": w.dense(64, 64), "up": w.dense(64, 256),
             "down": w.dense(256, 64)}
            for _ in range(2)
        ]
        return {"tokens": w.table(256, 64), "positions": w.table(64, 64), "blocks": blocks,
                "norm": w.norm(64), "head": w.dense(64, 256)}

    def forward(self, params: Any, state: Any, tokens: Array, key: Array | None) -> tuple:
        x = params["tokens"][tokens] + params["positions"]
        for p in params["blocks"]:
            y = layer_norm(p["norms"][0], x)
            q, k, v = (dense(p[n], y).reshape(*y.shape[:2], 4, 16) for n in "qkv")
            y = jax.nn.dot_product_attention(q, k, v, is_causal=True)
            x = x + dense(p["o"], y.reshape(x.shape))
            y = dense(p["up"], layer_norm(p["norms"][1], x))
            x = x + dense(p["down"], jax.nn.gelu(y, approximate=False))
        return dense(params["head"], layer_norm(params["norm"], x)), state


class UNet:
    _convs = ((1, 16), (16, 16), (16, 32), (32, 32), (32, 64), (64, 64), (64, 32), (32, 32),
              (32, 16), (16, 16))

    def init(self, w: Weights) -> Any:
        # (2, 2, in, out) as `conv_transpose` takes it
        up = [w.conv(2, n, m) for n, m in ((64, 32), (32, 16))]
        return {"convs": [w.conv(3, n, m) for n, m in self._convs], "up": up,
                "head": w.conv(1, 16, 1)}

    def forward(self, params: Any, state: Any, x: Array, key: Array | None) -> tuple:
        convs, kept = iter(params["convs"]), []

        def twice(x: Array) -> Array:
            for _ in range(2):
                x = jax.nn.relu(conv(next(convs), x))
            return x

        for _ in range(2):
            x = twice(x)
            kept.append(x)
            x = max_pool(x)
        x = twice(x)
        for p in params["up"]:
            x = jax.lax.conv_transpose(
                x, p["w"], (2, 2), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC"))
            x = twice(jnp.concatenate([kept.pop(), x + p["b"]], axis=-1))
        return conv(params["head"], x), state


class Towers:
    def init(self, w: Weights) -> Any:
        return [
            {"table": w.table(rows, 32), "hidden": w.dense(32, 64), "out": w.dense(64, 32)}
            for rows in (50_000, 20_000)
        ]

    def forward(self, params: Any, state: Any, users: Array, items: Array, key: Any) -> tuple:
        sides = [
            dense(p["out"], jax.nn.relu(dense(p["hidden"], p["table"][x])))
            for p, x in zip(params, (users, items))
        ]
        return (sides[0] * sides[1]).sum(-1, keepdims=True), state


MODELS: dict[str, Any] = {
    "tabular": Stack(32, 64, 64, 1),
    "mlp": Stack(784, 256, 256, 10),
    "cnn": Cnn(),
    "resnet": ResNet(),
    "lstm": Lstm(),
    "transformer": Transformer(),
    "separable": Separable(),
    "unet": UNet(),
    "towers": Towers(),
}


def loss_function(kind: str) -> Any:
    """`(out, y) -> mean loss`, for this file and the peers built on JAX."""
    if kind == "mse":
        return lambda out, y: jnp.mean((out - y) ** 2)
    if kind == "binary":
        return lambda out, y: optax.sigmoid_binary_cross_entropy(out, y).mean()
    return lambda out, y: optax.softmax_cross_entropy_with_integer_labels(out, y).mean()


def raw_jax(name: str) -> dict:
    model, loss_of = MODELS[name], loss_function(WORKLOADS[name].loss)
    x, y = data(name)
    params = model.init(Weights())
    state = model.state() if hasattr(model, "state") else ()
    optimizer = optax.adam(1e-3)

    def step(params: Any, slots: Any, state: Any, key: Array, x: list, y: Array) -> tuple:
        key, use = jax.random.split(key)

        def objective(params: Any) -> tuple:
            out, after = model.forward(params, state, *x, use)
            return loss_of(out, y), after

        (loss, after), grads = jax.value_and_grad(objective, has_aux=True)(params)
        updates, slots = optimizer.update(grads, slots)
        return optax.apply_updates(params, updates), slots, after, key, loss

    step = jax.jit(step, donate_argnums=(0, 1, 2, 3))
    predict = jax.jit(lambda params, state, *x: model.forward(params, state, *x, None)[0])
    now = [params, optimizer.init(params), state, jax.random.key(1)]
    rng = np.random.default_rng(1)

    def epoch() -> float:
        losses = []
        for rows in batches(name, rng):
            *now[:], loss = step(*now, [part[rows] for part in x], y[rows])
            losses.append(loss)
        return float(np.mean(jax.device_get(losses)))

    one = [part[:1] for part in x]
    return {
        "epoch": epoch,
        "call": lambda: np.asarray(predict(now[0], now[2], *one)),
        "parameters": lambda: sum(leaf.size for leaf in jax.tree.leaves(now[0])),
    }
