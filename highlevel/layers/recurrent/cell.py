"""What the cells of recurrent layers share: options, dropout masks, the step protocol.

A cell maps `(inputs, states)` of one time step to `(output, new states)`. The cells here
offer `step_function` besides: the step in two halves, of which the first (the product
with the input kernel) does not depend on the states, so that `RNN` computes it for all
time steps in one product, and reads the weights once a sequence instead of once a step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from highlevel_backend import current_backend

from highlevel import ops, random
from highlevel.layers.described import DescribedLayer, known_length, positive
from highlevel.layers.layer import Layer
from highlevel.random.seed_generator import SeedGenerator
from highlevel.symbolic import SymbolicTensor

__all__ = ["CELL_FIELDS", "RecurrentCell", "Step", "filled", "projection", "rate"]

#: `(project, step)`: `project(inputs)` for inputs of any leading axes, and
#: `step(projected, states) -> (output, states)` for one time step. Where the backend has a
#: kernel for all steps at once, `step.sequence(projected, states, reverse) -> (outputs,
#: states)` is it, over arrays with the time axis first; it may answer NotImplemented.
Step = tuple[Callable, Callable]


#: constructor arguments that the cells and the layers around one cell have in common
CELL_FIELDS = (
    "units", "activation", "use_bias",
    "kernel_initializer", "recurrent_initializer", "bias_initializer",
    "kernel_regularizer", "recurrent_regularizer", "bias_regularizer",
    "kernel_constraint", "recurrent_constraint", "bias_constraint",
    "dropout", "recurrent_dropout", "seed",
)


def rate(layer: Layer, argument: str, value: Any) -> float:
    """A dropout rate cut to the range from 0 to 1.

    Raises:
        ValueError: it is not a number.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(
            f"{type(layer).__name__} '{layer.name}': `{argument}` must be a number from 0 to 1; "
            f"got {value!r}."
        )
    return min(1.0, max(0.0, value))


