"""Single layers, forward and with gradient, against Keras on JAX and PyTorch eager, in turn.

    python tests/benchmarks/layer_grid.py [part of a name] [--seconds 0.2] [--markdown FILE]

Highlevel's and Keras's layers are compiled through `stateless_call`: forward without training,
and the gradient of the output with respect to weights and inputs while training. Keras's are
XLA's stock lowerings. PyTorch's are modules with the same sizes, channels first where that is
its way. Reported are milliseconds of wall-clock and the processor's time, medians of interleaved
runs, and ratios of highlevel's.
"""

import argparse
import os
import pathlib
import time

os.environ["KERAS_BACKEND"] = os.environ["HIGHLEVEL_BACKEND"] = "jax"

import jax
import jax.numpy as jnp
import keras
import numpy as np

import highlevel as hl

try:
    import torch
    from torch import nn
except ImportError:
    torch = nn = None

SAME = {"padding": "same"}


def conv(batch, size, channels, filters, kernel, axes=2, **options):
    """A case: how each library makes the layer, and the input, channels last."""
    def make(k):
        return getattr(k.layers, f"Conv{axes}D")(filters, kernel, **SAME | options)

    def module():
        strides, groups = options.get("strides", 1), options.get("groups", 1)
        dilation = options.get("dilation_rate", 1)
        return getattr(nn, f"Conv{axes}d")(
            channels, filters, kernel, strides, padding=dilation * (kernel - 1) // 2,
            groups=groups, dilation=dilation)

    return make, module, (batch, *[size] * axes, channels)


