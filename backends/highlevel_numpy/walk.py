"""The walk from results back to what they were computed from."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any

import numpy as np

from highlevel_numpy.recorded import PART, Recorded
from highlevel_numpy.traced import Traced

__all__ = ["SCATTER", "backward", "to_dtype"]

#: Rules that write into the gradient of a whole array, so that taking many pieces of it
#: costs memory and time once: rule → `(buffer, g, *args) -> None`, in place.
SCATTER: dict[Any, Callable] = {}

_NO_KWARGS: dict[str, Any] = {}


def backward(results: list, cotangents: list, targets: list) -> list:
    """Gradients of the sum of `results * cotangents` by `targets`.

    Args:
        results: recorded arrays of one level. Emptied, as `cotangents`, so that what the
            walk has passed is freed while it goes on.
        cotangents: an array per result, in the result's shape and dtype.
        targets: recorded arrays at which the walk stops.

    Returns:
        A list with the gradient of each target; None where the results do not depend on it.
    """
    heap: list[int] = []  # latest entry first: all that uses an entry comes before it
    nodes: dict[int, Recorded] = {}
    grads: dict[int, Any] = {}
    owned: set[int] = set()  # gradients that nobody else holds: may be added to in place
    ends = {target.order for target in targets}  # never walked past, so not in the heap
    ndarray = np.ndarray

    while results:
        node, g = results.pop(), cotangents.pop()
        order = node.order
        if order in grads:
            grads[order] = grads[order] + g
        else:
            grads[order] = g
            if order not in ends:
                nodes[order] = node
                heappush(heap, order)
    node = g = None

    # What divides by zero here did so in the function, which has warned already.
    with np.errstate(all="ignore"):
        while heap:
            order = heappop(heap)
            node = nodes.pop(order)
            g = grads.pop(order)
            rule = node.rule
            separate = type(rule) is tuple
            if separate:
                kwargs = node.kwargs
                if rule in SCATTER and type(g) is not Recorded:
                    _scatter(SCATTER[rule], node, g, heap, nodes, grads, owned, ends)
                    continue
            elif rule is PART:
                _collect(node, g, heap, nodes, grads)
                continue
            elif rule is None:  # wrapped at this level, but not asked for
                continue
            else:
                contributions = rule(g, node.value, *node.args, **(node.kwargs or _NO_KWARGS))
            for position, parent in node.inputs:
                if separate:
                    gradient = rule[position]
                    if gradient is None:
                        continue
                    if kwargs:
                        x = gradient(g, node.value, *node.args, **kwargs)
                    else:
                        x = gradient(g, node.value, *node.args)
                else:
                    x = contributions[position]
                if x is None:
                    continue
                dtype = parent.value.dtype
                if x.dtype is not dtype and x.dtype != dtype:
                    x = to_dtype(x, dtype)
                order = parent.order
                if order not in grads:
                    grads[order] = x
                    if order not in ends:
                        nodes[order] = parent
                        heappush(heap, order)
                elif order in owned and type(x) is not Recorded:
                    buffer = grads[order]
                    np.add(buffer, x, out=buffer)
                else:
                    total = grads[order] + x
                    grads[order] = total
                    if type(total) is ndarray:
                        owned.add(order)
                    else:
                        owned.discard(order)
    return [grads.get(target.order) for target in targets]


def _collect(part: Recorded, g: Any, heap: list, nodes: dict, grads: dict) -> None:
    """A piece of a tuple: the tuple's gradient is the list of its pieces' gradients."""
    whole = part.inputs[0][1]
    index, length = part.args
    pieces = grads.get(whole.order)
    if pieces is None:
        pieces = grads[whole.order] = [None] * length
        nodes[whole.order] = whole
        heappush(heap, whole.order)
    pieces[index] = g


def _scatter(
    scatter: Callable,
    node: Recorded,
    g: Any,
    heap: list,
    nodes: dict,
    grads: dict,
    owned: set,
    ends: set,
) -> None:
    """Add a piece's gradient into the buffer that is the gradient of the whole array."""
    parent = node.inputs[0][1]
    order = parent.order
    if order in owned:
        scatter(grads[order], g, *node.args)
        return
    traced = next((x for x in (g, *node.args) if type(x) is Traced), None)
    if traced is not None:
        shape, dtype = parent.value.shape, parent.value.dtype
        buffer: Any = traced.trace.call(_scattered, (scatter, shape, dtype, g, *node.args))
    else:
        buffer = np.zeros(parent.value.shape, parent.value.dtype)
        scatter(buffer, g, *node.args)
    if order in grads:
        buffer = buffer + grads[order]
    elif order not in ends:
        nodes[order] = parent
        heappush(heap, order)
    grads[order] = buffer
    if type(buffer) is np.ndarray:
        owned.add(order)


def _scattered(
    scatter: Callable, shape: tuple, dtype: np.dtype, g: Any, *args: Any
) -> np.ndarray:
    buffer = np.zeros(shape, dtype)
    scatter(buffer, g, *args)
    return buffer


def to_dtype(x: Any, dtype: np.dtype) -> Any:
    """`x` as `dtype`; where a complex value goes to a real dtype, its real part."""
    if x.dtype.kind == "c" and dtype.kind != "c":
        x = x.real
    return x.astype(dtype)
