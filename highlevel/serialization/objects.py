"""`serialize_keras_object` and `deserialize_keras_object`."""

from __future__ import annotations

import importlib
import types
import uuid
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
from highlevel_backend import canonical_name, current_backend

from highlevel.serialization import limits, registry, table

__all__ = ["deserialize_keras_object", "on_written", "serialize_keras_object"]

#: type (by module and name) → what writes it; these types stand above this module
_WRITERS = {
    ("highlevel.symbolic", "SymbolicTensor"): "_write_symbolic",
    ("highlevel.ops.dispatch", "OpCall"): "highlevel.ops.graph_config:op_to_config",
}

_OP_MODULES = ("keras.src.ops.", "highlevel.ops.", "keras.src.activations.activations.")

#: called with each object of a user's class that is written, and its config
on_written: ContextVar[Callable[[Any, Any], None] | None] = ContextVar(
    "highlevel_on_written", default=None
)

#: token of a lambda that this process wrote → the lambda
_lambdas: WeakValueDictionary[str, Any] = WeakValueDictionary()


# ------------------------------------------------------------------------ writing


def serialize_keras_object(obj: Any) -> Any:
    """The configuration of an object: plain data that JSON can hold.

    Args:
        obj: None, a number, string, array, list, tuple, dict, function, dtype class,
            symbolic tensor, or an object with `get_config`.

    Returns:
        The value itself where JSON has it; for objects a dictionary with `module`,
        `class_name`, `config`, `registered_name` and, for what is built or compiled,
        `build_config` and `compile_config`.

    Raises:
        TypeError: the object has no `get_config`.

    >>> serialize_keras_object({"axis": (1, 2), "key": slice(0, 3)})["key"]
    {'class_name': '__slice__', 'config': {'start': 0, 'stop': 3, 'step': None}}
    """
    if obj is None or isinstance(obj, (bool, int, float, str)):
        return obj.item() if isinstance(obj, np.generic) else obj
    if isinstance(obj, (list, tuple)):
        items = [serialize_keras_object(item) for item in obj]
        return items if isinstance(obj, list) else tuple(items)
    if isinstance(obj, Mapping) and not hasattr(obj, "get_config"):
        return {key: serialize_keras_object(value) for key, value in obj.items()}
    if isinstance(obj, bytes):
        return {"class_name": "__bytes__", "config": {"value": obj.decode("utf-8")}}
    if obj is Ellipsis:
        return {"class_name": "__ellipsis__", "config": {}}
    if isinstance(obj, slice):
        parts = {
            name: serialize_keras_object(getattr(obj, name)) for name in ("start", "stop", "step")
        }
        return {"class_name": "__slice__", "config": parts}
    if isinstance(obj, (np.ndarray, np.generic)):
        if obj.ndim == 0:
            return obj.item()
        return _array_config("__numpy__", obj)
    kind = type(obj)
    writer = _WRITERS.get((kind.__module__, kind.__name__))
    if writer is not None:
        return (_resolve(writer) if ":" in writer else globals()[writer])(obj)
    if isinstance(obj, (types.FunctionType, types.BuiltinFunctionType, types.MethodType)):
        return _write_function(obj)
    if isinstance(obj, np.dtype):
        return obj.name
    if isinstance(obj, type):
        return _write_type(obj)
    if hasattr(obj, "get_config"):
        return _write_object(obj)
    backend = current_backend()
    if backend.is_array(obj):
        array = backend.to_numpy(obj)
        return array.item() if array.ndim == 0 else _array_config("__tensor__", array)
    if callable(obj) and getattr(obj, "__name__", None):
        return _write_function(obj)
    raise TypeError(
        f"{obj!r} of type {kind.__name__} cannot be written into a configuration. Give its "
        "class a `get_config` method that returns the arguments of its constructor."
    )


def _resolve(place: str) -> Any:
    """`"package.module:name"`, of this library's own, imported on first use."""
    module, name = place.split(":")
    return getattr(importlib.import_module(module), name)


