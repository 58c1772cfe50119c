"""The peers: each a function `workload -> (epoch, latency)`.

`epoch()` trains one epoch and returns the loss; `latency()` runs the model on one sample.
Each is written as somebody who knows the library would write it.
"""

import os

import numpy as np
from workloads import SIZES, data, keras_like


def highlevel_jax(name):
    os.environ["HIGHLEVEL_BACKEND"] = "jax"
    return _highlevel(name)


def highlevel_numpy(name):
    os.environ["HIGHLEVEL_BACKEND"] = "numpy"
    return _highlevel(name)


def _highlevel(name):
    import highlevel as hl

    return _fits(hl, name)


def keras_jax(name):
    os.environ["KERAS_BACKEND"] = "jax"
    import keras

    return _fits(keras, name)


def _fits(module, name):
    x, y = data(name)
    model = keras_like(module, name)
    one = x[:1]

    def epoch():
        history = model.fit(x, y, batch_size=SIZES[name][2], epochs=1, verbose=0)
        return history.history["loss"][0]

    return epoch, lambda: np.asarray(model(one))


def raw_jax(name):
    """A hand-written loop: one jitted, donated step per batch, stock lowerings, optax."""
    import jax
    import jax.numpy as jnp
    import optax

    shape, classes, batch, batches = SIZES[name]
    x, y = data(name)
    keys = iter(jax.random.split(jax.random.key(0), 16))
    init = jax.nn.initializers.glorot_uniform()

    def dense(n_in, n_out):
        return {"w": init(next(keys), (n_in, n_out)), "b": jnp.zeros(n_out)}

    def conv(n_in, n_out):
        return {"w": init(next(keys), (3, 3, n_in, n_out)), "b": jnp.zeros(n_out)}

    if name == "cnn":
        params = [conv(1, 32), conv(32, 64), dense(1600, 128), dense(128, classes)]
    else:
        width = 64 if name == "tabular" else 256
        params = [dense(shape[0], width), dense(width, width), dense(width, classes)]

    def convolve(p, x):
        x = jax.lax.conv_general_dilated(
            x, p["w"], (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC"))
        x = jax.nn.relu(x + p["b"])
        return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")

    def forward(params, x, key=None):
        if name == "cnn":
            x = convolve(params[1], convolve(params[0], x)).reshape(x.shape[0], -1)
            if key is not None:
                x = jnp.where(jax.random.bernoulli(key, 0.5, x.shape), x / 0.5, 0.0)
            params = params[2:]
        for p in params[:-1]:
            x = jax.nn.relu(x @ p["w"] + p["b"])
        return x @ params[-1]["w"] + params[-1]["b"]

    def loss_of(params, x, y, key):
        out = forward(params, x, key)
        if classes == 1:
            return jnp.mean((out - y) ** 2)
        return optax.softmax_cross_entropy_with_integer_labels(out, y).mean()

    optimizer = optax.adam(1e-3)

    def step(params, state, key, x, y):
        key, use = jax.random.split(key)
        loss, grads = jax.value_and_grad(loss_of)(params, x, y, use)
        updates, state = optimizer.update(grads, state)
        return optax.apply_updates(params, updates), state, key, loss

    step = jax.jit(step, donate_argnums=(0, 1, 2))
    predict = jax.jit(forward)
    now = {"state": (params, optimizer.init(params), jax.random.key(1))}
    rng = np.random.default_rng(1)

    def epoch():
        order = rng.permutation(len(x))
        state, losses = now["state"], []
        for i in range(batches):
            rows = order[i * batch:(i + 1) * batch]
            *state, loss = step(*state, x[rows], y[rows])
            losses.append(loss)
        now["state"] = tuple(state)
        return float(np.mean(jax.device_get(losses)))

    one = x[:1]
    return epoch, lambda: np.asarray(predict(now["state"][0], one))


def torch_eager(name):
    import torch
    from torch import nn

    shape, classes, batch, batches = SIZES[name]
    x, y = data(name)
    if name == "cnn":
        x = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
        model = nn.Sequential(
            nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU(),
            nn.MaxPool2d(2), nn.Flatten(), nn.Dropout(0.5), nn.Linear(1600, 128), nn.ReLU(),
            nn.Linear(128, classes))
    else:
        width = 64 if name == "tabular" else 256
        model = nn.Sequential(nn.Linear(shape[0], width), nn.ReLU(), nn.Linear(width, width),
                              nn.ReLU(), nn.Linear(width, classes))
    loss_of = nn.MSELoss() if classes == 1 else nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    xs, ys = torch.from_numpy(x), torch.from_numpy(y if classes == 1 else y.astype("int64"))

    def epoch():
        model.train()
        total, order = 0.0, torch.randperm(len(xs))
        for i in range(batches):
            rows = order[i * batch:(i + 1) * batch]
            optimizer.zero_grad()
            loss = loss_of(model(xs[rows]), ys[rows])
            loss.backward()
            optimizer.step()
            total += loss.item()
        return total / batches

    def latency():
        model.eval()
        with torch.no_grad():
            return model(xs[:1]).numpy()

    return epoch, latency


PEERS = {
    "raw_jax": raw_jax,
    "highlevel_jax": highlevel_jax,
    "highlevel_numpy": highlevel_numpy,
    "keras_jax": keras_jax,
    "torch_eager": torch_eager,
}
