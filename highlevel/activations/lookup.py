"""`activations.get`, `serialize`, `deserialize`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from highlevel import serialization
from highlevel.activations import functions
from highlevel.serialization.lookup import from_config, lookup

__all__ = ["deserialize", "get", "serialize"]

#: name → function
KNOWN: dict[str, Any] = {
    **{name: getattr(functions, name) for name in functions.__all__},
    "swish": functions.silu,
    "hard_swish": functions.hard_silu,
}


def serialize(activation: Any) -> Any:
    """The name of a built-in activation, or the configuration of another callable.

    >>> from highlevel import activations
    >>> activations.serialize(activations.silu)
    'silu'
    """
    name = getattr(activation, "__name__", None)
    if name is not None and KNOWN.get(name) is activation:
        return name
    if getattr(activation, "reference", None) is not None and name in KNOWN:
        return name  # the op of that name: `ops.relu` for "relu"
    return serialization.serialize_keras_object(activation)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The activation of a name or configuration.

    Args:
        config: what `serialize` returned.
        custom_objects: name → function or class of the user's own.

    Raises:
        ValueError, TypeError: it names nothing known; the nearest name is suggested.
    """
    return from_config(config, "activation", KNOWN, "activations", custom_objects)


def get(identifier: Any) -> Callable:
    """The activation that an identifier stands for.

    Args:
        identifier: None (for `linear`), a name, a callable (returned as it is) or a
            configuration.

    Raises:
        ValueError: nothing has the name; the message suggests the nearest one.

    >>> from highlevel import activations
    >>> activations.get("relu") is activations.relu
    True
    """
    if identifier is None:
        return functions.linear
    return lookup(identifier, "activation", KNOWN, "activations")
