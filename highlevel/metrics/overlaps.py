"""Intersection over union of classes, from a confusion matrix."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from highlevel_backend import canonical_name, is_float

from highlevel import config, ops
from highlevel.metrics.base import Metric

__all__ = ["BinaryIoU", "IoU", "MeanIoU", "OneHotIoU", "OneHotMeanIoU"]


class _Overlap(Metric):
    """A confusion matrix: rows are true classes, columns predicted ones."""

    _direction = "up"

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        # Counts are integers unless a floating dtype was asked for.
        super().__init__(name=name, dtype=dtype or "int32")
        self.num_classes = num_classes
        self.ignore_class = ignore_class
        self.sparse_y_true = sparse_y_true
        self.sparse_y_pred = sparse_y_pred
        self.axis = axis
        self.total_confusion_matrix = self.add_variable(
            (num_classes, num_classes), "zeros", name="total_confusion_matrix"
        )

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Gather one batch.

        Args:
            y_true: class numbers, or a probability for each class along `axis`.
            y_pred: of the same shape.
            sample_weight: weights of the entries; cut to integers where the dtype is one.

        Raises:
            ValueError: the numbers of entries differ.
        """
        if not self.sparse_y_true:
            y_true = ops.argmax(y_true, axis=self.axis)
        if not self.sparse_y_pred:
            y_pred = ops.argmax(y_pred, axis=self.axis)
        true = ops.reshape(ops.cast(y_true, "int32"), (-1,))
        pred = ops.reshape(ops.cast(y_pred, "int32"), (-1,))
        if true.shape[0] != pred.shape[0]:
            raise ValueError(
                f"{type(self).__name__} '{self.name}': {true.shape[0]} targets do not go with "
                f"{pred.shape[0]} predictions."
            )
        if sample_weight is None:
            weight = ops.ones_like(true, dtype=self.dtype)
        else:
            weight = ops.convert_to_tensor(sample_weight)
            if is_float(canonical_name(weight.dtype)) and not is_float(self.dtype):
                warnings.warn(
                    f"{type(self).__name__} '{self.name}' counts in {self.dtype}: weights are cut "
                    "to integers. Use integer weights, or make it with `dtype='float32'`.",
                    stacklevel=3,
                )
            weight = ops.cast(weight, self.dtype)
            if len(weight.shape) and weight.shape[0] != true.shape[0]:
                while len(weight.shape) < len(ops.shape(y_true)):
                    weight = ops.expand_dims(weight, -1)
                weight = ops.broadcast_to(weight, ops.shape(y_true))
            weight = ops.broadcast_to(ops.reshape(weight, (-1,)), ops.shape(true))
        size = self.num_classes
        counted = ops.logical_and(
            ops.logical_and(true >= 0, true < size), ops.logical_and(pred >= 0, pred < size)
        )
        if self.ignore_class is not None:
            counted = ops.logical_and(counted, ops.not_equal(true, self.ignore_class))
        cell = ops.where(counted, true * size + pred, ops.zeros_like(true))
        weight = ops.where(counted, weight, ops.zeros_like(weight))
        matrix = ops.segment_sum(weight, cell, num_segments=size * size)
        self.total_confusion_matrix.assign_add(ops.reshape(matrix, (size, size)))

    def _scores(self) -> tuple[Any, Any]:
        """Intersection over union of each class, and whether the class occurred."""
        matrix = ops.cast(self.total_confusion_matrix, config.floatx())
        both = ops.diagonal(matrix)
        either = ops.sum(matrix, axis=0) + ops.sum(matrix, axis=1) - both
        return both / (either + config.epsilon()), ops.greater(either, 0)

    def _mean(self, scores: Any, occurred: Any) -> Any:
        occurred = ops.cast(occurred, scores.dtype)
        return ops.divide_no_nan(ops.sum(scores * occurred), ops.sum(occurred))


