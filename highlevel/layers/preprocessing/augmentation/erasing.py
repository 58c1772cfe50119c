"""`RandomErasing`; rectangles in images."""

from __future__ import annotations

from typing import Any

import numpy as np
from highlevel_backend import current_backend

from highlevel.layers.preprocessing.augmentation import checks
from highlevel.layers.preprocessing.augmentation.base import (
    RandomImageLayer,
    channels_last,
    columns,
    drawn,
    happens,
)
from highlevel.random import normal

__all__ = ["RandomErasing", "rectangles"]


def rectangles(n: int, height: int, width: int, top: Any, left: Any, rows: Any, places: Any) -> Any:
    """Which pixels lie in a rectangle: `(n, height, width, 1)`.

    Args:
        top, left, rows, places: `(n,)` floats.
    """
    backend = current_backend()
    y = backend.asarray(np.arange(height, dtype="float32")[None, :, None, None])
    x = backend.asarray(np.arange(width, dtype="float32")[None, None, :, None])
    t, l, r, p = [columns(value, "float32") for value in (top, left, rows, places)]
    xp = backend.xp
    down = xp.logical_and(y >= t, y < t + r)
    across = xp.logical_and(x >= l, x < l + p)
    return xp.broadcast_to(xp.logical_and(down, across), (n, height, width, 1))


class RandomErasing(RandomImageLayer):
    """In training fills a rectangle of images with a number or with noise, by chance.

    Args:
        factor: the probability is drawn for each image between two numbers from 0 to 1, or
            between 0 and `factor`.
        scale: the rectangle's height and width are the square roots of two shares drawn
            between two numbers from 0 to 1, or between 0 and `scale`.
        fill_value: the number; normal noise, cut to the value range, where None.
        value_range: the lowest and highest value of pixels.
        seed: integer for the same changes at every run.
        data_format: `"channels_last"` or `"channels_first"`; the setting's where None.

    Called with images `(batch, height, width, channels)`, one, or a dict, see `RandomFlip`.

    Source: Z. Zhong et al., "Random erasing data augmentation", 2017, arXiv:1708.04896.

    >>> import highlevel as hl
    >>> layer = hl.layers.RandomErasing((1.0, 1.0), scale=(0.25, 0.25), fill_value=0.0, seed=1)
    >>> float(hl.ops.sum(layer(hl.ops.ones((1, 8, 8, 1)), training=True)))
    48.0
    """

    _fields = ("factor", "scale", "fill_value", "value_range", "seed")

    def __init__(
        self,
        factor: Any = 1.0,
        scale: Any = (0.02, 0.33),
        fill_value: float | None = None,
        value_range: Any = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = checks.factor_range(self, "factor", factor, 0, 1)
        self.scale = checks.factor_range(self, "scale", scale, 0, 1)
        self.fill_value = fill_value
        self.value_range = checks.value_range(self, value_range)

    def _draw(self, images: Any, seed: Any) -> dict[str, Any]:
        backend = current_backend()
        xp = backend.xp
        n, height, width, channels = self._last(images.shape)
        chosen = happens((n,), self.factor, seed)
        rows, places = [
            xp.round(xp.sqrt(drawn((n,), self.scale, seed)) * length)
            for length in (height, width)
        ]
        top, left = [
            xp.floor(drawn((n,), (0.0, 1.0), seed) * (length - size + 1))
            for length, size in ((height, rows), (width, places))
        ]
        masks = rectangles(n, height, width, top, left, rows, places)
        if self.data_format == "channels_first":
            masks = xp.moveaxis(masks, -1, 1)
        if self.fill_value is not None:
            fill = xp.full((n, height, width, channels), self.fill_value, dtype="float32")
        else:
            low, high = self.value_range
            noise = normal((n, height, width, channels), dtype="float32", seed=seed)
            fill = xp.clip(noise * (high - low) + low, low, high)
        if self.data_format == "channels_first":
            fill = xp.moveaxis(fill, -1, 1)
        return {"apply_erasing": chosen, "batch_masks": masks, "fill_value": fill}

    def _change(self, x: Any, transformation: Any) -> Any:
        backend = current_backend()
        xp = backend.xp
        inside = channels_last(transformation["batch_masks"], self.data_format)
        chosen = xp.logical_and(inside, columns(transformation["apply_erasing"]))
        fill = backend.cast(
            channels_last(transformation["fill_value"], self.data_format), str(x.dtype))
        return xp.where(chosen, fill, x)
