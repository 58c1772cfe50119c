"""What `RandAugment` and `AugMix` choose from, and how what was chosen is done."""

from __future__ import annotations

from typing import Any

from highlevel.layers.preprocessing.augmentation import checks
from highlevel.layers.preprocessing.augmentation.affine import INTERPOLATIONS
from highlevel.layers.preprocessing.augmentation.base import ImageLayer, RandomImageLayer
from highlevel.layers.preprocessing.augmentation.brightness import RandomBrightness, RandomContrast
from highlevel.layers.preprocessing.augmentation.color import RandomColorDegeneration
from highlevel.layers.preprocessing.augmentation.filters import RandomSharpness
from highlevel.layers.preprocessing.augmentation.histograms import AutoContrast, Equalization
from highlevel.layers.preprocessing.augmentation.rotation import RandomRotation
from highlevel.layers.preprocessing.augmentation.shear import RandomShear
from highlevel.layers.preprocessing.augmentation.tones import RandomPosterization, Solarization
from highlevel.layers.preprocessing.augmentation.translation import RandomTranslation
from highlevel.ops.core.control import switch

__all__ = ["PolicyLayer"]


class PolicyLayer(RandomImageLayer):
    """Base of layers that choose among other layers.

    Args:
        value_range: the lowest and highest value of pixels.
        factor: strength, two numbers from 0 to 1 between which one is drawn, or one, for 0 to
            `factor`.
        interpolation: "nearest" or "bilinear".
    """

    #: names of the layers chosen among, which are attributes
    _names: tuple[str, ...] = ()

    def __init__(
        self,
        *,
        value_range: Any,
        factor: Any,
        interpolation: str,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.value_range = checks.value_range(self, value_range)
        self.factor = checks.factor_range(self, "factor", factor, 0, 1)
        self.interpolation = checks.one_of(self, "interpolation", interpolation, INTERPOLATIONS)
        low, high = self.factor
        # Strengths from 0 on go to both sides.
        signed = high if low == 0 else self.factor
        shared: dict[str, Any] = {
            "data_format": self.data_format, "dtype": self.dtype_policy,
            "bounding_box_format": self.bounding_box_format,
        }
        drawing = {**shared, "seed": self.seed}
        moving = {**drawing, "interpolation": interpolation}
        values = {"value_range": self.value_range}
        self.random_shear = RandomShear(signed, signed, **moving)
        self.random_translation = RandomTranslation(signed, signed, **moving)
        self.random_rotation = RandomRotation(signed, **moving)
        self.random_brightness = RandomBrightness(signed, **values, **drawing)
        self.random_color_degeneration = RandomColorDegeneration(self.factor, **values, **drawing)
        self.random_contrast = RandomContrast(self.factor, **values, **drawing)
        self.random_sharpness = RandomSharpness(self.factor, **values, **drawing)
        # The stronger, the fewer bits are left.
        self.random_posterization = RandomPosterization(
            (max(1, round(8 - 7 * high)), max(1, round(8 - 7 * low))), **values, **drawing)
        self.solarization = Solarization(self.factor, self.factor, **values, **drawing)
        self.auto_contrast = AutoContrast(**values, **shared)
        self.equalization = Equalization(**values, **shared)

    def _layers(self) -> list[ImageLayer]:
        return [getattr(self, name) for name in self._names]

    def _one_of(self, index: Any, what: str, value: Any, transformation_of: Any) -> Any:
        """The step `what` (`"transform_images"`, say) of the layer with a number, which may be
        known only when the program runs.

        Args:
            transformation_of: function of the layer's number that gives its transformation.
        """
        def branch(number: int, layer: ImageLayer) -> Any:
            return lambda x: getattr(layer, what)(x, transformation_of(number), True)

        branches = [branch(i, layer) for i, layer in enumerate(self._layers())]
        return switch(index, branches, value)
