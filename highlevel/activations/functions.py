"""Activation functions with the arguments that layers give them."""

from __future__ import annotations

from typing import Any

from highlevel import ops

__all__ = [
    "celu",
    "elu",
    "exponential",
    "gelu",
    "glu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_tanh",
    "leaky_relu",
    "linear",
    "log_sigmoid",
    "log_softmax",
    "mish",
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
    "tanh",
    "tanh_shrink",
    "threshold",
]


def linear(x: Any) -> Any:
    """`x` as it is."""
    return x


def relu(
    x: Any, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0
) -> Any:
    """`x` above a threshold, a line of small slope below it, cut off at a maximum.

    Args:
        x: array.
        negative_slope: slope below the threshold.
        max_value: the largest value; None for no bound.
        threshold: below it `negative_slope * (x - threshold)` is returned.

    Returns:
        Array of `x`'s shape and dtype.

    >>> from highlevel.activations import relu
    >>> relu([-2.0, 1.0, 9.0], negative_slope=0.5, max_value=6.0).tolist()
    [-1.0, 1.0, 6.0]
    """
    if threshold == 0:
        if not negative_slope:
            if max_value is None:
                return ops.relu(x)
            return ops.relu6(x) if max_value == 6 else ops.clip(ops.relu(x), 0.0, max_value)
        result = ops.leaky_relu(x, negative_slope=negative_slope)
    else:
        x = ops.convert_to_tensor(x)
        above = ops.where(ops.greater(x, threshold), x, ops.zeros_like(x))
        if not negative_slope:
            result = above
        else:
            below = ops.multiply(ops.subtract(x, threshold), negative_slope)
            result = ops.where(ops.greater(x, threshold), x, below)
    return result if max_value is None else ops.minimum(result, max_value)


def leaky_relu(x: Any, negative_slope: float = 0.2) -> Any:
    """`x` above 0, `negative_slope * x` below."""
    return ops.leaky_relu(x, negative_slope=negative_slope)


def relu6(x: Any) -> Any:
    """`x` held between 0 and 6."""
    return ops.relu6(x)


def softmax(x: Any, axis: Any = -1) -> Any:
    """Exponentials that sum to 1 over an axis, or several.

    Args:
        x: logits.
        axis: axis or axes.
    """
    return ops.softmax(x, axis=axis)


def log_softmax(x: Any, axis: Any = -1) -> Any:
    """Logarithm of `softmax`."""
    return ops.log_softmax(x, axis=axis)


def sparsemax(x: Any, axis: int = -1) -> Any:
    """The nearest probability vector to `x` along an axis; has exact zeros."""
    return ops.sparsemax(x, axis=axis)


def elu(x: Any, alpha: float = 1.0) -> Any:
    """`x` above 0, `alpha * (exp(x) - 1)` below."""
    return ops.elu(x, alpha=alpha)


def celu(x: Any, alpha: float = 1.0) -> Any:
    """`x` above 0, `alpha * (exp(x / alpha) - 1)` below."""
    return ops.celu(x, alpha=alpha)


def selu(x: Any) -> Any:
    """Scaled exponential linear unit; goes with the `lecun_normal` initializer."""
    return ops.selu(x)


def gelu(x: Any, approximate: bool = False) -> Any:
    """`x` times the normal distribution function at `x`.

    Args:
        x: array.
        approximate: use the formula with the hyperbolic tangent.
    """
    return ops.gelu(x, approximate=approximate)


def glu(x: Any, axis: int = -1) -> Any:
    """The first half of an axis, gated by the sigmoid of the second."""
    return ops.glu(x, axis=axis)


def sigmoid(x: Any) -> Any:
    """`1 / (1 + exp(-x))`."""
    return ops.sigmoid(x)


def log_sigmoid(x: Any) -> Any:
    """Logarithm of `sigmoid`."""
    return ops.log_sigmoid(x)


def hard_sigmoid(x: Any) -> Any:
    """`x / 6 + 1/2`, held between 0 and 1."""
    return ops.hard_sigmoid(x)


def silu(x: Any) -> Any:
    """`x * sigmoid(x)`, also called swish."""
    return ops.silu(x)


def hard_silu(x: Any) -> Any:
    """`x * hard_sigmoid(x)`, also called hard swish."""
    return ops.hard_silu(x)


def tanh(x: Any) -> Any:
    """Hyperbolic tangent."""
    return ops.tanh(x)


def hard_tanh(x: Any) -> Any:
    """`x` held between -1 and 1."""
    return ops.hard_tanh(x)


def tanh_shrink(x: Any) -> Any:
    """`x - tanh(x)`."""
    return ops.tanh_shrink(x)


def hard_shrink(x: Any, threshold: float = 0.5) -> Any:
    """`x` where `|x| > threshold`, else 0."""
    return ops.hard_shrink(x, threshold=threshold)


def soft_shrink(x: Any, threshold: float = 0.5) -> Any:
    """`x` brought nearer to 0 by `threshold`."""
    return ops.soft_shrink(x, threshold=threshold)


def threshold(x: Any, threshold: Any, default_value: Any) -> Any:
    """`x` where it is greater than `threshold`, `default_value` elsewhere."""
    return ops.threshold(x, threshold, default_value)


def softplus(x: Any) -> Any:
    """`log(1 + exp(x))`."""
    return ops.softplus(x)


def softsign(x: Any) -> Any:
    """`x / (1 + |x|)`."""
    return ops.softsign(x)


def squareplus(x: Any, b: float = 4) -> Any:
    """`(x + sqrt(x**2 + b)) / 2`."""
    return ops.squareplus(x, b=b)


def sparse_plus(x: Any) -> Any:
    """0 below -1, `x` above 1, a parabola between."""
    return ops.sparse_plus(x)


def sparse_sigmoid(x: Any) -> Any:
    """0 below -1, 1 above 1, a line between."""
    return ops.sparse_sigmoid(x)


def exponential(x: Any) -> Any:
    """`exp(x)`."""
    return ops.exp(x)


def mish(x: Any) -> Any:
    """`x * tanh(softplus(x))`.

    Source: D. Misra, arXiv:1908.08681.
    """
    return ops.multiply(x, ops.tanh(ops.softplus(x)))


