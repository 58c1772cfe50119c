"""Stock XLA lowerings against this backend's, side by side on this machine.

    python tests/benchmarks/jax_lowerings.py [part of a name] [--seconds 0.5]

For each case: value, gradient by all operands, and the gradient in the body of `lax.scan`;
medians of interleaved runs in milliseconds, and ours as a ratio of stock. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import functools
import time

import jax
import jax.numpy as jnp
import numpy as np
from highlevel_jax import backend, pooling
from highlevel_jax.convolution import Geometry, stock_conv
from jax import lax

SCAN_LENGTH = 2


def geometry(axes, strides=1, padding=0, spacing=1, dilation=1, groups=1):
    pair = padding if isinstance(padding, tuple) else (padding, padding)
    return Geometry(
        (strides,) * axes, (pair,) * axes, (spacing,) * axes, (dilation,) * axes, groups
    )


CONVOLUTIONS = {
    "conv 3x3 28x28x1->32 b128": ((128, 28, 28, 1), (3, 3, 1, 32), geometry(2)),
    "conv 3x3 13x13x32->64 b128": ((128, 13, 13, 32), (3, 3, 32, 64), geometry(2)),
    "conv 3x3 64x64x3->32 b16": ((16, 64, 64, 3), (3, 3, 3, 32), geometry(2, padding=1)),
    "conv 3x3 32x32x64->64 b32": ((32, 32, 32, 64), (3, 3, 64, 64), geometry(2, padding=1)),
    "conv 3x3 8x8x256->256 b16": ((16, 8, 8, 256), (3, 3, 256, 256), geometry(2, padding=1)),
    "conv 3x3 step 2 32x32x32->64 b32": (
        (32, 32, 32, 32), (3, 3, 32, 64), geometry(2, strides=2, padding=(0, 1))
    ),
    "conv 1x1 32x32x64->128 b16": ((16, 32, 32, 64), (1, 1, 64, 128), geometry(2)),
    "conv 5x5 14x14x32->64 b32": ((32, 14, 14, 32), (5, 5, 32, 64), geometry(2, padding=2)),
    "conv 7x7 step 2 112x112x3->64 b4": (
        (4, 112, 112, 3), (7, 7, 3, 64), geometry(2, strides=2, padding=3)
    ),
    "conv dilated 28x28x16->16 b32": (
        (32, 28, 28, 16), (3, 3, 16, 16), geometry(2, dilation=2, padding=2)
    ),
    "conv 1-d 128x64->64 k5 b32": ((32, 128, 64), (5, 64, 64), geometry(1, padding=2)),
    "conv 3-d 12^3x16->16 b8": ((8, 12, 12, 12, 16), (3, 3, 3, 16, 16), geometry(3, padding=1)),
    "transposed step 2 14x14x32->16 b32": (
        (32, 14, 14, 32), (3, 3, 32, 16), geometry(2, spacing=2, padding=(1, 2))
    ),
    "depthwise 3x3 28x28x32 b32": (
        (32, 28, 28, 32), (3, 3, 1, 32), geometry(2, padding=1, groups=32)
    ),
    "groups 4 16x16x64->64 b32": (
        (32, 16, 16, 64), (3, 3, 16, 64), geometry(2, padding=1, groups=4)
    ),
}  # fmt: skip

WINDOWS = {
    "max 2x2 26x26x32 b64": ((64, 26, 26, 32), "max", (2, 2), (2, 2), ((0, 0),) * 2),
    "max 3x3 step 2 56x56x64 b4": ((4, 56, 56, 64), "max", (3, 3), (2, 2), ((1, 1),) * 2),
    "sum 2x2 26x26x32 b64": ((64, 26, 26, 32), "sum", (2, 2), (2, 2), ((0, 0),) * 2),
    "sum 3x3 step 2 56x56x64 b4": ((4, 56, 56, 64), "sum", (3, 3), (2, 2), ((1, 1),) * 2),
}


def normal(seed: int, *shape: int) -> jax.Array:
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def medians(programs: dict, seconds: float) -> dict[str, float]:
    """Milliseconds per call of each program, run in turn."""
    times: dict[str, list[float]] = {name: [] for name in programs}
    for run in programs.values():
        jax.block_until_ready(run())
    end = time.perf_counter() + seconds * len(programs)
    while len(next(iter(times.values()))) < 3 or time.perf_counter() < end:
        for name, run in programs.items():
            start = time.perf_counter()
            jax.block_until_ready(run())
            times[name].append(time.perf_counter() - start)
    return {name: 1e3 * float(np.median(found)) for name, found in times.items()}


def programs(function, operands) -> tuple:
    """Value, gradient, and gradient in a loop, each as a call without arguments."""
    cotangent = normal(9, *jax.eval_shape(function, *operands).shape)

    # Everything is an argument, or XLA computes it while compiling; and everything changes
    # from step to step, or it is computed once, before the loop.
    def gradient(cotangent, *operands):
        return jax.vjp(function, *operands)[1](cotangent)

    def loop(*arguments):
        def step(shift, _):
            found = gradient(*(x + shift for x in arguments))
            return sum(g.sum() for g in found) * 1e-9, None

        return lax.scan(step, jnp.float32(0), None, length=SCAN_LENGTH)[0]

    return (
        functools.partial(jax.jit(function), *operands),
        functools.partial(jax.jit(gradient), cotangent, *operands),
        functools.partial(jax.jit(loop), cotangent, *operands),
    )


def compare(name: str, stock, ours, operands, seconds: float) -> None:
    pairs = zip(programs(stock, operands), programs(ours, operands))
    cells = []
    for scale, (theirs, mine) in zip((1, 1, SCAN_LENGTH), pairs):
        found = medians({"stock": theirs, "ours": mine}, seconds)
        ratio = found["ours"] / found["stock"]
        cells.append(f"{found['stock'] / scale:8.2f} {found['ours'] / scale:8.2f} {ratio:6.2f}")
    print(f"{name:36s}" + "  |".join(cells), flush=True)


def masks(seconds: float) -> None:
    key = jnp.asarray([1, 2], jnp.uint32)
    wrapped = jax.random.wrap_key_data(key, impl="threefry2x32")
    shape, rate = (128, 1024), 0.3
    limit = jnp.uint32(rate * 2**32)
    found = medians(
        {
            "jax.random.bits": functools.partial(
                jax.jit(lambda k: jax.random.bits(k, shape) >= limit), wrapped
            ),
            "random_bits": functools.partial(
                jax.jit(lambda k: backend.random_bits(k, shape) >= limit), key
            ),
            "random_mask": functools.partial(
                jax.jit(lambda k: backend.kernels["random_mask"](k, rate, shape)), key
            ),
        },
        seconds,
    )
    print("dropout mask 128x1024: " + ", ".join(f"{n} {t:.2f} ms" for n, t in found.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", nargs="?", default="", help="run only cases whose name has this")
    parser.add_argument("--seconds", type=float, default=0.3, help="time per program")
    options = parser.parse_args()
    print(f"{jax.default_backend()}, jax {jax.__version__}; ms: stock, ours, ratio")
    print(f"{'':36s}{'value':>20s}     |{'gradient':>20s}    |{'gradient in scan':>22s}")
    for name, (x, kernel, geometry) in CONVOLUTIONS.items():
        if options.name in name:
            compare(
                name,
                lambda x, k, g=geometry: stock_conv(x, k, g),
                lambda x, k, g=geometry: backend.conv(x, k, *g),
                (normal(0, *x), normal(1, *kernel)),
                options.seconds,
            )
    for name, (x, *rest) in WINDOWS.items():
        if options.name in name:
            compare(
                name,
                lambda x, rest=rest: pooling._stock(x, *rest),
                lambda x, rest=rest: backend.reduce_window(x, *rest),
                (normal(0, *x),),
                options.seconds,
            )
    if options.name in "dropout mask":
        masks(options.seconds)


if __name__ == "__main__":
    main()
