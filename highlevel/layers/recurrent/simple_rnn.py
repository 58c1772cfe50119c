"""The fully connected recurrent net: `SimpleRNNCell` and `SimpleRNN`."""

from __future__ import annotations

from typing import Any

from highlevel_backend import current_backend

from highlevel import activations, ops
from highlevel.layers.recurrent.cell import CELL_FIELDS, RecurrentCell, Step, projection
from highlevel.layers.recurrent.gated import CellLayer, OfCell

__all__ = ["SimpleRNN", "SimpleRNNCell"]


class SimpleRNNCell(RecurrentCell):
    """One time step of `h = activation(x @ kernel + h @ recurrent_kernel + bias)`.

    Args:
        units: length of the output and of the state.
        activation: of the output.
        use_bias: whether a bias is added.
        kernel_initializer, recurrent_initializer, bias_initializer: of the weights.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: added to the loss.
        kernel_constraint, recurrent_constraint, bias_constraint: applied after updates.
        dropout: rate at which inputs are dropped, the same ones at every time step.
        recurrent_dropout: rate at which entries of the state are dropped on the way into
            the recurrent product, the same ones at every time step.
        seed: seed of the dropout.

    Call with `sequence` `(batch, features)` and `states`, `h` or `[h]` of shape
    `(batch, units)`; returns `(h, states)`, the latter as they came.

    >>> import highlevel as hl
    >>> cell = hl.layers.SimpleRNNCell(4)
    >>> output, state = cell(hl.ops.ones((2, 3)), hl.ops.zeros((2, 4)))
    >>> output.shape
    (2, 4)
    """

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
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
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._set_options(
            units, activation, use_bias, kernel_initializer, recurrent_initializer,
            bias_initializer, kernel_regularizer, recurrent_regularizer, bias_regularizer,
            kernel_constraint, recurrent_constraint, bias_constraint, dropout,
            recurrent_dropout, seed,
        )
        self.state_size = self.units
        self.output_size = self.units

    def build(self, input_shape: Any) -> None:
        """Make kernel, recurrent kernel and bias."""
        self._add_weights(input_shape, (self.units,))

    def call(self, sequence: Any, states: Any, training: bool | None = False) -> Any:
        return super().call(sequence, states, training)

    def step_function(self, step_shape: Any, training: bool | None = False) -> Step:
        input_mask, state_mask = self._masks(step_shape, training)
        recurrent, activate = self.recurrent_kernel.value, self._activate
        bias = self.bias.value if self.bias is not None else None

        def step(projected: Any, states: Any) -> tuple[Any, list[Any]]:
            h = states[0]
            h = projected + ops.matmul(h if state_mask is None else h * state_mask, recurrent)
            if activate is not None:
                h = activate(h)
            return h, [h]

        kernel = current_backend().kernels.get("simple_rnn_sequence")
        if kernel is not None and activate is activations.tanh:
            def sequence(projected: Any, states: Any, reverse: bool) -> tuple[Any, list[Any]]:
                found = kernel(projected, *states, recurrent, state_mask, reverse=reverse)
                return found if found is NotImplemented else (found[0], [found[1]])

            vars(step)["sequence"] = sequence
        return projection(self, input_mask, bias), step


class SimpleRNN(CellLayer):
    """Fully connected recurrent net over a sequence: the output is the next state.

    Args:
        units: length of the output and of the state.
        activation: of the output.
        use_bias: whether a bias is added.
        kernel_initializer, recurrent_initializer, bias_initializer: of the weights.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: added to the loss.
        activity_regularizer: of the output, added to the loss.
        kernel_constraint, recurrent_constraint, bias_constraint: applied after updates.
        dropout: rate at which inputs are dropped, the same ones at every time step.
        recurrent_dropout: the same for the state on its way into the recurrent product.
        return_sequences: return the outputs of all time steps, not only the last one.
        return_state: return the last state as well.
        go_backwards: go from the last time step to the first; the outputs come in the
            order in which they were computed.
        stateful: start each batch with the state that the last one ended with.
        unroll: write the loop out instead of compiling it as a loop.
        seed: seed of the dropout.

    Call arguments:
        sequences: `(batch, steps, features)`.
        initial_state: `(batch, units)`, or a list of it; zeros where None.
        mask: `(batch, steps)` boolean; a false step leaves state and output as they are.
        training: whether dropout acts.

    Returns:
        `(batch, units)`, or `(batch, steps, units)` with `return_sequences`; with
        `return_state` a tuple of that and the last state.

    >>> import highlevel as hl
    >>> hl.layers.SimpleRNN(4)(hl.ops.ones((2, 5, 3))).shape
    (2, 4)
    """

    _cell_fields = CELL_FIELDS
    units = OfCell()

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
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
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        cell = SimpleRNNCell(
            units, activation, use_bias, kernel_initializer, recurrent_initializer,
            bias_initializer, kernel_regularizer, recurrent_regularizer, bias_regularizer,
            kernel_constraint, recurrent_constraint, bias_constraint, dropout,
            recurrent_dropout, seed,
            dtype=kwargs.get("dtype"), trainable=kwargs.get("trainable", True),
            name="simple_rnn_cell",
        )
        super().__init__(
            cell, return_sequences=return_sequences, return_state=return_state,
            go_backwards=go_backwards, stateful=stateful, unroll=unroll,
            activity_regularizer=activity_regularizer, **kwargs,
        )
