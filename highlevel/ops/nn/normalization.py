"""Normalization to mean 0, variance 1 or length 1."""

from __future__ import annotations

from typing import Any

from highlevel_backend import current_backend

from highlevel import config
from highlevel.ops.dispatch import array, cast_to, dtype_name, floating, op, shape_of
from highlevel.ops.rules import (
    axes_of,
    axis_of,
    float_unary,
    normal_axis,
    of,
    promoted,
    reduced_shape,
)

__all__ = [
    "batch_normalization",
    "layer_normalization",
    "moments",
    "normalize",
    "rms_normalization",
]

_HALF = ("float16", "bfloat16")


def _wide(x: Any) -> Any:
    """Half-precision arrays in float32: sums of their squares overflow and lose digits."""
    return cast_to(x, "float32") if dtype_name(x.dtype) in _HALF else x


def _moments_rule(x: Any, axes: Any, keepdims: bool = False, synchronized: bool = False) -> Any:
    shape, dtype = reduced_shape(shape_of(x), axes, keepdims), promoted(x)
    return of(shape, dtype), of(shape, dtype)


@op(spec=_moments_rule, kernel="moments")
def moments(x: Any, axes: Any, keepdims: bool = False, synchronized: bool = False) -> tuple:
    """Mean and variance over axes.

    Args:
        x: array.
        axes: axis or axes.
        keepdims: keep the axes with length 1.
        synchronized: accepted for the contract; the mean of a sharded array is that of
            all its shards.

    Returns:
        `(mean, variance)`, in the dtype of `x`; computed in float32 for half precision.

    >>> mean, variance = moments([1.0, 3.0], 0)
    >>> float(mean), float(variance)
    (2.0, 1.0)
    """
    backend = current_backend()
    xp = backend.xp
    x = floating(x)
    name = dtype_name(x.dtype)
    x = _wide(x)
    axes = normal_axis(axes)
    mean = xp.mean(x, axis=axes, keepdims=True)
    variance = xp.mean(xp.square(x - mean), axis=axes, keepdims=keepdims)
    if not keepdims:
        mean = xp.squeeze(mean, axis=axes)
    if name in _HALF:
        info = xp.finfo(name)
        low, high = array(float(info.min), "float32"), array(float(info.max), "float32")
        mean, variance = xp.clip(mean, low, high), xp.clip(variance, low, high)
    return cast_to(mean, name), cast_to(variance, name)


def _per_axis(value: Any, axis: int, rank: int) -> Any:
    shape = [1] * rank
    shape[axis] = -1
    return current_backend().xp.reshape(value, tuple(shape))


def _batch_rule(
    x: Any, mean: Any, variance: Any, axis: int, offset: Any = None, scale: Any = None,
    epsilon: float = 1e-3,
) -> Any:  # fmt: skip
    shape = shape_of(x)
    _check_batch(shape, shape_of(mean), axis_of(axis, len(shape)))
    return of(shape, promoted(x))


def _check_batch(shape: tuple, mean: tuple, axis: int) -> None:
    if len(mean) != 1 or (shape[axis] is not None and shape[axis] != mean[0]):
        raise ValueError(
            f"`batch_normalization` needs a `mean` with one entry for each along axis {axis} of "
            f"`x`; got shapes {mean} and {shape}."
        )


@op(spec=_batch_rule, kernel="batch_normalization")
def batch_normalization(
    x: Any,
    mean: Any,
    variance: Any,
    axis: int,
    offset: Any = None,
    scale: Any = None,
    epsilon: float = 1e-3,
) -> Any:
    """`(x - mean) / sqrt(variance + epsilon) * scale + offset`, one number each per channel.

    Args:
        x: array.
        mean, variance: `(channels,)`.
        axis: axis of the channels.
        offset, scale: `(channels,)`, or None for neither.
        epsilon: keeps the root away from 0.

    Raises:
        ValueError: `mean` has not one entry per channel.

    Source: S. Ioffe, C. Szegedy, arXiv:1502.03167.
    """
    x = floating(x)
    xp = current_backend().xp
    name = dtype_name(x.dtype)
    index = axis_of(axis, x.ndim)
    mean, variance = floating(mean), floating(variance)
    _check_batch(tuple(x.shape), tuple(mean.shape), index)
    # All that can be done per channel is: two operations are left for the whole array.
    variance = _wide(variance)
    wide = dtype_name(variance.dtype)
    factor = array(1.0, wide) / xp.sqrt(variance + array(epsilon, wide))
    if scale is not None:
        factor = factor * array(scale, wide)
    shift = -cast_to(mean, wide) * factor
    if offset is not None:
        shift = shift + array(offset, wide)
    out = cast_to(x, wide) * _per_axis(factor, index, x.ndim) + _per_axis(shift, index, x.ndim)
    return cast_to(out, name)


