"""Distributions written once over the backend's random bits.

The same key gives the same numbers on every backend. Where `jax.random` has a definite
recipe for turning bits into numbers (uniform, normal, truncated normal, integers, Gumbel
noise, permutations), its recipe is followed, so that the numbers are also those of Keras
on JAX.
"""

from __future__ import annotations

import math
from typing import Any

from highlevel_backend import canonical_name, current_backend, is_float

from highlevel.ops.erf_inv import erf_inv
from highlevel.random.keys import as_arrays, draw, float_dtype, full_shape, integer_dtype, split
from highlevel.random.seed_generator import SeedGenerator, draw_seed
from highlevel.variable import plain

__all__ = ["categorical", "dropout", "normal", "randint", "shuffle", "truncated_normal", "uniform"]

Seed = SeedGenerator | int | None

# Bits of the fraction of each float. 8-bit floats are rounded from float32.
_FRACTION = {"float64": 52, "float32": 23, "float16": 10, "bfloat16": 7}
_TINY = {"float64": 2.0**-1022, "float32": 2.0**-126, "float16": 2.0**-14, "bfloat16": 2.0**-126}
# erf(sqrt(2)): the share of a normal distribution within two standard deviations.
_WITHIN_TWO = 0.9544997361036416
_SQRT_2 = math.sqrt(2.0)


def uniform_from_key(key: Any, shape: tuple[int, ...], dtype: str) -> Any:
    """Numbers in [0, 1), all bits of the fraction random; no 8-bit dtypes."""
    backend = current_backend()
    fraction = _FRACTION[dtype]
    if dtype == "float64":
        # The high word is float32's, so that both widths see the same numbers but for
        # the rounding.
        high = backend.cast(backend.random_bits(key, shape) >> 9, dtype)
        low = backend.cast(backend.random_bits(split(key, 1)[0], shape) >> 3, dtype)
        return high * 2.0**-23 + low * 2.0**-52
    bits = backend.random_bits(key, shape)
    width = 32 if dtype == "float32" else 16 if dtype == "float16" else 8
    if width < 32:
        bits = bits & (2**width - 1)
    # An integer of that many bits and the power of two are exact in the dtype.
    return backend.cast(bits >> (width - fraction), dtype) * backend.asarray(2.0**-fraction, dtype)


def _between(key: Any, low: Any, high: Any, shape: tuple[int, ...], dtype: str) -> Any:
    """Uniform numbers in [low, high); `low` and `high` are arrays of `dtype`."""
    xp = current_backend().xp
    return xp.maximum(low, uniform_from_key(key, shape, dtype) * (high - low) + low)


def _symmetric(key: Any, size: float, shape: tuple[int, ...], dtype: str) -> Any:
    """Normal numbers whose distribution function is within ±size of a half."""
    if size == 1.0:
        low = -1.0 + 2.0 ** -(_FRACTION[dtype] + 1)  # the number after -1
    else:
        low = -size
    first, last = as_arrays(dtype, low, size)
    return erf_inv(_between(key, first, last, shape, dtype)) * as_arrays(dtype, _SQRT_2)[0]


def uniform_to_normal(u: Any) -> Any:
    """Standard normal numbers of uniform ones in [0, 1)."""
    dtype = canonical_name(u.dtype)
    low = -1.0 + 2.0 ** -(_FRACTION[dtype] + 1)
    return erf_inv(u * (1.0 - low) + low) * _SQRT_2


def gumbel(key: Any, shape: tuple[int, ...], dtype: str) -> Any:
    """Standard Gumbel noise."""
    xp = current_backend().xp
    first, last = as_arrays(dtype, _TINY[dtype], 1.0)
    return -xp.log(-xp.log(_between(key, first, last, shape, dtype)))


def _work_dtype(dtype: str) -> str:
    return "float32" if dtype.startswith("float8") else dtype


def _uniform(key: Any, low: Any, high: Any, *, shape: tuple[int, ...], dtype: str) -> Any:
    return _between(key, low, high, shape, dtype)


