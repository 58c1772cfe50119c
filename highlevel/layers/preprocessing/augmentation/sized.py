"""`SizedLayer`: base of layers that make images of one size."""

from __future__ import annotations

from typing import Any

from highlevel_backend import current_backend

from highlevel.layers.described import positive
from highlevel.layers.preprocessing.augmentation.base import SpatialLayer
from highlevel.ops.image import resize
from highlevel.utils.bounding_boxes.formats import joined, parts

__all__ = ["SizedLayer"]


class SizedLayer(SpatialLayer):
    """Base of layers that make images of `height` by `width`, at inference too.

    What a subclass takes of an image it says as `_window(height, width, transformation)`:
    `(top, left, height, width)` of a part of it, which is resized where its size is another;
    the part may reach beyond the image.
    """

    _always = True

    def __init__(self, height: int, width: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.height = positive(self, "height", height)
        self.width = positive(self, "width", width)

    def _window(self, height: int, width: int, transformation: Any) -> tuple[Any, Any, int, int]:
        raise NotImplementedError

    def _largest(self, height: int, width: int) -> tuple[int, int, int, int]:
        """The largest part around the middle that has the wanted proportions."""
        rows = max(1, min(height, int(width * self.height / self.width)))
        places = max(1, min(width, int(height * self.width / self.height)))
        return (height - rows) // 2, (width - places) // 2, rows, places

    def _cut(self, x: Any, window: Any) -> Any:
        top, left, height, width = window
        return x[:, top : top + height, left : left + width]

    def _resize(self, x: Any, interpolation: str) -> Any:
        return resize(
            x, (self.height, self.width), interpolation=interpolation,
            data_format="channels_last")

    def _warp(self, x: Any, transformation: Any, interpolation: str) -> Any:
        window = self._window(x.shape[1], x.shape[2], transformation)
        x = self._cut(x, window)
        if tuple(x.shape[1:3]) != (self.height, self.width):
            x = self._resize(x, interpolation)
        return x

    def _move(self, boxes: Any, transformation: Any, height: int, width: int) -> Any:
        top, left, rows, places = self._window(height, width, transformation)
        backend = current_backend()
        t, l = backend.asarray(top, "float32"), backend.asarray(left, "float32")
        y, x = self.height / rows, self.width / places
        x1, y1, x2, y2 = parts(boxes)
        return joined((x1 - l) * x, (y1 - t) * y, (x2 - l) * x, (y2 - t) * y)

    def get_random_transformation(
        self, data: Any, training: bool = True, seed: Any = None
    ) -> Any:
        """The images' shape, which the boxes need."""
        images = data["images"] if isinstance(data, dict) else data
        return {"input_shape": tuple(images.shape)}

    def _size_of(self, transformation: Any) -> tuple[int, int]:
        return self._size(transformation["input_shape"])

    def _new_size(self, height: int, width: int) -> tuple[int, int]:
        return self.height, self.width

    def _shape_of(self, shape: tuple, key: str) -> tuple:
        changed = list(shape)
        first = len(shape) - (2 if self.data_format == "channels_first" else 3)
        changed[first], changed[first + 1] = self.height, self.width
        return tuple(changed)
