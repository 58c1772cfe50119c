"""`RandomRotation`."""

from __future__ import annotations

import math
from typing import Any

from highlevel_backend import current_backend

from highlevel.layers.preprocessing.augmentation import checks
from highlevel.layers.preprocessing.augmentation.affine import AffineLayer, rows_of
from highlevel.layers.preprocessing.augmentation.base import count, drawn
from highlevel.utils.bounding_boxes.changes import affine_transform

__all__ = ["RandomRotation"]


class RandomRotation(AffineLayer):
    """In training turns images around their middle.

    Args:
        factor: the angle, in shares of a full turn counter-clockwise, is drawn between two
            numbers from -1 to 1, or between `-factor` and `factor`.
        fill_mode: what lies beyond the edges: "reflect", "wrap", "nearest", or "constant".
        interpolation: "nearest" or "bilinear".
        seed: integer for the same changes at every run.
        fill_value: what lies beyond the edges with "constant".
        data_format: `"channels_last"` or `"channels_first"`; the setting's where None.

    Called with images `(batch, height, width, channels)`, one, or a dict, see `RandomFlip`.

    >>> import highlevel as hl
    >>> layer = hl.layers.RandomRotation((0.25, 0.25))
    >>> y = layer(hl.ops.reshape([1.0, 2.0, 3.0, 4.0], (2, 2, 1)), training=True)
    >>> [[round(float(n)) for n in row] for row in y[..., 0]]
    [[2, 4], [1, 3]]
    """

    _fields = ("factor", "fill_mode", "fill_value", "interpolation", "seed")

    def __init__(
        self,
        factor: Any,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            fill_mode=fill_mode, interpolation=interpolation, fill_value=fill_value, seed=seed,
            data_format=data_format, **kwargs)
        self.factor = checks.factor_range(self, "factor", factor, -1, 1)

    def _draw(self, images: Any, seed: Any) -> dict[str, Any]:
        low, high = self.factor
        height, width = self._size(images.shape)
        return {
            "angle": drawn((count(images),), (low * 360.0, high * 360.0), seed),
            "image_height": height,
            "image_width": width,
            "batch_size": count(images),
        }

    def _size_of(self, transformation: Any) -> tuple[int, int]:
        return transformation["image_height"], transformation["image_width"]

    def _matrix(self, transformation: Any, height: int, width: int) -> Any:
        backend = current_backend()
        angle = backend.asarray(transformation["angle"], "float32") * (math.pi / 180)
        cos, sin = backend.xp.cos(angle), backend.xp.sin(angle)
        x, y = (width - 1) / 2, (height - 1) / 2
        return rows_of(cos, -sin, x - cos * x + sin * y, sin, cos, y - sin * x - cos * y)

    def _move(self, boxes: Any, transformation: Any, height: int, width: int) -> Any:
        zero = 0.0
        return affine_transform(
            boxes, transformation["angle"], zero, zero, 1.0, zero, zero, height, width)
