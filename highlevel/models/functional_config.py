"""A functional model as a config of layers and connections, and back."""

from __future__ import annotations

from typing import Any

from highlevel_backend import tree

from highlevel.models.graph import node_of
from highlevel.ops.dispatch import OpCall
from highlevel.serialization import deserialize_keras_object, serialize_keras_object
from highlevel.symbolic import Node, SymbolicTensor

__all__ = ["functional_config", "functional_from_config"]


def functional_config(model: Any) -> dict[str, Any]:
    """The config of a functional model or of a `Function`."""
    nodes = set(model._graph.nodes)
    # A layer may have been called outside this model too: count only the calls inside.
    position: dict[Node, int] = {}
    for operation in model._graph.operations:
        inside = [node for node in operation._inbound_nodes if node in nodes]
        position |= {node: i for i, node in enumerate(inside)}

    def reference(tensor: SymbolicTensor) -> list:
        node = node_of(tensor)
        return [node.operation.name, position[node], tensor.index]

    def end(tensor: SymbolicTensor) -> list:
        name, position, index = reference(tensor)
        return [name, position + _first_call(node_of(tensor).operation), index]

    def written(value: Any) -> Any:
        if type(value) is SymbolicTensor:
            return {
                "class_name": "__keras_tensor__",
                "config": {
                    "shape": list(value.shape),
                    "dtype": value.dtype,
                    "keras_history": reference(value),
                },
            }
        if type(value) is list:
            return [written(item) for item in value]
        if type(value) is tuple:
            if any(type(leaf) is SymbolicTensor for leaf in tree.leaves(value)):
                return [written(item) for item in value]
            return serialize_keras_object(value)
        if type(value) is dict:
            return {key: written(item) for key, item in value.items()}
        return serialize_keras_object(value)

    layers = []
    for operation in model._graph.operations:
        data = serialize_keras_object(operation)
        data["name"] = operation.name
        calls = []
        for node in operation._inbound_nodes:
            if node not in nodes or not node.inputs:
                continue
            args, kwargs = node.args, node.kwargs
            if isinstance(operation, OpCall):
                args, kwargs = operation.graph_arguments(args, kwargs)
            calls.append({"args": written(list(args)), "kwargs": written(kwargs)})
        data["inbound_nodes"] = calls
        layers.append(data)

    return {
        "name": model.name,
        **({"trainable": model.trainable} if hasattr(model, "trainable") else {}),
        "layers": layers,
        "input_layers": tree.map_leaves(end, model._inputs_struct),
        "output_layers": tree.map_leaves(end, model._outputs_struct),
    }


def _first_call(operation: Any) -> int:
    """Number that ends of a graph give to an operation's first call.

    Files count the calls of a functional model from 1 there, and only there.
    """
    return 1 if hasattr(operation, "_outputs_struct") else 0


def functional_from_config(cls: Any, config: dict[str, Any], custom_objects: Any = None) -> Any:
    """The model that `functional_config` described.

    Raises:
        ValueError: a connection leads to a layer or call that the config does not hold.
    """
    made: dict[str, Any] = {}
    waiting: dict[str, list[dict]] = {}
    for data in config["layers"]:
        operation = deserialize_keras_object(data, custom_objects=custom_objects)
        made[data["name"]] = operation
        waiting[data["name"]] = list(data["inbound_nodes"])
    calls: dict[str, list[Node]] = {
        name: [node for node in operation._inbound_nodes if not node.inputs]
        for name, operation in made.items()
    }

    def find(history: Any) -> SymbolicTensor | None:
        name, node_index, tensor_index = history
        if name not in made:
            raise ValueError(f"The model's config names a layer '{name}' that it does not hold.")
        found = calls[name]
        return found[node_index].outputs[tensor_index] if node_index < len(found) else None

    class _Missing(Exception):
        pass

    def read(value: Any) -> Any:
        if isinstance(value, dict):
            if value.get("class_name") == "__keras_tensor__":
                tensor = find(value["config"]["keras_history"])
                if tensor is None:
                    raise _Missing
                return tensor
            if "class_name" in value and "config" in value:
                return deserialize_keras_object(value, custom_objects=custom_objects)
            return {key: read(item) for key, item in value.items()}
        if isinstance(value, list):
            return [read(item) for item in value]
        return value

    while any(waiting.values()):
        progress = False
        for name, todo in waiting.items():
            while todo:
                args, kwargs = _call_arguments(todo[0])
                try:
                    args, kwargs = read(args), read(kwargs)
                except _Missing:
                    break  # made by a call still to come
                operation = made[name]
                before = len(operation._inbound_nodes)
                operation(*args, **kwargs)
                calls[name].append(operation._inbound_nodes[before])
                todo.pop(0)
                progress = True
        if not progress:
            stuck = [name for name, todo in waiting.items() if todo]
            raise ValueError(
                f"The connections of the model's config cannot be followed: the inputs of "
                f"{stuck} never come about."
            )

    def end(structure: Any) -> Any:
        if isinstance(structure, dict):
            return {key: end(item) for key, item in structure.items()}
        if (
            len(structure) == 3 and isinstance(structure[0], str)
            and isinstance(structure[1], int)
        ):
            name, position, index = structure
            position = max(position - _first_call(made.get(name)), 0)
            tensor = find([name, position, index])
            if tensor is None:
                raise ValueError(
                    f"The model's config names call {position} of '{name}' as an end, which it "
                    "does not hold."
                )
            return tensor
        inner = [end(item) for item in structure]
        return inner

    inputs, outputs = end(config["input_layers"]), end(config["output_layers"])
    extra = {
        key: value for key, value in config.items()
        if key not in ("layers", "input_layers", "output_layers", "name", "trainable", "dtype")
    }
    model = cls(
        inputs=_alone(inputs), outputs=_alone(outputs), name=config.get("name"), **extra
    )
    if not config.get("trainable", True):
        model.trainable = False
    return model


def _alone(structure: Any) -> Any:
    """A single tensor for a list of one: how a lone input or output is written."""
    return structure[0] if type(structure) is list and len(structure) == 1 else structure


def _call_arguments(data: Any) -> tuple[Any, Any]:
    if isinstance(data, dict):
        return data["args"], data["kwargs"]
    raise ValueError(
        "The config describes connections in the form of an older version; load the model "
        "there and save it again."
    )


