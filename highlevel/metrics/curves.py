"""Areas under curves over thresholds, and points on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from highlevel import config, ops
from highlevel.losses.shapes import as_floats
from highlevel.metrics.base import Metric
from highlevel.metrics.confusion import counts, counts_of_all, prepare

__all__ = [
    "AUC",
    "PrecisionAtRecall",
    "RecallAtPrecision",
    "SensitivityAtSpecificity",
    "SpecificityAtSensitivity",
]

_COUNTS = ("true_positives", "false_positives", "true_negatives", "false_negatives")


class _Counting(Metric):
    """State of four counts per threshold."""

    _leaves_out_weight_0 = True

    def _add_counts(self, shape: tuple[int, ...]) -> None:
        for name in _COUNTS:
            self.__dict__[name] = self.add_variable(shape, "zeros", name=name)

    def _gather(self, found: Sequence[Any]) -> None:
        for name, value in zip(_COUNTS, found):
            getattr(self, name).assign_add(value)


def _one_of(value: str, known: Sequence[str], what: str, owner: str) -> str:
    for name in known:
        if name.lower() == str(value).lower():
            return name
    raise ValueError(
        f"{owner}: `{what}` must be one of {', '.join(map(repr, known))}; got {value!r}."
    )


class AUC(_Counting):
    """Area under the ROC curve, or another, by sums over thresholds.

    Args:
        num_thresholds: how many thresholds, evenly spaced; more are more exact.
        curve: `"ROC"`; `"PR"`, precision over recall; or `"PRGAIN"`, their gains (P. Flach,
            M. Kull, "Precision-recall-gain curves", NeurIPS 2015).
        summation_method: `"interpolation"`; `"minoring"` or `"majoring"` for rectangles
            below or above the curve.
        name, dtype: see `Metric`.
        thresholds: thresholds from 0 to 1 in place of the even ones.
        multi_label: an area for each label, and the mean of them.
        num_labels: number of labels; told by the first batch where None.
        label_weights: weight of each label: in the mean with `multi_label`, of its counts
            without.
        from_logits: predictions are logits.

    Raises:
        ValueError: an argument has another value.

    >>> import highlevel as hl
    >>> metric = hl.metrics.AUC()
    >>> round(float(metric([0, 0, 1, 1], [0.0, 0.5, 0.3, 0.9])), 3)
    0.75
    """

    _direction = "up"

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: Any = None,
        thresholds: Sequence[float] | None = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Sequence[float] | None = None,
        from_logits: bool = False,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        owner = f"AUC '{self.name}'"
        self.curve = _one_of(curve, ("ROC", "PR", "PRGAIN"), "curve", owner)
        self.summation_method = _one_of(
            summation_method, ("interpolation", "minoring", "majoring"), "summation_method", owner
        )
        self._given_thresholds = thresholds is not None
        if thresholds is not None:
            inner = sorted(float(value) for value in thresholds)
            if any(not 0 <= value <= 1 for value in inner):
                raise ValueError(f"{owner}: thresholds must be from 0 to 1; got {inner}.")
            num_thresholds = len(inner) + 2
        else:
            if num_thresholds <= 1:
                raise ValueError(
                    f"{owner}: `num_thresholds` must be an integer above 1; got {num_thresholds}."
                )
            inner = [i / (num_thresholds - 1) for i in range(1, num_thresholds - 1)]
        self.num_thresholds = num_thresholds
        # The ends lie beyond 0 and 1, so that these are above and below them.
        self._thresholds = [-config.epsilon(), *inner, 1.0 + config.epsilon()]
        self.multi_label = multi_label
        self.num_labels = num_labels
        self._from_logits = from_logits
        if num_labels is not None and not multi_label:
            raise ValueError(f"{owner}: `num_labels` goes with `multi_label=True` only.")
        if label_weights is not None and any(weight < 0 for weight in label_weights):
            raise ValueError(f"{owner}: `label_weights` must not be negative.")
        self.label_weights = None if label_weights is None else [float(w) for w in label_weights]
        self._built = False
        if not multi_label:
            self._make(None)
        elif num_labels is not None:
            self._make(num_labels)

    @property
    def thresholds(self) -> list[float]:
        """The thresholds, the outermost a little beyond 0 and 1."""
        return list(self._thresholds)

    def _make(self, labels: int | None) -> None:
        if labels is not None and self.label_weights is not None \
                and len(self.label_weights) != labels:
            raise ValueError(
                f"AUC '{self.name}' has {len(self.label_weights)} `label_weights` for {labels} "
                "labels."
            )
        shape = (self.num_thresholds,) if labels is None else (self.num_thresholds, labels)
        self._add_counts(shape)
        self._built = True

    def build(self, y_true: Any, y_pred: Any = None, *rest: Any) -> None:
        """Make the variables for the number of labels that the first batch has."""
        shape = tuple(ops.shape(y_true if y_pred is None else y_pred))
        if len(shape) != 2 or shape[1] is None:
            raise ValueError(
                f"AUC '{self.name}' with `multi_label=True` needs y_pred of shape (batch, labels); "
                f"got {shape}."
            )
        self._make(shape[1])

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Gather one batch.

        Args:
            y_true: 0 and 1.
            y_pred: of the same shape, from 0 to 1 (or logits); `(batch, labels)` with
                `multi_label`.
            sample_weight: weights, one per sample or per entry.

        Raises:
            ValueError: the shapes do not fit.
        """
        y_pred = as_floats(y_pred, self.dtype)
        if not self._built:
            self.build(y_true, y_pred)
        if self._from_logits:
            y_pred = ops.sigmoid(y_pred)
        y_true, y_pred, weight = prepare(y_true, y_pred, sample_weight, self.dtype)
        if self.multi_label:
            labels = self.__dict__["true_positives"].shape[1]
            if len(y_pred.shape) != 2 or y_pred.shape[1] != labels:
                raise ValueError(
                    f"AUC '{self.name}' needs y_true and y_pred of shape (batch, {labels}); got "
                    f"{tuple(y_pred.shape)}."
                )
            self._gather(counts(y_true, y_pred, weight, self._thresholds))
            return
        if self.label_weights is not None:
            if y_pred.shape[-1] != len(self.label_weights):
                raise ValueError(
                    f"AUC '{self.name}' has {len(self.label_weights)} `label_weights`; got "
                    f"predictions of shape {tuple(y_pred.shape)}."
                )
            weight = weight * as_floats(self.label_weights, self.dtype)
        self._gather(counts_of_all(y_true, y_pred, weight, self._thresholds))

    def result(self) -> Any:
        if not self._built:
            return ops.zeros((), self.dtype)
        tp, fp, tn, fn = (getattr(self, name).value for name in _COUNTS)
        if self.curve == "PR" and self.summation_method == "interpolation":
            return self.interpolate_pr_auc()
        recall = ops.divide_no_nan(tp, tp + fn)
        if self.curve == "ROC":
            x, y = ops.divide_no_nan(fp, fp + tn), recall
        elif self.curve == "PR":
            x, y = recall, ops.divide_no_nan(tp, tp + fp)
        else:
            odds = ops.divide_no_nan(tp + fn, tn + fp)
            # Gains below 0 are worse than always saying yes, and count as that.
            x = ops.maximum(1.0 - odds * ops.divide_no_nan(fn, tp), 0.0)
            x = ops.where(ops.greater(tp, 0.0), x, ops.zeros_like(x))
            y = ops.maximum(1.0 - odds * ops.divide_no_nan(fp, tp), 0.0)
        left, right = y[: self.num_thresholds - 1], y[1:]
        if self.summation_method == "interpolation":
            heights = (left + right) / 2.0
        elif self.summation_method == "minoring":
            heights = ops.minimum(left, right)
        else:
            heights = ops.maximum(left, right)
        return self._mean((x[: self.num_thresholds - 1] - x[1:]) * heights)

    def interpolate_pr_auc(self) -> Any:
        """Area under precision over recall, interpolated as the counts change.

        J. Davis, M. Goadrich, "The relationship between precision-recall and ROC curves",
        ICML 2006: between thresholds true positives grow linearly with all positives, so
        that precision does not.

        Returns:
            Scalar array.
        """
        tp, fp, _, fn = (getattr(self, name).value for name in _COUNTS)
        found = tp + fp
        d_tp = tp[: self.num_thresholds - 1] - tp[1:]
        d_found = found[: self.num_thresholds - 1] - found[1:]
        slope = ops.divide_no_nan(d_tp, ops.maximum(d_found, 0.0))
        intercept = tp[1:] - slope * found[1:]
        before, after = found[: self.num_thresholds - 1], found[1:]
        ratio = ops.where(
            ops.logical_and(ops.greater(before, 0.0), ops.greater(after, 0.0)),
            ops.divide_no_nan(before, ops.maximum(after, 0.0)),
            ops.ones_like(after),
        )
        return self._mean(ops.divide_no_nan(
            slope * (d_tp + intercept * ops.log(ratio)), ops.maximum(tp[1:] + fn[1:], 0.0)
        ))

    def _mean(self, pieces: Any) -> Any:
        areas = ops.sum(pieces, axis=0)
        if not self.multi_label:
            return areas
        if self.label_weights is None:
            return ops.mean(areas)
        weights = as_floats(self.label_weights, self.dtype)
        return ops.divide_no_nan(ops.sum(areas * weights), ops.sum(weights))

    def get_config(self) -> dict[str, Any]:
        result = {
            **super().get_config(),
            "num_thresholds": self.num_thresholds,
            "curve": self.curve,
            "summation_method": self.summation_method,
            "multi_label": self.multi_label,
            "num_labels": self.num_labels,
            "label_weights": self.label_weights,
            "from_logits": self._from_logits,
        }
        if self._given_thresholds:
            result["thresholds"] = self._thresholds[1:-1]
        return result


