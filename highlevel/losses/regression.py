"""Losses for numbers."""

from __future__ import annotations

import math
from typing import Any

from highlevel import config, ops
from highlevel.losses.base import FunctionLoss
from highlevel.losses.shapes import pair

__all__ = [
    "CosineSimilarity",
    "Huber",
    "LogCosh",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "cosine_similarity",
    "huber",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
]

Reduction = str | None


def mean_squared_error(y_true: Any, y_pred: Any) -> Any:
    """`mean((y_true - y_pred)**2)` over the last axis.

    Args:
        y_true, y_pred: `(batch, ..., n)`.

    Returns:
        `(batch, ...)`.

    Raises:
        ValueError: the shapes do not fit.

    >>> import highlevel as hl
    >>> hl.losses.mean_squared_error([[0.0, 1.0]], [[2.0, 1.0]]).tolist()
    [2.0]
    """
    y_true, y_pred = pair(y_true, y_pred, "mean_squared_error")
    return ops.mean(ops.square(y_true - y_pred), axis=-1)


def mean_absolute_error(y_true: Any, y_pred: Any) -> Any:
    """`mean(abs(y_true - y_pred))` over the last axis.

    Args:
        y_true, y_pred: `(batch, ..., n)`.

    Returns:
        `(batch, ...)`.

    Raises:
        ValueError: the shapes do not fit.
    """
    y_true, y_pred = pair(y_true, y_pred, "mean_absolute_error")
    return ops.mean(ops.abs(y_true - y_pred), axis=-1)


def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Any:
    """`100 * mean(abs((y_true - y_pred) / y_true))` over the last axis.

    Args:
        y_true, y_pred: `(batch, ..., n)`; the divisor is at least `config.epsilon()`.

    Returns:
        `(batch, ...)`.

    Raises:
        ValueError: the shapes do not fit.
    """
    y_true, y_pred = pair(y_true, y_pred, "mean_absolute_percentage_error")
    share = ops.abs((y_true - y_pred) / ops.maximum(ops.abs(y_true), config.epsilon()))
    return 100.0 * ops.mean(share, axis=-1)


def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Any:
    """`mean((log(1 + y_true) - log(1 + y_pred))**2)` over the last axis.

    Args:
        y_true, y_pred: `(batch, ..., n)`; values below `config.epsilon()` are raised to it.

    Returns:
        `(batch, ...)`.

    Raises:
        ValueError: the shapes do not fit.
    """
    y_true, y_pred = pair(y_true, y_pred, "mean_squared_logarithmic_error")
    epsilon = config.epsilon()
    logs = [ops.log(ops.maximum(y, epsilon) + 1.0) for y in (y_true, y_pred)]
    return ops.mean(ops.square(logs[0] - logs[1]), axis=-1)


def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Any:
    """Half the squared error up to `delta`, and growing linearly from there; mean of the last axis.

    P. J. Huber, "Robust estimation of a location parameter", 1964.

    Args:
        y_true, y_pred: `(batch, ..., n)`.
        delta: where the square ends.

    Returns:
        `(batch, ...)`.

    Raises:
        ValueError: the shapes do not fit.
    """
    y_true, y_pred = pair(y_true, y_pred, "huber")
    size = ops.abs(y_true - y_pred)
    inside = 0.5 * ops.square(size)
    outside = delta * size - 0.5 * delta * delta
    return ops.mean(ops.where(size <= delta, inside, outside), axis=-1)


def log_cosh(y_true: Any, y_pred: Any) -> Any:
    """`mean(log(cosh(y_pred - y_true)))` over the last axis.

    Args:
        y_true, y_pred: `(batch, ..., n)`.

    Returns:
        `(batch, ...)`.

    Raises:
        ValueError: the shapes do not fit.
    """
    y_true, y_pred = pair(y_true, y_pred, "log_cosh")
    error = y_pred - y_true
    return ops.mean(error + ops.softplus(error * -2.0) - math.log(2.0), axis=-1)


