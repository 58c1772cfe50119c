"""`RandAugment`."""

from __future__ import annotations

from typing import Any

from highlevel_backend import current_backend

from highlevel.layers.described import positive
from highlevel.layers.preprocessing.augmentation.policies import PolicyLayer
from highlevel.random import randint

__all__ = ["RandAugment"]


class RandAugment(PolicyLayer):
    """In training does a few changes in turn, chosen by chance: one chooses only how strong.

    Chosen among: shear, translation, rotation, brightness, color degeneration, contrast,
    sharpness, posterization, solarization, auto-contrast, equalization. The images of a batch
    share the choice, not the random numbers.

    Args:
        value_range: the lowest and highest value of pixels.
        num_ops: how many changes.
        factor: their strength, two numbers from 0 to 1 between which one is drawn, or one,
            for 0 to `factor`.
        interpolation: "nearest" or "bilinear", where pixels move.
        seed: integer for the same changes at every run.
        data_format: `"channels_last"` or `"channels_first"`; the setting's where None.

    Called with images `(batch, height, width, 3)`, one, or a dict, see `RandomFlip`.

    Source: E. D. Cubuk et al., "RandAugment", 2019, arXiv:1909.13719.

    >>> import highlevel as hl
    >>> layer = hl.layers.RandAugment(num_ops=2, factor=0.3, seed=1)
    >>> layer(hl.ops.ones((2, 8, 8, 3)), training=True).shape
    (2, 8, 8, 3)
    """

    _fields = ("value_range", "num_ops", "factor", "interpolation", "seed")
    _names = (
        "random_shear", "random_translation", "random_rotation", "random_brightness",
        "random_color_degeneration", "random_contrast", "random_sharpness",
        "random_posterization", "solarization", "auto_contrast", "equalization",
    )

    def __init__(
        self,
        value_range: Any = (0, 255),
        num_ops: int = 2,
        factor: Any = 0.5,
        interpolation: str = "bilinear",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            value_range=value_range, factor=factor, interpolation=interpolation, seed=seed,
            data_format=data_format, **kwargs)
        self.num_ops = positive(self, "num_ops", num_ops)

    def _draw(self, images: Any, seed: Any) -> dict[str, Any]:
        chosen = randint((self.num_ops,), 0, len(self._names), seed=seed)
        # Each layer draws from its own generator unless another is given.
        own = None if seed is self.generator else seed
        return {
            "transforms": {
                name: layer.get_random_transformation(images, seed=own)
                for name, layer in zip(self._names, self._layers())
            },
            "layer_idxes": chosen,
        }

    def _in_turn(self, what: str, value: Any, transformation: Any) -> Any:
        transforms = transformation["transforms"]
        for i in range(self.num_ops):
            value = self._one_of(
                transformation["layer_idxes"][i], what, value,
                lambda number: transforms[self._names[number]])
        return value

    def transform_images(
        self, images: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """The images after all changes."""
        images = super().transform_images(images, None, training)  # in the compute dtype
        if self._idle(transformation, training):
            return images
        return self._in_turn("transform_images", images, transformation)

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """The masks, moved as the images were."""
        if self._idle(transformation, training):
            return segmentation_masks
        return self._in_turn("transform_segmentation_masks", segmentation_masks, transformation)

    def transform_bounding_boxes(
        self, bounding_boxes: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """The boxes, moved as the images were."""
        if self._idle(transformation, training):
            return bounding_boxes
        # Every branch of the choice gives boxes of one dtype, those that move none too.
        backend = current_backend()
        boxes = backend.asarray(bounding_boxes["boxes"], self.variable_dtype)
        labels = backend.asarray(bounding_boxes["labels"])
        return self._in_turn(
            "transform_bounding_boxes", {**bounding_boxes, "boxes": boxes, "labels": labels},
            transformation)
