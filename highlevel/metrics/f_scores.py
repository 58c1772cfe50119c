"""Harmonic means of precision and recall."""

from __future__ import annotations

from typing import Any

from highlevel import config, ops
from highlevel.losses.shapes import as_floats
from highlevel.metrics.base import Metric

__all__ = ["F1Score", "FBetaScore"]

_COUNTS = ("true_positives", "false_positives", "false_negatives", "intermediate_weights")


class FBetaScore(Metric):
    """Weighted harmonic mean of precision and recall, of each class.

    Args:
        average: None for one score per class; `"micro"` counts all classes together;
            `"macro"` is the mean of the scores; `"weighted"` that by the number of each
            class's ones.
        beta: how many times as much recall counts as precision.
        threshold: what counts as 1 is above it; the largest prediction of each sample
            where None.
        name, dtype: see `Metric`.

    Raises:
        ValueError: an argument has another value.

    >>> import highlevel as hl
    >>> metric = hl.metrics.FBetaScore(average="micro", beta=2.0, threshold=0.5)
    >>> round(float(metric([[1, 1, 1], [1, 0, 0]], [[0.2, 0.6, 0.7], [0.2, 0.6, 0.6]])), 4)
    0.5
    """

    _direction = "up"
    _leaves_out_weight_0 = True

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str | None = "fbeta_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        owner = f"{type(self).__name__} '{self.name}'"
        if average not in (None, "micro", "macro", "weighted"):
            raise ValueError(
                f"{owner}: `average` must be None, 'micro', 'macro' or 'weighted'; got "
                f"{average!r}."
            )
        if not isinstance(beta, (int, float)) or beta <= 0:
            raise ValueError(f"{owner}: `beta` must be a number above 0; got {beta!r}.")
        if threshold is not None and not 0 < threshold <= 1:
            raise ValueError(
                f"{owner}: `threshold` must be above 0 and at most 1, or None; got {threshold!r}."
            )
        self.average = average
        self.beta = beta
        self.threshold = threshold
        self.axis = None if average == "micro" else 0
        self._built = False

    def build(self, y_true: Any, y_pred: Any = None, *rest: Any) -> None:
        """Make the variables for the number of classes that the first batch has."""
        shape = tuple(ops.shape(y_true))
        if len(shape) != 2 or shape[1] is None:
            raise ValueError(
                f"{type(self).__name__} '{self.name}' needs y_true and y_pred of shape (batch, "
                f"classes); got y_true of shape {shape}. Turn integer labels into vectors with "
                "`utils.to_categorical`, give two-class targets a last axis: `y[:, None]`."
            )
        self._classes = shape[1]
        for name in _COUNTS:
            size = () if self.average == "micro" else (shape[1],)
            self.__dict__[name] = self.add_variable(size, "zeros", name=name)
        self._built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Gather one batch.

        Args:
            y_true: `(batch, classes)`, 0 and 1.
            y_pred: `(batch, classes)`.
            sample_weight: `(batch,)`.

        Raises:
            ValueError: other shapes, or another number of classes than before.
        """
        y_true, y_pred = as_floats(y_true, self.dtype), as_floats(y_pred, self.dtype)
        if not self._built:
            self.build(y_true, y_pred)
        if any(tuple(y.shape[1:]) != (self._classes,) for y in (y_true, y_pred)):
            raise ValueError(
                f"{type(self).__name__} '{self.name}' needs y_true and y_pred of shape (batch, "
                f"{self._classes}); got {tuple(y_true.shape)} and {tuple(y_pred.shape)}."
            )
        if self.threshold is None:
            largest = ops.max(y_pred, axis=-1, keepdims=True)
            # Where nothing is predicted at all no class is the largest.
            found = ops.logical_and(
                ops.greater_equal(y_pred, largest), ops.greater(ops.abs(y_pred), 1e-9)
            )
        else:
            found = ops.greater(y_pred, self.threshold)
        found = ops.cast(found, self.dtype)
        weight = None
        if sample_weight is not None:
            weight = as_floats(sample_weight, self.dtype)
            if len(weight.shape) == 1:
                weight = ops.expand_dims(weight, 1)

        def total(values: Any) -> Any:
            return ops.sum(values if weight is None else values * weight, axis=self.axis)

        both = found * y_true
        self.__dict__["true_positives"].assign_add(total(both))
        self.__dict__["false_positives"].assign_add(total(found * (1.0 - y_true)))
        self.__dict__["false_negatives"].assign_add(total((1.0 - found) * y_true))
        self.__dict__["intermediate_weights"].assign_add(total(y_true))

    def result(self) -> Any:
        if not self._built:
            return ops.zeros((), self.dtype)
        tp, fp, fn, weights = (self.__dict__[name].value for name in _COUNTS)
        epsilon = config.epsilon()
        precision = tp / (tp + fp + epsilon)
        recall = tp / (tp + fn + epsilon)
        square = self.beta * self.beta
        scores = (1.0 + square) * precision * recall / (square * precision + recall + epsilon)
        if self.average == "weighted":
            return ops.sum(scores * weights / (ops.sum(weights) + epsilon))
        if self.average is not None:
            return ops.mean(scores)
        return scores

    def reset_state(self) -> None:
        if self._built:
            super().reset_state()

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "average": self.average,
            "beta": self.beta,
            "threshold": self.threshold,
        }


class F1Score(FBetaScore):
    """Harmonic mean of precision and recall, of each class.

    Args:
        average, threshold: see `FBetaScore`.
        name, dtype: see `Metric`.

    Raises:
        ValueError: an argument has another value.
    """

    def __init__(
        self,
        average: str | None = None,
        threshold: float | None = None,
        name: str | None = "f1_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(average=average, beta=1.0, threshold=threshold, name=name, dtype=dtype)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["beta"]
        return config