def _array_config(class_name: str, array: np.ndarray) -> dict[str, Any]:
    dtype = canonical_name(array.dtype)
    if dtype in ("bfloat16",) or dtype.startswith("float8"):
        array = array.astype("float32")
    return {"class_name": class_name, "config": {"value": array.tolist(), "dtype": dtype}}


def _write_symbolic(tensor: Any) -> dict[str, Any]:
    operation, node_index, tensor_index = tensor._keras_history
    return {
        "class_name": "__keras_tensor__",
        "config": {
            "shape": list(tensor.shape),
            "dtype": tensor.dtype,
            "keras_history": [operation.name, node_index, tensor_index],
        },
    }


def _write_function(function: Any) -> dict[str, Any]:
    name = getattr(function, "__name__", "")
    if name == "<lambda>":
        # A lambda has no name to store. The token finds it again in this process, for
        # cloning; `save_model` refuses it, for a file cannot hold code.
        token = uuid.uuid4().hex
        _lambdas[token] = function
        return {"class_name": "__lambda__", "config": {"token": token}}
    registered = registry.get_registered_name(function)
    module = "builtins"
    if (getattr(function, "__module__", None) or "").split(".")[0] != "highlevel":
        registry.remember(function)
        if registered == name and table.builtin_function(name) is not None:
            module = function.__module__  # its own `relu` must not come back as ours
    return {
        "module": module,
        "class_name": "function",
        "config": registered,
        "registered_name": "function",
    }


def _write_type(kind: type) -> dict[str, Any]:
    name = kind.__name__
    try:
        name = canonical_name(kind)
    except (TypeError, ValueError):
        raise TypeError(
            f"The class {kind.__name__} itself cannot be written into a configuration; "
            "give an object of it."
        ) from None
    return {"module": "builtins", "class_name": "type", "config": name, "registered_name": "type"}


def _write_object(obj: Any) -> dict[str, Any]:
    cls = type(obj)
    registered = registry.get_registered_name(cls)
    identity = table.keras_identity(cls) if registered == cls.__name__ else None
    if identity is not None:
        module, registered_name = identity
    else:
        registry.remember(cls)
        module = None if cls.__module__ in ("__main__", "builtins") else cls.__module__
        registered_name = registered
    written = _write_config(obj)
    check = on_written.get()
    if check is not None and identity is None:
        check(obj, written)
    result: dict[str, Any] = {
        "module": module,
        "class_name": cls.__name__ if identity is None else table.class_name(cls),
        "config": written,
        "registered_name": registered_name,
    }
    for key in ("build_config", "compile_config"):
        getter = getattr(obj, f"get_{key}", None)
        if getter is not None:
            config = getter()
            if config is not None:
                result[key] = serialize_keras_object(config)
    return result


class _Unwritable(TypeError):
    """An error that names the object and the entry of its config already."""


def _write_config(obj: Any) -> Any:
    config = obj.get_config()
    try:
        return serialize_keras_object(config)
    except _Unwritable:
        raise
    except TypeError as error:
        for key, value in config.items() if isinstance(config, Mapping) else ():
            try:
                serialize_keras_object(value)
            except TypeError:
                name = getattr(obj, "name", None)
                raise _Unwritable(
                    f"`{key}` in the config of {type(obj).__name__}"
                    f"{f' {name!r}' if isinstance(name, str) else ''}: {error}"
                ) from error
        raise


# ------------------------------------------------------------------------ reading


def deserialize_keras_object(
    config: Any,
    custom_objects: Mapping[str, Any] | None = None,
    safe_mode: bool | None = True,
    *,
    namespace: str | None = None,
) -> Any:
    """The object that a configuration describes.

    Args:
        config: what `serialize_keras_object` returned, or the same read from JSON.
        custom_objects: name → class or function, for those that are neither built in nor
            registered.
        safe_mode: refuse what would run code (the default); None keeps the mode in force.
        namespace: where functions named without a module are looked up first, `"losses"`.

    Returns:
        The object, built and compiled where the configuration says so.

    Raises:
        TypeError: a class or function that is unknown here.
        ValueError: a lambda, or another thing that is not read from files.

    >>> deserialize_keras_object({"class_name": "__slice__",
    ...                           "config": {"start": 0, "stop": 3, "step": None}})
    slice(0, 3, None)
    """
    if isinstance(config, str):
        found = registry.get_registered_object(config, custom_objects)
        return config if found is None else found
    with registry.safe_mode_scope(_nested_safe_mode(safe_mode)):
        if custom_objects:
            with registry.CustomObjectScope(custom_objects):
                return _read(config, custom_objects, namespace)
        return _read(config, custom_objects, namespace)