def depthwise(batch, size, channels, kernel, strides=1):
    return (
        lambda k: k.layers.DepthwiseConv2D(kernel, strides, padding="same"),
        lambda: nn.Conv2d(channels, channels, kernel, strides, (kernel - 1) // 2, groups=channels),
        (batch, size, size, channels),
    )


def pool(kind, batch, size, channels, window, strides):
    return (
        lambda k: getattr(k.layers, f"{kind}Pooling2D")(window, strides),
        lambda: (nn.MaxPool2d if kind == "Max" else nn.AvgPool2d)(window, strides),
        (batch, size, size, channels),
    )


def simple(make, module, *shape):
    return make, module, shape


def recurrent(kind, batch, steps, features, units):
    return (
        lambda k: getattr(k.layers, kind)(units, return_sequences=True),
        lambda: getattr(nn, kind)(features, units, batch_first=True),
        (batch, steps, features),
    )


def embedding(rows, width, batch, length):
    return (lambda k: k.layers.Embedding(rows, width), lambda: nn.Embedding(rows, width),
            ("integers", rows, batch, length))


def attention(batch, steps, width, heads):
    return (
        lambda k: k.layers.MultiHeadAttention(heads, width // heads),
        lambda: nn.MultiheadAttention(width, heads, batch_first=True),
        ("twice", batch, steps, width),
    )


def activation(name, module, *shape):
    return lambda k: k.layers.Activation(name), module, shape


CASES = {
    "conv 3x3 b64 28x28x1-32": conv(64, 28, 1, 32, 3),
    "conv 3x3 b64 14x14x32-64": conv(64, 14, 32, 64, 3),
    "conv 3x3 b32 32x32x16-16": conv(32, 32, 16, 16, 3),
    "conv 3x3 b16 8x8x256-256": conv(16, 8, 256, 256, 3),
    "conv 3x3 b4 112x112x16-32": conv(4, 112, 16, 32, 3),
    "conv 1x1 b32 16x16x64-128": conv(32, 16, 64, 128, 1),
    "conv 5x5 b32 14x14x32-64": conv(32, 14, 32, 64, 5),
    "conv 7x7 step 2 b4 112x112x3-64": conv(4, 112, 3, 64, 7, strides=2),
    "conv 3x3 step 2 b32 32x32x32-64": conv(32, 32, 32, 64, 3, strides=2),
    "conv 3x3 dilated 2 b32 28x28x16-16": conv(32, 28, 16, 16, 3, dilation_rate=2),
    "conv 3x3 groups 4 b32 16x16x64-64": conv(32, 16, 64, 64, 3, groups=4),
    "conv 1-d k5 b32 128x64-64": conv(32, 128, 64, 64, 5, axes=1),
    "conv 1-d k3 dilated 4 b32 256x32-32": conv(32, 256, 32, 32, 3, axes=1, dilation_rate=4),
    "conv 3-d 3x3x3 b4 12^3x16-16": conv(4, 12, 16, 16, 3, axes=3),
    "transposed 2x2 step 2 b8 16x16x64-32": (
        lambda k: k.layers.Conv2DTranspose(32, 2, 2), lambda: nn.ConvTranspose2d(64, 32, 2, 2),
        (8, 16, 16, 64)),
    "transposed 3x3 b8 16x16x32-16": (
        lambda k: k.layers.Conv2DTranspose(16, 3, padding="same"),
        lambda: nn.ConvTranspose2d(32, 16, 3, padding=1), (8, 16, 16, 32)),
    "depthwise 3x3 b32 28x28x32": depthwise(32, 28, 32, 3),
    "depthwise 5x5 step 2 b16 28x28x64": depthwise(16, 28, 64, 5, 2),
    "max pool 2x2 b64 26x26x32": pool("Max", 64, 26, 32, 2, 2),
    "max pool 3x3 step 2 b4 56x56x64": pool("Max", 4, 56, 64, 3, 2),
    "average pool 2x2 b64 26x26x32": pool("Average", 64, 26, 32, 2, 2),
    "upsampling nearest b8 16x16x64": simple(
        lambda k: k.layers.UpSampling2D(2), lambda: nn.Upsample(scale_factor=2), 8, 16, 16, 64),
    "upsampling bilinear b8 16x16x64": simple(
        lambda k: k.layers.UpSampling2D(2, interpolation="bilinear"),
        lambda: nn.Upsample(scale_factor=2, mode="bilinear"), 8, 16, 16, 64),
    "dropout b128 1024": simple(
        lambda k: k.layers.Dropout(0.3), lambda: nn.Dropout(0.3), 128, 1024),
    "embedding 1,000x64 b32 64": embedding(1_000, 64, 32, 64),
    "embedding 50,000x32 b256 1": embedding(50_000, 32, 256, 1),
    "embedding 50,000x64 b32 64": embedding(50_000, 64, 32, 64),
    "LSTM b32 64x64-64": recurrent("LSTM", 32, 64, 64, 64),
    "GRU b32 64x64-64": recurrent("GRU", 32, 64, 64, 64),
    "LSTM b64 100x128-256": recurrent("LSTM", 64, 100, 128, 256),
    "attention b32 64x64 4 heads": attention(32, 64, 64, 4),
    "attention b4 512x128 8 heads": attention(4, 512, 128, 8),
    "batch normalization b32 32x32x32": simple(
        lambda k: k.layers.BatchNormalization(), lambda: nn.BatchNorm2d(32), 32, 32, 32, 32),
    "layer normalization b32 64x256": simple(
        lambda k: k.layers.LayerNormalization(), lambda: nn.LayerNorm(256), 32, 64, 256),
    "group normalization b16 16x16x64": simple(
        lambda k: k.layers.GroupNormalization(8), lambda: nn.GroupNorm(8, 64), 16, 16, 16, 64),
    "softmax b32 4x64x64": activation("softmax", lambda: nn.Softmax(-1), 32, 4, 64, 64),
    "gelu b2048 256": activation("gelu", lambda: nn.GELU(), 2048, 256),
    "tanh b2048 256": activation("tanh", lambda: nn.Tanh(), 2048, 256),
    "dense b2048 64-256": simple(
        lambda k: k.layers.Dense(256), lambda: nn.Linear(64, 256), 2048, 64),
    "dense b128 784-256": simple(
        lambda k: k.layers.Dense(256), lambda: nn.Linear(784, 256), 128, 784),
}


def arrays(shape):
    rng = np.random.default_rng(0)
    if shape[0] == "integers":
        return (rng.integers(0, shape[1], shape[2:]).astype("int32"),)
    if shape[0] == "twice":
        x = rng.standard_normal(shape[1:], dtype="float32")
        return x, x
    return (rng.standard_normal(shape, dtype="float32"),)


def like_keras(k, make, inputs):
    """Forward and gradient of a layer, compiled, as calls without arguments."""
    layer = make(k)
    inputs = [jnp.asarray(x) for x in inputs]
    layer(*inputs)
    floats = [i for i, x in enumerate(inputs) if x.dtype == jnp.float32]
    kept = [jnp.asarray(v.value) for v in layer.non_trainable_variables]
    weights = [jnp.asarray(v.value) for v in layer.trainable_variables]
    takes_training = layer.__class__.__name__ in (
        "Dropout", "BatchNormalization", "MultiHeadAttention", "LSTM", "GRU")

    def call(weights, kept, inputs, training):
        options = {"training": training} if takes_training else {}
        return layer.stateless_call(weights, kept, *inputs, **options)

    forward = jax.jit(lambda weights, kept, inputs: call(weights, kept, inputs, False)[0])
    cotangent = jnp.asarray(np.random.default_rng(1).standard_normal(
        jax.eval_shape(forward, weights, kept, inputs).shape, dtype="float32"))

    def loss(weights, varied, kept, inputs, cotangent):
        inputs = list(inputs)
        for i, x in zip(floats, varied):
            inputs[i] = x
        out, state = call(weights, kept, inputs, True)
        return (out * cotangent).sum(), state

    gradient = jax.jit(jax.value_and_grad(loss, argnums=(0, 1), has_aux=True))
    varied = [inputs[i] for i in floats]
    return (
        lambda: jax.block_until_ready(forward(weights, kept, inputs)),
        lambda: jax.block_until_ready(gradient(weights, varied, kept, inputs, cotangent)),
    )


def in_torch(module, inputs):
    layer = module()
    tensors = []
    for x in inputs:
        x = torch.tensor(x.astype("int64") if x.dtype == np.int32 else x)
        image = "Conv" in type(layer).__name__ or isinstance(
            layer, (nn.MaxPool2d, nn.AvgPool2d, nn.Upsample, nn.BatchNorm2d, nn.GroupNorm))
        tensors.append(x.movedim(-1, 1).contiguous() if image else x)
    if isinstance(layer, nn.MultiheadAttention):
        tensors = [tensors[0]] * 3
    for x in tensors:
        x.requires_grad_(x.is_floating_point())

    def output(*tensors):
        found = layer(*tensors)
        return found[0] if isinstance(found, tuple) else found

    def forward():
        layer.eval()
        with torch.no_grad():
            output(*tensors)

    cotangent = torch.randn_like(output(*tensors))

    def gradient():
        layer.train()
        layer.zero_grad()
        for x in tensors:
            x.grad = None
        found = output(*tensors)
        if found.requires_grad:
            (found * cotangent).sum().backward()

    return forward, gradient


def medians(calls, seconds):
    """Median seconds (wall-clock, processor) of each call, run in turn."""
    times = {name: [] for name in calls}
    for call in calls.values():
        call()
        call()
    end = time.perf_counter() + seconds * len(calls)
    while len(next(iter(times.values()))) < 5 or time.perf_counter() < end:
        # First one, then the other first: what runs after itself finds its data in the caches.
        order = list(calls.items())[:: 1 if len(times[next(iter(times))]) % 2 else -1]
        for name, call in order:
            processor, start = time.process_time(), time.perf_counter()
            call()
            times[name].append((time.perf_counter() - start, time.process_time() - processor))
    return {name: np.median(found, axis=0) for name, found in times.items()}


def cell(found):
    ours = found["highlevel"]
    ratios = [
        f"{ours[0] / found[peer][0]:.2f} ({ours[1] / found[peer][1]:.2f})" if peer in found
        else "missing" for peer in ("keras", "torch")
    ]
    return f"{ours[0] * 1e3:.2f} | " + " | ".join(ratios)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", nargs="?", default="", help="run only cases whose name has this")
    parser.add_argument("--seconds", type=float, default=0.2, help="time per program")
    parser.add_argument("--markdown")
    options = parser.parse_args()
    lines = [
        "| layer | forward, ms | to Keras (processor) | to PyTorch | with gradient, ms "
        "| to Keras | to PyTorch |", "|---|---|---|---|---|---|---|"]
    print("\n".join(lines), flush=True)
    logs = []
    for name, (make, torch_module, shape) in CASES.items():
        if options.name not in name:
            continue
        inputs = arrays(shape)
        peers = {peer: like_keras(module, make, inputs)
                 for peer, module in (("highlevel", hl), ("keras", keras))}
        theirs = in_torch(torch_module, inputs) if torch else ()
        # PyTorch's threads keep the processors busy for a while after each call: by itself.
        found = [
            medians({peer: calls[i] for peer, calls in peers.items()}, options.seconds)
            | (medians({"torch": theirs[i]}, options.seconds) if torch else {})
            for i in (0, 1)
        ]
        logs.append([np.log(f["highlevel"][0] / f["keras"][0]) for f in found])
        lines.append(f"| {name} | {cell(found[0])} | {cell(found[1])} |")
        print(lines[-1], flush=True)
    means = np.exp(np.mean(logs, axis=0))
    lines.append(f"| geometric mean | | {means[0]:.2f} | | | {means[1]:.2f} | |")
    print(lines[-1])
    if options.markdown:
        pathlib.Path(options.markdown).write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
