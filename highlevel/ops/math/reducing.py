"""Logarithms of sums, the largest entries, and sums by segment."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from highlevel_backend import current_backend, is_float

from highlevel.ops.dispatch import array, cast_to, dtype_name, floating, op, shape_of
from highlevel.ops.rules import normal_axis, of, promoted, reduction

__all__ = [
    "in_top_k",
    "logsumexp",
    "segment_max",
    "segment_min",
    "segment_prod",
    "segment_sum",
    "top_k",
]


def _float(name: str) -> str:
    return promoted(array(0, name), 1.0) if not is_float(name) else name


@op(spec=reduction(_float), kernel="logsumexp")
def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Logarithm of the sum of exponentials, safe from overflow.

    Args:
        x: array of shape `(..., n, ...)`.
        axis: axis or axes to sum over; all of them for None.
        keepdims: keep the summed axes with length 1.

    Returns:
        Array of `x`'s shape without the axes; floating dtype.

    >>> round(float(logsumexp([1000.0, 1000.0])), 3)
    1000.693
    """
    backend = current_backend()
    xp = backend.xp
    x = floating(x)
    axis = normal_axis(axis)
    top = backend.stop_gradient(xp.max(x, axis=axis, keepdims=True))
    # All entries minus infinity (or one plus infinity): no difference of infinities.
    top = xp.where(xp.isfinite(top), top, xp.zeros_like(top))
    total = xp.sum(xp.exp(x - top), axis=axis, keepdims=True)
    # The logarithm's slope at 0 is infinite: there it is taken of 1 instead.
    nothing = total == 0
    total = xp.log(xp.where(nothing, xp.ones_like(total), total)) + top
    total = xp.where(nothing, array(-math.inf, dtype_name(x.dtype)), total)
    return total if keepdims else xp.squeeze(total, axis=axis)


def _top_k_rule(x: Any, k: int, sorted: bool = True) -> Any:
    shape = (*shape_of(x)[:-1], k)
    return of(shape, promoted(x)), of(shape, "int32")


@op(spec=_top_k_rule)
def top_k(x: Any, k: int, sorted: bool = True) -> tuple:
    """The `k` largest entries of the last axis.

    Args:
        x: `(..., n)` array.
        k: how many, at most `n`.
        sorted: accepted for the contract; the entries always come in descending order.

    Returns:
        `(values, indices)`, both `(..., k)`, the indices int32.

    >>> values, indices = top_k([1.0, 5.0, 3.0], 2)
    >>> values.tolist(), indices.tolist()
    ([5.0, 3.0], [1, 2])
    """
    return tuple(current_backend().top_k(array(x), int(k)))


@op(spec=lambda targets, predictions, k: of(shape_of(targets), "bool"))
def in_top_k(targets: Any, predictions: Any, k: int) -> Any:
    """Whether the score of the target is among the `k` largest of its row.

    Args:
        targets: `(batch,)` integers.
        predictions: `(batch, classes)` scores.
        k: how many count; ties with the `k`-th do.

    Returns:
        `(batch,)` booleans; False where the target's score is not finite.
    """
    backend = current_backend()
    xp = backend.xp
    predictions = array(predictions)
    targets = cast_to(array(targets), "int32")
    classes = predictions.shape[-1]
    valid = xp.logical_and(targets >= 0, targets < classes)
    safe = xp.where(valid, targets, xp.zeros_like(targets))
    score = xp.take_along_axis(predictions, safe[..., None], axis=-1)
    above = xp.sum(predictions > score, axis=-1, dtype="int32")
    found = xp.logical_and(above < k, xp.isfinite(score[..., 0]))
    return xp.logical_and(found, valid)


def _segment_rule(
    data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False
) -> Any:
    return of((num_segments, *shape_of(data)[1:]), promoted(data))


def _segments(
    data: Any, segment_ids: Any, num_segments: int | None, mode: str, neutral: Callable
) -> Any:
    backend = current_backend()
    xp = backend.xp
    data, segment_ids = array(data), array(segment_ids)
    if segment_ids.ndim != 1 or not data.ndim or data.shape[0] != segment_ids.shape[0]:
        raise ValueError(
            "Segments need `segment_ids` with one entry for each along the first axis of `data`; "
            f"got shapes {tuple(segment_ids.shape)} and {tuple(data.shape)}."
        )
    segment_ids = cast_to(segment_ids, "int32")
    if num_segments is None:
        if backend.is_abstract(segment_ids):
            raise ValueError(
                "Inside a compiled function `num_segments` must be given: the number of segments "
                "makes the result's shape."
            )
        num_segments = int(backend.to_numpy(segment_ids).max()) + 1 if len(segment_ids) else 0
    start = xp.broadcast_to(
        array(neutral(dtype_name(data.dtype)), dtype_name(data.dtype)),
        (num_segments + 1, *data.shape[1:]),
    )
    # One more segment takes what belongs to none.
    inside = xp.logical_and(segment_ids >= 0, segment_ids < num_segments)
    ids = xp.where(inside, segment_ids, array(num_segments, "int32"))
    return backend.index_update(start, ids, data, mode)[:num_segments]


def _extreme(largest: bool) -> Callable:
    def neutral(name: str) -> Any:
        if is_float(name):
            return math.inf if largest else -math.inf
        if name == "bool":
            return largest
        info = current_backend().xp.iinfo(name)
        return int(info.max if largest else info.min)

    return neutral


@op(spec=_segment_rule)
def segment_sum(
    data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False
) -> Any:
    """Sums of the entries that belong together.

    Args:
        data: `(n, ...)` array.
        segment_ids: `(n,)` integers; entries below 0 or from `num_segments` on belong to no
            segment.
        num_segments: number of segments; the largest id + 1 where None.
        sorted: accepted for the contract.

    Returns:
        `(num_segments, ...)` array; 0 for a segment without entries.

    Raises:
        ValueError: shapes that do not fit, or no `num_segments` in a compiled function.

    >>> segment_sum([1, 2, 3], [0, 1, 0]).tolist()
    [4, 2]
    """
    return _segments(data, segment_ids, num_segments, "add", lambda name: 0)


@op(spec=_segment_rule)
def segment_prod(
    data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False
) -> Any:
    """Products of the entries that belong together, 1 for none. See `segment_sum`."""
    return _segments(data, segment_ids, num_segments, "multiply", lambda name: 1)


@op(spec=_segment_rule)
def segment_max(
    data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False
) -> Any:
    """The largest of the entries that belong together. See `segment_sum`.

    A segment without entries has the least number of the dtype (minus infinity).
    """
    return _segments(data, segment_ids, num_segments, "max", _extreme(largest=False))


@op(spec=_segment_rule)
def segment_min(
    data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False
) -> Any:
    """The smallest of the entries that belong together. See `segment_sum`.

    A segment without entries has the greatest number of the dtype (infinity).
    """
    return _segments(data, segment_ids, num_segments, "min", _extreme(largest=True))
