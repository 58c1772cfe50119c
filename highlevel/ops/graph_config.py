"""Ops of a graph to configurations and back."""

from __future__ import annotations

import difflib
import importlib
import inspect
from collections.abc import Callable
from typing import Any

from highlevel_backend import tree

from highlevel.ops.dispatch import OpCall, registered_ops
from highlevel.ops.graph_table import graph_op, graph_op_of_class, input_names, split_call
from highlevel.serialization import deserialize_keras_object, serialize_keras_object
from highlevel.symbolic import Node, SymbolicTensor

__all__ = ["SavedOp", "op_from_config", "op_to_config"]

_OWN_MODULE = "highlevel.ops"
# Two ops that files name as classes of their own, with another home than `ops`.
_ACTIVATIONS = {"ReLU": "relu", "Mish": "mish"}


def op_to_config(operation: OpCall) -> dict[str, Any]:
    """The configuration of one use of an op: its class and the arguments beside inputs."""
    entry = graph_op(operation.function)
    config: dict[str, Any] = {"name": operation.name}
    if entry is None:
        module, class_name = _OWN_MODULE, operation.function.__name__
    else:
        module, class_name = entry.module, entry.class_name
        node = operation._inbound_nodes[0]
        config |= split_call(operation.function, node.args, node.kwargs)[2]
    return {
        "module": module,
        "class_name": class_name,
        "config": serialize_keras_object(config),
        "registered_name": class_name,
    }


class SavedOp:
    """An op with the arguments a file gives it; called with inputs, it joins a graph.

    Attributes:
        name: the name that the file gives this use of the op.
    """

    def __init__(self, function: Callable, name: str, config: dict[str, Any]) -> None:
        self.function = function
        self.name = name
        self.config = config
        self._inbound_nodes: list[Node] = []
        self._outbound_nodes: list[Node] = []
        self._entry = graph_op(function)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        outputs = self._call(args, kwargs)
        for leaf in tree.leaves(outputs):
            if type(leaf) is SymbolicTensor and leaf.node is not None:
                node = leaf.node
                node.operation.name = self.name
                self._inbound_nodes.append(node)
                break
        return outputs

    def _call(self, args: tuple, kwargs: dict[str, Any]) -> Any:
        if self._entry is None:
            return self.function(*args, **{**self.config, **kwargs})
        signature = inspect.signature(self.function)
        names = input_names(self._entry, signature)
        variadic = [
            n for n in names
            if signature.parameters[n].kind is inspect.Parameter.VAR_POSITIONAL
        ]
        if variadic:
            before = [self.config[n] for n in signature.parameters if n in self.config
                      and signature.parameters[n].kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]
            return self.function(*before, *args, **kwargs)
        if self._entry.function == "get_item" and len(args) > 1 and isinstance(args[1], list):
            args = (args[0], tuple(args[1]), *args[2:])  # JSON made a list of the key
        given = dict(zip(names, args))
        return self.function(**given, **kwargs, **self.config)


def op_from_config(module: str, class_name: str, config: dict[str, Any]) -> SavedOp:
    """The op that a file's configuration means.

    Raises:
        TypeError: no such op, or an argument it does not take.
    """
    importlib.import_module("highlevel.ops")  # all ops are registered once it is loaded
    if module == "keras.src.activations.activations":
        activations = importlib.import_module("highlevel.activations")
        function = getattr(activations, _ACTIVATIONS.get(class_name, ""), None)
        known = list(_ACTIVATIONS)
    elif module.startswith("highlevel"):
        function, known = registered_ops.get(class_name), list(registered_ops)
    else:
        entry = graph_op_of_class(module, class_name)
        function = registered_ops.get(entry.function) if entry is not None else None
        known = list(registered_ops)
    if function is None:
        near = difflib.get_close_matches(class_name.lower(), known, n=1)
        raise TypeError(
            f"The configuration names the op '{class_name}' of '{module}', which this library "
            f"does not have.{f' Similar: {near[0]!r}.' if near else ''}"
        )
    config = dict(config)
    name = config.pop("name", None) or function.__name__
    arguments = {
        key: _tuples(deserialize_keras_object(value)) for key, value in config.items()
    }
    parameters = inspect.signature(function).parameters
    if not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        for key in [key for key in arguments if key not in parameters]:
            if arguments[key] not in (None, False):
                raise TypeError(
                    f"The op '{name}' ({class_name}) is configured with `{key}="
                    f"{arguments[key]!r}`, which `{function.__name__}` here does not take."
                )
            del arguments[key]
    return SavedOp(function, name, arguments)


def _tuples(value: Any) -> Any:
    """Lists from JSON as the tuples they were."""
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value
