"""Bounding boxes and segmentation masks drawn into images."""

from __future__ import annotations

import colorsys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from highlevel import config
from highlevel.ops import convert_to_numpy
from highlevel.utils.bounding_boxes import convert_format

__all__ = ["class_color", "draw_bounding_boxes", "draw_segmentation_masks", "images_last"]

Color = Sequence[int]


def images_last(images: Any, data_format: str | None) -> np.ndarray:
    """Images as NumPy array `(batch, height, width, channels)`.

    Raises:
        ValueError: another number of axes.
    """
    array = np.asarray(convert_to_numpy(images))
    if array.ndim != 4:
        raise ValueError(
            "Images are drawn in batches: `images` has four axes, (batch, height, width, channels) "
            f"or (batch, channels, height, width); got the shape {array.shape}."
            + (" Give `images[None]`." if array.ndim == 3 else "")
        )
    if config.standardize_data_format(data_format) == "channels_first":
        array = array.transpose(0, 2, 3, 1)
    return array


def _as_colors(images: np.ndarray) -> np.ndarray:
    """Values from 0 to 255 as `uint8` with three channels, in an array of its own."""
    pixels = np.clip(images, 0, 255).astype("uint8")
    return np.repeat(pixels, 3, -1) if pixels.shape[-1] == 1 else pixels.copy()


def class_color(label: int) -> tuple[int, int, int]:
    """A colour for a class, unlike those of its neighbours; 0 is black.

    >>> class_color(0), class_color(1) != class_color(2)
    ((0, 0, 0), True)
    """
    if label == 0:
        return 0, 0, 0
    # Steps of the golden section: no two hues of the first dozens come near each other.
    hue = (0.33 + label * 0.618034) % 1.0
    red, green, blue = colorsys.hsv_to_rgb(hue, 0.75 if label % 2 else 0.95, 0.95)
    return round(255 * red), round(255 * green), round(255 * blue)


def _checked_color(color: Any, what: str) -> tuple[int, ...]:
    array = np.asarray(color)
    if array.shape != (3,) or array.dtype.kind not in "iuf":
        raise ValueError(f"{what} is three numbers from 0 to 255: red, green, blue; got {color!r}.")
    return tuple(int(value) for value in array)


def draw_bounding_boxes(
    images: Any,
    bounding_boxes: Mapping[str, Any],
    bounding_box_format: str,
    class_mapping: Mapping[int, str] | None = None,
    color: Color = (128, 128, 128),
    line_thickness: int = 2,
    text_thickness: int = 1,
    font_scale: float = 1.0,
    data_format: str | None = None,
) -> np.ndarray:
    """Draw boxes into images, with the names of their classes.

    Args:
        images: `(batch, height, width, channels)`, values from 0 to 255.
        bounding_boxes: `"boxes"`: `(batch, number, 4)`; `"labels"`: `(batch, number)`, negative
            where there is no box; `"confidences"`, if given, stand behind the names.
        bounding_box_format: see `utils.bounding_boxes.convert_format`.
        class_mapping: label → name; without it no text is drawn.
        color: of lines and texts: red, green, blue.
        line_thickness: in pixels.
        text_thickness: of the letters' strokes.
        font_scale: 1 is 12 pixels.
        data_format: of `images`; the configured one by default.

    Returns:
        Array `(batch, height, width, channels)`, `uint8`; `images` is left as it is.

    Raises:
        ValueError: images that are no batch, boxes without labels, a colour that is none.
        ImportError: names are to be drawn and Pillow is not installed.

    >>> boxes = {"boxes": [[[1.0, 1.0, 4.0, 4.0]]], "labels": [[0]]}
    >>> drawn = draw_bounding_boxes(
    ...     np.zeros((1, 6, 6, 3)), boxes, "xyxy", color=(9, 0, 0), line_thickness=1)
    >>> drawn[0, :, :, 0]
    array([[0, 0, 0, 0, 0, 0],
           [0, 9, 9, 9, 9, 0],
           [0, 9, 0, 0, 9, 0],
           [0, 9, 0, 0, 9, 0],
           [0, 9, 9, 9, 9, 0],
           [0, 0, 0, 0, 0, 0]], dtype=uint8)
    """
    pixels = _as_colors(images_last(images, data_format))
    color = _checked_color(color, "`color`")
    if not isinstance(bounding_boxes, Mapping) or not {"boxes", "labels"} <= set(bounding_boxes):
        found = list(bounding_boxes) if isinstance(bounding_boxes, Mapping) else type(
            bounding_boxes).__name__
        raise ValueError(
            f"`bounding_boxes` is a dict with the entries 'boxes' and 'labels'; got {found}."
        )
    _, height, width, _ = pixels.shape
    boxes = convert_to_numpy(convert_format(
        bounding_boxes["boxes"], bounding_box_format, "xyxy", height=height, width=width))
    labels = np.asarray(convert_to_numpy(bounding_boxes["labels"]))
    labels = labels.reshape(boxes.shape[:-1])
    sure = bounding_boxes.get("confidences")
    sure = None if sure is None else np.asarray(convert_to_numpy(sure)).reshape(labels.shape)
    for at in range(len(pixels)):
        texts = []
        for number, (box, label) in enumerate(zip(boxes[at], labels[at])):
            if label < 0 or not np.isfinite(box).all():
                continue
            _frame(pixels[at], box, color, line_thickness)
            if class_mapping is not None:
                name = str(class_mapping.get(int(label), int(label)))
                texts.append((box, name if sure is None else f"{name} {sure[at][number]:.2f}"))
        if texts:
            pixels[at] = _with_texts(pixels[at], texts, color, font_scale, text_thickness)
    return pixels


