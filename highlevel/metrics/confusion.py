"""Counts of right and wrong at thresholds, and what is made of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from highlevel import ops
from highlevel.losses.shapes import as_floats, broadcasts, match_ranks
from highlevel.metrics.base import Metric
from highlevel.ops.dispatch import array

__all__ = [
    "FalseNegatives",
    "FalsePositives",
    "Precision",
    "Recall",
    "TrueNegatives",
    "TruePositives",
]

#: below every prediction: with it as threshold all that `top_k` left counts as positive
LOWEST = -1e10
# From here on counting by bins is cheaper than comparing with each threshold.
_MANY = 16

Thresholds = float | Sequence[float] | None


def check_thresholds(thresholds: Thresholds, default: float, owner: str) -> list[float]:
    """Thresholds as list.

    Raises:
        ValueError: one is None or outside [0, 1].
    """
    if thresholds is None:
        return [default]
    values: list[float] = (
        [thresholds] if isinstance(thresholds, (int, float)) else list(thresholds)
    )
    wrong = [value for value in values if value is None or not 0 <= value <= 1]
    if wrong:
        raise ValueError(f"{owner}: thresholds must be from 0 to 1; got {wrong}.")
    return values


def top_k_only(y_pred: Any, k: int) -> Any:
    """Predictions of which all but the `k` largest of the last axis are out of reach."""
    _, best = ops.top_k(y_pred, k, sorted=False)
    kept = ops.sum(ops.one_hot(best, y_pred.shape[-1], dtype=y_pred.dtype), axis=-2)
    return ops.where(ops.greater(kept, 0), y_pred, ops.full_like(y_pred, LOWEST))


def prepare(
    y_true: Any,
    y_pred: Any,
    sample_weight: Any,
    dtype: str,
    top_k: int | None = None,
    class_id: int | None = None,
) -> tuple[Any, Any, Any]:
    """Targets (1 and 0), predictions and weights, all of one shape.

    Raises:
        ValueError: the shapes do not fit.
    """
    y_pred = as_floats(y_pred, dtype)
    y_true = as_floats(y_true, dtype)
    y_true, y_pred = match_ranks(y_true, y_pred)
    true, pred = tuple(y_true.shape), tuple(y_pred.shape)
    if len(true) != len(pred) or any(
        m != n for m, n in zip(true, pred) if m is not None and n is not None
    ):
        raise ValueError(
            f"y_true of shape {true} does not fit y_pred of shape {pred}: there must be a target, "
            "0 or 1, for each prediction. Turn integer labels into vectors with "
            "`utils.to_categorical`."
        )
    y_true = ops.cast(ops.not_equal(y_true, 0), dtype)
    if top_k is not None:
        y_pred = top_k_only(y_pred, top_k)
    weight = None
    if sample_weight is not None:
        weight = as_floats(sample_weight, dtype)
        if class_id is None:
            while len(weight.shape) < len(pred):
                weight = ops.expand_dims(weight, -1)
        elif len(weight.shape) == len(pred):
            weight = weight[..., 0 if weight.shape[-1] == 1 else class_id]
    if class_id is not None:
        y_true, y_pred = y_true[..., class_id], y_pred[..., class_id]
    if weight is None:
        weight = ops.ones_like(y_pred)
    elif not broadcasts(weight.shape, y_pred.shape):
        raise ValueError(
            f"`sample_weight` of shape {tuple(weight.shape)} does not fit predictions of shape "
            f"{tuple(y_pred.shape)}."
        )
    else:
        weight = ops.broadcast_to(weight, ops.shape(y_pred))
    return y_true, y_pred, weight


def positives(
    y_true: Any, y_pred: Any, weight: Any, thresholds: Sequence[float]
) -> tuple[Any, Any, Any, Any]:
    """Weights of what lies above each threshold.

    Args:
        y_true, y_pred, weight: `(n, groups)`, targets 1 and 0.
        thresholds: ascending where there are many of them.

    Returns:
        True and false positives `(thresholds, groups)`, and all the weight of ones and of
        zeros `(groups,)`.
    """
    right, wrong = y_true * weight, (1.0 - y_true) * weight
    all_right, all_wrong = ops.sum(right, axis=0), ops.sum(wrong, axis=0)
    dtype = y_pred.dtype
    limits = array(np.asarray(thresholds, np.float64), str(np.dtype(dtype)))
    count, groups = len(thresholds), y_pred.shape[1]
    if count < _MANY:
        above = ops.cast(
            ops.greater(ops.expand_dims(y_pred, 0), ops.reshape(limits, (count, 1, 1))), dtype
        )
        return ops.sum(above * right, axis=1), ops.sum(above * wrong, axis=1), all_right, all_wrong
    # Each prediction falls into one bin, the number of thresholds below it; all bins above
    # a threshold together are what lies above it.
    flat = ops.reshape(y_pred, (-1,))
    below = ops.cast(ops.searchsorted(limits, flat, side="left"), "int32")
    group = ops.reshape(ops.broadcast_to(ops.arange(groups), ops.shape(y_pred)), (-1,))
    bins = below * groups + ops.cast(group, "int32")
    result = []
    for values in (right, wrong):
        sums = ops.segment_sum(
            ops.reshape(values, (-1,)), bins, num_segments=(count + 1) * groups
        )
        sums = ops.reshape(sums, (count + 1, groups))[1:]
        result.append(ops.flip(ops.cumsum(ops.flip(sums, axis=0), axis=0), axis=0))
    return result[0], result[1], all_right, all_wrong


def counts(
    y_true: Any, y_pred: Any, weight: Any, thresholds: Sequence[float]
) -> tuple[Any, Any, Any, Any]:
    """True positives, false positives, true negatives, false negatives, `(thresholds, groups)`."""
    tp, fp, ones, zeros = positives(y_true, y_pred, weight, thresholds)
    return tp, fp, zeros - fp, ones - tp


def counts_of_all(
    y_true: Any, y_pred: Any, weight: Any, thresholds: Sequence[float]
) -> list[Any]:
    """`counts` of all entries together, `(thresholds,)` each."""
    y_true, y_pred, weight = (ops.reshape(x, (-1, 1)) for x in (y_true, y_pred, weight))
    return [ops.squeeze(x, axis=1) for x in counts(y_true, y_pred, weight, thresholds)]


class _Count(Metric):
    """How many predictions are of one kind, at thresholds."""

    _leaves_out_weight_0 = True
    _which: int

    def __init__(
        self, thresholds: Thresholds = None, name: str | None = None, dtype: Any = None
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.init_thresholds = thresholds
        self.thresholds = check_thresholds(
            thresholds, 0.5, f"{type(self).__name__} '{self.name}'"
        )
        self.accumulator = self.add_variable((len(self.thresholds),), "zeros", name="accumulator")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Gather one batch.

        Args:
            y_true: 0 and 1.
            y_pred: of the same shape, from 0 to 1.
            sample_weight: weights, one per sample or per entry.

        Raises:
            ValueError: the shapes do not fit.
        """
        order = sorted(range(len(self.thresholds)), key=self.thresholds.__getitem__)
        prepared = prepare(y_true, y_pred, sample_weight, self.dtype)
        found = counts_of_all(*prepared, [self.thresholds[i] for i in order])[self._which]
        self.accumulator.assign_add(_in_order(found, order))

    def result(self) -> Any:
        value = self.accumulator.value
        return value[0] if len(self.thresholds) == 1 else value

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "thresholds": self.init_thresholds}


