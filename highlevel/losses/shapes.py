"""How targets and predictions are brought to one dtype and one rank."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from highlevel_backend import canonical_name, is_float

from highlevel import config, ops
from highlevel.ops.dispatch import array
from highlevel.symbolic import SymbolicTensor

__all__ = ["as_floats", "broadcasts", "match_ranks", "pair"]


def as_floats(x: Any, dtype: Any = None) -> Any:
    """`x` as array or symbolic tensor of a dtype; `config.floatx()` for other than floats."""
    if type(x) is SymbolicTensor:
        if dtype is None:
            dtype = x.dtype if is_float(x.dtype) else config.floatx()
        name = canonical_name(dtype)
        return x if x.dtype == name else ops.cast(x, name)
    if dtype is not None:
        return array(x, canonical_name(dtype))
    x = array(x)
    return x if is_float(canonical_name(x.dtype)) else array(x, config.floatx())


def match_ranks(a: Any, b: Any, expand: bool = True) -> tuple[Any, Any]:
    """Two arrays, one of which may lack, or have too much, a last axis of length 1.

    Args:
        a, b: arrays or symbolic tensors.
        expand: give a vector the last axis, rather than take it from the other.

    Returns:
        Both, of one rank where that was all that kept them apart.
    """
    rank_a, rank_b = len(a.shape), len(b.shape)
    if rank_a == rank_b + 1 and a.shape[-1] == 1:
        if rank_b == 1 and expand:
            return a, ops.expand_dims(b, -1)
        return ops.squeeze(a, axis=-1), b
    if rank_b == rank_a + 1 and b.shape[-1] == 1:
        if rank_a == 1 and expand:
            return ops.expand_dims(a, -1), b
        return a, ops.squeeze(b, axis=-1)
    return a, b


def broadcasts(a: Sequence[int | None], b: Sequence[int | None]) -> bool:
    """Whether two shapes broadcast; unknown dimensions fit everything."""
    return all(
        m is None or n is None or m == n or m == 1 or n == 1
        for m, n in zip(reversed(tuple(a)), reversed(tuple(b)))
    )


def pair(y_true: Any, y_pred: Any, name: str) -> tuple[Any, Any]:
    """Targets and predictions for a loss that compares entry by entry.

    Args:
        y_true, y_pred: arrays of one shape, but for a last axis of length 1.
        name: the loss, for the error message.

    Returns:
        Both in the floating dtype of `y_pred`, of one rank.

    Raises:
        ValueError: the shapes do not broadcast.
    """
    y_pred = as_floats(y_pred)
    y_true = as_floats(y_true, y_pred.dtype)
    y_true, y_pred = match_ranks(y_true, y_pred)
    if not broadcasts(y_true.shape, y_pred.shape):
        hint = "Give both one shape: check the number of outputs of the last layer."
        if len(y_true.shape) == len(y_pred.shape) - 1:
            hint = (
                "The targets have one axis less: labels that are integers go with "
                "`sparse_categorical_crossentropy`, or turn them into vectors with "
                "`utils.to_categorical`."
            )
        raise ValueError(
            f"The loss `{name}` compares entry by entry: y_true of shape {tuple(y_true.shape)} "
            f"does not fit y_pred of shape {tuple(y_pred.shape)}. {hint}"
        )
    return y_true, y_pred
