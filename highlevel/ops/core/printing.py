"""`ops.print`: look at a value where it is computed, in compiled code too."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np
from highlevel_backend import current_backend

from highlevel.ops.dispatch import array, op
from highlevel.ops.rules import unary
from highlevel.state import AbstractScope, current_scope

__all__ = ["print"]


@op(spec=unary)
def print(x: Any, label: str = "", summary: bool = False) -> Any:
    """`x` itself, printed each time the place is passed, within compiled programs too.

    Args:
        x: array.
        label: stands before the value.
        summary: print shape, mean, least and greatest entry and the number of those that are
            not finite, instead of all entries.

    Returns:
        `x`; take it in place of the argument.

    >>> x = print(array([1.0, 2.0]), "x") * 2
    x: [1. 2.]
    >>> _ = print(x, "doubled", summary=True)
    doubled: float32(2,), mean 3, from 2 to 4
    """
    x = array(x)
    if not isinstance(current_scope.get(), AbstractScope):  # there the values are made up
        start = f"{label}: " if label else ""
        show = _summary if summary else str
        current_backend().tell(lambda value: builtins.print(f"{start}{show(value)}"), x)
    return x


def _summary(value: Any) -> str:
    kind = f"{value.dtype.name}{value.shape}"
    numbers = np.asarray(value, "float64").reshape(-1)
    finite = numbers[np.isfinite(numbers)]
    parts = [kind]
    if finite.size:
        parts.append(f"mean {finite.mean():.4g}, from {finite.min():.4g} to {finite.max():.4g}")
    if finite.size < numbers.size:
        parts.append(f"{numbers.size - finite.size} of {numbers.size} not finite")
    return ", ".join(parts)
