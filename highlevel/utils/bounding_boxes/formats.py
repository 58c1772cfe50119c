"""How the four numbers of a bounding box are meant."""

from __future__ import annotations

from typing import Any

from highlevel_backend import current_backend

__all__ = ["FORMATS", "convert_format", "is_relative", "on_boxes", "standard_format"]

#: format → whether its numbers are shares of the image's height and width
FORMATS = {
    "xyxy": False,
    "yxyx": False,
    "xywh": False,
    "center_xywh": False,
    "center_yxhw": False,
    "rel_xyxy": True,
    "rel_yxyx": True,
    "rel_xywh": True,
    "rel_center_xywh": True,
}


def standard_format(name: Any, what: str = "bounding_box_format") -> str:
    """A format's name in small letters.

    Raises:
        ValueError: there is no such format.
    """
    found = name.lower() if isinstance(name, str) else name
    if found not in FORMATS:
        raise ValueError(
            f"`{what}` must be one of {', '.join(map(repr, FORMATS))}; got {name!r}."
        )
    return found


def is_relative(name: str) -> bool:
    """Whether a format's numbers are shares of the image's size."""
    return FORMATS[standard_format(name)]


def on_boxes(function: Any, boxes: Any) -> Any:
    """`function` of the array of boxes, in a dict of boxes and labels of its `"boxes"`."""
    if isinstance(boxes, dict):
        return {**boxes, "boxes": function(boxes["boxes"])}
    return function(boxes)


def parts(boxes: Any) -> tuple[Any, Any, Any, Any]:
    """The four numbers, each of shape `(..., 1)`."""
    return boxes[..., 0:1], boxes[..., 1:2], boxes[..., 2:3], boxes[..., 3:4]


def joined(*numbers: Any) -> Any:
    """The inverse of `parts`."""
    return current_backend().xp.concatenate(numbers, axis=-1)


def _to_corners(boxes: Any, name: str) -> tuple[Any, Any, Any, Any]:
    """Left, top, right and bottom."""
    a, b, c, d = parts(boxes)
    if name.endswith(("yxyx", "yxhw")):
        a, b, c, d = b, a, d, c
    if name.endswith(("wh", "hw")):
        if "center" in name:
            a, b = a - c / 2, b - d / 2
        c, d = a + c, b + d
    return a, b, c, d


def _from_corners(corners: tuple[Any, Any, Any, Any], name: str) -> Any:
    left, top, right, bottom = corners
    a, b, c, d = left, top, right, bottom
    if name.endswith(("wh", "hw")):
        c, d = right - left, bottom - top
        if "center" in name:
            a, b = left + c / 2, top + d / 2
    if name.endswith(("yxyx", "yxhw")):
        a, b, c, d = b, a, d, c
    return joined(a, b, c, d)


def convert_format(
    boxes: Any,
    source: str,
    target: str,
    height: Any = None,
    width: Any = None,
    dtype: str = "float32",
) -> Any:
    """Bounding boxes in another format.

    The formats, in capital or small letters: `"xyxy"` (left, top, right, bottom), `"yxyx"`,
    `"xywh"` (left, top, width, height), `"center_xywh"` and `"center_yxhw"` (the middle, then
    the size) in pixels; `"rel_xyxy"`, `"rel_yxyx"`, `"rel_xywh"` and `"rel_center_xywh"` in
    shares of the image's size.

    Args:
        boxes: array `(..., 4)`, or a dict with one under `"boxes"`.
        source: the format they are in.
        target: the format wanted.
        height, width: of the image, in pixels; between pixels and shares they are needed.
        dtype: of the result.

    Returns:
        Array of the same shape; a dict where one was given, its other entries unchanged.

    Raises:
        ValueError: an unknown format, other than four numbers, or a size is missing.

    >>> import highlevel as hl
    >>> box = [[10.0, 20.0, 50.0, 60.0]]
    >>> convert = hl.utils.bounding_boxes.convert_format
    >>> convert(box, "xyxy", "xywh").tolist()
    [[10.0, 20.0, 40.0, 40.0]]
    >>> convert(box, "xyxy", "rel_yxyx", height=100, width=100).tolist()
    [[0.20..., 0.10..., 0.6..., 0.5]]
    """
    if isinstance(boxes, dict):
        return {**boxes, "boxes": convert_format(
            boxes["boxes"], source, target, height, width, dtype)}
    source, target = standard_format(source, "source"), standard_format(target, "target")
    backend = current_backend()
    boxes = backend.asarray(boxes, dtype)
    if not boxes.ndim or boxes.shape[-1] != 4:
        raise ValueError(
            "Bounding boxes need four numbers each, an array (..., 4); got shape "
            f"{tuple(boxes.shape)}."
        )
    if source == target:
        return boxes
    if FORMATS[source] != FORMATS[target] and (height is None or width is None):
        raise ValueError(
            f"From {source!r} to {target!r} `height` and `width` of the image are needed; got "
            f"{height!r} and {width!r}."
        )
    corners = _to_corners(boxes, source)
    if FORMATS[source] != FORMATS[target]:
        sizes = (backend.asarray(width, dtype), backend.asarray(height, dtype)) * 2
        if FORMATS[source]:
            corners = tuple([n * size for n, size in zip(corners, sizes)])
        else:
            corners = tuple([n / size for n, size in zip(corners, sizes)])
    return backend.cast(_from_corners(corners, target), dtype)
