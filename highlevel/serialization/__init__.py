"""Objects to plain configurations and back: what `.keras` files are made of.

A configuration is data: dictionaries, lists, strings, numbers. It names classes in a
closed table (`table`) or ones the user registered (`registry`); reading one never imports
a module it names and never runs code it holds.
"""

from highlevel.serialization.objects import (
    deserialize_keras_object,
    serialize_keras_object,
)
from highlevel.serialization.registry import (
    CustomObjectScope,
    custom_object_scope,
    enable_unsafe_deserialization,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    in_safe_mode,
    register_keras_serializable,
    safe_mode_scope,
)

__all__ = [
    "CustomObjectScope",
    "custom_object_scope",
    "deserialize_keras_object",
    "enable_unsafe_deserialization",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "in_safe_mode",
    "register_keras_serializable",
    "safe_mode_scope",
    "serialize_keras_object",
]
