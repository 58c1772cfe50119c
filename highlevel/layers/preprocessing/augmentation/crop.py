"""`RandomCrop`."""

from __future__ import annotations

from typing import Any

import numpy as np
from highlevel_backend import current_backend

from highlevel.layers.preprocessing.augmentation.base import RandomImageLayer
from highlevel.layers.preprocessing.augmentation.sized import SizedLayer
from highlevel.random import randint

__all__ = ["RandomCrop"]


class RandomCrop(SizedLayer, RandomImageLayer):
    """In training cuts a window out of images, in a random place, the same for a batch.

    At inference, and where images are too small, they are resized, keeping of the middle the
    largest part that has the window's proportions.

    Args:
        height, width: of the window.
        seed: integer for the same changes at every run.
        data_format: `"channels_last"` or `"channels_first"`; the setting's where None.

    Called with images `(batch, height, width, channels)`, one, or a dict, see `RandomFlip`.

    >>> import highlevel as hl
    >>> layer = hl.layers.RandomCrop(2, 3, seed=1)
    >>> x = hl.ops.ones((1, 8, 8, 3))
    >>> layer(x, training=True).shape, layer(x, training=False).shape
    ((1, 2, 3, 3), (1, 2, 3, 3))
    """

    _fields = ("height", "width", "seed")

    def __init__(
        self,
        height: int,
        width: int,
        seed: int | None = None,
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(height, width, seed=seed, data_format=data_format, name=name, **kwargs)

    def get_random_transformation(
        self, data: Any, training: bool = True, seed: Any = None
    ) -> Any:
        """Where the window begins: a dict of `"top"`, `"left"` (None to resize) and the shape."""
        images = data["images"] if isinstance(data, dict) else data
        height, width = self._size(images.shape)
        found: dict[str, Any] = {"input_shape": tuple(images.shape), "top": None, "left": None}
        if training and height >= self.height and width >= self.width:
            seed = self._generator(seed)
            found["top"] = randint((), 0, height - self.height + 1, seed=seed)
            found["left"] = randint((), 0, width - self.width + 1, seed=seed)
        return found

    def _window(self, height: int, width: int, transformation: Any) -> Any:
        if isinstance(transformation, (tuple, list)):
            return transformation[0], transformation[1], self.height, self.width
        if transformation is not None and transformation["top"] is not None:
            return transformation["top"], transformation["left"], self.height, self.width
        return self._largest(height, width)

    def _cut(self, x: Any, window: Any) -> Any:
        backend = current_backend()
        top, left, height, width = window
        # The place may be known only when the program runs; the lengths are known.
        for axis, start, length in ((1, top, height), (2, left, width)):
            places = backend.asarray(np.arange(length, dtype="int32")) + backend.asarray(
                start, "int32")
            x = backend.xp.take(x, places, axis=axis)
        return x
