"""`RNN`: a cell carried along the time axis."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from highlevel_backend import current_backend, tree

from highlevel.layers.config import without_build
from highlevel.layers.described import DescribedLayer
from highlevel.layers.input_spec import InputSpec
from highlevel.layers.layer import Layer, symbolic_tensors
from highlevel.layers.recurrent.cell import Step, filled
from highlevel.layers.recurrent.protocol import (
    caller,
    check_cell,
    initial_state_of,
    output_size_of,
    state_specs,
    step_of,
)
from highlevel.layers.recurrent.stacked_cells import StackedRNNCells
from highlevel.serialization import deserialize_keras_object, serialize_keras_object
from highlevel.symbolic import SymbolicTensor, evaluate_abstractly
from highlevel.variable import Variable

__all__ = ["RNN"]


class RNN(DescribedLayer):
    """A recurrent layer over any cell.

    A cell is a layer with `call(inputs, states) -> (output, new_states)` for one time
    step, and an attribute `state_size`: the length of its state, or a list of lengths for
    several. `output_size` (the first state's length by default) and
    `get_initial_state(batch_size)` (zeros by default) are optional.

    Args:
        cell: the cell, or a list of cells to be stacked.
        return_sequences: return the outputs of all time steps, not only the last one.
        return_state: return the last states as well.
        go_backwards: go from the last time step to the first; the outputs come in the
            order in which they were computed.
        stateful: start each batch with the states that the last one ended with; the batch
            size must be fixed. `reset_state` sets them to zero.
        unroll: write the loop out instead of compiling it as a loop.
        zero_output_for_mask: output zeros at masked steps instead of the last output.

    Call arguments:
        sequences: `(batch, steps, ...)`.
        initial_state: list of states, or one state; zeros where None.
        mask: `(batch, steps)` boolean; a false step leaves the states as they are and
            repeats the last output (before the first one the state, where that is what
            the cell puts out, else zeros).
        training: handed to the cell.

    Returns:
        `(batch, ...)`, or `(batch, steps, ...)` with `return_sequences`; with
        `return_state` a tuple of that and the states.

    Raises:
        ValueError: the cell is none.

    >>> import highlevel as hl
    >>> class Sum(hl.layers.Layer):
    ...     state_size = 3
    ...     def call(self, inputs, states):
    ...         total = states[0] + inputs
    ...         return total, [total]
    >>> float(hl.layers.RNN(Sum())(hl.ops.ones((2, 5, 3)))[0, 0])
    5.0
    """

    _fields = (
        "return_sequences", "return_state", "go_backwards", "stateful", "unroll",
        "zero_output_for_mask",
    )

    def __init__(
        self,
        cell: Any,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        zero_output_for_mask: bool = False,
        **kwargs: Any,
    ) -> None:
        if isinstance(cell, (list, tuple)):
            cell = StackedRNNCells(list(cell))
        super().__init__(**kwargs)
        check_cell(cell, self)
        self.return_sequences = return_sequences
        self.return_state = return_state
        self.go_backwards = go_backwards
        self.stateful = stateful
        self.unroll = unroll
        self.zero_output_for_mask = zero_output_for_mask
        self.cell = cell
        self.supports_masking = True
        self.state_size = cell.state_size
        self._carried: Any = None

    # ------------------------------------------------------------------- shapes

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        """Build the cell for one time step; with `stateful`, make the states' variables."""
        step_shape = (sequences_shape[0], *sequences_shape[2:])
        if isinstance(self.cell, Layer) and not self.cell.built:
            self.cell.build(step_shape)
        self._build_inside(step_shape)
        if type(self._input_spec) is InputSpec and len(sequences_shape) == 3:
            self.input_spec = InputSpec(ndim=3, axes={-1: sequences_shape[-1]})
        if self.stateful:
            self._make_states(sequences_shape)

    def _build_inside(self, step_shape: Any) -> None:
        """Build layers that a cell leaves to its first call: within the loop it is too late."""
        cell = self.cell
        if not isinstance(cell, Layer) or all(
            layer.built for layer in cell._flatten_layers(include_self=False)
        ):
            return
        inputs = symbolic_tensors(tuple(step_shape), self.compute_dtype)
        states = self._state_specs(step_shape[0])
        evaluate_abstractly(caller(cell, False, {}), (inputs, states), {})

    def _make_states(self, sequences_shape: Any) -> None:
        batch = sequences_shape[0]
        if batch is None:
            raise ValueError(
                f"{type(self).__name__} '{self.name}' is stateful and needs a fixed batch size, "
                f"but its input is {tuple(sequences_shape)}. Give it: "
                "`Input(shape=..., batch_size=...)`."
            )
        dtype = self.variable_dtype
        self._carried = tree.map_leaves(
            lambda zero: Variable(
                _Zeros(), shape=zero.shape, dtype=dtype, trainable=False, name="rnn_state"),
            self._state_specs(batch, sequences_shape),
        )

    def _state_specs(self, batch: int | None, sequences_shape: Any = None) -> list[Any]:
        """Symbolic tensors of the states, in the structure of `get_initial_state`."""
        specs = state_specs(self.cell, batch, self.compute_dtype)
        return specs if isinstance(specs, list) else [specs]

    def _output_size(self, sequences_shape: Any) -> tuple[int, ...]:
        """Shape of the output of one time step, without the batch axis."""
        return output_size_of(self.cell)

    def compute_output_shape(self, sequences_shape: Any, initial_state_shape: Any = None) -> Any:
        """Shape of the output, followed by those of the states with `return_state`."""
        batch, steps = sequences_shape[0], sequences_shape[1]
        size = self._output_size(sequences_shape)
        output = (batch, steps, *size) if self.return_sequences else (batch, *size)
        if not self.return_state:
            return output
        specs = self._state_specs(batch, sequences_shape)
        return (output, *tree.map_leaves(lambda spec: spec.shape, specs))

    def compute_output_spec(
        self, sequences: Any, initial_state: Any = None, mask: Any = None,
        training: bool | None = False,
    ) -> Any:
        batch, steps = sequences.shape[:2]
        if initial_state is not None:
            self._check_states(tree.leaves(initial_state), sequences.shape)
        size = self._output_size(sequences.shape)
        output = SymbolicTensor.of(
            (batch, steps, *size) if self.return_sequences else (batch, *size),
            self.compute_dtype,
        )
        if not self.return_state:
            return output
        return (output, *self._state_specs(batch, sequences.shape))

    def compute_mask(self, _: Any, mask: Any) -> Any:
        """The mask for the sequence of outputs; states have none."""
        mask = _first(mask)
        output = mask if self.return_sequences else None
        if not self.return_state:
            return output
        return [output] + [None] * len(tree.leaves(self._state_specs(None)))

    # ------------------------------------------------------------------- states

    @property
    def states(self) -> Any:
        """With `stateful`, the variables that hold the states between batches."""
        return self._carried

    def get_initial_state(self, batch_size: int) -> list[Any]:
        """The states before the first time step, as a list.

        Args:
            batch_size: number of samples.
        """
        states = initial_state_of(self.cell, batch_size, self.compute_dtype)
        return list(states) if isinstance(states, (list, tuple)) else [states]

    def reset_state(self) -> None:
        """Set the states kept between batches to zero."""
        if self._carried is None:
            return
        backend = current_backend()
        for variable in tree.leaves(self._carried):
            variable.assign(filled(backend, variable.shape, 0.0, variable.dtype))

    def reset_states(self) -> None:
        """The same as `reset_state`."""
        self.reset_state()

    def _first_states(self, sequences: Any, initial_state: Any) -> list[Any]:
        if initial_state is None:
            if self.stateful and self._carried is not None:
                self._check_carried(sequences.shape)
                dtype, backend = self.compute_dtype, current_backend()
                return tree.map_leaves(lambda v: backend.cast(v.value, dtype), self._carried)
            return self._zero_states(sequences.shape)
        given = tree.leaves(initial_state)
        return tree.unflatten(self._check_states(given, sequences.shape), given)

    def _check_states(self, given: list, sequences_shape: Any) -> Any:
        """The structure of the states, once there are as many as there should be."""
        leaves, definition = tree.flatten(self._state_specs(None, sequences_shape))
        if len(given) != len(leaves):
            raise ValueError(
                f"{type(self).__name__} '{self.name}' has {len(leaves)} state(s), but "
                f"`initial_state` has {len(given)}: {[tuple(v.shape) for v in given]}."
            )
        return definition

    def _check_carried(self, sequences_shape: Any) -> None:
        kept = [variable.shape for variable in tree.leaves(self._carried)]
        specs = self._state_specs(sequences_shape[0], sequences_shape)
        asked = [spec.shape for spec in tree.leaves(specs)]
        if kept != asked:
            raise ValueError(
                f"{type(self).__name__} '{self.name}' is stateful: it keeps states of the shapes "
                f"{kept} from one batch to the next, but inputs of shape "
                f"{tuple(sequences_shape)} need {asked}. Keep to one batch size, and to one "
                "size of images, or make another layer."
            )

    def _zero_states(self, sequences_shape: Any) -> list[Any]:
        return self.get_initial_state(sequences_shape[0])

    # --------------------------------------------------------------------- call

    def call(
        self, sequences: Any, initial_state: Any = None, mask: Any = None,
        training: bool | None = False,
    ) -> Any:
        states = self._first_states(sequences, initial_state)
        try:
            last, outputs, states = self.inner_loop(sequences, states, _first(mask), training)
        finally:
            self._forget_dropout_masks()
        if self.stateful and self._carried is not None:
            for variable, value in zip(tree.leaves(self._carried), tree.leaves(states)):
                variable.assign(value)
        result = outputs if self.return_sequences else last
        return (result, *states) if self.return_state else result

    def inner_loop(
        self, sequences: Any, initial_state: Any, mask: Any, training: bool | None = False
    ) -> tuple[Any, Any, list[Any]]:
        """The cell over all time steps.

        Args:
            sequences: `(batch, steps, ...)`.
            initial_state: list of states.
            mask: `(batch, steps)` boolean or None.
            training: handed to the cell.

        Returns:
            `(last output, outputs, last states)`; the outputs are None unless
            `return_sequences`, the last output is None with it.
        """
        backend = current_backend()
        xp = backend.xp
        project, step = self._step(sequences.shape, training)
        given = xp.swapaxes(sequences, 0, 1)
        values, definition = tree.flatten(initial_state)
        dtypes = [value.dtype.name for value in values]
        sized = (sequences.shape[0], *self._output_size(sequences.shape))

        def advance(x: Any, states: list) -> tuple[Any, list]:
            output, new = step(x, tree.unflatten(definition, states))
            new = tree.leaves(new)
            if len(new) != len(dtypes):
                raise ValueError(
                    f"The cell of {type(self).__name__} '{self.name}' was given {len(dtypes)} "
                    f"state(s) and returned {len(new)}."
                )
            # A carry keeps its dtype, whatever the cell's arithmetic promotes to.
            new = [backend.cast(v, dtype) for v, dtype in zip(new, dtypes)]
            return backend.cast(output, self.compute_dtype), new

        def collect(states: list, x: Any) -> tuple[list, Any]:
            output, states = advance(x, states)
            return states, output

        def carry_states(states: list, x: Any) -> tuple[list, None]:
            return advance(x, states)[1], None

        sequence = self.return_sequences
        whole = getattr(step, "sequence", None)
        is_state = getattr(self.cell, "output_is_state", False) \
            and not hasattr(step, "calls_cell")
        if mask is not None:
            mask = backend.cast(xp.swapaxes(mask, 0, 1), "bool")
            zero = filled(backend, sized, 0.0, self.compute_dtype)

            def masked(carry: tuple, x: tuple) -> tuple[tuple, Any]:
                last, states = carry
                x, kept = x
                output, new = advance(x, states)
                shown = _where(xp, kept, output, zero) if self.zero_output_for_mask else None
                output = _where(xp, kept, output, last)
                new = [_where(xp, kept, a, b) for a, b in zip(new, states)]
                if not sequence:
                    return (output, new), None
                return (output, new), output if shown is None else shown

            first = values[0] if is_state else zero
            (last, values), outputs = self._scan(masked, (first, values), (project(given), mask))
        elif whole is not None and not self.unroll:
            def part(values: list, given: Any) -> tuple[list, Any]:
                xs, backwards = project(given), self.go_backwards
                if {*dtypes} == {xs.dtype.name}:
                    found = whole(xs, tree.unflatten(definition, values), backwards)
                    if found is not NotImplemented:
                        return tree.leaves(found[1]), found[0]
                return self._scan(collect if sequence else carry_states, values, xs)

            values, outputs = self._in_parts(part, values, given)
            last = None if sequence else values[0]  # such cells put a state out
        elif sequence:
            last = None
            values, outputs = self._scan(collect, values, project(given))
        elif is_state:
            values, outputs = self._scan(carry_states, values, project(given))
            last = values[0]
        else:
            def carry_output(carry: tuple, x: Any) -> tuple[tuple, None]:
                output, states = advance(x, carry[1])
                return (output, states), None

            zero = filled(backend, sized, 0.0, self.compute_dtype)
            (last, values), outputs = self._scan(carry_output, (zero, values), project(given))
        if sequence:
            if self.go_backwards:
                outputs = xp.flip(outputs, axis=0)
            outputs = xp.swapaxes(outputs, 0, 1)
        return last, outputs, tree.unflatten(definition, values)

    def _in_parts(self, part: Callable, values: list, given: Any) -> tuple[list, Any]:
        """A function over the whole sequence, or over parts of it whose products fit the cache.

        Args:
            part: `(states, (steps, batch, ...)) -> (states, outputs)`.
            values: the states.
            given: `(steps, batch, ...)`.
        """
        backend = current_backend()
        steps, batch = given.shape[:2]
        size = batch * self.cell.kernel.shape[-1] * values[0].dtype.itemsize
        count = _parts(steps, size, backend.sequence_bytes)
        if count == 1:
            return part(values, given)
        reshape = backend.xp.reshape
        given = reshape(given, (count, steps // count, *given.shape[1:]))
        values, outputs = backend.scan(part, values, given, reverse=self.go_backwards)
        if outputs is not None:
            outputs = reshape(outputs, (steps, *outputs.shape[2:]))
        return values, outputs

    def _step(self, sequences_shape: Any, training: bool | None) -> Step:
        return step_of(self.cell, (sequences_shape[0], *sequences_shape[2:]), training)

    def _scan(self, function: Callable, init: Any, xs: Any) -> tuple[Any, Any]:
        backend = current_backend()
        if not self.unroll:
            return backend.scan(function, init, xs, reverse=self.go_backwards)
        steps = tree.leaves(xs)[0].shape[0]
        order = range(steps - 1, -1, -1) if self.go_backwards else range(steps)
        collected: list[Any] = [None] * steps
        for index in order:
            init, collected[index] = function(
                init, tree.map_leaves(lambda x, index=index: x[index], xs))
        if not steps or collected[0] is None:
            return init, None
        return init, backend.xp.stack(collected)

    def _forget_dropout_masks(self) -> None:
        for cell in [self.cell, *getattr(self.cell, "cells", ())]:
            if hasattr(cell, "reset_dropout_mask"):
                cell.reset_dropout_mask()
                cell.reset_recurrent_dropout_mask()

    # ------------------------------------------------------------------- config

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        config = super().get_config()
        config["cell"] = serialize_keras_object(self.cell)
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """The layer that `get_config` described.

        Args:
            custom_objects: name → class, for a cell of another's making.
        """
        config = dict(config)
        if isinstance(config.get("cell"), dict):
            config["cell"] = deserialize_keras_object(
                without_build(config["cell"]), custom_objects=custom_objects)
        return super().from_config(config)


class _Zeros:
    """Initializer of zeros; the package of initializers need not be loaded for it."""

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        return filled(current_backend(), tuple(shape), 0.0, dtype)


def _parts(steps: int, size: int, most: int | None) -> int:
    """A number of parts that divides the steps, of about `most` bytes each; 1 for few bytes.

    Args:
        size: bytes of a step.
        most: see `Backend.sequence_bytes`.
    """
    if most is None or steps * size <= 8 * most:
        return 1
    wanted = -(-steps * size // most)
    return next((n for n in range(wanted, steps // 2 + 1) if steps % n == 0), 1)


def _first(mask: Any) -> Any:
    return mask[0] if isinstance(mask, (list, tuple)) else mask


def _where(xp: Any, kept: Any, new: Any, old: Any) -> Any:
    """`new` for the samples that are kept, `old` for the others."""
    return xp.where(kept.reshape(kept.shape + (1,) * (new.ndim - 1)), new, old)