def _scaled_shape(x: Any, axes: tuple[int, ...]) -> tuple:
    return tuple([n if i in axes else 1 for i, n in enumerate(x.shape)])


@op(spec=float_unary, kernel="layer_normalization")
def layer_normalization(
    x: Any,
    gamma: Any = None,
    beta: Any = None,
    axis: Any = -1,
    epsilon: float | None = None,
    **kwargs: Any,
) -> Any:
    """`(x - mean) / sqrt(variance + epsilon) * gamma + beta`, mean and variance over `axis`.

    Args:
        x: array.
        gamma, beta: of the shape of `x` on `axis`; None for neither.
        axis: axis or axes.
        epsilon: keeps the root away from 0; `config.epsilon()` where None.
        kwargs: `rms_scaling`, accepted for the contract: False only.

    Source: J. L. Ba, J. R. Kiros, G. E. Hinton, arXiv:1607.06450.
    """
    if kwargs.pop("rms_scaling", False):
        return rms_normalization(x, gamma, axis, epsilon)
    if kwargs:
        raise TypeError(f"`layer_normalization` takes no argument {next(iter(kwargs))!r}.")
    x = floating(x)
    xp = current_backend().xp
    name = dtype_name(x.dtype)
    axes = axes_of(axis, x.ndim)
    wide = _wide(x)
    dtype = dtype_name(wide.dtype)
    epsilon = config.epsilon() if epsilon is None else epsilon
    shape = _scaled_shape(x, axes)
    if gamma is not None:
        gamma = xp.reshape(array(gamma, dtype), shape)
    kernel = current_backend().kernels.get("standardized")
    out = NotImplemented if kernel is None else kernel(wide, tuple(axes), epsilon)
    if out is NotImplemented:
        centred = wide - xp.mean(wide, axis=axes, keepdims=True)
        variance = xp.mean(xp.square(centred), axis=axes, keepdims=True)
        factor = array(1.0, dtype) / xp.sqrt(variance + array(epsilon, dtype))
        out = centred * (factor if gamma is None else factor * gamma)
    elif gamma is not None:
        out = out * gamma
    if beta is not None:
        out = out + xp.reshape(array(beta, dtype), shape)
    return cast_to(out, name)


@op(spec=float_unary, kernel="rms_normalization")
def rms_normalization(
    x: Any, scale: Any = None, axis: Any = -1, epsilon: float | None = None
) -> Any:
    """`x / sqrt(mean(x**2) + epsilon) * scale`, the mean over `axis`.

    Args:
        x: array.
        scale: of the shape of `x` on `axis`, or one number; None for 1.
        axis: axis or axes.
        epsilon: keeps the root away from 0; `config.epsilon()` where None.

    Source: B. Zhang, R. Sennrich, arXiv:1910.07467.
    """
    x = floating(x)
    xp = current_backend().xp
    name = dtype_name(x.dtype)
    axes = axes_of(axis, x.ndim)
    wide = _wide(x)
    dtype = dtype_name(wide.dtype)
    epsilon = config.epsilon() if epsilon is None else epsilon
    power = xp.mean(xp.square(wide), axis=axes, keepdims=True)
    out = wide * (array(1.0, dtype) / xp.sqrt(power + array(epsilon, dtype)))
    if scale is not None:
        scale = array(scale, dtype)
        if scale.ndim and scale.ndim < x.ndim:
            scale = xp.reshape(scale, _scaled_shape(x, axes))
        out = out * scale
    return cast_to(out, name)


@op(spec=float_unary)
def normalize(x: Any, axis: Any = -1, order: Any = 2, epsilon: float | None = None) -> Any:
    """`x` divided by its length over axes; what is shorter than `epsilon` by that.

    Args:
        x: array.
        axis: axis or axes.
        order: order of the norm: 2 for lengths, 1 for sums of absolute values, infinity for
            the largest, or another positive number.
        epsilon: least length; `config.epsilon()` where None.

    >>> [round(x, 3) for x in normalize([3.0, 4.0]).tolist()]
    [0.6, 0.8]
    """
    x = floating(x)
    xp = current_backend().xp
    name = dtype_name(x.dtype)
    epsilon = config.epsilon() if epsilon is None else epsilon
    axis = normal_axis(axis)
    if order == 2:
        # The bound is put on the square, where the gradient of the root is finite.
        power = xp.sum(xp.square(x), axis=axis, keepdims=True)
        floor = array(float(epsilon) ** 2, name)
        return x * (array(1.0, name) / xp.sqrt(xp.maximum(power, floor)))
    size = xp.absolute(x)
    if order == 1:
        length = xp.sum(size, axis=axis, keepdims=True)
    elif order in (float("inf"), "inf"):
        length = xp.max(size, axis=axis, keepdims=True)
    else:
        total = xp.sum(size ** array(order, name), axis=axis, keepdims=True)
        length = total ** array(1.0 / order, name)
    return x / xp.maximum(length, array(epsilon, name))
