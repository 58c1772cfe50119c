"""Losses for regions, sequences and embeddings."""

from __future__ import annotations

from typing import Any

from highlevel import config, ops
from highlevel.losses.base import FunctionLoss, Loss
from highlevel.losses.shapes import as_floats, pair
from highlevel.masking import set_mask

__all__ = ["CTC", "Circle", "Dice", "Tversky", "circle", "ctc", "dice", "tversky"]

Reduction = str | None


def dice(y_true: Any, y_pred: Any, axis: Any = None) -> Any:
    """`1 - 2 |A ∩ B| / (|A| + |B|)`: how little two regions overlap.

    Args:
        y_true, y_pred: arrays of one shape, between 0 and 1.
        axis: axis or axes of a region; all of them where None.

    Returns:
        Array of the shape without `axis`.

    Raises:
        ValueError: the shapes do not fit.

    >>> import highlevel as hl
    >>> round(float(hl.losses.dice([[1.0, 0.0]], [[1.0, 1.0]])), 4)
    0.3333
    """
    y_true, y_pred = pair(y_true, y_pred, "dice")
    both = ops.sum(y_true * y_pred, axis=axis)
    sizes = ops.sum(y_true, axis=axis) + ops.sum(y_pred, axis=axis)
    return 1.0 - 2.0 * both / (sizes + config.epsilon())


def tversky(
    y_true: Any, y_pred: Any, alpha: float = 0.5, beta: float = 0.5, axis: Any = None
) -> Any:
    """`1 - TP / (TP + alpha FN + beta FP)`: overlap that weighs the two kinds of error.

    S. Salehi et al., "Tversky loss function for image segmentation using 3D fully
    convolutional deep networks", MLMI 2017.

    Args:
        y_true, y_pred: arrays of one shape, between 0 and 1.
        alpha: weight of what is there and not predicted.
        beta: weight of what is predicted and not there.
        axis: axis or axes of a region; all of them where None.

    Returns:
        Array of the shape without `axis`.

    Raises:
        ValueError: the shapes do not fit.
    """
    y_true, y_pred = pair(y_true, y_pred, "tversky")
    both = ops.sum(y_true * y_pred, axis=axis)
    too_many = ops.sum((1.0 - y_true) * y_pred, axis=axis)
    too_few = ops.sum(y_true * (1.0 - y_pred), axis=axis)
    return 1.0 - both / (both + alpha * too_few + beta * too_many + config.epsilon())


def ctc(y_true: Any, y_pred: Any) -> Any:
    """Connectionist temporal classification: a sequence of labels, wherever they are heard.

    A. Graves et al., "Connectionist temporal classification", ICML 2006.

    Args:
        y_true: `(batch, most_labels)`, integers, filled up with 0; 0 is the blank.
        y_pred: `(batch, steps, classes)`, logits.

    Returns:
        `(batch,)`.

    Raises:
        ValueError: another number of axes.
    """
    y_pred = as_floats(y_pred)
    y_true = ops.cast(y_true, "int32")
    if len(y_true.shape) != 2:
        raise ValueError(
            "The loss `ctc` needs y_true of shape (batch, most_labels); got "
            f"{tuple(y_true.shape)}."
        )
    if len(y_pred.shape) != 3:
        raise ValueError(
            "The loss `ctc` needs y_pred of shape (batch, steps, classes); got "
            f"{tuple(y_pred.shape)}."
        )
    label_length = ops.sum(ops.cast(ops.not_equal(y_true, 0), "int32"), axis=-1)
    steps = ops.full_like(label_length, y_pred.shape[1])
    return ops.ctc_loss(y_true, y_pred, label_length, steps, mask_index=0)


