"""Configurations of Keras 2 files in the form of today's: data to data, nothing is built.

What changed between the versions: classes carry a module name; a model's connections are
named arguments and no longer lists `[layer, call, output, options]`; inputs say
`batch_shape`; some arguments have other names, and some are gone. A configuration that is
in today's form already comes back as it is.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from highlevel.ops.graph_table import graph_op_of_class
from highlevel.saving.errors import FileError
from highlevel.serialization import get_registered_object
from highlevel.serialization.table import builtin_class

__all__ = ["modern_compile_config", "modern_model"]

_MODELS = ("Model", "Functional", "Sequential")
_OP_MODULES = ("numpy", "nn", "core", "math", "linalg", "image", "einops")

#: arguments that have another name now
_RENAMED = {
    "LeakyReLU": {"alpha": "negative_slope"},
    "BatchNormalizationV1": {},
    "BatchNormalizationV2": {},
}
_CLASSES = {"BatchNormalizationV1": "BatchNormalization", "BatchNormalizationV2":
            "BatchNormalization", "LSTMV2": "LSTM", "GRUV2": "GRU", "Model": "Functional"}
#: arguments that say nothing any more, whatever their value
_GONE = frozenset((
    "batch_input_shape", "dtype", "fused", "implementation", "input_dim", "input_dtype",
    "input_length", "key_shape", "query_shape", "ragged", "sparse", "time_major", "value_shape",
    "virtual_batch_size", "experimental_autocast",
))
#: values that ask for nothing: an argument that is unknown here may have one of them
_INERT = (None, False, 1, "auto", [], {})


def modern_model(config: dict[str, Any]) -> dict[str, Any]:
    """The configuration of a whole model.

    Args:
        config: `{"class_name": ..., "config": ...}` as `.h5` files hold it.

    Raises:
        FileError: it is no configuration of a model, or holds what is not read.
    """
    if not isinstance(config, dict) or not isinstance(config.get("class_name"), str):
        raise FileError("`model_config` does not describe a model.")
    return _object(config)


def _object(data: dict[str, Any]) -> dict[str, Any]:
    """A layer, initializer, regularizer ... with what stands inside it."""
    name, inner = data["class_name"], data.get("config")
    if name.startswith("__") or name == "function" or get_registered_object(name) is not None:
        return data
    if name == "Sequential":
        return {**data, "module": "keras", "registered_name": None, "config": _sequential(inner)}
    if not isinstance(inner, dict):
        return data
    if "layers" in inner and "input_layers" in inner:
        if name in _MODELS:
            data = {**data, "class_name": "Functional", "module": "keras",
                    "registered_name": None}
        return {**data, "config": _functional(inner)}
    if name in ("TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer"):
        raise FileError(
            f"The model calls the TensorFlow function {inner.get('function', name)!r} "
            f"(layer '{inner.get('name')}'), which only TensorFlow has. Build the model anew with "
            "`ops` or layers in its place, and load the weights with `load_weights`."
        )
    renamed = _RENAMED.get(name, {})
    new = {renamed.get(key, key): _value(value) for key, value in inner.items()}
    data = {**data, "config": new, "class_name": _CLASSES.get(name, name)}
    if "module" in data:
        return data
    cls = builtin_class(None, data["class_name"])
    if cls is None:
        return _op(data)
    _adapt(data["class_name"], new)
    accepted = _accepted(cls)
    data["config"] = {
        key: value for key, value in new.items()
        if key in accepted or not (key in _GONE or value in _INERT)
    }
    return data


def _value(value: Any) -> Any:
    if isinstance(value, list):
        return [_value(item) for item in value]
    if isinstance(value, dict):
        if isinstance(value.get("class_name"), str) and "config" in value:
            return _object(value)
        return {key: _value(item) for key, item in value.items()}
    return value


def _adapt(name: str, config: dict[str, Any]) -> None:
    """Arguments of built-in classes whose form changed."""
    shape = config.pop("batch_input_shape", None)
    if name == "InputLayer" and shape is not None:
        config["batch_shape"] = shape
    dtype = config.get("dtype")
    if isinstance(dtype, dict) and dtype.get("class_name") in ("Policy", "PolicyV1"):
        config["dtype"] = dtype["config"]["name"]
    axis = config.get("axis")
    if isinstance(axis, list) and len(axis) == 1:
        config["axis"] = axis[0]
    if name == "VarianceScaling" and config.get("distribution") == "normal":
        config["distribution"] = "truncated_normal"
    if name == "Lambda":
        _adapt_lambda(config)


def _adapt_lambda(config: dict[str, Any]) -> None:
    kind = config.pop("function_type", None)
    function = config.get("function")
    if kind == "function" and isinstance(function, str):
        config["function"] = _function(function)
    elif isinstance(function, list):
        config["function"] = {"class_name": "__lambda__", "config": {"code": function[0]}}
    for gone in ("module", "output_shape_type", "output_shape_module"):
        config.pop(gone, None)


def _function(name: str) -> dict[str, Any]:
    return {
        "module": "builtins", "class_name": "function", "config": name,
        "registered_name": "function",
    }


def _accepted(cls: type) -> set[str]:
    """Arguments that a class's constructor takes, its base classes' among them."""
    return {
        name for base in cls.__mro__ if "__init__" in vars(base)
        for name in inspect.signature(vars(base)["__init__"]).parameters
    }


def _op(data: dict[str, Any]) -> dict[str, Any]:
    """An op of a graph: its class is in none of the public namespaces."""
    for module in _OP_MODULES:
        full = f"keras.src.ops.{module}"
        if graph_op_of_class(full, data["class_name"]) is not None:
            return {**data, "module": full, "registered_name": data["class_name"]}
    return data


# ------------------------------------------------------------------------ models


def _sequential(inner: Any) -> dict[str, Any]:
    config = {"layers": inner} if isinstance(inner, list) else dict(inner)
    layers = list(config["layers"])
    if layers and layers[0]["class_name"] != "InputLayer":
        first = layers[0]["config"]
        shape = first.get("batch_input_shape") if isinstance(first, dict) else None
        if shape is not None:
            start = {"batch_shape": shape, "name": f"{first.get('name', 'layer')}_input"}
            if isinstance(first.get("dtype"), str):
                start["dtype"] = first["dtype"]
            layers.insert(0, {"class_name": "InputLayer", "config": start})
    config["layers"] = [_object(layer) for layer in layers]
    return config


def _functional(inner: dict[str, Any]) -> dict[str, Any]:
    layers = [_object(layer) for layer in inner["layers"]]
    for old, layer in zip(inner["layers"], layers):
        layer["name"] = old.get("name", layer["config"].get("name"))
    if all(_is_modern(node) for layer in layers for node in layer["inbound_nodes"]):
        return {**inner, "layers": layers}
    models = {layer["name"]: layer["class_name"] == "Functional" for layer in layers
              if layer["class_name"] in _MODELS or "input_layers" in layer["config"]}
    offsets = dict.fromkeys(models, 2**31)
    names = {layer["name"] for layer in layers}

    def is_reference(value: Any) -> bool:
        return (
            isinstance(value, list) and len(value) in (3, 4) and isinstance(value[0], str)
            and (value[0] in names or value[0] == "_CONSTANT_VALUE")
            and isinstance(value[1], int) and (value[1] < 0 or isinstance(value[2], int))
        )

    def references(value: Any, found: Callable[[list], Any]) -> Any:
        """A structure with its references replaced."""
        if is_reference(value):
            return found(value)
        if isinstance(value, list):
            return [references(item, found) for item in value]
        if isinstance(value, dict):
            return {key: references(item, found) for key, item in value.items()}
        return value

    def note(value: list) -> None:
        if value[0] in offsets:
            offsets[value[0]] = min(offsets[value[0]], value[1])
        references(value[3] if len(value) == 4 else None, note)

    # Calls of a model inside this one count from 1 where it has a graph of its own.
    for part in ([layer["inbound_nodes"] for layer in layers], inner["input_layers"],
                 inner["output_layers"]):
        references(part, note)

    def moved(value: list) -> list:
        return [value[0], value[1] - offsets.get(value[0], 0), value[2]]

    def tensor(value: list) -> Any:
        if value[0] == "_CONSTANT_VALUE":
            return value[2]
        return {"class_name": "__keras_tensor__", "config": {"keras_history": moved(value)}}

    def end(value: list) -> list:
        name, call, output = moved(value)
        return [name, call + (1 if models.get(name) else 0), output]

    def call(node: Any) -> dict[str, Any]:
        options: dict[str, Any] = {}

        def argument(value: list) -> Any:
            if len(value) == 4 and isinstance(value[3], dict):
                options.update(references(value[3], tensor))
            return tensor(value)

        first = references(node, argument)
        if isinstance(first, list) and len(first) == 1:
            first = first[0]
        options.pop("name", None)
        return {"args": [first], "kwargs": options}

    for layer in layers:
        layer["inbound_nodes"] = [call(node) for node in layer["inbound_nodes"]]
    return {
        **inner, "layers": layers, "input_layers": references(inner["input_layers"], end),
        "output_layers": references(inner["output_layers"], end),
    }


def _is_modern(node: Any) -> bool:
    return isinstance(node, dict) and "args" in node


# ------------------------------------------------------------------- compilation


def modern_compile_config(config: dict[str, Any]) -> dict[str, Any]:
    """Arguments of `compile`, as configurations, from a file's `training_config`.

    Raises:
        FileError: there is no optimizer in it.
    """
    optimizer = config.get("optimizer_config")
    if not isinstance(optimizer, dict) or not isinstance(optimizer.get("class_name"), str):
        raise FileError("`training_config` names no optimizer.")
    return {
        "optimizer": _optimizer(optimizer),
        "loss": _named(config.get("loss"), "losses"),
        "loss_weights": config.get("loss_weights"),
        "metrics": _metrics(config.get("metrics")),
        "weighted_metrics": _metrics(config.get("weighted_metrics")),
    }


def _optimizer(data: dict[str, Any]) -> dict[str, Any]:
    inner = dict(data.get("config") or {})
    if "lr" in inner:
        inner["learning_rate"] = inner.pop("lr")
    rate, decay = inner.get("learning_rate"), inner.pop("decay", None)
    if isinstance(rate, dict) and "module" not in rate:
        inner["learning_rate"] = {
            **rate, "module": "keras.optimizers.schedules", "registered_name": None}
    elif decay and isinstance(rate, (int, float)):
        # What that argument did: the rate falls with the number of steps.
        inner["learning_rate"] = {
            "module": "keras.optimizers.schedules", "class_name": "InverseTimeDecay",
            "registered_name": None,
            "config": {"initial_learning_rate": rate, "decay_steps": 1, "decay_rate": decay},
        }
    if inner.get("epsilon", 0) is None:
        del inner["epsilon"]
    if isinstance(inner.get("inner_optimizer"), dict):
        inner["inner_optimizer"] = _optimizer(inner["inner_optimizer"])
    cls = builtin_class("keras.optimizers", data["class_name"])
    if cls is not None and "module" not in data:
        accepted = _accepted(cls)
        inner = {key: value for key, value in inner.items() if key in accepted}
    return {**data, "config": inner}


def _metrics(value: Any) -> Any:
    value = _named(value, "metrics")
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], list):
        return value[0]  # those of the one output
    return value


def _named(value: Any, namespace: str) -> Any:
    """Losses or metrics in any structure, built-in ones with their module."""
    if isinstance(value, (list, tuple)):
        return [_named(item, namespace) for item in value]
    if not isinstance(value, dict):
        return value
    name = value.get("class_name")
    if not isinstance(name, str) or "config" not in value:
        return {key: _named(item, namespace) for key, item in value.items()}
    if name == "function" or "module" in value or not isinstance(value["config"], dict):
        return value
    cls = builtin_class(f"keras.{namespace}", name)
    if cls is None or get_registered_object(name) is not None:
        return value
    inner = dict(value["config"])
    if inner.get("reduction") in ("auto", "sum_over_batch_size"):
        inner["reduction"] = "sum_over_batch_size"
    function = inner.get("fn")
    if isinstance(function, str):
        inner["fn"] = _function(function)
    accepted = _accepted(cls)
    if "kwargs" not in accepted:
        inner = {k: v for k, v in inner.items() if k in accepted or v not in _INERT}
    return {**value, "config": inner, "module": f"keras.{namespace}", "registered_name": None}
