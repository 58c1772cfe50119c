"""`RandomHue`, `RandomSaturation`, `RandomColorDegeneration`, `RandomGrayscale`."""

from __future__ import annotations

from typing import Any

from highlevel_backend import current_backend

from highlevel.layers.preprocessing.augmentation import checks
from highlevel.layers.preprocessing.augmentation.base import (
    RandomImageLayer,
    columns,
    count,
    drawn,
    per_image,
)
from highlevel.ops.image import hsv_to_rgb, rgb_to_grayscale, rgb_to_hsv

__all__ = ["RandomColorDegeneration", "RandomGrayscale", "RandomHue", "RandomSaturation"]


def _check_channels(layer: Any, x: Any) -> None:
    if x.shape[-1] != 3:
        raise ValueError(
            f"{type(layer).__name__} '{layer.name}' takes images with 3 channels; got "
            f"{x.shape[-1]}. Is `data_format={layer.data_format!r}` the right one?"
        )


class _HSVLayer(RandomImageLayer):
    """Base of layers that work on hue, saturation and value."""

    value_range: tuple[float, float]

    def _in_hsv(self, x: Any, change: Any) -> Any:
        """Images whose hue, saturation and value `change` has changed."""
        _check_channels(self, x)
        backend = current_backend()
        low, high = self.value_range
        name = str(x.dtype)
        # In 16 bits hues would be steps that can be seen.
        x = backend.cast(x, "float32") if name in ("float16", "bfloat16") else x
        hsv = rgb_to_hsv((x - low) / (high - low), data_format="channels_last")
        parts = change(hsv[..., 0:1], hsv[..., 1:2], hsv[..., 2:3])
        rgb = hsv_to_rgb(backend.xp.concatenate(parts, axis=-1), data_format="channels_last")
        return backend.cast(rgb * (high - low) + low, name)


class RandomHue(_HSVLayer):
    """In training turns the hues of an image by a random angle.

    Args:
        factor: two numbers from 0 to 1 between which one is drawn, or one number, for 0 to
            `factor`; half of the number drawn, to either side, is what hues are turned by, in
            turns.
        value_range: the lowest and highest value of pixels.
        data_format: `"channels_last"` or `"channels_first"`; the setting's where None.
        seed: integer for the same changes at every run.

    Called with images `(batch, height, width, 3)`, one, or a dict, see `RandomFlip`.

    Raises:
        ValueError: images have not 3 channels.

    >>> import highlevel as hl
    >>> layer = hl.layers.RandomHue((1.0, 1.0), value_range=(0, 1))
    >>> red = hl.ops.reshape([1.0, 0.0, 0.0], (1, 1, 1, 3))
    >>> [round(float(n), 3) for n in layer(red, training=True)[0, 0, 0]]
    [0.0, 1.0, 1.0]
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
        shape = (count(images),)
        xp = current_backend().xp
        side = xp.where(drawn(shape, (0.0, 1.0), seed) > 0.5, -1.0, 1.0)
        return {"factor": side * drawn(shape, self.factor, seed) * 0.5}

    def _change(self, x: Any, transformation: Any) -> Any:
        xp = current_backend().xp
        turn = columns(transformation["factor"], "float32")
        return self._in_hsv(x, lambda h, s, v: (xp.remainder(h + turn, 1.0), s, v))


class RandomSaturation(_HSVLayer):
    """In training makes the colours of an image paler or stronger.

    Args:
        factor: two numbers from 0 to 1 between which one is drawn: 0 takes the colours
            away, 0.5 leaves them, 1 makes them pure. One number stands for `-factor` to
            `factor`; negative ones count as 0.
        value_range: the lowest and highest value of pixels.
        data_format: `"channels_last"` or `"channels_first"`; the setting's where None.
        seed: integer for the same changes at every run.

    Called with images `(batch, height, width, 3)`, one, or a dict, see `RandomFlip`.

    Raises:
        ValueError: images have not 3 channels.

    >>> import highlevel as hl
    >>> layer = hl.layers.RandomSaturation((0.0, 0.0))
    >>> pixel = hl.ops.reshape([200.0, 100.0, 50.0], (1, 1, 1, 3))
    >>> [round(float(n)) for n in layer(pixel, training=True)[0, 0, 0]]
    [200, 200, 200]
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
        self.factor = checks.factor_range(self, "factor", factor, -1, 1)
        self.value_range = checks.value_range(self, value_range)

    def _draw(self, images: Any, seed: Any) -> dict[str, Any]:
        return {"factor": drawn((count(images),), self.factor, seed)}

    def _change(self, x: Any, transformation: Any) -> Any:
        xp = current_backend().xp
        factor = columns(transformation["factor"], "float32")
        # 0 to 1 becomes 0 to infinity, 1/2 becomes 1.
        strength = factor / xp.maximum(1.0 - factor, 1e-7)
        return self._in_hsv(x, lambda h, s, v: (h, xp.clip(s * strength, 0.0, 1.0), v))


