"""Cross-entropies and the peak signal-to-noise ratio."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from highlevel_backend import current_backend

from highlevel import config
from highlevel.ops.dispatch import (
    array,
    broadcast_shapes,
    cast_to,
    dtype_name,
    float_pair,
    floating,
    floating_dtype,
    op,
    shape_of,
)
from highlevel.ops.math.reducing import logsumexp
from highlevel.ops.nn.activations import log_softmax, softplus
from highlevel.ops.rules import axis_of, of

__all__ = [
    "binary_crossentropy",
    "categorical_crossentropy",
    "psnr",
    "sparse_categorical_crossentropy",
]


def _differ(a: tuple, b: tuple) -> bool:
    return len(a) != len(b) or any(
        m != n for m, n in zip(a, b) if isinstance(m, int) and isinstance(n, int)
    )


def _same_shapes(what: str, target: tuple, output: tuple) -> None:
    if _differ(target, output):
        raise ValueError(
            f"`{what}` needs `target` and `output` of one shape; got {tuple(target)} and "
            f"{tuple(output)}."
        )


def _categorical_rule(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    shape = shape_of(output)
    _check_categorical(shape_of(target), shape)
    index = axis_of(axis, len(shape))
    return of(shape[:index] + shape[index + 1 :], floating_dtype(target, output))


def _check_categorical(target: tuple, output: tuple) -> None:
    if not output:
        raise ValueError(
            "`categorical_crossentropy` needs an axis of classes; `output` is a scalar."
        )
    if _differ(target, output):
        hint = ""
        if len(target) == len(output) - 1 or (target and target[-1] == 1):
            hint = " For labels that are integers there is `sparse_categorical_crossentropy`."
        raise ValueError(
            f"`categorical_crossentropy` needs `target` and `output` of one shape; got "
            f"{tuple(target)} and {tuple(output)}.{hint}"
        )


def _log_probabilities(output: Any, axis: int) -> Any:
    """Logarithms of probabilities, brought to sum 1 and kept away from 0 and 1."""
    xp = current_backend().xp
    name = dtype_name(output.dtype)
    output = output / xp.sum(output, axis=axis, keepdims=True)
    epsilon = config.epsilon()
    return xp.log(xp.clip(output, array(epsilon, name), array(1 - epsilon, name)))


@op(spec=_categorical_rule, kernel="categorical_crossentropy")
def categorical_crossentropy(
    target: Any, output: Any, from_logits: bool = False, axis: int = -1
) -> Any:
    """`-sum(target * log(output))` over the classes.

    Args:
        target: probabilities of the classes, of the shape of `output`.
        output: predicted probabilities (brought to sum 1), or logits.
        from_logits: `output` holds logits.
        axis: axis of the classes.

    Returns:
        Array of the shape without `axis`.

    Raises:
        ValueError: the shapes differ.
    """
    target, output = float_pair(target, output)
    _check_categorical(tuple(target.shape), tuple(output.shape))
    log = log_softmax(output, axis=axis) if from_logits else _log_probabilities(output, axis)
    return -current_backend().xp.sum(target * log, axis=axis)


def _sparse_rule(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    shape = shape_of(output)
    _check_sparse(shape_of(target), shape, axis)
    index = axis_of(axis, len(shape))
    return of(shape[:index] + shape[index + 1 :], floating_dtype(output))


def _check_sparse(target: tuple, output: tuple, axis: int) -> bool:
    """Whether `target` has a last axis of length 1 too many.

    Raises:
        ValueError: the shapes do not fit.
    """
    if not output:
        raise ValueError(
            "`sparse_categorical_crossentropy` needs an axis of classes; `output` is a scalar."
        )
    index = axis_of(axis, len(output))
    expected = output[:index] + output[index + 1 :]
    extra = len(target) == len(output) and target[-1] == 1
    if _differ(target[:-1] if extra else target, expected):
        hint = ""
        if len(target) == len(output):
            hint = " For probabilities of each class there is `categorical_crossentropy`."
        raise ValueError(
            f"`sparse_categorical_crossentropy` needs one label for each prediction: `target` of "
            f"shape {tuple(expected)} for `output` of shape {tuple(output)} with the classes on "
            f"axis {axis}; got {tuple(target)}.{hint}"
        )
    return extra


def check_labels(target: Any, classes: Any) -> None:
    """Raise where a label whose value can be read is not among `classes`.

    Raises:
        ValueError: naming the first such label.
    """
    backend = current_backend()
    if backend.is_abstract(target) or not isinstance(classes, int):
        return
    labels = backend.to_numpy(backend.stop_gradient(target))
    if not labels.size or (labels.min() >= 0 and labels.max() < classes):
        return
    wrong = (labels < 0) | (labels >= classes)
    place = tuple(int(i) for i in np.argwhere(wrong)[0])
    raise ValueError(
        f"`sparse_categorical_crossentropy`: the label {labels[place]} at {place} is not one of "
        f"the {classes} classes, 0 to {classes - 1}, that `output` predicts. "
        f"{int(wrong.sum())} of {labels.size} labels are out of range."
    )


@op(spec=_sparse_rule, kernel="sparse_categorical_crossentropy")
def sparse_categorical_crossentropy(
    target: Any, output: Any, from_logits: bool = False, axis: int = -1
) -> Any:
    """`-log(output[target])`: cross-entropy for labels that are integers.

    Args:
        target: integers, of the shape of `output` without `axis`; a last axis of length 1
            may stand in its place.
        output: predicted probabilities (brought to sum 1), or logits.
        from_logits: `output` holds logits.
        axis: axis of the classes.

    Returns:
        Array of the shape without `axis`. In a compiled function, where labels cannot be
        checked, one out of range counts as loss 0.

    Raises:
        ValueError: the shapes do not fit, or a label is out of range (where values can be
            read).
    """
    backend = current_backend()
    xp = backend.xp
    output, target = floating(output), cast_to(array(target), "int32")
    if _check_sparse(tuple(target.shape), tuple(output.shape), axis):
        target = xp.squeeze(target, axis=-1)
    index = axis_of(axis, output.ndim)
    classes = output.shape[index]
    check_labels(target, classes)
    inside = xp.logical_and(target >= 0, target < classes)
    labels = xp.expand_dims(xp.where(inside, target, xp.zeros_like(target)), index)
    if from_logits:
        picked = xp.take_along_axis(output, labels, axis=index)
        loss = logsumexp(output, axis=index) - xp.squeeze(picked, axis=index)
    else:
        log = _log_probabilities(output, index)
        loss = -xp.squeeze(xp.take_along_axis(log, labels, axis=index), axis=index)
    return xp.where(inside, loss, xp.zeros_like(loss))


def _binary_rule(target: Any, output: Any, from_logits: bool = False) -> Any:
    _same_shapes("binary_crossentropy", shape_of(target), shape_of(output))
    shape = broadcast_shapes(shape_of(target), shape_of(output))
    return of(shape, floating_dtype(target, output))


@op(spec=_binary_rule, kernel="binary_crossentropy")
def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Any:
    """`-target * log(output) - (1 - target) * log(1 - output)`, of each entry.

    Args:
        target: probabilities, or 0 and 1.
        output: predicted probabilities, or logits; of the same shape.
        from_logits: `output` holds logits.

    Returns:
        Array of the same shape.

    Raises:
        ValueError: the shapes differ.

    >>> round(float(binary_crossentropy([1.0], [0.0], from_logits=True)[0]), 4)
    0.6931
    """
    xp = current_backend().xp
    target, output = float_pair(target, output)
    _same_shapes("binary_crossentropy", tuple(target.shape), tuple(output.shape))
    name = dtype_name(output.dtype)
    one = array(1.0, name)
    if from_logits:
        return target * softplus(-output) + (one - target) * softplus(output)
    epsilon = config.epsilon()
    output = xp.clip(output, array(epsilon, name), array(1 - epsilon, name))
    return -(target * xp.log(output) + (one - target) * xp.log(one - output))


@op(spec=lambda x1, x2, max_val: of((), floating_dtype(x1, x2)))
def psnr(x1: Any, x2: Any, max_val: float) -> Any:
    """Peak signal-to-noise ratio in decibels: `10 log10(max_val**2 / mean squared error)`.

    Args:
        x1, x2: arrays of one shape.
        max_val: the largest value an entry can have.

    Returns:
        Scalar, infinite where both are equal.

    Raises:
        ValueError: the shapes differ.
    """
    xp = current_backend().xp
    x1, x2 = float_pair(x1, x2)
    _same_shapes("psnr", tuple(x1.shape), tuple(x2.shape))
    error = xp.mean(xp.square(x1 - x2))
    name = dtype_name(error.dtype)
    peak = array(20 * math.log10(max_val), name)
    return peak - array(10.0, name) * xp.log10(error)
