"""Activation functions. All keep shape and dtype; integers become the default float dtype."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from highlevel_backend import current_backend

from highlevel.ops.dispatch import array, dtype_name, floating, op, shape_of
from highlevel.ops.math.special import erfc
from highlevel.ops.rules import axis_of, float_unary, normal_axis, of, promoted, unary

__all__ = [
    "celu",
    "elu",
    "gelu",
    "glu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_tanh",
    "leaky_relu",
    "log_sigmoid",
    "log_softmax",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "soft_shrink",
    "softmax",
    "softplus",
    "softsign",
    "sparse_plus",
    "sparse_sigmoid",
    "sparsemax",
    "squareplus",
    "tanh_shrink",
    "threshold",
]


def constant(value: float, x: Any) -> Any:
    """A number as a scalar of the dtype of `x`."""
    return array(value, dtype_name(x.dtype))


@op(spec=unary, kernel="relu")
def relu(x: Any) -> Any:
    """`max(x, 0)`; its gradient at 0 is 0.

    >>> relu([-1.0, 2.0]).tolist()
    [0.0, 2.0]
    """
    xp = current_backend().xp
    x = array(x)
    # `where` and not `maximum`, which would share the gradient at 0 between its arguments;
    # NaN stays NaN.
    return xp.where(x <= 0, constant(0, x), x)


@op(spec=unary)
def relu6(x: Any) -> Any:
    """`min(max(x, 0), 6)`; the gradient at both ends is 0.

    Source: A. Krizhevsky, "Convolutional deep belief networks on CIFAR-10", 2010.
    """
    xp = current_backend().xp
    x = array(x)
    zero, six = constant(0, x), constant(6, x)
    return xp.where(x <= zero, zero, xp.where(x >= six, six, x))


@op(spec=float_unary)
def sigmoid(x: Any) -> Any:
    """`1 / (1 + exp(-x))`, without overflow.

    >>> float(sigmoid(0.0))
    0.5
    """
    return current_backend().kernels.get("sigmoid", _sigmoid)(floating(x))


def _sigmoid(x: Any) -> Any:
    """By `exp(-|x|)`: all digits on both sides. The slope is of the value: none of it overflows."""
    backend = current_backend()
    xp = backend.xp
    one = constant(1, x)

    def with_pullback(x: Any) -> tuple[Any, Callable[[Any], Any]]:
        small = xp.exp(-xp.absolute(x))
        value = xp.where(x >= 0, one, small) / (one + small)
        return value, lambda cotangent: cotangent * (value * (one - value))

    return backend.custom_gradient(with_pullback)(x)


def _log1p_exp(x: Any) -> Any:
    """`log(1 + exp(x))` for floating `x`; the gradient is the sigmoid everywhere."""
    return current_backend().xp.logaddexp(x, constant(0, x))


@op(spec=float_unary)
def softplus(x: Any) -> Any:
    """`log(1 + exp(x))`, without overflow."""
    return _log1p_exp(floating(x))


@op(spec=float_unary)
def log_sigmoid(x: Any) -> Any:
    """`log(sigmoid(x))`, finite where `sigmoid` underflows to 0."""
    return -_log1p_exp(-floating(x))


@op(spec=float_unary)
def softsign(x: Any) -> Any:
    """`x / (1 + |x|)`."""
    x = floating(x)
    return x / (constant(1, x) + current_backend().xp.absolute(x))


@op(spec=float_unary, kernel="silu")
def silu(x: Any) -> Any:
    """`x * sigmoid(x)`, also called swish.

    Source: P. Ramachandran, B. Zoph, Q. V. Le, arXiv:1710.05941.
    """
    x = floating(x)
    return x * sigmoid(x)


@op(spec=float_unary)
def tanh_shrink(x: Any) -> Any:
    """`x - tanh(x)`."""
    x = floating(x)
    return x - current_backend().xp.tanh(x)


@op(spec=float_unary)
def leaky_relu(x: Any, negative_slope: float = 0.2) -> Any:
    """`x` above 0, `negative_slope * x` below."""
    x = floating(x)
    return current_backend().xp.where(x >= 0, x, constant(negative_slope, x) * x)


@op(spec=float_unary)
def hard_sigmoid(x: Any) -> Any:
    """`x / 6 + 1/2`, held between 0 and 1."""
    x = floating(x)
    return relu6(x + constant(3, x)) / constant(6, x)


@op(spec=float_unary)
def hard_silu(x: Any) -> Any:
    """`x * hard_sigmoid(x)`, also called hard swish.

    Source: A. Howard et al., arXiv:1905.02244.
    """
    x = floating(x)
    return x * hard_sigmoid(x)


@op(spec=unary)
def hard_tanh(x: Any) -> Any:
    """`x` held between -1 and 1; integers stay integers."""
    x = array(x)
    low, high = constant(-1, x), constant(1, x)
    xp = current_backend().xp
    return xp.where(x > high, high, xp.where(x < low, low, x))


@op(spec=float_unary)
def hard_shrink(x: Any, threshold: float = 0.5) -> Any:
    """`x` where `|x| > threshold`, else 0."""
    x = floating(x)
    xp = current_backend().xp
    return xp.where(xp.absolute(x) > constant(threshold, x), x, constant(0, x))


@op(spec=float_unary)
def soft_shrink(x: Any, threshold: float = 0.5) -> Any:
    """`x` brought nearer to 0 by `threshold`; 0 where it is closer than that."""
    x = floating(x)
    xp = current_backend().xp
    edge = constant(threshold, x)
    return xp.where(x > edge, x - edge, xp.where(x < -edge, x + edge, constant(0, x)))


@op(spec=unary)
def threshold(x: Any, threshold: Any, default_value: Any) -> Any:
    """`x` where it is greater than `threshold`, `default_value` elsewhere."""
    x = array(x)
    name = dtype_name(x.dtype)
    return current_backend().xp.where(
        x > array(threshold, name), x, array(default_value, name)
    )


@op(spec=float_unary)
def elu(x: Any, alpha: float = 1.0) -> Any:
    """`x` above 0, `alpha * (exp(x) - 1)` below.

    Source: D.-A. Clevert, T. Unterthiner, S. Hochreiter, arXiv:1511.07289.
    """
    xp = current_backend().xp
    x = floating(x)
    zero = constant(0, x)
    # The inner `where` keeps exp(large) out of the gradient of the branch not taken.
    return xp.where(x > zero, x, constant(alpha, x) * xp.expm1(xp.where(x > zero, zero, x)))


@op(spec=float_unary)
def celu(x: Any, alpha: float = 1.0) -> Any:
    """`x` above 0, `alpha * (exp(x / alpha) - 1)` below: smooth for every `alpha`.

    Source: J. T. Barron, arXiv:1704.07483.
    """
    xp = current_backend().xp
    x = floating(x)
    zero, scale = constant(0, x), constant(alpha, x)
    return xp.where(x > zero, x, scale * xp.expm1(xp.where(x > zero, zero, x) / scale))


@op(spec=float_unary)
def selu(x: Any) -> Any:
    """Scaled exponential linear unit, with the two constants that keep mean 0 and variance 1.

    Source: G. Klambauer, T. Unterthiner, A. Mayr, S. Hochreiter, arXiv:1706.02515.
    """
    x = floating(x)
    return constant(1.0507009873554804934, x) * elu(x, 1.6732632423543772848)


@op(spec=float_unary)
def gelu(x: Any, approximate: bool = True) -> Any:
    """`x` times the probability that a standard normal variable is below `x`.

    Args:
        x: array.
        approximate: use the formula with the hyperbolic tangent.

    Source: D. Hendrycks, K. Gimpel, arXiv:1606.08415.
    """
    backend = current_backend()
    xp = backend.xp
    x = floating(x)
    if approximate:
        inner = constant(math.sqrt(2 / math.pi), x) * (x + constant(0.044715, x) * (x * x * x))
        return constant(0.5, x) * x * (constant(1, x) + xp.tanh(inner))
    kernel = backend.kernels.get("gelu")
    if kernel is not None and (found := kernel(x)) is not NotImplemented:
        return found
    return constant(0.5, x) * x * erfc(x * constant(-math.sqrt(0.5), x))


def _glu_rule(x: Any, axis: int = -1) -> Any:
    shape = list(shape_of(x))
    index = axis_of(axis, len(shape))
    n = shape[index]
    if n is not None and n % 2:
        raise ValueError(f"`glu` halves axis {index}, whose length {n} is odd (shape {shape}).")
    shape[index] = None if n is None else n // 2
    return of(tuple(shape), promoted(x, 1.0))


@op(spec=_glu_rule)
def glu(x: Any, axis: int = -1) -> Any:
    """The first half of an axis, gated by the sigmoid of the second.

    Args:
        x: array with an even number of entries on `axis`.
        axis: the axis.

    Raises:
        ValueError: the axis has an odd length.

    Source: Y. N. Dauphin et al., arXiv:1612.08083.
    """
    x = floating(x)
    index = axis_of(axis, x.ndim)
    if x.shape[index] % 2:
        raise ValueError(
            f"`glu` halves axis {index}, whose length is odd (shape {tuple(x.shape)})."
        )
    half = x.shape[index] // 2
    before = (slice(None),) * index
    return x[(*before, slice(None, half))] * sigmoid(x[(*before, slice(half, None))])


@op(spec=float_unary, kernel="softmax")
def softmax(x: Any, axis: Any = -1) -> Any:
    """Exponentials that sum to 1 over axes.

    Args:
        x: logits.
        axis: axis or axes; all of them for None.

    >>> softmax([0.0, 0.0]).tolist()
    [0.5, 0.5]
    """
    backend = current_backend()
    xp = backend.xp
    x = floating(x)
    axis = normal_axis(axis)
    top = backend.stop_gradient(xp.max(x, axis=axis, keepdims=True))
    powers = xp.exp(x - top)
    return powers / xp.sum(powers, axis=axis, keepdims=True)


@op(spec=float_unary, kernel="log_softmax")
def log_softmax(x: Any, axis: Any = -1) -> Any:
    """`log(softmax(x))`, finite where `softmax` underflows to 0.

    Args:
        x: logits.
        axis: axis or axes; all of them for None.
    """
    backend = current_backend()
    xp = backend.xp
    x = floating(x)
    axis = normal_axis(axis)
    shifted = x - backend.stop_gradient(xp.max(x, axis=axis, keepdims=True))
    return shifted - xp.log(xp.sum(xp.exp(shifted), axis=axis, keepdims=True))


@op(spec=float_unary)
def squareplus(x: Any, b: float = 4) -> Any:
    """`(x + sqrt(x**2 + b)) / 2`, a smooth form of `relu`.

    Source: J. T. Barron, arXiv:2112.11687.
    """
    x = floating(x)
    return (x + current_backend().xp.sqrt(x * x + constant(b, x))) / constant(2, x)


@op(spec=float_unary)
def sparse_plus(x: Any) -> Any:
    """0 below -1, `x` above 1, and `(x + 1)**2 / 4` between."""
    xp = current_backend().xp
    x = floating(x)
    one = constant(1, x)
    between = (x + one) * (x + one) * constant(0.25, x)
    return xp.where(x <= -one, constant(0, x), xp.where(x < one, between, x))


@op(spec=float_unary)
def sparse_sigmoid(x: Any) -> Any:
    """0 below -1, 1 above 1, and `(x + 1) / 2` between."""
    xp = current_backend().xp
    x = floating(x)
    one = constant(1, x)
    between = constant(0.5, x) * (x + one)
    return xp.where(x <= -one, constant(0, x), xp.where(x < one, between, one))


@op(spec=float_unary)
def sparsemax(x: Any, axis: int = -1) -> Any:
    """The nearest probability vector: like `softmax`, with exact zeros.

    Args:
        x: logits.
        axis: one axis.

    Source: A. F. T. Martins, R. F. Astudillo, arXiv:1602.02068.

    >>> sparsemax([2.0, 0.0]).tolist()
    [1.0, 0.0]
    """
    backend = current_backend()
    xp = backend.xp
    logits = xp.moveaxis(floating(x), axis, -1)
    ordered = xp.flip(xp.sort(backend.stop_gradient(logits), axis=-1), -1)
    sums = xp.cumsum(ordered, axis=-1)
    count = backend.cast(xp.arange(1, logits.shape[-1] + 1), dtype_name(logits.dtype))
    support = constant(1, logits) + count * ordered > sums
    # How many entries stay above 0; these share what is too much in equal parts.
    size = xp.sum(backend.cast(support, dtype_name(logits.dtype)), axis=-1, keepdims=True)
    cut = xp.take_along_axis(ordered, backend.cast(size, "int32") - 1, axis=-1)
    inside = backend.cast(logits >= cut, dtype_name(logits.dtype))
    excess = (xp.sum(logits * inside, axis=-1, keepdims=True) - constant(1, logits)) / xp.sum(
        inside, axis=-1, keepdims=True
    )
    zero = constant(0, logits)
    result = logits - excess
    return xp.moveaxis(xp.where(result > zero, result, zero), -1, axis)
