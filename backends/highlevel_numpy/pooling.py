"""Maximum and sum over windows, one axis after the other.

Both are separable, so a window of `a` by `b` costs `a + b` passes over the data instead
of `a * b`. Going from the last axis to the first keeps the rule for equal maxima: the
first in reading order gets the gradient.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from highlevel_numpy.arrays import dtype_name
from highlevel_numpy.recorded import Primitive, is_inexact, strip
from highlevel_numpy.rules.common import masked

__all__ = ["pad_or_cut", "reduce_window"]

Pairs = Sequence[tuple[int, int]]


def reduce_window(
    x: Any, mode: str, window: Sequence[int], strides: Sequence[int], padding: Pairs
) -> Any:
    """See `Backend.reduce_window`."""
    if mode not in ("max", "sum"):
        raise ValueError(f"reduce_window takes mode 'max' or 'sum', not {mode!r}.")
    if not len(window) == len(strides) == len(padding) == x.ndim - 2:
        raise ValueError(
            f"reduce_window of {x.ndim - 2} spatial axes (shape {x.shape}) needs that many entries "
            f"in window {tuple(window)}, strides {tuple(strides)} and padding {tuple(padding)}."
        )
    fill = _least(x.dtype) if mode == "max" else 0
    x = pad_or_cut(x, [(0, 0), *padding, (0, 0)], fill)
    for i in range(len(window) - 1, -1, -1):
        axis, width, stride = i + 1, int(window[i]), int(strides[i])
        length = (x.shape[axis] - width) // stride + 1
        if length < 1:
            raise ValueError(
                f"reduce_window: a window of {width} does not fit into axis {axis}, of length "
                f"{x.shape[axis]} with padding."
            )
        if width == 1 and stride == 1:
            continue
        if mode == "max":
            x = _max_axis(x, axis, width, stride, length)
        else:
            x = _sum_axis(x, axis, width, stride, length)
    return x


def _least(dtype: np.dtype) -> Any:
    if is_inexact(dtype):
        # The narrow types have no infinity of their own in every case.
        return -np.inf if not dtype_name(dtype).startswith("float8_e4m3fn") else -448.0
    return False if dtype.kind == "b" else np.iinfo(dtype).min


def pad_or_cut(x: Any, padding: Pairs, fill: Any = 0) -> Any:
    """`x` with `fill` around it; negative widths cut."""
    if any(n < 0 for pair in padding for n in pair):
        x = x[
            tuple(
                [
                    slice(max(-before, 0), n - max(-after, 0))
                    for (before, after), n in zip(padding, x.shape)
                ]
            )
        ]
        padding = [(max(before, 0), max(after, 0)) for before, after in padding]
    if not any(n for pair in padding for n in pair):
        return x
    return _pad(x, tuple([tuple(pair) for pair in padding]), fill)


def _pad_plain(x, padding, fill):
    # np.pad takes ten times as long on small arrays.
    shape = [n + before + after for n, (before, after) in zip(x.shape, padding)]
    out = np.zeros(shape, x.dtype) if fill == 0 else np.full(shape, fill, x.dtype)
    out[tuple([slice(before, before + n) for (before, _), n in zip(padding, x.shape)])] = x
    return out


def _pad_gradient(g, out, x, padding, fill):
    return g[tuple([slice(before, before + n) for (before, _), n in zip(padding, x.shape)])]


_pad = Primitive(_pad_plain, (_pad_gradient, None, None))


def _piece(axis: int, offset: int, stride: int, length: int) -> tuple:
    """The index of the entries at `offset` in each window."""
    return (slice(None),) * axis + (slice(offset, offset + stride * (length - 1) + 1, stride),)


# ------------------------------------------------------------------------------- sum


def _sum_plain(x, axis, width, stride, length):
    out = x[_piece(axis, 0, stride, length)].copy()
    for offset in range(1, width):
        out += x[_piece(axis, offset, stride, length)]
    return out


def _spread_plain(g, axis, width, stride, length, whole):
    """Each entry of `g` into all places of its window: the transpose of the sum."""
    shape = list(g.shape)
    shape[axis] = whole
    out = np.zeros(shape, g.dtype)
    for offset in range(width):
        out[_piece(axis, offset, stride, length)] += g
    return out


_sum_axis = Primitive(
    _sum_plain,
    (
        lambda g, out, x, axis, width, stride, length: _spread_axis(
            g, axis, width, stride, length, x.shape[axis]
        ),
    ),
)
_spread_axis = Primitive(
    _spread_plain,
    (
        lambda g, out, x, axis, width, stride, length, whole: _sum_axis(
            g, axis, width, stride, length
        ),
    ),
)

# --------------------------------------------------------------------------- maximum


def _max_plain(x, axis, width, stride, length):
    if width == 1:
        return x[_piece(axis, 0, stride, length)]
    out = np.maximum(x[_piece(axis, 0, stride, length)], x[_piece(axis, 1, stride, length)])
    for offset in range(2, width):
        np.maximum(out, x[_piece(axis, offset, stride, length)], out=out)
    return out


def _first_maximum(x, out, axis, width, stride, length):
    """Masks, one per place in the window, of where the first maximum is."""
    masks = []
    free = None
    for offset in range(width):
        if offset == width - 1 and free is not None:
            masks.append(free)
            break
        mask = x[_piece(axis, offset, stride, length)] == out
        if free is None:
            free = ~mask
        else:
            mask &= free
            free ^= mask
        masks.append(mask)
    return masks


def _max_gradient(g, out, x, axis, width, stride, length):
    masks = _first_maximum(strip(x), strip(out), axis, width, stride, length)
    return _place(g, masks, axis, stride, length, x.shape[axis])


def _place_plain(g, masks, axis, stride, length, whole):
    shape = list(g.shape)
    shape[axis] = whole
    apart = stride >= len(masks)  # windows share no entry
    covered = apart and stride == len(masks) and stride * length == whole
    out = np.empty(shape, g.dtype) if covered else np.zeros(shape, g.dtype)
    for offset, mask in enumerate(masks):
        piece = out[_piece(axis, offset, stride, length)]
        if apart:
            piece[...] = masked(g, mask)
        else:
            piece += masked(g, mask)
    return out


def _choose_plain(x, masks, axis, stride, length):
    """The entries at the masks: the transpose of `_place`."""
    out = np.zeros(masks[0].shape, x.dtype)
    for offset, mask in enumerate(masks):
        out += masked(x[_piece(axis, offset, stride, length)], mask)
    return out


_max_axis = Primitive(_max_plain, (_max_gradient,))
_place = Primitive(
    _place_plain,
    (
        lambda g, out, x, masks, axis, stride, length, whole: _choose(
            g, masks, axis, stride, length
        ),
    ),
)
_choose = Primitive(
    _choose_plain,
    (
        lambda g, out, x, masks, axis, stride, length: _place(
            g, masks, axis, stride, length, x.shape[axis]
        ),
    ),
)
