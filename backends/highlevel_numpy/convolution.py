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

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np

from highlevel_numpy.recorded import Primitive

__all__ = ["conv"]

Pairs = Sequence[tuple[int, int]]

_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class _Geometry:
    """Everything about a convolution that does not depend on values or on the batch."""

    spatial: tuple[int, ...]
    window: tuple[int, ...]
    strides: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    input_dilation: tuple[int, ...]
    kernel_dilation: tuple[int, ...]
    groups: int
    channels: int
    features: int

    @property
    def padded(self) -> tuple[int, ...]:
        """Spatial lengths after dilation and padding."""
        return tuple(
            [
                (n - 1) * d + 1 + before + after if n else before + after
                for n, d, (before, after) in zip(self.spatial, self.input_dilation, self.padding)
            ]
        )

    @property
    def output(self) -> tuple[int, ...]:
        """Spatial lengths of the result."""
        return tuple(
            [
                max((n - (k - 1) * d - 1) // s + 1, 0)
                for n, k, d, s in zip(
                    self.padded, self.window, self.kernel_dilation, self.strides
                )
            ]
        )

    @property
    def depthwise(self) -> bool:
        return self.channels == self.groups and self.groups > 1

    def turned(self) -> _Geometry | None:
        """The convolution from y to x whose `by_input` is this one; or None.

        With x_i entering y_p where p = i d + before - t e (d input dilation, e kernel
        dilation, t place in the kernel), flipping the kernel gives p = i d - before' + t' e
        with before' = (K - 1) e - before.
        """
        if all(d == 1 for d in self.input_dilation) or any(s != 1 for s in self.strides):
            return None
        return self.mirrored()

    def mirrored(self) -> _Geometry:
        """As `turned`, for strides of 1."""
        padding = []
        for n, m, k, d, e, (before, _) in zip(
            self.spatial, self.output, self.window, self.input_dilation,
            self.kernel_dilation, self.padding,
        ):  # fmt: skip
            first = (k - 1) * e - before
            padding.append((first, (n - 1) * d + (k - 1) * e + 1 - m - first))
        return _Geometry(
            self.output, self.window, self.input_dilation, tuple(padding),
            (1,) * len(self.spatial), self.kernel_dilation, self.groups, self.features,
            self.channels,
        )  # fmt: skip


# One object per convolution of a model, so that its derived lengths are found once.
_geometry = lru_cache(maxsize=4096)(_Geometry)


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
    turned = geometry.turned()
    if turned is not None:
        return _input_gradient(_turn_kernel(kernel, geometry), x, turned)
    padded = _padded(x, geometry)
    out = np.empty((x.shape[0], *geometry.output, geometry.features), x.dtype)
    if out.size:
        _choose(geometry).forward(padded, kernel, out, geometry)
    return out


def _input_gradient(kernel, y, geometry):
    turned = geometry.turned()
    if turned is not None:
        return _forward(y, _turn_kernel(kernel, geometry), turned)
    if _gathers(geometry):
        return _forward(y, _turn_kernel(kernel, geometry), geometry.mirrored())
    padded = np.zeros((y.shape[0], *geometry.padded, geometry.channels), y.dtype)
    if y.size:
        _choose(geometry).by_input(padded, kernel, y, geometry)
    return _unpadded(padded, geometry)


def _kernel_gradient(x, y, geometry):
    turned = geometry.turned()
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


def _shifts(geometry):
    """For each place in the kernel: its index, and that of what it meets in padded x."""
    for place in product(*map(range, geometry.window)):
        yield (
            place,
            (slice(None),)
            + tuple(
                [
                    slice(t * e, t * e + s * (m - 1) + 1, s)
                    for t, e, s, m in zip(
                        place, geometry.kernel_dilation, geometry.strides, geometry.output
                    )
                ]
            ),
        )


def _windows(padded, geometry):
    """A view `(batch, *output, *window, channels)` of all windows."""
    steps = padded.strides
    n = len(geometry.window)
    return np.lib.stride_tricks.as_strided(
        padded,
        (padded.shape[0], *geometry.output, *geometry.window, geometry.channels),
        (
            steps[0],
            *[steps[i + 1] * geometry.strides[i] for i in range(n)],
            *[steps[i + 1] * geometry.kernel_dilation[i] for i in range(n)],
            steps[-1],
        ),
        writeable=False,
    )


def _working(dtype):
    """The dtype that products are summed in: narrow floats have no BLAS and lose digits."""
    narrow = dtype.kind in "fV" and dtype.itemsize < 4
    return np.dtype(np.float32) if narrow else dtype


class _Dense:
    """Windows as rows of a matrix."""

    @staticmethod
    def _blocks(padded, geometry):
        """Slices of the batch whose windows take about `_BLOCK_BYTES`."""
        row = math.prod(geometry.window) * geometry.channels
        size = row * math.prod(geometry.output) * max(padded.itemsize, 4)
        step = max(1, _BLOCK_BYTES // max(size, 1))
        return [slice(i, i + step) for i in range(0, padded.shape[0], step)]

    @staticmethod
    def _matrix(kernel, geometry):
        """`(groups, window * channels per group, features per group)`."""
        groups = geometry.groups
        kernel = kernel.astype(_working(kernel.dtype), copy=False)
        rows = kernel.reshape(-1, geometry.features)
        if groups == 1:
            return rows
        return np.ascontiguousarray(
            rows.reshape(rows.shape[0], groups, -1).transpose(1, 0, 2)
        )

    @staticmethod
    def _rows(padded, block, geometry):
        """`(positions, window * channels)`, with groups in front where there are several."""
        part = padded[block].astype(_working(padded.dtype), copy=False)
        windows = _windows(part, geometry)
        groups = geometry.groups
        if groups == 1:
            positions = part.shape[0] * math.prod(geometry.output)
            return windows.reshape(positions, -1)
        n = windows.ndim - 1
        split = windows.reshape(*windows.shape[:-1], groups, -1)
        moved = np.moveaxis(split, n, 0)
        positions = part.shape[0] * math.prod(geometry.output)
        return np.ascontiguousarray(moved).reshape(groups, positions, -1)

    @classmethod
    def forward(cls, padded, kernel, out, geometry):
        matrix = cls._matrix(kernel, geometry)
        for block in cls._blocks(padded, geometry):
            rows = cls._rows(padded, block, geometry)
            part = out[block]
            if geometry.groups == 1 and out.dtype == matrix.dtype:
                np.matmul(rows, matrix, out=part.reshape(rows.shape[0], -1))
            elif geometry.groups == 1:
                part[...] = (rows @ matrix).reshape(part.shape)
            else:
                part[...] = (rows @ matrix).swapaxes(0, 1).reshape(part.shape)

    @classmethod
    def by_input(cls, padded, kernel, y, geometry):
        # One product per place in the kernel, so that each is contiguous when it is added.
        matrix = cls._matrix(kernel, geometry)
        places = math.prod(geometry.window)
        matrix = matrix.reshape(*matrix.shape[:-2], places, -1, matrix.shape[-1])
        matrix = np.swapaxes(np.moveaxis(matrix, -3, 0), -1, -2)
        for block in cls._blocks(padded, geometry):
            target = padded[block]
            part = cls._grouped(y[block], geometry)
            wide = target if target.dtype == part.dtype else np.zeros(target.shape, part.dtype)
            for weights, (_, index) in zip(matrix, _shifts(geometry)):
                term = part @ weights
                if geometry.groups > 1:
                    term = term.swapaxes(0, 1)
                piece = wide[index]
                piece += term.reshape(piece.shape)
            if wide is not target:
                target[...] = wide

    @classmethod
    def by_kernel(cls, padded, y, shape, geometry):
        total: Any = None
        for block in cls._blocks(padded, geometry):
            rows = cls._rows(padded, block, geometry)
            part = np.swapaxes(rows, -1, -2) @ cls._grouped(y[block], geometry)
            if total is None:
                total = part
            else:
                total += part
        if geometry.groups > 1:
            total = total.transpose(1, 0, 2)
        return total.reshape(shape).astype(padded.dtype, copy=False)

    @staticmethod
    def _grouped(y, geometry):
        """`(positions, features)`, with groups in front where there are several."""
        y = y.astype(_working(y.dtype), copy=False)
        rows = y.reshape(-1, geometry.features)
        if geometry.groups == 1:
            return rows
        return np.ascontiguousarray(
            rows.reshape(rows.shape[0], geometry.groups, -1).transpose(1, 0, 2)
        )


class _Depthwise:
    """One channel per group: shifted products, added up."""

    @staticmethod
    def _kernel(kernel, geometry):
        """`(*window, channels)`, or `(*window, channels, multiplier)`."""
        kernel = kernel.astype(_working(kernel.dtype), copy=False)
        shape = (*geometry.window, geometry.channels)
        if geometry.features != geometry.channels:
            shape = (*shape, geometry.features // geometry.channels)
        return kernel.reshape(shape)

    @staticmethod
    def _paired(x, geometry):
        """`x` with an axis for the multiplier, where there is one."""
        return x if geometry.features == geometry.channels else x[..., None]

    @staticmethod
    def _split(y, geometry):
        y = y.astype(_working(y.dtype), copy=False)
        if geometry.features == geometry.channels:
            return y
        return y.reshape(*y.shape[:-1], geometry.channels, -1)

    @classmethod
    def forward(cls, padded, kernel, out, geometry):
        weights = cls._kernel(kernel, geometry)
        # One image at a time: what is read and added to stays in the cache.
        for one, result in zip(padded[:, None], out[:, None]):
            total: Any = None
            one = one.astype(weights.dtype, copy=False)
            for place, index in _shifts(geometry):
                term = cls._paired(one[index], geometry) * weights[place]
                if total is None:
                    total = term
                else:
                    total += term
            result[...] = total.reshape(result.shape)

    @classmethod
    def by_input(cls, padded, kernel, y, geometry):
        weights = cls._kernel(kernel, geometry)
        single = geometry.features == geometry.channels
        for target, g in zip(padded[:, None], y[:, None]):
            g = cls._split(g, geometry)
            wide = target if target.dtype == g.dtype else np.zeros(target.shape, g.dtype)
            for place, index in _shifts(geometry):
                if single:
                    wide[index] += g * weights[place]
                else:
                    wide[index] += np.sum(g * weights[place], axis=-1)
            if wide is not target:
                target[...] = wide

    @classmethod
    def by_kernel(cls, padded, y, shape, geometry):
        g = cls._split(y, geometry)
        total = np.zeros((*geometry.window, *g.shape[geometry_axes(geometry) :]), g.dtype)
        for one, part in zip(padded[:, None], g[:, None]):
            one = one.astype(g.dtype, copy=False)
            axes = tuple(range(geometry_axes(geometry)))
            for place, index in _shifts(geometry):
                total[place] += np.sum(cls._paired(one[index], geometry) * part, axis=axes)
        return total.reshape(shape).astype(padded.dtype, copy=False)


def geometry_axes(geometry: _Geometry) -> int:
    """Number of axes before the channels."""
    return len(geometry.window) + 1


def _choose(geometry: _Geometry) -> Any:
    return _Depthwise if geometry.depthwise else _Dense
