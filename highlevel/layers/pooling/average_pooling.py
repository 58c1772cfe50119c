"""`AveragePooling1D`, `AveragePooling2D`, `AveragePooling3D`."""

from __future__ import annotations

from typing import Any

from highlevel.layers.pooling.base import Pooling

__all__ = ["AveragePooling1D", "AveragePooling2D", "AveragePooling3D"]


class AveragePooling1D(Pooling):
    """The mean of each window.

    Args:
        pool_size: length of the window per spatial axis.
        strides: step of the window; `pool_size` by default.
        padding: `"valid"` or `"same"` (padding does not count).
        data_format: `"channels_last"`, `"channels_first"`; the configured one by default.

    Input and output: `(batch, steps, channels)`, or channels after the batch.

    Raises:
        ValueError: sizes that do not fit together.

    >>> import highlevel as hl
    >>> x = hl.ops.array([[[1.0], [3.0], [2.0], [4.0]]])
    >>> hl.ops.reshape(hl.layers.AveragePooling1D(2)(x), (-1,)).tolist()
    [2.0, 3.0]
    """

    _operation = "average_pool"

    def __init__(
        self,
        pool_size: int | tuple[int],
        strides: int | tuple[int] | None = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(1, pool_size, strides, padding, data_format, name=name, **kwargs)


class AveragePooling2D(Pooling):
    """The mean of each window.

    Args:
        pool_size: length of the window per spatial axis.
        strides: step of the window; `pool_size` by default.
        padding: `"valid"` or `"same"` (padding does not count).
        data_format: `"channels_last"`, `"channels_first"`; the configured one by default.

    Input and output: `(batch, rows, columns, channels)`, or channels after the batch.

    Raises:
        ValueError: sizes that do not fit together.

    >>> import highlevel as hl
    >>> x = hl.ops.reshape(hl.ops.arange(4.0), (1, 2, 2, 1))
    >>> hl.ops.reshape(hl.layers.AveragePooling2D(2)(x), (-1,)).tolist()
    [1.5]
    """

    _operation = "average_pool"

    def __init__(
        self,
        pool_size: int | tuple[int, int],
        strides: int | tuple[int, int] | None = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(2, pool_size, strides, padding, data_format, name=name, **kwargs)


class AveragePooling3D(Pooling):
    """The mean of each window.

    Args:
        pool_size: length of the window per spatial axis.
        strides: step of the window; `pool_size` by default.
        padding: `"valid"` or `"same"` (padding does not count).
        data_format: `"channels_last"`, `"channels_first"`; the configured one by default.

    Input and output: `(batch, depth, rows, columns, channels)`, or channels after the batch.

    Raises:
        ValueError: sizes that do not fit together.

    >>> import highlevel as hl
    >>> x = hl.ops.reshape(hl.ops.arange(8.0), (1, 2, 2, 2, 1))
    >>> hl.ops.reshape(hl.layers.AveragePooling3D(2)(x), (-1,)).tolist()
    [3.5]
    """

    _operation = "average_pool"

    def __init__(
        self,
        pool_size: int | tuple[int, int, int],
        strides: int | tuple[int, int, int] | None = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(3, pool_size, strides, padding, data_format, name=name, **kwargs)
