"""The closed table of built-in classes: Keras's module names and where ours are.

A configuration names a class by module and class name. Only the modules below are known;
in them only public names count, and only classes that this library defines. Nothing is
imported and no attribute is looked up because a file says so.
"""

from __future__ import annotations

import importlib
from typing import Any

__all__ = ["builtin_class", "builtin_function", "class_name", "keras_identity", "names_like"]

#: namespace (`keras.<namespace>` in files) → our package
_PACKAGES = {
    "layers": "highlevel.layers",
    "initializers": "highlevel.initializers",
    "regularizers": "highlevel.regularizers",
    "constraints": "highlevel.constraints",
    "losses": "highlevel.losses",
    "metrics": "highlevel.metrics",
    "optimizers.schedules": "highlevel.optimizers.schedules",
    "optimizers": "highlevel.optimizers",
    "dtype_policies": "highlevel.dtype_policies",
    "distillation": "highlevel.distillation",
    "quantizers": "highlevel.quantizers",
    "random": "highlevel.random",
    "models": "highlevel.models",
    "utils": "highlevel.utils",
}

#: classes that are public under no name, as files write them → where ours are
_INTERNAL = {
    ("keras.src.layers.preprocessing.feature_space", name): ("highlevel.utils.feature_space", name)
    for name in ("Cross", "Feature", "TFDIdentity")
}

#: class → namespace, for those that files name by the top module `keras`
_TOP = {
    "Sequential": "models",
    "Model": "models",
    "Functional": "models",
    "DTypePolicy": "dtype_policies",
    "FloatDTypePolicy": "dtype_policies",
    "InputSpec": "layers",
    "Layer": "layers",
    "Initializer": "initializers",
    "Regularizer": "regularizers",
    "Loss": "losses",
    "Metric": "metrics",
    "Optimizer": "optimizers",
}

#: classes written under another module than `keras.<namespace>`
_WRITTEN_AS = {
    ("models", "Sequential"): ("keras", None),
    ("models", "Model"): ("keras", None),
    ("models", "Functional"): ("keras.src.models.functional", "Functional"),
    ("dtype_policies", "DTypePolicy"): ("keras", None),
    ("dtype_policies", "FloatDTypePolicy"): ("keras", None),
    ("layers", "InputSpec"): ("keras", None),
}

#: classes written under another name than their own
_NAMES = {"GroupedQueryAttention": "GroupQueryAttention"}

#: namespaces whose functions may be named, in the order they are looked through
_FUNCTION_NAMESPACES = (
    "activations", "losses", "metrics", "regularizers", "initializers", "constraints", "ops",
)


#: functions of the namespaces that are no loss, activation or the like
_NO_FUNCTIONS = ("get", "serialize", "deserialize")


def _namespace(module: str, class_name: str) -> str | None:
    """The namespace a module name means, or None for one that is not ours to know."""
    if module in ("keras", "highlevel", "keras.api", "tf_keras", "tensorflow.keras"):
        return _TOP.get(class_name)
    for prefix in ("keras.src.", "keras.", "highlevel."):
        if module.startswith(prefix):
            rest = module[len(prefix):]
            break
    else:
        return None
    for namespace in _PACKAGES:  # `optimizers.schedules` stands before `optimizers`
        if rest == namespace or rest.startswith(namespace + "."):
            if namespace == "optimizers" and rest.startswith("optimizers.schedules"):
                return "optimizers.schedules"
            return namespace
    return None


def _public(package_name: str, name: str) -> Any:
    """A public name of one of our own packages, or None."""
    if not name.isidentifier() or name.startswith("_"):
        return None
    try:
        package = importlib.import_module(package_name)
    except ModuleNotFoundError as error:
        if error.name is not None and package_name.startswith(error.name):
            return None  # a part of the library that this version does not have
        raise
    public = getattr(package, "__all__", None)
    if public is not None and name not in public:
        return None
    return getattr(package, name, None)


def builtin_class(module: str | None, class_name: str) -> type | None:
    """The class of ours that a file means, or None.

    Args:
        module: module name in the file; None (files of Keras 2) looks in every namespace.
        class_name: class name in the file.
    """
    if (module, class_name) in _INTERNAL:
        place, name = _INTERNAL[str(module), class_name]
        return getattr(importlib.import_module(place), name)
    if module is None:
        namespaces = list(_PACKAGES)
    else:
        found = _namespace(module, class_name)
        if found is None:
            return None
        namespaces = [found]
    for namespace in namespaces:
        item = _public(_PACKAGES[namespace], class_name)
        if (
            isinstance(item, type)
            and item.__module__.split(".")[0] == "highlevel"
            and hasattr(item, "get_config")
        ):
            return item
    return None


def builtin_function(name: str, namespace: str | None = None) -> Any:
    """The function of ours that a file names, or None.

    Args:
        name: function name.
        namespace: where to look first, `"losses"`.
    """
    order = _FUNCTION_NAMESPACES
    if namespace is not None:
        order = (namespace, *(entry for entry in order if entry != namespace))
    for entry in order:
        item = None if name in _NO_FUNCTIONS else _public(f"highlevel.{entry}", name)
        if callable(item) and not isinstance(item, type):
            return item
    return None


_identities: dict[type, tuple[str, str | None] | None] = {}


def keras_identity(cls: type) -> tuple[str, str | None] | None:
    """`(module, registered_name)` to write for a class of ours, or None for any other."""
    if cls in _identities:
        return _identities[cls]
    result = None
    for (module, name), ours in _INTERNAL.items():
        if ours == (cls.__module__, cls.__name__):
            result = _identities[cls] = module, name
            return result
    if cls.__module__.split(".")[0] == "highlevel":
        namespace = _namespace(cls.__module__, cls.__name__)
        if namespace is None:
            namespace = _TOP.get(cls.__name__)
        if namespace is not None and _public(_PACKAGES[namespace], cls.__name__) is cls:
            result = _WRITTEN_AS.get((namespace, cls.__name__), (f"keras.{namespace}", None))
    _identities[cls] = result
    return result


def class_name(cls: type) -> str:
    """The name under which files know a class of ours."""
    return _NAMES.get(cls.__name__, cls.__name__)


def names_like(module: str | None, class_name: str) -> list[str]:
    """Public names that resemble one that was not found; for the error message."""
    import difflib

    namespace = _namespace(module, class_name) if module else None
    packages = [_PACKAGES[namespace]] if namespace else list(_PACKAGES.values())
    names: list[str] = []
    for package_name in packages:
        try:
            names += getattr(importlib.import_module(package_name), "__all__", [])
        except ModuleNotFoundError:
            continue
    return difflib.get_close_matches(class_name, names, n=3, cutoff=0.6)
