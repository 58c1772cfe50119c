"""`RandomGaussianBlur`, `RandomSharpness`: pixels with their neighbours."""

from __future__ import annotations

import math
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
    where_chosen,
)

__all__ = ["RandomGaussianBlur", "RandomSharpness", "weighted_along"]


def weighted_along(x: Any, axis: int, weights: list[Any]) -> Any:
    """Sums of neighbours along an axis, each times a weight; zeros beyond the ends.

    Args:
        x: `(batch, height, width, channels)`.
        weights: an odd number of numbers, or of arrays that broadcast.
    """
    xp = current_backend().xp
    reach = len(weights) // 2
    pairs = [(0, 0)] * x.ndim
    pairs[axis] = (reach, reach)
    padded = xp.pad(x, tuple(pairs))
    before = (slice(None),) * axis
    length = x.shape[axis]
    total: Any = 0
    for i, weight in enumerate(weights):
        total = total + padded[(*before, slice(i, i + length))] * weight
    return total


class RandomGaussianBlur(RandomImageLayer):
    """In training smooths images by chance.

    Args:
        factor: the probability is drawn for each image between two numbers from 0 to 1, or
            between 0 and `factor`.
        kernel_size: odd number of pixels that count, or two, along the width and the height.
        sigma: the Gaussian's standard deviation in pixels is drawn, for width and height,
            between two numbers, or between 0 and `sigma`, which then is at most 1.
        value_range: the lowest and highest value of pixels.
        data_format: `"channels_last"` or `"channels_first"`; the setting's where None.
        seed: integer for the same changes at every run.

    Called with images `(batch, height, width, channels)`, one, or a dict, see `RandomFlip`.

    >>> import highlevel as hl
    >>> layer = hl.layers.RandomGaussianBlur((1.0, 1.0), 3, sigma=(1.0, 1.0))
    >>> y = layer(hl.ops.ones((1, 5, 5, 1)), training=True)
    >>> round(float(y[0, 2, 2, 0]), 4), float(y[0, 0, 0, 0]) < 1.0
    (1.0, True)
    """

    _fields = ("factor", "kernel_size", "sigma", "value_range", "seed")

    def __init__(
        self,
        factor: Any = 1.0,
        kernel_size: Any = 3,
        sigma: Any = 1.0,
        value_range: Any = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = checks.factor_range(self, "factor", factor, 0, 1)
        sizes = kernel_size if isinstance(kernel_size, (tuple, list)) else (kernel_size,) * 2
        if len(sizes) != 2 or any(
            not isinstance(size, int) or size < 1 or size % 2 == 0 for size in sizes
        ):
            raise ValueError(
                f"RandomGaussianBlur '{self.name}': `kernel_size` must be an odd number or two, "
                f"along the width and the height; got {kernel_size!r}."
            )
        self.kernel_size = tuple(sizes)
        most = math.inf if isinstance(sigma, (tuple, list)) else 1
        self.sigma = checks.factor_range(self, "sigma", sigma, 0, most)
        self.value_range = checks.value_range(self, value_range)

    def _draw(self, images: Any, seed: Any) -> dict[str, Any]:
        chosen = happens((count(images),), self.factor, seed)
        return {"should_apply_blur": chosen, "blur_factor": drawn((2,), self.sigma, seed)}

    def _change(self, x: Any, transformation: Any) -> Any:
        backend = current_backend()
        name = str(x.dtype)
        sigmas = backend.asarray(transformation["blur_factor"], "float32")
        blurred = x
        for axis, size, i in ((2, self.kernel_size[0], 0), (1, self.kernel_size[1], 1)):
            # A standard deviation of 0 leaves the middle alone.
            wide = backend.xp.maximum(sigmas[i], 1e-3)
            places = backend.asarray(np.arange(size) - size // 2, "float32")
            weights = backend.xp.exp(-0.5 * (places / wide) ** 2)
            weights = backend.cast(weights / backend.xp.sum(weights), name)
            blurred = weighted_along(blurred, axis, [weights[k] for k in range(size)])
        return where_chosen(transformation["should_apply_blur"], blurred, x)


class RandomSharpness(RandomImageLayer):
    """In training makes images smoother or sharper.

    Args:
        factor: two numbers from 0 to 1 between which one is drawn, or one, for 0 to `factor`:
            0 is smooth, 0.5 leaves the image, 1 is as much sharper.
        value_range: the lowest and highest value of pixels.
        data_format: `"channels_last"` or `"channels_first"`; the setting's where None.
        seed: integer for the same changes at every run.

    Called with images `(batch, height, width, channels)`, one, or a dict, see `RandomFlip`.

    >>> import highlevel as hl
    >>> layer = hl.layers.RandomSharpness((0.5, 0.5))
    >>> float(layer(hl.ops.ones((1, 4, 4, 1)), training=True)[0, 0, 0, 0])
    1.0
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
        self.factor = checks.factor_range(self, "factor", factor, 0, 1)
        self.value_range = checks.value_range(self, value_range)

    def _draw(self, images: Any, seed: Any) -> dict[str, Any]:
        return {"factor": drawn((count(images),), self.factor, seed)}

    def _change(self, x: Any, transformation: Any) -> Any:
        backend = current_backend()
        name = str(x.dtype)
        ones = [backend.asarray(1.0, name)] * 3
        # The eight neighbours once, the pixel itself five times.
        around = weighted_along(weighted_along(x, 1, ones), 2, ones)
        smooth = (around + x * 4.0) / 13.0
        factor = columns(transformation["factor"], name)
        return backend.xp.clip(smooth + (x - smooth) * (factor * 2.0), *self.value_range)
