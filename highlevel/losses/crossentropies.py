"""The classes of `losses.probabilistic`'s functions."""

from __future__ import annotations

from typing import Any

from highlevel.losses import probabilistic
from highlevel.losses.base import FunctionLoss

__all__ = [
    "BinaryCrossentropy",
    "BinaryFocalCrossentropy",
    "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy",
    "CategoricalGeneralizedCrossEntropy",
    "KLDivergence",
    "Poisson",
    "SparseCategoricalCrossentropy",
]

Reduction = str | None


class CategoricalCrossentropy(FunctionLoss):
    """Cross-entropy for targets with a probability for each class ("one-hot").

    Args:
        from_logits: predictions are logits.
        label_smoothing: share of each target that is spread evenly over the classes.
        axis: axis of the classes.
        reduction, name, dtype: see `Loss`.

    >>> import highlevel as hl
    >>> loss = hl.losses.CategoricalCrossentropy()
    >>> round(float(loss([[0.0, 1.0]], [[0.2, 0.8]])), 4)
    0.2231
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: Reduction = "sum_over_batch_size",
        name: str = "categorical_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(
            probabilistic.categorical_crossentropy, reduction, name, dtype,
            from_logits=from_logits, label_smoothing=label_smoothing, axis=axis,
        )


class CategoricalFocalCrossentropy(FunctionLoss):
    """Categorical cross-entropy in which what is sure counts less.

    Args:
        alpha: weight, one number or one for each class.
        gamma: how much less.
        from_logits: predictions are logits.
        label_smoothing: share of each target that is spread evenly over the classes.
        axis: axis of the classes.
        reduction, name, dtype: see `Loss`.
    """

    def __init__(
        self,
        alpha: Any = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: Reduction = "sum_over_batch_size",
        name: str = "categorical_focal_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(
            probabilistic.categorical_focal_crossentropy, reduction, name, dtype,
            from_logits=from_logits, label_smoothing=label_smoothing, axis=axis,
            alpha=alpha, gamma=gamma,
        )


class SparseCategoricalCrossentropy(FunctionLoss):
    """Cross-entropy for labels that are integers.

    Args:
        from_logits: predictions are logits.
        ignore_class: label of entries that do not count.
        reduction: see `Loss`.
        axis: axis of the classes.
        name, dtype: see `Loss`.

    >>> import highlevel as hl
    >>> loss = hl.losses.SparseCategoricalCrossentropy()
    >>> round(float(loss([1], [[0.2, 0.8]])), 4)
    0.2231
    """

    _silent = {"axis": -1}

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: Reduction = "sum_over_batch_size",
        axis: int = -1,
        name: str = "sparse_categorical_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(
            probabilistic.sparse_categorical_crossentropy, reduction, name, dtype,
            from_logits=from_logits, ignore_class=ignore_class, axis=axis,
        )


class BinaryCrossentropy(FunctionLoss):
    """Cross-entropy for yes and no.

    Args:
        from_logits: predictions are logits.
        label_smoothing: how far targets are moved towards a half.
        axis: axis of the mean.
        reduction, name, dtype: see `Loss`.

    >>> import highlevel as hl
    >>> loss = hl.losses.BinaryCrossentropy()
    >>> round(float(loss([1.0, 0.0], [0.8, 0.2])), 4)
    0.2231
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: Reduction = "sum_over_batch_size",
        name: str = "binary_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(
            probabilistic.binary_crossentropy, reduction, name, dtype,
            from_logits=from_logits, label_smoothing=label_smoothing, axis=axis,
        )


class BinaryFocalCrossentropy(FunctionLoss):
    """Binary cross-entropy in which what is sure counts less.

    Args:
        apply_class_balancing: weigh ones by `alpha` and zeros by `1 - alpha`.
        alpha: see there.
        gamma: how much less.
        from_logits: predictions are logits.
        label_smoothing: how far targets are moved towards a half.
        axis: axis of the mean.
        reduction, name, dtype: see `Loss`.
    """

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: Reduction = "sum_over_batch_size",
        name: str = "binary_focal_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(
            probabilistic.binary_focal_crossentropy, reduction, name, dtype,
            from_logits=from_logits, label_smoothing=label_smoothing, axis=axis,
            apply_class_balancing=apply_class_balancing, alpha=alpha, gamma=gamma,
        )


class CategoricalGeneralizedCrossEntropy(FunctionLoss):
    """Cross-entropy that bears wrong labels; see `categorical_generalized_cross_entropy`.

    Args:
        q: between 0 (cross-entropy) and 1 (mean absolute error), both excluded.
        reduction, name, dtype: see `Loss`.

    Raises:
        ValueError: `q` is not between 0 and 1.
    """

    def __init__(
        self,
        q: float = 0.5,
        reduction: Reduction = "sum_over_batch_size",
        name: str = "categorical_generalized_cross_entropy",
        dtype: Any = None,
    ) -> None:
        if not 0 < q < 1:
            raise ValueError(
                f"CategoricalGeneralizedCrossEntropy '{name}': `q` must be above 0 and below 1; "
                f"got {q}. At 0 it would be `SparseCategoricalCrossentropy`."
            )
        super().__init__(
            probabilistic.categorical_generalized_cross_entropy, reduction, name, dtype, q=q
        )


class KLDivergence(FunctionLoss):
    """Kullback-Leibler divergence of predicted probabilities from true ones.

    Args:
        reduction, name, dtype: see `Loss`.
    """

    def __init__(
        self, reduction: Reduction = "sum_over_batch_size", name: str = "kl_divergence",
        dtype: Any = None,
    ) -> None:
        super().__init__(probabilistic.kl_divergence, reduction, name, dtype)


class Poisson(FunctionLoss):
    """Loss for counts: `y_pred - y_true * log(y_pred)`.

    Args:
        reduction, name, dtype: see `Loss`.
    """

    def __init__(
        self, reduction: Reduction = "sum_over_batch_size", name: str = "poisson",
        dtype: Any = None,
    ) -> None:
        super().__init__(probabilistic.poisson, reduction, name, dtype)