def _nested_safe_mode(safe_mode: bool | None) -> bool | None:
    # `safe_mode=True` is the default of every nested call; it must not undo an outer False.
    return False if safe_mode is False else None


def _read(config: Any, custom: Mapping[str, Any] | None, namespace: str | None) -> Any:
    if config is None or isinstance(config, (bool, int, float, str, bytes)):
        return config
    if isinstance(config, (list, tuple)):
        items = [_read(item, custom, namespace) for item in config]
        return items if isinstance(config, list) else tuple(items)
    if not isinstance(config, dict):
        return config  # an object already
    class_name = config.get("class_name")
    if class_name is None or not ("config" in config or "items" in config):
        return {key: _read(value, custom, namespace) for key, value in config.items()}
    if not isinstance(class_name, str):
        raise TypeError(f"`class_name` must be a string; the configuration has {class_name!r}.")
    special = _SPECIAL.get(class_name)
    if special is not None:
        return special(config, custom)
    inner = config["config"]
    module = config.get("module")
    registered_name = config.get("registered_name")
    for key, value in (("module", module), ("registered_name", registered_name)):
        if value is not None and not isinstance(value, str):
            raise TypeError(f"`{key}` of '{class_name}' must be a string or null; got {value!r}.")
    if class_name in ("function", "builtin_function_or_method") and isinstance(inner, str):
        return _read_function(module, inner, custom, namespace)
    if class_name == "type" and module == "builtins":
        return _read_type(inner)
    if isinstance(module, str) and (module + ".").startswith(_OP_MODULES):
        return _resolve("highlevel.ops.graph_config:op_from_config")(module, class_name, inner)
    cls = _find_class(module, class_name, registered_name, custom)
    return _build(cls, config, inner, custom)


def _find_class(
    module: str | None,
    class_name: str,
    registered_name: str | None,
    custom: Mapping[str, Any] | None,
) -> Any:
    found = registry.find_custom(registered_name, class_name, custom)
    if found is None and (module is not None or registered_name in (None, class_name)):
        found = table.builtin_class(module, class_name)
    if found is None:
        found = registry.find_written(module, class_name)
    if found is None:
        raise TypeError(_unknown("class", module, class_name, registered_name))
    return found


def _unknown(what: str, module: Any, name: str, registered_name: Any = None) -> str:
    shown = f"{module}.{name}" if module else name
    lines = [f"The configuration names the {what} '{shown}', which is not known here."]
    near = table.names_like(module, name) if what == "class" else []
    own = [entry for entry in registry.custom_names() if entry.split(">")[-1] == name]
    if own:
        near = own + near
    if near:
        lines.append(f"Similar names: {', '.join(map(repr, near))}.")
    if module is None or not str(module).startswith(("keras", "highlevel")) or what == "function":
        key = registered_name if registered_name not in (None, "function") else name
        lines.append(
            f"If it is your own, pass it: `custom_objects={{{key!r}: {name.split('>')[-1]}}}`, "
            "or put `@register_keras_serializable()` on its definition, and run that "
            "definition before loading. Modules named in a file are never imported."
        )
    else:
        lines.append(
            "It is said to be built in, but this library does not have it. To supply your own, "
            f"pass `custom_objects={{{name!r}: ...}}`."
        )
    return " ".join(lines)


