"""What normalization layers have in common."""

from __future__ import annotations

from typing import Any

from highlevel_backend import canonical_name, current_backend

from highlevel.layers.described import known_length

__all__ = ["normal_axes", "precise", "weights_shape"]

_SHORT = ("float16", "bfloat16")


def precise(x: Any) -> Any:
    """`x`, in float32 where its dtype is too short for sums."""
    dtype = canonical_name(x.dtype)
    return current_backend().cast(x, "float32") if dtype in _SHORT or "float" not in dtype else x


def normal_axes(layer: Any, axis: Any, rank: int) -> tuple[int, ...]:
    """Axes counted from the front, in rising order.

    Raises:
        ValueError: there is no such axis, or it is the batch axis.
    """
    axes = axis if isinstance(axis, (list, tuple)) else (axis,)
    for one in axes:
        if not -rank <= one < rank:
            raise ValueError(
                f"{type(layer).__name__} '{layer.name}': there is no axis {one} in inputs of "
                f"{rank} axes."
            )
    return tuple(sorted({one % rank for one in axes}))


def weights_shape(layer: Any, input_shape: Any, axes: tuple[int, ...]) -> tuple[int, ...]:
    """Lengths of the axes, which weights are sized by."""
    return tuple(known_length(layer, input_shape, axis) for axis in axes)
