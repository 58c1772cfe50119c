"""`RandomPerspective`."""

from __future__ import annotations

from typing import Any

import numpy as np
from highlevel_backend import current_backend

from highlevel.layers.preprocessing.augmentation import checks
from highlevel.layers.preprocessing.augmentation.affine import INTERPOLATIONS
from highlevel.layers.preprocessing.augmentation.base import (
    RandomImageLayer,
    SpatialLayer,
    count,
    drawn,
    happens,
    where_chosen,
)
from highlevel.ops.image import perspective_transform
from highlevel.ops.image.warping import _homography
from highlevel.utils.bounding_boxes.changes import around_corners

__all__ = ["RandomPerspective"]


class RandomPerspective(SpatialLayer, RandomImageLayer):
    """In training shows images as if seen from aside, by chance: their corners are moved.

    Args:
        factor: the probability is drawn for each image between two numbers from 0 to 1, or
            between 0 and `factor`.
        scale: from 0 to 1; a corner's coordinates are multiplied by numbers between
            `1 - scale / 2` and `1 + scale / 2`, counted from the upper left corner.
        interpolation: "nearest" or "bilinear".
        fill_value: what lies beyond the edges.
        seed: integer for the same changes at every run.
        data_format: `"channels_last"` or `"channels_first"`; the setting's where None.

    Called with images `(batch, height, width, channels)`, one, or a dict, see `RandomFlip`.

    >>> import highlevel as hl
    >>> layer = hl.layers.RandomPerspective((1.0, 1.0), scale=0.0)
    >>> round(float(hl.ops.sum(layer(hl.ops.ones((4, 5, 1)), training=True))), 3)
    20.0
    """

    _fields = ("factor", "scale", "interpolation", "fill_value", "seed")

    def __init__(
        self,
        factor: Any = 1.0,
        scale: float = 1.0,
        interpolation: str = "bilinear",
        fill_value: float = 0.0,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = checks.factor_range(self, "factor", factor, 0, 1)
        if isinstance(scale, (tuple, list, str)) or not 0 <= scale <= 1:
            raise ValueError(
                f"RandomPerspective '{self.name}': `scale` must be a number from 0 to 1; got "
                f"{scale!r}."
            )
        self.scale = scale
        self.interpolation = checks.one_of(self, "interpolation", interpolation, INTERPOLATIONS)
        self.fill_value = fill_value

    def _draw(self, images: Any, seed: Any) -> dict[str, Any]:
        backend = current_backend()
        n, (height, width) = count(images), self._size(images.shape)
        chosen = happens((n,), self.factor, seed)
        x, y = width - 1.0, height - 1.0
        corners = np.array([[0, 0], [x, 0], [0, y], [x, y]], "float32")
        start = backend.asarray(np.broadcast_to(corners, (n, 4, 2)))
        moved = 1.0 + drawn((n, 4, 2), (-self.scale / 2, self.scale / 2), seed)
        return {
            "apply_perspective": chosen, "start_points": start, "end_points": start * moved,
            "input_shape": tuple(images.shape),
        }

    def _warp(self, x: Any, transformation: Any, interpolation: str) -> Any:
        moved = perspective_transform(
            x, transformation["start_points"], transformation["end_points"],
            interpolation=interpolation, fill_value=self.fill_value, data_format="channels_last",
        )
        return where_chosen(transformation["apply_perspective"], moved, x)

    def _move(self, boxes: Any, transformation: Any, height: int, width: int) -> Any:
        backend = current_backend()
        start, end = [backend.asarray(transformation[key], "float32")
                      for key in ("start_points", "end_points")]
        numbers = _homography(end, start)  # of the inverse function
        a0, a1, a2, b0, b1, b2, c0, c1 = [numbers[:, i][:, None, None] for i in range(8)]

        def move(x: Any, y: Any) -> tuple[Any, Any]:
            depth = c0 * x + c1 * y + 1
            return (a0 * x + a1 * y + a2) / depth, (b0 * x + b1 * y + b2) / depth

        chosen = backend.asarray(transformation["apply_perspective"]).reshape(-1, 1, 1)
        return backend.xp.where(chosen, around_corners(boxes, move), boxes)
