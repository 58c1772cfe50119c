"""`constraints.get`, `serialize`, `deserialize`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from highlevel import serialization
from highlevel.constraints import projections
from highlevel.naming import snake_case
from highlevel.serialization.lookup import from_config, lookup

__all__ = ["deserialize", "get", "serialize"]

_CLASSES = [getattr(projections, name) for name in projections.__all__]
KNOWN: dict[str, Any] = {
    **{cls.__name__: cls for cls in _CLASSES},
    **{snake_case(cls.__name__): cls for cls in _CLASSES},
}


def serialize(constraint: Any) -> Any:
    """The configuration of a constraint, as `deserialize` reads it."""
    return serialization.serialize_keras_object(constraint)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The constraint of a configuration or name.

    Raises:
        ValueError, TypeError: it names nothing known.
    """
    return from_config(config, "constraint", KNOWN, "constraints", custom_objects)


def get(identifier: Any) -> Callable | None:
    """The constraint that an identifier stands for.

    Args:
        identifier: name (`"non_neg"`), configuration, class, callable, or None.

    Returns:
        A callable, or None for None.

    Raises:
        ValueError: the identifier stands for nothing.

    >>> import highlevel as hl
    >>> hl.constraints.get("non_neg")
    NonNeg()
    """
    return lookup(identifier, "constraint", KNOWN, "constraints")
