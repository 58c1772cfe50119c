"""`RandomElasticTransform`."""

from __future__ import annotations

from typing import Any

import numpy as np
from highlevel_backend import current_backend

from highlevel.layers.preprocessing.augmentation import checks
from highlevel.layers.preprocessing.augmentation.affine import INTERPOLATIONS
from highlevel.layers.preprocessing.augmentation.base import (
    RandomImageLayer,
    SpatialLayer,
    columns,
    count,
    drawn,
    happens,
    where_chosen,
)
from highlevel.layers.preprocessing.augmentation.filters import weighted_along
from highlevel.layers.preprocessing.augmentation.keys import as_generator
from highlevel.ops.image.warping import _warp as sampled
from highlevel.random import normal

__all__ = ["RandomElasticTransform"]

_FILL_MODES = ("constant", "nearest", "wrap", "reflect", "mirror")


class RandomElasticTransform(SpatialLayer, RandomImageLayer):
    """In training displaces the pixels of images by a smooth random field, by chance.

    Boxes stay where they are: pixels move by a few percent of the image's size at most.

    Args:
        factor: the probability is drawn for each image between two numbers from 0 to 1, or
            between 0 and `factor`.
        scale: the strength is drawn between two numbers from 0 to 1, or between 0 and `scale`.
        interpolation: "nearest" or "bilinear".
        fill_mode: what lies beyond the edges: "reflect", "mirror", "wrap", "nearest", or
            "constant".
        fill_value: what lies beyond the edges with "constant".
        value_range: the lowest and highest value of pixels; results are cut to it.
        seed: integer for the same changes at every run.
        data_format: `"channels_last"` or `"channels_first"`; the setting's where None.

    Called with images `(batch, height, width, channels)`, one, or a dict, see `RandomFlip`.

    Source: P. Y. Simard, D. Steinkraus, J. C. Platt, "Best practices for convolutional neural
    networks applied to visual document analysis", ICDAR 2003.

    >>> import highlevel as hl
    >>> layer = hl.layers.RandomElasticTransform((1.0, 1.0), scale=(1.0, 1.0), seed=1)
    >>> round(float(hl.ops.sum(layer(hl.ops.ones((8, 8, 1)), training=True))), 3)
    64.0
    """

    _fields = (
        "factor", "scale", "interpolation", "fill_mode", "fill_value", "value_range", "seed",
    )

    def __init__(
        self,
        factor: Any = 1.0,
        scale: Any = 1.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        value_range: Any = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = checks.factor_range(self, "factor", factor, 0, 1)
        self.scale = checks.factor_range(self, "scale", scale, 0, 1)
        self.interpolation = checks.one_of(self, "interpolation", interpolation, INTERPOLATIONS)
        self.fill_mode = checks.one_of(self, "fill_mode", fill_mode, _FILL_MODES)
        self.fill_value = fill_value
        self.value_range = checks.value_range(self, value_range)

    def get_elastic_transform_params(self, height: Any, width: Any, factor: Any) -> tuple:
        """`(alpha, sigma)`: size and smoothness of the displacements, in pixels.

        Args:
            height, width: of the images.
            factor: the strength drawn.
        """
        return max(height, width) * 0.1 * factor, min(height, width) * 0.05 * factor

    def _draw(self, images: Any, seed: Any) -> dict[str, Any]:
        return {
            "apply_transform": happens((count(images),), self.factor, seed),
            "distortion_factor": drawn((), self.scale, seed),
            "seed": seed.next(),
            "input_shape": tuple(images.shape),
        }

    def _field(self, transformation: Any, n: int, height: int, width: int) -> Any:
        """Displacements down and to the right, `(n, height, width, 2)`."""
        backend = current_backend()
        strength = backend.asarray(transformation["distortion_factor"], "float32")
        alpha, sigma = self.get_elastic_transform_params(height, width, strength)
        field = normal(
            (n, height, width, 2), dtype="float32", seed=as_generator(transformation["seed"]))
        # As many weights as the strongest distortion needs: the strength is known only when
        # the program runs.
        reach = int(3 * min(height, width) * 0.05 * self.scale[1]) + 1
        places = backend.asarray(np.arange(-reach, reach + 1), "float32")
        weights = backend.xp.exp(-0.5 * (places / backend.xp.maximum(sigma, 1e-3)) ** 2)
        weights = weights / backend.xp.sum(weights)
        each = [weights[i] for i in range(2 * reach + 1)]
        return alpha * weighted_along(weighted_along(field, 1, each), 2, each)

    def _warp(self, x: Any, transformation: Any, interpolation: str) -> Any:
        backend = current_backend()
        n, height, width, _ = x.shape
        field = self._field(transformation, n, height, width)
        rows = backend.asarray(np.arange(height)[None, :, None], "float32") + field[..., 0]
        places = backend.asarray(np.arange(width)[None, None, :], "float32") + field[..., 1]
        order = INTERPOLATIONS.index(interpolation)
        moved = sampled(x, rows, places, order, self.fill_mode, self.fill_value)
        return where_chosen(transformation["apply_transform"], moved, x)

    def _change(self, x: Any, transformation: Any) -> Any:
        moved = self._warp(x, transformation, self.interpolation)
        cut = current_backend().xp.clip(moved, *self.value_range)
        return current_backend().xp.where(columns(transformation["apply_transform"]), cut, x)

    def _move(self, boxes: Any, transformation: Any, height: int, width: int) -> Any:
        return boxes
