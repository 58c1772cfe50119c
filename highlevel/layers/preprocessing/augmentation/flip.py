"""`RandomFlip`."""

from __future__ import annotations

from typing import Any

from highlevel_backend import current_backend

from highlevel.layers.preprocessing.augmentation import checks
from highlevel.layers.preprocessing.augmentation.base import (
    RandomImageLayer,
    SpatialLayer,
    columns,
    drawn,
    per_image,
)
from highlevel.utils.bounding_boxes.formats import joined, parts

__all__ = ["RandomFlip"]


class RandomFlip(SpatialLayer, RandomImageLayer):
    """In training mirrors images by chance.

    Args:
        mode: "horizontal" (left and right change places), "vertical", or
            "horizontal_and_vertical", of which each happens by chance.
        seed: integer for the same changes at every run.
        data_format: `"channels_last"` or `"channels_first"`; the setting's where None.
        bounding_box_format: how boxes are written, see
            `utils.bounding_boxes.convert_format`.

    Called with images `(batch, height, width, channels)`, one image, or a dict of `"images"`
    and what belongs to them: `"labels"`, `"segmentation_masks"`, and `"bounding_boxes"`, a
    dict of `"boxes"` `(batch, number, 4)` and `"labels"` `(batch, number)`.

    Raises:
        ValueError: an unknown mode, arrays that are no images, or boxes without a format.

    >>> import highlevel as hl
    >>> layer = hl.layers.RandomFlip("horizontal", seed=1, bounding_box_format="xyxy")
    >>> data = {"images": hl.ops.ones((1, 4, 6, 3)),
    ...         "bounding_boxes": {"boxes": [[[0.0, 0.0, 1.0, 2.0]]], "labels": [[3]]}}
    >>> layer(data, training=True)["bounding_boxes"]["boxes"].tolist()
    [[[5.0, 0.0, 6.0, 2.0]]]
    """

    _fields = ("seed", "mode")

    def __init__(
        self,
        mode: str = "horizontal_and_vertical",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.mode = checks.one_of(
            self, "mode", mode, ("horizontal", "vertical", "horizontal_and_vertical"))

    def _draw(self, images: Any, seed: Any) -> dict[str, Any]:
        shape = per_image(images)
        flips = drawn(shape, (0.0, 1.0), seed) <= 0.5
        found = {"flips": flips, "input_shape": tuple(images.shape)}
        if self.mode == "horizontal_and_vertical":
            found["vertical_flips"] = drawn(shape, (0.0, 1.0), seed) <= 0.5
        return found

    def _choices(self, transformation: Any) -> list[tuple[Any, int]]:
        """`(which images, along which axis)`."""
        first = columns(transformation["flips"])
        if self.mode == "horizontal":
            return [(first, 2)]
        if self.mode == "vertical":
            return [(first, 1)]
        # A transformation with one choice for both comes from elsewhere.
        second = columns(transformation.get("vertical_flips", transformation["flips"]))
        return [(first, 2), (second, 1)]

    def _warp(self, x: Any, transformation: Any, interpolation: str) -> Any:
        xp = current_backend().xp
        for chosen, axis in self._choices(transformation):
            x = xp.where(chosen, xp.flip(x, axis=axis), x)
        return x

    def _move(self, boxes: Any, transformation: Any, height: int, width: int) -> Any:
        xp = current_backend().xp
        for chosen, axis in self._choices(transformation):
            left, top, right, bottom = parts(boxes)
            mirrored = joined(width - right, top, width - left, bottom) if axis == 2 \
                else joined(left, height - bottom, right, height - top)
            boxes = xp.where(chosen[..., 0], mirrored, boxes)
        return boxes
