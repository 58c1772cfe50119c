"""Losses for probabilities: cross-entropies, divergence, Poisson."""

from __future__ import annotations

import warnings
from typing import Any

from highlevel import config, ops
from highlevel.losses.shapes import as_floats, pair
from highlevel.masking import set_mask

__all__ = [
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_generalized_cross_entropy",
    "kl_divergence",
    "poisson",
    "sparse_categorical_crossentropy",
]


def _same_shape(y_true: Any, y_pred: Any, name: str) -> tuple[Any, Any]:
    y_true, y_pred = pair(y_true, y_pred, name)
    a, b = tuple(y_true.shape), tuple(y_pred.shape)
    if len(a) != len(b) or any(m != n for m, n in zip(a, b) if None not in (m, n)):
        raise ValueError(
            f"The loss `{name}` needs a target for each output: y_true has the shape {a}, "
            f"y_pred {b}. Give both one shape: check the number of outputs of the last layer, "
            "or turn integer labels into vectors with `utils.to_categorical`."
        )
    return y_true, y_pred


def _check_categorical(y_true: Any, y_pred: Any, name: str) -> None:
    a, b = tuple(y_true.shape), tuple(y_pred.shape)
    fits = len(a) == len(b) and all(m == n for m, n in zip(a, b) if None not in (m, n))
    if not fits:
        labels = len(a) == len(b) - 1 or (a and a[-1] == 1)
        raise ValueError(
            f"The loss `{name}` needs y_true as one probability for each class, of the shape of "
            f"y_pred; got y_true of shape {a} and y_pred of shape {b}. "
            + ("For labels that are integers use `sparse_categorical_crossentropy`, or turn "
               "them into vectors with `utils.to_categorical`." if labels
               else "Check the number of outputs of the last layer.")
        )
    if b and b[-1] == 1:
        warnings.warn(
            f"The loss `{name}` was given predictions of shape {b}: a single class is always "
            "right. For two classes and one output use `binary_crossentropy`.",
            SyntaxWarning, stacklevel=4,
        )


def _smooth(y_true: Any, smoothing: float, share: float) -> Any:
    return y_true * (1.0 - smoothing) + smoothing * share if smoothing else y_true


def categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """`-sum(y_true * log(y_pred))` over the classes.

    Args:
        y_true: `(batch, ..., classes)`, a probability for each class ("one-hot").
        y_pred: of the same shape: probabilities, or logits.
        from_logits: `y_pred` holds logits.
        label_smoothing: share of each target that is spread evenly over the classes.
        axis: axis of the classes.

    Returns:
        Array of the shape without `axis`.

    Raises:
        ValueError: the shapes differ.

    >>> import highlevel as hl
    >>> y = hl.losses.categorical_crossentropy([[0.0, 1.0]], [[0.2, 0.8]])
    >>> round(float(y[0]), 4)
    0.2231
    """
    y_pred = as_floats(y_pred)
    y_true = as_floats(y_true, y_pred.dtype)
    _check_categorical(y_true, y_pred, "categorical_crossentropy")
    y_true = _smooth(y_true, label_smoothing, 1.0 / y_pred.shape[-1] if label_smoothing else 0)
    return ops.categorical_crossentropy(y_true, y_pred, from_logits=from_logits, axis=axis)


def categorical_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    alpha: Any = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """Categorical cross-entropy, times `alpha * (1 - p)**gamma`: what is sure counts less.

    T.-Y. Lin et al., "Focal loss for dense object detection", ICCV 2017.

    Args:
        y_true: `(batch, ..., classes)`, a probability for each class.
        y_pred: of the same shape: probabilities, or logits.
        alpha: weight, one number or one for each class.
        gamma: how much less.
        from_logits: `y_pred` holds logits.
        label_smoothing: share of each target that is spread evenly over the classes.
        axis: axis of the classes.

    Returns:
        Array of the shape without `axis`.

    Raises:
        ValueError: the shapes differ.
    """
    y_pred = as_floats(y_pred)
    y_true = as_floats(y_true, y_pred.dtype)
    _check_categorical(y_true, y_pred, "categorical_focal_crossentropy")
    y_true = _smooth(y_true, label_smoothing, 1.0 / y_pred.shape[-1] if label_smoothing else 0)
    if from_logits:
        y_pred = ops.softmax(y_pred, axis=axis)
    y_pred = y_pred / ops.sum(y_pred, axis=axis, keepdims=True)
    epsilon = config.epsilon()
    y_pred = ops.clip(y_pred, epsilon, 1.0 - epsilon)
    weight = ops.power(1.0 - y_pred, gamma) * as_floats(alpha, y_pred.dtype)
    return ops.sum(weight * -y_true * ops.log(y_pred), axis=axis)


def sparse_categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
) -> Any:
    """`-log(y_pred[y_true])`: cross-entropy for labels that are integers.

    Args:
        y_true: `(batch, ...)` or `(batch, ..., 1)`, the number of the right class.
        y_pred: `(batch, ..., classes)`: probabilities, or logits.
        from_logits: `y_pred` holds logits.
        ignore_class: label of entries that do not count: loss 0, and masked.
        axis: axis of the classes.

    Returns:
        Array of the shape of `y_pred` without `axis`.

    Raises:
        ValueError: the shapes do not fit; a label is out of range, where values can be
            read.

    >>> import highlevel as hl
    >>> y = hl.losses.sparse_categorical_crossentropy([1], [[0.2, 0.8]])
    >>> round(float(y[0]), 4)
    0.2231
    """
    y_pred = as_floats(y_pred)
    counted = None
    if ignore_class is not None:
        y_true = as_floats(y_true, y_pred.dtype)
        if len(y_true.shape) == len(y_pred.shape) and y_true.shape[-1] == 1:
            y_true = ops.squeeze(y_true, axis=-1)
        counted = ops.not_equal(y_true, ignore_class)
        y_true = ops.where(counted, y_true, ops.zeros_like(y_true))
    losses = ops.sparse_categorical_crossentropy(
        y_true, y_pred, from_logits=from_logits, axis=axis
    )
    if counted is not None:
        losses = ops.where(counted, losses, ops.zeros_like(losses))
        set_mask(losses, counted)
    return losses