class RecurrentCell(DescribedLayer):
    """Base of `LSTMCell`, `GRUCell` and `SimpleRNNCell`, and of the convolutional cell.

    Subclasses set `_gates`, the number of blocks of `units` columns in the kernels, and
    write `step_function`.
    """

    _gates = 1
    #: name of the argument that says how wide the states are
    _width_name = "units"
    units: int
    #: the first state is the output, so that nobody need carry the output as well
    output_is_state = True
    state_size: Any
    output_size: Any
    kernel_initializer: Any
    kernel_regularizer: Any
    kernel_constraint: Any
    recurrent_initializer: Any
    recurrent_regularizer: Any
    recurrent_constraint: Any
    bias_initializer: Any
    bias_regularizer: Any
    bias_constraint: Any

    _fields = CELL_FIELDS

    def _set_options(
        self,
        width: int,
        activation: Any,
        use_bias: bool,
        kernel_initializer: Any,
        recurrent_initializer: Any,
        bias_initializer: Any,
        kernel_regularizer: Any,
        recurrent_regularizer: Any,
        bias_regularizer: Any,
        kernel_constraint: Any,
        recurrent_constraint: Any,
        bias_constraint: Any,
        dropout: float,
        recurrent_dropout: float,
        seed: int | None,
    ) -> None:
        setattr(self, self._width_name, positive(self, self._width_name, width))
        self._set_activation(activation)
        self.use_bias = use_bias
        self._set_weight_options(
            "kernel", kernel_initializer, kernel_regularizer, kernel_constraint)
        self._set_weight_options(
            "recurrent", recurrent_initializer, recurrent_regularizer, recurrent_constraint)
        self._set_weight_options("bias", bias_initializer, bias_regularizer, bias_constraint)
        self.dropout = rate(self, "dropout", dropout)
        self.recurrent_dropout = rate(self, "recurrent_dropout", recurrent_dropout)
        self.seed = seed
        self.seed_generator = SeedGenerator(seed)
        self._dropout_mask: Any = None
        self._recurrent_dropout_mask: Any = None

    def _add_weights(
        self, input_shape: Any, bias_shape: tuple[int, ...], bias_initializer: Any = None
    ) -> None:
        width = self.units * self._gates
        self.kernel = self._add("kernel", (known_length(self, input_shape, -1), width))
        self.recurrent_kernel = self._add("recurrent_kernel", (self.units, width), "recurrent")
        self.bias = self.add_weight(
            bias_shape, bias_initializer or self.bias_initializer, name="bias",
            regularizer=self.bias_regularizer, constraint=self.bias_constraint,
        ) if self.use_bias else None

    def step_function(self, step_shape: Any, training: bool | None = False) -> Step:
        """The step in two halves, with the weights read and the dropout masks drawn.

        Args:
            step_shape: shape of the inputs of one time step, the batch axis first.
            training: whether dropout acts.

        Returns:
            `(project, step)`; see `Step`.
        """
        raise NotImplementedError

    def call(self, inputs: Any, states: Any, training: bool | None = False) -> Any:
        project, step = self.step_function(inputs.shape, training)
        several = isinstance(states, (list, tuple))
        output, new = step(project(inputs), states if several else [states])
        return output, new if several else new[0]

    def compute_output_spec(
        self, inputs: Any, states: Any, training: bool | None = False
    ) -> Any:
        def like() -> SymbolicTensor:
            return SymbolicTensor.of((inputs.shape[0], self.units), self.compute_dtype)

        if isinstance(states, (list, tuple)):
            return like(), [like() for _ in states]
        return like(), like()

    def get_initial_state(self, batch_size: int | None = None) -> list[Any]:
        """Zeros: one `(batch_size, units)` array per state."""
        backend = current_backend()
        count = len(self.state_size) if isinstance(self.state_size, list) else 1
        zeros = filled(backend, (batch_size, self.units), 0.0, self.compute_dtype)
        return [zeros] * count

    # ------------------------------------------------------------------- dropout

    def get_dropout_mask(self, step_input: Any) -> Any:
        """The mask of the inputs, drawn once until `reset_dropout_mask`.

        Args:
            step_input: `(batch, ...)`.

        Returns:
            Array like `step_input`: 0, or 1 / (1 - rate); None without dropout.
        """
        if self._dropout_mask is None and self.dropout > 0:
            self._dropout_mask = self._draw(step_input.shape, self.dropout)
        return self._dropout_mask

    def get_recurrent_dropout_mask(self, step_input: Any) -> Any:
        """The mask of the state, drawn once until `reset_recurrent_dropout_mask`.

        Args:
            step_input: `(batch, units)`, such as a state.

        Returns:
            Array like `step_input`: 0, or 1 / (1 - rate); None without dropout.
        """
        if self._recurrent_dropout_mask is None and self.recurrent_dropout > 0:
            self._recurrent_dropout_mask = self._draw(step_input.shape, self.recurrent_dropout)
        return self._recurrent_dropout_mask

    def reset_dropout_mask(self) -> None:
        """Let the next sequence draw another mask of the inputs."""
        self._dropout_mask = None

    def reset_recurrent_dropout_mask(self) -> None:
        """Let the next sequence draw another mask of the state."""
        self._recurrent_dropout_mask = None

    def _draw(self, shape: tuple, rate: float) -> Any:
        backend = current_backend()
        ones = filled(backend, shape, 1.0, self.compute_dtype)
        if rate >= 1:
            return 0 * ones
        return random.dropout(ones, rate, seed=self.seed_generator)

    def _masks(self, step_shape: Any, training: bool | None) -> tuple[Any, Any]:
        if not training or (self.dropout == 0 and self.recurrent_dropout == 0):
            return None, None
        return (
            self.get_dropout_mask(_Shaped(tuple(step_shape))),
            self.get_recurrent_dropout_mask(_Shaped(self._state_shape(step_shape))),
        )

    def _state_shape(self, step_shape: Any) -> tuple:
        return (step_shape[0], self.units)


class _Shaped:
    """Stands for an array of which only the shape counts."""

    __slots__ = ("shape",)

    def __init__(self, shape: tuple) -> None:
        self.shape = shape


def filled(backend: Any, shape: tuple, value: float, dtype: str) -> Any:
    """An array of one value, of a dtype given by name."""
    return backend.xp.broadcast_to(backend.asarray(value, dtype), shape)


def projection(cell: RecurrentCell, mask: Any, bias: Any) -> Callable:
    """`project` of a cell with a kernel: dropout, product, bias."""
    backend = current_backend()
    kernel, dtype = cell.kernel.value, cell.compute_dtype

    def project(inputs: Any) -> Any:
        inputs = backend.cast(inputs, dtype)
        if mask is not None:
            inputs = inputs * mask
        inputs = ops.matmul(inputs, kernel)
        return inputs if bias is None else inputs + bias

    return project
