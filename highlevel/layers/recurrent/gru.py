"""Gated recurrent units: `GRUCell` and `GRU`."""

from __future__ import annotations

from typing import Any

from highlevel_backend import current_backend

from highlevel import activations, ops
from highlevel.layers.recurrent.cell import CELL_FIELDS, RecurrentCell, Step, projection
from highlevel.layers.recurrent.gated import CellLayer, OfCell

__all__ = ["GRU", "GRUCell"]

_FIELDS = (*CELL_FIELDS, "recurrent_activation", "reset_after")


class GRUCell(RecurrentCell):
    """One time step of a gated recurrent unit (Cho et al., 2014, arXiv:1406.1078).

    The kernels hold the columns of the update gate, the reset gate and the candidate, in
    this order.

    Args:
        units: length of the output and of the state.
        activation: of the candidate.
        recurrent_activation: of the gates.
        use_bias: whether a bias is added.
        kernel_initializer, recurrent_initializer, bias_initializer: of the weights.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: added to the loss.
        kernel_constraint, recurrent_constraint, bias_constraint: applied after updates.
        dropout: rate at which inputs are dropped, the same ones at every time step.
        recurrent_dropout: rate at which entries of the state are dropped on the way into
            the recurrent product, the same ones at every time step.
        reset_after: apply the reset gate after the recurrent product, which then has a
            bias of its own (as cuDNN does); before it otherwise.
        seed: seed of the dropout.

    Call with `inputs` `(batch, features)` and `states`, `h` or `[h]` of shape
    `(batch, units)`; returns `(h, states)`, the latter as they came.

    >>> import highlevel as hl
    >>> cell = hl.layers.GRUCell(4)
    >>> output, state = cell(hl.ops.ones((2, 3)), hl.ops.zeros((2, 4)))
    >>> output.shape, state.shape
    ((2, 4), (2, 4))
    """

    _gates = 3
    _fields = _FIELDS

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        reset_after: bool = True,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        kwargs.pop("implementation", None)
        super().__init__(**kwargs)
        self._set_options(
            units, activation, use_bias, kernel_initializer, recurrent_initializer,
            bias_initializer, kernel_regularizer, recurrent_regularizer, bias_regularizer,
            kernel_constraint, recurrent_constraint, bias_constraint, dropout,
            recurrent_dropout, seed,
        )
        self.recurrent_activation = activations.get(recurrent_activation)
        self.reset_after = reset_after
        self.state_size = self.units
        self.output_size = self.units

    def build(self, input_shape: Any) -> None:
        """Make kernel, recurrent kernel and bias: `(2, 3 * units)` with `reset_after`."""
        width = 3 * self.units
        self._add_weights(input_shape, (2, width) if self.reset_after else (width,))

    def step_function(self, step_shape: Any, training: bool | None = False) -> Step:
        backend = current_backend()
        units, activate, gate = self.units, self.activation, self.recurrent_activation
        input_mask, state_mask = self._masks(step_shape, training)
        recurrent = self.recurrent_kernel.value
        bias = self.bias.value if self.bias is not None else None
        inner_bias = None
        if self.reset_after and bias is not None:
            bias, inner_bias = bias[0], bias[1]

        def reset_after(x: Any, states: Any) -> tuple[Any, list[Any]]:
            h = states[0]
            inner = ops.matmul(h if state_mask is None else h * state_mask, recurrent)
            if inner_bias is not None:
                inner = inner + inner_bias
            z = gate(x[..., :units] + inner[..., :units])
            r = gate(x[..., units:2 * units] + inner[..., units:2 * units])
            candidate = activate(x[..., 2 * units:] + r * inner[..., 2 * units:])
            h = z * h + (1 - z) * candidate
            return h, [h]

        def reset_before(x: Any, states: Any) -> tuple[Any, list[Any]]:
            h = states[0]
            masked = h if state_mask is None else h * state_mask
            inner = ops.matmul(masked, recurrent[:, :2 * units])
            z = gate(x[..., :units] + inner[..., :units])
            r = gate(x[..., units:2 * units] + inner[..., units:])
            product = ops.matmul(r * masked, recurrent[:, 2 * units:])
            h = z * h + (1 - z) * activate(x[..., 2 * units:] + product)
            return h, [h]

        step = reset_after if self.reset_after else reset_before
        kernel = backend.kernels.get("gru_sequence")
        if kernel is not None and self.reset_after and activate is activations.tanh \
                and gate is activations.sigmoid:
            def sequence(projected: Any, states: Any, reverse: bool) -> tuple[Any, list[Any]]:
                found = kernel(
                    projected, *states, recurrent, inner_bias, state_mask, reverse=reverse)
                return found if found is NotImplemented else (found[0], [found[1]])

            vars(step)["sequence"] = sequence
        return projection(self, input_mask, bias), step


class GRU(CellLayer):
    """Gated recurrent units over a sequence (Cho et al., 2014, arXiv:1406.1078).

    Args:
        units: length of the output and of the state.
        activation: of the candidate.
        recurrent_activation: of the gates.
        use_bias: whether a bias is added.
        kernel_initializer, recurrent_initializer, bias_initializer: of the weights.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: added to the loss.
        activity_regularizer: of the output, added to the loss.
        kernel_constraint, recurrent_constraint, bias_constraint: applied after updates.
        dropout: rate at which inputs are dropped, the same ones at every time step.
        recurrent_dropout: the same for the state on its way into the recurrent product.
        seed: seed of the dropout.
        return_sequences: return the outputs of all time steps, not only the last one.
        return_state: return the last state as well.
        go_backwards: go from the last time step to the first; the outputs come in the
            order in which they were computed.
        stateful: start each batch with the state that the last one ended with.
        unroll: write the loop out instead of compiling it as a loop.
        reset_after: apply the reset gate after the recurrent product, which then has a
            bias of its own; before it otherwise.
        use_cudnn: accepted for the contract; the backend chooses its kernels.

    Call arguments:
        sequences: `(batch, steps, features)`.
        initial_state: `(batch, units)`, or a list of it; zeros where None.
        mask: `(batch, steps)` boolean; a false step leaves state and output as they are.
        training: whether dropout acts.

    Returns:
        `(batch, units)`, or `(batch, steps, units)` with `return_sequences`; with
        `return_state` a tuple of that and the last state.

    >>> import highlevel as hl
    >>> hl.layers.GRU(4, return_sequences=True)(hl.ops.ones((2, 5, 3))).shape
    (2, 5, 4)
    """

    _cell_fields = _FIELDS
    units = OfCell()
    recurrent_activation = OfCell()
    reset_after = OfCell()

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        reset_after: bool = True,
        use_cudnn: bool | str = "auto",
        **kwargs: Any,
    ) -> None:
        cell = GRUCell(
            units, activation, recurrent_activation, use_bias, kernel_initializer,
            recurrent_initializer, bias_initializer, kernel_regularizer,
            recurrent_regularizer, bias_regularizer, kernel_constraint, recurrent_constraint,
            bias_constraint, dropout, recurrent_dropout, reset_after, seed,
            dtype=kwargs.get("dtype"), trainable=kwargs.get("trainable", True),
            name="gru_cell",
        )
        super().__init__(
            cell, use_cudnn, return_sequences=return_sequences, return_state=return_state,
            go_backwards=go_backwards, stateful=stateful, unroll=unroll,
            activity_regularizer=activity_regularizer, **kwargs,
        )
