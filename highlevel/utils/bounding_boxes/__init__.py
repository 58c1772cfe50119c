"""Bounding boxes: formats, changes that follow their images, overlaps, deltas to anchors.

Boxes are arrays `(..., number, 4)`, or dicts with these under `"boxes"` and classes
`(..., number)` under `"labels"`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from highlevel._lazy import lazy_package

if TYPE_CHECKING:
    from highlevel.utils.bounding_boxes.changes import affine_transform as affine_transform
    from highlevel.utils.bounding_boxes.changes import clip_to_image_size as clip_to_image_size
    from highlevel.utils.bounding_boxes.changes import crop as crop
    from highlevel.utils.bounding_boxes.changes import pad as pad
    from highlevel.utils.bounding_boxes.deltas import (
        decode_deltas_to_boxes as decode_deltas_to_boxes,
    )
    from highlevel.utils.bounding_boxes.deltas import encode_box_to_deltas as encode_box_to_deltas
    from highlevel.utils.bounding_boxes.formats import convert_format as convert_format
    from highlevel.utils.bounding_boxes.overlaps import compute_ciou as compute_ciou
    from highlevel.utils.bounding_boxes.overlaps import compute_iou as compute_iou

__getattr__, __dir__, __all__ = lazy_package(__name__, {
    "highlevel.utils.bounding_boxes.changes": "affine_transform clip_to_image_size crop pad",
    "highlevel.utils.bounding_boxes.deltas": "decode_deltas_to_boxes encode_box_to_deltas",
    "highlevel.utils.bounding_boxes.formats": "convert_format",
    "highlevel.utils.bounding_boxes.overlaps": "compute_ciou compute_iou",
})
