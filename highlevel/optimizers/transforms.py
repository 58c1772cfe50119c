"""What is done to gradients and values around an optimizer's own rule, on plain arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from highlevel_backend import canonical_name, current_backend

__all__ = ["clip_by_global_norm", "clip_by_norm", "clip_by_value", "global_norm", "moving_average"]

Array = Any


def _squared_norm(x: Array) -> Array:
    """Sum of squares; half precision is summed in float32, where it cannot overflow so soon."""
    backend = current_backend()
    if canonical_name(x.dtype) in ("float16", "bfloat16"):
        x = backend.cast(x, "float32")
    return backend.xp.sum(x * x)


def global_norm(arrays: Sequence[Array]) -> Array:
    """Euclidean norm of all entries of all arrays together; a scalar."""
    return current_backend().xp.sqrt(sum(_squared_norm(x) for x in arrays))


def _shrink(x: Array, norm: Array, limit: float) -> Array:
    backend = current_backend()
    factor = limit / backend.xp.maximum(norm, limit)
    return x * backend.cast(factor, canonical_name(x.dtype))


def clip_by_norm(arrays: Sequence[Array], limit: float) -> list[Array]:
    """Each array, scaled down to the norm `limit` where its own is larger."""
    return [_shrink(x, global_norm([x]), limit) for x in arrays]


def clip_by_global_norm(arrays: Sequence[Array], limit: float) -> list[Array]:
    """All arrays, scaled down by one factor so that their common norm is at most `limit`."""
    norm = global_norm(arrays)
    return [_shrink(x, norm, limit) for x in arrays]


def clip_by_value(arrays: Sequence[Array], limit: float) -> list[Array]:
    """Each array with its entries limited to `[-limit, limit]`."""
    xp = current_backend().xp
    return [xp.clip(x, -limit, limit) for x in arrays]


def moving_average(average: Array, value: Array, momentum: Array) -> Array:
    """`momentum * average + (1 - momentum) * value` in the dtype of `value`."""
    momentum = current_backend().cast(momentum, canonical_name(value.dtype))
    return momentum * average + (1 - momentum) * value
