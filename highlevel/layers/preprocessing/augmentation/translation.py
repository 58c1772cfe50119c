"""`RandomTranslation`."""

from __future__ import annotations

from typing import Any

from highlevel_backend import current_backend

from highlevel.layers.preprocessing.augmentation import checks
from highlevel.layers.preprocessing.augmentation.affine import AffineLayer, rows_of
from highlevel.layers.preprocessing.augmentation.base import count, drawn
from highlevel.utils.bounding_boxes.formats import joined, on_boxes, parts

__all__ = ["RandomTranslation"]


class RandomTranslation(AffineLayer):
    """In training moves images up or down, left or right.

    Args:
        height_factor: how far down, in shares of the height, is drawn between two numbers from
            -1 to 1, or between `-height_factor` and `height_factor`.
        width_factor: how far to the right, in shares of the width; drawn in the same way.
        fill_mode: what lies beyond the edges: "reflect", "wrap", "nearest", or "constant".
        interpolation: "nearest" or "bilinear".
        seed: integer for the same changes at every run.
        fill_value: what lies beyond the edges with "constant".
        data_format: `"channels_last"` or `"channels_first"`; the setting's where None.

    Called with images `(batch, height, width, channels)`, one, or a dict, see `RandomFlip`.

    >>> import highlevel as hl
    >>> layer = hl.layers.RandomTranslation((0.0, 0.0), (0.5, 0.5), fill_mode="constant")
    >>> y = layer(hl.ops.reshape([1.0, 2.0, 3.0, 4.0], (1, 4, 1)), training=True)
    >>> [float(n) for n in y[0, :, 0]]
    [0.0, 0.0, 1.0, 2.0]
    """

    _fields = (
        "height_factor", "width_factor", "fill_mode", "interpolation", "seed", "fill_value",
    )

    def __init__(
        self,
        height_factor: Any,
        width_factor: Any,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            fill_mode=fill_mode, interpolation=interpolation, fill_value=fill_value, seed=seed,
            data_format=data_format, **kwargs)
        self.height_factor, self.width_factor = height_factor, width_factor
        self.height_lower, self.height_upper = checks.factor_range(
            self, "height_factor", height_factor, -1, 1)
        self.width_lower, self.width_upper = checks.factor_range(
            self, "width_factor", width_factor, -1, 1)

    def _draw(self, images: Any, seed: Any) -> dict[str, Any]:
        height, width = self._size(images.shape)
        shape = (count(images), 1)
        down = drawn(shape, (self.height_lower, self.height_upper), seed) * height
        right = drawn(shape, (self.width_lower, self.width_upper), seed) * width
        return {
            "translations": current_backend().xp.concatenate((right, down), axis=-1),
            "input_shape": tuple(images.shape),
        }

    def _matrix(self, transformation: Any, height: int, width: int) -> Any:
        moves = current_backend().asarray(transformation["translations"], "float32")
        return rows_of(1.0, 0.0, -moves[:, 0], 0.0, 1.0, -moves[:, 1])

    def get_shifted_bbox(
        self, bounding_boxes: Any, w_shift_factor: Any, h_shift_factor: Any
    ) -> Any:
        """Boxes `(..., 4)` as left, top, right, bottom, moved.

        Args:
            bounding_boxes: array, or a dict with one under `"boxes"`.
            w_shift_factor, h_shift_factor: how far to the right and down, in the boxes' unit.
        """
        def move(boxes: Any) -> Any:
            left, top, right, bottom = parts(current_backend().asarray(boxes, "float32"))
            w, h = w_shift_factor, h_shift_factor
            return joined(left + w, top + h, right + w, bottom + h)

        return on_boxes(move, bounding_boxes)