def uniform(
    shape: Any, minval: Any = 0.0, maxval: Any = 1.0, dtype: str | None = None, seed: Seed = None
) -> Any:
    """Random numbers, equally likely everywhere in `[minval, maxval)`.

    Args:
        shape: shape of the result.
        minval, maxval: numbers, or arrays that broadcast with `shape`.
        dtype: floating dtype name; `config.floatx()` where None.
        seed: `SeedGenerator` (a new draw each time), integer (always the same), or None
            for the process's own generator.

    Returns:
        Array of `shape` and `dtype`.

    Raises:
        ValueError: `dtype` is not floating; `seed` or `shape` is malformed.

    >>> import highlevel as hl
    >>> [round(float(x), 4) for x in hl.random.uniform((3,), seed=1)]
    [0.1362, 0.6826, 0.806]
    """
    dtype = float_dtype(dtype, "uniform")
    work = _work_dtype(dtype)
    low, high = as_arrays(work, minval, maxval)
    result = draw(_uniform, draw_seed(seed), low, high, shape=full_shape(shape), dtype=work)
    return current_backend().cast(result, dtype)


def _normal(
    key: Any, mean: Any, stddev: Any, *, shape: tuple[int, ...], dtype: str, size: float
) -> Any:
    drawn = _symmetric(key, size, shape, dtype)
    if size != 1.0:
        # Rounding must not lead to the bounds themselves or past them.
        edge = 2.0 - 2.0 ** -_FRACTION[dtype]
        drawn = current_backend().xp.clip(drawn, *as_arrays(dtype, -edge, edge))
    return drawn * stddev + mean


def normal(
    shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: str | None = None, seed: Seed = None
) -> Any:
    """Random numbers of the normal distribution.

    Args:
        shape: shape of the result.
        mean, stddev: numbers, or arrays that broadcast with `shape`.
        dtype: floating dtype name; `config.floatx()` where None.
        seed: see `uniform`.

    Returns:
        Array of `shape` and `dtype`.

    Raises:
        ValueError: `dtype` is not floating; `seed` or `shape` is malformed.

    >>> import highlevel as hl
    >>> [round(float(x), 4) for x in hl.random.normal((3,), seed=1)]
    [-1.0975, 0.475, 0.8631]
    """
    dtype = float_dtype(dtype, "normal")
    return _draw_normal(shape, mean, stddev, dtype, seed, 1.0)


def truncated_normal(
    shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: str | None = None, seed: Seed = None
) -> Any:
    """Random numbers of the normal distribution, none further than two `stddev` from `mean`.

    Args:
        shape: shape of the result.
        mean, stddev: numbers, or arrays that broadcast with `shape`; those of the
            distribution before it is cut.
        dtype: floating dtype name; `config.floatx()` where None.
        seed: see `uniform`.

    Returns:
        Array of `shape` and `dtype`.

    Raises:
        ValueError: `dtype` is not floating; `seed` or `shape` is malformed.

    >>> import highlevel as hl
    >>> [round(float(x), 2) for x in hl.random.truncated_normal((3,), seed=1)]
    [-1.02, 0.45, 0.81]
    """
    dtype = float_dtype(dtype, "truncated_normal")
    return _draw_normal(shape, mean, stddev, dtype, seed, _WITHIN_TWO)


def _draw_normal(
    shape: Any, mean: Any, stddev: Any, dtype: str, seed: Seed, size: float
) -> Any:
    work = _work_dtype(dtype)
    mean, stddev = as_arrays(work, mean, stddev)
    result = draw(
        _normal, draw_seed(seed), mean, stddev, shape=full_shape(shape), dtype=work, size=size
    )
    return current_backend().cast(result, dtype)


def _words(key: Any, shape: tuple[int, ...], width: int) -> Any:
    """Unsigned integers of `width` random bits."""
    backend = current_backend()
    if width < 64:
        return backend.cast(backend.random_bits(key, shape), f"uint{width}")
    first, second = (backend.cast(backend.random_bits(k, shape), "uint64") for k in split(key))
    return (first << 32) | second


