"""`Rescaling`."""

from __future__ import annotations

from typing import Any

import numpy as np
from highlevel_backend import current_backend

from highlevel.layers.preprocessing.data_layer import DataLayer
from highlevel.serialization import deserialize_keras_object
from highlevel.symbolic import SymbolicTensor

__all__ = ["Rescaling"]


class Rescaling(DataLayer):
    """`inputs * scale + offset`.

    Args:
        scale: number, or one for each entry of the last axis.
        offset: number, or one for each entry of the last axis.

    >>> import highlevel as hl
    >>> float(hl.layers.Rescaling(1 / 127.5, offset=-1)(hl.ops.array([255.0]))[0])
    1.0
    """

    def __init__(self, scale: Any, offset: Any = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale = scale
        self.offset = offset
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        """There is nothing to make."""

    def call(self, inputs: Any) -> Any:
        backend, dtype = current_backend(), self.compute_dtype
        scale, offset = (_factor(backend, v, dtype) for v in (self.scale, self.offset))
        return backend.cast(inputs, dtype) * scale + offset

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The input's shape."""
        return input_shape

    def compute_output_spec(self, inputs: Any) -> SymbolicTensor:
        return SymbolicTensor.of(tuple(inputs.shape), self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        config = super().get_config()
        for name in ("scale", "offset"):
            value = getattr(self, name)
            plain = isinstance(value, (int, float, list, tuple))
            config[name] = value if plain else np.asarray(value).tolist()
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """The layer that `get_config` described."""
        config = dict(config)
        for name in ("scale", "offset"):
            if isinstance(config.get(name), dict):  # an array, as other libraries write it
                config[name] = deserialize_keras_object(
                    config[name], custom_objects=custom_objects)
        return super().from_config(config)


def _factor(backend: Any, value: Any, dtype: str) -> Any:
    if backend.is_array(value):
        return backend.cast(value, dtype)
    return backend.cast(backend.asarray(np.asarray(value, "float64").astype("float32")), dtype)
