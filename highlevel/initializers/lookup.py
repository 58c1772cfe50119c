"""`initializers.get`, `serialize`, `deserialize`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from highlevel_backend import current_backend

from highlevel import serialization
from highlevel.initializers import chance, fixed
from highlevel.initializers.base import Initializer
from highlevel.naming import snake_case
from highlevel.serialization.lookup import from_config, lookup

__all__ = ["deserialize", "get", "serialize"]

_CLASSES = [
    getattr(module, name)
    for module in (chance, fixed)
    for name in module.__all__
    if name != "RandomInitializer"
] + [Initializer]
KNOWN: dict[str, Any] = {
    **{cls.__name__: cls for cls in _CLASSES},
    **{snake_case(cls.__name__): cls for cls in _CLASSES},
    # Names of earlier versions of Keras.
    "IdentityInitializer": fixed.Identity,
    "OrthogonalInitializer": chance.Orthogonal,
    "STFTInitializer": fixed.STFT,
    "stft": fixed.STFT,
    "uniform": chance.RandomUniform,
    "normal": chance.RandomNormal,
    "one": fixed.Ones,
    "zero": fixed.Zeros,
}


def serialize(initializer: Any) -> Any:
    """The configuration of an initializer, as `deserialize` reads it."""
    return serialization.serialize_keras_object(initializer)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The initializer of a configuration or name.

    Raises:
        ValueError, TypeError: it names nothing known.
    """
    return from_config(config, "initializer", KNOWN, "initializers", custom_objects)


def get(identifier: Any) -> Callable | None:
    """The initializer that an identifier stands for.

    Args:
        identifier: name (`"glorot_uniform"`, `"GlorotUniform"`), configuration, class,
            callable `(shape, dtype) -> array`, an array of the very values, or None.

    Returns:
        A callable, or None for None.

    Raises:
        ValueError: the identifier stands for nothing.

    >>> import highlevel as hl
    >>> hl.initializers.get("zeros")
    Zeros()
    """
    if type(identifier) is not str and (isinstance(identifier, np.ndarray) or (
        not isinstance(identifier, (str, dict, type)) and hasattr(identifier, "shape")
    )):
        return _repeating(identifier)
    return lookup(identifier, "initializer", KNOWN, "initializers")


def _repeating(value: Any) -> Callable:
    """An initializer that gives one array, of whose shape the weight must be."""

    def initializer(shape: Any, dtype: str | None = None) -> Any:
        if tuple(value.shape) != tuple(shape):
            raise ValueError(
                f"The array given as initializer has the shape {tuple(value.shape)}; the weight "
                f"has {tuple(shape)}."
            )
        return current_backend().asarray(value, dtype)

    return initializer
