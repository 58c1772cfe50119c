"""`regularizers.get`, `serialize`, `deserialize`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from highlevel import serialization
from highlevel.naming import snake_case
from highlevel.regularizers import penalties
from highlevel.serialization.lookup import from_config, lookup

__all__ = ["deserialize", "get", "serialize"]

_CLASSES = [getattr(penalties, name) for name in penalties.__all__]
KNOWN: dict[str, Any] = {
    **{cls.__name__: cls for cls in _CLASSES},
    **{snake_case(cls.__name__): cls for cls in _CLASSES},
    "l1_l2": penalties.L1L2,
    "l1l2": penalties.L1L2,
}


def serialize(regularizer: Any) -> Any:
    """The configuration of a regularizer, as `deserialize` reads it."""
    return serialization.serialize_keras_object(regularizer)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The regularizer of a configuration or name.

    Raises:
        ValueError, TypeError: it names nothing known.
    """
    return from_config(config, "regularizer", KNOWN, "regularizers", custom_objects)


def get(identifier: Any) -> Callable | None:
    """The regularizer that an identifier stands for.

    Args:
        identifier: name (`"l2"`), configuration, class, callable, or None.

    Returns:
        A callable, or None for None.

    Raises:
        ValueError: the identifier stands for nothing.

    >>> import highlevel as hl
    >>> hl.regularizers.get("l2")
    L2(l2=0.01)
    """
    return lookup(identifier, "regularizer", KNOWN, "regularizers")
