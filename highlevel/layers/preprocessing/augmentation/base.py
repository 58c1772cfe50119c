"""`ImageLayer`: what layers on images share.

A subclass says what happens to a batch of channels-last images (`_change`), given a
*transformation*: the random numbers that one call has drawn (`_draw`). The same
transformation goes to the labels, masks and boxes that belong to the images.
"""

from __future__ import annotations

from typing import Any

from highlevel_backend import current_backend, is_float, tree

from highlevel import config
from highlevel.layers.layer import is_shape
from highlevel.layers.preprocessing.augmentation.keys import as_generator
from highlevel.layers.preprocessing.data_layer import DataLayer
from highlevel.random import SeedGenerator, uniform
from highlevel.symbolic import SymbolicTensor, spec_of
from highlevel.utils.bounding_boxes.changes import clip_to_image_size
from highlevel.utils.bounding_boxes.formats import convert_format, standard_format

__all__ = [
    "ImageLayer",
    "RandomImageLayer",
    "SpatialLayer",
    "channels_last",
    "columns",
    "count",
    "drawn",
    "happens",
    "per_image",
    "spatial_mean",
    "where_chosen",
]


class ImageLayer(DataLayer):
    """Base of layers on images `(height, width, channels)`, one or a batch, or channels first.

    They take an array of images, or a dict of `"images"` and what belongs to them:
    `"labels"`, `"segmentation_masks"` and `"bounding_boxes"` (a dict of `"boxes"` and
    `"labels"`); other entries are handed through.

    Args:
        bounding_box_format: how the boxes are written, `"xyxy"` say.
        data_format: `"channels_last"` or `"channels_first"`; the setting's where None.
    """

    #: whether integer images stay integers
    _keeps_dtype = False
    #: whether images are changed at inference too
    _always = False

    def __init__(
        self,
        *,
        bounding_box_format: str | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.data_format = config.standardize_data_format(data_format)
        self.bounding_box_format = (
            None if bounding_box_format is None else standard_format(bounding_box_format)
        )

    def build(self, input_shape: Any) -> None:
        """There is nothing to make."""

    @property
    def input_dtype(self) -> str:
        """dtype that floating inputs are cast to: boxes and labels are not for narrow ones."""
        return self.variable_dtype

    # -------------------------------------------------------------- for subclasses

    def _draw(self, images: Any, seed: Any) -> Any:
        """The transformation for one call; None where nothing is random."""
        return None

    def _change(self, x: Any, transformation: Any) -> Any:
        """A batch of images, channels last and in the compute dtype, changed."""
        raise NotImplementedError

    # ------------------------------------------------------------------- the call

    def call(self, data: Any, training: bool = True) -> Any:
        """The images, or the dict of them and what belongs to them, changed."""
        if not isinstance(data, dict):
            self._check_rank(data)
            transformation = self.get_random_transformation(data, training=training)
            return self.transform_images(data, transformation, training)
        if "images" not in data:
            raise ValueError(
                f"{type(self).__name__} '{self.name}' takes images, or a dict with 'images'; got "
                f"the keys {sorted(data)}."
            )
        self._check_rank(data["images"])
        transformation = self.get_random_transformation(data, training=training)
        done = dict(data)
        for key, change in (
            ("images", self.transform_images),
            ("labels", self.transform_labels),
            ("bounding_boxes", self._transform_given_boxes),
            ("segmentation_masks", self.transform_segmentation_masks),
        ):
            if data.get(key) is not None:
                done[key] = change(data[key], transformation, training)
        return done

    def _transform_given_boxes(self, boxes: Any, transformation: Any, training: bool) -> Any:
        if self.bounding_box_format is None:
            raise ValueError(
                f"{type(self).__name__} '{self.name}' got bounding boxes and does not know how "
                "they are written. Make it with `bounding_box_format='xyxy'`, say."
            )
        if not isinstance(boxes, dict) or not {"boxes", "labels"} <= set(boxes):
            raise ValueError(
                f"{type(self).__name__} '{self.name}' takes bounding boxes as a dict of 'boxes' "
                f"and 'labels'; got {sorted(boxes) if isinstance(boxes, dict) else boxes!r}."
            )
        return self.transform_bounding_boxes(boxes, transformation, training)

    def _check_rank(self, images: Any) -> None:
        rank = len(getattr(images, "shape", ()))
        if rank not in (3, 4):
            first = self.data_format == "channels_first"
            axes = "channels, height, width" if first else "height, width, channels"
            raise ValueError(
                f"{type(self).__name__} '{self.name}' takes an image ({axes}) or a batch of them; "
                f"got {'shape ' + str(tuple(images.shape)) if rank else repr(images)[:80]}."
            )

    # ------------------------------------------------- the contract's steps of a call

    def get_random_transformation(
        self, data: Any, training: bool = True, seed: Any = None
    ) -> Any:
        """The random numbers of one call, None where there are none.

        Args:
            data: images, or a dict with `"images"`; only their shape counts.
            training: at inference nothing is drawn.
            seed: integer, key or `SeedGenerator`; the layer's own generator where None.

        Returns:
            A dict of arrays, as the `transform_*` methods take it.
        """
        if not training:
            return None
        images = data["images"] if isinstance(data, dict) else data
        return self._draw(images, self._generator(seed))

    def _generator(self, seed: Any) -> Any:
        return getattr(self, "generator", None) if seed is None else as_generator(seed)

    def transform_images(
        self, images: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """Images, one or a batch, changed as the transformation says.

        Args:
            images: array of the layer's data format.
            transformation: what `get_random_transformation` gave.
            training: at inference random layers change nothing.

        Returns:
            Images in the compute dtype; layers that keep integers say so.
        """
        backend = current_backend()
        images = backend.asarray(images)
        kept = self._keeps_dtype and not is_float(str(images.dtype))
        if self._idle(transformation, training):
            return images if kept else backend.cast(images, self.compute_dtype)
        x = backend.cast(images, self.compute_dtype)
        y = self._on_batch(lambda batch: self._change(batch, transformation), x)
        return backend.cast(y, str(images.dtype) if kept else self.compute_dtype)

    def transform_labels(
        self, labels: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """Labels, which stay as they are."""
        return labels

    def transform_bounding_boxes(
        self, bounding_boxes: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """Boxes, which stay where they are."""
        return bounding_boxes

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """Masks, which stay as they are."""
        return segmentation_masks

    def transform_single_image(
        self, image: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """`transform_images` of one image."""
        return self._single(self.transform_images, image, transformation, training)

    def transform_single_label(
        self, label: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """`transform_labels` of one label."""
        return self._single(self.transform_labels, label, transformation, training)

    def transform_single_bounding_box(
        self, bounding_box: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """`transform_bounding_boxes` of the boxes of one image."""
        return self._single(
            self.transform_bounding_boxes, bounding_box, transformation, training)

    def transform_single_segmentation_mask(
        self, segmentation_mask: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """`transform_segmentation_masks` of one mask."""
        return self._single(
            self.transform_segmentation_masks, segmentation_mask, transformation, training)

    @staticmethod
    def _single(change: Any, value: Any, transformation: Any, training: bool) -> Any:
        backend = current_backend()
        batch = tree.map_leaves(lambda leaf: backend.asarray(leaf)[None], value)
        return tree.map_leaves(lambda leaf: leaf[0], change(batch, transformation, training))

    # -------------------------------------------------------------------- helpers

    def _idle(self, transformation: Any, training: bool) -> bool:
        """Whether nothing is to be changed."""
        return not self._always and (transformation is None or not training)

    def _on_batch(self, function: Any, x: Any) -> Any:
        """`function` of channels-last batches, on images of the layer's data format."""
        xp = current_backend().xp
        single = x.ndim == 3
        if single:
            x = x[None]
        if self.data_format == "channels_first":
            x = xp.moveaxis(x, 1, -1)
        y = function(x)
        if self.data_format == "channels_first":
            y = xp.moveaxis(y, -1, 1)
        return y[0] if single else y

    def _size(self, shape: Any) -> tuple[Any, Any]:
        """Height and width in a shape of images."""
        rank = len(shape)
        first = rank - 2 if self.data_format == "channels_first" else rank - 3
        return shape[first], shape[first + 1]

    def _last(self, shape: Any, channels: int | None = None) -> tuple[int, int, int, int]:
        """`(batch, height, width, channels)` of images."""
        height, width = self._size(shape)
        own = shape[-3] if self.data_format == "channels_first" else shape[-1]
        return (shape[0] if len(shape) == 4 else 1), height, width, (
            own if channels is None else channels)

    # -------------------------------------------------------------- symbolic and config

    def _shape_of(self, shape: tuple, key: str) -> tuple:
        """The shape that images or masks (`key`) get."""
        return shape

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Shapes of the outputs, in a dict for a dict."""
        if isinstance(input_shape, dict):
            return {key: self.compute_output_shape(shape) if key in _PICTURES else shape
                    for key, shape in input_shape.items()}
        return self._shape_of(tuple(input_shape), "images") if is_shape(input_shape) \
            else input_shape

    def compute_output_spec(self, data: Any, training: bool = True, **kwargs: Any) -> Any:
        """Symbolic outputs: shapes and dtypes of the call on arrays."""
        if not isinstance(data, dict):
            self._check_rank(data)
            return self._spec(data, "images")
        return {
            key: self._spec(value, key) if key in _PICTURES and value is not None
            else tree.map_leaves(self._alike, value)
            for key, value in data.items()
        }

    def _spec(self, value: Any, key: str) -> SymbolicTensor:
        spec = spec_of(value)
        dtype = spec.dtype
        if key == "images" and (is_float(dtype) or not self._keeps_dtype):
            dtype = self.compute_dtype
        return SymbolicTensor.of(self._shape_of(tuple(spec.shape), key), dtype)

    @staticmethod
    def _alike(value: Any) -> Any:
        if not isinstance(value, SymbolicTensor):
            return value
        return SymbolicTensor.of(value.shape, value.dtype)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        written = super().get_config()
        written["data_format"] = self.data_format
        if self.bounding_box_format is not None:
            written["bounding_box_format"] = self.bounding_box_format
        return written


_PICTURES = ("images", "segmentation_masks")


class RandomImageLayer(ImageLayer):
    """Base of layers that change images by chance, in training.

    Args:
        seed: integer for the same changes at every run.
    """

    def __init__(self, *, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seed = seed
        self.generator = SeedGenerator(seed)


class SpatialLayer(ImageLayer):
    """Base of layers that move pixels, and with them masks and boxes.

    A subclass writes `_warp(x, transformation, interpolation)` for images and masks, and
    `_move(boxes, transformation, height, width)` for boxes `(batch, number, 4)` in pixels,
    as left, top, right, bottom.
    """

    interpolation: str = "bilinear"

    def _warp(self, x: Any, transformation: Any, interpolation: str) -> Any:
        raise NotImplementedError

    def _move(self, boxes: Any, transformation: Any, height: int, width: int) -> Any:
        raise NotImplementedError

    def _new_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width that images of some size get."""
        return height, width

    def _change(self, x: Any, transformation: Any) -> Any:
        return self._warp(x, transformation, self.interpolation)

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """Masks moved with their images, without new values between: the nearest pixel's."""
        backend = current_backend()
        masks = backend.asarray(segmentation_masks)
        if self._idle(transformation, training):
            return masks
        name = str(masks.dtype)
        x = backend.cast(masks, name if is_float(name) else "float32")
        moved = self._on_batch(lambda batch: self._warp(batch, transformation, "nearest"), x)
        return backend.cast(moved, name)

    def transform_bounding_boxes(
        self, bounding_boxes: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """Boxes moved with their images and cut to them; what is gone gets the label -1."""
        if self._idle(transformation, training):
            return bounding_boxes
        name = self.bounding_box_format or "xyxy"
        height, width = self._size_of(transformation)
        boxes = convert_format(bounding_boxes, name, "xyxy", height, width)
        array = boxes["boxes"]
        single = array.ndim == 2
        moved = self._move(array[None] if single else array, transformation, height, width)
        new_height, new_width = self._new_size(height, width)
        boxes = clip_to_image_size(
            {**boxes, "boxes": moved[0] if single else moved}, new_height, new_width)
        return convert_format(
            boxes, "xyxy", name, new_height, new_width, dtype=self.variable_dtype)

    def _size_of(self, transformation: Any) -> tuple[int, int]:
        """Height and width of the images a transformation was drawn for."""
        return self._size(transformation["input_shape"])


def count(images: Any) -> int:
    """How many images there are."""
    return images.shape[0] if len(images.shape) == 4 else 1


def columns(value: Any, dtype: Any = None) -> Any:
    """A number per image, of whatever shape it was drawn in, as `(batch, 1, 1, 1)`."""
    backend = current_backend()
    return backend.asarray(value, dtype).reshape(-1, 1, 1, 1)


def drawn(shape: tuple, bounds: Any, seed: Any) -> Any:
    """Uniform numbers between bounds."""
    return uniform(shape, bounds[0], bounds[1], dtype="float32", seed=seed)


def per_image(images: Any) -> tuple:
    """The shape of one number per image that broadcasts with them."""
    return (images.shape[0], 1, 1, 1) if len(images.shape) == 4 else (1, 1, 1)


def happens(shape: tuple, bounds: Any, seed: Any) -> Any:
    """Whether something is done: with a probability drawn between bounds."""
    probability = drawn(shape, bounds, seed)
    return drawn(shape, (0.0, 1.0), seed) < probability


def where_chosen(chosen: Any, changed: Any, x: Any) -> Any:
    """Images of `changed` where chosen, those of `x` elsewhere."""
    return current_backend().xp.where(columns(chosen), changed, x)


def channels_last(array: Any, data_format: str) -> Any:
    """Masks or fills of a transformation as `(batch, height, width, channels)`."""
    backend = current_backend()
    array = backend.asarray(array)
    if array.ndim == 3:
        array = array[None]
    return backend.xp.moveaxis(array, 1, -1) if data_format == "channels_first" else array


def spatial_mean(x: Any) -> Any:
    """Mean over height and width, counted in float32 at least."""
    backend = current_backend()
    name = str(x.dtype)
    wide = backend.cast(x, "float32") if name in ("float16", "bfloat16") else x
    return backend.cast(backend.xp.mean(wide, axis=(1, 2), keepdims=True), name)