def binary_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """Mean over `axis` of `-y_true * log(y_pred) - (1 - y_true) * log(1 - y_pred)`.

    Args:
        y_true: `(batch, ..., n)`, 0 and 1, or probabilities.
        y_pred: of the same shape: probabilities, or logits.
        from_logits: `y_pred` holds logits.
        label_smoothing: how far targets are moved towards a half.
        axis: axis or axes of the mean.

    Returns:
        Array of the shape without `axis`.

    Raises:
        ValueError: the shapes differ.

    >>> import highlevel as hl
    >>> y = hl.losses.binary_crossentropy([[1.0, 0.0]], [[0.8, 0.2]])
    >>> round(float(y[0]), 4)
    0.2231
    """
    y_true, y_pred = _same_shape(y_true, y_pred, "binary_crossentropy")
    y_true = _smooth(y_true, label_smoothing, 0.5)
    return ops.mean(ops.binary_crossentropy(y_true, y_pred, from_logits=from_logits), axis=axis)


def binary_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """Binary cross-entropy, times `(1 - p)**gamma`: what is sure counts less.

    T.-Y. Lin et al., "Focal loss for dense object detection", ICCV 2017.

    Args:
        y_true: `(batch, ..., n)`, 0 and 1, or probabilities.
        y_pred: of the same shape: probabilities, or logits.
        apply_class_balancing: weigh ones by `alpha` and zeros by `1 - alpha`.
        alpha: see there.
        gamma: how much less.
        from_logits: `y_pred` holds logits.
        label_smoothing: how far targets are moved towards a half.
        axis: axis or axes of the mean.

    Returns:
        Array of the shape without `axis`.

    Raises:
        ValueError: the shapes differ.
    """
    y_true, y_pred = _same_shape(y_true, y_pred, "binary_focal_crossentropy")
    y_true = _smooth(y_true, label_smoothing, 0.5)
    if from_logits:
        y_pred = ops.sigmoid(y_pred)
    right = y_true * y_pred + (1.0 - y_true) * (1.0 - y_pred)
    losses = ops.power(1.0 - right, gamma) * ops.binary_crossentropy(y_true, y_pred)
    if apply_class_balancing:
        losses = (y_true * alpha + (1.0 - y_true) * (1.0 - alpha)) * losses
    return ops.mean(losses, axis=axis)


def categorical_generalized_cross_entropy(y_true: Any, y_pred: Any, q: float) -> Any:
    """`(1 - p**q) / q` with the right class's `p`: cross-entropy that bears wrong labels.

    Z. Zhang, M. Sabuncu, "Generalized cross entropy loss for training deep neural networks
    with noisy labels", NeurIPS 2018.

    Args:
        y_true: `(batch,)` or `(batch, 1)`, the number of the right class.
        y_pred: `(batch, classes)`, probabilities.
        q: between 0 (cross-entropy) and 1 (mean absolute error), both excluded.

    Returns:
        `(batch,)`.

    Raises:
        ValueError: the shapes do not fit.
    """
    y_pred = as_floats(y_pred)
    y_true = as_floats(y_true, y_pred.dtype)
    if len(y_true.shape) == len(y_pred.shape) and y_true.shape[-1] == 1:
        y_true = ops.squeeze(y_true, axis=-1)
    if len(y_true.shape) != len(y_pred.shape) - 1:
        raise ValueError(
            "The loss `categorical_generalized_cross_entropy` needs y_true as integers of shape "
            f"(batch,) for y_pred of shape (batch, classes); got {tuple(y_true.shape)} and "
            f"{tuple(y_pred.shape)}."
        )
    labels = ops.one_hot(ops.cast(y_true, "int32"), y_pred.shape[-1], dtype=y_pred.dtype)
    return (1.0 - ops.power(ops.sum(labels * y_pred, axis=-1), q)) / q


def kl_divergence(y_true: Any, y_pred: Any) -> Any:
    """Kullback-Leibler divergence: `sum(y_true * log(y_true / y_pred))` over the last axis.

    Args:
        y_true, y_pred: `(batch, ..., n)`, probabilities; brought between
            `config.epsilon()` and 1.

    Returns:
        `(batch, ...)`.

    Raises:
        ValueError: the shapes do not fit.
    """
    y_true, y_pred = pair(y_true, y_pred, "kl_divergence")
    y_true, y_pred = (ops.clip(y, config.epsilon(), 1.0) for y in (y_true, y_pred))
    return ops.sum(y_true * ops.log(y_true / y_pred), axis=-1)


def poisson(y_true: Any, y_pred: Any) -> Any:
    """`mean(y_pred - y_true * log(y_pred))` over the last axis.

    Args:
        y_true: `(batch, ..., n)`, counts.
        y_pred: of the same shape, above 0.

    Returns:
        `(batch, ...)`.

    Raises:
        ValueError: the shapes do not fit.
    """
    y_true, y_pred = pair(y_true, y_pred, "poisson")
    return ops.mean(y_pred - y_true * ops.log(y_pred + config.epsilon()), axis=-1)
