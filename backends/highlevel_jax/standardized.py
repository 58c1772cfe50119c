"""Mean 0 and variance 1 over axes, with the derivative written out.

With `u` for the result and `s` for the factor that made it, a change `t` of the array changes the
result by `s (t - mean(t) - u mean(t u))`, and the gradient is the same map of the gradient: an
operation of our own, which is its own transpose. On a CPU nothing is fused into it: XLA's sums
of products would first write out for every entry what is the same for a row or a column.

2,048 × 64 entries with scale, offset and a product on each side, value and gradients, on two
cores (jax 0.10), processor time: 6.0 ms by JAX's derivative, 3.9 with the derivative written
out, 3.5 apart.
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
from jax.interpreters import ad

from highlevel_jax.primitives import apart, define, same_axes

__all__ = ["standardized"]

Array = Any


def _change(t: Array, unit: Array, factor: Array, over: tuple[int, ...]) -> Array:
    mean = functools.partial(jnp.mean, axis=over, keepdims=True)
    return factor * (t - mean(t) - unit * mean(t * unit))


def _change_on_cpu(t: Array, unit: Array, factor: Array, over: tuple[int, ...]) -> Array:
    return _apart(t, unit, factor, over)


_apart = apart(_change, static_argnums=3)

_changed = define(
    "highlevel_standardized_change", lambda t, unit, factor, over: t, _change, _change_on_cpu,
    plain=True,
)


def _jvp(primals: tuple, tangents: tuple, over: tuple[int, ...]) -> tuple:
    out = _changed.bind(*primals, over=over)
    if type(tangents[1]) is type(tangents[2]) is ad.Zero:
        return out, _changed.bind(tangents[0], *primals[1:], over=over)
    tangents = tuple(ad.instantiate_zeros(t) for t in tangents)
    return out, jax.jvp(functools.partial(_change, over=over), primals, tangents)[1]


def _transposed(g: Array, t: Any, unit: Array, factor: Array, over: tuple[int, ...]) -> list:
    if type(g) is ad.Zero:
        return [None, None, None]
    return [_changed.bind(*same_axes(g, unit, factor), over=over), None, None]


ad.primitive_jvps[_changed] = _jvp
ad.primitive_transposes[_changed] = _transposed


def _parts(x: Array, over: tuple[int, ...], epsilon: float) -> tuple[Array, Array]:
    away = x - jnp.mean(x, axis=over, keepdims=True)
    factor = 1 / jnp.sqrt(jnp.mean(jnp.square(away), axis=over, keepdims=True) + epsilon)
    return away * factor, factor


@functools.partial(jax.custom_jvp, nondiff_argnums=(1, 2))
def _standardized(x: Array, over: tuple[int, ...], epsilon: float) -> Array:
    return _parts(x, over, epsilon)[0]


@_standardized.defjvp
def _(over: tuple[int, ...], epsilon: float, primals: tuple, tangents: tuple) -> tuple:
    unit, factor = _parts(primals[0], over, epsilon)
    return unit, _changed.bind(*same_axes(tangents[0], unit, factor), over=over)


def standardized(x: Array, over: tuple[int, ...], epsilon: float) -> Array:
    """`(x - mean) / sqrt(variance + epsilon)`, mean and variance over axes, none below 0.

    NotImplemented for other dtypes than float32 and float64, and where there is nothing to
    take a mean of.
    """
    if x.dtype.name not in ("float32", "float64") or not over or 0 in x.shape:
        return NotImplemented
    return _standardized(x, tuple(over), float(epsilon))
