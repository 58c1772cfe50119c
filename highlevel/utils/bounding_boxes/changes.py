"""Bounding boxes that follow what is done to their images."""

from __future__ import annotations

import math
from typing import Any

from highlevel_backend import current_backend

from highlevel.utils.bounding_boxes.formats import (
    is_relative,
    joined,
    on_boxes,
    parts,
    standard_format,
)

__all__ = ["affine_transform", "clip_to_image_size", "crop", "pad"]


def _corners_only(name: str, what: str) -> str:
    name = standard_format(name)
    if name not in ("xyxy", "rel_xyxy"):
        raise NotImplementedError(
            f"`{what}` takes boxes in the formats 'xyxy' and 'rel_xyxy'; got {name!r}. Use "
            "`convert_format` before and after."
        )
    return name


def _pixels_only(name: str, what: str) -> None:
    if standard_format(name) != "xyxy":
        raise NotImplementedError(
            f"`{what}` takes boxes in the format 'xyxy'; got {name!r}. Use `convert_format` "
            "before and after."
        )


def _floats(boxes: Any) -> Any:
    return current_backend().asarray(boxes, "float32")


def clip_to_image_size(
    bounding_boxes: Any, height: Any = None, width: Any = None, bounding_box_format: str = "xyxy"
) -> Any:
    """Boxes cut to their image; the label of a box with nothing left becomes -1.

    Args:
        bounding_boxes: dict of `"boxes"` `(..., number, 4)` and `"labels"` `(..., number)`.
        height, width: of the image; with relative boxes they are not needed.
        bounding_box_format: `"xyxy"` or `"rel_xyxy"`.

    Returns:
        A dict like the one given.

    Raises:
        NotImplementedError: boxes in another format.
        ValueError: the size is missing.

    >>> import highlevel as hl
    >>> boxes = {"boxes": [[-5.0, 2.0, 5.0, 20.0], [30.0, 30.0, 40.0, 40.0]], "labels": [3, 4]}
    >>> clipped = hl.utils.bounding_boxes.clip_to_image_size(boxes, height=10, width=10)
    >>> clipped["boxes"].tolist(), clipped["labels"].tolist()
    ([[0.0, 2.0, 5.0, 10.0], [10.0, 10.0, 10.0, 10.0]], [3, -1])
    """
    name = _corners_only(bounding_box_format, "clip_to_image_size")
    backend = current_backend()
    xp = backend.xp
    if is_relative(name):
        height, width = 1.0, 1.0
    elif height is None or width is None:
        raise ValueError(
            "`clip_to_image_size` of boxes in pixels needs the image's `height` and `width`; got "
            f"{height!r} and {width!r}."
        )
    height, width = _floats(height), _floats(width)
    left, top, right, bottom = parts(_floats(bounding_boxes["boxes"]))
    zero = _floats(0.0)
    left, right = [xp.minimum(xp.maximum(n, zero), width) for n in (left, right)]
    top, bottom = [xp.minimum(xp.maximum(n, zero), height) for n in (top, bottom)]
    empty = ((right - left) * (bottom - top) <= 0)[..., 0]
    labels = backend.asarray(bounding_boxes["labels"])
    return {
        **bounding_boxes,
        "boxes": joined(left, top, right, bottom),
        "labels": xp.where(empty, xp.full_like(labels, -1), labels),
    }


def crop(
    boxes: Any, top: Any, left: Any, height: Any, width: Any, bounding_box_format: str = "xyxy"
) -> Any:
    """Boxes in the coordinates of a cut-out of their image, and cut to it.

    Args:
        boxes: array `(..., 4)`, or a dict with one under `"boxes"`.
        top, left: where the cut-out begins.
        height, width: its size.
        bounding_box_format: only `"xyxy"`.

    Returns:
        What was given, with other boxes.

    Raises:
        NotImplementedError: boxes in another format.

    >>> import highlevel as hl
    >>> hl.utils.bounding_boxes.crop([[5.0, 5.0, 20.0, 20.0]], 2, 4, 10, 10).tolist()
    [[1.0, 3.0, 10.0, 10.0]]
    """
    _pixels_only(bounding_box_format, "crop")
    xp = current_backend().xp

    def run(array: Any) -> Any:
        zero, t, l, h, w = map(_floats, (0.0, top, left, height, width))
        x1, y1, x2, y2 = parts(_floats(array))
        x1, x2 = [xp.minimum(xp.maximum(n - l, zero), w) for n in (x1, x2)]
        y1, y2 = [xp.minimum(xp.maximum(n - t, zero), h) for n in (y1, y2)]
        return joined(x1, y1, x2, y2)

    return on_boxes(run, boxes)