class _AtConstraint(_Counting):
    """The best of one share where another one is large enough."""

    _direction = "up"
    _constraint: str

    def __init__(
        self, value: float, num_thresholds: int, class_id: int | None, name: str | None, dtype: Any
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        owner = f"{type(self).__name__} '{self.name}'"
        if not 0 <= value <= 1:
            raise ValueError(f"{owner}: `{self._constraint}` must be from 0 to 1; got {value}.")
        if num_thresholds <= 0:
            raise ValueError(f"{owner}: `num_thresholds` must be above 0; got {num_thresholds}.")
        self.value = value
        self.class_id = class_id
        self.num_thresholds = num_thresholds
        self.__dict__[self._constraint] = value
        if num_thresholds == 1:
            self.thresholds = [0.5]
        else:
            self.thresholds = [i / (num_thresholds - 1) for i in range(num_thresholds)]
        self._add_counts((num_thresholds,))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Gather one batch.

        Args:
            y_true: 0 and 1.
            y_pred: of the same shape, from 0 to 1.
            sample_weight: weights, one per sample or per entry.

        Raises:
            ValueError: the shapes do not fit.
        """
        prepared = prepare(
            y_true, y_pred, sample_weight, self.dtype, class_id=self.class_id
        )
        self._gather(counts_of_all(*prepared, self.thresholds))

    def _best(self, constrained: Any, wanted: Any) -> Any:
        """The greatest `wanted` where `constrained` reaches the value; 0 where it never does."""
        feasible = ops.greater_equal(constrained, self.value)
        # Shares are not negative: 0 stands for what is out of the question.
        return ops.max(ops.where(feasible, wanted, ops.zeros_like(wanted)))

    def _shares(self) -> dict[str, Any]:
        tp, fp, tn, fn = (getattr(self, name).value for name in _COUNTS)
        recall = ops.divide_no_nan(tp, tp + fn)
        return {
            "precision": ops.divide_no_nan(tp, tp + fp),
            "recall": recall,
            "sensitivity": recall,
            "specificity": ops.divide_no_nan(tn, tn + fp),
        }

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "class_id": self.class_id,
            "num_thresholds": self.num_thresholds,
            self._constraint: self.value,
        }


class SensitivityAtSpecificity(_AtConstraint):
    """The best sensitivity (recall of ones) at a specificity (recall of zeros).

    Args:
        specificity: what must be reached, from 0 to 1.
        num_thresholds: how many thresholds are tried.
        class_id: count only this entry of the last axis.
        name, dtype: see `Metric`.

    Raises:
        ValueError: an argument is out of range.
    """

    _constraint = "specificity"

    def __init__(
        self, specificity: float, num_thresholds: int = 200, class_id: int | None = None,
        name: str | None = None, dtype: Any = None,
    ) -> None:
        super().__init__(specificity, num_thresholds, class_id, name, dtype)

    def result(self) -> Any:
        shares = self._shares()
        return self._best(shares["specificity"], shares["sensitivity"])


class SpecificityAtSensitivity(_AtConstraint):
    """The best specificity (recall of zeros) at a sensitivity (recall of ones).

    Args:
        sensitivity: what must be reached, from 0 to 1.
        num_thresholds, class_id: see `SensitivityAtSpecificity`.
        name, dtype: see `Metric`.

    Raises:
        ValueError: an argument is out of range.
    """

    _constraint = "sensitivity"

    def __init__(
        self, sensitivity: float, num_thresholds: int = 200, class_id: int | None = None,
        name: str | None = None, dtype: Any = None,
    ) -> None:
        super().__init__(sensitivity, num_thresholds, class_id, name, dtype)

    def result(self) -> Any:
        shares = self._shares()
        return self._best(shares["sensitivity"], shares["specificity"])


class PrecisionAtRecall(_AtConstraint):
    """The best precision at a recall.

    Args:
        recall: what must be reached, from 0 to 1.
        num_thresholds, class_id: see `SensitivityAtSpecificity`.
        name, dtype: see `Metric`.

    Raises:
        ValueError: an argument is out of range.
    """

    _constraint = "recall"

    def __init__(
        self, recall: float, num_thresholds: int = 200, class_id: int | None = None,
        name: str | None = None, dtype: Any = None,
    ) -> None:
        super().__init__(recall, num_thresholds, class_id, name, dtype)

    def result(self) -> Any:
        shares = self._shares()
        return self._best(shares["recall"], shares["precision"])


class RecallAtPrecision(_AtConstraint):
    """The best recall at a precision.

    Args:
        precision: what must be reached, from 0 to 1.
        num_thresholds, class_id: see `SensitivityAtSpecificity`.
        name, dtype: see `Metric`.

    Raises:
        ValueError: an argument is out of range.
    """

    _constraint = "precision"

    def __init__(
        self, precision: float, num_thresholds: int = 200, class_id: int | None = None,
        name: str | None = None, dtype: Any = None,
    ) -> None:
        super().__init__(precision, num_thresholds, class_id, name, dtype)

    def result(self) -> Any:
        shares = self._shares()
        return self._best(shares["precision"], shares["recall"])
