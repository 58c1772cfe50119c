"""Which ops work entry by entry, so that in a graph the mask of an argument is the result's.

A mask says which time steps count. An op that computes each entry from the entries at the
same place leaves the steps where they are; all other ops (sums, transpositions, joins)
may move or mix them, and there the mask ends.
"""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["carries_masks"]

_NAMES = """
add subtract multiply divide true_divide divide_no_nan floor_divide mod fmod power maximum
minimum fmax fmin where clip cast copy stop_gradient hypot arctan2 logaddexp logaddexp2
negative sign trunc round rint nan_to_num absolute abs square floor ceil reciprocal sqrt rsqrt
cbrt fabs exp exp2 expm1 log log2 log10 log1p sin cos tan arcsin arccos arctan sinh cosh tanh
arcsinh arccosh arctanh deg2rad rad2deg sinc erf erfc erfinv relu relu6 hard_tanh threshold
sigmoid softplus log_sigmoid softsign silu swish tanh_shrink leaky_relu hard_sigmoid hard_silu
hard_swish hard_shrink soft_shrink elu celu selu gelu squareplus sparse_plus sparse_sigmoid
"""
_CARRYING = frozenset(_NAMES.split())


def carries_masks(function: Callable) -> bool:
    """Whether the result of an op has the masks of its arguments."""
    return function.__name__ in _CARRYING