def _unit(x: Any, axis: int) -> Any:
    squares = ops.sum(ops.square(x), axis=axis, keepdims=True)
    # Below this norm (a hundred times float32's least step at 1e-5) directions mean nothing.
    return x / ops.sqrt(ops.maximum(squares, 1e-12))


def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """Minus the cosine of the angle between vectors: -1 where they point the same way.

    Args:
        y_true, y_pred: `(batch, ..., n)`.
        axis: axis of the vectors' entries.

    Returns:
        Array of the shape without `axis`.

    Raises:
        ValueError: the shapes do not fit.
    """
    y_true, y_pred = pair(y_true, y_pred, "cosine_similarity")
    return -ops.sum(_unit(y_true, axis) * _unit(y_pred, axis), axis=axis)


class MeanSquaredError(FunctionLoss):
    """Mean of squared differences.

    Args:
        reduction, name, dtype: see `Loss`.

    >>> import highlevel as hl
    >>> float(hl.losses.MeanSquaredError()([[0.0, 1.0]], [[2.0, 1.0]]))
    2.0
    """

    def __init__(
        self, reduction: Reduction = "sum_over_batch_size", name: str = "mean_squared_error",
        dtype: Any = None,
    ) -> None:
        super().__init__(mean_squared_error, reduction, name, dtype)


class MeanAbsoluteError(FunctionLoss):
    """Mean of absolute differences.

    Args:
        reduction, name, dtype: see `Loss`.
    """

    def __init__(
        self, reduction: Reduction = "sum_over_batch_size", name: str = "mean_absolute_error",
        dtype: Any = None,
    ) -> None:
        super().__init__(mean_absolute_error, reduction, name, dtype)


class MeanAbsolutePercentageError(FunctionLoss):
    """Mean of absolute differences in percent of the true values.

    Args:
        reduction, name, dtype: see `Loss`.
    """

    def __init__(
        self, reduction: Reduction = "sum_over_batch_size",
        name: str = "mean_absolute_percentage_error", dtype: Any = None,
    ) -> None:
        super().__init__(mean_absolute_percentage_error, reduction, name, dtype)


class MeanSquaredLogarithmicError(FunctionLoss):
    """Mean of squared differences of logarithms.

    Args:
        reduction, name, dtype: see `Loss`.
    """

    def __init__(
        self, reduction: Reduction = "sum_over_batch_size",
        name: str = "mean_squared_logarithmic_error", dtype: Any = None,
    ) -> None:
        super().__init__(mean_squared_logarithmic_error, reduction, name, dtype)


class Huber(FunctionLoss):
    """Squared for small errors, linear for large ones; see `huber`.

    Args:
        delta: where the square ends.
        reduction, name, dtype: see `Loss`.
    """

    _silent = {"delta": 1.0}

    def __init__(
        self, delta: float = 1.0, reduction: Reduction = "sum_over_batch_size",
        name: str = "huber_loss", dtype: Any = None,
    ) -> None:
        super().__init__(huber, reduction, name, dtype, delta=delta)


class LogCosh(FunctionLoss):
    """Mean logarithm of the hyperbolic cosine of the error.

    Args:
        reduction, name, dtype: see `Loss`.
    """

    def __init__(
        self, reduction: Reduction = "sum_over_batch_size", name: str = "log_cosh",
        dtype: Any = None,
    ) -> None:
        super().__init__(log_cosh, reduction, name, dtype)


class CosineSimilarity(FunctionLoss):
    """Minus the cosine of the angle between vectors; see `cosine_similarity`.

    Args:
        axis: axis of the vectors' entries.
        reduction, name, dtype: see `Loss`.
    """

    _silent = {"axis": -1}

    def __init__(
        self, axis: int = -1, reduction: Reduction = "sum_over_batch_size",
        name: str = "cosine_similarity", dtype: Any = None,
    ) -> None:
        super().__init__(cosine_similarity, reduction, name, dtype, axis=axis)
