"""Convolution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax

__all__ = ["conv"]

_SPATIAL = "DHW"


def stock_conv(
    x: jax.Array,
    kernel: jax.Array,
    strides: Sequence[int],
    padding: Sequence[tuple[int, int]],
    input_dilation: Sequence[int],
    kernel_dilation: Sequence[int],
    groups: int,
) -> jax.Array:
    """XLA's own convolution."""
    letters = _SPATIAL[3 - (x.ndim - 2) :]
    return jax.lax.conv_general_dilated(
        x,
        kernel,
        window_strides=tuple(strides),
        padding=[tuple(pair) for pair in padding],
        lhs_dilation=tuple(input_dilation),
        rhs_dilation=tuple(kernel_dilation),
        dimension_numbers=(f"N{letters}C", f"{letters}IO", f"N{letters}C"),
        feature_group_count=groups,
    )


def conv(
    x: jax.Array,
    kernel: jax.Array,
    strides: Sequence[int],
    padding: Sequence[tuple[int, int]],
    input_dilation: Sequence[int],
    kernel_dilation: Sequence[int],
    groups: int,
) -> Any:
    """See `Backend.conv`."""
    kernel = jax.lax.convert_element_type(kernel, x.dtype)
    return stock_conv(x, kernel, strides, padding, input_dilation, kernel_dilation, groups)
