"""`Identity`: nothing at all."""

from __future__ import annotations

from typing import Any

from highlevel.layers.described import ShapeKeepingLayer

__all__ = ["Identity"]


class Identity(ShapeKeepingLayer):
    """Its input, unchanged; a place to put something else later.

    >>> import highlevel as hl
    >>> hl.layers.Identity()(hl.ops.array([1.0, 2.0])).tolist()
    [1.0, 2.0]
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        """`inputs`."""
        return inputs