def _build(cls: Any, config: Mapping[str, Any], inner: Any, custom: Any) -> Any:
    if not hasattr(cls, "from_config"):
        if callable(cls) and not isinstance(cls, type):
            return cls  # a function registered where a class was written
        raise TypeError(
            f"{cls.__name__} cannot be made from a configuration: it has no `from_config`."
        )
    if not isinstance(inner, Mapping):
        raise TypeError(
            f"The configuration of '{config['class_name']}' must be a dictionary; got {inner!r}."
        )
    inner = _checked(cls, dict(inner), custom)
    obj = cls.from_config(inner)
    build_config = config.get("build_config")
    if build_config and hasattr(obj, "build_from_config"):
        limits.check_build(cls, build_config)
        obj.build_from_config(_read(build_config, custom, None))
    compile_config = config.get("compile_config")
    if compile_config and hasattr(obj, "compile_from_config"):
        obj.compile_from_config(compile_config)
    return obj


def _checked(cls: type, inner: dict[str, Any], custom: Mapping[str, Any] | None) -> dict[str, Any]:
    """The constructor's arguments, without what a file must not ask for."""
    limits.check_arguments(cls, inner)
    for key in ("function", "mask", "output_shape"):
        value = inner.get(key)
        if isinstance(value, Mapping) and value.get("class_name") == "__lambda__":
            given = registry.find_custom(None, str(inner.get("name")), custom)
            if key == "function" and callable(given):
                inner[key] = given
    return inner


def _read_function(
    module: Any, name: str, custom: Mapping[str, Any] | None, namespace: str | None
) -> Any:
    found = registry.find_custom(name, name, custom)
    if found is None and (module in (None, "builtins") or str(module).startswith("keras")):
        found = table.builtin_function(name, namespace)
    if found is None:
        found = registry.find_written(module, name)
    if found is None:
        raise TypeError(_unknown("function", None if module == "builtins" else module, name))
    return found


def _read_type(name: Any) -> Any:
    try:
        return np.dtype(canonical_name(name)).type
    except (TypeError, ValueError):
        raise TypeError(
            f"The configuration names the type {name!r}; only dtypes are read."
        ) from None


def _read_array(config: Mapping[str, Any], custom: Any) -> np.ndarray:
    inner = config["config"]
    dtype = canonical_name(inner["dtype"])
    if dtype == "bfloat16" or dtype.startswith("float8"):  # NumPy itself does not know these
        backend = current_backend()
        return backend.to_numpy(backend.asarray(inner["value"], dtype))
    return np.asarray(inner["value"], None if dtype == "string" else dtype)


def _read_tensor(config: Mapping[str, Any], custom: Any) -> Any:
    inner = config["config"]
    return current_backend().asarray(np.asarray(inner["value"]), canonical_name(inner["dtype"]))


def _read_symbolic(config: Mapping[str, Any], custom: Any) -> Any:
    inner = config["config"]
    symbolic = _resolve("highlevel.symbolic:SymbolicTensor")
    return symbolic(inner["shape"], inner["dtype"])


def _read_slice(config: Mapping[str, Any], custom: Any) -> slice:
    inner = config["config"]
    return slice(*(_read(inner.get(name), custom, None) for name in ("start", "stop", "step")))


def _read_tuple(config: Mapping[str, Any], custom: Any) -> tuple:
    items = config["items"] if "items" in config else config["config"]
    if isinstance(items, Mapping):
        items = items.get("items", items.get("value", ()))
    return tuple(_read(item, custom, None) for item in items)


def _read_lambda(config: Mapping[str, Any], custom: Any) -> Callable:
    inner = config["config"]
    found = _lambdas.get(inner.get("token", "")) if isinstance(inner, Mapping) else None
    if found is not None:
        return found
    raise ValueError(
        "The configuration holds a lambda as Python bytecode. Bytecode from a file is never run, "
        "in no mode. For a `Lambda` layer pass the function under the layer's name, "
        "`custom_objects={'<layer name>': function}`; to save models that load anywhere, use a "
        "named function with `@register_keras_serializable()`, or a `Layer` subclass."
    )


_SPECIAL: dict[str, Callable] = {
    "__tuple__": _read_tuple,
    "__bytes__": lambda config, custom: config["config"]["value"].encode("utf-8"),
    "__ellipsis__": lambda config, custom: Ellipsis,
    "__slice__": _read_slice,
    "__numpy__": _read_array,
    "__tensor__": _read_tensor,
    "__keras_tensor__": _read_symbolic,
    "__lambda__": _read_lambda,
}
