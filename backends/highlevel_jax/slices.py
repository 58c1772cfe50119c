"""Convolutions out of shifted slices: what `convolution` chooses from on a CPU.

Each formula takes `(x, kernel, geometry)` with `x` of shape `(batch, *spatial, channels)`
and `kernel` of shape `(*window, channels // groups, out_channels)`, and gives
`(batch, *out_spatial, out_channels)`. All are linear in `x` and in `kernel`, and made of
operations whose transposes are as cheap as they are: slices turn into pads, joins into
slices, and matrix products into matrix products.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from highlevel_jax import products

__all__ = [
    "apart",
    "are_apart",
    "batched_groups",
    "out_lengths",
    "patches",
    "rows",
    "shifted",
    "shifts",
    "split_groups",
    "spread",
]

Array = Any


def out_lengths(spatial: Sequence[int], window: Sequence[int], geometry: Any) -> list[int]:
    """Lengths of the output's spatial axes; 0 or less where the window does not fit."""
    return [
        ((n - 1) * spacing + 1 + before + after - (length - 1) * dilation - 1) // step + 1
        for n, length, step, (before, after), spacing, dilation in zip(
            spatial,
            window,
            geometry.strides,
            geometry.padding,
            geometry.input_dilation,
            geometry.kernel_dilation,
        )
    ]


def shifts(x: Array, window: Sequence[int], geometry: Any) -> Iterator[tuple[tuple, Array]]:
    """Each offset in the window, and what of `x` meets it: `(batch, *out_spatial, channels)`."""
    out = out_lengths(x.shape[1:-1], window, geometry)
    pads = [
        (before, after, spacing - 1)
        for (before, after), spacing in zip(geometry.padding, geometry.input_dilation)
    ]
    if any(pad != (0, 0, 0) for pad in pads):
        x = lax.pad(x, np.zeros((), x.dtype), [(0, 0, 0), *pads, (0, 0, 0)])
    for offset in itertools.product(*(range(length) for length in window)):
        start = [i * dilation for i, dilation in zip(offset, geometry.kernel_dilation)]
        stop = [a + (n - 1) * step + 1 for a, n, step in zip(start, out, geometry.strides)]
        yield (
            offset,
            lax.slice(
                x,
                (0, *start, 0),
                (x.shape[0], *stop, x.shape[-1]),
                (1, *geometry.strides, 1),
            ),
        )


def _join(parts: list[Array]) -> Array:
    return parts[0] if len(parts) == 1 else lax.concatenate(parts, parts[0].ndim - 1)


def _product(x: Array, matrix: Array) -> Array:
    """Matrix product over the last axis of `x`."""
    return products.matrix_product(x, matrix)


def patches(x: Array, kernel: Array, geometry: Any) -> Array:
    """All slices joined along the channels, and one matrix product."""
    joined = _join([part for _, part in shifts(x, kernel.shape[:-2], geometry)])
    return _product(joined, kernel.reshape(-1, kernel.shape[-1]))


def rows(x: Array, kernel: Array, geometry: Any) -> Array:
    """Slices joined along the window's last axis, and one matrix product per row of it."""
    by_row: dict[tuple, list[Array]] = {}
    for offset, part in shifts(x, kernel.shape[:-2], geometry):
        by_row.setdefault(offset[:-1], []).append(part)
    total = None
    for offset, parts in by_row.items():
        product = _product(_join(parts), kernel[offset].reshape(-1, kernel.shape[-1]))
        total = product if total is None else total + product
    return total


def shifted(x: Array, kernel: Array, geometry: Any) -> Array:
    """The sum over the window of slice times kernel entry, for one input channel."""
    total = None
    for offset, part in shifts(x, kernel.shape[:-2], geometry):
        product = part * kernel[offset][0]
        total = product if total is None else total + product
    return total


def spread(x: Array, kernel: Array, geometry: Any) -> Array:
    """A transposed convolution: each kernel entry's product, spaced and shifted, summed.

    No product touches the zeros between the input's entries. Takes strides of 1 only.
    """
    window = kernel.shape[:-2]
    out = out_lengths(x.shape[1:-1], window, geometry)
    zero = np.zeros((), x.dtype)
    total = None
    for offset in itertools.product(*(range(length) for length in window)):
        pads = []
        for axis, i in enumerate(offset):
            spacing = geometry.input_dilation[axis]
            before = geometry.padding[axis][0] - i * geometry.kernel_dilation[axis]
            covered = before + (x.shape[axis + 1] - 1) * spacing + 1
            pads.append((before, out[axis] - covered, spacing - 1))
        product = lax.pad(_product(x, kernel[offset]), zero, [(0, 0, 0), *pads, (0, 0, 0)])
        total = product if total is None else total + product
    return total


def are_apart(window: Sequence[int], geometry: Any) -> bool:
    """Whether a transposed convolution's windows lie beside each other and fill the output."""
    return (
        tuple(window) == geometry.input_dilation
        and max(*geometry.strides, *geometry.kernel_dilation, geometry.groups) == 1
        and all(pair == (n - 1, n - 1) for n, pair in zip(window, geometry.padding))
    )


def apart(x: Array, kernel: Array, geometry: Any) -> Array:
    """A transposed convolution whose windows are apart: one product, each row of it a window."""
    *window, depth, outputs = kernel.shape
    spatial = x.shape[1:-1]
    axes = len(window)
    flipped = lax.rev(kernel, range(axes))
    matrix = jnp.moveaxis(flipped, -2, 0).reshape(depth, -1)
    # Written as it is: joined to what comes after, XLA would look for each entry's place there.
    found = lax.optimization_barrier(_product(x, matrix)).reshape(
        x.shape[0], *spatial, *window, outputs
    )
    order = [0]
    for axis in range(axes):
        order += [1 + axis, 1 + axes + axis]
    lengths = [n * length for n, length in zip(spatial, window)]
    return found.transpose(*order, 1 + 2 * axes).reshape(x.shape[0], *lengths, outputs)


def split_groups(x: Array, kernel: Array, geometry: Any) -> Array:
    """Each group by itself, and the results joined."""
    one = geometry._replace(groups=1)
    pieces = zip(
        jnp.split(x, geometry.groups, axis=-1), jnp.split(kernel, geometry.groups, axis=-1)
    )
    return _join([rows(part, weights, one) for part, weights in pieces])


def batched_groups(x: Array, kernel: Array, geometry: Any) -> Array:
    """`patches`, the groups being the batch axis of one matrix product."""
    groups = geometry.groups
    joined = lax.concatenate(
        [
            part.reshape(*part.shape[:-1], groups, -1)
            for _, part in shifts(x, kernel.shape[:-2], geometry)
        ],
        x.ndim,
    )
    weights = kernel.reshape(-1, groups, kernel.shape[-1] // groups)
    out = jnp.einsum("...gk,kgo->...go", joined, weights)
    return out.reshape(*out.shape[:-2], -1)