def _randint(
    key: Any, low: Any, high: Any, *, shape: tuple[int, ...], width: int, past_end: bool
) -> Any:
    """`low`, `high`: arrays of the integer dtype; `past_end`: `high` counts, it was clipped."""
    backend = current_backend()
    xp = backend.xp
    dtype, word = canonical_name(low.dtype), f"uint{width}"
    first, second = split(key)
    upper, lower = _words(first, shape, width), _words(second, shape, width)
    one = backend.asarray(1, word)
    # Differences of signed numbers wrap round to the right unsigned one; arrays of one
    # axis, because NumPy warns of wrapping scalars.
    low, high = xp.reshape(low, (1, *low.shape)), xp.reshape(high, (1, *high.shape))
    span = backend.cast(high, word) - backend.cast(low, word)
    if past_end:
        span = span + one
        span = xp.where(span == 0, one, span)
    span = xp.where(high <= low, one, span)
    # Two words make one number of twice the width, whose remainder is nearly unbiased.
    half = backend.asarray(2 ** (width // 2), word) % span
    factor = (half * half) % span
    offset = ((upper % span) * factor + lower % span) % span
    result = low + backend.cast(offset, dtype)
    return xp.reshape(result, shape)


def randint(
    shape: Any, minval: Any, maxval: Any, dtype: str = "int32", seed: Seed = None
) -> Any:
    """Random integers from `minval` up to, and not including, `maxval`.

    Args:
        shape: shape of the result.
        minval, maxval: integers, or integer arrays that broadcast with `shape`.
        dtype: integer dtype name.
        seed: see `uniform`.

    Returns:
        Array of `shape` and `dtype`; `minval` throughout where `maxval` is not above it.

    Raises:
        ValueError: `dtype` is not an integer dtype; `seed` or `shape` is malformed.

    >>> import highlevel as hl
    >>> [int(i) for i in hl.random.randint((5,), 0, 10, seed=1)]
    [4, 5, 3, 1, 4]
    """
    dtype = integer_dtype(dtype, "randint")
    shape = full_shape(shape)
    backend = current_backend()
    width = int("".join(filter(str.isdigit, dtype)))
    if width < 32:
        # Drawn with 32 bits, and cut to the range of the dtype.
        least, most = _limits(dtype, width)
        xp = backend.xp
        low, high = (backend.asarray(plain(v), "int32") for v in (minval, maxval))
        wide = randint(
            shape, xp.clip(low, least, most), xp.clip(high, least, most + 1), "int32", seed
        )
        return backend.cast(wide, dtype)
    past_end = False
    ends = []
    for value in (minval, maxval):
        value = plain(value)
        if isinstance(value, (int, float)):
            least, most = _limits(dtype, width)
            past_end = value > most
            value = min(max(int(value), least), most)
        ends.append(backend.asarray(value, dtype))
    if width == 64 and isinstance(minval, int) and isinstance(maxval, int) \
            and maxval - minval < 2**32 - 1:
        # Narrow ranges give the numbers that 32 bits give, here as on other backends.
        offset = randint(shape, 0, maxval - minval, "uint32", seed)
        return backend.cast(offset, dtype) + ends[0]
    return draw(_randint, draw_seed(seed), *ends, shape=shape, width=width, past_end=past_end)


def _limits(dtype: str, width: int) -> tuple[int, int]:
    if dtype.startswith("u"):
        return 0, 2**width - 1
    return -(2 ** (width - 1)), 2 ** (width - 1) - 1


def _categorical(key: Any, logits: Any, *, num_samples: int, dtype: str) -> Any:
    backend = current_backend()
    xp = backend.xp
    noise = gumbel(key, (*logits.shape, num_samples), canonical_name(logits.dtype))
    return backend.cast(xp.argmax(noise + logits[..., None], axis=-2), dtype)


def categorical(
    logits: Any, num_samples: int, dtype: str = "int32", seed: Seed = None
) -> Any:
    """Random class indices, each class as likely as the softmax of its logit.

    Drawn by adding Gumbel noise and taking the largest (Gumbel, 1954).

    Args:
        logits: `(batch, classes)`, unnormalised log-probabilities.
        num_samples: how many to draw per row.
        dtype: integer dtype name.
        seed: see `uniform`.

    Returns:
        Array `(batch, num_samples)` of `dtype`.

    Raises:
        ValueError: `logits` has no axis; `seed` or `dtype` is malformed.

    >>> import highlevel as hl
    >>> hl.random.categorical(hl.ops.log(hl.ops.ones((2, 3))), 5, seed=0).shape
    (2, 5)
    """
    backend = current_backend()
    logits = backend.asarray(plain(logits))
    if logits.ndim < 1:
        raise ValueError(
            "`random.categorical` needs `logits` of shape (batch, classes); got a scalar."
        )
    if not is_float(canonical_name(logits.dtype)):
        logits = backend.cast(logits, float_dtype(None, "categorical"))
    dtype = integer_dtype(dtype, "categorical")
    return draw(_categorical, draw_seed(seed), logits, num_samples=int(num_samples), dtype=dtype)


def _shuffle(key: Any, x: Any, *, axis: int) -> Any:
    """Sort by random numbers; they collide, and enough rounds even that out."""
    backend = current_backend()
    xp = backend.xp
    size = math.prod(x.shape)
    for _ in range(math.ceil(3 * math.log(max(1, size)) / math.log(2**32 - 1))):
        key, used = split(key)
        order = xp.argsort(backend.random_bits(used, x.shape), axis=axis, stable=True)
        x = xp.take_along_axis(x, order, axis=axis)
    return x


def shuffle(x: Any, axis: int = 0, seed: Seed = None) -> Any:
    """The entries of an array along one axis, in random order.

    Each line along the axis gets an order of its own. To move whole slices (the rows of
    a table, say) shuffle `ops.arange(n)` and take the rows in that order.

    Args:
        x: array with at least one axis.
        axis: axis to reorder along.
        seed: see `uniform`.

    Returns:
        Array of the shape and dtype of `x`.

    Raises:
        ValueError: `axis` is out of range; `seed` is malformed.

    >>> import highlevel as hl
    >>> [int(i) for i in hl.random.shuffle(hl.ops.arange(6), seed=1)]
    [4, 0, 1, 5, 2, 3]
    """
    x = current_backend().asarray(plain(x))
    if not -x.ndim <= axis < x.ndim:
        raise ValueError(
            f"`random.shuffle` cannot shuffle axis {axis} of an array of shape {tuple(x.shape)}."
        )
    return draw(_shuffle, draw_seed(seed), x, axis=axis % x.ndim)


def keep_mask(key: Any, rate: float, shape: tuple[int, ...]) -> Any:
    """Booleans that are False with probability `rate`, by the backend's fastest generator.

    Args:
        key: `(2,)` uint32.
        rate: probability of False.
        shape: of the result.

    Returns:
        bool array of `shape`.
    """
    backend = current_backend()
    kernel = backend.kernels.get("random_mask")
    if kernel is not None:
        return kernel(key, rate, shape)
    return uniform_from_key(key, shape, "float32") < backend.asarray(1.0 - rate, "float32")


def _dropout(key: Any, x: Any, *, rate: float, shape: tuple[int, ...]) -> Any:
    backend = current_backend()
    mask = keep_mask(key, rate, shape)
    scaled = x * backend.asarray(1.0 / (1.0 - rate), canonical_name(x.dtype))
    return backend.xp.where(mask, scaled, backend.xp.zeros_like(scaled))


def dropout(
    inputs: Any, rate: float, noise_shape: Any = None, seed: Seed = None
) -> Any:
    """`inputs` with a random share of the entries set to 0 and the others scaled up.

    The expectation of each entry stays what it was (Srivastava et al., 2014, "Dropout: a
    simple way to prevent neural networks from overfitting").

    Args:
        inputs: floating array.
        rate: probability of an entry to be dropped, in [0, 1).
        noise_shape: shape of the mask, 1 (or the axis left out) where entries are dropped
            together; None in it stands for the axis length of `inputs`.
        seed: see `uniform`.

    Returns:
        Array of the shape and dtype of `inputs`.

    Raises:
        ValueError: `rate` is out of range; `noise_shape` does not fit.

    >>> import highlevel as hl
    >>> kept = hl.random.dropout(hl.ops.ones((1000,)), 0.5, seed=0)
    >>> sorted({float(x) for x in kept})
    [0.0, 2.0]
    """
    backend = current_backend()
    x = backend.asarray(plain(inputs))
    if not 0 <= rate < 1:
        raise ValueError(f"`random.dropout` needs a `rate` in [0, 1); got {rate}.")
    shape = tuple(x.shape)
    if noise_shape is not None:
        noise = tuple(noise_shape)
        missing = x.ndim - len(noise)
        noise = tuple(
            length if entry is None else int(entry)
            for entry, length in zip(noise, shape[max(missing, 0):])
        )
        fits = missing >= 0 and all(
            entry in (1, length) for entry, length in zip(noise, shape[missing:])
        )
        if not fits:
            raise ValueError(
                f"`random.dropout`: `noise_shape={tuple(noise_shape)}` does not broadcast to the "
                f"inputs' shape {shape}. Give each axis its length, 1, or None."
            )
        shape = noise
    if rate == 0:
        return x
    return draw(_dropout, draw_seed(seed), x, rate=float(rate), shape=shape)
