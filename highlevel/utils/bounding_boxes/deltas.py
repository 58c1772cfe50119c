"""Bounding boxes as differences to anchors, which is what detectors learn."""

from __future__ import annotations

from typing import Any

from highlevel_backend import current_backend

from highlevel.utils.bounding_boxes.formats import convert_format, is_relative
from highlevel.utils.bounding_boxes.overlaps import _sizes

__all__ = ["decode_deltas_to_boxes", "encode_box_to_deltas"]


def _checked(name: str, what: str, variance: Any) -> Any:
    if name not in ("center_xywh", "center_yxhw"):
        raise ValueError(f"`{what}` must be 'center_xywh' or 'center_yxhw'; got {name!r}.")
    if variance is None:
        return None
    variance = current_backend().asarray(variance, "float32")
    if tuple(variance.shape) != (4,):
        raise ValueError(
            f"`variance` needs four numbers; got an array of shape {tuple(variance.shape)}."
        )
    return variance


def encode_box_to_deltas(
    anchors: Any,
    boxes: Any,
    anchor_format: str,
    box_format: str,
    encoding_format: str = "center_yxhw",
    variance: Any = None,
    image_shape: Any = None,
) -> Any:
    """Boxes as differences to anchors: of the middles in anchor sizes, of sizes as logarithms.

    Args:
        anchors: `(number, 4)`.
        boxes: `(number, 4)` or `(batch, number, 4)`.
        anchor_format, box_format: see `convert_format`.
        encoding_format: `"center_yxhw"` or `"center_xywh"`, the order of the differences.
        variance: four numbers that the differences are divided by.
        image_shape: `(height, width, ...)`, for relative boxes or anchors.

    Returns:
        Array of the shape of `boxes`.

    Raises:
        ValueError: another `encoding_format`, not four variances, or no `image_shape`.

    >>> import highlevel as hl
    >>> anchor, box = [[0.0, 0.0, 4.0, 4.0]], [[1.0, 0.0, 5.0, 4.0]]
    >>> hl.utils.bounding_boxes.encode_box_to_deltas(anchor, box, "xyxy", "xyxy").tolist()
    [[0.0, 0.25, 0.0, 0.0]]
    """
    xp = current_backend().xp
    variance = _checked(encoding_format, "encoding_format", variance)

    def encoded(values: Any, name: str) -> Any:
        sizes = _sizes(name, image_shape, "encode_box_to_deltas")
        return convert_format(values, name, encoding_format, **sizes)

    base, wanted = encoded(anchors, anchor_format), encoded(boxes, box_format)
    sides = xp.maximum(base[..., 2:], 1e-7)
    deltas = xp.concatenate([
        (wanted[..., :2] - base[..., :2]) / sides,
        xp.log(xp.maximum(wanted[..., 2:], 1e-7) / sides),
    ], axis=-1)
    return deltas if variance is None else deltas / variance


def decode_deltas_to_boxes(
    anchors: Any,
    boxes_delta: Any,
    anchor_format: str,
    box_format: str,
    encoded_format: str = "center_yxhw",
    variance: Any = None,
    image_shape: Any = None,
) -> Any:
    """The boxes that `encode_box_to_deltas` made differences of.

    Args:
        anchors: `(number, 4)`, or a dict of such by level.
        boxes_delta: `(number, 4)` or `(batch, number, 4)`, or a dict of such.
        anchor_format: format of the anchors, see `convert_format`.
        box_format: format of the result.
        encoded_format: `"center_yxhw"` or `"center_xywh"`.
        variance: four numbers that the differences are multiplied by.
        image_shape: `(height, width, ...)`, for relative boxes or anchors.

    Returns:
        Boxes, in a dict where dicts were given.

    Raises:
        ValueError: another `encoded_format`, not four variances, or no `image_shape`.

    >>> import highlevel as hl
    >>> anchor, delta = [[0.0, 0.0, 4.0, 4.0]], [[0.0, 0.25, 0.0, 0.0]]
    >>> hl.utils.bounding_boxes.decode_deltas_to_boxes(anchor, delta, "xyxy", "xyxy").tolist()
    [[1.0, 0.0, 5.0, 4.0]]
    """
    backend = current_backend()
    xp = backend.xp
    variance = _checked(encoded_format, "encoded_format", variance)
    for name in (anchor_format, box_format):
        if is_relative(name):
            _sizes(name, image_shape, "decode_deltas_to_boxes")
    sizes = _sizes(anchor_format, image_shape, "decode_deltas_to_boxes")

    def decoded(anchor: Any, delta: Any) -> Any:
        base = convert_format(anchor, anchor_format, encoded_format, **sizes)
        delta = backend.asarray(delta, "float32")
        if variance is not None:
            delta = delta * variance
        boxes = xp.concatenate([
            delta[..., :2] * base[..., 2:] + base[..., :2],
            xp.exp(delta[..., 2:]) * base[..., 2:],
        ], axis=-1)
        return convert_format(boxes, encoded_format, box_format, **sizes)

    if isinstance(anchors, dict):
        return {level: decoded(anchors[level], boxes_delta[level]) for level in anchors}
    return decoded(anchors, boxes_delta)
