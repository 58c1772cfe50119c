"""Loops and branches: Python's own, on values that are known."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import numpy as np
from highlevel_backend.tree import flatten, unflatten

from highlevel_numpy.arrays import as_array, is_array
from highlevel_numpy.recorded import FUNCTIONS, Recorded, strip

__all__ = ["cond", "depth", "in_loop", "scan", "while_loop"]

Tree = Any

#: how many loops are around
depth: ContextVar[int] = ContextVar("highlevel_numpy_depth", default=0)


def in_loop(function: Callable) -> Callable:
    """`function`, which is a loop: within it `depth` is greater by 1."""

    @functools.wraps(function, updated=())
    def run(*args, **kwargs):
        token = depth.set(depth.get() + 1)
        try:
            return function(*args, **kwargs)
        finally:
            depth.reset(token)

    return run


@in_loop
def scan(
    function: Callable, init: Tree, xs: Tree, length: int | None = None, reverse: bool = False
) -> tuple[Tree, Tree]:
    """See `Backend.scan`."""
    leaves, definition = flatten(xs)
    leaves = [x if is_array(x) else as_array(x) for x in leaves]
    lengths = {x.shape[0] for x in leaves}
    if length is not None:
        lengths.add(int(length))
    if len(lengths) != 1:
        raise ValueError(
            "scan needs arrays of one length along the first axis, or `length`; got lengths "
            f"{sorted(lengths)}."
        )
    (count,) = lengths
    if count == 0:
        return _empty(function, init, leaves, definition)
    # One step for all entries, so that the gradient is stacked once and not added up.
    columns = [FUNCTIONS["unstack"](x) if type(x) is Recorded else x for x in leaves]
    carry = init
    collected: list[Any] = []
    y_definition = None
    for step in range(count):
        i = count - 1 - step if reverse else step
        carry, y = function(carry, unflatten(definition, [column[i] for column in columns]))
        y_leaves, y_definition = flatten(y)
        if not step:
            collected = [_Column(count) for _ in y_leaves]
        for column, value in zip(collected, y_leaves):
            column.put(i, value)
    return carry, unflatten(y_definition, [column.stacked() for column in collected])


class _Column:
    """One leaf of the outputs: written into one array while its entries are plain."""

    __slots__ = ("array", "entries", "length")

    def __init__(self, length: int):
        self.length = length
        self.array: np.ndarray | None = None
        self.entries: list | None = None

    def put(self, i: int, value: Any) -> None:
        if self.entries is None:
            if type(value) is not Recorded:
                if self.array is None:
                    value = value if is_array(value) else as_array(value)
                    self.array = np.empty((self.length, *value.shape), value.dtype)
                self.array[i] = value
                return
            # The first recorded entry: those before it are in the array.
            self.entries = [None] * self.length if self.array is None else list(self.array)
        self.entries[i] = value

    def stacked(self) -> Any:
        return self.array if self.entries is None else np.stack(self.entries)


def _empty(function: Callable, init: Tree, leaves: list, definition: Any) -> tuple[Tree, Tree]:
    """No step at all: one call on zeros tells the shapes of the outputs."""
    zeros = [np.zeros(x.shape[1:], x.dtype) for x in leaves]
    _, y = function(init, unflatten(definition, zeros))
    y_leaves, y_definition = flatten(y)
    y_leaves = [strip(y if is_array(y) else as_array(y)) for y in y_leaves]
    return init, unflatten(y_definition, [np.zeros((0, *y.shape), y.dtype) for y in y_leaves])


@in_loop
def while_loop(condition: Callable, body: Callable, init: Tree) -> Tree:
    """See `Backend.while_loop`; here it can be differentiated too."""
    state = init
    while condition(state):
        state = body(state)
    return state


def cond(
    predicate: Any, true_function: Callable, false_function: Callable, *operands: Tree
) -> Tree:
    """See `Backend.cond`."""
    return true_function(*operands) if predicate else false_function(*operands)
