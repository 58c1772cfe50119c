"""`Resizing` and `CenterCrop`: images of a fixed size."""

from __future__ import annotations

from typing import Any

from highlevel_backend import current_backend

from highlevel import config, ops
from highlevel.layers.described import positive
from highlevel.layers.preprocessing.data_layer import DataLayer
from highlevel.symbolic import SymbolicTensor

__all__ = ["CenterCrop", "Resizing"]


class _Sized(DataLayer):
    """Base of layers that make images of `height` by `width`."""

    def __init__(
        self, height: int, width: int, data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.height = positive(self, "height", height)
        self.width = positive(self, "width", width)
        self.data_format = config.standardize_data_format(data_format)

    def build(self, input_shape: Any) -> None:
        """There is nothing to make."""

    def _axes(self, rank: int) -> tuple[int, int]:
        """Axes of height and width."""
        if rank not in (3, 4):
            raise ValueError(
                f"{type(self).__name__} '{self.name}' takes images of 3 axes or batches of 4; got "
                f"{rank} axes."
            )
        first = rank - 2 if self.data_format == "channels_first" else rank - 3
        return first, first + 1

    def call(self, data: Any, training: bool = True) -> Any:
        if isinstance(data, dict):
            if "images" not in data or "bounding_boxes" in data:
                raise ValueError(
                    f"{type(self).__name__} '{self.name}' takes images, or a dict of 'images' and "
                    f"what else belongs to them but bounding boxes; got the keys {sorted(data)}."
                )
            done = {**data, "images": self._run(data["images"])}
            if "segmentation_masks" in data:
                done["segmentation_masks"] = self.transform_segmentation_masks(
                    data["segmentation_masks"])
            return done
        return self._run(data)

    def _run(self, images: Any) -> Any:
        return self.transform_images(current_backend().cast(images, self.compute_dtype))

    def transform_images(
        self, images: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """The images in their new size."""
        raise NotImplementedError

    def transform_labels(
        self, labels: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """The labels, which stay as they are."""
        return labels

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """The masks in the images' new size."""
        return self.transform_images(segmentation_masks, transformation, training)

    def get_random_transformation(
        self, data: Any, training: bool = True, seed: Any = None
    ) -> None:
        """None: nothing here is random."""

    def compute_output_shape(self, input_shape: Any) -> tuple:
        """The input's shape with the new height and width."""
        shape = list(input_shape)
        y, x = self._axes(len(shape))
        shape[y], shape[x] = self.height, self.width
        return tuple(shape)

    def compute_output_spec(self, data: Any, training: bool = True) -> Any:
        def spec(images: Any) -> SymbolicTensor:
            return SymbolicTensor.of(self.compute_output_shape(images.shape), self.compute_dtype)

        if isinstance(data, dict):
            return {key: spec(value) if key in ("images", "segmentation_masks") else value
                    for key, value in data.items()}
        return spec(data)


class Resizing(_Sized):
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

    Called with images `(batch, height, width, channels)` or `(height, width, channels)`.

    >>> import highlevel as hl
    >>> hl.layers.Resizing(2, 3)(hl.ops.ones((1, 8, 8, 3))).shape
    (1, 2, 3, 3)
    """

    _fields = (
        "height", "width", "interpolation", "crop_to_aspect_ratio", "pad_to_aspect_ratio",
        "fill_mode", "fill_value", "antialias", "data_format",
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
        super().__init__(height, width, data_format, **kwargs)
        self.interpolation = interpolation
        self.crop_to_aspect_ratio = crop_to_aspect_ratio
        self.pad_to_aspect_ratio = pad_to_aspect_ratio
        self.fill_mode = fill_mode
        self.fill_value = fill_value
        self.antialias = antialias

    def transform_images(
        self, images: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """The images in their new size."""
        return self._resized(images, self.interpolation)

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """The masks in the images' new size, without new values between."""
        return self._resized(segmentation_masks, "nearest")

    def _resized(self, images: Any, interpolation: str) -> Any:
        self._axes(images.ndim)
        resized = ops.image.resize(
            images, (self.height, self.width), interpolation=interpolation,
            antialias=self.antialias, data_format=self.data_format,
            crop_to_aspect_ratio=self.crop_to_aspect_ratio,
            pad_to_aspect_ratio=self.pad_to_aspect_ratio,
            fill_mode=self.fill_mode, fill_value=self.fill_value,
        )
        return current_backend().cast(resized, images.dtype.name)


class CenterCrop(_Sized):
    """Cuts the middle out of images; too small ones are resized, keeping what is in the middle.

    Args:
        height, width: of the result.
        data_format: "channels_last" or "channels_first"; the setting's where None.

    Called with images `(batch, height, width, channels)` or `(height, width, channels)`.

    >>> import highlevel as hl
    >>> hl.layers.CenterCrop(2, 3)(hl.ops.ones((1, 8, 8, 3))).shape
    (1, 2, 3, 3)
    """

    _fields = ("height", "width", "data_format")

    def transform_images(
        self, images: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """The images in their new size."""
        y, x = self._axes(images.ndim)
        top, left = images.shape[y] - self.height, images.shape[x] - self.width
        if top < 0 or left < 0:
            resized = ops.image.resize(
                images, (self.height, self.width), data_format=self.data_format,
                crop_to_aspect_ratio=True)
            return current_backend().cast(resized, images.dtype.name)
        top, left = top // 2, left // 2
        index = [slice(None)] * images.ndim
        index[y], index[x] = slice(top, top + self.height), slice(left, left + self.width)
        return images[tuple(index)]
