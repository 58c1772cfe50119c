"""`ActivityRegularization`: a penalty on what passes."""

from __future__ import annotations

from typing import Any

from highlevel import regularizers
from highlevel.layers.described import ShapeKeepingLayer

__all__ = ["ActivityRegularization"]


class ActivityRegularization(ShapeKeepingLayer):
    """Its input; adds `l1 * sum(|x|) + l2 * sum(x ** 2)` per sample to the loss.

    Args:
        l1, l2: factors.

    >>> import highlevel as hl
    >>> layer = hl.layers.ActivityRegularization(l1=0.5)
    >>> y = layer(hl.ops.array([[1.0, -2.0]]))
    >>> [float(loss) for loss in layer.losses]
    [1.5]
    """

    _fields = ("l1", "l2")

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **kwargs: Any) -> None:
        super().__init__(activity_regularizer=regularizers.L1L2(l1=l1, l2=l2), **kwargs)
        self.l1 = l1
        self.l2 = l2
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        """`inputs`."""
        return inputs

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        config = super().get_config()
        config.pop("activity_regularizer", None)  # made of the factors
        return config
