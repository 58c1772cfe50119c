"""`StackedRNNCells`: several cells, one on top of the other, as one cell."""

from __future__ import annotations

from typing import Any

from highlevel.layers.config import without_build
from highlevel.layers.layer import Layer
from highlevel.layers.recurrent.cell import Step
from highlevel.layers.recurrent.protocol import (
    caller,
    check_cell,
    initial_state_of,
    output_size_of,
    step_of,
)
from highlevel.serialization import deserialize_keras_object, serialize_keras_object
from highlevel.symbolic import SymbolicTensor

__all__ = ["StackedRNNCells"]


class StackedRNNCells(Layer):
    """Several cells as one: the output of each is the input of the next.

    Args:
        cells: list of cells; see `RNN`.

    Call with `inputs` of the first cell and a list of the cells' states; returns the last
    cell's output and the list of new states.

    Raises:
        ValueError: one of the cells is none.

    >>> import highlevel as hl
    >>> cells = [hl.layers.LSTMCell(4), hl.layers.GRUCell(3)]
    >>> hl.layers.RNN(hl.layers.StackedRNNCells(cells))(hl.ops.ones((2, 5, 3))).shape
    (2, 3)
    """

    def __init__(self, cells: list[Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        for cell in cells:
            check_cell(cell, self)
        self.cells = list(cells)

    @property
    def state_size(self) -> list[Any]:
        """The cells' state sizes."""
        return [cell.state_size for cell in self.cells]

    @property
    def output_size(self) -> Any:
        """The last cell's output size."""
        size = output_size_of(self.cells[-1])
        return size[0] if len(size) == 1 else size

    def build(self, input_shape: Any) -> None:
        """Build each cell for the output of the one below."""
        for cell in self.cells:
            if isinstance(cell, Layer) and not cell.built:
                cell.build(input_shape)
            input_shape = (input_shape[0], *output_size_of(cell))

    def get_initial_state(self, batch_size: int | None = None) -> list[Any]:
        """The cells' first states."""
        return [initial_state_of(cell, batch_size, self.compute_dtype) for cell in self.cells]

    def call(
        self, inputs: Any, states: Any, training: bool | None = False, **kwargs: Any
    ) -> Any:
        new_states = []
        for cell, state in zip(self.cells, states):
            several = isinstance(state, (list, tuple))
            inputs, new = caller(cell, training, kwargs)(inputs, state if several else [state])
            if several:
                new_states.append(list(new) if isinstance(new, (list, tuple)) else [new])
            else:
                new_states.append(new[0] if isinstance(new, (list, tuple)) else new)
        return inputs, new_states

    def compute_output_spec(
        self, inputs: Any, states: Any, training: bool | None = False, **kwargs: Any
    ) -> Any:
        output = SymbolicTensor.of((inputs.shape[0], *output_size_of(self)), self.compute_dtype)

        def like(state: Any) -> Any:
            if isinstance(state, (list, tuple)):
                return [like(one) for one in state]
            return SymbolicTensor.of(tuple(state.shape), self.compute_dtype)

        return output, [like(state) for state in states]

    def step_function(self, step_shape: Any, training: bool | None = False) -> Step:
        """The cells' steps as one, with the first cell's input product apart."""
        steps = []
        for cell in self.cells:
            steps.append(step_of(cell, step_shape, training))
            step_shape = (step_shape[0], *output_size_of(cell))

        def step(projected: Any, states: Any) -> tuple[Any, list[Any]]:
            new_states = []
            for index, ((project, advance), state) in enumerate(zip(steps, states)):
                if index:
                    projected = project(projected)
                projected, new = advance(projected, state)
                new_states.append(new)
            return projected, new_states

        return steps[0][0], step

    def get_config(self) -> dict[str, Any]:
        """The arguments that make equal cells."""
        config = super().get_config()
        config["cells"] = [serialize_keras_object(cell) for cell in self.cells]
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """The cells that `get_config` described.

        Args:
            custom_objects: name → class, for cells of another's making.
        """
        config = dict(config)
        config["cells"] = [
            deserialize_keras_object(without_build(cell), custom_objects=custom_objects)
            if isinstance(cell, dict) else cell
            for cell in config["cells"]
        ]
        return super().from_config(config)
