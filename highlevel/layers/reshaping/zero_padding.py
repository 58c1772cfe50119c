"""`ZeroPadding1D`, `ZeroPadding2D`, `ZeroPadding3D`."""

from __future__ import annotations

from typing import Any

from highlevel import config, ops
from highlevel.layers.input_spec import InputSpec
from highlevel.layers.reshaping.base import Rearranging, spatial_pairs

__all__ = ["ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D"]


class ZeroPadding(Rearranging):
    """Adds zeros at both ends of the spatial axes."""

    _rank = 0
    _fields = ("padding", "data_format")

    def __init__(self, padding: Any, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = config.standardize_data_format(data_format)
        # In one dimension a pair of numbers is (before, after).
        value = (padding,) if self._rank == 1 else padding
        pairs = spatial_pairs(self, "padding", value, self._rank)
        self.padding: Any = pairs[0] if self._rank == 1 else pairs
        self.input_spec = InputSpec(ndim=self._rank + 2)
        none = [(0, 0)]
        first = self.data_format == "channels_first"
        self._pairs = [*none * 2, *pairs] if first else [*none, *pairs, *none]

    def call(self, inputs: Any) -> Any:
        """The larger array."""
        return ops.pad(inputs, self._pairs)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """The input's shape, spatial lengths plus what is added."""
        return tuple(
            None if length is None else length + before + after
            for length, (before, after) in zip(input_shape, self._pairs)
        )


class ZeroPadding1D(ZeroPadding):
    """Adds zeros at both ends of sequences.

    Args:
        padding: an integer or `(before, after)`.
        data_format: `"channels_last"`, `"channels_first"`; the configured one by default.

    Input and output: `(batch, steps, channels)`, or channels after the batch.

    Raises:
        ValueError: `padding` has another form.

    >>> import highlevel as hl
    >>> hl.layers.ZeroPadding1D((1, 2))(hl.ops.ones((2, 8, 3))).shape
    (2, 11, 3)
    """

    _rank = 1

    def __init__(
        self, padding: int | tuple[int, int] = 1, data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(padding, data_format, **kwargs)


class ZeroPadding2D(ZeroPadding):
    """Adds zeros at both ends of images.

    Args:
        padding: an integer, two integers, or two pairs `(before, after)`.
        data_format: `"channels_last"`, `"channels_first"`; the configured one by default.

    Input and output: `(batch, rows, columns, channels)`, or channels after the batch.

    Raises:
        ValueError: `padding` has another form.

    >>> import highlevel as hl
    >>> hl.layers.ZeroPadding2D(((1, 2), (0, 1)))(hl.ops.ones((2, 8, 8, 3))).shape
    (2, 11, 9, 3)
    """

    _rank = 2

    def __init__(
        self, padding: Any = (1, 1), data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(padding, data_format, **kwargs)


class ZeroPadding3D(ZeroPadding):
    """Adds zeros at both ends of volumes.

    Args:
        padding: an integer, three integers, or three pairs `(before, after)`.
        data_format: `"channels_last"`, `"channels_first"`; the configured one by default.

    Input and output: `(batch, depth, rows, columns, channels)`, or channels after the batch.

    Raises:
        ValueError: `padding` has another form.

    >>> import highlevel as hl
    >>> hl.layers.ZeroPadding3D(1)(hl.ops.ones((2, 4, 4, 4, 3))).shape
    (2, 6, 6, 6, 3)
    """

    _rank = 3

    def __init__(
        self, padding: Any = ((1, 1), (1, 1), (1, 1)), data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(padding, data_format, **kwargs)
