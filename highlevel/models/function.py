"""`Function`: the calls between some symbolic inputs and outputs, as one operation."""

from __future__ import annotations

from typing import Any

from highlevel_backend import tree

from highlevel.models.functional_config import functional_config, functional_from_config
from highlevel.models.graph import Graph
from highlevel.operation import Operation
from highlevel.symbolic import SymbolicTensor, evaluate_abstractly

__all__ = ["Function"]


class Function(Operation):
    """A piece of a graph that can be called like the layers and ops it is made of.

    It holds no weights of its own and does not train; `Model(inputs, outputs)` does.

    Args:
        inputs: symbolic tensor, or a tree of them.
        outputs: symbolic tensor or tree of them that depend on `inputs` alone.
        name: of the operation in graphs.

    Raises:
        ValueError: no symbolic tensors; outputs that depend on more than `inputs`.

    >>> import highlevel as hl
    >>> x = hl.Input((3,))
    >>> function = hl.Function(x, hl.ops.sum(hl.ops.square(x), axis=-1))
    >>> [float(v) for v in function(hl.ops.array([[1.0, 2.0, 2.0]]))]
    [9.0]
    >>> function(hl.Input((3,))).shape
    (None,)
    """

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None) -> None:
        super().__init__(name=name)
        for what, values in (("inputs", inputs), ("outputs", outputs)):
            for value in tree.leaves(values):
                if type(value) is not SymbolicTensor:
                    raise ValueError(
                        f"The {what} of a Function are symbolic tensors (what `Input(...)` and "
                        f"calls on it return); '{self.name}' got {value!r} of type "
                        f"{type(value).__name__}."
                    )
        self._inputs_struct = inputs
        self._outputs_struct = outputs
        self._graph = Graph(tree.leaves(inputs), outputs)

    @property
    def operations(self) -> list[Any]:
        """The layers and ops of the graph, inputs first."""
        return list(self._graph.operations)

    @property
    def inputs(self) -> list[SymbolicTensor]:
        """The symbolic inputs, flat."""
        return self._graph.inputs

    @property
    def outputs(self) -> list[SymbolicTensor]:
        """The symbolic outputs, flat."""
        return tree.leaves(self._outputs_struct)

    @property
    def input(self) -> Any:
        """The symbolic inputs in the structure they were given in."""
        return self._inputs_struct

    @property
    def output(self) -> Any:
        """The symbolic outputs in the structure they were given in."""
        return self._outputs_struct

    def call(self, inputs: Any) -> Any:
        """The outputs for values of the inputs.

        Raises:
            ValueError: another structure than that of `inputs`.
        """
        values = tree.leaves(inputs)
        if len(values) != len(self.inputs):
            raise ValueError(
                f"Function '{self.name}' has {len(self.inputs)} input(s), but it was called "
                f"with {len(values)}."
            )
        return self._graph.run(values)

    def compute_output_spec(self, inputs: Any) -> Any:
        """Symbolic outputs for symbolic inputs, without a node in the graph."""
        return evaluate_abstractly(self.call, (inputs,), {})

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Shapes of the outputs for shapes of the inputs (tuples, `None` where unknown)."""
        shapes = iter(_shapes(input_shape))
        given = tree.map_leaves(lambda t: SymbolicTensor(next(shapes), t.dtype),
                                self._inputs_struct)
        return tree.map_leaves(lambda t: t.shape, self.compute_output_spec(given))

    def get_config(self) -> dict[str, Any]:
        """The operations, how they are connected, inputs and outputs."""
        return functional_config(self)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """The function that `get_config` described."""
        return functional_from_config(cls, config)


def _shapes(value: Any) -> list[tuple]:
    """The shapes in a tree whose leaves are shapes."""
    if isinstance(value, dict):
        return [shape for key in sorted(value) for shape in _shapes(value[key])]
    if all(entry is None or isinstance(entry, int) for entry in value):
        return [tuple(value)]
    return [shape for item in value for shape in _shapes(item)]
