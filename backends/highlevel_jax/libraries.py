"""The libraries behind XLA's convolution on a CPU, and how to have the faster one.

XLA (jax 0.10) hands a 2-d convolution to YNNPACK where it can, else to Eigen. YNNPACK does more
per thread, but up to about a hundred channels it takes one thread only, and the program waits for
it; Eigen takes all threads, and what does not wait for the result runs beside it. So on two cores
and more the value and the gradient by the input are faster in Eigen, and the gradient by the
kernel, which only the optimizer waits for, in YNNPACK beside it.

There is no option for this. YNNPACK is not asked where a convolution makes a spatial axis longer,
so rows of zeros go in at the end, and what comes of them is cut off again. And YNNPACK takes up
to four times as long where it has nothing to pad, so a column of zeros goes in and is cut off.
Were XLA to choose in another way, results would be the same, and times the stock ones.
`docs/design/convolutions.md` has what was measured.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from highlevel_jax import products, slices
from highlevel_jax.primitives import type_like

__all__ = ["by_kernel", "by_x", "stock_conv", "value"]

Array = Any

# Multiplications below which threads take longer to start than they save.
_SMALL = 2**23
# Entries of a kernel from which YNNPACK takes more than one thread itself.
_LARGE_KERNEL = 2**17
# Channels and images up to which XLA does not ask YNNPACK; with fewer Eigen is slow.
_FEW = 16
# Images up to which they are cut into slabs for the gradient by the kernel.
_FEW_IMAGES = 4
# Window entries times channels up to which a sum of products is faster than a library.
_FEW_TERMS = 27


def _cores() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def stock_conv(x: Array, kernel: Array, geometry: Any) -> Array:
    """XLA's own convolution."""
    letters = "DHW"[5 - x.ndim :]
    return lax.conv_general_dilated(
        x,
        kernel,
        window_strides=geometry.strides,
        padding=geometry.padding,
        lhs_dilation=geometry.input_dilation,
        rhs_dilation=geometry.kernel_dilation,
        dimension_numbers=(f"N{letters}C", f"{letters}IO", f"N{letters}C"),
        feature_group_count=geometry.groups,
    )


def _plain(x: Array, geometry: Any) -> bool:
    """Whether it is a 2-d convolution without steps, spacing and groups."""
    steps = (*geometry.strides, *geometry.input_dilation, geometry.groups)
    return x.ndim == 4 and max(steps) == 1


def _whole(geometry: Any) -> bool:
    """Whether nothing is between the inputs, and there is one group."""
    return max(*geometry.input_dilation, geometry.groups) == 1


def _single(window: Sequence[int], geometry: Any) -> bool:
    """Whether each output is of one input."""
    return math.prod(window) == 1 and _whole(geometry) and not any(map(any, geometry.padding))


def _padded(geometry: Any, axis: int, more: int) -> Any:
    """With more padding after one spatial axis."""
    padding = list(geometry.padding)
    before, after = padding[axis]
    padding[axis] = before, after + more
    return geometry._replace(padding=tuple(padding))


def _mirrored(window: Sequence[int], geometry: Any) -> Any:
    """The geometry of the convolution back, from outputs to inputs, without steps."""
    return geometry._replace(
        padding=tuple(
            ((length - 1) * dilation - before, (length - 1) * dilation - after)
            for length, dilation, (before, after) in zip(
                window, geometry.kernel_dilation, geometry.padding
            )
        )
    )


def _turned(kernel: Array) -> Array:
    """The kernel of the convolution back."""
    return lax.rev(kernel, (0, 1)).swapaxes(-1, -2)


def value(x: Array, kernel: Array, geometry: Any) -> Array:
    """`stock_conv` of one or two spatial axes."""
    *window, depth, outputs = kernel.shape
    if math.prod(window) * depth <= _FEW_TERMS and _whole(geometry):
        return lax.optimization_barrier(_by_terms(x, kernel, geometry))
    if not _plain(x, geometry) or min(depth, outputs) < _FEW:
        return stock_conv(x, kernel, geometry)
    rows, columns = slices.out_lengths(x.shape[1:-1], window, geometry)
    if rows > x.shape[1] or columns > x.shape[2]:
        return stock_conv(x, kernel, geometry)  # by Eigen
    more = x.shape[1] + 1 - rows
    work = x.shape[0] * rows * columns * kernel.size
    if work >= _SMALL and kernel.size <= _LARGE_KERNEL and 3 * more <= rows and _cores() > 1:
        if outputs <= _FEW and window[0] > 1:
            return lax.optimization_barrier(_row_by_row(x, kernel, geometry, rows))
        return lax.slice_in_dim(stock_conv(x, kernel, _padded(geometry, 0, more)), 0, rows, axis=1)
    if window[1] > 1 and geometry.padding[1] == (0, 0):
        return lax.slice_in_dim(stock_conv(x, kernel, _padded(geometry, 1, 1)), 0, columns, axis=2)
    return stock_conv(x, kernel, geometry)


def _by_terms(x: Array, kernel: Array, geometry: Any) -> Array:
    """The sum over window and channels of slice times kernel entry."""
    total = None
    for offset, part in slices.shifts(x, kernel.shape[:-2], geometry):
        for channel in range(kernel.shape[-2]):
            product = part[..., channel : channel + 1] * kernel[offset][channel]
            total = product if total is None else total + product
    return total


