"""Which mask belongs to which array.

Arrays of NumPy and JAX take no attributes, so masks are kept beside them: by identity,
and only as long as the array lives.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from typing import Any

from highlevel_backend import tree

from highlevel.symbolic import SymbolicTensor

__all__ = ["any_masks", "carry_masks", "get_mask", "get_masks", "set_mask"]

_masks: dict[int, tuple[weakref.ref, Any]] = {}


def get_mask(x: Any) -> Any:
    """The boolean mask set on an array or symbolic tensor, or None."""
    if type(x) is SymbolicTensor:
        return x.mask
    if not _masks:
        return None
    found = _masks.get(id(x))
    return found[1] if found is not None and found[0]() is x else None


def set_mask(x: Any, mask: Any) -> None:
    """Say that only the entries where `mask` is true count; None takes the mask away.

    Args:
        x: array or symbolic tensor.
        mask: boolean array, of the shape of `x` without its last axes.
    """
    if type(x) is SymbolicTensor:
        x.mask = mask
        return
    key = id(x)
    if mask is None:
        _masks.pop(key, None)
        return
    try:
        reference = weakref.ref(x, lambda _: _masks.pop(key, None))
    except TypeError:  # a scalar: has no entries to mask
        return
    _masks[key] = (reference, mask)


def any_masks() -> bool:
    """Whether any array, symbolic ones aside, has a mask at present."""
    return bool(_masks)


def carry_masks(inputs: Iterable[Any], output: Any, both: Callable[[Any, Any], Any]) -> None:
    """Give the result of an op that works entry by entry the masks of its arguments.

    Args:
        inputs: arrays or symbolic tensors; what else is among them does not count.
        output: the result.
        both: where two masks meet; an entry counts where it does in all arguments.
    """
    shape = getattr(output, "shape", None)
    if shape is None or get_mask(output) is not None:
        return
    carried = None
    for x in inputs:
        mask = get_mask(x)
        # Broadcasting may have stretched the axes that the mask is over, or put some before.
        if mask is None or mask is carried or x.ndim != len(shape) or any(
            a != b for a, b in zip(mask.shape, shape)
        ):
            continue
        carried = mask if carried is None else both(carried, mask)
    if carried is not None:
        set_mask(output, carried)


def get_masks(structure: Any) -> Any:
    """The masks of a tree's leaves in its structure, or None where no leaf has one."""
    if type(structure) in (list, tuple, dict):
        masks = [get_mask(leaf) for leaf in tree.leaves(structure)]
        if all(mask is None for mask in masks):
            return None
        if type(structure) is dict:
            return tree.map_leaves(get_mask, structure)
        return [get_masks(item) for item in structure]
    return get_mask(structure)
