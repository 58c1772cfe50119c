"""A weight per class as a weight per sample."""

from __future__ import annotations

import numbers
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["weighing"]


def weighing(class_weight: dict[int, float]) -> Callable[[Any, Any, Any], tuple]:
    """What gives each sample of a batch, `(x, y, sample_weight)`, the weight of its class.

    Classes that are not named weigh 1; weights that are there already are multiplied.

    Raises:
        ValueError: not a dict from integers to numbers.
    """
    if not isinstance(class_weight, dict) or not all(
        isinstance(label, (numbers.Integral, np.integer)) and np.ndim(weight) == 0
        for label, weight in class_weight.items()
    ):
        raise ValueError(
            "`class_weight` must be a dict of a number for each class's integer, such as "
            f"{{0: 1.0, 1: 2.0}}; got {class_weight!r}."
        )
    classes = np.array(sorted(class_weight), "int64")
    factors = np.array([class_weight[label] for label in sorted(class_weight)], "float32")

    def transform(x: Any, y: Any, weight: Any) -> tuple:
        labels = _labels(y)
        weights = np.ones(labels.shape, "float32")
        if len(classes):
            nearest = np.searchsorted(classes, labels).clip(max=len(classes) - 1)
            weights = np.where(classes[nearest] == labels, factors[nearest], weights)
        if weight is not None:
            given = np.asarray(weight)
            weights = weights.reshape(weights.shape + (1,) * (given.ndim - 1)) * given
        return x, y, weights

    return transform


def _labels(y: Any) -> np.ndarray:
    """The class of each sample.

    Raises:
        ValueError: targets that do not give each sample one class; says which do.
    """
    wanted = (
        "`class_weight` needs one class per sample: integers of shape (samples,) or (samples, 1), "
        "or one-hot rows. "
    )
    if not hasattr(y, "shape"):
        what = "no targets" if y is None else f"several targets ({type(y).__name__})"
        raise ValueError(f"{wanted}Got {what}; give `sample_weight` instead.")
    labels = np.asarray(y)
    shown = f"Got {labels.dtype}{labels.shape}"
    if labels.ndim not in (1, 2) or labels.dtype.kind not in "iufb":
        raise ValueError(f"{wanted}{shown}; give `sample_weight` instead.")
    if labels.ndim == 2 and labels.shape[1] > 1:
        if not np.allclose(labels.sum(1), 1.0, atol=1e-2):
            raise ValueError(
                f"{wanted}{shown} with rows that do not add up to 1: several classes at once, or "
                "no classes; give `sample_weight` instead."
            )
        return labels.argmax(1)
    labels = labels.reshape(-1)
    whole = labels.astype("int64")
    if labels.dtype.kind == "f" and not np.array_equal(whole, labels):
        raise ValueError(f"{wanted}{shown} with values that are no integers, such as "
                         f"{labels[whole != labels][0]!s}.")
    return whole
