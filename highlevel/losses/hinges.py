"""Losses with a margin."""

from __future__ import annotations

from typing import Any

from highlevel import ops
from highlevel.losses.base import FunctionLoss
from highlevel.losses.shapes import pair

__all__ = [
    "CategoricalHinge",
    "Hinge",
    "SquaredHinge",
    "categorical_hinge",
    "hinge",
    "squared_hinge",
]

Reduction = str | None


def _signs(y_true: Any) -> Any:
    """Labels 0 and 1 as -1 and 1; anything else as it is."""
    binary = ops.all(ops.logical_or(ops.equal(y_true, 0), ops.equal(y_true, 1)))
    return ops.where(binary, 2.0 * y_true - 1.0, y_true)


def hinge(y_true: Any, y_pred: Any) -> Any:
    """`mean(max(1 - y_true * y_pred, 0))` over the last axis.

    Args:
        y_true: `(batch, ..., n)`, -1 and 1; or 0 and 1 throughout.
        y_pred: of the same shape.

    Returns:
        `(batch, ...)`.

    Raises:
        ValueError: the shapes do not fit.

    >>> import highlevel as hl
    >>> hl.losses.hinge([[1.0, -1.0]], [[0.5, 0.5]]).tolist()
    [1.0]
    """
    y_true, y_pred = pair(y_true, y_pred, "hinge")
    return ops.mean(ops.maximum(1.0 - _signs(y_true) * y_pred, 0.0), axis=-1)


def squared_hinge(y_true: Any, y_pred: Any) -> Any:
    """`mean(max(1 - y_true * y_pred, 0)**2)` over the last axis.

    Args:
        y_true: `(batch, ..., n)`, -1 and 1; or 0 and 1 throughout.
        y_pred: of the same shape.

    Returns:
        `(batch, ...)`.

    Raises:
        ValueError: the shapes do not fit.
    """
    y_true, y_pred = pair(y_true, y_pred, "squared_hinge")
    return ops.mean(ops.square(ops.maximum(1.0 - _signs(y_true) * y_pred, 0.0)), axis=-1)


def categorical_hinge(y_true: Any, y_pred: Any) -> Any:
    """`max(wrong - right + 1, 0)`: the best wrong class's score against the right one's.

    Args:
        y_true: `(batch, ..., classes)`, 1 for the right class and 0 for the others.
        y_pred: of the same shape.

    Returns:
        `(batch, ...)`.

    Raises:
        ValueError: the shapes do not fit.
    """
    y_true, y_pred = pair(y_true, y_pred, "categorical_hinge")
    right = ops.sum(y_true * y_pred, axis=-1)
    wrong = ops.max((1.0 - y_true) * y_pred, axis=-1)
    return ops.maximum(wrong - right + 1.0, 0.0)


class Hinge(FunctionLoss):
    """Margin loss for two classes; see `hinge`.

    Args:
        reduction, name, dtype: see `Loss`.
    """

    def __init__(
        self, reduction: Reduction = "sum_over_batch_size", name: str = "hinge", dtype: Any = None
    ) -> None:
        super().__init__(hinge, reduction, name, dtype)


class SquaredHinge(FunctionLoss):
    """Squared margin loss for two classes; see `squared_hinge`.

    Args:
        reduction, name, dtype: see `Loss`.
    """

    def __init__(
        self, reduction: Reduction = "sum_over_batch_size", name: str = "squared_hinge",
        dtype: Any = None,
    ) -> None:
        super().__init__(squared_hinge, reduction, name, dtype)


class CategoricalHinge(FunctionLoss):
    """Margin loss for many classes; see `categorical_hinge`.

    Args:
        reduction, name, dtype: see `Loss`.
    """

    def __init__(
        self, reduction: Reduction = "sum_over_batch_size", name: str = "categorical_hinge",
        dtype: Any = None,
    ) -> None:
        super().__init__(categorical_hinge, reduction, name, dtype)
