"""Shares of right predictions."""

from __future__ import annotations

from typing import Any

from highlevel import config, ops
from highlevel.losses.shapes import as_floats, broadcasts, match_ranks
from highlevel.metrics.reducing import MeanMetricWrapper

__all__ = [
    "Accuracy",
    "BinaryAccuracy",
    "CategoricalAccuracy",
    "SparseCategoricalAccuracy",
    "SparseTopKCategoricalAccuracy",
    "TopKCategoricalAccuracy",
    "accuracy",
    "binary_accuracy",
    "categorical_accuracy",
    "sparse_categorical_accuracy",
    "sparse_top_k_categorical_accuracy",
    "top_k_categorical_accuracy",
]


def _floats(x: Any) -> Any:
    return ops.cast(x, config.floatx())


def _misfit(name: str, y_true: Any, y_pred: Any, remedy: str) -> ValueError:
    return ValueError(
        f"`{name}`: y_true of shape {tuple(y_true.shape)} does not fit y_pred of shape "
        f"{tuple(y_pred.shape)}. {remedy}"
    )


def accuracy(y_true: Any, y_pred: Any) -> Any:
    """Where predictions equal targets.

    Args:
        y_true, y_pred: arrays of one shape.

    Returns:
        Array of that shape, 1 and 0.

    Raises:
        ValueError: the shapes do not fit.
    """
    y_pred = ops.convert_to_tensor(y_pred)
    y_true, y_pred = match_ranks(ops.convert_to_tensor(y_true), y_pred)
    if not broadcasts(y_true.shape, y_pred.shape):
        raise _misfit("accuracy", y_true, y_pred, "Give both one shape.")
    return _floats(ops.equal(y_true, y_pred))


def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> Any:
    """Where predictions lie on the right side of the threshold.

    Args:
        y_true: 0 and 1.
        y_pred: of the same shape.
        threshold: what counts as 1 is above it.

    Returns:
        Array of that shape, 1 and 0.

    Raises:
        ValueError: the shapes do not fit.

    >>> import highlevel as hl
    >>> hl.metrics.binary_accuracy([1.0, 0.0], [0.7, 0.6]).tolist()
    [1.0, 0.0]
    """
    y_pred = as_floats(y_pred)
    y_true, y_pred = match_ranks(as_floats(y_true), y_pred)
    if not broadcasts(y_true.shape, y_pred.shape):
        raise _misfit("binary_accuracy", y_true, y_pred, "Give both one shape.")
    return _floats(ops.equal(y_true, ops.cast(ops.greater(y_pred, threshold), y_true.dtype)))


def categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """Where the largest prediction is that of the right class.

    Args:
        y_true: `(batch, ..., classes)`, a probability for each class ("one-hot").
        y_pred: of the same shape.

    Returns:
        `(batch, ...)`, 1 and 0.

    Raises:
        ValueError: the shapes do not fit.

    >>> import highlevel as hl
    >>> hl.metrics.categorical_accuracy([[0.0, 1.0]], [[0.2, 0.8]]).tolist()
    [1.0]
    """
    y_true, y_pred = as_floats(y_true), as_floats(y_pred)
    if len(y_true.shape) != len(y_pred.shape) or not broadcasts(y_true.shape, y_pred.shape):
        raise _misfit(
            "categorical_accuracy", y_true, y_pred,
            "For labels that are integers use `sparse_categorical_accuracy`.",
        )
    return _floats(ops.equal(ops.argmax(y_true, axis=-1), ops.argmax(y_pred, axis=-1)))


def _labels(y_true: Any, y_pred: Any, name: str) -> Any:
    """Integer labels, without an axis of length 1 too many."""
    y_true = ops.convert_to_tensor(y_true)
    if len(y_true.shape) == len(y_pred.shape) and y_true.shape[-1] == 1:
        y_true = ops.squeeze(y_true, axis=-1)
    if len(y_true.shape) != len(y_pred.shape) - 1 or not broadcasts(
        y_true.shape, y_pred.shape[:-1]
    ):
        raise _misfit(
            name, y_true, y_pred,
            "It needs one integer label for each prediction; for probabilities of each class "
            f"use `{name.removeprefix('sparse_')}`.",
        )
    return ops.cast(y_true, "int32")


def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """Where the largest prediction is that of the right class, given as integer.

    Args:
        y_true: `(batch, ...)` or `(batch, ..., 1)`, the number of the right class.
        y_pred: `(batch, ..., classes)`.

    Returns:
        `(batch, ...)`, 1 and 0.

    Raises:
        ValueError: the shapes do not fit.

    >>> import highlevel as hl
    >>> hl.metrics.sparse_categorical_accuracy([1], [[0.2, 0.8]]).tolist()
    [1.0]
    """
    y_pred = as_floats(y_pred)
    y_true = _labels(y_true, y_pred, "sparse_categorical_accuracy")
    return _floats(ops.equal(y_true, ops.cast(ops.argmax(y_pred, axis=-1), "int32")))


def _in_top_k(labels: Any, y_pred: Any, k: int) -> Any:
    classes = y_pred.shape[-1]
    found = ops.in_top_k(ops.reshape(labels, (-1,)), ops.reshape(y_pred, (-1, classes)), k=k)
    return _floats(found)


