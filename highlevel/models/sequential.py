"""`Sequential`: a stack of layers, each called on what the one before returned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from highlevel_backend import current_backend, tree

from highlevel.errors import public
from highlevel.layers.input_layer import InputLayer
from highlevel.layers.layer import Layer, holds_strings, symbolic_tensors
from highlevel.models.functional import Functional
from highlevel.models.graph import Graph, node_of
from highlevel.models.host_part import has_host_layers, host_part_of, is_prepared
from highlevel.models.model import Model
from highlevel.naming import name_scope
from highlevel.serialization import deserialize_keras_object, serialize_keras_object
from highlevel.symbolic import SymbolicTensor

__all__ = ["Sequential"]


class Sequential(Model):
    """A stack of layers with one input and one output.

    Args:
        layers: list of layers; with an `Input(...)` first, the model is built at once,
            without it when it first meets data.
        trainable: whether training changes its variables.
        name: of the model.

    Raises:
        TypeError: something that is no layer.
        ValueError: a name that is used twice, an input that is not first.

    >>> import highlevel as hl
    >>> model = hl.Sequential([hl.Input((4,)), hl.layers.Dense(8, "relu"), hl.layers.Dense(2)])
    >>> model.output_shape, model.count_params()
    ((None, 2), 58)
    """

    _runs_graph = True

    @public
    def __init__(
        self,
        layers: Sequence[Any] | None = None,
        trainable: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(trainable=trainable, name=name, **kwargs)
        self._layers: list[Layer] = []
        self._ends: tuple[SymbolicTensor, Any] | None = None
        for layer in layers or ():
            self.add(layer)

    @public
    def add(self, layer: Any, rebuild: bool = True) -> None:
        """Put a layer on top.

        Args:
            layer: a layer, or the tensor that `Input(...)` returned.
            rebuild: accepted for the contract.

        Raises:
            TypeError, ValueError: see the class.
        """
        if type(layer) is SymbolicTensor and layer.node is not None and isinstance(
            layer.node.operation, InputLayer
        ):
            layer = layer.node.operation
        if not isinstance(layer, Layer):
            given = f"the class {layer.__name__}; call it: `{layer.__name__}(...)`" if isinstance(
                layer, type) else repr(layer)
            raise TypeError(
                f"Sequential '{self.name}' takes layers; at position {len(self._layers)} it was "
                f"given {given}."
            )
        if any(other.name == layer.name for other in self._layers):
            raise ValueError(
                f"Sequential '{self.name}' already has a layer '{layer.name}'; names must be "
                "unique: give this one another `name`."
            )
        if isinstance(layer, InputLayer) and self._layers:
            raise ValueError(
                f"Sequential '{self.name}': the input must come first; it has "
                f"{len(self._layers)} layers already."
            )
        if not self._layers and layer._first_input_shape is not None:
            self._layers.append(InputLayer(shape=layer._first_input_shape))
            self._start(self._layers[0].output)
        if (
            not self._layers and isinstance(layer, Functional)
            and len(layer.inputs) == 1 and not isinstance(layer.input, dict)
        ):
            self._layers.append(InputLayer(batch_shape=layer.inputs[0].shape,
                                           dtype=layer.inputs[0].dtype))
            self._start(self._layers[0].output)
        self._layers.append(layer)
        if has_host_layers(layer):
            self._prepares_inputs = True
        if isinstance(layer, InputLayer):
            self._start(layer.output)
        elif self._ends is not None:
            with name_scope(self.name):
                self._extend(layer)
        self._layers = list(self._layers)  # a new list: what was compiled is stale

    def _start(self, tensor: SymbolicTensor) -> None:
        self._ends = (tensor, tensor)

    def _extend(self, layer: Layer) -> None:
        start, end = cast(tuple[SymbolicTensor, Any], self._ends)  # begun by `_start`
        outputs = layer(end)
        if type(outputs) is not SymbolicTensor and len(tree.leaves(outputs)) != 1 and (
            layer is not self._layers[-1]
        ):
            raise ValueError(
                f"Sequential '{self.name}' passes one tensor from layer to layer, but layer "
                f"'{layer.name}' returns {len(tree.leaves(outputs))}. Use a functional model."
            )
        self._ends = (start, outputs)
        self.built = True

    def pop(self, rebuild: bool = True) -> Layer | None:
        """Take the top layer off and return it."""
        if not self._layers:
            return None
        layer = self._layers[-1]
        self._layers = self._layers[:-1]
        if self._ends is not None:
            start = self._ends[0]
            node = layer._inbound_nodes.pop() if layer._inbound_nodes else None
            below = node.args[0] if node is not None and node.args else start
            self._ends = (start, below) if self._layers else None
            self.built = len(self._layers) > 1
        return layer

    def build(self, input_shape: Any = None) -> None:
        """Make the variables for inputs of a shape, batch axis included.

        Raises:
            ValueError: the model has no layers.
        """
        if self._ends is not None or input_shape is None:
            return
        if not self._layers:
            raise ValueError(f"Sequential '{self.name}' has no layers; `add` some first.")
        self._build_on(symbolic_tensors(_as_shape(input_shape), self.input_dtype))

    def _build_on(self, tensor: Any) -> None:
        layers = self._layers
        if type(tensor) is not SymbolicTensor:
            self._build_shapes = None
            self.built = True
            return
        start = InputLayer(batch_shape=tensor.shape, dtype=tensor.dtype)
        self._layers = [start]
        self._start(start.output)
        try:
            for layer in layers:
                self._layers.append(layer)
                self._extend(layer)
        except BaseException:
            self._layers, self._ends = layers, None
            raise
        self._layers = list(self._layers)
        self._build_shapes = {"input_shape": tensor.shape}
        self.built = True

    def _graph_inside(self) -> Graph | None:
        if self._ends is None:
            return None
        start, end = self._ends
        return Graph([start], end) if type(end) is SymbolicTensor else None

    def _take_values(self, inputs: Any, wide: bool = False) -> list[Any]:
        inputs = inputs[0] if type(inputs) in (list, tuple) and len(inputs) == 1 else inputs
        if self._ends is None:
            self._prepare_call((inputs,), {})
        known = self.__dict__.get("_host_part")
        if self._ends is not None and (known is None or known.ends is not self._ends):
            graph = self._graph_inside()
            part = self.__dict__["_host_part"] = None if graph is None else host_part_of(graph)
            if part is not None:
                part.ends = self._ends
        return [inputs]

    def _prepare_call(self, args: tuple, kwargs: dict) -> None:
        if is_prepared(args[0] if args else None):
            self._prepared = True
            return
        if self._ends is None and args and hasattr(args[0], "shape") and self._layers:
            shape = (None, *args[0].shape[1:]) if args[0].ndim else ()
            try:
                with name_scope(self.name):
                    dtype = "string" if holds_strings(args[0]) else str(args[0].dtype)
                    self._build_on(SymbolicTensor(shape, dtype))
            except Exception as error:
                if not self.run_eagerly or current_backend().explain(error) is None:
                    raise
                self.built = True  # a layer needs values: each is built when it is called
        self._prepared = True

    def _own_outputs(self) -> list:
        return [] if self._ends is None else tree.leaves(self._ends[1])

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Call the layers one after another."""
        if self._host_part is not None and is_prepared(inputs):
            return self._host_part.finish(inputs)
        value = inputs
        for layer in self._layers:
            if type(layer) is not InputLayer:
                value = layer(value)
        return value

    def compute_output_spec(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        """Symbolic output for a symbolic input."""
        value = inputs
        for layer in self._layers:
            if type(layer) is not InputLayer:
                if not layer.built:
                    value = layer(value)
                else:
                    value = layer.compute_output_spec(value)
        return value

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Shape of the output for a shape of the input."""
        if self._ends is None:
            self.build(input_shape)
        shape = input_shape
        for layer in self._layers:
            if type(layer) is not InputLayer:
                shape = layer.compute_output_shape(shape)
        return shape

    @property
    def layers(self) -> Any:
        """The layers, without the input."""
        return self._named_layers(
            [layer for layer in self._layers if type(layer) is not InputLayer]
        )

    @property
    def inputs(self) -> list[SymbolicTensor]:
        """The symbolic input, in a list."""
        return [self._known_ends()[0]]

    @property
    def outputs(self) -> list[SymbolicTensor]:
        """The symbolic output, in a list."""
        return tree.leaves(self._known_ends()[1])

    @property
    def input(self) -> Any:
        """The symbolic input."""
        return self._known_ends()[0]

    @property
    def output(self) -> Any:
        """The symbolic output."""
        return self._known_ends()[1]

    @property
    def input_names(self) -> list[str]:
        """The name of the input."""
        return [node_of(tensor).operation.name for tensor in self.inputs]

    @property
    def output_names(self) -> list[str]:
        """The name of the last layer."""
        return [self._layers[-1].name]

    def _known_ends(self) -> tuple[SymbolicTensor, Any]:
        if self._ends is None:
            raise AttributeError(
                f"Sequential '{self.name}' does not know its input's shape yet: put "
                "`Input(shape)` first, `build(input_shape)` it, or call it on data."
            )
        return self._ends

    def get_config(self) -> dict[str, Any]:
        """The layers' configs, and the input shape where it is known."""
        config: dict[str, Any] = {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": serialize_keras_object(self.dtype_policy),
            "layers": [serialize_keras_object(layer) for layer in self._layers],
        }
        if self._ends is not None:
            config["build_input_shape"] = self._ends[0].shape
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Sequential:
        """The model that `get_config` described."""
        model = cls(name=config.get("name"))
        for data in config["layers"]:
            model.add(deserialize_keras_object(data, custom_objects=custom_objects))
        if not config.get("trainable", True):
            model.trainable = False
        shape = config.get("build_input_shape")
        if model._ends is None and shape is not None and model._layers:
            model.build(tuple(shape))
        return model

    def __repr__(self) -> str:
        return f"<Sequential name={self.name}, built={self.built}>"


def _as_shape(shape: Any) -> Any:
    return tuple(shape) if isinstance(shape, list) and all(
        entry is None or isinstance(entry, int) for entry in shape
    ) else shape
