"""What normalization layers have in common."""

from __future__ import annotations

from typing import Any

from highlevel_backend import canonical_name, current_backend

from highlevel import ops
from highlevel.layers.described import known_length

__all__ = ["counted", "masked_moments", "normal_axes", "precise", "weights_shape"]

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


def counted(x: Any, mask: Any, axes: Any) -> Any:
    """1 for the entries of `x` that a mask lets count and 0 for the others, or None.

    Args:
        x: floating array.
        mask: booleans over its first axes, or None.
        axes: axes that are summed over; where the mask is over none of them, all counts.

    Returns:
        Array of `x`'s shape and dtype.
    """
    if mask is None:
        return None
    axes = [axis % x.ndim for axis in (axes if isinstance(axes, (list, tuple)) else (axes,))]
    if min(axes) >= mask.ndim:
        return None
    weights = current_backend().cast(mask, str(x.dtype))
    if weights.ndim < x.ndim:
        weights = ops.expand_dims(weights, tuple(range(weights.ndim, x.ndim)))
    return ops.broadcast_to(weights, x.shape)


def masked_moments(x: Any, weights: Any, axes: Any) -> tuple[Any, Any]:
    """Mean and variance over axes, which stay with length 1, of what has the weight 1.

    Args:
        x: floating array.
        weights: as `counted` gives them; None for all.
        axes: axis or axes.
    """
    if weights is None:
        return ops.moments(x, axes=axes, keepdims=True)
    # What is masked out whole has the mean 0, not NaN.
    count = ops.maximum(ops.sum(weights, axis=axes, keepdims=True), 1.0)
    mean = ops.divide(ops.sum(ops.multiply(x, weights), axis=axes, keepdims=True), count)
    far = ops.multiply(ops.square(ops.subtract(x, mean)), weights)
    return mean, ops.divide(ops.sum(far, axis=axes, keepdims=True), count)