def _in_order(x: Any, order: list[int]) -> Any:
    """`x`, made for sorted thresholds, in the order they were given in."""
    if order == list(range(len(order))):
        return x
    return ops.take(x, np.argsort(order), axis=0)


class TruePositives(_Count):
    """How many ones are predicted as ones.

    Args:
        thresholds: number or list of numbers; what is above counts as 1. 0.5 where None.
        name, dtype: see `Metric`.

    Raises:
        ValueError: a threshold is outside [0, 1].

    >>> import highlevel as hl
    >>> float(hl.metrics.TruePositives()([0, 1, 1, 1], [0.9, 0.2, 0.8, 0.7]))
    2.0
    """

    _which = 0


class FalsePositives(_Count):
    """How many zeros are predicted as ones; arguments as of `TruePositives`."""

    _which = 1


class TrueNegatives(_Count):
    """How many zeros are predicted as zeros; arguments as of `TruePositives`."""

    _which = 2


class FalseNegatives(_Count):
    """How many ones are predicted as zeros; arguments as of `TruePositives`."""

    _which = 3


class _Share(Metric):
    """True positives among all positives of one sort."""

    _direction = "up"
    _leaves_out_weight_0 = True
    _against: tuple[str, int]

    def __init__(
        self,
        thresholds: Thresholds = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.init_thresholds = thresholds
        self.top_k = top_k
        self.class_id = class_id
        self.thresholds = check_thresholds(
            thresholds, 0.5 if top_k is None else LOWEST, f"{type(self).__name__} '{self.name}'"
        )
        size = (len(self.thresholds),)
        self.true_positives = self.add_variable(size, "zeros", name="true_positives")
        self.__dict__[self._against[0]] = self.add_variable(size, "zeros", name=self._against[0])

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
            y_true, y_pred, sample_weight, self.dtype, self.top_k, self.class_id
        )
        order = sorted(range(len(self.thresholds)), key=self.thresholds.__getitem__)
        found = counts_of_all(*prepared, [self.thresholds[i] for i in order])
        self.true_positives.assign_add(_in_order(found[0], order))
        getattr(self, self._against[0]).assign_add(_in_order(found[self._against[1]], order))

    def result(self) -> Any:
        right = self.true_positives.value
        share = ops.divide_no_nan(right, right + getattr(self, self._against[0]))
        return share[0] if len(self.thresholds) == 1 else share

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "thresholds": self.init_thresholds,
            "top_k": self.top_k,
            "class_id": self.class_id,
        }


class Precision(_Share):
    """Share of ones among what is predicted as one.

    Args:
        thresholds: number or list of numbers; what is above counts as 1. 0.5 where None
            and without `top_k`.
        top_k: count only the `k` largest predictions of each sample.
        class_id: count only this entry of the last axis.
        name, dtype: see `Metric`.

    Raises:
        ValueError: a threshold is outside [0, 1].

    >>> import highlevel as hl
    >>> round(float(hl.metrics.Precision()([0, 1, 1, 1], [0.9, 0.2, 0.8, 0.7])), 4)
    0.6667
    """

    _against = ("false_positives", 1)


class Recall(_Share):
    """Share of the ones that are predicted as one; arguments as of `Precision`."""

    _against = ("false_negatives", 3)
