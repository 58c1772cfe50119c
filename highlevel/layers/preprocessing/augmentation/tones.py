"""`RandomInvert`, `RandomPosterization`, `Solarization`: pixels each for itself."""

from __future__ import annotations

from typing import Any

import numpy as np
from highlevel_backend import current_backend

from highlevel.layers.preprocessing.augmentation import checks
from highlevel.layers.preprocessing.augmentation.base import (
    RandomImageLayer,
    columns,
    count,
    drawn,
    happens,
    per_image,
    where_chosen,
)
from highlevel.random import randint

__all__ = ["RandomInvert", "RandomPosterization", "Solarization"]


class RandomInvert(RandomImageLayer):
    """In training turns images into their negatives by chance.

    Args:
        factor: the probability is drawn for each image between two numbers from 0 to 1, or
            between 0 and `factor`.
        value_range: the lowest and highest value of pixels.
        seed: integer for the same changes at every run.
        data_format: `"channels_last"` or `"channels_first"`; the setting's where None.

    Called with images `(batch, height, width, channels)`, one, or a dict, see `RandomFlip`.

    >>> import highlevel as hl
    >>> layer = hl.layers.RandomInvert((1.0, 1.0))
    >>> float(layer(hl.ops.ones((1, 2, 2, 3)), training=True)[0, 0, 0, 0])
    254.0
    """

    _fields = ("factor", "value_range", "seed")

    def __init__(
        self,
        factor: Any = 1.0,
        value_range: Any = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = checks.factor_range(self, "factor", factor, 0, 1)
        self.value_range = checks.value_range(self, value_range)

    def _draw(self, images: Any, seed: Any) -> dict[str, Any]:
        return {"apply_inversion": happens((count(images),), self.factor, seed)}

    def _change(self, x: Any, transformation: Any) -> Any:
        low, high = self.value_range
        return where_chosen(transformation["apply_inversion"], high - (x - low), x)


class RandomPosterization(RandomImageLayer):
    """In training keeps only the first bits of each pixel.

    Args:
        factor: the number of bits kept is drawn between two numbers from 1 to 8, or between 1
            and `factor`.
        value_range: the lowest and highest value of pixels.
        data_format: `"channels_last"` or `"channels_first"`; the setting's where None.
        seed: integer for the same changes at every run.

    Called with images `(batch, height, width, channels)`, one, or a dict, see `RandomFlip`.

    Source: E. D. Cubuk et al., "AutoAugment", 2019, arXiv:1805.09501.

    >>> import highlevel as hl
    >>> layer = hl.layers.RandomPosterization((2, 2))
    >>> y = layer(hl.ops.reshape([63.0, 65.0, 255.0], (1, 1, 1, 3)), training=True)
    >>> [float(n) for n in y[0, 0, 0]]
    [0.0, 64.0, 192.0]
    """

    _fields = ("factor", "value_range", "seed")

    def __init__(
        self,
        factor: Any,
        value_range: Any = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = checks.factor_range(self, "factor", factor, 1, 8)
        self.value_range = checks.value_range(self, value_range)

    def _draw(self, images: Any, seed: Any) -> dict[str, Any]:
        low, high = self.factor
        bits = randint((count(images),), int(low), int(high) + 1, seed=seed)
        return {"shift_factor": current_backend().cast(8 - bits, "uint8")}

    def _change(self, x: Any, transformation: Any) -> Any:
        backend = current_backend()
        low, high = self.value_range
        name = str(x.dtype)
        bytes_ = backend.cast(
            backend.xp.clip((x - low) * (255.0 / (high - low)), 0.0, 255.0), "uint8")
        shift = columns(transformation["shift_factor"], "uint8")
        kept = backend.cast((bytes_ >> shift) << shift, name)
        return kept * ((high - low) / 255.0) + low


class Solarization(RandomImageLayer):
    """Turns the bright pixels of images into their negatives.

    Args:
        addition_factor: what is added first, in shares of the value range, is drawn between two
            numbers from 0 to 1, or between 0 and `addition_factor`.
        threshold_factor: pixels from this share of the value range on are turned; drawn in the
            same way.
        value_range: the lowest and highest value of pixels.
        seed: integer for the same changes at every run.

    Called with images `(batch, height, width, channels)`, one, or a dict, see `RandomFlip`.

    >>> import highlevel as hl
    >>> layer = hl.layers.Solarization(threshold_factor=(0.5, 0.5))
    >>> y = layer(hl.ops.reshape([10.0, 200.0], (1, 1, 2, 1)), training=True)
    >>> [float(n) for n in y[0, 0, :, 0]]
    [10.0, 55.0]
    """

    _fields = ("value_range", "addition_factor", "threshold_factor", "seed")

    def __init__(
        self,
        addition_factor: Any = 0.0,
        threshold_factor: Any = 0.0,
        value_range: Any = (0, 255),
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, **kwargs)
        self.addition_factor = checks.factor_range(self, "addition_factor", addition_factor, 0, 1)
        self.threshold_factor = checks.factor_range(
            self, "threshold_factor", threshold_factor, 0, 1)
        self.value_range = checks.value_range(self, value_range)

    def _draw(self, images: Any, seed: Any) -> dict[str, Any]:
        low, high = self.value_range
        shape = per_image(images)
        return {
            "additions": drawn(shape, self.addition_factor, seed) * (high - low),
            "thresholds": low + drawn(shape, self.threshold_factor, seed) * (high - low),
        }

    def _change(self, x: Any, transformation: Any) -> Any:
        xp = current_backend().xp
        name = str(x.dtype)
        low, high = self.value_range
        x = xp.clip(x + columns(transformation["additions"], name), low, high)
        bright = x >= columns(transformation["thresholds"], name)
        return xp.where(bright, np.asarray(high + low, name) - x, x)
