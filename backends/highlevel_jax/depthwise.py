"""Depthwise convolutions on a CPU: sums of shifted products, each in one pass.

XLA has no fast depthwise convolution there; what is fast is arithmetic entry by entry, if the
program lets XLA make one loop of it (`docs/design/convolutions.md` has the figures):

- XLA hands a sum, with the product under it, to YNNPACK, for which each operand is an array of
  its own: in the kernel's gradient every shifted and padded copy was written out, at a branch per
  entry. A `reduce_precision` that changes nothing is no part of YNNPACK's. So what is before it
  stays a loop of XLA's own, which reads the padded array where it lies and adds up several blocks
  before anything is written.
- The transpose of strided slices is a padded array for each window entry. The gradient by the
  input is written as the convolution that it is, of the spaced gradient with the mirrored kernel.
- An array that several loops read is computed in each of them, from whatever it is made of.
  Padded, behind a barrier, it is an array of its own. Without the barrier XLA may take the
  padding apart again and read, at other places, what was padded.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

__all__ = ["by_input", "by_kernel", "value"]

Array = Any

# Blocks of an axis that are added up before they are written, and products per kernel's gradient
# up to which there are more than one: each is a few lines of the program.
_BLOCKS = 8
_PRODUCTS = 200


def _repeated(x: Array, channels: int) -> Array:
    """Each channel as often as there are output channels of it."""
    return x if channels == x.shape[-1] else jnp.repeat(x, channels // x.shape[-1], axis=-1)


def _padded(x: Array, pads: Sequence[tuple[int, int, int]]) -> Array:
    if all(pad == (0, 0, 0) for pad in pads):
        return x
    x = lax.pad(x, np.zeros((), x.dtype), [(0, 0, 0), *pads, (0, 0, 0)])
    return lax.optimization_barrier(x)


def _forward_pads(geometry: Any) -> list[tuple[int, int, int]]:
    return [
        (before, after, spacing - 1)
        for (before, after), spacing in zip(geometry.padding, geometry.input_dilation)
    ]


def _starts(window: Sequence[int], dilation: Sequence[int]) -> Iterator[tuple[tuple, list[int]]]:
    """Each offset in the window, and where what it meets begins in the padded array."""
    for offset in itertools.product(*(range(length) for length in window)):
        yield offset, [0, *(i * step for i, step in zip(offset, dilation)), 0]


def _read(x: Array, start: Sequence[int], shape: Sequence[int], strides: Sequence[int]) -> Array:
    stop = [a + (n - 1) * step + 1 for a, n, step in zip(start, shape, strides)]
    return lax.slice(x, start, stop, strides)


def _correlated(
    x: Array, kernel: Array, out: Sequence[int], strides: Sequence[int], dilation: Sequence[int]
) -> Array:
    """The sum over the window of what each offset meets times its kernel entry; `x` is padded."""
    shape, steps = (x.shape[0], *out, x.shape[-1]), (1, *strides, 1)
    total = None
    for offset, start in _starts(kernel.shape[:-2], dilation):
        product = _read(x, start, shape, steps) * kernel[offset][0]
        total = product if total is None else total + product
    return total


def value(x: Array, kernel: Array, geometry: Any) -> Array:
    """The convolution; `slices` says what the arguments are."""
    x = _padded(_repeated(x, kernel.shape[-1]), _forward_pads(geometry))
    out = [
        (n - (length - 1) * dilation - 1) // step + 1
        for n, length, dilation, step in zip(
            x.shape[1:-1], kernel.shape, geometry.kernel_dilation, geometry.strides
        )
    ]
    return _correlated(x, kernel, out, geometry.strides, geometry.kernel_dilation)


def _backward_pads(
    shape: Sequence[int], window: Sequence[int], out: Sequence[int], geometry: Any
) -> list[tuple[int, int, int]]:
    """How the output's gradient is padded for the gradient by an input of that shape."""
    pads = []
    for n, length, o, step, (before, _), spacing, dilation in zip(
        shape[1:-1],
        window,
        out,
        geometry.strides,
        geometry.padding,
        geometry.input_dilation,
        geometry.kernel_dilation,
    ):
        reach = (length - 1) * dilation
        missing = (n - 1) * spacing + reach - (o - 1) * step
        pads.append((reach - before, missing - (reach - before), step - 1))
    return pads


def by_input(g: Array, kernel: Array, geometry: Any, shape: tuple) -> Array:
    """The gradient by an input of that shape."""
    pads = _backward_pads(shape, kernel.shape[:-2], g.shape[1:-1], geometry)
    mirrored = lax.rev(kernel, range(kernel.ndim - 2))
    found = _correlated(
        _padded(g, pads), mirrored, shape[1:-1], geometry.input_dilation, geometry.kernel_dilation
    )
    if found.shape == shape:
        return found
    return found.reshape(*shape, -1).sum(-1)


def by_kernel(x: Array, g: Array, geometry: Any, shape: tuple) -> Array:
    """The gradient by a kernel of that shape."""
    axis, count = _blocks(g.shape, _PRODUCTS // int(np.prod(shape[:-2])))
    piece = list(g.shape)
    piece[axis] //= count
    strides, steps, first = (1, *geometry.strides, 1), (1,) * g.ndim, [0] * g.ndim
    pads = _backward_pads(x.shape, shape[:-2], g.shape[1:-1], geometry)
    if all(min(pad) >= 0 for pad in pads):
        # Read from the array that `by_input` makes, which is there: the gradient by itself would
        # be computed anew in each of the loops below, from whatever it is made of.
        g, steps, first = _padded(g, pads), strides, [0, *(pad[0] for pad in pads), 0]
    x = _padded(_repeated(x, shape[-1]), _forward_pads(geometry))
    sums = []
    for _, start in _starts(shape[:-2], geometry.kernel_dilation):
        total = None
        for block in range(count):
            at, of = list(first), list(start)
            at[axis] += block * piece[axis] * steps[axis]
            of[axis] += block * piece[axis] * strides[axis]
            product = _read(x, of, piece, strides) * _read(g, at, piece, steps)
            total = product if total is None else total + product
        sums.append(jnp.sum(_own_loop(total), axis=tuple(range(g.ndim - 1))))
    return jnp.stack(sums).reshape(shape)


def _blocks(shape: Sequence[int], most: int) -> tuple[int, int]:
    """An axis and the number of equal blocks of it, `_BLOCKS` and `most` at most.

    The batch comes last: it may be spread over devices.
    """
    most = min(_BLOCKS, most)
    best = (0, 1)
    for axis in (*range(1, len(shape) - 1), 0):
        count = max((n for n in range(1, most + 1) if shape[axis] % n == 0), default=1)
        if count > best[1]:
            best = (axis, count)
        if 2 * count > most:
            break
    return best


def _own_loop(x: Array) -> Array:
    """Nothing changes, but YNNPACK takes no float32 sum together with what is before this."""
    if x.dtype != jnp.float32:
        return x
    return lax.reduce_precision(x, exponent_bits=8, mantissa_bits=23)
