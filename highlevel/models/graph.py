"""`Graph`: the calls between some symbolic inputs and outputs, in an order to run them.

Depth of a call: the longest way from it to an output. Calls run from the deepest on;
among calls of equal depth, in the order in which a walk back from the outputs meets their
layers. That order is also the order of `model.layers`, and so of its weights.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any, cast

from highlevel_backend import tree

from highlevel.layers.layer import Layer
from highlevel.symbolic import Node, SymbolicTensor

__all__ = ["Graph", "node_of"]


def node_of(tensor: SymbolicTensor) -> Node:
    """The call that made a tensor of a graph: there is one."""
    return cast(Node, tensor.node)


class Graph:
    """A runnable piece of the graph of symbolic calls.

    Args:
        inputs: list of symbolic tensors.
        outputs: tree of symbolic tensors.

    Attributes:
        operations: layers and op calls, inputs first.
        nodes: the calls, in the order they run.

    Raises:
        ValueError: an output depends on an input that is not among `inputs`.
    """

    def __init__(self, inputs: list[SymbolicTensor], outputs: Any) -> None:
        self.inputs = inputs
        self.outputs = outputs
        self._flat_outputs: list[SymbolicTensor] = tree.leaves(outputs)
        self._output_tree = tree.flatten(outputs)[1]
        self.nodes, self.operations = self._order()

    def _order(self) -> tuple[list[Node], list[Any]]:
        starts = set(self.inputs)
        indices: dict[Any, int] = {}
        finished: list[Node] = []  # parents before children
        seen: set[Node] = set()
        # An explicit stack: graphs may be deeper than Python's recursion limit.
        stack: list[tuple[Node, Iterator[SymbolicTensor]]] = []

        def enter(node: Node) -> None:
            seen.add(node)
            indices.setdefault(node.operation, len(indices))
            is_start = all(tensor in starts for tensor in node.outputs)
            if not node.inputs and not is_start:
                missing = node.outputs[0]
                raise ValueError(
                    f"The outputs depend on the input '{node.operation.name}' "
                    f"({missing!r}), which is not among the model's inputs: "
                    f"{[tensor.name for tensor in self.inputs]}. Add it to `inputs`."
                )
            stack.append((node, iter(() if is_start else node.inputs)))

        for output in self._flat_outputs:
            if output.node is None:
                raise ValueError(
                    f"{output!r} was not made by a layer or op, so no model leads to it. "
                    "Begin with `Input(...)`."
                )
            if output.node not in seen:
                enter(output.node)
            while stack:
                node, parents = stack[-1]
                for tensor in parents:
                    parent = tensor.node
                    if parent is None:
                        raise ValueError(
                            f"{tensor!r} was not made by a layer or op; begin with `Input(...)`."
                        )
                    if parent not in seen:
                        enter(parent)
                        break
                else:
                    stack.pop()
                    finished.append(node)
        node_depth: dict[Node, int] = {}
        operation_depth: dict[Any, int] = {}
        for node in reversed(finished):
            depth = max(node_depth.setdefault(node, 0), operation_depth.get(node.operation, 0))
            node_depth[node] = operation_depth[node.operation] = depth
            if all(tensor in starts for tensor in node.outputs):
                continue
            for parent in node.parent_nodes:
                node_depth[parent] = max(depth + 1, node_depth.get(parent, 0))
        for tensor in self.inputs:
            node = tensor.node
            if node is not None and node.operation not in operation_depth:
                operation_depth[node.operation] = 0  # given, but nothing depends on it
                indices[node.operation] = -1
                node_depth[node] = 0
        operations = sorted(operation_depth, key=lambda o: (-operation_depth[o], indices[o]))
        position = {operation: i for i, operation in enumerate(operations)}
        order = {node: i for i, node in enumerate(finished)}
        nodes = sorted(
            node_depth,
            key=lambda n: (-node_depth[n], position[n.operation], order.get(n, -1)),
        )
        return nodes, operations

    @functools.cached_property
    def _plan(self) -> tuple:
        """Per call: what to call, how to fill its arguments, where its results go."""
        slots: dict[SymbolicTensor, int] = {}
        for tensor in self.inputs:
            slots[tensor] = len(slots)
        steps: list[tuple] = []
        last_use: dict[int, int] = {}
        starts = set(self.inputs)
        for node in self.nodes:
            if all(tensor in starts for tensor in node.outputs):
                continue
            fill = _filler(node, slots)
            for tensor in node.inputs:
                last_use[slots[tensor]] = len(steps)
            places = []
            for tensor in node.outputs:
                slots.setdefault(tensor, len(slots))
                places.append(slots[tensor])
            steps.append((node.operation, fill, places))
        kept = {slots[tensor] for tensor in self._flat_outputs}
        free: list[list[int]] = [[] for _ in steps]
        for slot, step in last_use.items():
            if slot not in kept:
                free[step].append(slot)
        plan = [(*step, dead) for step, dead in zip(steps, free)]
        return plan, len(slots), [slots[tensor] for tensor in self._flat_outputs]

    def run(self, values: list[Any], call: Callable | None = None) -> Any:
        """The outputs for values of the inputs (arrays, or symbolic tensors).

        Args:
            values: one per input, in order.
            call: replaces `operation(*args, **kwargs)` where given.

        Returns:
            A tree in the structure of `outputs`.
        """
        plan, size, output_slots = self._plan
        slots: list[Any] = [None] * size
        slots[: len(values)] = values
        for operation, fill, places, dead in plan:
            args, kwargs = fill(slots)
            result = operation(*args, **kwargs) if call is None else call(operation, args, kwargs)
            if len(places) == 1 and type(result) not in (list, tuple, dict):
                slots[places[0]] = result
            else:
                for place, value in zip(places, _flat_results(result)):
                    slots[place] = value
            for slot in dead:
                slots[slot] = None
        return tree.unflatten(self._output_tree, [slots[slot] for slot in output_slots])

    @property
    def layers(self) -> list[Layer]:
        """The layers among the operations."""
        return [operation for operation in self.operations if isinstance(operation, Layer)]


def _flat_results(result: Any) -> list[Any]:
    return tree.leaves(result)


def _filler(node: Node, slots: dict[SymbolicTensor, int]) -> Callable:
    """A function from slot values to the `(args, kwargs)` of a call."""
    args, kwargs = node.args, node.kwargs
    if len(args) == 1 and not kwargs and type(args[0]) is SymbolicTensor:
        slot = slots[args[0]]
        return lambda values: ((values[slot],), {})
    leaves, definition = tree.flatten((args, kwargs))
    places = [(i, slots[leaf]) for i, leaf in enumerate(leaves) if type(leaf) is SymbolicTensor]

    def fill(values: list) -> Any:
        filled = list(leaves)
        for place, slot in places:
            filled[place] = values[slot]
        return tree.unflatten(definition, filled)

    return fill
