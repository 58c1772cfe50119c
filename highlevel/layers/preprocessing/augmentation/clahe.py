"""`ContrastLimitedAdaptiveHistogramEqualization`."""

from __future__ import annotations

from typing import Any

import numpy as np
from highlevel_backend import current_backend

from highlevel.layers.described import sizes
from highlevel.layers.preprocessing.augmentation import checks
from highlevel.layers.preprocessing.augmentation.base import ImageLayer
from highlevel.layers.preprocessing.augmentation.histograms import histograms, looked_up

__all__ = ["ContrastLimitedAdaptiveHistogramEqualization"]

_LEVELS = 256


class ContrastLimitedAdaptiveHistogramEqualization(ImageLayer):
    """Spreads values as `Equalization` does, by region; at inference too.

    The image is cut into tiles. In each one's histogram, what exceeds a limit is spread over
    all values, so that flat regions do not turn into noise; a pixel gets the mean of what the
    four tiles around it make of its value, by nearness.

    Args:
        value_range: the lowest and highest value of pixels.
        clip_limit: the limit, in multiples of what every value had if all were as frequent.
        tile_grid_size: `(rows, columns)` of tiles.
        data_format: `"channels_last"` or `"channels_first"`; the setting's where None.

    Called with images `(batch, height, width, channels)`, one, or a dict, see `RandomFlip`;
    channels are treated each for itself. Integer images stay integers.

    Source: K. Zuiderveld, "Contrast limited adaptive histogram equalization", Graphics
    Gems IV, 1994.

    >>> import highlevel as hl
    >>> layer = hl.layers.ContrastLimitedAdaptiveHistogramEqualization(tile_grid_size=(2, 2))
    >>> x = hl.ops.reshape(hl.ops.arange(64.0), (8, 8, 1))
    >>> float(hl.ops.max(layer(x))) > 100
    True
    """

    _fields = ("value_range", "clip_limit", "tile_grid_size")
    _keeps_dtype = True
    _always = True

    def __init__(
        self,
        value_range: Any = (0, 255),
        clip_limit: float = 4.0,
        tile_grid_size: Any = (8, 8),
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.value_range = checks.value_range(self, value_range)
        self.clip_limit = clip_limit
        self.tile_grid_size = sizes(self, "tile_grid_size", tile_grid_size, 2)

    def _change(self, x: Any, transformation: Any) -> Any:
        backend = current_backend()
        xp = backend.xp
        name = str(x.dtype)
        low, high = self.value_range
        n, height, width, channels = x.shape
        down, across = self.tile_grid_size
        wide = backend.cast(x, "float32")
        share = xp.clip((wide - low) / (high - low), 0.0, 1.0)
        levels = backend.cast(xp.moveaxis(share, -1, 1) * (_LEVELS - 1), "int32")
        planes = levels.reshape(n * channels, height, width)
        # Whole tiles: edges are mirrored as far as is needed.
        rows, places = -(-height // down), -(-width // across)
        padded = xp.pad(
            planes, ((0, 0), (0, rows * down - height), (0, places * across - width)),
            mode="symmetric")
        tiles = padded.reshape(n * channels, down, rows, across, places)
        tiles = xp.moveaxis(tiles, 2, 3).reshape(-1, rows * places)
        tables = self._tables(tiles, rows * places)
        tables = tables.reshape(n * channels, down * across * _LEVELS)
        result = self._between_tiles(tables, planes, rows, places)
        result = xp.moveaxis(result.reshape(n, channels, height, width), 1, -1)
        result = xp.clip(result * ((high - low) / (_LEVELS - 1.0)) + low, low, high)
        return backend.cast(result, name)

    def _tables(self, tiles: Any, pixels: int) -> Any:
        """What becomes of each value in each tile: `(tiles, 256)`, about 0 to 255."""
        xp = current_backend().xp
        counts = histograms(tiles, _LEVELS)
        if self.clip_limit > 0:
            most = self.clip_limit * pixels / _LEVELS
            excess = xp.sum(xp.maximum(counts - most, 0.0), axis=-1, keepdims=True)
            counts = xp.minimum(counts, most) + excess / _LEVELS
        total = xp.cumsum(counts, axis=-1)
        least = total[:, :1]
        spread = xp.maximum(total[:, -1:] - least, 1.0)
        return (total - least) * ((_LEVELS - 1.0) / spread)

    def _between_tiles(self, tables: Any, planes: Any, rows: int, places: int) -> Any:
        """Each pixel by the tables of the tiles around it, the nearer ones more."""
        backend = current_backend()
        down, across = self.tile_grid_size
        height, width = planes.shape[1:]
        axes = []
        for length, size, number in ((height, rows, down), (width, places, across)):
            middle = np.arange(length) / size - 0.5  # in tiles, 0 at the first's middle
            first = np.floor(middle).astype(int)
            weight = (middle - first).astype("float32")
            ends = [np.clip(first + i, 0, number - 1).astype("int32") for i in (0, 1)]
            axes.append(((ends[0], 1 - weight), (ends[1], weight)))
        total: Any = 0
        for row, row_weight in axes[0]:
            for place, place_weight in axes[1]:
                tile = (row[:, None] * across + place[None, :]) * _LEVELS
                index = planes + backend.asarray(tile[None])
                weight = backend.asarray(row_weight[:, None] * place_weight[None, :])
                found = looked_up(tables, index.reshape(planes.shape[0], height * width))
                total = total + found.reshape(planes.shape) * weight
        return total