def pad(
    boxes: Any,
    top: Any,
    left: Any,
    height: Any = None,
    width: Any = None,
    bounding_box_format: str = "xyxy",
) -> Any:
    """Boxes in the coordinates of their image with something added above and to its left.

    Args:
        boxes: array `(..., 4)`, or a dict with one under `"boxes"`.
        top, left: how much was added.
        height, width: accepted for the contract.
        bounding_box_format: only `"xyxy"`.

    Returns:
        What was given, with other boxes.

    Raises:
        NotImplementedError: boxes in another format.

    >>> import highlevel as hl
    >>> hl.utils.bounding_boxes.pad([[5.0, 5.0, 20.0, 20.0]], 1, 2).tolist()
    [[7.0, 6.0, 22.0, 21.0]]
    """
    _pixels_only(bounding_box_format, "pad")

    def run(array: Any) -> Any:
        t, l = _floats(top), _floats(left)
        x1, y1, x2, y2 = parts(_floats(array))
        return joined(x1 + l, y1 + t, x2 + l, y2 + t)

    return on_boxes(run, boxes)


def around_corners(boxes: Any, move: Any) -> Any:
    """The smallest boxes around the four corners of each, moved.

    Args:
        boxes: `(..., 4)` as left, top, right, bottom.
        move: function `(x, y) -> (x, y)` of arrays `(..., 4)`.
    """
    xp = current_backend().xp
    left, top, right, bottom = parts(boxes)
    x, y = move(joined(left, right, left, right), joined(top, top, bottom, bottom))
    ends = [f(n, axis=-1, keepdims=True) for f in (xp.min, xp.max) for n in (x, y)]
    return joined(*ends)


def affine_transform(
    boxes: Any,
    angle: Any,
    translate_x: Any,
    translate_y: Any,
    scale: Any,
    shear_x: Any,
    shear_y: Any,
    height: Any,
    width: Any,
    center_x: Any = None,
    center_y: Any = None,
    bounding_box_format: str = "xyxy",
) -> Any:
    """Boxes around what was in them, after turning, moving, scaling and shearing the image.

    A point is moved first, then sheared, turned and scaled around the centre.

    Args:
        boxes: `(batch, number, 4)` or `(number, 4)`.
        angle: degrees counter-clockwise, a number or one per image `(batch,)`; as all that
            follow.
        translate_x, translate_y: in shares of the width and height.
        scale: factor.
        shear_x, shear_y: degrees.
        height, width: of the image.
        center_x, center_y: what stays in place, in shares; the middle where None.
        bounding_box_format: only `"xyxy"`.

    Returns:
        Boxes of the same shape.

    Raises:
        NotImplementedError: boxes in another format.

    >>> import highlevel as hl
    >>> turned = hl.utils.bounding_boxes.affine_transform(
    ...     [[0.0, 0.0, 4.0, 2.0]], 90.0, 0.0, 0.0, 1.0, 0.0, 0.0, height=11, width=11)
    >>> [[round(n) for n in box] for box in turned.tolist()]
    [[0, 6, 2, 10]]
    """
    _pixels_only(bounding_box_format, "affine_transform")
    xp = current_backend().xp

    def numbers(value: Any) -> Any:
        """With axes for boxes and corners behind those of images."""
        value = _floats(value)
        return value[:, None, None] if value.ndim == 1 else value

    def run(array: Any) -> Any:
        turn = numbers(angle) * (math.pi / 180)
        cos, sin = xp.cos(turn), xp.sin(turn)
        tan_x, tan_y = [xp.tan(numbers(s) * (math.pi / 180)) for s in (shear_x, shear_y)]
        factor = numbers(scale)
        # Rows of the matrix. The shear along x counts the lower left entry with the other
        # sign than a product of matrices would, as the contract has it.
        low, diagonal = tan_y * cos - sin, tan_y * sin + cos
        high, first = sin + tan_x * diagonal, cos - tan_x * low
        # Pixels are counted by their middles: the last one lies at height - 1.
        rows, columns = numbers(height) - 1, numbers(width) - 1
        middle_x = columns * (0.5 if center_x is None else numbers(center_x))
        middle_y = rows * (0.5 if center_y is None else numbers(center_y))
        shift_x = numbers(translate_x) * columns - middle_x
        shift_y = numbers(translate_y) * rows - middle_y

        def move(x: Any, y: Any) -> tuple[Any, Any]:
            x, y = x + shift_x, y + shift_y
            return (
                factor * (first * x + high * y) + middle_x,
                factor * (low * x + diagonal * y) + middle_y,
            )

        return around_corners(_floats(array), move)

    return on_boxes(run, boxes)
