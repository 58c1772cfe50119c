"""`Wrapper`: base of layers that change what another layer does."""

from __future__ import annotations

from typing import Any

from highlevel.layers.config import without_build
from highlevel.layers.described import DescribedLayer
from highlevel.layers.layer import Layer
from highlevel.serialization import deserialize_keras_object

__all__ = ["Wrapper"]


class Wrapper(DescribedLayer):
    """A layer around another one; write `call` in a subclass.

    Args:
        layer: the layer inside; built with the wrapper.

    Raises:
        ValueError: `layer` is no layer.

    >>> import highlevel as hl
    >>> class Twice(hl.layers.Wrapper):
    ...     def call(self, inputs):
    ...         return self.layer(self.layer(inputs))
    >>> Twice(hl.layers.Dense(3))(hl.ops.ones((2, 3))).shape
    (2, 3)
    """

    _fields = ("layer",)

    def __init__(self, layer: Layer, **kwargs: Any) -> None:
        if not isinstance(layer, Layer):
            raise ValueError(
                f"{type(self).__name__} wraps a layer; got {layer!r} of type "
                f"{type(layer).__name__}."
            )
        super().__init__(**kwargs)
        self.layer = layer

    def build(self, input_shape: Any = None) -> None:
        """Build the layer inside."""
        if not self.layer.built:
            self.layer.build(input_shape)
            self.layer.built = True

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None
    ) -> Any:
        """The layer that `get_config` described."""
        config = dict(config)
        inner = config.pop("layer")
        if not isinstance(inner, Layer):
            inner = deserialize_keras_object(
                without_build(inner), custom_objects=custom_objects)
        return cls(inner, **config)
