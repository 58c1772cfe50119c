"""`AffineLayer`: base of layers that move, turn, scale and shear images."""

from __future__ import annotations

from typing import Any

from highlevel_backend import current_backend

from highlevel.layers.preprocessing.augmentation import checks
from highlevel.layers.preprocessing.augmentation.base import RandomImageLayer, SpatialLayer
from highlevel.ops.image import affine_transform
from highlevel.utils.bounding_boxes.changes import around_corners

__all__ = ["FILL_MODES", "AffineLayer", "rows_of"]

FILL_MODES = ("reflect", "wrap", "constant", "nearest")
INTERPOLATIONS = ("nearest", "bilinear")


class AffineLayer(SpatialLayer, RandomImageLayer):
    """Base of layers whose new pixels come from an affine function of their places.

    A subclass says which: `_matrix(transformation, height, width)` gives, for each image, the
    six numbers by which the pixel at `(x, y)` comes from
    `(a0 x + a1 y + a2, b0 x + b1 y + b2)`.

    Args:
        fill_mode: what lies beyond the edges, see `ops.image.affine_transform`.
        interpolation: "nearest" or "bilinear".
        fill_value: what lies beyond the edges with `fill_mode="constant"`.
    """

    def __init__(
        self,
        *,
        fill_mode: str,
        interpolation: str,
        fill_value: float,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.fill_mode = checks.one_of(self, "fill_mode", fill_mode, FILL_MODES)
        self.interpolation = checks.one_of(self, "interpolation", interpolation, INTERPOLATIONS)
        self.fill_value = fill_value

    def _matrix(self, transformation: Any, height: int, width: int) -> Any:
        """`(batch, 6)` float32."""
        raise NotImplementedError

    def _warp(self, x: Any, transformation: Any, interpolation: str) -> Any:
        xp = current_backend().xp
        matrix = self._matrix(transformation, x.shape[1], x.shape[2])
        matrix = xp.concatenate((matrix, xp.zeros_like(matrix[:, :2])), axis=-1)
        return affine_transform(
            x, matrix, interpolation=interpolation, fill_mode=self.fill_mode,
            fill_value=self.fill_value, data_format="channels_last",
        )

    def _move(self, boxes: Any, transformation: Any, height: int, width: int) -> Any:
        """Corners moved by the inverse function."""
        matrix = self._matrix(transformation, height, width)
        a0, a1, a2, b0, b1, b2 = [matrix[:, i][:, None, None] for i in range(6)]
        size = a0 * b1 - a1 * b0

        def move(x: Any, y: Any) -> tuple[Any, Any]:
            x, y = x - a2, y - b2
            return (b1 * x - a1 * y) / size, (a0 * y - b0 * x) / size

        return around_corners(boxes, move)

    def get_transformed_x_y(self, x: Any, y: Any, transform: Any) -> tuple[Any, Any]:
        """Where the eight numbers of a projective transformation bring points.

        Args:
            x, y: coordinates, in pixels.
            transform: `(..., 8)`, see `ops.image.affine_transform`.
        """
        backend = current_backend()
        transform = backend.asarray(transform, "float32")
        a0, a1, a2, b0, b1, b2, c0, c1 = [transform[..., i:i + 1] for i in range(8)]
        x, y = backend.asarray(x, "float32"), backend.asarray(y, "float32")
        depth = c0 * x + c1 * y + 1
        return (a0 * x + a1 * y + a2) / depth, (b0 * x + b1 * y + b2) / depth


def rows_of(*numbers: Any) -> Any:
    """Numbers per image, `(batch,)` each, as the columns of one float32 array."""
    backend = current_backend()
    arrays = [backend.asarray(number, "float32") for number in numbers]
    full = next(array for array in arrays if array.ndim)
    return backend.xp.stack(
        [backend.xp.broadcast_to(array, full.shape) for array in arrays], axis=-1)
