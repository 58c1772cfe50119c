"""Copies of models: the same layers anew, without the weights' values."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from highlevel_backend import tree

from highlevel.layers.input_layer import InputLayer
from highlevel.layers.layer import Layer
from highlevel.models.functional import Functional
from highlevel.models.model import Model
from highlevel.models.sequential import Sequential
from highlevel.saving.errors import FileError, reading
from highlevel.serialization import deserialize_keras_object

__all__ = ["clone_model", "model_from_json"]


def clone_model(
    model: Model,
    input_tensors: Any = None,
    clone_function: Callable[[Layer], Layer] | None = None,
    call_function: Callable | None = None,
    recursive: bool = False,
    **kwargs: Any,
) -> Model:
    """A model with the same layers, newly initialised.

    Args:
        model: Sequential, functional, or one with a complete `get_config`.
        input_tensors: symbolic tensors to begin the clone with.
        clone_function: `layer -> new layer`; by default from the layer's config.
        call_function: `(layer, *args, **kwargs) -> outputs`, how a functional model's
            layers are called.
        recursive: also apply `clone_function` inside nested models.

    Returns:
        A new model of the same class.

    Raises:
        ValueError: `clone_function` with a model that is neither Sequential nor functional.
    """
    copies: dict[Any, Any] = {}

    def copy(operation: Any) -> Any:
        if operation not in copies:
            if not isinstance(operation, Layer):
                new = type(operation)(operation.function, operation.name)
            elif recursive and isinstance(operation, (Functional, Sequential)):
                new = clone_model(
                    operation, clone_function=clone_function, call_function=call_function,
                    recursive=True,
                )
            elif clone_function is not None and type(operation) is not InputLayer:
                new = clone_function(operation)
            else:
                new = type(operation).from_config(operation.get_config())
            copies[operation] = new
        return copies[operation]

    if isinstance(model, Sequential):
        layers = [copy(layer) for layer in model._layers]
        if input_tensors is not None:
            flat = tree.leaves(input_tensors)
            layers = [flat[0], *(x for x in layers if type(x) is not InputLayer)]
        return type(model)(layers, name=model.name, trainable=model.trainable)
    if isinstance(model, Functional):
        def call(operation: Any, args: tuple, kwargs: dict) -> Any:
            new = copy(operation)
            if call_function is not None and isinstance(new, Layer):
                return call_function(new, *args, **kwargs)
            return new(*args, **kwargs)

        if input_tensors is None:
            inputs = tree.map_leaves(
                lambda t: copy(t.node.operation).output, model._inputs_struct)
        else:
            inputs = input_tensors
        outputs = model._graph.run(tree.leaves(inputs), call)
        if type(model).__init__ is Functional.__init__:
            clone = type(model)(inputs, outputs, name=model.name)
        else:
            clone = Functional(inputs, outputs, name=model.name)
        if not model.trainable:
            clone.trainable = False
        return clone
    if clone_function is not None:
        raise ValueError(
            f"`clone_function` needs a Sequential or functional model; '{model.name}' is a "
            f"{type(model).__name__}. Clone it from its config, without `clone_function`."
        )
    return type(model).from_config(model.get_config())


def model_from_json(json_string: str, custom_objects: Any = None) -> Model:
    """The model that `model.to_json()` described, newly initialised.

    Args:
        json_string: JSON text.
        custom_objects: name → class, of classes that are not registered.

    Raises:
        FileError: the text is no JSON, or describes no model; a `ValueError`.
    """
    with reading("the JSON text of a model"):
        model = deserialize_keras_object(json.loads(json_string), custom_objects=custom_objects)
        if not isinstance(model, Model):
            raise FileError(f"The JSON text describes no model but {model!r:.200}.")
    return model
