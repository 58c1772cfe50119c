"""How well predictions go along with targets."""

from __future__ import annotations

import warnings
from typing import Any

from highlevel_backend import current_backend

from highlevel import config, ops
from highlevel.losses.shapes import as_floats, pair
from highlevel.metrics.base import Metric
from highlevel.metrics.reducing import MeanMetricWrapper
from highlevel.variable import Variable

__all__ = [
    "ConcordanceCorrelation",
    "PearsonCorrelation",
    "R2Score",
    "concordance_correlation",
    "pearson_correlation",
]


def _centred(x: Any, axis: int) -> tuple[Any, Any]:
    mean = ops.mean(x, axis=axis, keepdims=True)
    return x - mean, mean


def pearson_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """Pearson's correlation coefficient along an axis.

    Args:
        y_true, y_pred: arrays of one shape.
        axis: axis of the pairs.

    Returns:
        Array of the shape without `axis`, from -1 to 1; NaN where one side is constant.

    Raises:
        ValueError: the shapes do not fit.

    >>> import highlevel as hl
    >>> y = hl.metrics.pearson_correlation([[0.0, 1.0, 2.0]], [[1.0, 3.0, 5.0]])
    >>> round(float(y[0]), 5)
    1.0
    """
    y_true, y_pred = pair(y_true, y_pred, "pearson_correlation")
    (true, _), (pred, _) = _centred(y_true, axis), _centred(y_pred, axis)
    squares = ops.sum(ops.square(true), axis=axis) * ops.sum(ops.square(pred), axis=axis)
    varies = ops.greater(squares, 0.0)
    root = ops.sqrt(ops.where(varies, squares, ops.ones_like(squares)))
    found = ops.sum(true * pred, axis=axis) / root
    return ops.where(varies, found, ops.full_like(found, float("nan")))


def concordance_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """Lin's concordance correlation coefficient along an axis: agreement, not just linearity.

    L. Lin, "A concordance correlation coefficient to evaluate reproducibility",
    Biometrics 45, 1989.

    Args:
        y_true, y_pred: arrays of one shape.
        axis: axis of the pairs.

    Returns:
        Array of the shape without `axis`, from -1 to 1.

    Raises:
        ValueError: the shapes do not fit.
    """
    y_true, y_pred = pair(y_true, y_pred, "concordance_correlation")
    (true, true_mean), (pred, pred_mean) = _centred(y_true, axis), _centred(y_pred, axis)
    shift = ops.squeeze(ops.square(true_mean - pred_mean), axis=axis)
    spread = ops.mean(ops.square(true) + ops.square(pred), axis=axis)
    together = ops.mean(true * pred, axis=axis)
    return 2.0 * together / (spread + shift + config.epsilon())


class PearsonCorrelation(MeanMetricWrapper):
    """Mean of Pearson's correlation coefficient.

    Args:
        name, dtype: see `Metric`.
        axis: axis of the pairs.
    """

    _direction = "up"

    def __init__(
        self, name: str | None = "pearson_correlation", dtype: Any = None, axis: int = -1
    ) -> None:
        super().__init__(pearson_correlation, name, dtype, axis=axis)
        self.axis = axis


class ConcordanceCorrelation(MeanMetricWrapper):
    """Mean of Lin's concordance correlation coefficient.

    Args:
        name, dtype: see `Metric`.
        axis: axis of the pairs.
    """

    _direction = "up"

    def __init__(
        self, name: str | None = "concordance_correlation", dtype: Any = None, axis: int = -1
    ) -> None:
        super().__init__(concordance_correlation, name, dtype, axis=axis)
        self.axis = axis


