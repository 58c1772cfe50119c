"""Means and sums over all batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from highlevel import ops
from highlevel.losses import hinges, probabilistic, regression, structured
from highlevel.losses.base import apply_mask
from highlevel.losses.shapes import as_floats, broadcasts, match_ranks
from highlevel.masking import get_mask
from highlevel.metrics.base import Metric
from highlevel.serialization import deserialize_keras_object, serialize_keras_object

__all__ = ["Mean", "MeanMetricWrapper", "Sum"]


def _per_sample(
    values: Any, sample_weight: Any, reduce: Callable, dtype: str
) -> tuple[Any, Any]:
    """Weighted values and weights, one of each per sample."""
    mask = get_mask(values)
    values = as_floats(values, dtype)
    if sample_weight is not None:
        # What the function itself masked takes its weights along.
        if mask is not None:
            sample_weight = apply_mask(sample_weight, mask, dtype)
        sample_weight = as_floats(sample_weight, dtype)
        values, sample_weight = match_ranks(values, sample_weight)
        rank = len(sample_weight.shape)
        if not broadcasts(tuple(sample_weight.shape), tuple(values.shape[:rank])) or rank > len(
            values.shape
        ):
            raise ValueError(
                f"`sample_weight` of shape {tuple(sample_weight.shape)} does not fit values of "
                f"shape {tuple(values.shape)}: its axes must be the first ones of the values."
            )
        if len(values.shape) > rank:
            values = reduce(values, axis=tuple(range(rank, len(values.shape))))
        values = values * sample_weight
        if len(values.shape) > 1:
            spread = ops.broadcast_to(sample_weight, values.shape)
            sample_weight = reduce(spread, axis=tuple(range(1, len(values.shape))))
    if len(values.shape) > 1:
        values = reduce(values, axis=tuple(range(1, len(values.shape))))
    return values, sample_weight


class Mean(Metric):
    """Weighted mean of all values.

    Args:
        name, dtype: see `Metric`.

    >>> import highlevel as hl
    >>> mean = hl.metrics.Mean()
    >>> mean.update_state([1.0, 3.0])
    >>> mean.update_state([8.0], sample_weight=[2.0])
    >>> float(mean.result())
    5.0
    """

    def __init__(self, name: str | None = "mean", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable((), "zeros", name="total")
        self.count = self.add_variable((), "zeros", name="count")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Gather one batch.

        Args:
            values: `(batch, ...)`; further axes are averaged.
            sample_weight: weights whose axes are the first ones of `values`.

        Raises:
            ValueError: the weights do not fit.
        """
        values, sample_weight = _per_sample(values, sample_weight, ops.mean, self.dtype)
        self.total.assign_add(ops.sum(values))
        if sample_weight is not None:
            self.count.assign_add(ops.sum(sample_weight))
        elif len(values.shape):
            self.count.assign_add(ops.cast(ops.shape(values)[0], self.dtype))
        else:
            self.count.assign_add(1.0)

    def result(self) -> Any:
        return ops.divide_no_nan(self.total, self.count)


class Sum(Metric):
    """Weighted sum of all values.

    Args:
        name, dtype: see `Metric`.

    >>> import highlevel as hl
    >>> float(hl.metrics.Sum()([1.0, 3.0]))
    4.0
    """

    def __init__(self, name: str | None = "sum", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable((), "zeros", name="total")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Gather one batch.

        Args:
            values: `(batch, ...)`.
            sample_weight: weights whose axes are the first ones of `values`.

        Raises:
            ValueError: the weights do not fit.
        """
        values, _ = _per_sample(values, sample_weight, ops.sum, self.dtype)
        self.total.assign_add(ops.sum(values))

    def result(self) -> Any:
        return self.total.value


def _direction(fn: Callable) -> str | None:
    """Whether more or less of a function is better, told by its name."""
    name = getattr(fn, "__name__", "")
    if "accuracy" in name or "correlation" in name:
        return "up"
    return "down" if fn in _LOSSES else None


_LOSSES = {
    getattr(module, name)
    for module in (hinges, probabilistic, regression, structured)
    for name in module.__all__
    if name.islower()
}


class MeanMetricWrapper(Mean):
    """Weighted mean of a function of targets and predictions.

    Args:
        fn: `(y_true, y_pred, **kwargs) -> (batch, ...)`.
        name, dtype: see `Metric`.
        kwargs: further arguments of `fn`.

    >>> import highlevel as hl
    >>> metric = hl.metrics.MeanMetricWrapper(hl.losses.mean_squared_error)
    >>> float(metric([[0.0, 1.0]], [[2.0, 1.0]]))
    2.0
    """

    #: arguments of `fn` that stay out of the config while they have this value
    _silent: dict[str, Any] = {}

    def __init__(
        self, fn: Callable, name: str | None = None, dtype: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self._fn = fn
        self._fn_kwargs = kwargs
        if self._direction is None:
            self._direction = _direction(fn)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Gather one batch.

        Args:
            y_true, y_pred: what the function takes; a mask set on `y_pred` leaves entries
                out.
            sample_weight: weights whose axes are the first ones of the function's values.

        Raises:
            ValueError: shapes do not fit.
        """
        mask = get_mask(y_pred)
        values = self._fn(y_true, y_pred, **self._fn_kwargs)
        if mask is not None:
            sample_weight = apply_mask(sample_weight, mask, self.dtype)
        super().update_state(values, sample_weight)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        if type(self) is MeanMetricWrapper:
            config["fn"] = serialize_keras_object(self._fn)
        for key, value in self._fn_kwargs.items():
            if key not in self._silent or value != self._silent[key]:
                config[key] = serialize_keras_object(value)
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Metric:
        if "fn" in config:
            config = {**config, "fn": deserialize_keras_object(config["fn"])}
        return cls(**config)
