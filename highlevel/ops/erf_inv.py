"""The inverse error function over any array namespace, without SciPy.

Up to 32 bits: M. Giles, "Approximating the erfinv function", GPU Computing Gems, 2012,
whose single-precision polynomials are also what XLA evaluates, so that normal random
numbers agree between backends. 64 bits: M. J. Wichura, "Algorithm AS 241: the percentage
points of the normal distribution", Applied Statistics 37, 1988.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from highlevel_backend import Backend, canonical_name, current_backend

__all__ = ["erf_inv"]

_BLOCK = 1 << 14

# Giles: |x| small, in w - 2.5 where w = -log(1 - x²); and the tails, in sqrt(w) - 3.
_CENTRE = (
    2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 2.1858087e-04,
    -1.25372503e-03, -4.17768164e-03, 2.46640727e-01, 1.50140941,
)
_TAIL = (
    -2.00214257e-04, 1.00950558e-04, 1.34934322e-03, -3.67342844e-03, 5.73950773e-03,
    -7.6224613e-03, 9.43887047e-03, 1.00167406, 2.83297682,
)

# Wichura's PPND16: numerators and denominators of three regions.
_A = (
    2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4,
    4.5921953931549871457e4, 1.3731693765509461125e4, 1.9715909503065514427e3,
    1.3314166789178437745e2, 3.3871328727963666080,
)
_B = (
    5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4,
    2.1213794301586595867e4, 5.3941960214247511077e3, 6.8718700749205790830e2,
    4.2313330701600911252e1, 1.0,
)
_C = (
    7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1,
    1.27045825245236838258, 3.64784832476320460504, 5.76949722146069140550,
    4.63033784615654529590, 1.42343711074968357734,
)
_D = (
    1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2,
    1.48103976427480074590e-1, 6.89767334985100004550e-1, 1.67638483018380384940,
    2.05319162663775882187, 1.0,
)
_E = (
    2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3,
    2.65321895265761230930e-2, 2.96560571828504891230e-1, 1.78482653991729133580,
    5.46378491116411436990, 6.65790464350110377720,
)
_F = (
    2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5,
    7.86869131145613259100e-4, 1.48753612908506148525e-2, 1.36929880922735805310e-1,
    5.99832206555887937690e-1, 1.0,
)


def _polynomial(x: Any, coefficients: Sequence[float]) -> Any:
    """Horner's rule; the highest power comes first."""
    total = coefficients[0]
    for coefficient in coefficients[1:]:
        total = total * x + coefficient
    return total


def erf_inv(x: Any) -> Any:
    """The number whose error function is `x`.

    Args:
        x: floating array; entries outside [-1, 1] give NaN, -1 and 1 give infinities.

    Returns:
        Array of the shape and dtype of `x`.
    """
    backend = current_backend()
    size = math.prod(x.shape)
    if backend.compiles or size <= _BLOCK:
        return _erf_inv(backend, x)
    # Where each operation runs over the whole array at once, blocks stay in the cache.
    flat = backend.xp.reshape(x, (size,))
    parts = [_erf_inv(backend, flat[i : i + _BLOCK]) for i in range(0, size, _BLOCK)]
    return backend.xp.reshape(backend.xp.concatenate(parts), x.shape)


def _erf_inv(backend: Backend, x: Any) -> Any:
    xp = backend.xp
    dtype = canonical_name(x.dtype)
    if dtype == "float64":
        result = _double(xp, x)
    else:
        x = backend.cast(x, "float32")
        result = _single(backend, x)
    size = xp.abs(x)
    edge = xp.where(size == 1, xp.inf, xp.nan)
    result = xp.where(size < 1, result, backend.cast(xp.copysign(edge, x), canonical_name(x.dtype)))
    return backend.cast(result, dtype)


def _single(backend: Backend, x: Any) -> Any:
    xp = backend.xp
    w = -xp.log1p(xp.maximum(-x * x, -1 + 6e-8))
    centre = w < 5
    near = _polynomial(w - 2.5, _CENTRE)
    if not backend.compiles and not backend.is_abstract(x) and bool(xp.all(centre)):
        return near * x  # as for all truncated normal numbers
    return xp.where(centre, near, _polynomial(xp.sqrt(w) - 3, _TAIL)) * x


def _double(xp: Any, x: Any) -> Any:
    # In the terms of the paper: the normal quantile of p = (1 + x) / 2, over sqrt(2).
    q = x / 2
    r = 0.180625 - q * q
    centre = q * _polynomial(r, _A) / _polynomial(r, _B)
    tail = xp.sqrt(-xp.log(xp.maximum((1 - xp.abs(x)) / 2, 5e-324)))
    near, far = tail - 1.6, tail - 5
    outside = xp.where(
        tail <= 5,
        _polynomial(near, _C) / _polynomial(near, _D),
        _polynomial(far, _E) / _polynomial(far, _F),
    )
    quantile = xp.where(xp.abs(q) <= 0.425, centre, xp.copysign(outside, x))
    return quantile * 0.7071067811865476