class IoU(_Overlap):
    """Mean intersection over union of chosen classes.

    Args:
        num_classes: number of classes.
        target_class_ids: numbers of the chosen ones.
        name: see `Metric`.
        dtype: dtype of the counts, int32 where None.
        ignore_class: true class whose entries do not count.
        sparse_y_true, sparse_y_pred: class numbers are given; otherwise a probability for
            each class.
        axis: axis of the classes, where not sparse.

    Raises:
        ValueError: a target class is not below `num_classes`.

    >>> import highlevel as hl
    >>> metric = hl.metrics.IoU(num_classes=2, target_class_ids=[0])
    >>> round(float(metric([0, 0, 1, 1], [0, 1, 0, 1])), 4)
    0.3333
    """

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        super().__init__(
            num_classes, name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis
        )
        self.target_class_ids = list(target_class_ids)
        wrong = [i for i in self.target_class_ids if i >= num_classes]
        if wrong:
            raise ValueError(
                f"{type(self).__name__} '{self.name}': `target_class_ids` must be below "
                f"{num_classes}, the number of classes; got {wrong}."
            )

    def result(self) -> Any:
        scores, occurred = self._scores()
        chosen = ops.convert_to_tensor(self.target_class_ids, "int32")
        return self._mean(ops.take(scores, chosen), ops.take(occurred, chosen))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "target_class_ids": self.target_class_ids,
            "ignore_class": self.ignore_class,
            "sparse_y_true": self.sparse_y_true,
            "sparse_y_pred": self.sparse_y_pred,
            "axis": self.axis,
        }


class BinaryIoU(IoU):
    """Mean intersection over union of two classes, told apart by a threshold.

    Args:
        target_class_ids: classes that count: 0, 1 or both.
        threshold: what counts as 1 is not below it.
        name, dtype: see `IoU`.

    Raises:
        ValueError: a target class is neither 0 nor 1.
    """

    def __init__(
        self,
        target_class_ids: Sequence[int] = (0, 1),
        threshold: float = 0.5,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(2, target_class_ids, name, dtype)
        self.threshold = threshold

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        found = ops.cast(ops.greater_equal(ops.convert_to_tensor(y_pred), self.threshold), "int32")
        super().update_state(y_true, found, sample_weight)

    def get_config(self) -> dict[str, Any]:
        return {
            "target_class_ids": self.target_class_ids,
            "threshold": self.threshold,
            "name": self.name,
            "dtype": self.dtype,
        }


class MeanIoU(_Overlap):
    """Mean intersection over union of all classes that occur.

    Args:
        num_classes: number of classes.
        name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis: see `IoU`.

    >>> import highlevel as hl
    >>> metric = hl.metrics.MeanIoU(num_classes=2)
    >>> round(float(metric([0, 0, 1, 1], [0, 1, 0, 1])), 4)
    0.3333
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        super().__init__(
            num_classes, name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis
        )

    def result(self) -> Any:
        return self._mean(*self._scores())

    def get_config(self) -> dict[str, Any]:
        return {
            "num_classes": self.num_classes,
            **super().get_config(),
            "ignore_class": self.ignore_class,
            "sparse_y_true": self.sparse_y_true,
            "sparse_y_pred": self.sparse_y_pred,
            "axis": self.axis,
        }


class OneHotIoU(IoU):
    """`IoU` with targets that have a probability for each class.

    Args:
        num_classes, target_class_ids, name, dtype, ignore_class, sparse_y_pred, axis: see
            `IoU`.
    """

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(
            num_classes, target_class_ids, name, dtype, ignore_class, sparse_y_true=False,
            sparse_y_pred=sparse_y_pred, axis=axis,
        )

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["sparse_y_true"]
        return config


class OneHotMeanIoU(MeanIoU):
    """`MeanIoU` with targets that have a probability for each class.

    Args:
        num_classes, name, dtype, ignore_class, sparse_y_pred, axis: see `IoU`.
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(
            num_classes, name, dtype, ignore_class, sparse_y_true=False,
            sparse_y_pred=sparse_y_pred, axis=axis,
        )

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["sparse_y_true"]
        return config
