"""Where an op leaves the masks of its arguments.

A mask says which entries of the first axes count: of a batch of sequences
`(batch, steps, ...)` mostly `(batch, steps)`. An op that computes each entry from the
entries at the same place keeps it; one that moves steps (slices, joins, transposes) moves
the mask along; one that mixes steps (a sum over them) ends it, for there padding has
become part of the values.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable
from typing import Any

from highlevel_backend import tree

from highlevel.masking import mask_scope, peek_mask, set_mask, tell_end
from highlevel.ops.registry import registered_ops

__all__ = ["ENTRYWISE", "einsum_mask", "follow_masks", "reshaped_mask", "transposed_mask"]

_ENTRYWISE = """
add subtract multiply divide true_divide divide_no_nan floor_divide mod fmod power maximum
minimum fmax fmin where clip cast saturate_cast copy stop_gradient hypot arctan2 logaddexp
logaddexp2 negative sign trunc round nan_to_num absolute abs square floor ceil reciprocal
sqrt rsqrt cbrt fabs exp exp2 expm1 log log2 log10 log1p sin cos tan arcsin arccos arctan sinh
cosh tanh arcsinh arccosh arctanh deg2rad rad2deg sinc erf erfc erfinv relu relu6 hard_tanh
threshold sigmoid softplus log_sigmoid softsign silu swish tanh_shrink leaky_relu hard_sigmoid
hard_silu hard_swish hard_shrink soft_shrink elu celu selu gelu squareplus sparse_plus
sparse_sigmoid equal not_equal less less_equal greater greater_equal isclose isfinite isinf
isnan isneginf isposinf isreal logical_and logical_or logical_xor logical_not bitwise_and
bitwise_or bitwise_xor bitwise_not bitwise_invert left_shift right_shift bitwise_left_shift
bitwise_right_shift gcd lcm ldexp heaviside nextafter signbit angle conj conjugate real imag
i0 digitize searchsorted binary_crossentropy
"""
_ALONG_AXIS = """
sum mean max min amax amin prod all any std var median nansum nanmean nanmax nanmin nanprod
nanstd nanvar nanmedian count_nonzero average argmax argmin nanargmax nanargmin logsumexp norm
ptp percentile quantile nanpercentile nanquantile softmax log_softmax sparsemax cumsum cumprod
nancumsum nancumprod sort argsort argpartition normalize layer_normalization
rms_normalization glu moments diff trapezoid categorical_crossentropy
sparse_categorical_crossentropy
"""
#: ops that compute each entry from the entries at the same place
ENTRYWISE = frozenset(_ENTRYWISE.split())
#: ops whose result says nothing about the entries' values
_QUIET = frozenset(("zeros_like", "ones_like", "full_like", "empty_like"))

#: what a rule returns where the mask ends though it matters
ENDS = object()


def follow_masks(function: Callable, args: tuple, kwargs: dict, result: Any) -> None:
    """Give the result of an op the masks of its arguments, where it leaves any.

    Args:
        function: the op.
        args, kwargs: what it was called with.
        result: what it returned, arrays or symbolic tensors; masks are set on them.
    """
    leaves = tree.leaves((args, kwargs))
    if all(peek_mask(leaf) is None for leaf in leaves):
        return
    outputs = tree.leaves(result)
    scope = mask_scope.get()
    for leaf in leaves:
        if scope is not None:
            scope.seen(leaf)
    token = mask_scope.set(None)
    try:
        found = _found(function, args, kwargs, leaves, outputs)
    finally:
        mask_scope.reset(token)
    if found is ENDS:
        tell_end(function.__name__, outputs)
    elif found is not None:
        masks = found if type(found) is list else [found] * len(outputs)
        for output, mask in zip(outputs, masks):
            if getattr(output, "shape", None) is not None and peek_mask(output) is None:
                set_mask(output, mask)


def _found(function: Callable, args: tuple, kwargs: dict, leaves: list, outputs: list) -> Any:
    name = function.__name__
    if name in _QUIET:
        return None
    rule = _RULES.get(name)
    if rule is None:
        return ENDS
    if rule is _entrywise:
        return _entrywise(leaves, outputs)
    try:
        bound = _signature(function).bind(*args, **kwargs)
    except TypeError:
        return ENDS
    bound.apply_defaults()
    return rule(bound.arguments, outputs)


@functools.cache
def _signature(function: Callable) -> inspect.Signature:
    return inspect.signature(function)


def _op(name: str) -> Callable:
    return registered_ops[name]


def both(masks: list) -> Any:
    """True where all of some masks are; None for none."""
    chosen = None
    for mask in masks:
        if mask is not None and mask is not chosen:
            chosen = mask if chosen is None else _op("logical_and")(chosen, mask)
    return chosen


def _equal(a: Any, b: Any) -> bool:
    return len(a) == len(b) and all(x is None or y is None or x == y for x, y in zip(a, b))


def _axes(axis: Any, rank: int) -> list[int]:
    return [a % rank for a in (axis if isinstance(axis, (list, tuple)) else (axis,))]


def _first(arguments: dict) -> tuple[Any, Any]:
    x = next(iter(arguments.values()))
    return x, peek_mask(x)


# ---------------------------------------------------------------------------- rules


def _entrywise(leaves: list, outputs: list) -> Any:
    shape = outputs[0].shape
    kept = [
        mask for leaf in leaves if (mask := peek_mask(leaf)) is not None
        # Broadcasting may have stretched the axes that the mask is over, or put some before.
        and len(leaf.shape) == len(shape)
        and all(a == b for a, b in zip(mask.shape, shape))
    ]
    return both(kept) if kept else ENDS


def _along(arguments: dict, outputs: list) -> Any:
    """Ops that mix the entries along an axis and no others."""
    x, mask = _first(arguments)
    axis = arguments.get("axis", arguments.get("axes", -1))
    if mask is None or axis is None:
        return ENDS
    return mask if min(_axes(axis, len(x.shape)), default=0) >= len(mask.shape) else ENDS


def _one_hot(arguments: dict, outputs: list) -> Any:
    x, mask = _first(arguments)
    axis = arguments["axis"] % (len(x.shape) + 1)
    return mask if mask is not None and axis >= len(mask.shape) else ENDS


def reshaped_mask(mask: Any, shape: Any, new_shape: Any) -> Any:
    """The mask after a reshape that leaves the masked axes as they are, else None."""
    rank = len(mask.shape)
    fits = len(new_shape) >= rank and all(
        a == b for a, b in zip(shape[:rank], new_shape[:rank]))
    rest, new_rest = shape[rank:], new_shape[rank:]
    if not fits or None in rest or None in new_rest or math.prod(rest) != math.prod(new_rest):
        return None
    return mask


def _reshape(arguments: dict, outputs: list) -> Any:
    x, mask = _first(arguments)
    kept = None if mask is None else reshaped_mask(mask, x.shape, outputs[0].shape)
    return ENDS if kept is None else kept


def transposed_mask(mask: Any, order: Any) -> Any:
    """The mask after a transpose that keeps its axes in front, else None."""
    rank = len(mask.shape)
    front = list(order[:rank])
    if sorted(front) != list(range(rank)):
        return None
    return mask if front == list(range(rank)) else _op("transpose")(mask, tuple(front))


def _reorder(arguments: dict, outputs: list) -> Any:
    x, mask = _first(arguments)
    rank = len(x.shape)
    order = list(range(rank))
    if mask is None:
        return ENDS
    if "axes" in arguments:
        given = arguments["axes"]
        order = order[::-1] if given is None else [a % rank for a in given]
    elif "axis1" in arguments:
        a, b = arguments["axis1"] % rank, arguments["axis2"] % rank
        order[a], order[b] = order[b], order[a]
    else:
        source = _axes(arguments["source"], rank)
        target = _axes(arguments["destination"], rank)
        order = [a for a in order if a not in source]
        for to, moved in sorted(zip(target, source)):
            order.insert(to, moved)
    kept = transposed_mask(mask, order)
    return ENDS if kept is None else kept


def _expand_dims(arguments: dict, outputs: list) -> Any:
    _, mask = _first(arguments)
    if mask is None:
        return ENDS
    rank = len(outputs[0].shape)
    for axis in sorted(_axes(arguments["axis"], rank)):
        if axis < len(mask.shape):
            mask = _op("expand_dims")(mask, axis)
    return mask


def _squeeze(arguments: dict, outputs: list) -> Any:
    x, mask = _first(arguments)
    if mask is None:
        return ENDS
    axis, rank = arguments["axis"], len(x.shape)
    gone = [i for i, n in enumerate(x.shape) if n == 1] if axis is None else _axes(axis, rank)
    front = tuple(a for a in gone if a < len(mask.shape))
    return _op("squeeze")(mask, front) if front else mask


def _same_way(name: str) -> Callable:
    """Ops that move entries along one axis: the mask goes the same way."""

    def rule(arguments: dict, outputs: list) -> Any:
        x, mask = _first(arguments)
        axis = arguments["axis"]
        if mask is None or not isinstance(axis, int):
            return ENDS
        axis %= len(x.shape)
        if axis >= len(mask.shape):
            return mask
        given = dict(arguments)
        given[next(iter(given))] = mask
        moved = _op(name)(**{**given, "axis": axis})
        return list(moved) if isinstance(moved, (list, tuple)) else moved

    return rule


def _take(arguments: dict, outputs: list) -> Any:
    x, indices, axis = arguments["x"], arguments["indices"], arguments["axis"]
    mask = peek_mask(indices)
    if mask is not None and axis == 0 and peek_mask(x) is None:
        return mask  # rows of a table: each index gives one
    if not isinstance(axis, int) or peek_mask(x) is None:
        return ENDS
    return _same_way("take")(arguments, outputs)


def _get_item(arguments: dict, outputs: list) -> Any:
    x, mask = _first(arguments)
    key = arguments["key"]
    key = key if isinstance(key, tuple) else (key,)
    if mask is None or any(
        not (part is None or part is Ellipsis or isinstance(part, (int, slice)))
        or isinstance(part, bool) for part in key
    ):
        return ENDS
    if Ellipsis in key:
        place = key.index(Ellipsis)
        used = sum(part is not None for part in key) - 1
        middle = (slice(None),) * (len(x.shape) - used)
        key = (*key[:place], *middle, *key[place + 1:])
    rank, chosen, axis = len(mask.shape), [], 0
    for part in key:
        if axis >= rank:
            break
        if isinstance(part, int) and axis:
            # One step picked out: the first one is no padding, any other may be.
            return None if part == 0 else ENDS
        chosen.append(part)
        axis += part is not None
    if all(part == slice(None) for part in chosen):
        return mask
    return _op("get_item")(mask, tuple(chosen))


def _join(name: str) -> Callable:
    def rule(arguments: dict, outputs: list) -> Any:
        inputs = list(next(iter(arguments.values())))
        masks = [peek_mask(x) for x in inputs]
        rank = max(len(mask.shape) for mask in masks if mask is not None)
        axis = arguments["axis"]
        if axis is None or any(len(m.shape) != rank for m in masks if m is not None):
            return ENDS
        axis %= len(outputs[0].shape)
        if axis >= rank:
            return both(masks)
        filled = []
        for x, mask in zip(inputs, masks):
            if mask is None:  # every step of it counts
                x = x[(..., *(0,) * (len(x.shape) - rank))]
                mask = _op("ones_like")(x, dtype="bool")
            filled.append(mask)
        return _op(name)(filled, axis=axis)

    return rule


def _broadcast_to(arguments: dict, outputs: list) -> Any:
    x, mask = _first(arguments)
    shape = outputs[0].shape
    same = mask is not None and len(x.shape) == len(shape) and _equal(
        mask.shape, shape[:len(mask.shape)])
    return mask if same else ENDS


def _pad(arguments: dict, outputs: list) -> Any:
    x, mask = _first(arguments)
    widths = arguments["pad_width"]
    if mask is None or not isinstance(widths, (list, tuple)) or len(widths) != len(x.shape):
        return ENDS
    front = widths[:len(mask.shape)]
    return mask if all(not any(_pair(w)) for w in front) else ENDS


def _pair(width: Any) -> tuple:
    return tuple(width) if isinstance(width, (list, tuple)) else (width,)


def _product(arguments: dict, outputs: list) -> Any:
    a, b = list(arguments.values())[:2]
    axes = arguments.get("axes", 1)
    left, right = peek_mask(a), peek_mask(b)
    rank, other = len(getattr(a, "shape", ())), len(getattr(b, "shape", ()))
    if "axes" in arguments:  # tensordot puts the axes that are left one after the other
        batched = False
        if not isinstance(axes, int):
            summed = _axes(axes[0], rank)
            axes = rank - min(summed)
    else:
        batched = other > 2
    kept = []
    if left is not None:
        if (batched and rank < other) or len(left.shape) > rank - axes:
            return ENDS
        kept.append(left)
    if right is not None:
        if not batched or other < rank or len(right.shape) > other - 2:
            return ENDS
        kept.append(right)
    return both(kept)


def einsum_mask(mask: Any, term: str, output: str) -> Any:
    """The mask of an operand after an einsum that leaves its axes in front, else None.

    Args:
        mask: the mask.
        term, output: letters of the operand and of the result, no dots.
    """
    rank = len(mask.shape)
    return mask if term[:rank] == output[:rank] and len(output) >= rank else None


def _einsum(arguments: dict, outputs: list) -> Any:
    subscripts, *operands = arguments.values()
    operands = list(operands[0]) if operands and isinstance(operands[0], tuple) else operands
    if not isinstance(subscripts, str) or "->" not in subscripts:
        return ENDS
    left, output = subscripts.replace(" ", "").split("->")
    kept = []
    for x, term in zip(operands, left.split(",")):
        mask = peek_mask(x)
        if mask is None:
            continue
        found = None
        if not output.startswith("...") and not term.startswith("..."):
            found = einsum_mask(mask, term.partition("...")[0], output.partition("...")[0])
        elif output.startswith("...") and term.startswith("..."):
            covered = len(x.shape) - len(term) + 3
            found = mask if len(mask.shape) <= covered else None
        if found is None:
            return ENDS
        kept.append(found)
    return both(kept)


_RULES: dict[str, Callable] = {
    **dict.fromkeys(ENTRYWISE, _entrywise),
    **dict.fromkeys(_ALONG_AXIS.split(), _along),
    "one_hot": _one_hot, "reshape": _reshape, "transpose": _reorder, "swapaxes": _reorder,
    "moveaxis": _reorder, "expand_dims": _expand_dims, "squeeze": _squeeze,
    **{name: _same_way(name) for name in ("flip", "repeat", "split", "roll", "array_split")},
    "take": _take, "get_item": _get_item, "concatenate": _join("concatenate"),
    "stack": _join("stack"), "broadcast_to": _broadcast_to, "pad": _pad, "matmul": _product,
    "dot": _product, "tensordot": _product, "einsum": _einsum,
}
