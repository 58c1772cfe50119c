"""Long short-term memory: `LSTMCell` and `LSTM`."""

from __future__ import annotations

from typing import Any

from highlevel_backend import current_backend

from highlevel import activations, ops
from highlevel.layers.recurrent.cell import CELL_FIELDS, RecurrentCell, Step, projection
from highlevel.layers.recurrent.gated import CellLayer, OfCell

__all__ = ["LSTM", "ForgetBias", "LSTMCell"]

_FIELDS = (*CELL_FIELDS, "recurrent_activation", "unit_forget_bias")


class LSTMCell(RecurrentCell):
    """One time step of an LSTM (Hochreiter & Schmidhuber, 1997, "Long short-term memory").

    The kernels hold the columns of the input gate, the forget gate, the candidate and the
    output gate, in this order.

    Args:
        units: length of the output and of each of the two states.
        activation: of the candidate and of the output.
        recurrent_activation: of the gates.
        use_bias: whether a bias is added.
        kernel_initializer, recurrent_initializer, bias_initializer: of the weights.
        unit_forget_bias: start the forget gate's bias at 1 (Jozefowicz et al., 2015).
        kernel_regularizer, recurrent_regularizer, bias_regularizer: added to the loss.
        kernel_constraint, recurrent_constraint, bias_constraint: applied after updates.
        dropout: rate at which inputs are dropped, the same ones at every time step.
        recurrent_dropout: rate at which entries of the state are dropped on the way into
            the recurrent product, the same ones at every time step.
        seed: seed of the dropout.

    Call with `inputs` `(batch, features)` and `states` `[h, c]`, each `(batch, units)`;
    returns `(h, [h, c])`.

    >>> import highlevel as hl
    >>> cell = hl.layers.LSTMCell(4)
    >>> output, states = cell(hl.ops.ones((2, 3)), cell.get_initial_state(2))
    >>> output.shape, len(states)
    ((2, 4), 2)
    """

    _gates = 4
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
        unit_forget_bias: bool = True,
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
        kwargs.pop("implementation", None)
        super().__init__(**kwargs)
        self._set_options(
            units, activation, use_bias, kernel_initializer, recurrent_initializer,
            bias_initializer, kernel_regularizer, recurrent_regularizer, bias_regularizer,
            kernel_constraint, recurrent_constraint, bias_constraint, dropout,
            recurrent_dropout, seed,
        )
        self.recurrent_activation = activations.get(recurrent_activation)
        self.unit_forget_bias = unit_forget_bias
        self.state_size = [self.units, self.units]
        self.output_size = self.units

    def build(self, input_shape: Any) -> None:
        """Make kernel, recurrent kernel and bias."""
        initializer = ForgetBias(self.bias_initializer, self.units) \
            if self.unit_forget_bias else None
        self._add_weights(input_shape, (4 * self.units,), initializer)

    def step_function(self, step_shape: Any, training: bool | None = False) -> Step:
        backend = current_backend()
        units, activate, gate = self.units, self.activation, self.recurrent_activation
        input_mask, state_mask = self._masks(step_shape, training)
        recurrent = self.recurrent_kernel.value
        bias = self.bias.value if self.bias is not None else None

        def step(projected: Any, states: Any) -> tuple[Any, list[Any]]:
            h, c = states
            z = projected + ops.matmul(h if state_mask is None else h * state_mask, recurrent)
            i = gate(z[..., :units])
            f = gate(z[..., units:2 * units])
            o = gate(z[..., 3 * units:])
            c = f * c + i * activate(z[..., 2 * units:3 * units])
            h = o * activate(c)
            return h, [h, c]

        kernel = backend.kernels.get("lstm_sequence")
        if kernel is not None and activate is activations.tanh and gate is activations.sigmoid:
            def sequence(projected: Any, states: Any, reverse: bool) -> tuple[Any, list[Any]]:
                found = kernel(projected, *states, recurrent, state_mask, reverse=reverse)
                return found if found is NotImplemented else (found[0], [*found[1:]])

            vars(step)["sequence"] = sequence
        return projection(self, input_mask, bias), step


class ForgetBias:
    """Initializer of an LSTM's bias: 1 for the forget gate, the initializer's values elsewhere."""

    def __init__(self, initializer: Any, units: int) -> None:
        self.initializer, self.units = initializer, units
        self.draws_from_state = getattr(initializer, "draws_from_state", False)

    def __call__(self, shape: Any, dtype: Any = None, **kwargs: Any) -> Any:
        backend = current_backend()
        units = self.units
        ones = backend.asarray([1.0] * units, dtype)
        return backend.xp.concatenate([
            self.initializer((units,), dtype=dtype), ones,
            self.initializer((2 * units,), dtype=dtype),
        ])


class LSTM(CellLayer):
    """Long short-term memory over a sequence (Hochreiter & Schmidhuber, 1997).

    Args:
        units: length of the output and of each of the two states.
        activation: of the candidate and of the output.
        recurrent_activation: of the gates.
        use_bias: whether a bias is added.
        kernel_initializer, recurrent_initializer, bias_initializer: of the weights.
        unit_forget_bias: start the forget gate's bias at 1.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: added to the loss.
        activity_regularizer: of the output, added to the loss.
        kernel_constraint, recurrent_constraint, bias_constraint: applied after updates.
        dropout: rate at which inputs are dropped, the same ones at every time step.
        recurrent_dropout: the same for the state on its way into the recurrent product.
        seed: seed of the dropout.
        return_sequences: return the outputs of all time steps, not only the last one.
        return_state: return the last states `h` and `c` as well.
        go_backwards: go from the last time step to the first; the outputs come in the
            order in which they were computed.
        stateful: start each batch with the states that the last one ended with.
        unroll: write the loop out instead of compiling it as a loop.
        use_cudnn: accepted for the contract; the backend chooses its kernels.

    Call arguments:
        sequences: `(batch, steps, features)`.
        initial_state: `[h, c]`, each `(batch, units)`; zeros where None.
        mask: `(batch, steps)` boolean; a false step leaves state and output as they are.
        training: whether dropout acts.

    Returns:
        `(batch, units)`, or `(batch, steps, units)` with `return_sequences`; with
        `return_state` a tuple of that, `h` and `c`.

    >>> import highlevel as hl
    >>> x = hl.ops.ones((2, 5, 3))
    >>> hl.layers.LSTM(4)(x).shape
    (2, 4)
    >>> outputs, h, c = hl.layers.LSTM(4, return_sequences=True, return_state=True)(x)
    >>> outputs.shape, h.shape, c.shape
    ((2, 5, 4), (2, 4), (2, 4))
    """

    _cell_fields = _FIELDS
    units = OfCell()
    recurrent_activation = OfCell()
    unit_forget_bias = OfCell()

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True,
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
        use_cudnn: bool | str = "auto",
        **kwargs: Any,
    ) -> None:
        cell = LSTMCell(
            units, activation, recurrent_activation, use_bias, kernel_initializer,
            recurrent_initializer, bias_initializer, unit_forget_bias, kernel_regularizer,
            recurrent_regularizer, bias_regularizer, kernel_constraint, recurrent_constraint,
            bias_constraint, dropout, recurrent_dropout, seed,
            dtype=kwargs.get("dtype"), trainable=kwargs.get("trainable", True),
            name="lstm_cell",
        )
        super().__init__(
            cell, use_cudnn, return_sequences=return_sequences, return_state=return_state,
            go_backwards=go_backwards, stateful=stateful, unroll=unroll,
            activity_regularizer=activity_regularizer, **kwargs,
        )
