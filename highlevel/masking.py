"""Which mask belongs to which array.

Arrays of NumPy and JAX take no attributes, so masks are kept beside them: by identity,
and only as long as the array lives.
"""

from __future__ import annotations

import sys
import warnings
import weakref
from contextvars import ContextVar
from typing import Any

from highlevel_backend import tree

from highlevel.symbolic import SymbolicTensor

__all__ = [
    "MaskScope",
    "any_masks",
    "end_message",
    "get_mask",
    "get_masks",
    "mask_scope",
    "masks_by_place",
    "peek_mask",
    "set_mask",
    "set_masks_by_place",
    "tell_end",
    "warn_user",
]

_masks: dict[int, tuple[weakref.ref, Any]] = {}


class MaskScope:
    """What ops do with masks in one call of a layer that somebody wrote, or in a graph.

    Where no scope is set, as inside the built-in layers, ops leave masks alone: those
    layers say themselves what becomes of one.

    Args:
        path: path of the layer; None outside of any.
        told: whether it has said that a mask ends.

    Attributes:
        ended: name of the first op that ended one.
        unread: id of an array with a mask that no layer or op has looked at → who made it.
    """

    __slots__ = ("ended", "path", "told", "unread")

    def __init__(self, path: str | None = None, told: bool = False) -> None:
        self.path = path
        self.told = told
        self.ended: str | None = None
        self.unread: dict[int, str] = {}

    def seen(self, x: Any) -> None:
        """Somebody has taken notice of an array's mask."""
        if self.unread:
            self.unread.pop(id(x), None)


_OUTSIDE = MaskScope()
#: what ops do with masks: the scope of the call they are in, None to leave masks alone
mask_scope: ContextVar[MaskScope | None] = ContextVar("highlevel_masks", default=_OUTSIDE)


def peek_mask(x: Any) -> Any:
    """As `get_mask`, without counting as somebody's use of the mask."""
    if type(x) is SymbolicTensor:
        return x.mask
    if not _masks:
        return None
    found = _masks.get(id(x))
    return found[1] if found is not None and found[0]() is x else None


def get_mask(x: Any) -> Any:
    """The boolean mask set on an array or symbolic tensor, or None."""
    mask = peek_mask(x)
    if mask is not None:
        scope = mask_scope.get()
        if scope is not None:
            scope.seen(x)
    return mask


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


def tell_end(op: str, outputs: list) -> None:
    """Note, or warn at once in a graph, that the mask of an op's arguments ends with it.

    Outside of layers only graphs are told about: there the result goes on to layers, while
    an array may be looked at in any way.

    Args:
        op: name of the op.
        outputs: what it returned.
    """
    scope = mask_scope.get()
    if scope is None:
        return
    if scope.path is not None:
        scope.ended = scope.ended or op  # the layer tells, when its call is over
        return
    node = next((x.node for x in outputs if type(x) is SymbolicTensor), None)
    if node is not None:
        warn_user(end_message(f"'{op}' (path '{node.operation.name}')"))


def warn_user(message: str) -> None:
    """Warn at the line of the user's that called this library, however deep the call is."""
    frame, depth, level = sys._getframe(1), 1, 2
    while frame is not None:
        depth += 1
        if frame.f_globals.get("__name__", "").partition(".")[0] == "highlevel":
            level = depth + 1
        frame = frame.f_back
    warnings.warn(message, stacklevel=level)


def end_message(op: str) -> str:
    """What is said where an op ends a mask."""
    return (
        f"The op {op} mixes entries that the mask of its input tells apart: the mask ends here, "
        "and padding counts in the result. Mask the input first (for a sum, multiply it by the "
        "mask), or use a layer that takes a mask."
    )


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


def masks_by_place(structure: Any) -> dict[int, Any]:
    """Place among a tree's leaves → mask, for those that have one."""
    if not _masks:
        return {}
    masks = [peek_mask(leaf) for leaf in tree.leaves(structure)]
    return {place: mask for place, mask in enumerate(masks) if mask is not None}


def set_masks_by_place(structure: Any, masks: dict[int, Any]) -> None:
    """Set on a tree's leaves what `masks_by_place` found on like ones."""
    if masks:
        leaves = tree.leaves(structure)
        for place, mask in masks.items():
            set_mask(leaves[place], mask)
