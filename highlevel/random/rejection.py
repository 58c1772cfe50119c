"""Distributions drawn by rejection: gamma, beta, binomial.

All entries propose together, and those that have not accepted yet propose again, in one
loop of the backend.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from highlevel_backend import canonical_name, current_backend

from highlevel.random.distributions import uniform_from_key, uniform_to_normal
from highlevel.random.keys import as_arrays, draw, float_dtype, full_shape, split
from highlevel.random.seed_generator import SeedGenerator, draw_seed

__all__ = ["beta", "binomial", "gamma"]

Seed = SeedGenerator | int | None

# Proposals are accepted with probability over 0.7; nothing valid needs this many.
_MOST_ROUNDS = 1000
_ONE = np.array([0, 1], np.uint32)


def _until_accepted(propose: Any, key: Any, done: Any, value: Any) -> Any:
    """`propose(u, v) -> (accepted, value)` again for the entries that are not `done`.

    `u`, `v`: uniform numbers in [0, 1) of the shape of `done`, new ones in each round.
    """
    backend = current_backend()
    xp = backend.xp
    # `key` came out of the cipher: the keys that follow it belong to nobody else.
    step = backend.asarray(_ONE)

    def unfinished(state: tuple) -> Any:
        return xp.any(~state[1]) & (state[3] < _MOST_ROUNDS)

    def again(state: tuple) -> tuple:
        key, done, value, rounds = state
        u, v = uniform_from_key(key, (2, *value.shape), canonical_name(value.dtype))
        accepted, proposal = propose(u, v)
        value = xp.where(accepted & ~done, proposal, value)
        return key + step, done | accepted, value, rounds + 1

    return backend.while_loop(unfinished, again, (key, done, value, backend.asarray(0)))[2]


def _log_gamma(key: Any, alpha: Any, shape: tuple[int, ...], dtype: str) -> Any:
    """Logarithm of gamma variates.

    G. Marsaglia, W. W. Tsang, "A simple method for generating gamma variables", ACM TOMS
    26(3), 2000. Below 1 the shape is raised by 1 and the variate multiplied by a power of
    a uniform number; in logarithms, so that tiny ones do not vanish.
    """
    backend = current_backend()
    xp = backend.xp
    alpha = xp.broadcast_to(alpha, shape)
    valid = (alpha > 0) & xp.isfinite(alpha)
    alpha = xp.where(valid, alpha, xp.ones_like(alpha))
    small = alpha < 1
    d = xp.where(small, alpha + 1, alpha) - 1 / 3
    c = 1 / xp.sqrt(9 * d)
    key, last = split(key)

    def propose(u: Any, v: Any) -> tuple[Any, Any]:
        x = uniform_to_normal(u)
        cube = 1 + c * x
        positive = cube > 0
        cube = xp.where(positive, cube, 1.0) ** 3
        bound = x * x / 2 + d - d * cube + d * xp.log(cube)
        return positive & (xp.log(1 - v) < bound), d * cube

    value = xp.log(_until_accepted(propose, key, ~valid, d))
    u = 1 - uniform_from_key(last, shape, dtype)
    value = value + xp.where(small, xp.log(u) / alpha, 0.0)
    return xp.where(valid, value, xp.asarray(xp.nan, value.dtype))


def _gamma(key: Any, alpha: Any, *, shape: tuple[int, ...], dtype: str) -> Any:
    return current_backend().xp.exp(_log_gamma(key, alpha, shape, dtype))


def _beta(key: Any, alpha: Any, beta: Any, *, shape: tuple[int, ...], dtype: str) -> Any:
    xp = current_backend().xp
    first, second = split(key)
    a, b = _log_gamma(first, alpha, shape, dtype), _log_gamma(second, beta, shape, dtype)
    return xp.exp(a - xp.logaddexp(a, b))


def _work_dtype(dtype: str) -> str:
    """Rejection needs float32 at least."""
    return dtype if dtype == "float64" else "float32"


def gamma(shape: Any, alpha: Any, dtype: str | None = None, seed: Seed = None) -> Any:
    """Random numbers of the gamma distribution with scale 1.

    Args:
        shape: shape of the result.
        alpha: shape parameter above 0: number, or array that broadcasts with `shape`.
        dtype: floating dtype name; `config.floatx()` where None.
        seed: see `uniform`.

    Returns:
        Array of `shape` and `dtype`, NaN where `alpha` is not above 0.

    Raises:
        ValueError: `dtype` is not floating; `seed` or `shape` is malformed.

    >>> import highlevel as hl
    >>> sample = hl.random.gamma((2000,), 3.0, seed=0)
    >>> 2.8 < float(hl.ops.mean(sample)) < 3.2
    True
    """
    dtype = float_dtype(dtype, "gamma")
    work = _work_dtype(dtype)
    (alpha,) = as_arrays(work, alpha)
    result = draw(_gamma, draw_seed(seed), alpha, shape=full_shape(shape), dtype=work)
    return current_backend().cast(result, dtype)


def beta(shape: Any, alpha: Any, beta: Any, dtype: str | None = None, seed: Seed = None) -> Any:
    """Random numbers of the beta distribution, between 0 and 1.

    Args:
        shape: shape of the result.
        alpha, beta: the parameters, above 0: numbers, or arrays that broadcast with
            `shape`.
        dtype: floating dtype name; `config.floatx()` where None.
        seed: see `uniform`.

    Returns:
        Array of `shape` and `dtype`, NaN where a parameter is not above 0.

    Raises:
        ValueError: `dtype` is not floating; `seed` or `shape` is malformed.

    >>> import highlevel as hl
    >>> sample = hl.random.beta((2000,), 2.0, 2.0, seed=0)
    >>> 0.47 < float(hl.ops.mean(sample)) < 0.53
    True
    """
    dtype = float_dtype(dtype, "beta")
    work = _work_dtype(dtype)
    alpha, beta = as_arrays(work, alpha, beta)
    result = draw(_beta, draw_seed(seed), alpha, beta, shape=full_shape(shape), dtype=work)
    return current_backend().cast(result, dtype)


# log(k!) minus Stirling's formula, for k from 0 to 9.
_STIRLING = (
    0.0810614667953272, 0.0413406959554092, 0.0276779256849983, 0.0207906721037650,
    0.0166446911898211, 0.0138761288230707, 0.0118967099458917, 0.0104112652619720,
    0.0092554621827127, 0.0083305634333628,
)


def _stirling_error(k: Any) -> Any:
    backend = current_backend()
    xp = backend.xp
    error = (1 / 12 - (1 / 360 - 1 / 1260 / (k + 1) ** 2) / (k + 1) ** 2) / (k + 1)
    table = backend.asarray(_STIRLING, canonical_name(k.dtype))
    return xp.where(k < 10, table[backend.cast(xp.clip(k, 0, 9), "int32")], error)


def _few(key: Any, n: Any, p: Any, skip: Any, shape: tuple[int, ...], dtype: str) -> Any:
    """Successes counted by the lengths of the runs of failures; quick where n·p is small."""
    backend = current_backend()
    xp = backend.xp
    step = backend.asarray(_ONE)
    log_failure = xp.log1p(-xp.clip(p, 1e-30, 0.75))

    def unfinished(state: tuple) -> Any:
        return xp.any(state[1] <= n)

    def again(state: tuple) -> tuple:
        key, position, successes = state
        u = 1 - uniform_from_key(key, shape, dtype)
        position = position + xp.maximum(xp.ceil(xp.log(u) / log_failure), 1)
        return key + step, position, successes + backend.cast(position <= n, dtype)

    start = xp.where(skip, xp.asarray(xp.inf, n.dtype), xp.zeros_like(n))
    return backend.while_loop(unfinished, again, (key, start, xp.zeros_like(n)))[2]


def _many(key: Any, n: Any, p: Any, skip: Any) -> Any:
    """W. Hörmann, "The generation of binomial random variates", J. Stat. Comput. Simul. 46,
    1993: transformed rejection with a squeeze, for n·p of 10 and more."""
    xp = current_backend().xp
    n = xp.where(skip, xp.asarray(40.0, n.dtype), n)  # any valid numbers
    p = xp.where(skip, xp.asarray(0.5, p.dtype), p)
    spread = xp.sqrt(n * p * (1 - p))
    b = 1.15 + 2.53 * spread
    a = -0.0873 + 0.0248 * b + 0.01 * p
    odds = p / (1 - p)
    slope = (2.83 + 5.1 / b) * spread
    mode = xp.floor((n + 1) * p)
    at_mode = (
        (mode + 0.5) * xp.log((mode + 1) / (odds * (n - mode + 1)))
        + _stirling_error(mode) + _stirling_error(n - mode)
    )

    def propose(u: Any, v: Any) -> tuple[Any, Any]:
        u, v = u - 0.5, 1 - v
        depth = xp.maximum(0.5 - xp.abs(u), 1e-7)
        raw = xp.floor((2 * a / depth + b) * u + n * p + 0.5)
        possible = (raw >= 0) & (raw <= n)
        k = xp.clip(raw, 0, n)
        bound = (
            at_mode
            + (n + 1) * xp.log((n - mode + 1) / (n - k + 1))
            + (k + 0.5) * xp.log(odds * (n - k + 1) / (k + 1))
            - _stirling_error(k) - _stirling_error(n - k)
        )
        quickly = (depth >= 0.07) & (v <= 0.92 - 4.2 / b)
        return possible & (quickly | (xp.log(v * slope / (a / depth**2 + b)) <= bound)), k

    return _until_accepted(propose, key, skip, mode)


def _binomial(key: Any, n: Any, p: Any, *, shape: tuple[int, ...], dtype: str) -> Any:
    xp = current_backend().xp
    n, p = xp.floor(xp.broadcast_to(n, shape)), xp.broadcast_to(p, shape)
    valid = (n >= 0) & xp.isfinite(n) & (p >= 0) & (p <= 1)
    flipped = p > 0.5
    rare = xp.where(flipped, 1 - p, p)
    rare = xp.where(valid, rare, xp.zeros_like(rare))
    n = xp.where(valid, n, xp.zeros_like(n))
    small = n * rare < 10
    first, second = split(key)
    successes = xp.where(
        small, _few(first, n, rare, ~small, shape, dtype),
        _many(second, n, rare, small),
    )
    successes = xp.where(flipped, n - successes, successes)
    return xp.where(valid, successes, xp.asarray(xp.nan, successes.dtype))


def binomial(
    shape: Any, counts: Any, probabilities: Any, dtype: str | None = None, seed: Seed = None
) -> Any:
    """Random numbers of successes in `counts` independent trials.

    Args:
        shape: shape of the result.
        counts: number of trials: number, or array that broadcasts with `shape`.
        probabilities: of success, in [0, 1]: number, or array that broadcasts.
        dtype: floating dtype name; `config.floatx()` where None.
        seed: see `uniform`.

    Returns:
        Array of `shape` and `dtype`, NaN where an argument is out of range.

    Raises:
        ValueError: `dtype` is not floating; `seed` or `shape` is malformed.

    >>> import highlevel as hl
    >>> sample = hl.random.binomial((2000,), 10, 0.3, seed=0)
    >>> 2.9 < float(hl.ops.mean(sample)) < 3.1
    True
    """
    dtype = float_dtype(dtype, "binomial")
    work = _work_dtype(dtype)
    n, p = as_arrays(work, counts, probabilities)
    result = draw(_binomial, draw_seed(seed), n, p, shape=full_shape(shape), dtype=work)
    return current_backend().cast(result, dtype)