def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Any:
    """Where the right class is among the `k` largest predictions.

    Args:
        y_true: `(batch, ..., classes)`, a probability for each class.
        y_pred: of the same shape.
        k: how many predictions count.

    Returns:
        `(batch, ...)`, 1 and 0.

    Raises:
        ValueError: the shapes do not fit.
    """
    y_true, y_pred = as_floats(y_true), as_floats(y_pred)
    if len(y_true.shape) != len(y_pred.shape) or not broadcasts(y_true.shape, y_pred.shape):
        raise _misfit(
            "top_k_categorical_accuracy", y_true, y_pred,
            "For labels that are integers use `sparse_top_k_categorical_accuracy`.",
        )
    labels = ops.cast(ops.argmax(y_true, axis=-1), "int32")
    return ops.reshape(_in_top_k(labels, y_pred, k), ops.shape(labels))


def sparse_top_k_categorical_accuracy(
    y_true: Any, y_pred: Any, k: int = 5, from_sorted_ids: bool = False
) -> Any:
    """Where the right class, given as integer, is among the `k` largest predictions.

    Args:
        y_true: `(batch, ...)` or `(batch, ..., 1)`, the number of the right class.
        y_pred: `(batch, ..., classes)`; or class numbers, best first.
        k: how many predictions count.
        from_sorted_ids: `y_pred` holds class numbers.

    Returns:
        Array of the shape of `y_true`, 1 and 0.

    Raises:
        ValueError: the shapes do not fit.
    """
    y_pred = ops.convert_to_tensor(y_pred)
    shape = ops.shape(ops.convert_to_tensor(y_true))
    labels = _labels(y_true, y_pred, "sparse_top_k_categorical_accuracy")
    if from_sorted_ids:
        best = ops.cast(y_pred[..., :k], "int32")
        found = _floats(ops.any(ops.equal(ops.expand_dims(labels, -1), best), axis=-1))
    else:
        found = _in_top_k(labels, as_floats(y_pred), k)
    return ops.reshape(found, shape)


class Accuracy(MeanMetricWrapper):
    """Share of predictions that equal their targets.

    Args:
        name, dtype: see `Metric`.

    >>> import highlevel as hl
    >>> float(hl.metrics.Accuracy()([1, 2, 3, 4], [1, 2, 3, 3]))
    0.75
    """

    _direction = "up"

    def __init__(self, name: str | None = "accuracy", dtype: Any = None) -> None:
        super().__init__(accuracy, name, dtype)


class BinaryAccuracy(MeanMetricWrapper):
    """Share of predictions on the right side of the threshold.

    Args:
        name, dtype: see `Metric`.
        threshold: what counts as 1 is above it.

    Raises:
        ValueError: `threshold` is None.
    """

    _direction = "up"

    def __init__(
        self, name: str | None = "binary_accuracy", dtype: Any = None, threshold: float = 0.5
    ) -> None:
        super().__init__(binary_accuracy, name, dtype, threshold=threshold)
        if threshold is None:
            raise ValueError(
                f"BinaryAccuracy '{name}' needs a `threshold`; for labels on both sides use "
                "Accuracy."
            )
        self.threshold = threshold


class CategoricalAccuracy(MeanMetricWrapper):
    """Share of predictions whose largest entry is the right class, targets "one-hot".

    Args:
        name, dtype: see `Metric`.
    """

    _direction = "up"

    def __init__(self, name: str | None = "categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(categorical_accuracy, name, dtype)


class SparseCategoricalAccuracy(MeanMetricWrapper):
    """Share of predictions whose largest entry is the right class, targets integers.

    Args:
        name, dtype: see `Metric`.
    """

    _direction = "up"

    def __init__(
        self, name: str | None = "sparse_categorical_accuracy", dtype: Any = None
    ) -> None:
        super().__init__(sparse_categorical_accuracy, name, dtype)


class TopKCategoricalAccuracy(MeanMetricWrapper):
    """Share of predictions with the right class among the `k` largest, targets "one-hot".

    Args:
        k: how many predictions count.
        name, dtype: see `Metric`.
    """

    _direction = "up"

    def __init__(
        self, k: int = 5, name: str | None = "top_k_categorical_accuracy", dtype: Any = None
    ) -> None:
        super().__init__(top_k_categorical_accuracy, name, dtype, k=k)
        self.k = k


class SparseTopKCategoricalAccuracy(MeanMetricWrapper):
    """Share of predictions with the right class among the `k` largest, targets integers.

    Args:
        k: how many predictions count.
        name, dtype: see `Metric`.
        from_sorted_ids: predictions are class numbers, best first.
    """

    _direction = "up"
    _silent = {"from_sorted_ids": False}

    def __init__(
        self,
        k: int = 5,
        name: str | None = "sparse_top_k_categorical_accuracy",
        dtype: Any = None,
        from_sorted_ids: bool = False,
    ) -> None:
        super().__init__(
            sparse_top_k_categorical_accuracy, name, dtype, k=k, from_sorted_ids=from_sorted_ids
        )
        self.k = k
