"""`RandomColorJitter`."""

from __future__ import annotations

from typing import Any

from highlevel.layers.preprocessing.augmentation import checks
from highlevel.layers.preprocessing.augmentation.base import RandomImageLayer
from highlevel.layers.preprocessing.augmentation.brightness import RandomBrightness, RandomContrast
from highlevel.layers.preprocessing.augmentation.color import RandomHue, RandomSaturation

__all__ = ["RandomColorJitter"]


class RandomColorJitter(RandomImageLayer):
    """In training changes brightness, contrast, saturation and hue, one after another.

    Args:
        value_range: the lowest and highest value of pixels.
        brightness_factor: as `RandomBrightness` takes it; None leaves the brightness.
        contrast_factor: as `RandomContrast` takes it.
        saturation_factor: as `RandomSaturation` takes it.
        hue_factor: as `RandomHue` takes it.
        seed: integer for the same changes at every run.
        data_format: `"channels_last"` or `"channels_first"`; the setting's where None.

    Called with images `(batch, height, width, 3)`, one, or a dict, see `RandomFlip`.

    >>> import highlevel as hl
    >>> layer = hl.layers.RandomColorJitter(brightness_factor=(0.1, 0.1))
    >>> float(layer(hl.ops.ones((1, 2, 2, 3)), training=True)[0, 0, 0, 0])
    26.5
    """

    _fields = (
        "value_range", "brightness_factor", "contrast_factor", "saturation_factor", "hue_factor",
        "seed",
    )

    def __init__(
        self,
        value_range: Any = (0, 255),
        brightness_factor: Any = None,
        contrast_factor: Any = None,
        saturation_factor: Any = None,
        hue_factor: Any = None,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.value_range = checks.value_range(self, value_range)
        self.brightness_factor = brightness_factor
        self.contrast_factor = contrast_factor
        self.saturation_factor = saturation_factor
        self.hue_factor = hue_factor
        shared = {
            "value_range": self.value_range, "data_format": self.data_format, "seed": seed,
            "dtype": self.dtype_policy,
        }

        def made(cls: Any, factor: Any) -> Any:
            return None if factor is None else cls(factor=factor, **shared)

        self.random_brightness = made(RandomBrightness, brightness_factor)
        self.random_contrast = made(RandomContrast, contrast_factor)
        self.random_saturation = made(RandomSaturation, saturation_factor)
        self.random_hue = made(RandomHue, hue_factor)

    def _steps(self) -> dict[str, Any]:
        steps = {
            "random_brightness": self.random_brightness, "random_contrast": self.random_contrast,
            "random_saturation": self.random_saturation, "random_hue": self.random_hue,
        }
        return {name: layer for name, layer in steps.items() if layer is not None}

    def _draw(self, images: Any, seed: Any) -> dict[str, Any]:
        return {
            name: layer.get_random_transformation(images, seed=seed)
            for name, layer in self._steps().items()
        }

    def _change(self, x: Any, transformation: Any) -> Any:
        for name, layer in self._steps().items():
            x = layer._change(x, transformation[name])
        return x
