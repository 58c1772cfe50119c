"""`MaxNumBoundingBoxes`."""

from __future__ import annotations

from typing import Any

from highlevel_backend import current_backend

from highlevel.layers.described import positive
from highlevel.layers.preprocessing.augmentation.base import ImageLayer
from highlevel.symbolic import SymbolicTensor

__all__ = ["MaxNumBoundingBoxes"]


class MaxNumBoundingBoxes(ImageLayer):
    """Gives every image the same number of bounding boxes: cuts off, or fills up.

    Args:
        max_number: the number.
        fill_value: what boxes and labels are filled up with.

    Called with a dict of `"images"` and `"bounding_boxes"`, see `RandomFlip`. Images stay
    as they are. In a pipeline of single images the boxes can be batched afterwards.

    >>> import highlevel as hl
    >>> layer = hl.layers.MaxNumBoundingBoxes(2, bounding_box_format="xyxy")
    >>> data = {"images": hl.ops.ones((4, 4, 3)),
    ...         "bounding_boxes": {"boxes": [[0.0, 0.0, 1.0, 1.0]], "labels": [7]}}
    >>> layer(data)["bounding_boxes"]["labels"].tolist()
    [7, -1]
    """

    _fields = ("max_number", "fill_value")
    _keeps_dtype = True

    def __init__(self, max_number: int, fill_value: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.max_number = positive(self, "max_number", max_number)
        self.fill_value = fill_value

    def transform_bounding_boxes(
        self, bounding_boxes: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """`max_number` boxes and labels for each image."""
        backend = current_backend()

        def sized(array: Any, axis: int) -> Any:
            array = backend.asarray(array)
            before = (slice(None),) * (array.ndim + axis)
            array = array[(*before, slice(0, self.max_number))]
            lacking = self.max_number - array.shape[axis]
            if not lacking:
                return array
            pairs = [(0, 0)] * array.ndim
            pairs[axis] = (0, lacking)
            return backend.xp.pad(array, tuple(pairs), constant_values=self.fill_value)

        return {
            **bounding_boxes,
            "boxes": sized(bounding_boxes["boxes"], -2),
            "labels": sized(bounding_boxes["labels"], -1),
        }

    def compute_output_spec(self, data: Any, training: bool = True, **kwargs: Any) -> Any:
        """Symbolic outputs: boxes and labels of the number."""
        outputs = super().compute_output_spec(data, training)
        if isinstance(outputs, dict) and outputs.get("bounding_boxes") is not None:
            boxes, labels = (outputs["bounding_boxes"][key] for key in ("boxes", "labels"))
            outputs["bounding_boxes"] = {
                "boxes": SymbolicTensor.of((*boxes.shape[:-2], self.max_number, 4), boxes.dtype),
                "labels": SymbolicTensor.of((*labels.shape[:-1], self.max_number), labels.dtype),
            }
        return outputs
