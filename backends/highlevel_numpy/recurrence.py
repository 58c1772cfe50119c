"""LSTM and GRU over a whole sequence, with gradients written out by hand.

Recorded step by step, a sequence is some twenty small arrays a step, each with its rule.
Here a step is one product and a few functions on arrays that exist already; on the way
back, everything that does not depend on the gradient of the next step is computed for
all steps at once before the loop, and the weights' gradients in one product after it.

Where an argument is recorded at an outer level, or has no values at all (shape
inference), the plain loops at the end of the file run instead, rule by rule: derivatives
of derivatives go by them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from highlevel_numpy.recorded import Recorded
from highlevel_numpy.transforms import custom_gradient, vjp

__all__ = ["gru_sequence", "lstm_sequence"]

Array = Any


def lstm_sequence(
    x: Array, h: Array, c: Array, recurrent: Array, state_mask: Array = None,
    reverse: bool = False,
) -> tuple[Array, Array, Array]:
    """An LSTM with sigmoid gates and tanh, over its input's product with the kernel.

    Args:
        x: `(steps, batch, 4 * units)`: input gate, forget gate, candidate, output gate.
        h, c: `(batch, units)`, the states before.
        recurrent: `(units, 4 * units)`.
        state_mask: `(batch, units)` that `h` is multiplied by on its way into the product.
        reverse: go from the last step to the first.

    Returns:
        `(outputs (steps, batch, units), last h, last c)`.
    """
    return _run(_lstm, _lstm_loop, (x, h, c, recurrent, state_mask), reverse)


def gru_sequence(
    x: Array, h: Array, recurrent: Array, bias: Array = None, state_mask: Array = None,
    reverse: bool = False,
) -> tuple[Array, Array]:
    """A GRU with sigmoid gates and tanh that resets after the recurrent product.

    Args:
        x: `(steps, batch, 3 * units)`: update gate, reset gate, candidate.
        h: `(batch, units)`, the state before.
        recurrent: `(units, 3 * units)`.
        bias: `(3 * units,)`, added to the recurrent product.
        state_mask: `(batch, units)` that `h` is multiplied by on its way into the product.
        reverse: go from the last step to the first.

    Returns:
        `(outputs (steps, batch, units), last h)`.
    """
    return _run(_gru, _gru_loop, (x, h, recurrent, bias, state_mask), reverse)


def _run(fast: Callable, loop: Callable, args: tuple, reverse: bool) -> tuple:
    """`fast` forwards in time, with its gradient; `loop` where its values are not plain.

    `fast` is told whether a gradient will be asked for; else it keeps one step's values.
    """

    def flipped(x: Array) -> Array:
        return np.flip(x, 0) if reverse else x

    kept = any(type(a) is Recorded for a in args)

    def function(x: Array, *rest: Array) -> tuple[tuple, Callable]:
        plain = all(a is None or type(a) is np.ndarray for a in (x, *rest))
        if not plain or not len(x):
            return vjp(lambda *a: _ordered(loop(flipped(a[0]), *a[1:]), flipped), x, *rest)
        out, pull = fast(flipped(x), *rest, kept)

        def pullback(cotangents: tuple) -> tuple:
            if not all(type(g) is np.ndarray for g in cotangents):
                return vjp(
                    lambda *a: _ordered(loop(flipped(a[0]), *a[1:]), flipped), x, *rest
                )[1](cotangents)
            dx, *others = pull(flipped(cotangents[0]), *cotangents[1:])
            return (flipped(dx), *others)

        return _ordered(out, flipped), pullback

    return custom_gradient(function)(*args)


def _ordered(out: tuple, flipped: Callable) -> tuple:
    return (flipped(out[0]), *out[1:])


def _sigmoid_parts(width: int, units: int, candidate: int, dtype: Any) -> tuple[Array, Array]:
    """Factor and summand that make sigmoids of tanh, and leave the candidate's columns.

    `sigmoid(x) = tanh(x / 2) / 2 + 1 / 2`.
    """
    factor, summand = np.full(width, 0.5, dtype), np.full(width, 0.5, dtype)
    columns = slice(candidate * units, (candidate + 1) * units)
    factor[columns], summand[columns] = 1, 0
    return factor, summand


# ---------------------------------------------------------------------------- LSTM


def _lstm(
    x: Array, h: Array, c: Array, recurrent: Array, state_mask: Array, kept: bool
) -> tuple[tuple, Callable]:
    steps, batch, width = x.shape
    rows = steps if kept else 1
    units = width // 4
    factor, summand = _sigmoid_parts(width, units, 2, x.dtype)
    scaled = recurrent * factor
    gates = np.empty((rows, batch, width), x.dtype)
    # The states before each step and after the last one.
    hs = np.empty((steps + 1, batch, units), x.dtype)
    cs = np.empty((rows + 1, batch, units), x.dtype)
    now, hs[0], cs[0] = c, h, c
    shown = np.empty((rows, batch, units), x.dtype)  # tanh of c
    product, add = np.empty((batch, width), x.dtype), np.empty((batch, units), x.dtype)
    i, f = gates[..., :units], gates[..., units:2 * units]
    g, o = gates[..., 2 * units:3 * units], gates[..., 3 * units:]
    for t in range(steps):
        before, row = hs[t], t % rows
        z = gates[row]
        np.multiply(x[t], factor, out=z)
        np.matmul(before if state_mask is None else before * state_mask, scaled, out=product)
        z += product
        np.tanh(z, out=z)
        z *= factor
        z += summand
        last, now = now, cs[(t + 1) % (rows + 1)]
        np.multiply(f[row], last, out=now)
        np.multiply(i[row], g[row], out=add)
        now += add
        np.tanh(now, out=shown[row])
        np.multiply(o[row], shown[row], out=hs[t + 1])

    def pull(d_outputs: Array, dh: Array, dc: Array) -> tuple:
        slopes = 1 - gates
        slopes[..., :2 * units] *= gates[..., :2 * units]
        slopes[..., 2 * units:3 * units] *= 1 + g
        slopes[..., 3 * units:] *= o
        slopes[..., :units] *= g
        slopes[..., units:2 * units] *= cs[:-1]
        slopes[..., 2 * units:3 * units] *= i
        slopes[..., 3 * units:] *= shown
        into_c = shown * shown
        np.subtract(1, into_c, out=into_c)
        into_c *= o
        back = recurrent.T
        dx = slopes.reshape(steps, batch, 4, units)
        dh, dc = dh.copy(), dc.copy()
        for t in range(steps - 1, -1, -1):
            dh += d_outputs[t]
            np.multiply(dh, into_c[t], out=add)
            dc += add
            dx[t, :, :3] *= dc[:, None]
            dx[t, :, 3] *= dh
            np.matmul(slopes[t], back, out=dh)
            if state_mask is not None:
                dh *= state_mask
            dc *= f[t]
        into_product = hs[:-1] if state_mask is None else hs[:-1] * state_mask
        d_recurrent = into_product.reshape(-1, units).T @ slopes.reshape(-1, width)
        d_mask = None if state_mask is None else ((slopes @ back) * hs[:-1]).sum(0)
        return slopes, dh, dc, d_recurrent, d_mask

    return (hs[1:], hs[-1].copy(), now.copy()), pull


# ----------------------------------------------------------------------------- GRU


def _gru(
    x: Array, h: Array, recurrent: Array, bias: Array, state_mask: Array, kept: bool
) -> tuple[tuple, Callable]:
    steps, batch, width = x.shape
    rows = steps if kept else 1
    units = width // 3
    hs = np.empty((steps + 1, batch, units), x.dtype)
    hs[0] = h
    gates = np.empty((rows, batch, 2 * units), x.dtype)
    inner = np.empty((rows, batch, width), x.dtype)
    candidates = np.empty((rows, batch, units), x.dtype)
    z, r = gates[..., :units], gates[..., units:]
    part = np.empty((batch, units), x.dtype)
    half = x.dtype.type(0.5)
    for t in range(steps):
        before, row = hs[t], t % rows
        product, gate, candidate = inner[row], gates[row], candidates[row]
        np.matmul(before if state_mask is None else before * state_mask, recurrent, out=product)
        if bias is not None:
            product += bias
        np.add(x[t, :, :2 * units], product[:, :2 * units], out=gate)
        gate *= half
        np.tanh(gate, out=gate)
        gate *= half
        gate += half
        np.multiply(r[row], product[:, 2 * units:], out=candidate)
        candidate += x[t, :, 2 * units:]
        np.tanh(candidate, out=candidate)
        # z h + (1 - z) candidate = candidate + z (h - candidate)
        np.subtract(before, candidate, out=part)
        part *= z[row]
        np.add(candidate, part, out=hs[t + 1])

    def pull(d_outputs: Array, dh: Array) -> tuple:
        # By the gradient of h: of what the candidate's tanh takes, of both gates' sums.
        by_candidate = (1 - z) * (1 - candidates * candidates)
        by_reset = by_candidate * inner[..., 2 * units:] * r * (1 - r)
        dx = np.concatenate(
            [(hs[:-1] - candidates) * z * (1 - z), by_reset, by_candidate], axis=-1)
        # The product's candidate columns meet the reset gate first.
        d_inner = np.concatenate([dx[..., :2 * units], by_candidate * r], axis=-1)
        parts = d_inner.reshape(steps, batch, 3, units)
        wanted = np.empty((steps, batch, units), x.dtype)  # the gradient of each step's h
        back = recurrent.T
        dh = dh.copy()
        carried = np.empty_like(dh)
        for t in range(steps - 1, -1, -1):
            dh += d_outputs[t]
            wanted[t] = dh
            parts[t] *= dh[:, None]
            np.matmul(d_inner[t], back, out=carried)
            if state_mask is not None:
                carried *= state_mask
            dh *= z[t]
            dh += carried
        dx.reshape(steps, batch, 3, units)[...] *= wanted[:, :, None]
        into_product = hs[:-1] if state_mask is None else hs[:-1] * state_mask
        d_recurrent = into_product.reshape(-1, units).T @ d_inner.reshape(-1, width)
        d_bias = None if bias is None else d_inner.sum((0, 1))
        d_mask = None if state_mask is None else ((d_inner @ back) * hs[:-1]).sum(0)
        return dx, dh, d_recurrent, d_bias, d_mask

    return (hs[1:], hs[-1].copy()), pull


# ------------------------------------------------------------------------ plain loops


def _sigmoid(x: Array) -> Array:
    return 0.5 * np.tanh(0.5 * x) + 0.5


def _lstm_loop(x: Array, h: Array, c: Array, recurrent: Array, state_mask: Array) -> tuple:
    units = h.shape[-1]
    outputs = []
    for z in x:
        z = z + np.matmul(h if state_mask is None else h * state_mask, recurrent)
        i, f = _sigmoid(z[:, :units]), _sigmoid(z[:, units:2 * units])
        c = f * c + i * np.tanh(z[:, 2 * units:3 * units])
        h = _sigmoid(z[:, 3 * units:]) * np.tanh(c)
        outputs.append(h)
    return np.stack(outputs) if outputs else np.zeros((0, *h.shape), h.dtype), h, c


def _gru_loop(x: Array, h: Array, recurrent: Array, bias: Array, state_mask: Array) -> tuple:
    units = h.shape[-1]
    outputs = []
    for one in x:
        inner = np.matmul(h if state_mask is None else h * state_mask, recurrent)
        if bias is not None:
            inner = inner + bias
        gates = _sigmoid(one[:, :2 * units] + inner[:, :2 * units])
        z, r = gates[:, :units], gates[:, units:]
        h = z * h + (1 - z) * np.tanh(one[:, 2 * units:] + r * inner[:, 2 * units:])
        outputs.append(h)
    return np.stack(outputs) if outputs else np.zeros((0, *h.shape), h.dtype), h