class R2Score(Metric):
    """Share of the variance that predictions explain (coefficient of determination).

    Args:
        class_aggregation: `"uniform_average"` of the outputs' scores,
            `"variance_weighted_average"`, or None for one score per output.
        num_regressors: number of independent variables, for the adjusted score; 0 for the
            plain one.
        name, dtype: see `Metric`.

    Raises:
        ValueError: an argument is none of these.

    >>> import highlevel as hl
    >>> metric = hl.metrics.R2Score()
    >>> round(float(metric([[1.0], [4.0], [3.0]], [[2.0], [4.0], [4.0]])), 4)
    0.5714
    """

    _direction = "up"
    # Made with the first batch, which tells the number of outputs.
    squared_sum: Variable
    sum: Variable
    residual: Variable
    count: Variable

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: int = 0,
        name: str | None = "r2_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        known = (None, "uniform_average", "variance_weighted_average")
        if class_aggregation not in known:
            raise ValueError(
                f"R2Score '{self.name}': `class_aggregation` must be one of "
                f"{', '.join(map(repr, known))}; got {class_aggregation!r}."
            )
        if num_regressors < 0:
            raise ValueError(
                f"R2Score '{self.name}': `num_regressors` must be at least 0; got "
                f"{num_regressors}."
            )
        self.class_aggregation = class_aggregation
        self.num_regressors = num_regressors
        self._leaves_out_weight_0 = num_regressors == 0  # else rows are counted
        self.num_samples = self.add_variable((), "zeros", name="num_samples")
        self._built = False

    def build(self, y_true: Any, y_pred: Any = None, *rest: Any) -> None:
        """Make the variables for the number of outputs that `y_true` has."""
        shape = tuple(y_true.shape if hasattr(y_true, "shape") else ops.shape(y_true))
        if len(shape) != 2 or shape[1] is None:
            raise ValueError(
                f"R2Score '{self.name}' needs y_true and y_pred of shape (batch, outputs); got "
                f"y_true of shape {shape}. Give vectors a last axis: `y[:, None]`."
            )
        for name in ("squared_sum", "sum", "residual", "count"):
            self.__dict__[name] = self.add_variable((shape[1],), "zeros", name=name)
        self._built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Gather one batch.

        Args:
            y_true, y_pred: `(batch, outputs)`.
            sample_weight: `(batch,)` or `(batch, 1)`.

        Raises:
            ValueError: another number of axes, or of outputs than before.
        """
        y_true, y_pred = as_floats(y_true, self.dtype), as_floats(y_pred, self.dtype)
        if not self._built:
            self.build(y_true, y_pred)
        outputs = self.sum.shape[0]
        if tuple(y_true.shape[1:]) != (outputs,) or tuple(y_pred.shape[1:]) != (outputs,):
            raise ValueError(
                f"R2Score '{self.name}' has gathered {outputs} outputs, and needs y_true and "
                f"y_pred of shape (batch, {outputs}); got {tuple(y_true.shape)} and "
                f"{tuple(y_pred.shape)}."
            )
        if sample_weight is None:
            sample_weight = 1.0
        weight = as_floats(sample_weight, self.dtype)
        if len(weight.shape) == 1:
            weight = ops.expand_dims(weight, 1)
        weight = ops.broadcast_to(weight, ops.shape(y_true))
        weighted = y_true * weight
        self.sum.assign_add(ops.sum(weighted, axis=0))
        self.squared_sum.assign_add(ops.sum(y_true * weighted, axis=0))
        self.residual.assign_add(ops.sum(ops.square(y_true - y_pred) * weight, axis=0))
        self.count.assign_add(ops.sum(weight, axis=0))
        self.num_samples.assign_add(ops.sum(ops.ones_like(y_true)))

    def result(self) -> Any:
        if not self._built:
            return ops.zeros((), self.dtype)
        summed = self.sum.value
        mean = summed / self.count.value
        total = self.squared_sum.value - summed * mean
        raw = 1.0 - self.residual.value / total
        raw = ops.where(ops.isinf(raw), ops.zeros_like(raw), raw)
        if self.class_aggregation == "uniform_average":
            score = ops.mean(raw)
        elif self.class_aggregation == "variance_weighted_average":
            score = ops.sum(total * raw) / ops.sum(total)
        else:
            score = raw
        return self._adjusted(score) if self.num_regressors else score

    def _adjusted(self, score: Any) -> Any:
        samples = self.num_samples.value
        free = samples - float(self.num_regressors) - 1.0
        valid = ops.greater(free, 0.0)
        if not current_backend().is_abstract(valid) and not bool(valid):
            warnings.warn(
                f"R2Score '{self.name}' has gathered fewer values than `num_regressors="
                f"{self.num_regressors}` and 2: the score is not adjusted.", stacklevel=3,
            )
        safe = ops.where(valid, free, ops.ones_like(free))
        adjusted = 1.0 - (1.0 - score) * (samples - 1.0) / safe
        return ops.where(valid, adjusted, score)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "class_aggregation": self.class_aggregation,
            "num_regressors": self.num_regressors,
        }
