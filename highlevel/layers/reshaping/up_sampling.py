"""`UpSampling1D`, `UpSampling2D`, `UpSampling3D`."""

from __future__ import annotations

from typing import Any

from highlevel import config, ops
from highlevel.layers.described import positive, sizes
from highlevel.layers.input_spec import InputSpec
from highlevel.layers.reshaping.base import Rearranging

__all__ = ["UpSampling1D", "UpSampling2D", "UpSampling3D"]

_INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5")


class UpSampling(Rearranging):
    """Repeats entries along the spatial axes."""

    _rank = 0
    _fields: Any = ("size", "data_format")

    def __init__(self, size: Any, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = config.standardize_data_format(data_format)
        self.size: Any = sizes(self, "size", size, self._rank)
        self.input_spec = InputSpec(ndim=self._rank + 2)
        self._first = 2 if self._rank > 1 and self.data_format == "channels_first" else 1
        self._factors = self.size

    def call(self, inputs: Any) -> Any:
        """The larger array."""
        for axis, factor in enumerate(self._factors, self._first):
            if factor > 1:
                inputs = ops.repeat(inputs, factor, axis=axis)
        return inputs

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """The input's shape, spatial lengths times the factors."""
        shape = list(input_shape)
        for axis, factor in enumerate(self._factors, self._first):
            if shape[axis] is not None:
                shape[axis] *= factor
        return tuple(shape)


class UpSampling1D(UpSampling):
    """Each step `size` times.

    Args:
        size: number of times.

    Input: `(batch, steps, channels)`. Output: `(batch, steps * size, channels)`.

    Raises:
        ValueError: `size` is no positive integer.

    >>> import highlevel as hl
    >>> hl.layers.UpSampling1D(2)(hl.ops.array([[[1.0], [2.0]]]))[0, :, 0].tolist()
    [1.0, 1.0, 2.0, 2.0]
    """

    _rank = 1
    _fields = ("size",)

    def __init__(self, size: int = 2, **kwargs: Any) -> None:
        super().__init__(size, **kwargs)
        self.size = positive(self, "size", self._factors[0])

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Each entry `size` times."""
        if mask is None or len(mask.shape) != 2:
            return None
        return ops.repeat(mask, self._factors[0], axis=1)


class UpSampling2D(UpSampling):
    """Each row and column of an image `size` times, or interpolated between.

    Args:
        size: factor, or one for rows and one for columns.
        data_format: `"channels_last"`, `"channels_first"`; the configured one by default.
        interpolation: `"nearest"`, `"bilinear"`, `"bicubic"`, `"lanczos3"`, `"lanczos5"`.

    Input and output: `(batch, rows, columns, channels)`, or channels after the batch.

    Raises:
        ValueError: an unknown interpolation, or `size` is not of positive integers.

    >>> import highlevel as hl
    >>> hl.layers.UpSampling2D((2, 3))(hl.ops.ones((2, 4, 4, 1))).shape
    (2, 8, 12, 1)
    """

    _rank = 2
    _fields = ("size", "data_format", "interpolation")

    def __init__(
        self,
        size: int | tuple[int, int] = (2, 2),
        data_format: str | None = None,
        interpolation: str = "nearest",
        **kwargs: Any,
    ) -> None:
        super().__init__(size, data_format, **kwargs)
        self.interpolation = str(interpolation).lower()
        if self.interpolation not in _INTERPOLATIONS:
            raise ValueError(
                f"UpSampling2D '{self.name}': `interpolation` must be one of "
                f"{', '.join(_INTERPOLATIONS)}; got {interpolation!r}."
            )

    def call(self, inputs: Any) -> Any:
        """The larger images."""
        if self.interpolation == "nearest":
            return super().call(inputs)
        rows, columns = inputs.shape[self._first:self._first + 2]
        return ops.image.resize(
            inputs, (rows * self.size[0], columns * self.size[1]),
            interpolation=self.interpolation, data_format=self.data_format,
        )


class UpSampling3D(UpSampling):
    """Each plane, row and column of a volume `size` times.

    Args:
        size: factor, or one per spatial axis.
        data_format: `"channels_last"`, `"channels_first"`; the configured one by default.

    Input and output: `(batch, depth, rows, columns, channels)`, or channels after the
    batch.

    Raises:
        ValueError: `size` is not of positive integers.

    >>> import highlevel as hl
    >>> hl.layers.UpSampling3D(2)(hl.ops.ones((2, 2, 2, 2, 1))).shape
    (2, 4, 4, 4, 1)
    """

    _rank = 3

    def __init__(
        self,
        size: int | tuple[int, int, int] = (2, 2, 2),
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(size, data_format, **kwargs)
