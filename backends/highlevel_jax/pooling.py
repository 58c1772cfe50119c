"""Maximum and sum over windows, lowered for the platform.

On a CPU XLA's `reduce_window` is slow, its gradient by a maximum very slow
(`select_and_scatter`). Milliseconds, jax 0.10 on 2 cores of a shared machine, value /
gradient / gradient in `lax.scan`:

    window, step, input                         stock              by axis           blocks
    max 2×2, 2, 64×26×26×32                     0.5 / 18 / 35      0.3 / 3.0 / 4.0   0.5 / 8.6 / 11
    max 3×3, 2, 4×56×56×64                      1.3 / 13 / 13      0.6 / 2.9 / 2.7
    max 5×5, 1, 16×14×14×64                     3.3 / 21 / 9       0.6 / 6.3 / 2.1
    max 7×7, 7, 16×28×28×32                     0.2 / 1.9 / 2.4    0.2 / 1.9 / 3.3   0.2 / 1.2 / 1.5
    sum 2×2, 2, 64×26×26×32                     0.6 / 0.7 / 0.9                      0.5 / 0.6 / 0.3
    sum 3×3, 2, 4×56×56×64                      1.8 / 25 / 25      1.0 / 4.6 / 2.6
    sum 4×4, 4, 16×32×32×32                     0.2 / 10           0.2 / 1.0         0.2 / 0.3

*By axis*: one axis after the other, the maximum or sum of strided slices. *Blocks*: where
windows neither overlap nor have padding, a reshape and one reduction.

The maximum is an operation of our own (`primitives`), its derivative a choice of entries
(`pick`), linear in what it chooses from. Where several entries of a window share the
maximum the first one has the derivative, on every platform, unless they were reduced as
blocks, which divide it between them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.interpreters import ad

from highlevel_jax.primitives import define, type_like

__all__ = ["reduce_window"]

Array = Any
Pairs = Sequence[tuple[int, int]]

# Longest window reduced by slices; a longer one would make programs slow to compile.
_LONGEST_WINDOW = 16
# From this length on, blocks beat slices for a maximum.
_LONG_BLOCK = 5


def _neutral(mode: str, dtype: Any) -> Any:
    """What padding counts as."""
    if mode == "sum":
        return np.zeros((), dtype)
    if dtype.kind == "b":
        return np.zeros((), bool)
    return np.asarray(jnp.iinfo(dtype).min if dtype.kind in "iu" else -np.inf, dtype)


def _stock(x: Array, mode: str, window: tuple, strides: tuple, padding: tuple) -> Array:
    return lax.reduce_window(
        x,
        _neutral(mode, x.dtype),
        lax.max if mode == "max" else lax.add,
        (1, *window, 1),
        (1, *strides, 1),
        ((0, 0), *padding, (0, 0)),
    )


def _by_axis(x: Array, mode: str, window: tuple, strides: tuple, padding: tuple) -> Array:
    function = lax.max if mode == "max" else lax.add
    for axis in range(len(window), 0, -1):
        length, step, pair = window[axis - 1], strides[axis - 1], padding[axis - 1]
        if pair != (0, 0):
            pads = [(0, 0, 0)] * x.ndim
            pads[axis] = (*pair, 0)
            x = lax.pad(x, _neutral(mode, x.dtype), pads)
        out = (x.shape[axis] - length) // step + 1
        x = functools.reduce(
            function,
            [
                lax.slice_in_dim(x, start, start + (out - 1) * step + 1, step, axis)
                for start in range(length)
            ],
        )
    return x


def _blocks(x: Array, mode: str, window: tuple, strides: tuple, padding: tuple) -> Array:
    split: list[int] = []
    for axis, length in enumerate(window, start=1):
        count = x.shape[axis] // length
        x = lax.slice_in_dim(x, 0, count * length, 1, axis)
        split += [count, length]
    x = x.reshape(x.shape[0], *split, x.shape[-1])
    axes = tuple(range(2, x.ndim - 1, 2))
    return x.max(axes) if mode == "max" else x.sum(axes, dtype=x.dtype)


def _plan(shape: tuple, mode: str, window: tuple, strides: tuple, padding: tuple) -> Callable:
    """The formula for a CPU, by static shape alone."""
    if 0 in shape or min(map(min, padding)) < 0:
        return _stock
    separate = window == strides and not any(map(any, padding))
    if separate and (mode == "sum" or max(window) >= _LONG_BLOCK):
        return _blocks
    return _by_axis if max(window) <= _LONGEST_WINDOW else _stock


def _on_cpu(x: Array, mode: str, window: tuple, strides: tuple, padding: tuple) -> Array:
    formula = _plan(x.shape, mode, window, strides, padding)
    return formula(x, mode, window, strides, padding)


def _pick_stock(x: Array, dx: Array, *, window: tuple, strides: tuple, padding: tuple) -> Array:
    """Of each window of `dx` the entry that is the maximum of `x`."""
    return jax.jvp(lambda x: _stock(x, "max", window, strides, padding), (x,), (dx,))[1]


def _pick_on_cpu(x: Array, dx: Array, *, window: tuple, strides: tuple, padding: tuple) -> Array:
    formula = _plan(x.shape, "max", window, strides, padding)
    if formula is not _by_axis:
        return jax.jvp(lambda x: formula(x, "max", window, strides, padding), (x,), (dx,))[1]

    # As `_by_axis`, with the choices applied to `dx`: masks are cheaper than what the
    # derivative of `lax.max` makes of ties.
    def larger(a: tuple[Array, ...], b: tuple[Array, ...]) -> tuple[Array, ...]:
        first = a[0] >= b[0]
        return lax.max(a[0], b[0]), lax.select(first, a[1], b[1])

    pair: tuple[Array, ...] = (x, dx)
    for axis in range(len(window), 0, -1):
        pads = [(0, 0, 0)] * x.ndim
        pads[axis] = (*padding[axis - 1], 0)
        length, step = window[axis - 1], strides[axis - 1]
        if any(padding[axis - 1]):
            zero = np.zeros((), dx.dtype)
            low = _neutral("max", x.dtype)
            pair = (lax.pad(pair[0], low, pads), lax.pad(pair[1], zero, pads))
        out = (pair[0].shape[axis] - length) // step + 1
        parts = [
            tuple(
                lax.slice_in_dim(each, start, start + (out - 1) * step + 1, step, axis)
                for each in pair
            )
            for start in range(length)
        ]
        pair = functools.reduce(larger, parts)
    return pair[1]


def _unpick(pick: Callable) -> Callable:
    """The transpose of a `pick`: each output's gradient goes where the maximum was."""

    def unpick(x: Array, g: Array, **parameters: Any) -> Array:
        kind = type_like(x, x.shape)
        return jax.linear_transpose(lambda dx: pick(x, dx, **parameters), kind)(g)[0]

    return unpick


