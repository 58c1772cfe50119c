"""`AdaptiveMaxPooling*` and `AdaptiveAveragePooling*`: windows that fit an output size."""

from __future__ import annotations

from typing import Any

from highlevel import config, ops
from highlevel.layers.described import DescribedLayer, sizes
from highlevel.layers.input_spec import InputSpec

__all__ = [
    "AdaptiveAveragePooling1D",
    "AdaptiveAveragePooling2D",
    "AdaptiveAveragePooling3D",
    "AdaptiveMaxPooling1D",
    "AdaptiveMaxPooling2D",
    "AdaptiveMaxPooling3D",
]


class AdaptivePooling(DescribedLayer):
    """Pools to a given number of places per axis; windows may differ in length by one."""

    _rank = 0
    _operation = ""
    _fields = ("output_size", "data_format")

    def __init__(self, output_size: Any, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.output_size = sizes(self, "output_size", output_size, self._rank)
        self.data_format = config.standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=self._rank + 2)

    def call(self, inputs: Any) -> Any:
        """The outputs for an image of the layer's layout."""
        pool = getattr(ops, self._operation)
        return pool(inputs, self.output_size, data_format=self.data_format)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """The input's shape with `output_size` as spatial lengths."""
        if self.data_format == "channels_last":
            return (input_shape[0], *self.output_size, input_shape[-1])
        return (*input_shape[:2], *self.output_size)


class AdaptiveMaxPooling1D(AdaptivePooling):
    """The largest value of windows that divide the input into `output_size` places.

    Args:
        output_size: length of the output per spatial axis.
        data_format: `"channels_last"`, `"channels_first"`; the configured one by default.

    Input: `(batch, steps, channels)`, or channels after the batch.
    Output: the same with `output_size` as spatial lengths.

    Raises:
        ValueError: `output_size` is not one positive integer per spatial axis.

    >>> import highlevel as hl
    >>> hl.layers.AdaptiveMaxPooling1D(2)(hl.ops.ones((1, 7, 3))).shape
    (1, 2, 3)
    """

    _rank = 1
    _operation = "adaptive_max_pool"


class AdaptiveMaxPooling2D(AdaptivePooling):
    """The largest value of windows that divide the input into `output_size` places.

    Args:
        output_size: length of the output per spatial axis.
        data_format: `"channels_last"`, `"channels_first"`; the configured one by default.

    Input: `(batch, rows, columns, channels)`, or channels after the batch.
    Output: the same with `output_size` as spatial lengths.

    Raises:
        ValueError: `output_size` is not one positive integer per spatial axis.

    >>> import highlevel as hl
    >>> hl.layers.AdaptiveMaxPooling2D(2)(hl.ops.ones((1, 7, 7, 3))).shape
    (1, 2, 2, 3)
    """

    _rank = 2
    _operation = "adaptive_max_pool"


class AdaptiveMaxPooling3D(AdaptivePooling):
    """The largest value of windows that divide the input into `output_size` places.

    Args:
        output_size: length of the output per spatial axis.
        data_format: `"channels_last"`, `"channels_first"`; the configured one by default.

    Input: `(batch, depth, rows, columns, channels)`, or channels after the batch.
    Output: the same with `output_size` as spatial lengths.

    Raises:
        ValueError: `output_size` is not one positive integer per spatial axis.

    >>> import highlevel as hl
    >>> hl.layers.AdaptiveMaxPooling3D(2)(hl.ops.ones((1, 7, 7, 7, 3))).shape
    (1, 2, 2, 2, 3)
    """

    _rank = 3
    _operation = "adaptive_max_pool"


class AdaptiveAveragePooling1D(AdaptivePooling):
    """The mean of windows that divide the input into `output_size` places.

    Args:
        output_size: length of the output per spatial axis.
        data_format: `"channels_last"`, `"channels_first"`; the configured one by default.

    Input: `(batch, steps, channels)`, or channels after the batch.
    Output: the same with `output_size` as spatial lengths.

    Raises:
        ValueError: `output_size` is not one positive integer per spatial axis.

    >>> import highlevel as hl
    >>> hl.layers.AdaptiveAveragePooling1D(2)(hl.ops.ones((1, 7, 3))).shape
    (1, 2, 3)
    """

    _rank = 1
    _operation = "adaptive_average_pool"


class AdaptiveAveragePooling2D(AdaptivePooling):
    """The mean of windows that divide the input into `output_size` places.

    Args:
        output_size: length of the output per spatial axis.
        data_format: `"channels_last"`, `"channels_first"`; the configured one by default.

    Input: `(batch, rows, columns, channels)`, or channels after the batch.
    Output: the same with `output_size` as spatial lengths.

    Raises:
        ValueError: `output_size` is not one positive integer per spatial axis.

    >>> import highlevel as hl
    >>> hl.layers.AdaptiveAveragePooling2D(2)(hl.ops.ones((1, 7, 7, 3))).shape
    (1, 2, 2, 3)
    """

    _rank = 2
    _operation = "adaptive_average_pool"


class AdaptiveAveragePooling3D(AdaptivePooling):
    """The mean of windows that divide the input into `output_size` places.

    Args:
        output_size: length of the output per spatial axis.
        data_format: `"channels_last"`, `"channels_first"`; the configured one by default.

    Input: `(batch, depth, rows, columns, channels)`, or channels after the batch.
    Output: the same with `output_size` as spatial lengths.

    Raises:
        ValueError: `output_size` is not one positive integer per spatial axis.

    >>> import highlevel as hl
    >>> hl.layers.AdaptiveAveragePooling3D(2)(hl.ops.ones((1, 7, 7, 7, 3))).shape
    (1, 2, 2, 2, 3)
    """

    _rank = 3
    _operation = "adaptive_average_pool"
