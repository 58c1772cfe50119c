"""Whole models and weights in the `.h5` files of Keras 2, which Keras 3 still writes.

The configuration is JSON in an attribute of the file; weights stand in a group by layer,
named in the attributes `layer_names` and `weight_names`, in the order trainable, then not
trainable.
"""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from highlevel.saving.archive import missing_file
from highlevel.saving.atomic import replacing_file
from highlevel.saving.errors import FileError, reading
from highlevel.saving.h5 import Dataset, WeightFile, open_weights
from highlevel.saving.legacy_config import modern_compile_config, modern_model
from highlevel.saving.loading import Loading, describe
from highlevel.saving.report import LoadReport
from highlevel.saving.sink import hdf5_file
from highlevel.serialization import (
    CustomObjectScope,
    deserialize_keras_object,
    serialize_keras_object,
)

__all__ = ["is_legacy", "load_legacy_model", "load_legacy_weights", "save_legacy_model"]

_WEIGHTS = "model_weights"
_OWN = "top_level_model_weights"
#: bytes that one attribute may hold
_ATTRIBUTE = 64512
_MAX_JSON = 256 * 2**20


# ----------------------------------------------------------------------- loading


def is_legacy(file: WeightFile) -> bool:
    """Whether an open file lists its weights by layer."""
    return bool(file.attribute("", "layer_names", "layer_names0") is not None
                or file.attribute(_WEIGHTS, "layer_names", "layer_names0") is not None)


def load_legacy_model(
    path: str,
    custom_objects: Mapping[str, Any] | None,
    compile: bool,
    safe_mode: bool,
) -> tuple[Any, LoadReport]:
    """The model that an `.h5` file holds, and what was loaded; see `load_model`."""
    if not os.path.exists(path):
        raise missing_file(path)
    with reading(path), open_weights([(path, path)]) as file:
        config = _json(file, "model_config", path)
        if config is None:
            raise FileError(
                f"'{path}' holds no model: it has no `model_config`. If it holds weights, make "
                "the model and use `model.load_weights`."
            )
        training = _json(file, "training_config", path) if compile else None
        with CustomObjectScope(custom_objects or {}):
            model = deserialize_keras_object(
                modern_model(config), custom_objects, safe_mode=safe_mode)
            if training is not None:
                model.compile_from_config(modern_compile_config(training))
        loading = Loading(model, path)
        _match(loading, file, by_name=False)
        if training is not None and file.attribute("optimizer_weights", "weight_names",
                                                   "weight_names0") is not None:
            _match_optimizer(loading, file)
        loading.read()
        return model, loading.finish()


def load_legacy_weights(loading: Loading, file: WeightFile, by_name: bool = False) -> LoadReport:
    """Weights alone, from such a file; see `load_weights`."""
    _match(loading, file, by_name)
    loading.read()
    return loading.finish()


def _json(file: WeightFile, name: str, path: str) -> Any:
    text = file.attribute("", name)
    if text is None:
        return None
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    if not isinstance(text, str) or len(text) > _MAX_JSON:
        raise FileError(f"The attribute `{name}` of '{path}' is no text.")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FileError(f"`{name}` in '{path}' cannot be read as JSON: {error}") from error


def _match(loading: Loading, file: WeightFile, by_name: bool) -> None:
    """Pair layers with groups: by name where all names agree, else by order."""
    top = _WEIGHTS if file.attribute("", "layer_names", "layer_names0") is None else ""
    stored = {
        name: arrays for name in _names(file, top, "layer_names")
        if (arrays := _arrays(file, _join(top, name)))
    }
    layers = [
        layer for layer in loading.model.layers if _variables(layer) and id(layer) not in
        loading.skip
    ]
    names = [layer.name for layer in layers]
    if by_name:
        pairs = [(layer, layer.name) for layer in layers if layer.name in stored]
        loading.report.missing += [
            v.path for layer in layers if layer.name not in stored for v in _variables(layer)
        ]
    elif set(names) == set(stored) and len(set(names)) == len(names):
        pairs = [(layer, layer.name) for layer in layers]
    else:
        if len(layers) != len(stored):
            loading.problems.append(
                f"{describe(loading.model)} has {len(layers)} layers with weights "
                f"({', '.join(names) or 'none'}); the file has {len(stored)} "
                f"({', '.join(stored) or 'none'})"
            )
        pairs = list(zip(layers, stored))
    for layer, name in pairs:
        loading.pair(layer, _variables(layer), stored[name], _join(top, name))
    used = {name for _, name in pairs}
    own = _arrays(file, _join(top, _OWN))
    if own:
        below = {id(v) for layer in loading.model.layers for v in _variables(layer)}
        mine = [v for v in _variables(loading.model) if id(v) not in below]
        loading.pair(loading.model, mine, own, _join(top, _OWN))
    loading.report.unused += [
        array.path for name, arrays in stored.items() if name not in used for array in arrays
    ]