def _out_shape(shape: tuple, window: tuple, strides: tuple, padding: tuple) -> tuple:
    lengths = (
        (n + sum(pair) - length) // step + 1
        for n, length, step, pair in zip(shape[1:-1], window, strides, padding)
    )
    return (shape[0], *lengths, shape[-1])


_maximum = define(
    "highlevel_window_max",
    _out_shape,
    lambda x, **parameters: _stock(x, "max", **parameters),
    lambda x, **parameters: _on_cpu(x, "max", **parameters),
)
_pick = define(
    "highlevel_window_pick",
    lambda x, dx, **parameters: _out_shape(x, **parameters),
    _pick_stock,
    _pick_on_cpu,
)
_put_back = define(
    "highlevel_window_put_back",
    lambda x, g, **parameters: x,
    _unpick(_pick_stock),
    _unpick(_pick_on_cpu),
)

# Where the maximum is does not change with `x`, almost everywhere: only the second operand
# of `pick` and `put_back` has a derivative, and each is the other's transpose.
ad.defjvp(_maximum, lambda dx, x, **parameters: _pick.bind(x, dx, **parameters))
ad.defjvp(_pick, None, lambda t, x, dx, **parameters: _pick.bind(x, t, **parameters))
ad.defjvp(_put_back, None, lambda t, x, g, **parameters: _put_back.bind(x, t, **parameters))
ad.primitive_transposes[_pick] = lambda g, x, dx, **parameters: (
    None,
    _put_back.bind(x, g, **parameters),
)
ad.primitive_transposes[_put_back] = lambda t, x, g, **parameters: (
    None,
    _pick.bind(x, t, **parameters),
)

# A sum's derivatives are sums: JAX derives them well from the formula.
_names = ("mode", "window", "strides", "padding")
_jitted_stock = jax.jit(_stock, static_argnames=_names)


@functools.partial(jax.jit, static_argnames=_names)
def _sum(x: Array, **parameters: Any) -> Array:
    # Half precision would lose the sum of a large window.
    wide = x.astype(jnp.float32) if x.dtype.kind not in "iubc" and x.dtype.itemsize < 4 else x
    stock = functools.partial(_stock, **parameters)
    formula = functools.partial(_on_cpu, **parameters)
    return lax.platform_dependent(wide, cpu=formula, default=stock).astype(x.dtype)


def reduce_window(
    x: Array, mode: str, window: Sequence[int], strides: Sequence[int], padding: Pairs
) -> Array:
    """Maximum or sum over windows; see `Backend.reduce_window`.

    Raises:
        ValueError: `mode` is neither `"max"` nor `"sum"`.
    """
    if mode not in ("max", "sum"):
        raise ValueError(f"Windows are reduced by 'max' or 'sum', not {mode!r}.")
    parameters = {
        "window": tuple(window),
        "strides": tuple(strides),
        "padding": tuple((int(before), int(after)) for before, after in padding),
    }
    known = (
        len(parameters["window"]) == x.ndim - 2
        and all(type(n) is int for n in x.shape[1:-1])
        and min(parameters["window"]) > 0
        and min(_out_shape(x.shape, **parameters)[1:-1]) > 0
    )
    if not known:  # also where arguments do not fit: JAX says what is wrong
        return _jitted_stock(x, mode=mode, **parameters)
    return _maximum.bind(x, **parameters) if mode == "max" else _sum(x, mode="sum", **parameters)
