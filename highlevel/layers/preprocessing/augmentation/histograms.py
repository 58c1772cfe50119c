"""`AutoContrast`, `Equalization`: the whole value range used."""

from __future__ import annotations

from typing import Any

import numpy as np
from highlevel_backend import current_backend

from highlevel.layers.described import positive
from highlevel.layers.preprocessing.augmentation import checks
from highlevel.layers.preprocessing.augmentation.base import ImageLayer
from highlevel.ops.math.reducing import segment_sum

__all__ = ["AutoContrast", "Equalization", "histograms", "looked_up"]


def histograms(bins: Any, number: int) -> Any:
    """How often each bin occurs, for each row.

    Args:
        bins: `(rows, entries)` int32, from 0 to `number - 1`.

    Returns:
        `(rows, number)` float32.
    """
    backend = current_backend()
    rows, entries = bins.shape
    first = backend.asarray(np.arange(rows, dtype="int32")[:, None] * number)
    places = (bins + first).reshape(-1)
    ones = backend.asarray(np.ones(rows * entries, "float32"))
    return segment_sum(ones, places, num_segments=rows * number).reshape(rows, number)


def looked_up(tables: Any, bins: Any) -> Any:
    """Entries of a table per row: `(rows, number)` at `(rows, entries)`."""
    backend = current_backend()
    rows, number = tables.shape
    first = backend.asarray(np.arange(rows, dtype="int32")[:, None] * number)
    return backend.xp.take(tables.reshape(-1), bins + first, axis=0)


class AutoContrast(ImageLayer):
    """Stretches each channel of an image over the whole value range; at inference too.

    Args:
        value_range: the lowest and highest value of pixels.

    Called with images `(batch, height, width, channels)`, one, or a dict, see `RandomFlip`.
    Channels of one value stay as they are.

    >>> import highlevel as hl
    >>> y = hl.layers.AutoContrast()(hl.ops.reshape([10.0, 20.0, 30.0], (1, 3, 1)))
    >>> [float(n) for n in y[0, :, 0]]
    [0.0, 127.5, 255.0]
    """

    _fields = ("value_range",)
    _always = True

    def __init__(self, value_range: Any = (0, 255), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.value_range = checks.value_range(self, value_range)

    def _change(self, x: Any, transformation: Any) -> Any:
        xp = current_backend().xp
        low, high = self.value_range
        least = xp.min(x, axis=(1, 2), keepdims=True)
        spread = xp.max(x, axis=(1, 2), keepdims=True) - least
        flat = spread == 0
        scaled = (x - least) * ((high - low) / xp.where(flat, xp.ones_like(spread), spread)) + low
        return xp.where(flat, x, xp.clip(scaled, low, high))


class Equalization(ImageLayer):
    """Spreads the values of each channel so that all are about as frequent; in training.

    Args:
        value_range: the lowest and highest value of pixels.
        bins: how many values are told apart.
        data_format: `"channels_last"` or `"channels_first"`; the setting's where None.

    Called with images `(batch, height, width, channels)`, one, or a dict, see `RandomFlip`.
    Channels of one value stay as they are.

    Source: R. C. Gonzalez, R. E. Woods, "Digital image processing", histogram equalization.

    >>> import highlevel as hl
    >>> x = hl.ops.reshape([10.0, 11.0, 12.0, 200.0], (1, 4, 1))
    >>> [float(n) for n in hl.layers.Equalization()(x, training=True)[0, :, 0]]
    [0.0, 85.0, 170.0, 255.0]
    """

    _fields = ("value_range", "bins")

    def __init__(
        self,
        value_range: Any = (0, 255),
        bins: int = 256,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.value_range = checks.value_range(self, value_range)
        self.bins = positive(self, "bins", bins)

    def _draw(self, images: Any, seed: Any) -> dict[str, Any]:
        return {}  # nothing random, but only in training

    def _change(self, x: Any, transformation: Any) -> Any:
        backend = current_backend()
        xp = backend.xp
        low, high = self.value_range
        n, height, width, channels = x.shape
        name = str(x.dtype)
        rows = xp.moveaxis(x, -1, 1).reshape(n * channels, height * width)
        wide = backend.cast(rows, "float32")
        share = xp.clip((wide - low) / (high - low), 0.0, 1.0)
        bins = backend.cast(share * (self.bins - 1), "int32")
        counts = histograms(bins, self.bins)
        total = xp.cumsum(counts, axis=-1)
        least = xp.min(xp.where(total > 0, total, total[:, -1:]), axis=-1, keepdims=True)
        spread = total[:, -1:] - least
        flat = spread == 0
        table = xp.clip((total - least) / xp.where(flat, 1.0, spread), 0.0, 1.0)
        # Levels of 8 bits, whatever the number of bins.
        table = xp.round(table * 255.0) * ((high - low) / 255.0) + low
        found = xp.where(flat, wide, looked_up(table, bins))
        return xp.moveaxis(
            backend.cast(found, name).reshape(n, channels, height, width), 1, -1)
