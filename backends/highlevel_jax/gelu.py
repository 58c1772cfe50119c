"""The exact `gelu` and its slope, each in one pass over the array on a CPU.

`x Φ(x)` by `erfc`, as JAX defines it, has two formulas for `erfc` of which one is chosen per
entry, and the gradient keeps arrays of what it shares with the value. Here one formula holds for
all entries, `Φ(-a) = exp(-a²/2) t P(t)` with `t = 3 / (3 + a)` for `a >= 0`, and keeps all
digits of a small result; value and slope share nothing, so that nothing is kept.

2,048 × 256 entries, processor time on two cores (jax 0.10): value 0.33 ms by `erfc` 0.62; slope
0.45, by `erfc` 0.64 and what was kept.
"""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp
from jax import lax
from jax.interpreters import ad

from highlevel_jax.primitives import define

__all__ = ["gelu"]

Array = Any

# P, from the constant on: least squares of the relative error, which is 7e-8 at most, at
# Chebyshev's points of t for a from 0 to 14.5, where exp(-a²/2) ends.
_COEFFICIENTS = (
    0.13295458257198334, 0.13358408212661743, 0.11232130229473114, 0.12043546140193939,
    -0.05494406446814537, 0.22176025807857513, -0.274198055267334, 0.1312326341867447,
    -0.023146189749240875,
)
_DENSITY = 1 / math.sqrt(2 * math.pi)


def _below(x: Array, t: Array, power: Array) -> Array:
    """`Φ(x)`; `power` is `exp(-x²/2)`."""
    series = jnp.full_like(x, _COEFFICIENTS[-1])
    for c in _COEFFICIENTS[-2::-1]:
        series = series * t + c
    tail = series * t * power
    return jnp.where(x > 0, 1 - tail, tail)


def _value(x: Array) -> Array:
    return x * (0.5 * lax.erfc(x * -math.sqrt(0.5)))


def _slope(x: Array) -> Array:
    return 0.5 * lax.erfc(x * -math.sqrt(0.5)) + x * _DENSITY * jnp.exp(-0.5 * x * x)


def _value_on_cpu(x: Array) -> Array:
    if x.dtype != "float32":
        return _value(x)
    return x * _below(x, 3 / (3 + jnp.abs(x)), jnp.exp(-0.5 * (x * x)))


def _slope_on_cpu(x: Array) -> Array:
    if x.dtype != "float32":
        return _slope(x)
    # Written otherwise than for the value: XLA would keep a quotient or a power that both use,
    # which takes longer than to compute it again.
    root = jnp.exp(-0.25 * (x * x))
    power = root * root
    return _below(x, 1 / (1 + jnp.abs(x) * (1 / 3)), power) + x * _DENSITY * power


def _mapped(primitive: Any, operands: tuple, axes: tuple, parameters: dict) -> Array:
    return primitive.bind(jnp.moveaxis(operands[0], axes[0], 0))


_gelu = define("highlevel_gelu", lambda x: x, _value, _value_on_cpu, _mapped)
_gelu_slope = define("highlevel_gelu_slope", lambda x: x, _slope, _slope_on_cpu, _mapped)

ad.defjvp(_gelu, lambda t, x: t * _gelu_slope.bind(x))
ad.defjvp(
    _gelu_slope, lambda t, x: t * (_DENSITY * jnp.exp(-0.5 * x * x) * (2 - x * x)))


def gelu(x: Array) -> Array:
    """`x Φ(x)` for the standard normal distribution function; NotImplemented for other dtypes
    than float32 and float64."""
    return _gelu.bind(x) if x.dtype.name in ("float32", "float64") else NotImplemented
