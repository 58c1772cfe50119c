"""`Activation`: any activation function as a layer."""

from __future__ import annotations

from typing import Any

from highlevel.layers.described import ShapeKeepingLayer

__all__ = ["Activation"]


class Activation(ShapeKeepingLayer):
    """`activation(inputs)`.

    Args:
        activation: name, function or layer.

    >>> import highlevel as hl
    >>> hl.layers.Activation("relu")(hl.ops.array([-1.0, 2.0])).tolist()
    [0.0, 2.0]
    """

    _fields = ("activation",)

    def __init__(self, activation: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._set_activation(activation)
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        """The activations of an array of any shape."""
        return inputs if self._activate is None else self._activate(inputs)
