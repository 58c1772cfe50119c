"""`RandomZoom`."""

from __future__ import annotations

from typing import Any

from highlevel_backend import current_backend

from highlevel.layers.preprocessing.augmentation import checks
from highlevel.layers.preprocessing.augmentation.affine import AffineLayer, rows_of
from highlevel.layers.preprocessing.augmentation.base import count, drawn
from highlevel.utils.bounding_boxes.formats import joined, on_boxes, parts

__all__ = ["RandomZoom"]


class RandomZoom(AffineLayer):
    """In training makes what is in the images smaller or larger, around the middle.

    Args:
        height_factor: 0.2 makes it a fifth smaller, -0.2 larger; drawn between two
            numbers above -1 and to 1, or between `-height_factor` and `height_factor`.
        width_factor: the same for the width; where None, width and height keep their
            proportions.
        fill_mode: what lies beyond the edges: "reflect", "wrap", "nearest", or "constant".
        interpolation: "nearest" or "bilinear".
        seed: integer for the same changes at every run.
        fill_value: what lies beyond the edges with "constant".
        data_format: `"channels_last"` or `"channels_first"`; the setting's where None.

    Called with images `(batch, height, width, channels)`, one, or a dict, see `RandomFlip`.

    >>> import highlevel as hl
    >>> layer = hl.layers.RandomZoom((1.0, 1.0), fill_mode="constant", interpolation="nearest")
    >>> float(hl.ops.sum(layer(hl.ops.ones((4, 4, 1)), training=True)))
    4.0
    """

    _fields = (
        "height_factor", "width_factor", "fill_mode", "interpolation", "seed", "fill_value",
    )

    def __init__(
        self,
        height_factor: Any,
        width_factor: Any = None,
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
        self.height_lower, self.height_upper = self._ends("height_factor", height_factor)
        if width_factor is not None:
            self.width_lower, self.width_upper = self._ends("width_factor", width_factor)

    def _ends(self, name: str, factor: Any) -> tuple[float, float]:
        low, high = checks.factor_range(self, name, factor, -1, 1)
        if low == -1:
            # One number stands for both sides: 1 makes anything from a point to half size.
            if isinstance(factor, (tuple, list)) or factor < 0:
                raise ValueError(
                    f"RandomZoom '{self.name}': `{name}` must be above -1, which would magnify "
                    f"without end; got {factor!r}."
                )
            low = -1 + 1e-3
        return low, high

    def _draw(self, images: Any, seed: Any) -> dict[str, Any]:
        shape = (count(images), 1)
        height = drawn(shape, (1.0 + self.height_lower, 1.0 + self.height_upper), seed)
        width = height if self.width_factor is None else drawn(
            shape, (1.0 + self.width_lower, 1.0 + self.width_upper), seed)
        return {
            "height_zoom": height, "width_zoom": width, "input_shape": tuple(images.shape),
        }

    def _matrix(self, transformation: Any, height: int, width: int) -> Any:
        backend = current_backend()
        x, y = [backend.asarray(transformation[key], "float32").reshape(-1)
                for key in ("width_zoom", "height_zoom")]
        return rows_of(
            x, 0.0, (1 - x) * ((width - 1) / 2), 0.0, y, (1 - y) * ((height - 1) / 2))

    def get_clipped_bbox(
        self, bounding_boxes: Any, h_end: Any, h_start: Any, w_end: Any, w_start: Any
    ) -> Any:
        """Boxes `(..., 4)` as left, top, right, bottom, cut to a part of the image.

        Args:
            bounding_boxes: array, or a dict with one under `"boxes"`.
            h_end, h_start, w_end, w_start: the part, in the boxes' unit.
        """
        backend = current_backend()
        xp = backend.xp

        def cut(boxes: Any) -> Any:
            left, top, right, bottom = parts(backend.asarray(boxes, "float32"))
            left, right = [xp.clip(n, w_start, w_end) for n in (left, right)]
            top, bottom = [xp.clip(n, h_start, h_end) for n in (top, bottom)]
            return joined(left, top, right, bottom)

        return on_boxes(cut, bounding_boxes)
