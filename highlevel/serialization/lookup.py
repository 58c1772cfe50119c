"""What `get` and `deserialize` of the namespaces share: from an identifier to an object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from highlevel.serialization.objects import deserialize_keras_object
from highlevel.serialization.registry import get_registered_object

__all__ = ["from_config", "lookup"]


def lookup(identifier: Any, kind: str, known: Mapping[str, Any], namespace: str) -> Any:
    """The object that an identifier stands for.

    Args:
        identifier: None (returned), name, class, callable (returned) or configuration.
        kind: what is looked for, `"initializer"`; for the error message.
        known: name → class or function.
        namespace: `"initializers"`, where configurations look first.

    Returns:
        An object; classes are called without arguments. Functions come as they are.

    Raises:
        ValueError: nothing has the name, or the identifier is of another type. The
            message suggests the nearest name.
    """
    if identifier is None:
        return None
    if isinstance(identifier, str):
        found = get_registered_object(identifier) or known.get(identifier)
        if found is None:
            raise ValueError(_unknown(identifier, kind, known))
        return found() if isinstance(found, type) else found
    if isinstance(identifier, type):
        return identifier()
    if callable(identifier):
        return identifier
    if isinstance(identifier, Mapping):
        return from_config(identifier, kind, known, namespace)
    raise ValueError(
        f"{kind.capitalize()} {identifier!r} of type {type(identifier).__name__} cannot be "
        f"understood. Give a name, a callable, or a configuration of `{namespace}.serialize`."
    )


def from_config(
    config: Any,
    kind: str,
    known: Mapping[str, Any],
    namespace: str,
    custom_objects: Mapping[str, Any] | None = None,
) -> Any:
    """The object of a configuration, or of a name.

    Args:
        config: what `serialize` returned; a name; a shortened configuration
            `{"class_name": ..., "config": ...}`.
        custom_objects: name → class or function of the user's own.

    Raises:
        ValueError, TypeError: it names nothing known.
    """
    if isinstance(config, str):
        found = get_registered_object(config, custom_objects, known)
        if found is None:
            raise ValueError(_unknown(config, kind, known))
        return found() if isinstance(found, type) else found
    if isinstance(config, Mapping) and config.get("module") is None:
        # Names without a module mean this namespace first.
        named = known.get(str(config.get("class_name")))
        registered = config.get("registered_name")
        if isinstance(named, type) and registered in (None, named.__name__):
            config = {**config, "module": f"keras.{namespace}", "class_name": named.__name__}
    return deserialize_keras_object(config, custom_objects, None, namespace=namespace)


def _unknown(name: str, kind: str, known: Mapping[str, Any]) -> str:
    import difflib  # only where it fails

    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f" Did you mean {near[0]!r}?" if near else f" Known: {', '.join(sorted(known))}."
    return (
        f"There is no {kind} {name!r}.{hint} To use a name of your own, register the class or "
        "function with `register_keras_serializable`, or pass the object itself."
    )
