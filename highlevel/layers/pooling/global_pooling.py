"""`GlobalMaxPooling*` and `GlobalAveragePooling*`: one value per channel."""

from __future__ import annotations

from typing import Any

from highlevel_backend import current_backend

from highlevel import config, ops
from highlevel.layers.described import DescribedLayer
from highlevel.layers.input_spec import InputSpec

__all__ = [
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAveragePooling3D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "GlobalMaxPooling3D",
]


#: what no value of a dtype is below, where -3e38 is out of its range
_LOWEST = {"float16": -65504.0}


class GlobalPooling(DescribedLayer):
    """Reduces all spatial axes."""

    _rank = 0
    _fields = ("data_format", "keepdims")

    def __init__(
        self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.data_format = config.standardize_data_format(data_format)
        self.keepdims = keepdims
        self.input_spec = InputSpec(ndim=self._rank + 2)
        first = 1 if self.data_format == "channels_last" else 2
        self._axes = tuple(range(first, first + self._rank))

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """`(batch, channels)`, with spatial axes of length 1 where `keepdims`."""
        if self.keepdims:
            return tuple(
                1 if axis in self._axes else length for axis, length in enumerate(input_shape)
            )
        return tuple(
            length for axis, length in enumerate(input_shape) if axis not in self._axes
        )


class GlobalMax(GlobalPooling):
    """The largest value over all spatial axes."""

    def call(self, inputs: Any) -> Any:
        """The maxima of an image of the layer's layout."""
        return ops.max(inputs, axis=self._axes, keepdims=self.keepdims)


class GlobalAverage(GlobalPooling):
    """The mean over all spatial axes."""

    def call(self, inputs: Any) -> Any:
        """The means of an image of the layer's layout."""
        return ops.mean(inputs, axis=self._axes, keepdims=self.keepdims)


class GlobalMaxPooling1D(GlobalMax):
    """The largest value of each channel over `(steps)`. Called with `mask`
    `(batch, steps)`, only the steps where it is true count; a sample without any gives 0.

    Args:
        data_format: `"channels_last"`, `"channels_first"`; the configured one by default.
        keepdims: keep the spatial axes, with length 1.

    Input: `(batch, steps, channels)`, or channels after the batch.
    Output: `(batch, channels)`.

    >>> import highlevel as hl
    >>> hl.layers.GlobalMaxPooling1D()(hl.ops.ones((2, 4, 3))).shape
    (2, 3)
    """

    _rank = 1

    def __init__(
        self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(data_format, keepdims, **kwargs)
        self.supports_masking = True

    def call(self, inputs: Any, mask: Any = None) -> Any:
        """The maxima over the steps, those masked out left aside."""
        if mask is None:
            return super().call(inputs)
        (steps,) = self._axes
        counts = ops.expand_dims(current_backend().cast(mask, "bool"), 2 if steps == 1 else 1)
        # No value of theirs is greater, and their share of the gradient is none.
        lowest = current_backend().asarray(_LOWEST.get(str(inputs.dtype), -3e38), inputs.dtype)
        largest = ops.max(
            ops.where(counts, inputs, lowest), axis=steps, keepdims=self.keepdims)
        some = ops.any(counts, axis=steps, keepdims=self.keepdims)
        return ops.where(some, largest, ops.zeros_like(largest))

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:
        """None: the steps are gone."""


class GlobalMaxPooling2D(GlobalMax):
    """The largest value of each channel over `(rows, columns)`.

    Args:
        data_format: `"channels_last"`, `"channels_first"`; the configured one by default.
        keepdims: keep the spatial axes, with length 1.

    Input: `(batch, rows, columns, channels)`, or channels after the batch.
    Output: `(batch, channels)`.

    >>> import highlevel as hl
    >>> hl.layers.GlobalMaxPooling2D()(hl.ops.ones((2, 4, 4, 3))).shape
    (2, 3)
    """

    _rank = 2


class GlobalMaxPooling3D(GlobalMax):
    """The largest value of each channel over `(depth, rows, columns)`.

    Args:
        data_format: `"channels_last"`, `"channels_first"`; the configured one by default.
        keepdims: keep the spatial axes, with length 1.

    Input: `(batch, depth, rows, columns, channels)`, or channels after the batch.
    Output: `(batch, channels)`.

    >>> import highlevel as hl
    >>> hl.layers.GlobalMaxPooling3D()(hl.ops.ones((2, 4, 4, 4, 3))).shape
    (2, 3)
    """

    _rank = 3


class GlobalAveragePooling1D(GlobalAverage):
    """The mean of each channel over `(steps)`. Called with `mask`
    `(batch, steps)`, only the steps where it is true count; a sample without any gives 0.

    Args:
        data_format: `"channels_last"`, `"channels_first"`; the configured one by default.
        keepdims: keep the spatial axes, with length 1.

    Input: `(batch, steps, channels)`, or channels after the batch.
    Output: `(batch, channels)`.

    >>> import highlevel as hl
    >>> hl.layers.GlobalAveragePooling1D()(hl.ops.ones((2, 4, 3))).shape
    (2, 3)
    """

    _rank = 1

    def __init__(
        self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(data_format, keepdims, **kwargs)
        self.supports_masking = True

    def call(self, inputs: Any, mask: Any = None) -> Any:
        """The means over the steps, those masked out left aside."""
        if mask is None:
            return super().call(inputs)
        (steps,) = self._axes
        weights = current_backend().cast(mask, str(inputs.dtype))
        weights = ops.expand_dims(weights, 2 if steps == 1 else 1)
        total = ops.sum(ops.multiply(inputs, weights), axis=steps, keepdims=self.keepdims)
        count = ops.sum(weights, axis=steps, keepdims=self.keepdims)
        return ops.divide(total, ops.maximum(count, 1))

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:
        """None: the steps are gone."""


class GlobalAveragePooling2D(GlobalAverage):
    """The mean of each channel over `(rows, columns)`.

    Args:
        data_format: `"channels_last"`, `"channels_first"`; the configured one by default.
        keepdims: keep the spatial axes, with length 1.

    Input: `(batch, rows, columns, channels)`, or channels after the batch.
    Output: `(batch, channels)`.

    >>> import highlevel as hl
    >>> hl.layers.GlobalAveragePooling2D()(hl.ops.ones((2, 4, 4, 3))).shape
    (2, 3)
    """

    _rank = 2


class GlobalAveragePooling3D(GlobalAverage):
    """The mean of each channel over `(depth, rows, columns)`.

    Args:
        data_format: `"channels_last"`, `"channels_first"`; the configured one by default.
        keepdims: keep the spatial axes, with length 1.

    Input: `(batch, depth, rows, columns, channels)`, or channels after the batch.
    Output: `(batch, channels)`.

    >>> import highlevel as hl
    >>> hl.layers.GlobalAveragePooling3D()(hl.ops.ones((2, 4, 4, 4, 3))).shape
    (2, 3)
    """

    _rank = 3