class RandomColorDegeneration(RandomImageLayer):
    """In training mixes an image with itself in gray.

    Args:
        factor: the share of gray is drawn between two numbers from 0 to 1; one number stands
            for `-factor` to `factor`, negative ones making colours stronger.
        value_range: the lowest and highest value of pixels.
        data_format: `"channels_last"` or `"channels_first"`; the setting's where None.
        seed: integer for the same changes at every run.

    Called with images `(batch, height, width, 3)`, one, or a dict, see `RandomFlip`.

    Raises:
        ValueError: images have not 3 channels.

    >>> import highlevel as hl
    >>> layer = hl.layers.RandomColorDegeneration((1.0, 1.0))
    >>> pixel = hl.ops.reshape([200.0, 100.0, 50.0], (1, 1, 1, 3))
    >>> [round(float(n)) for n in layer(pixel, training=True)[0, 0, 0]]
    [124, 124, 124]
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
        self.factor = checks.factor_range(self, "factor", factor, -1, 1)
        self.value_range = checks.value_range(self, value_range)

    def _draw(self, images: Any, seed: Any) -> dict[str, Any]:
        return {"factor": drawn((count(images), 1, 1, 1), self.factor, seed)}

    def _change(self, x: Any, transformation: Any) -> Any:
        _check_channels(self, x)
        factor = columns(transformation["factor"], str(x.dtype))
        gray = rgb_to_grayscale(x, data_format="channels_last")
        return current_backend().xp.clip(x + (gray - x) * factor, *self.value_range)


class RandomGrayscale(RandomImageLayer):
    """In training turns images gray by chance; the number of channels stays.

    Args:
        factor: probability of each image to turn gray.
        data_format: `"channels_last"` or `"channels_first"`; the setting's where None.
        seed: integer for the same changes at every run.

    Called with images `(batch, height, width, 3)`, one, or a dict, see `RandomFlip`. Integer
    images stay integers.

    Raises:
        ValueError: `factor` is no probability; images have not 3 channels.

    >>> import highlevel as hl
    >>> layer = hl.layers.RandomGrayscale(1.0)
    >>> pixel = hl.ops.reshape([200.0, 100.0, 50.0], (1, 1, 1, 3))
    >>> [round(float(n)) for n in layer(pixel, training=True)[0, 0, 0]]
    [124, 124, 124]
    """

    _fields = ("factor", "seed")
    _keeps_dtype = True

    def __init__(
        self,
        factor: float = 0.5,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        if isinstance(factor, (tuple, list, str)) or not 0 <= factor <= 1:
            raise ValueError(
                f"RandomGrayscale '{self.name}': `factor` must be a number from 0 to 1; got "
                f"{factor!r}."
            )
        self.factor = factor

    # The contract names some parameters of this layer's methods otherwise.
    def get_random_transformation(
        self, images: Any, training: bool = True, seed: Any = None
    ) -> Any:
        """Which images turn gray; see `RandomFlip`."""
        return super().get_random_transformation(images, training, seed)

    def transform_labels(
        self, labels: Any, transformations: Any = None, training: bool = True, **kwargs: Any
    ) -> Any:
        """Labels, which stay as they are."""
        return labels

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformations: Any = None, training: bool = True,
        **kwargs: Any,
    ) -> Any:
        """Masks, which stay as they are."""
        return segmentation_masks

    def _draw(self, images: Any, seed: Any) -> Any:
        shape = per_image(images) if len(images.shape) == 4 else (1, 1, 1, 1)
        return drawn(shape, (0.0, 1.0), seed) < self.factor

    def _change(self, x: Any, transformation: Any) -> Any:
        _check_channels(self, x)
        gray = rgb_to_grayscale(x, data_format="channels_last")
        return current_backend().xp.where(columns(transformation), gray, x)
