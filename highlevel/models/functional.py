"""`Functional`: a model made of the calls between given inputs and outputs."""

from __future__ import annotations

from typing import Any

from highlevel_backend import canonical_name, current_backend, tree

from highlevel.errors import public, suggest
from highlevel.layers.input_layer import Input, InputLayer
from highlevel.layers.layer import Layer, holds_strings
from highlevel.masking import get_mask, set_mask
from highlevel.models.functional_config import functional_config, functional_from_config
from highlevel.models.graph import Graph, node_of
from highlevel.models.host_part import host_part_of, is_prepared
from highlevel.models.model import Model
from highlevel.symbolic import SymbolicTensor, evaluate_abstractly

__all__ = ["Functional", "Model"]


class Functional(Model):
    """A model that runs a graph of layers; what `Model(inputs, outputs)` makes.

    Args:
        inputs: a symbolic tensor from `Input`, or a list or dict of them. Tensors from
            the middle of another model are allowed: the new model begins there.
        outputs: a symbolic tensor or a tree of them.
        name: of the model.

    Raises:
        ValueError: inputs that are no symbolic tensors, appear twice, or do not suffice.

    >>> import highlevel as hl
    >>> x = hl.Input((4,))
    >>> model = hl.Model(x, hl.layers.Dense(2)(x))
    >>> model.output_shape
    (None, 2)
    """

    _runs_graph = True

    @public
    def __init__(
        self, inputs: Any, outputs: Any, name: str | None = None, **kwargs: Any
    ) -> None:
        trainable = kwargs.pop("trainable", None)
        super().__init__(name=name, **kwargs)
        self._set_graph(inputs, outputs)
        if trainable is not None:
            self.trainable = trainable

    def _set_graph(self, inputs: Any, outputs: Any) -> None:
        flat = tree.leaves(inputs)
        for what, values in (("inputs", flat), ("outputs", tree.leaves(outputs))):
            for value in values:
                if type(value) is not SymbolicTensor:
                    raise ValueError(
                        f"The {what} of a functional model are symbolic tensors (what "
                        f"`Input(...)` and calls of layers on it return); '{self.name}' got "
                        f"{value!r} of type {type(value).__name__}."
                    )
        if len(set(flat)) != len(flat):
            raise ValueError(f"An input appears twice in the inputs of model '{self.name}'.")
        if not all(t.node is not None and isinstance(t.node.operation, InputLayer) for t in flat):
            inputs, outputs = _begin_at(inputs, outputs)
            flat = tree.leaves(inputs)
        self._inputs_struct = inputs
        self._outputs_struct = outputs
        self._input_definition = tree.flatten(inputs)[1]
        self._graph = Graph(flat, outputs)
        self._layers = self._graph.layers
        self._host_part = host_part_of(self._graph)
        self._prepares_inputs = self._host_part is not None
        self._input_names = [tensor.node.operation.name for tensor in flat]
        seen: dict[str, Any] = {}
        for operation in self._graph.operations:
            if seen.setdefault(operation.name, operation) is not operation:
                raise ValueError(
                    f"The name '{operation.name}' is used by two layers of model "
                    f"'{self.name}'; names must be unique: give one of them another `name`."
                )
        self.built = True
        self._build_shapes = None

    @property
    def layers(self) -> Any:
        """The layers in the order they run, inputs first."""
        return self._named_layers(self._layers)

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

    @property
    def input_names(self) -> list[str]:
        """Names of the input layers."""
        return list(self._input_names)

    @property
    def output_names(self) -> list[str]:
        """Names of the layers that make the outputs."""
        return [node_of(tensor).operation.name for tensor in self.outputs]

    @property
    def input_shape(self) -> Any:
        """Shapes of the inputs in their structure."""
        return tree.map_leaves(lambda t: t.shape, self._inputs_struct)

    @property
    def output_shape(self) -> Any:
        """Shapes of the outputs in their structure."""
        return tree.map_leaves(lambda t: t.shape, self._outputs_struct)

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Run the graph."""
        if self._host_part is not None and is_prepared(inputs):
            return self._host_part.finish(inputs)
        return self._graph.run(self._take_values(inputs))

    def _own_outputs(self) -> list:
        return self._graph._flat_outputs

    def _graph_inside(self) -> Graph:
        return self._graph

    def compute_output_spec(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        """Symbolic outputs for symbolic inputs."""
        given = tree.leaves(inputs)
        own = self._graph.inputs
        if len(given) == len(own) and all(a.shape == b.shape for a, b in zip(given, own)):
            return tree.map_leaves(
                lambda t: SymbolicTensor.of(t.shape, t.dtype), self._outputs_struct
            )
        return evaluate_abstractly(self.call, (inputs,), {})

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Shapes of the outputs for shapes of the inputs."""
        return Layer.compute_output_shape(self, input_shape)

    def _take_values(self, inputs: Any, wide: bool = False) -> list[Any]:
        """What the model was called with, one value per input, in its rank and dtype.

        With `wide`, integers keep 64 bits whatever the input's dtype: on the host they fit.
        """
        expected = self._graph.inputs
        if isinstance(inputs, dict):
            names = self._input_names
            struct = self._inputs_struct
            keys = sorted(struct) if isinstance(struct, dict) and all(
                type(v) is SymbolicTensor for v in struct.values()) else names
            missing = [key for key in keys if key not in inputs]
            if missing and all(name in inputs for name in names):
                keys, missing = names, []
            optional = {
                k for k, t in zip(keys, expected) if node_of(t).operation.optional
            }
            missing = [key for key in missing if key not in optional]
            if missing:
                raise ValueError(
                    f"Model '{self.name}' needs inputs named {list(keys)}; {missing} "
                    f"{'is' if len(missing) == 1 else 'are'} missing from the given "
                    f"{sorted(inputs)}.{suggest(missing[0], inputs)}"
                )
            values = [inputs.get(key) for key in keys]
        elif type(inputs) in (list, tuple):
            values = _flatten_keeping_none(inputs)
        else:
            values = [inputs]
        if len(values) != len(expected):
            raise ValueError(
                f"Model '{self.name}' has {len(expected)} input(s) "
                f"({', '.join(self._input_names)}), but it was called with {len(values)}."
            )
        backend = current_backend()
        return [
            _fit(value, tensor, backend, self.name, wide) for value, tensor in zip(values, expected)
        ]

    def get_config(self) -> dict[str, Any]:
        """The layers, how they are connected, inputs and outputs."""
        if type(self) is not Functional and type(self).__init__ is not Functional.__init__:
            return self._automatic_config()
        return functional_config(self)

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """The model that `get_config` described."""
        if "layers" in config and "input_layers" in config:
            return functional_from_config(cls, config, custom_objects)
        return super().from_config(config)


