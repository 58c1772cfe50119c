"""`MaxPooling1D`, `MaxPooling2D`, `MaxPooling3D`."""

from __future__ import annotations

from typing import Any

from highlevel.layers.pooling.base import Pooling

__all__ = ["MaxPooling1D", "MaxPooling2D", "MaxPooling3D"]


class MaxPooling1D(Pooling):
    """The largest value of each window.

    Args:
        pool_size: length of the window per spatial axis.
        strides: step of the window; `pool_size` by default.
        padding: `"valid"` or `"same"`.
        data_format: `"channels_last"`, `"channels_first"`; the configured one by default.

    Input and output: `(batch, steps, channels)`, or channels after the batch.

    Raises:
        ValueError: sizes that do not fit together.

    >>> import highlevel as hl
    >>> x = hl.ops.array([[[1.0], [3.0], [2.0], [4.0]]])
    >>> hl.ops.reshape(hl.layers.MaxPooling1D(2)(x), (-1,)).tolist()
    [3.0, 4.0]
    """

    _operation = "max_pool"

    def __init__(
        self,
        pool_size: int | tuple[int] = 2,
        strides: int | tuple[int] | None = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(1, pool_size, strides, padding, data_format, name=name, **kwargs)


class MaxPooling2D(Pooling):
    """The largest value of each window.

    Args:
        pool_size: length of the window per spatial axis.
        strides: step of the window; `pool_size` by default.
        padding: `"valid"` or `"same"`.
        data_format: `"channels_last"`, `"channels_first"`; the configured one by default.

    Input and output: `(batch, rows, columns, channels)`, or channels after the batch.

    Raises:
        ValueError: sizes that do not fit together.

    >>> import highlevel as hl
    >>> x = hl.ops.reshape(hl.ops.arange(4.0), (1, 2, 2, 1))
    >>> hl.ops.reshape(hl.layers.MaxPooling2D(2)(x), (-1,)).tolist()
    [3.0]
    """

    _operation = "max_pool"

    def __init__(
        self,
        pool_size: int | tuple[int, int] = (2, 2),
        strides: int | tuple[int, int] | None = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(2, pool_size, strides, padding, data_format, name=name, **kwargs)


class MaxPooling3D(Pooling):
    """The largest value of each window.

    Args:
        pool_size: length of the window per spatial axis.
        strides: step of the window; `pool_size` by default.
        padding: `"valid"` or `"same"`.
        data_format: `"channels_last"`, `"channels_first"`; the configured one by default.

    Input and output: `(batch, depth, rows, columns, channels)`, or channels after the batch.

    Raises:
        ValueError: sizes that do not fit together.

    >>> import highlevel as hl
    >>> x = hl.ops.reshape(hl.ops.arange(8.0), (1, 2, 2, 2, 1))
    >>> hl.ops.reshape(hl.layers.MaxPooling3D(2)(x), (-1,)).tolist()
    [7.0]
    """

    _operation = "max_pool"

    def __init__(
        self,
        pool_size: int | tuple[int, int, int] = (2, 2, 2),
        strides: int | tuple[int, int, int] | None = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(3, pool_size, strides, padding, data_format, name=name, **kwargs)
