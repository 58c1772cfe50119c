"""`Resizing` and `CenterCrop`: images of a fixed size."""

from __future__ import annotations

from typing import Any

from highlevel.layers.preprocessing.augmentation.sized import SizedLayer
from highlevel.ops.image import resize

__all__ = ["CenterCrop", "Resizing"]


class Resizing(SizedLayer):
    """Resizes images.

    Args:
        height, width: of the result.
        interpolation: "nearest", "bilinear", "bicubic", "lanczos3" or "lanczos5".
        crop_to_aspect_ratio: cut the edges off first, so that nothing is distorted.
        pad_to_aspect_ratio: fill the edges up first, so that nothing is distorted.
        fill_mode: only "constant".
        fill_value: what is filled in.
        antialias: smooth while making smaller.
        data_format: "channels_last" or "channels_first"; the setting's where None.

    Called with images `(batch, height, width, channels)` or `(height, width, channels)`, or a
    dict of images with masks and boxes, see `RandomFlip`.

    >>> import highlevel as hl
    >>> hl.layers.Resizing(2, 3)(hl.ops.ones((1, 8, 8, 3))).shape
    (1, 2, 3, 3)
    """

    _fields = (
        "height", "width", "interpolation", "crop_to_aspect_ratio", "pad_to_aspect_ratio",
        "fill_mode", "fill_value", "antialias",
    )

    def __init__(
        self,
        height: int,
        width: int,
        interpolation: str = "bilinear",
        crop_to_aspect_ratio: bool = False,
        pad_to_aspect_ratio: bool = False,
        fill_mode: str = "constant",
        fill_value: float = 0.0,
        antialias: bool = False,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(height, width, data_format=data_format, **kwargs)
        self.interpolation = interpolation
        self.crop_to_aspect_ratio = crop_to_aspect_ratio
        self.pad_to_aspect_ratio = pad_to_aspect_ratio
        self.fill_mode = fill_mode
        self.fill_value = fill_value
        self.antialias = antialias

    def _window(self, height: int, width: int, transformation: Any) -> tuple[int, int, int, int]:
        if self.crop_to_aspect_ratio:
            return self._largest(height, width)
        if self.pad_to_aspect_ratio:
            # As many pixels on both sides: where their number is odd, one less.
            top = (max(height, int(width * self.height / self.width)) - height) // 2
            left = (max(width, int(height * self.width / self.height)) - width) // 2
            return -top, -left, height + 2 * top, width + 2 * left
        return 0, 0, height, width

    def _warp(self, x: Any, transformation: Any, interpolation: str) -> Any:
        return resize(
            x, (self.height, self.width), interpolation=interpolation, antialias=self.antialias,
            data_format="channels_last", crop_to_aspect_ratio=self.crop_to_aspect_ratio,
            pad_to_aspect_ratio=self.pad_to_aspect_ratio, fill_mode=self.fill_mode,
            fill_value=self.fill_value,
        )


class CenterCrop(SizedLayer):
    """Cuts the middle out of images; too small ones are resized, keeping what is in the middle.

    Args:
        height, width: of the result.
        data_format: "channels_last" or "channels_first"; the setting's where None.

    Called with images `(batch, height, width, channels)` or `(height, width, channels)`, or a
    dict of images with masks and boxes, see `RandomFlip`.

    >>> import highlevel as hl
    >>> hl.layers.CenterCrop(2, 3)(hl.ops.ones((1, 8, 8, 3))).shape
    (1, 2, 3, 3)
    """

    _fields = ("height", "width")

    def __init__(
        self, height: int, width: int, data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(height, width, data_format=data_format, **kwargs)

    def _window(self, height: int, width: int, transformation: Any) -> tuple[int, int, int, int]:
        if height < self.height or width < self.width:
            return self._largest(height, width)
        return (height - self.height) // 2, (width - self.width) // 2, self.height, self.width
