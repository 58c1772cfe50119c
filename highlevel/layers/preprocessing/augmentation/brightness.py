"""`RandomBrightness`, `RandomContrast`."""

from __future__ import annotations

from typing import Any

from highlevel_backend import current_backend

from highlevel.layers.preprocessing.augmentation.base import (
    RandomImageLayer,
    columns,
    drawn,
    per_image,
    spatial_mean,
)
from highlevel.layers.preprocessing.augmentation.checks import factor_range, value_range

__all__ = ["RandomBrightness", "RandomContrast"]


class RandomBrightness(RandomImageLayer):
    """In training adds a random number to all pixels of an image.

    Args:
        factor: what is added, in shares of the value range, is drawn between two numbers from
            -1 to 1, or between `-factor` and `factor`.
        value_range: the lowest and highest value of pixels; results are cut to it.
        seed: integer for the same changes at every run.

    Called with images `(batch, height, width, channels)`, one, or a dict, see
    `RandomFlip`. Integer images stay integers.

    >>> import highlevel as hl
    >>> layer = hl.layers.RandomBrightness((0.1, 0.1))
    >>> float(layer(hl.ops.ones((1, 2, 2, 3)), training=True)[0, 0, 0, 0])
    26.5
    """

    _fields = ("factor", "value_range", "seed")
    _keeps_dtype = True

    def __init__(
        self,
        factor: Any,
        value_range: Any = (0, 255),
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, **kwargs)
        self.factor = factor_range(self, "factor", factor, -1, 1)
        self.value_range = _range(self, value_range)

    def _draw(self, images: Any, seed: Any) -> dict[str, Any]:
        low, high = self.value_range
        return {"rgb_delta": drawn(per_image(images), self.factor, seed) * (high - low)}

    def _change(self, x: Any, transformation: Any) -> Any:
        delta = columns(transformation["rgb_delta"], str(x.dtype))
        return current_backend().xp.clip(x + delta, *self.value_range)


class RandomContrast(RandomImageLayer):
    """In training moves pixels away from their channel's mean, or towards it.

    A channel becomes `(x - mean) * contrast + mean`, cut to the value range.

    Args:
        factor: two numbers `(lower, upper)` from 0 to 1, the contrast being drawn between
            `1 - lower` and `1 + upper`; or one, for contrasts from 1 to `1 + factor`.
        value_range: the lowest and highest value of pixels.
        seed: integer for the same changes at every run.

    Called with images `(batch, height, width, channels)`, one, or a dict, see `RandomFlip`.

    >>> import highlevel as hl
    >>> layer = hl.layers.RandomContrast((0.0, 0.5), seed=1)
    >>> y = layer(hl.ops.reshape([10.0, 20.0], (1, 1, 2, 1)), training=True)
    >>> float(hl.ops.sum(y))
    30.0
    """

    _fields = ("factor", "value_range", "seed")

    def __init__(
        self,
        factor: Any,
        value_range: Any = (0, 255),
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, **kwargs)
        self.factor = factor_range(self, "factor", factor, 0, 1)
        self.value_range = _range(self, value_range)

    def _draw(self, images: Any, seed: Any) -> dict[str, Any]:
        lower, upper = self.factor
        return {"contrast_factor": drawn(per_image(images), (1.0 - lower, 1.0 + upper), seed)}

    def _change(self, x: Any, transformation: Any) -> Any:
        contrast = columns(transformation["contrast_factor"], str(x.dtype))
        mean = spatial_mean(x)
        return current_backend().xp.clip((x - mean) * contrast + mean, *self.value_range)


_range = value_range
