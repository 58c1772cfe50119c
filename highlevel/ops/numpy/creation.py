"""Arrays made from shapes and numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from highlevel_backend import current_backend, result_dtype

from highlevel import config
from highlevel.ops.dispatch import (
    array as to_array,
)
from highlevel.ops.dispatch import (
    cast_to,
    dtype_name,
    dtype_of,
    float_pair,
    floating,
    op,
    shape_of,
)
from highlevel.ops.rules import of, promoted, shape_argument, unary

__all__ = [
    "arange",
    "array",
    "bartlett",
    "blackman",
    "copy",
    "empty",
    "empty_like",
    "eye",
    "full",
    "full_like",
    "geomspace",
    "hamming",
    "hanning",
    "identity",
    "kaiser",
    "linspace",
    "logspace",
    "meshgrid",
    "ones",
    "ones_like",
    "tri",
    "vander",
    "zeros",
    "zeros_like",
]


def _dtype(dtype: Any) -> str:
    return config.floatx() if dtype is None else dtype_name(dtype)


@op(spec=lambda x, dtype=None: of(shape_of(x), promoted(x) if dtype is None else dtype_name(dtype)))
def array(x: Any, dtype: Any = None) -> Any:
    """`x` as an array of the current backend; the same as `convert_to_tensor`."""
    return to_array(x, None if dtype is None else dtype_name(dtype))


def zeros(shape: Any, dtype: Any = None) -> Any:
    """An array of zeros.

    Args:
        shape: integer or sequence of integers.
        dtype: dtype; `floatx` where None.
    """
    return current_backend().xp.zeros(shape_argument(shape), dtype=_np(dtype))


def ones(shape: Any, dtype: Any = None) -> Any:
    """An array of ones. See `zeros` for the arguments."""
    return current_backend().xp.ones(shape_argument(shape), dtype=_np(dtype))


def empty(shape: Any, dtype: Any = None) -> Any:
    """An array whose values mean nothing (zeros). See `zeros` for the arguments."""
    return zeros(shape, dtype)


def _np(dtype: Any) -> Any:
    """The dtype as an array namespace takes it."""
    name = _dtype(dtype)
    return name if name in _NUMPY_KNOWS else to_array(0, name).dtype


_NUMPY_KNOWS = frozenset(
    ("bool", "uint8", "uint16", "uint32", "int8", "int16", "int32", "float16", "float32")
)  # fmt: skip


def full(shape: Any, fill_value: Any, dtype: Any = None) -> Any:
    """An array of one value, or of values that broadcast to the shape.

    Args:
        shape: integer or sequence of integers.
        fill_value: number or array.
        dtype: dtype; `floatx` where None.
    """
    value = to_array(fill_value, _dtype(dtype))
    return current_backend().xp.broadcast_to(value, shape_argument(shape))


def _like_rule(x: Any, dtype: Any = None) -> Any:
    return of(shape_of(x), promoted(x) if dtype is None else dtype_name(dtype))


def _like(x: Any, dtype: Any, value: int) -> Any:
    x = to_array(x)
    xp = current_backend().xp
    make = xp.ones_like if value else xp.zeros_like
    return make(x, dtype=None if dtype is None else _np(dtype))


@op(spec=_like_rule)
def zeros_like(x: Any, dtype: Any = None) -> Any:
    """Zeros in the shape of `x`, and in its dtype unless `dtype` is given."""
    return _like(x, dtype, 0)


@op(spec=_like_rule)
def ones_like(x: Any, dtype: Any = None) -> Any:
    """Ones in the shape of `x`, and in its dtype unless `dtype` is given."""
    return _like(x, dtype, 1)


@op(spec=_like_rule)
def empty_like(x: Any, dtype: Any = None) -> Any:
    """Values that mean nothing (zeros) in the shape of `x`."""
    return _like(x, dtype, 0)


@op(spec=lambda x, fill_value, dtype=None: _like_rule(x, dtype))
def full_like(x: Any, fill_value: Any, dtype: Any = None) -> Any:
    """`fill_value` in the shape of `x`, and in its dtype unless `dtype` is given."""
    x = to_array(x)
    value = to_array(fill_value, dtype_name(x.dtype if dtype is None else dtype))
    return current_backend().xp.broadcast_to(value, x.shape)


@op(spec=unary)
def copy(x: Any) -> Any:
    """A copy of `x`."""
    return current_backend().xp.copy(to_array(x))


def arange(start: Any, stop: Any = None, step: Any = None, dtype: Any = None) -> Any:
    """Numbers from `start` up to but without `stop`.

    Args:
        start: first number; with no `stop` given, the end, and counting starts at 0.
        stop: end, not included.
        step: distance, 1 where None.
        dtype: dtype; that of the numbers where None, int32 for Python integers.

    Returns:
        Array of shape `(ceil((stop - start) / step),)`.

    >>> arange(2, 8, 3).tolist()
    [2, 5]
    """
    if stop is None:
        start, stop = 0, start
    step = 1 if step is None else step
    if dtype is None:
        kinds = [dtype_of(value) for value in (start, stop, step)]
        dtype = result_dtype(*kinds, float_default=config.floatx())
    name = dtype_name(dtype)
    return cast_to(current_backend().xp.arange(start, stop, step, dtype=_np(name)), name)


def _space_dtype(start: Any, stop: Any, dtype: Any) -> str:
    if dtype is not None:
        return dtype_name(dtype)
    return promoted(start, stop, 1.0)


@op
def linspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    """Numbers at equal distances from `start` to `stop`.

    Args:
        start, stop: ends; arrays that broadcast together give an array of sequences.
        num: how many numbers.
        endpoint: whether `stop` is the last one.
        retstep: return the distance too.
        dtype: dtype; a float one where None.
        axis: axis of the result along which the numbers run.

    Returns:
        Array with a new axis of length `num`; with `retstep` the pair `(array, step)`.

    Raises:
        ValueError: `num` is negative.

    >>> linspace(0, 1, 5).tolist()
    [0.0, 0.25, 0.5, 0.75, 1.0]
    """
    if num < 0:
        raise ValueError(f"`num` must not be negative; got {num}.")
    backend = current_backend()
    xp = backend.xp
    name = _space_dtype(start, stop, dtype)
    start, stop = float_pair(start, stop)
    start, stop = xp.broadcast_arrays(start, stop)
    wide = dtype_name(start.dtype)
    steps = num - 1 if endpoint else num
    fraction = to_array(np.arange(num) / builtin_max(steps, 1), wide)
    fraction = xp.reshape(fraction, (num,) + (1,) * start.ndim)
    result = start * (1 - fraction) + stop * fraction
    if endpoint and num > 1:
        # The last number is `stop` itself, whatever rounding did on the way.
        last = xp.reshape(to_array(np.arange(num) == num - 1), (num,) + (1,) * start.ndim)
        result = xp.where(last, stop, result)
    if name.startswith(("int", "uint")):
        result = xp.floor(result)
    result = cast_to(xp.moveaxis(result, 0, axis), name)
    if not retstep:
        return result
    step = (stop - start) / steps if steps > 0 else start * math.nan
    return result, step


builtin_max = max


@op
def logspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    base: Any = 10,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    """`base` to the powers of `linspace(start, stop, num)`."""
    name = _space_dtype(start, stop, dtype)
    powers = linspace(start, stop, num, endpoint, axis=axis)
    wide = dtype_name(powers.dtype)
    return cast_to(current_backend().xp.power(to_array(base, wide), powers), name)


@op
def geomspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0
) -> Any:
    """Numbers at equal ratios from `start` to `stop`, both of one sign.

    >>> [round(x) for x in geomspace(1.0, 8.0, 4).tolist()]
    [1, 2, 4, 8]
    """
    xp = current_backend().xp
    name = _space_dtype(start, stop, dtype)
    start, stop = float_pair(start, stop)
    sign = xp.sign(start)
    powers = linspace(xp.log10(start * sign), xp.log10(stop * sign), num, endpoint)
    result = xp.power(to_array(10.0, dtype_name(start.dtype)), powers) * sign
    return cast_to(xp.moveaxis(result, 0, axis), name)


def eye(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Any:
    """Ones on a diagonal, zeros elsewhere.

    Args:
        N: number of rows.
        M: number of columns, `N` where None.
        k: which diagonal: 0 the main one, positive above it.
        dtype: dtype; `floatx` where None.

    Returns:
        `(N, M)` array.
    """
    return current_backend().xp.eye(int(N), None if M is None else int(M), int(k), dtype=_np(dtype))


def identity(n: int, dtype: Any = None) -> Any:
    """The `(n, n)` matrix with ones on its diagonal."""
    return eye(n, dtype=dtype)


def tri(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Any:
    """Ones on and below a diagonal, zeros above. See `eye` for the arguments."""
    return current_backend().xp.tri(N, M, k, dtype=_np(dtype))


@op
def meshgrid(*x: Any, indexing: str = "xy") -> list:
    """Coordinate arrays of a grid.

    Args:
        x: one-dimensional arrays of coordinates.
        indexing: `"xy"` (the first one runs along columns) or `"ij"`.

    Returns:
        A list with one array per argument, all of the grid's shape.

    Raises:
        ValueError: another `indexing`.
    """
    if indexing not in ("xy", "ij"):
        raise ValueError(f"`indexing` must be 'xy' or 'ij'; got {indexing!r}.")
    xp = current_backend().xp
    arrays = [xp.reshape(to_array(each), (-1,)) for each in x]
    rank = len(arrays)
    order = list(range(rank))
    if indexing == "xy" and rank > 1:
        order[:2] = [1, 0]
    shape = [0] * rank
    for position, axis in enumerate(order):
        shape[axis] = arrays[position].shape[0]
    grids = []
    for position, axis in enumerate(order):
        view = [1] * rank
        view[axis] = arrays[position].shape[0]
        grids.append(xp.broadcast_to(xp.reshape(arrays[position], tuple(view)), tuple(shape)))
    return grids


@op
def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    """Matrix of the powers of the entries of `x`.

    Args:
        x: `(n,)` array.
        N: number of columns, `n` where None.
        increasing: powers grow from left to right.

    Returns:
        `(n, N)` array.

    >>> vander([1, 2, 3], 2).tolist()
    [[1, 1], [2, 1], [3, 1]]
    """
    xp = current_backend().xp
    x = to_array(x)
    columns = x.shape[0] if N is None else N
    powers = [xp.ones_like(x)]
    for _ in range(columns - 1):
        powers.append(powers[-1] * x)
    powers = powers[:columns]
    return xp.stack(powers if increasing else powers[::-1], axis=-1)


def _window(x: Any, formula: Any) -> Any:
    """A symmetric window of `x` points from its formula in the position from 0 to 1."""
    size = int(current_backend().to_numpy(to_array(x)))
    if size < 1:
        return zeros((0,))
    if size == 1:
        return ones((1,))
    return to_array(formula(np.arange(size) / (size - 1)), config.floatx())


def bartlett(x: Any) -> Any:
    """Triangular window of `x` points that ends at 0."""
    return _window(x, lambda t: 1 - np.abs(2 * t - 1))


def blackman(x: Any) -> Any:
    """Blackman window of `x` points."""
    return _window(
        x, lambda t: 0.42 - 0.5 * np.cos(2 * np.pi * t) + 0.08 * np.cos(4 * np.pi * t)
    )


def hamming(x: Any) -> Any:
    """Hamming window of `x` points."""
    return _window(x, lambda t: 0.54 - 0.46 * np.cos(2 * np.pi * t))


def hanning(x: Any) -> Any:
    """Hann window of `x` points that ends at 0."""
    return _window(x, lambda t: 0.5 - 0.5 * np.cos(2 * np.pi * t))


def kaiser(x: Any, beta: Any) -> Any:
    """Kaiser window of `x` points; the larger `beta`, the narrower its main lobe."""
    beta = float(current_backend().to_numpy(floating(beta)))
    return _window(
        x, lambda t: np.i0(beta * np.sqrt(np.maximum(1 - (2 * t - 1) ** 2, 0))) / np.i0(beta)
    )