def _frame(image: np.ndarray, box: np.ndarray, color: Color, thickness: int) -> None:
    """Draw a box's four sides, in the middle of which its edges lie."""
    height, width, _ = image.shape
    left, top, right, bottom = (round(float(v)) for v in box)
    out, within = thickness // 2, thickness - thickness // 2

    def fill(y0: int, y1: int, x0: int, x1: int) -> None:
        image[max(y0, 0): max(min(y1, height), 0), max(x0, 0): max(min(x1, width), 0), :3] = color

    for y in (top - out, bottom - within + 1):
        fill(y, y + thickness, left - out, right + out + 1)
    for x in (left - out, right - within + 1):
        fill(top - out, bottom + out + 1, x, x + thickness)


def _with_texts(
    image: np.ndarray, texts: list, color: Color, scale: float, thickness: int
) -> np.ndarray:
    """The image with texts above their boxes, or in them where there is no room above."""
    try:
        from PIL import Image, ImageDraw, ImageFont
    except ImportError as error:
        raise ImportError(
            "The names of classes are drawn by Pillow, which is not installed: "
            "`pip install 'highlevel[images]'`."
        ) from error
    size = 12 * scale
    picture = Image.fromarray(image)
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(size)
    for (left, top, _, _), text in texts:
        _, _, x1, y1 = draw.textbbox((0, 0), text, font=font)
        x = min(max(float(left), 0.0), max(image.shape[1] - x1, 0.0))
        y = float(top) - y1 - 2 if top >= y1 + 2 else float(top) + 2
        draw.text((x, y), text, fill=tuple(color), font=font, stroke_width=max(thickness - 1, 0))
    return np.asarray(picture)


def draw_segmentation_masks(
    images: Any,
    segmentation_masks: Any,
    num_classes: int | None = None,
    color_mapping: Mapping[int, Color] | None = None,
    alpha: float = 0.8,
    blend: bool = True,
    ignore_index: int = -1,
    data_format: str | None = None,
) -> np.ndarray:
    """Colour images by the class of every pixel.

    Args:
        images: `(batch, height, width, channels)`, values from 0 to 255.
        segmentation_masks: class numbers, `(batch, height, width)` or with a last axis of 1
            (a first one behind the batch, for channels first).
        num_classes: how many classes there are; the largest number and 1 when None. Pixels of
            other numbers keep their colour.
        color_mapping: class → red, green, blue; by default colours that differ well, class 0
            black.
        alpha: share of the class's colour.
        blend: mix with the image; otherwise the class's colour alone.
        ignore_index: pixels of this number keep their colour.
        data_format: of `images` and masks; the configured one by default.

    Returns:
        Array `(batch, height, width, channels)`, `uint8`; `images` is left as it is.

    Raises:
        ValueError: images that are no batch, masks of another size, a class without a colour.

    >>> drawn = draw_segmentation_masks(
    ...     np.zeros((1, 1, 2, 3)), [[[1, -1]]], 2, {0: (0, 0, 0), 1: (100, 50, 0)}, alpha=0.5)
    >>> drawn[0, 0]
    array([[50, 25,  0],
           [ 0,  0,  0]], dtype=uint8)
    """
    pixels = _as_colors(images_last(images, data_format))
    masks = np.asarray(convert_to_numpy(segmentation_masks))
    if masks.ndim == 4:
        first = config.standardize_data_format(data_format) == "channels_first"
        masks = masks[:, 0] if first else masks[..., 0]
    if masks.shape != pixels.shape[:3]:
        raise ValueError(
            f"`segmentation_masks` has a class for every pixel of `images`: {pixels.shape[:3]} or "
            f"with an axis of length 1 for the channel; got the shape "
            f"{np.shape(convert_to_numpy(segmentation_masks))}."
        )
    masks = masks.astype("int64")
    count = int(masks.max(initial=-1)) + 1 if num_classes is None else num_classes
    share = alpha if blend else 1.0
    for label in np.unique(masks):
        if label == ignore_index or not 0 <= label < count:
            continue
        if color_mapping is not None and int(label) not in color_mapping:
            raise ValueError(
                f"`color_mapping` has no colour for class {int(label)}; it has some for "
                f"{sorted(color_mapping)}. Add it, or make it the `ignore_index`."
            )
        chosen = class_color(int(label)) if color_mapping is None else _checked_color(
            color_mapping[int(label)], f"The colour of class {int(label)}")
        where = masks == label
        mixed = (1 - share) * pixels[where][:, :3] + share * np.asarray(chosen)
        pixels[where, :3] = np.round(mixed).astype("uint8")
    return pixels
