"""`serialize` and `deserialize` of layers."""

from __future__ import annotations

from typing import Any

from highlevel.layers.layer import Layer
from highlevel.serialization import deserialize_keras_object, serialize_keras_object

__all__ = ["deserialize", "serialize"]


def serialize(layer: Layer) -> dict[str, Any]:
    """A layer as a dict of plain values: its class and its config.

    Raises:
        ValueError: it is no layer.

    >>> import highlevel as hl
    >>> hl.layers.serialize(hl.layers.Dense(3))["config"]["units"]
    3
    """
    if not isinstance(layer, Layer):
        raise ValueError(f"`layers.serialize` takes a layer; got {layer!r}.")
    return serialize_keras_object(layer)


def deserialize(config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Layer:
    """The layer that `serialize` wrote; weights are not part of it.

    Args:
        config: what `serialize` returned.
        custom_objects: name → class or function of your own that the config names.

    Raises:
        ValueError: it describes something else, or a class that is not known.

    >>> import highlevel as hl
    >>> hl.layers.deserialize(hl.layers.serialize(hl.layers.Dense(3))).units
    3
    """
    layer = deserialize_keras_object(config, custom_objects=custom_objects)
    if not isinstance(layer, Layer):
        raise ValueError(f"This config describes no layer, but {layer!r}: {config!r}.")
    return layer