def _row_by_row(x: Array, kernel: Array, geometry: Any, rows: int) -> Array:
    """With the window's rows as outputs of one convolution along columns, shifted and summed."""
    height, width, depth, outputs = kernel.shape
    one_row = kernel.transpose(1, 2, 0, 3).reshape(1, width, depth, height * outputs)
    # At least one row more than there were, for Eigen.
    found = stock_conv(x, one_row, _padded(geometry, 0, max(1 - sum(geometry.padding[0]), 0)))
    found = lax.optimization_barrier(found)
    step = geometry.kernel_dilation[0]
    return sum(
        found[:, i * step : i * step + rows, :, i * outputs : (i + 1) * outputs]
        for i in range(height)
    )


def by_x(g: Array, kernel: Array, *, geometry: Any, shape: tuple) -> Array:
    """The gradient of `stock_conv` by its input."""
    *window, depth, outputs = kernel.shape
    if _single(window, geometry):
        found = products.matrix_product(g, kernel.reshape(depth, outputs).T)
        pads = [
            (0, n - (m - 1) * step - 1, step - 1)
            for n, m, step in zip(shape[1:-1], g.shape[1:-1], geometry.strides)
        ]
        return lax.pad(found, np.zeros((), g.dtype), [(0, 0, 0), *pads, (0, 0, 0)])
    back = _mirrored(window, geometry)
    if _plain(g, geometry) and min(map(min, back.padding)) >= 0:
        return value(g, _turned(kernel), back)
    x = type_like(g, shape)
    return jax.linear_transpose(lambda x: stock_conv(x, kernel, geometry), x)(g)[0]


def by_kernel(x: Array, g: Array, *, geometry: Any, shape: tuple) -> Array:
    """The gradient of `stock_conv` by its kernel."""
    *window, depth, outputs = shape
    if _single(window, geometry):
        ((_, chosen),) = slices.shifts(x, window, geometry)
        return products.over_rows(lax.optimization_barrier(chosen), g).reshape(shape)
    few = math.prod(window) * depth <= _FEW_TERMS and outputs > _FEW
    if few and _whole(geometry) and (depth == 1 or geometry.padding[-1] == (0, 0)):
        return _from_patches(x, g, geometry, shape)
    if not _plain(x, geometry):
        return _stock_by_kernel(x, g, geometry, shape)
    # It is a convolution of the input by the output's gradient, or of the gradient by the input:
    # whose window is not larger than what it slides over, and with the fewer channels first.
    back = _mirrored(window, geometry)
    sizes = list(zip(g.shape[1:-1], x.shape[1:-1]))
    straight, swapped = all(a <= b for a, b in sizes), all(a >= b for a, b in sizes)
    possible = min(map(min, back.padding)) >= 0
    if possible and swapped and (outputs < depth or not straight):
        found = _stock_by_kernel(g, x, back, (*window, outputs, depth))
        return _turned(found)
    if 0 < x.shape[0] <= _FEW_IMAGES and max(depth, outputs) <= _FEW and straight:
        return _in_slabs(x, g, geometry, shape)
    return _stock_by_kernel(x, g, geometry, shape)


def _in_slabs(x: Array, g: Array, geometry: Any, shape: tuple) -> Array:
    """Few images cut into slabs, as images of their own: enough for YNNPACK."""
    rows = g.shape[1]
    fits = (n for n in range(_FEW // x.shape[0] + 1, rows + 1) if rows % n == 0)
    slabs = next(fits, 1)
    height = rows // slabs
    reach = height + (shape[0] - 1) * geometry.kernel_dilation[0]
    if slabs == 1 or 4 * height < reach or x.size * shape[-1] * math.prod(shape[:2]) < _SMALL:
        return _stock_by_kernel(x, g, geometry, shape)
    pads = [(0, 0, 0), (*geometry.padding[0], 0), (0, 0, 0), (0, 0, 0)]
    x = lax.pad(x, np.zeros((), x.dtype), pads)
    parts = [x[:, i * height : i * height + reach] for i in range(slabs)]
    joined = jnp.stack(parts, 1).reshape(-1, reach, *x.shape[2:])
    within = geometry._replace(padding=((0, 0), geometry.padding[1]))
    return _stock_by_kernel(joined, g.reshape(-1, height, *g.shape[2:]), within, shape)


def _from_patches(x: Array, g: Array, geometry: Any, shape: tuple) -> Array:
    """A product of the patches, made with positions last: XLA's fast one."""
    *window, depth, outputs = shape
    first = lax.optimization_barrier(jnp.moveaxis(x, -1, 0)[..., None])  # channels as images
    flat = first.reshape(depth * x.shape[0], *x.shape[1:-1], 1)
    parts = [part.reshape(depth, -1) for _, part in slices.shifts(flat, window, geometry)]
    patches = lax.optimization_barrier(jnp.concatenate(parts))
    return products.matrix_product(patches, g.reshape(-1, outputs)).reshape(shape)


def _stock_by_kernel(x: Array, g: Array, geometry: Any, shape: tuple) -> Array:
    bare = _plain(x, geometry) and shape[1] > 1 and geometry.padding[1] == (0, 0)
    if bare and max(x.shape[0], shape[-1]) > _FEW:
        g = lax.pad(g, g.dtype.type(0), [(0, 0, 0), (0, 0, 0), (0, 1, 0), (0, 0, 0)])
        geometry = _padded(geometry, 1, 1)
    kernel = type_like(x, shape)
    return jax.linear_transpose(lambda kernel: stock_conv(x, kernel, geometry), kernel)(g)[0]