def circle(
    y_true: Any,
    y_pred: Any,
    ref_labels: Any = None,
    ref_embeddings: Any = None,
    remove_diagonal: bool = True,
    gamma: float = 80,
    margin: float = 0.4,
) -> Any:
    """Draws embeddings of one label together and those of others apart.

    Y. Sun et al., "Circle loss: a unified perspective of pair similarity optimization",
    CVPR 2020.

    Args:
        y_true: `(batch,)` or `(batch, 1)`, integer labels.
        y_pred: `(batch, n)`, embeddings of length 1.
        ref_labels: `(references,)`, labels to compare with; `y_true` where None.
        ref_embeddings: `(references, n)`, their embeddings; `y_pred` where None.
        remove_diagonal: leave out each embedding's likeness with itself (where the
            references are the batch).
        gamma: scale.
        margin: how much likeness and unlikeness are asked for.

    Returns:
        `(batch,)`; 0, and masked, where a label has no partner or no opponent.
    """
    y_pred = as_floats(y_pred)
    dtype = y_pred.dtype
    y_true = ops.reshape(ops.cast(y_true, "int32"), (-1,))
    ref_embeddings = y_pred if ref_embeddings is None else as_floats(ref_embeddings, dtype)
    ref_labels = (
        y_true if ref_labels is None else ops.reshape(ops.cast(ref_labels, "int32"), (-1,))
    )
    # Rounding, or embeddings that are longer than 1, can lead past 1.
    likeness = ops.minimum(ops.matmul(y_pred, ops.transpose(ref_embeddings)), 1.0)
    same = ops.equal(ops.expand_dims(y_true, 1), ops.expand_dims(ref_labels, 0))
    other = ops.logical_not(same)
    if remove_diagonal:
        diagonal = ops.cast(ops.eye(likeness.shape[0], likeness.shape[1]), "bool")
        same = ops.logical_and(same, ops.logical_not(diagonal))
    # The further a pair is from where it should be, the more it weighs.
    pull = ops.relu(1.0 + margin - likeness) * (likeness - (1.0 - margin)) * -gamma
    push = ops.relu(likeness + margin) * (likeness - margin) * gamma
    lowest = ops.full_like(likeness, -1e9 if str(dtype) != "float16" else -6e4)
    total = ops.softplus(
        ops.logsumexp(ops.where(same, pull, lowest), axis=1)
        + ops.logsumexp(ops.where(other, push, lowest), axis=1)
    )
    counted = ops.logical_and(ops.any(same, axis=1), ops.any(other, axis=1))
    total = ops.where(counted, total, ops.zeros_like(total))
    set_mask(total, counted)
    return total


class Dice(FunctionLoss):
    """How little two regions overlap; see `dice`.

    Args:
        reduction, name: see `Loss`.
        axis: axis or axes of a region; all of them where None.
        dtype: see `Loss`.
    """

    def __init__(
        self, reduction: Reduction = "sum_over_batch_size", name: str = "dice", axis: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(dice, reduction, name, dtype, axis=axis)


class Tversky(FunctionLoss):
    """Overlap that weighs the two kinds of error; see `tversky`.

    Args:
        alpha: weight of what is there and not predicted.
        beta: weight of what is predicted and not there.
        reduction, name: see `Loss`.
        axis: axis or axes of a region; all of them where None.
        dtype: see `Loss`.
    """

    def __init__(
        self, alpha: float = 0.5, beta: float = 0.5, reduction: Reduction = "sum_over_batch_size",
        name: str = "tversky", axis: Any = None, dtype: Any = None,
    ) -> None:
        super().__init__(tversky, reduction, name, dtype, alpha=alpha, beta=beta, axis=axis)


class CTC(FunctionLoss):
    """Connectionist temporal classification; see `ctc`.

    Args:
        reduction, name, dtype: see `Loss`.
    """

    def __init__(
        self, reduction: Reduction = "sum_over_batch_size", name: str = "ctc", dtype: Any = None
    ) -> None:
        super().__init__(ctc, reduction, name, dtype)


class Circle(Loss):
    """Draws embeddings of one label together and those of others apart; see `circle`.

    Args:
        gamma: scale.
        margin: how much likeness and unlikeness are asked for.
        remove_diagonal: leave out each embedding's likeness with itself.
        reduction, name, dtype: see `Loss`.
    """

    def __init__(
        self, gamma: float = 80.0, margin: float = 0.4, remove_diagonal: bool = True,
        reduction: Reduction = "sum_over_batch_size", name: str = "circle", dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.gamma = gamma
        self.margin = margin
        self.remove_diagonal = remove_diagonal

    def call(
        self, y_true: Any, y_pred: Any, ref_labels: Any = None, ref_embeddings: Any = None
    ) -> Any:
        return circle(
            y_true, y_pred, ref_labels, ref_embeddings, remove_diagonal=self.remove_diagonal,
            gamma=self.gamma, margin=self.margin,
        )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "gamma": self.gamma,
            "margin": self.margin,
            "remove_diagonal": self.remove_diagonal,
        }
