"""`RandomShear`."""

from __future__ import annotations

from typing import Any

from highlevel_backend import current_backend

from highlevel.layers.preprocessing.augmentation import checks
from highlevel.layers.preprocessing.augmentation.affine import AffineLayer, rows_of
from highlevel.layers.preprocessing.augmentation.base import count, drawn
from highlevel.layers.preprocessing.augmentation.translation import RandomTranslation

__all__ = ["RandomShear"]


class RandomShear(AffineLayer):
    """In training pushes the rows of images aside, more and more, and the columns.

    Args:
        x_factor: by how many pixels each row is pushed further than the one above, drawn
            between two numbers from 0 to 1, or between `-x_factor` and `x_factor`.
        y_factor: the same for columns.
        interpolation: "nearest" or "bilinear".
        fill_mode: what lies beyond the edges: "reflect", "wrap", "nearest", or "constant".
        fill_value: what lies beyond the edges with "constant".
        data_format: `"channels_last"` or `"channels_first"`; the setting's where None.
        seed: integer for the same changes at every run.

    Called with images `(batch, height, width, channels)`, one, or a dict, see `RandomFlip`.

    >>> import highlevel as hl
    >>> layer = hl.layers.RandomShear((1.0, 1.0), fill_mode="constant", interpolation="nearest")
    >>> y = layer(hl.ops.ones((3, 4, 1)), training=True)
    >>> [float(hl.ops.sum(row)) for row in y]
    [4.0, 3.0, 2.0]
    """

    _fields = (
        "x_factor", "y_factor", "fill_mode", "interpolation", "seed", "fill_value",
    )

    def __init__(
        self,
        x_factor: Any = 0.0,
        y_factor: Any = 0.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            fill_mode=fill_mode, interpolation=interpolation, fill_value=fill_value, seed=seed,
            data_format=data_format, **kwargs)
        self.x_factor = self._ends("x_factor", x_factor)
        self.y_factor = self._ends("y_factor", y_factor)

    def _ends(self, name: str, factor: Any) -> tuple[float, float]:
        # Configs hold both ends, of which one number's lower is negative.
        if isinstance(factor, (tuple, list)) and len(factor) == 2 and factor[0] == -factor[1]:
            factor = factor[1]
        return checks.factor_range(self, name, factor, 0, 1, least=-1)

    def _draw(self, images: Any, seed: Any) -> dict[str, Any]:
        shape = (count(images), 1)
        factors = [drawn(shape, ends, seed) for ends in (self.x_factor, self.y_factor)]
        return {
            "shear_factor": current_backend().xp.concatenate(factors, axis=-1),
            "input_shape": tuple(images.shape),
        }

    def _matrix(self, transformation: Any, height: int, width: int) -> Any:
        factors = current_backend().asarray(transformation["shear_factor"], "float32")
        return rows_of(1.0, factors[:, 0], 0.0, factors[:, 1], 1.0, 0.0)

    get_shifted_bbox = RandomTranslation.get_shifted_bbox
