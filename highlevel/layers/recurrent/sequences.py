"""Whole sequences of the usual recurrent cells, for backends that have a kernel for them.

Each function here is the definition of a kernel: what `RNN` computes for such a cell with
a scan over the cell's step. Only where the backend's `kernels` names one of these is it used,
and where that does not answer NotImplemented.
"""

from __future__ import annotations

from typing import Any

from highlevel_backend import current_backend

from highlevel.ops.nn.activations import sigmoid

__all__ = ["gru_sequence", "lstm_sequence", "simple_rnn_sequence"]


def lstm_sequence(
    x: Any, h: Any, c: Any, recurrent: Any, state_mask: Any = None, reverse: bool = False
) -> tuple[Any, Any, Any]:
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
    backend = current_backend()
    xp = backend.xp

    def step(states: Any, x: Any) -> Any:
        h, c = states
        z = x + xp.matmul(h if state_mask is None else h * state_mask, recurrent)
        i, f, g, o = xp.split(z, 4, axis=-1)
        c = sigmoid(f) * c + sigmoid(i) * xp.tanh(g)
        h = sigmoid(o) * xp.tanh(c)
        return (h, c), h

    (h, c), outputs = backend.scan(step, (h, c), x, reverse=reverse)
    return outputs, h, c


def gru_sequence(
    x: Any, h: Any, recurrent: Any, bias: Any = None, state_mask: Any = None,
    reverse: bool = False,
) -> tuple[Any, Any]:
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
    backend = current_backend()
    xp = backend.xp

    def step(h: Any, x: Any) -> Any:
        inner = xp.matmul(h if state_mask is None else h * state_mask, recurrent)
        if bias is not None:
            inner = inner + bias
        (xz, xr, xh), (hz, hr, hh) = xp.split(x, 3, axis=-1), xp.split(inner, 3, axis=-1)
        z = sigmoid(xz + hz)
        h = z * h + (1 - z) * xp.tanh(xh + sigmoid(xr + hr) * hh)
        return h, h

    h, outputs = backend.scan(step, h, x, reverse=reverse)
    return outputs, h


def simple_rnn_sequence(
    x: Any, h: Any, recurrent: Any, state_mask: Any = None, reverse: bool = False
) -> tuple[Any, Any]:
    """`h = tanh(x + h @ recurrent)`, over its input's product with the kernel.

    Args:
        x: `(steps, batch, units)`.
        h: `(batch, units)`, the state before.
        recurrent: `(units, units)`.
        state_mask: `(batch, units)` that `h` is multiplied by on its way into the product.
        reverse: go from the last step to the first.

    Returns:
        `(outputs (steps, batch, units), last h)`.
    """
    backend = current_backend()
    xp = backend.xp

    def step(h: Any, x: Any) -> Any:
        h = xp.tanh(x + xp.matmul(h if state_mask is None else h * state_mask, recurrent))
        return h, h

    h, outputs = backend.scan(step, h, x, reverse=reverse)
    return outputs, h