def _match_optimizer(loading: Loading, file: WeightFile) -> None:
    """The optimizer's state, where the file's fits; that of older versions is in blocks."""
    optimizer = loading.model.optimizer
    arrays = _arrays(file, "optimizer_weights")
    variables = list(optimizer.variables)
    for order in (variables, _in_blocks(optimizer, len(arrays))):
        if [tuple(v.shape) for v in order] == [a.shape for a in arrays]:
            for variable, array in zip(order, arrays):
                loading.take(variable, array)
            return
    warnings.warn(
        f"The state of the optimizer in '{loading.path}' ({len(arrays)} arrays) is in the form "
        f"of another version and was not loaded: {type(optimizer).__name__} has "
        f"{len(variables)}. Training goes on with a fresh optimizer.",
        stacklevel=5,
    )
    loading.report.skipped.append(f"the state of {describe(optimizer)}")


def _in_blocks(optimizer: Any, count: int) -> list[Any]:
    """An optimizer's variables in the old order: the count of steps, then kind after kind.

    The learning rate was not among them.
    """
    rest = [v for v in optimizer.variables if v.name not in ("iteration", "learning_rate")]
    steps = [v for v in optimizer.variables if v.name == "iteration"]
    number = len(optimizer._trainable_variables) if hasattr(
        optimizer, "_trainable_variables") else 0
    kinds = len(rest) // number if number and len(rest) % number == 0 else 0
    blocks = [rest[i::kinds] for i in range(kinds)] if kinds else []
    return [*steps, *(v for block in blocks for v in block)]


def _variables(layer: Any) -> list[Any]:
    """A layer's weights in the order of these files."""
    return [*layer.trainable_weights, *layer.non_trainable_weights]


def _join(*parts: str) -> str:
    return "/".join(part for part in parts if part)


def _names(file: WeightFile, group: str, attribute: str) -> list[str]:
    """A list of names, which may be spread over several attributes."""
    value = file.attribute(group, attribute)
    parts = [value] if value is not None else []
    while not parts or value is not None:
        value = file.attribute(group, f"{attribute}{len(parts)}")
        if value is None:
            break
        parts.append(value)
    return [
        name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)
        for part in parts for name in np.ravel(part)
    ]


def _arrays(file: WeightFile, group: str) -> list[Dataset]:
    found = []
    for name in _names(file, group, "weight_names"):
        dataset = file.dataset(_join(group, name))
        if dataset is None:
            raise FileError(
                f"The file is damaged: it lists the array '{_join(group, name)}' and does not "
                "hold it."
            )
        found.append(dataset)
    return found


# ------------------------------------------------------------------------ saving


def save_legacy_model(model: Any, path: str, config: dict[str, Any], version: str,
                      include_optimizer: bool = True) -> None:
    """Write a Sequential or functional model as an `.h5` file.

    Args:
        model: the model.
        path: path ending in `.h5` or `.hdf5`.
        config: the model's configuration, as `serialize_keras_object` gave it.
        version: of the format.
        include_optimizer: also the compilation and the optimizer's state.

    Raises:
        ValueError: a model of another kind.
    """
    if not hasattr(model, "layers") or "layers" not in config["config"]:
        raise ValueError(
            f"An '.h5' file holds Sequential and functional models; {describe(model)} is neither. "
            "Save it as '.keras'."
        )
    optimizer = getattr(model, "optimizer", None) if include_optimizer else None
    with replacing_file(path) as temporary, hdf5_file(temporary) as file:
        file.attrs["keras_version"] = version
        file.attrs["backend"] = "jax"
        file.attrs["model_config"] = json.dumps(
            {"class_name": config["class_name"], "config": config["config"]}).encode()
        weights = file.create_group(_WEIGHTS)
        weights.attrs["keras_version"] = version.encode()
        weights.attrs["backend"] = b"jax"
        _write_names(weights, "layer_names", [layer.name for layer in model.layers])
        below = set()
        for layer in sorted(model.layers, key=lambda layer: layer.name):
            variables = _variables(layer)
            below |= {id(v) for v in variables}
            _write_arrays(weights.create_group(layer.name), variables)
        own = [v for v in _variables(model) if id(v) not in below]
        _write_arrays(weights.create_group(_OWN), own)
        if optimizer is None:
            return
        training = _training_config(model)
        if training is not None:
            file.attrs["training_config"] = json.dumps(training).encode()
        if optimizer.variables:
            _write_arrays(file.create_group("optimizer_weights"), optimizer.variables)


def _training_config(model: Any) -> dict[str, Any] | None:
    given = model.get_compile_config()
    if given is None:
        return None
    config = {key: value for key, value in given.items() if key != "optimizer"}
    config["optimizer_config"] = serialize_keras_object(given["optimizer"])
    return config


def _write_names(group: Any, attribute: str, names: Iterable[str]) -> None:
    encoded = np.asarray([name.encode() for name in names])
    parts = 1
    while any(part.nbytes > _ATTRIBUTE for part in np.array_split(encoded, parts)):
        parts += 1
    if parts == 1:
        group.attrs[attribute] = encoded
    else:
        for index, part in enumerate(np.array_split(encoded, parts)):
            group.attrs[f"{attribute}{index}"] = part


def _write_arrays(group: Any, variables: Iterable[Any]) -> None:
    named: dict[str, Any] = {}
    for variable in variables:
        name, count = variable.path, 1
        while name in named:  # layers of one name in a nested model
            name = f"{variable.path}_{count}"
            count += 1
        named[name] = variable
    _write_names(group, "weight_names", named)
    for name, variable in named.items():
        value = np.asarray(variable)
        group.create_dataset(
            name, data=value.astype("float32") if value.dtype.kind == "V" else value)