Model._functional_class = Functional


def _flatten_keeping_none(inputs: Any) -> list[Any]:
    values: list[Any] = []
    for item in inputs:
        if type(item) in (list, tuple):
            values += _flatten_keeping_none(item)
        elif type(item) is dict:
            values += tree.leaves(item)
        else:
            values.append(item)
    return values


def _fit(
    value: Any, tensor: SymbolicTensor, backend: Any, model: str, wide: bool = False
) -> Any:
    """A value in the rank and dtype of the input it stands for."""
    if value is None:
        if tensor.node is not None and tensor.node.operation.optional:
            return None
        raise ValueError(f"Model '{model}' got None for its input '{tensor.name}'.")
    shape = getattr(value, "shape", None)
    if shape is None:
        raise ValueError(
            f"Model '{model}' got {value!r} of type {type(value).__name__} for its input "
            f"'{tensor.name}'; give an array of shape {tensor.shape}."
        )
    symbolic = type(value) is SymbolicTensor
    wanted = tensor.shape
    if len(shape) != len(wanted):
        if len(shape) == len(wanted) + 1 and shape[-1] == 1:
            value = value.squeeze(-1) if symbolic else backend.xp.squeeze(value, -1)
        elif len(shape) == len(wanted) - 1 and wanted and wanted[-1] == 1:
            value = value[..., None] if not symbolic else value.reshape((*shape, 1))
        else:
            missing = len(shape) == len(wanted) - 1
            raise ValueError(
                f"Model '{model}' expects {len(wanted)} axes, batch included, for its input "
                f"'{tensor.name}' (shape {wanted}); got an array of shape {tuple(shape)}."
                + (" Is the batch axis missing? `x[None]` adds it." if missing else "")
            )
        shape = value.shape
    for axis, (want, have) in enumerate(zip(wanted, shape)):
        if want is not None and have is not None and want != have:
            raise ValueError(
                f"Model '{model}' expects the shape {wanted} for its input '{tensor.name}', "
                f"but got {tuple(shape)}: axis {axis} is {have}, not {want}. Reshape the data, "
                "or make the model with another `Input(shape=...)`."
            )
    strings = holds_strings(value)
    if strings != (tensor.dtype == "string"):
        what = ("strings", "numbers")[:: 1 if strings else -1]
        raise TypeError(
            f"Model '{model}' takes {what[1]} (dtype {tensor.dtype}) for its input "
            f"'{tensor.name}'; it was given {what[0]} (dtype {value.dtype}). "
            + ("Give the model a `TextVectorization` or `StringLookup` layer behind an "
               "`Input(shape, dtype='string')`." if strings else "Convert them: `x.astype(str)`.")
        )
    whole = wide and str(value.dtype) == "int64" and "int" in tensor.dtype
    if not symbolic and not strings and not whole and canonical_name(value.dtype) != tensor.dtype:
        mask = get_mask(value)
        value = backend.cast(value, tensor.dtype)
        if mask is not None:
            set_mask(value, mask)
    return value


def _begin_at(inputs: Any, outputs: Any) -> tuple[Any, Any]:
    """The same calls on new inputs, for tensors from the middle of a graph."""
    graph = Graph(tree.leaves(inputs), outputs)
    new_inputs = tree.map_leaves(
        lambda t: t if t.node is not None and isinstance(t.node.operation, InputLayer)
        else Input(batch_shape=t.shape, dtype=t.dtype, name=f"{t.name}_input"),
        inputs,
    )
    return new_inputs, graph.run(tree.leaves(new_inputs))
