"""Distances between points."""

from __future__ import annotations

from typing import Any

from highlevel_backend import current_backend

from highlevel.ops.dispatch import broadcast_shapes, float_pair, floating_dtype, op, shape_of
from highlevel.ops.rules import of

__all__ = ["cdist"]


def _check(a: tuple, b: tuple) -> None:
    known = len(a) > 1 and len(b) > 1 and isinstance(a[-1], int) and isinstance(b[-1], int)
    if len(a) < 2 or len(b) < 2 or (known and a[-1] != b[-1]):
        raise ValueError(
            "`cdist` needs points of one dimension, shapes (..., m, d) and (..., n, d); got "
            f"{a} and {b}."
        )


def _cdist_rule(x: Any, y: Any) -> Any:
    a, b = shape_of(x), shape_of(y)
    _check(a, b)
    return of((*broadcast_shapes(a[:-2], b[:-2]), a[-2], b[-2]), floating_dtype(x, y))


@op(spec=_cdist_rule)
def cdist(x: Any, y: Any) -> Any:
    """Euclidean distance of every point of `x` from every one of `y`.

    Args:
        x: `(..., m, d)`, m points.
        y: `(..., n, d)`, n points.

    Returns:
        `(..., m, n)`. The gradient of a distance 0 is 0.

    Raises:
        ValueError: the points have different dimensions.

    >>> cdist([[0.0, 0.0]], [[3.0, 4.0]]).tolist()
    [[5.0]]
    """
    xp = current_backend().xp
    x, y = float_pair(x, y)
    _check(tuple(x.shape), tuple(y.shape))
    difference = x[..., :, None, :] - y[..., None, :, :]
    total = xp.sum(xp.square(difference), axis=-1)
    # The root's slope at 0 is infinite: there it is taken of 1 instead.
    zero = total == 0
    root = xp.sqrt(xp.where(zero, xp.ones_like(total), total))
    return xp.where(zero, xp.zeros_like(total), root)
