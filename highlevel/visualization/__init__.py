"""Images with what is known about them: galleries, bounding boxes, segmentation masks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from highlevel._lazy import lazy_package

if TYPE_CHECKING:
    from highlevel.visualization.drawing import draw_bounding_boxes as draw_bounding_boxes
    from highlevel.visualization.drawing import draw_segmentation_masks as draw_segmentation_masks
    from highlevel.visualization.galleries import (
        plot_bounding_box_gallery as plot_bounding_box_gallery,
    )
    from highlevel.visualization.galleries import plot_image_gallery as plot_image_gallery
    from highlevel.visualization.galleries import (
        plot_segmentation_mask_gallery as plot_segmentation_mask_gallery,
    )

__getattr__, __dir__, __all__ = lazy_package(__name__, {
    "highlevel.visualization.drawing": "draw_bounding_boxes draw_segmentation_masks",
    "highlevel.visualization.galleries": (
        "plot_bounding_box_gallery plot_image_gallery plot_segmentation_mask_gallery"
    ),
})
