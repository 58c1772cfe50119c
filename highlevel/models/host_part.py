"""`HostPart`: the beginning of a model's graph that runs on the host, before the program.

Strings cannot enter a compiled program, nor can 64-bit integers on every backend. A model
whose graph holds layers that work on them (`Layer.runs_on_host`) is therefore cut in two:
these layers, and all that leads up to them, are run in NumPy on each batch of data; what
they give is handed to the program, which runs the rest. The program gets a dict with a key
per tensor that crosses the cut, so that no other structure can be taken for it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from highlevel_backend import current_backend, tree, use_backend

from highlevel.layers.layer import CallContext, Layer, call_context
from highlevel.layers.preprocessing.data_layer import as_numpy
from highlevel.models.graph import Graph, node_of
from highlevel.symbolic import SymbolicTensor

__all__ = ["HostPart", "as_data", "has_host_layers", "host_part_of", "is_prepared"]

_PREFIX = "host:"


def is_prepared(inputs: Any) -> bool:
    """Whether inputs have been through a model's host part."""
    return type(inputs) is dict and bool(inputs) and all(
        type(key) is str and key.startswith(_PREFIX) for key in inputs
    )


def has_host_layers(operation: Any) -> bool:
    """Whether a layer, or one inside it, runs on the host."""
    if not isinstance(operation, Layer):
        return False
    return operation.runs_on_host or (
        operation._has_sublayers
        and any(layer.runs_on_host for layer in operation._flatten_layers())
    )


class HostPart:
    """A graph cut in two.

    Args:
        graph: the whole.
        needed: calls that run on the host.

    Attributes:
        reason: why the graph cannot be cut and has to run step by step; None where it can.
        fixed: whether what crosses the cut has known lengths, the first axis aside.
    """

    def __init__(self, graph: Graph, needed: set[Any]) -> None:
        crossing: dict[SymbolicTensor, None] = {}
        ends = set(graph.inputs)
        made = ends | {tensor for node in needed for tensor in node.outputs}
        for node in graph.nodes:
            if node not in needed and not all(tensor in ends for tensor in node.outputs):
                crossing.update(dict.fromkeys(t for t in node.inputs if t in made))
        crossing.update(dict.fromkeys(t for t in tree.leaves(graph.outputs) if t in made))
        tensors = list(crossing)
        self.reason: str | None = None
        self.fixed = False
        self.ends: Any = None  # what it was made for, for those whose graph grows
        trained = [
            node.operation.name for node in needed
            if isinstance(node.operation, Layer) and node.operation.trainable_variables
        ]
        if trained:
            self.reason = f"layer '{trained[0]}' has weights and leads to one that runs on the host"
        elif any(tensor.dtype == "string" for tensor in tensors):
            self.reason = "it gives strings"
        if self.reason is not None:
            return
        self._keys: list[str] = []
        for tensor in tensors:
            key = _PREFIX + node_of(tensor).operation.name
            while key in self._keys:
                key += "+"
            self._keys.append(key)
        self._before = Graph(graph.inputs, tensors)
        self._after = Graph(tensors, graph.outputs)
        self.fixed = all(None not in tensor.shape[1:] for tensor in tensors)

    def prepare(self, values: list[Any]) -> dict[str, np.ndarray]:
        """Run the host part on data, a NumPy array per input; in NumPy on every backend."""
        token = call_context.set(CallContext(training=False))
        try:
            with use_backend("numpy"):
                found = self._before.run(values)
        finally:
            call_context.reset(token)
        return {key: np.asarray(value) for key, value in zip(self._keys, found)}

    def finish(self, prepared: dict[str, Any]) -> Any:
        """Run the rest, on what `prepare` gave."""
        missing = [key for key in self._keys if key not in prepared]
        if missing:
            raise ValueError(
                f"The inputs were prepared for another model: {missing[0]!r} is missing from "
                f"{sorted(prepared)}."
            )
        backend = current_backend()
        return self._after.run([backend.asarray(prepared[key]) for key in self._keys])


def host_part_of(graph: Graph) -> HostPart | None:
    """How a graph is cut, None where nothing in it needs the host."""
    hosts = [node for node in graph.nodes if has_host_layers(node.operation)]
    if not hosts:
        return None
    if any(hasattr(node.operation, "_graph_inside") and node.operation.trainable_variables
           for node in hosts):
        # A model inside that has both parts: cut through it.
        graph = Graph(graph.inputs, graph.run(graph.inputs, _opened))
        hosts = [node for node in graph.nodes if has_host_layers(node.operation)]
    starts = set(graph.inputs)
    needed: set[Any] = set()
    waiting = hosts
    while waiting:
        node = waiting.pop()
        if node in needed or all(tensor in starts for tensor in node.outputs):
            continue
        needed.add(node)
        waiting += node.parent_nodes
    return HostPart(graph, needed)


def _opened(operation: Any, args: tuple, kwargs: dict) -> Any:
    """A call, or where it is of a model with layers for the host, the calls inside."""
    if hasattr(operation, "_graph_inside") and has_host_layers(operation):
        inside = operation._graph_inside()
        if inside is not None and len(args) == 1:
            return inside.run(operation._take_values(args[0]), _opened)
    return operation(*args, **kwargs)


def as_data(inputs: Any) -> Any:
    """Inputs as NumPy arrays: lists of strings, tables' columns and arrays of any library."""
    def leaf(value: Any) -> bool:
        return isinstance(value, (list, tuple)) and bool(value) and isinstance(
            _first(value), (str, bytes))

    return tree.map_leaves(
        lambda value: np.asarray(value, object) if leaf(value) else as_numpy(value),
        inputs, is_leaf=leaf,
    )


def _first(value: Any) -> Any:
    while isinstance(value, (list, tuple)) and value:
        value = value[0]
    return value
