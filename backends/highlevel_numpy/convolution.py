"""Convolution over 1 to 3 axes.

Written as a form in three arrays, `T(x, k, y) = sum(y * conv(x, k))`, it has three
derivatives: `conv` by y, `by_input` by x and `by_kernel` by k. Each is linear in its two
arguments, and their derivatives are again of the three. So three plain NumPy functions
are all that gradients of any order need.

How they are computed:

- Dense: windows copied into the rows of a matrix, one matrix product (BLAS), in blocks of
  the batch that stay in the cache.
- Depthwise: a sum of shifted products, no copies of windows.
- Dilated input (transposed convolution): the form read the other way round, with x and y
  changing places, so that the zeros between entries are never multiplied.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from highlevel_numpy.convolution_products import Dense, Depthwise, Geometry
from highlevel_numpy.recorded import Primitive

__all__ = ["conv"]

Pairs = Sequence[tuple[int, int]]

# One object per convolution of a model, so that its derived lengths are found once.
_geometry = lru_cache(maxsize=4096)(Geometry)


def conv(
    x: Any,
    kernel: Any,
    strides: Sequence[int],
    padding: Pairs,
    input_dilation: Sequence[int],
    kernel_dilation: Sequence[int],
    groups: int,
) -> Any:
    """See `Backend.conv`."""
    n = x.ndim - 2
    if not 1 <= n <= 3 or kernel.ndim != n + 2:
        raise ValueError(
            "conv takes x of shape (batch, *spatial, channels) with 1 to 3 spatial axes and a "
            f"kernel of as many axes, not shapes {x.shape} and {kernel.shape}."
        )
    if x.shape[-1] != kernel.shape[-2] * groups or kernel.shape[-1] % groups:
        raise ValueError(
            f"conv: x has {x.shape[-1]} channels; a kernel of shape {kernel.shape} in {groups} "
            f"group(s) takes {kernel.shape[-2] * groups}, and its {kernel.shape[-1]} output "
            "channels have to divide into the groups."
        )
    if kernel.dtype != x.dtype:
        kernel = kernel.astype(x.dtype)
    geometry = _geometry(
        x.shape[1:-1], kernel.shape[:-2], tuple(map(int, strides)),
        tuple([(int(a), int(b)) for a, b in padding]), tuple(map(int, input_dilation)),
        tuple(map(int, kernel_dilation)), int(groups), x.shape[-1], kernel.shape[-1],
    )  # fmt: skip
    return _conv(x, kernel, geometry)


# ------------------------------------------------------------------ the three functions


def _forward(x, kernel, geometry):
    turned = geometry.turned
    if turned is not None:
        return _input_gradient(_turn_kernel(kernel, geometry), x, turned)
    padded = _padded(x, geometry)
    out = np.empty((x.shape[0], *geometry.output, geometry.features), x.dtype)
    if out.size:
        _choose(geometry).forward(padded, kernel, out, geometry)
    return out


def _input_gradient(kernel, y, geometry):
    turned = geometry.turned
    if turned is not None:
        return _forward(y, _turn_kernel(kernel, geometry), turned)
    if _gathers(geometry):
        return _forward(y, _turn_kernel(kernel, geometry), geometry.mirrored)
    padded = np.zeros((y.shape[0], *geometry.padded, geometry.channels), y.dtype)
    if y.size:
        _choose(geometry).by_input(padded, kernel, y, geometry)
    return _unpadded(padded, geometry)


def _kernel_gradient(x, y, geometry):
    turned = geometry.turned
    if turned is not None:
        return _turn_kernel(_kernel_gradient(y, x, turned), turned)
    shape = (*geometry.window, geometry.channels // geometry.groups, geometry.features)
    if not x.size or not y.size:
        return np.zeros(shape, x.dtype)
    return _choose(geometry).by_kernel(_padded(x, geometry), y, shape, geometry)


_conv = Primitive(
    _forward,
    (
        lambda g, out, x, k, geometry: _by_input(k, g, geometry),
        lambda g, out, x, k, geometry: _by_kernel(x, g, geometry),
    ),
)
_by_input = Primitive(
    _input_gradient,
    (
        lambda g, out, k, y, geometry: _by_kernel(g, y, geometry),
        lambda g, out, k, y, geometry: _conv(g, k, geometry),
    ),
)
_by_kernel = Primitive(
    _kernel_gradient,
    (
        lambda g, out, x, y, geometry: _by_input(g, y, geometry),
        lambda g, out, x, y, geometry: _conv(x, g, geometry),
    ),
)

# ------------------------------------------------------------------------------ pieces


def _gathers(geometry):
    """Whether the gradient by x is computed as a convolution of y rather than shift by shift.

    That copies windows of y, so it pays where y has not many more channels than x.
    """
    return (
        all(s == 1 for s in (*geometry.strides, *geometry.input_dilation))
        and not geometry.depthwise
        and geometry.features <= 2 * geometry.channels
    )


def _turn_kernel(kernel, geometry):
    """Flipped in space, input and output channels of each group changed over."""
    n = len(geometry.window)
    flipped = kernel[(slice(None, None, -1),) * n]
    groups = geometry.groups
    split = flipped.reshape(*geometry.window, kernel.shape[-2], groups, -1)
    moved = np.moveaxis(split, (n, n + 1, n + 2), (n + 2, n + 1, n))
    return np.ascontiguousarray(moved).reshape(
        *geometry.window, kernel.shape[-1] // groups, kernel.shape[-2] * groups
    )


def _overlap(geometry):
    """Index of the entries of x that padding leaves, and where they are when padded."""
    source, target = [slice(None)], [slice(None)]
    for n, d, length, (before, _) in zip(
        geometry.spatial, geometry.input_dilation, geometry.padded, geometry.padding
    ):
        first = max(-(before // d), 0)  # the first i with i d + before >= 0
        last = min((length - 1 - before) // d, n - 1)
        last = max(last, first - 1)
        start = first * d + before
        source.append(slice(first, last + 1))
        target.append(slice(start, start + max((last - first) * d + 1, 0), d))
    return tuple(source), tuple(target)


def _is_bare(geometry):
    return all(p == (0, 0) for p in geometry.padding) and all(
        d == 1 for d in geometry.input_dilation
    )


def _padded(x, geometry):
    if _is_bare(geometry):
        return np.ascontiguousarray(x)
    out = np.zeros((x.shape[0], *geometry.padded, geometry.channels), x.dtype)
    source, target = _overlap(geometry)
    out[target] = x[source]
    return out


def _unpadded(padded, geometry):
    if _is_bare(geometry):
        return padded
    source, target = _overlap(geometry)
    if all(s.start == 0 and s.stop >= n for s, n in zip(source[1:], geometry.spatial)):
        return np.ascontiguousarray(padded[target])
    out = np.zeros((padded.shape[0], *geometry.spatial, geometry.channels), padded.dtype)
    out[source] = padded[target]
    return out


def _choose(geometry: Geometry) -> Any:
    return Depthwise if geometry.depthwise else Dense
