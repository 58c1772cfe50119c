"""How convolutions are multiplied out: windows as a matrix, or shifted products.

Both ways have the same three functions, on x that is dilated and padded already:
`forward` writes into `out`, `by_input` adds into the zeros of `padded`, `by_kernel`
returns the gradient by the kernel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np

__all__ = ["Dense", "Depthwise", "Geometry"]

_BLOCK_BYTES = 1 << 20  # windows of this size stay in the cache from copy to product


@dataclass(frozen=True)
class Geometry:
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

    @cached_property
    def padded(self) -> tuple[int, ...]:
        """Spatial lengths after dilation and padding."""
        return tuple(
            [
                (n - 1) * d + 1 + before + after if n else before + after
                for n, d, (before, after) in zip(self.spatial, self.input_dilation, self.padding)
            ]
        )

    @cached_property
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

    @cached_property
    def depthwise(self) -> bool:
        return self.channels == self.groups and self.groups > 1

    @cached_property
    def turned(self) -> Geometry | None:
        """The convolution from y to x whose `by_input` is this one; or None.

        With x_i entering y_p where p = i d + before - t e (d input dilation, e kernel
        dilation, t place in the kernel), flipping the kernel gives p = i d - before' + t' e
        with before' = (K - 1) e - before.
        """
        if all(d == 1 for d in self.input_dilation) or any(s != 1 for s in self.strides):
            return None
        return self.mirrored

    @cached_property
    def mirrored(self) -> Geometry:
        """As `turned`, for strides of 1."""
        padding = []
        for n, m, k, d, e, (before, _) in zip(
            self.spatial, self.output, self.window, self.input_dilation,
            self.kernel_dilation, self.padding,
        ):  # fmt: skip
            first = (k - 1) * e - before
            padding.append((first, (n - 1) * d + (k - 1) * e + 1 - m - first))
        return Geometry(
            self.output, self.window, self.input_dilation, tuple(padding),
            (1,) * len(self.spatial), self.kernel_dilation, self.groups, self.features,
            self.channels,
        )  # fmt: skip


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


class Dense:
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


class Depthwise:
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
        total = np.zeros((*geometry.window, *g.shape[_leading_axes(geometry) :]), g.dtype)
        for one, part in zip(padded[:, None], g[:, None]):
            one = one.astype(g.dtype, copy=False)
            axes = tuple(range(_leading_axes(geometry)))
            for place, index in _shifts(geometry):
                total[place] += np.sum(cls._paired(one[index], geometry) * part, axis=axes)
        return total.reshape(shape).astype(padded.dtype, copy=False)


def _leading_axes(geometry: Geometry) -> int:
    """Number of axes before the channels."""
    return len(geometry.window) + 1
