"""How much bounding boxes overlap."""

from __future__ import annotations

import math
from typing import Any

from highlevel_backend import current_backend

from highlevel.utils.bounding_boxes.formats import (
    convert_format,
    is_relative,
    parts,
)

__all__ = ["compute_ciou", "compute_iou"]


def _sizes(name: str, image_shape: Any, what: str) -> dict[str, Any]:
    """`height` and `width` for relative boxes.

    Raises:
        ValueError: there are none.
    """
    if image_shape is None or len(image_shape) < 2:
        if not is_relative(name):
            return {}
        raise ValueError(
            f"`{what}` of boxes in the format {name!r} needs `image_shape`, (height, width, "
            f"channels); got {image_shape!r}."
        )
    return {"height": image_shape[0], "width": image_shape[1]}


def _area(corners: Any) -> Any:
    left, top, right, bottom = parts(corners)
    return ((right - left) * (bottom - top))[..., 0]


def _common(first: Any, second: Any) -> Any:
    """Areas that two arrays of boxes, broadcast, share."""
    xp = current_backend().xp
    low = xp.maximum(first[..., :2], second[..., :2])
    high = xp.minimum(first[..., 2:], second[..., 2:])
    sides = xp.maximum(high - low, 0.0)
    return sides[..., 0] * sides[..., 1]


def _ratio(part: Any, whole: Any) -> Any:
    """0 where the whole is 0."""
    xp = current_backend().xp
    empty = whole == 0
    return xp.where(empty, 0.0, part / xp.where(empty, 1.0, whole))


def compute_iou(
    boxes1: Any,
    boxes2: Any,
    bounding_box_format: str,
    use_masking: bool = False,
    mask_val: float = -1,
    image_shape: Any = None,
) -> Any:
    """Area in common over area in all, of every pair of boxes.

    Args:
        boxes1: `(m, 4)` or `(batch, m, 4)`.
        boxes2: `(n, 4)` or `(batch, n, 4)`.
        bounding_box_format: see `convert_format`.
        use_masking: give `mask_val` to pairs with a box whose four numbers are negative, as
            those are that fill up a batch.
        mask_val: the number given.
        image_shape: `(height, width, ...)`, for relative boxes.

    Returns:
        `(m, n)`, or `(batch, m, n)` where one of both has a batch axis.

    Raises:
        ValueError: more axes, or `image_shape` is missing.

    >>> import highlevel as hl
    >>> a, b = [[0.0, 0.0, 2.0, 2.0]], [[1.0, 0.0, 3.0, 2.0], [5.0, 5.0, 6.0, 6.0]]
    >>> hl.utils.bounding_boxes.compute_iou(a, b, "xyxy").tolist()
    [[0.333..., 0.0]]
    """
    backend = current_backend()
    xp = backend.xp
    given = [backend.asarray(boxes, "float32") for boxes in (boxes1, boxes2)]
    for boxes in given:
        if boxes.ndim not in (2, 3):
            raise ValueError(
                "`compute_iou` takes boxes (number, 4) or (batch, number, 4); got shape "
                f"{tuple(boxes.shape)}."
            )
    sizes = _sizes(bounding_box_format, image_shape, "compute_iou")
    first, second = [convert_format(b, bounding_box_format, "xyxy", **sizes) for b in given]
    first, second = first[..., :, None, :], second[..., None, :, :]
    shared = _common(first, second)
    result = _ratio(shared, _area(first) + _area(second) - shared)
    if use_masking:
        one, two = [xp.max(boxes, axis=-1) < 0 for boxes in given]
        unused = xp.logical_or(one[..., :, None], two[..., None, :])
        result = xp.where(unused, backend.asarray(mask_val, "float32"), result)
    return result


def compute_ciou(
    boxes1: Any, boxes2: Any, bounding_box_format: str, image_shape: Any = None
) -> Any:
    """Complete IoU of boxes with their partners: overlap, less distance and other proportions.

    Args:
        boxes1, boxes2: `(..., 4)`, of shapes that broadcast.
        bounding_box_format: see `convert_format`.
        image_shape: `(height, width, ...)`, for relative boxes.

    Returns:
        `(...)`, at most 1.

    Raises:
        ValueError: `image_shape` is missing.

    Source: Z. Zheng et al., "Distance-IoU loss", 2020, arXiv:1911.08287.

    >>> import highlevel as hl
    >>> box = [[0.0, 0.0, 2.0, 2.0]]
    >>> round(float(hl.utils.bounding_boxes.compute_ciou(box, box, "xyxy")[0]), 4)
    1.0
    """
    backend = current_backend()
    xp = backend.xp
    sizes = _sizes(bounding_box_format, image_shape, "compute_ciou")
    first, second = [
        convert_format(b, bounding_box_format, "xyxy", **sizes) for b in (boxes1, boxes2)
    ]
    tiny = 1e-7
    shared = _common(first, second)
    overlap = shared / (_area(first) + _area(second) - shared + tiny)
    low = xp.minimum(first[..., :2], second[..., :2])
    high = xp.maximum(first[..., 2:], second[..., 2:])
    diagonal = xp.sum((high - low) ** 2, axis=-1) + tiny
    apart = (first[..., :2] + first[..., 2:] - second[..., :2] - second[..., 2:]) / 2
    distance = xp.sum(apart**2, axis=-1)

    def slope(boxes: Any) -> Any:
        left, top, right, bottom = parts(boxes)
        return xp.arctan((right - left) / (bottom - top + tiny))[..., 0]

    shape = (slope(first) - slope(second)) ** 2 * (4 / math.pi**2)
    weight = shape / (shape - overlap + (1 + tiny))
    return overlap - distance / diagonal - shape * weight
