"""`Operation`: what a node of the graph calls; the base of layers, and of ops with a class."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Self

from highlevel.errors import suggest
from highlevel.naming import auto_name
from highlevel.rematerialization import (
    RematScope,
    current_remat_scope,
    evaluating_abstractly,
    output_size,
    recompute,
    recomputing,
)
from highlevel.serialization import deserialize_keras_object, serialize_keras_object
from highlevel.symbolic import Node, any_symbolic, evaluate_abstractly

__all__ = ["Operation"]


class Operation:
    """A function with a name and a config that joins the graph when called symbolically.

    Subclass it and write `call`; the shapes come from `compute_output_spec` where it is
    written, from abstract evaluation otherwise. For anything with weights, subclass `Layer`.

    Args:
        name: of this object in graphs; made from the class's name where it is None.

    Raises:
        ValueError: a name that is no string, or has a `/`.

    >>> import highlevel as hl
    >>> class Scale(hl.Operation):
    ...     def __init__(self, factor, name=None):
    ...         super().__init__(name=name)
    ...         self.factor = factor
    ...     def call(self, x):
    ...         return self.factor * x
    >>> Scale(2.0)(hl.Input((3,))).shape
    (None, 3)
    >>> Scale(2.0, name="twice").get_config()
    {'name': 'twice', 'factor': 2.0}
    """

    name: str
    _init_arguments: tuple[tuple, dict]
    _inbound_nodes: list[Node]
    _outbound_nodes: list[Node]
    #: whether masks pass through it entry by entry; layers have their own way
    _carries_masks = False
    #: the scope it was made in, or first called in
    _remat_scope: RematScope | None = None

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        self = super().__new__(cls)
        self.__dict__["_init_arguments"] = (args, kwargs)
        return self

    def __init__(self, name: str | None = None) -> None:
        if name is None:
            name = auto_name(type(self))
        elif not isinstance(name, str) or "/" in name:
            raise ValueError(
                f"The name of a {type(self).__name__} must be a string without '/'; got "
                f"{name!r}."
            )
        self.__dict__.update(name=name, _inbound_nodes=[], _outbound_nodes=[])
        scope = current_remat_scope()
        if scope is not None:
            self._remat_scope = scope

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not any_symbolic(args, kwargs):
            if self._remat_scope is not None:
                return self.rematerialized_call(self.call, *args, **kwargs)(*args, **kwargs)
            return self.call(*args, **kwargs)
        return self.symbolic_call(*args, **kwargs)

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """The operation on arrays; subclasses write it."""
        raise NotImplementedError(
            f"{type(self).__name__} '{self.name}' has no `call`: write what it does there."
        )

    def symbolic_call(self, *args: Any, **kwargs: Any) -> Any:
        """Symbolic outputs for symbolic inputs; the call becomes a node of the graph."""
        outputs = self.compute_output_spec(*args, **kwargs)
        Node(self, args, kwargs, outputs)
        return outputs

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Symbolic outputs for symbolic inputs, without a node in the graph."""
        return evaluate_abstractly(self.call, args, kwargs)

    def rematerialized_call(self, layer_call: Callable, *args: Any, **kwargs: Any) -> Callable:
        """`layer_call` as the `RematScope` says in which this object was made.

        Args:
            layer_call: function to change, often `self.call`.
            *args, **kwargs: what it will be called with.

        Returns:
            A function of the same arguments that keeps no intermediate values for the
            gradient, or `layer_call` itself where the scope does not want that.
        """
        if not self._is_recomputed(layer_call, args, kwargs):
            return layer_call
        return lambda *args, **kwargs: recompute(layer_call, args, kwargs)

    def _is_recomputed(self, call: Callable, args: tuple, kwargs: dict) -> bool:
        """Whether the scope wants this call, as a whole, computed again."""
        scope = self._remat_scope
        if scope is None or recomputing.get() or evaluating_abstractly():
            return False
        if scope.mode == "larger_than":
            return output_size(call, args, kwargs) > scope.output_size_threshold
        return scope.mode == "full" or (
            scope.mode == "list_of_layers" and self.name in scope.layer_names
        )

    # ---------------------------------------------------------------- the graph

    @property
    def input(self) -> Any:
        """The symbolic tensor(s) it was first called with.

        Raises:
            AttributeError: it was never called.
        """
        return self._end("input")

    @property
    def output(self) -> Any:
        """The symbolic tensor(s) of its first call.

        Raises:
            AttributeError: it was never called.
        """
        return self._end("output")

    @property
    def inbound(self) -> list[Any]:
        """The layers and ops whose outputs it is called with, in all its calls, each once.

        Raises:
            AttributeError: it was never called on symbolic tensors.

        >>> import highlevel as hl
        >>> x = hl.Input((3,), name="x")
        >>> first, last = hl.layers.Dense(3, name="first"), hl.layers.Dense(1, name="last")
        >>> y = last(first(x))
        >>> [layer.name for layer in first.inbound + first.outbound]
        ['x', 'last']
        """
        self._need_graph("inbound")
        parents = [parent for node in self._inbound_nodes for parent in node.parent_nodes]
        return list(dict.fromkeys(parent.operation for parent in parents))

    @property
    def outbound(self) -> list[Any]:
        """The layers and ops that are called with its outputs, each once.

        Raises:
            AttributeError: it was never called on symbolic tensors.
        """
        self._need_graph("outbound")
        return list(dict.fromkeys(node.operation for node in self._outbound_nodes))

    def _need_graph(self, what: str) -> None:
        if not self._inbound_nodes:
            raise AttributeError(
                f"{type(self).__name__} '{self.name}' was never called on symbolic tensors, so "
                f"that its `{what}` neighbours are not known. In a subclass of `Model`, "
                "`model.trace(x)` shows the calls in their order."
            )

    def _end(self, what: str) -> Any:
        if self._inbound_nodes:
            node = self._inbound_nodes[0]
            if what == "output":
                return node.output_tree
            if not node.inputs:  # an input layer
                return node.outputs[0] if len(node.outputs) == 1 else node.outputs
            if node.args and any_symbolic(node.args[:1], {}):
                return node.args[0]
            return node.inputs[0] if len(node.inputs) == 1 else node.inputs
        return self._end_without_graph(what)

    def _end_without_graph(self, what: str) -> Any:
        raise AttributeError(
            f"{type(self).__name__} '{self.name}' was never called on symbolic tensors and has "
            f"no `{what}` yet: call it on what `Input(...)` returns."
        )

    # --------------------------------------------------------------- the config

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal operation: those it was made with.

        Raises:
            NotImplementedError: an argument cannot be written; names it.
        """
        return {"name": self.name, **self._constructor_arguments()}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """The operation that `get_config` described.

        Raises:
            TypeError: an entry is no argument of the constructor.
        """
        return cls(**{key: _as_object(value) for key, value in config.items()})

    def _constructor_arguments(self) -> dict[str, Any]:
        """What the constructor was called with, as configs, without what bases hold."""
        args, kwargs = self._init_arguments
        signature = inspect.signature(type(self).__init__)
        bound = signature.bind(self, *args, **kwargs)
        arguments: dict[str, Any] = {}
        for name, value in list(bound.arguments.items())[1:]:
            kind = signature.parameters[name].kind
            if kind is inspect.Parameter.VAR_KEYWORD:
                arguments |= value
            elif kind is inspect.Parameter.VAR_POSITIONAL:
                raise NotImplementedError(
                    f"{type(self).__name__} '{self.name}' takes `*{name}` and needs a "
                    "`get_config` of its own."
                )
            else:
                arguments[name] = value
        written = {}
        for name, value in arguments.items():
            if name in ("name", "trainable", "dtype", "activity_regularizer"):
                continue
            try:
                written[name] = serialize_keras_object(value)
            except Exception as error:
                raise NotImplementedError(
                    f"The argument `{name}` of {type(self).__name__} '{self.name}' is {value!r} "
                    "and cannot be written into a config. Write `get_config` (and "
                    "`from_config`), or register the class of that object with "
                    "`saving.register_keras_serializable`."
                ) from error
        return written

    def _known_arguments(self, name: str) -> str:
        names = [
            p for cls in type(self).__mro__ if "__init__" in cls.__dict__
            for p in inspect.signature(cls.__init__).parameters
            if p not in ("self", "args", "kwargs")
        ]
        names = list(dict.fromkeys(names))
        return (suggest(name, names).strip() + " It takes: " + ", ".join(names) + ".").strip()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


def _as_object(value: Any) -> Any:
    if isinstance(value, dict) and "class_name" in value:
        return deserialize_keras_object(value)
    return value
