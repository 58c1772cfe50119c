"""`CutMix`, `MixUp`: images with others of their batch."""

from __future__ import annotations

from typing import Any

import numpy as np
from highlevel_backend import current_backend, is_float

from highlevel.layers.preprocessing.augmentation import checks
from highlevel.layers.preprocessing.augmentation.base import (
    RandomImageLayer,
    channels_last,
    count,
    drawn,
)
from highlevel.layers.preprocessing.augmentation.erasing import rectangles
from highlevel.random import beta, shuffle

__all__ = ["CutMix", "MixUp"]


class _MixingLayer(RandomImageLayer):
    """Base of layers that give each image a partner from its batch."""

    def _partners(self, n: int, seed: Any) -> Any:
        """The partners' places in the batch, `(n,)` int32."""
        return shuffle(current_backend().asarray(np.arange(n, dtype="int32")), seed=seed)

    def _paired(self, values: Any, transformation: Any) -> tuple[Any, Any]:
        """Values of the images and of their partners."""
        backend = current_backend()
        values = backend.asarray(values)
        order = backend.asarray(transformation["permutation_order"], "int32")
        return values, backend.xp.take(values, order, axis=0)

    def _weights(self, transformation: Any, rank: int, dtype: str) -> Any:
        weights = current_backend().asarray(transformation["mix_weight"], dtype)
        return weights.reshape(-1, *([1] * (rank - 1)))

    def transform_labels(
        self, labels: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """Labels, one-hot or probabilities `(batch, classes)`, mixed as the images are.

        Raises:
            ValueError: labels are class numbers, which cannot be mixed.
        """
        if self._idle(transformation, training):
            return labels
        own, other = self._paired(labels, transformation)
        if not is_float(str(own.dtype)) and own.ndim < 2:
            raise ValueError(
                f"{type(self).__name__} '{self.name}' mixes labels and takes them one-hot; got "
                f"dtype {own.dtype} and shape {tuple(own.shape)}. Use `ops.one_hot` or "
                "`layers.CategoryEncoding` before."
            )
        name = str(own.dtype) if is_float(str(own.dtype)) else self.variable_dtype
        backend = current_backend()
        weights = self._weights(transformation, own.ndim, name)
        own, other = backend.cast(own, name), backend.cast(other, name)
        return own * weights + other * (1 - weights)


class CutMix(_MixingLayer):
    """In training replaces a rectangle of each image by that of another one in the batch.

    Labels are mixed in the proportions of the areas, so they must be one-hot.

    Args:
        factor: the share of the image that stays is drawn from a beta distribution, both of
            whose parameters are drawn between two numbers from 0 to 1, or between 0 and
            `factor`.
        seed: integer for the same changes at every run.
        data_format: `"channels_last"` or `"channels_first"`; the setting's where None.

    Called with a batch of images or a dict of `"images"`, `"labels"` and
    `"segmentation_masks"`. A single image has no partner and stays as it is.

    Raises:
        NotImplementedError: bounding boxes, of which parts would be covered.

    Source: S. Yun et al., "CutMix", 2019, arXiv:1905.04899.

    >>> import highlevel as hl
    >>> data = {"images": hl.ops.ones((4, 8, 8, 3)), "labels": hl.ops.eye(4)}
    >>> y = hl.layers.CutMix(seed=1)(data, training=True)
    >>> [round(float(n), 4) for n in hl.ops.sum(y["labels"], axis=1)]
    [1.0, 1.0, 1.0, 1.0]
    """

    _fields = ("factor", "seed")

    def __init__(
        self,
        factor: Any = 1.0,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = checks.factor_range(self, "factor", factor, 0, 1)

    def _draw(self, images: Any, seed: Any) -> dict[str, Any] | None:
        if len(images.shape) != 4:
            return None
        xp = current_backend().xp
        n, height, width, _ = self._last(images.shape)
        order = self._partners(n, seed)
        shape = xp.maximum(drawn((n,), self.factor, seed), 1e-3)
        staying = beta((n,), shape, shape, dtype="float32", seed=seed)
        side = xp.sqrt(xp.clip(1.0 - staying, 0.0, 1.0))
        ends = []
        for length in (height, width):
            # The middle lies anywhere; what would reach beyond the edge is cut off.
            middle = drawn((n,), (0.0, 1.0), seed) * length
            low = xp.clip(xp.round(middle - side * (length / 2)), 0.0, length)
            high = xp.clip(xp.round(middle + side * (length / 2)), 0.0, length)
            ends.append((low, high - low))
        (top, rows), (left, places) = ends
        masks = rectangles(n, height, width, top, left, rows, places)
        if self.data_format == "channels_first":
            masks = xp.moveaxis(masks, -1, 1)
        # The share that really stays, which is what the labels are mixed by.
        kept = 1.0 - rows * places / (height * width)
        return {
            "permutation_order": order, "batch_masks": masks,
            "mix_weight": kept.reshape(-1, 1, 1, 1),
        }

    def _change(self, x: Any, transformation: Any) -> Any:
        own, other = self._paired(x, transformation)
        inside = channels_last(transformation["batch_masks"], self.data_format)
        return current_backend().xp.where(inside, other, own)

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """Masks with the rectangle of their partners."""
        if self._idle(transformation, training):
            return segmentation_masks

        def change(x: Any) -> Any:
            own, other = self._paired(x, transformation)
            inside = channels_last(transformation["batch_masks"], self.data_format)[..., :1]
            return current_backend().xp.where(inside, other, own)

        return self._on_batch(change, current_backend().asarray(segmentation_masks))

    def transform_bounding_boxes(
        self, bounding_boxes: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """Not offered.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError(
            f"CutMix '{self.name}' takes no bounding boxes: parts of what they hold would be "
            "covered. Use `MixUp`, or leave them out."
        )


class MixUp(_MixingLayer):
    """In training mixes each image with another one of its batch, and their labels.

    Args:
        alpha: both parameters of the beta distribution that shares are drawn from; the
            smaller, the less is mixed.
        data_format: `"channels_last"` or `"channels_first"`; the setting's where None.
        seed: integer for the same changes at every run.

    Called with a batch of images or a dict of `"images"`, `"labels"` (one-hot),
    `"bounding_boxes"` (images get those of both) and `"segmentation_masks"`. A single image has
    no partner and stays as it is.

    Raises:
        ValueError: `alpha` is not from 0 to 1.

    Source: H. Zhang et al., "mixup", 2017, arXiv:1710.09412.

    >>> import highlevel as hl
    >>> data = {"images": hl.ops.ones((4, 8, 8, 3)), "labels": hl.ops.eye(4)}
    >>> y = hl.layers.MixUp(seed=1)(data, training=True)
    >>> [round(float(n), 4) for n in hl.ops.sum(y["labels"], axis=1)]
    [1.0, 1.0, 1.0, 1.0]
    """

    _fields = ("alpha", "seed")

    def __init__(
        self,
        alpha: float = 0.2,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        if isinstance(alpha, (tuple, list, str)) or not 0 < alpha <= 1:
            raise ValueError(
                f"MixUp '{self.name}': `alpha` must be a number above 0, at most 1; got {alpha!r}."
            )
        self.alpha = alpha

    def _draw(self, images: Any, seed: Any) -> dict[str, Any] | None:
        if len(images.shape) != 4:
            return None
        n = count(images)
        order = self._partners(n, seed)
        share = beta((n,), self.alpha, self.alpha, dtype="float32", seed=seed)
        return {"mix_weight": share, "permutation_order": order}

    def _mixed(self, x: Any, transformation: Any) -> Any:
        own, other = self._paired(x, transformation)
        weights = self._weights(transformation, own.ndim, str(x.dtype))
        return own * weights + other * (1 - weights)

    def _change(self, x: Any, transformation: Any) -> Any:
        return self._mixed(x, transformation)

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """Masks mixed as the images are, in the compute dtype."""
        if self._idle(transformation, training):
            return segmentation_masks
        backend = current_backend()
        masks = backend.cast(backend.asarray(segmentation_masks), self.compute_dtype)
        return self._mixed(masks, transformation)

    def transform_bounding_boxes(
        self, bounding_boxes: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """The boxes and labels of both images."""
        if self._idle(transformation, training):
            return bounding_boxes
        xp = current_backend().xp
        return {
            key: xp.concatenate(self._paired(value, transformation), axis=1)
            if key in ("boxes", "labels") else value
            for key, value in bounding_boxes.items()
        }
