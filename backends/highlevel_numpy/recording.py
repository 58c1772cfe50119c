"""The array that records what is computed with it, and the walk back through the record.

Life of a `Recorded`: a transform wraps the arrays it differentiates by, each with the
transform's *level*; every NumPy function that meets one of them computes on the plain
values and returns a new `Recorded` that remembers the function's gradient rule and its
arguments. When the transform ends it walks from the result towards the wrapped arrays
and strips the level again, so nothing recorded is left outside.

Levels number the transforms in the order they began. Of two levels the greater one is
the inner one: its arrays hold values that may themselves be recorded at outer levels,
and because rules are written in NumPy functions, the walk of the inner level is recorded
by the outer ones. That is all there is to derivatives of derivatives.

A rule is either a tuple with one function per positional argument (None where there is no
gradient), `rule[i](g, out, *args, **kwargs) -> gradient by args[i]`, or one function
`rule(g, out, *args, **kwargs) -> sequence of gradients, one per argument`. Rules get
the arguments as they were passed, without this level's wrapping.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from itertools import count
from typing import Any

import ml_dtypes
import numpy as np

__all__ = [
    "FUNCTIONS",
    "RULES",
    "Recorded",
    "backward",
    "call",
    "is_inexact",
    "new_level",
    "record",
    "strip",
    "strip_tree",
]

#: Rule of each differentiable ufunc.
RULES: dict[Any, Any] = {}
#: What runs when a NumPy function other than a ufunc's plain call meets a recorded array;
#: also ufuncs that need more than a rule (several results).
FUNCTIONS: dict[Any, Callable] = {}

_levels = count(1)
# Descending, so that the least number is the latest entry: the walk uses a heap of them.
_orders = count(0, -1)

_INEXACT = {np.dtype(c) for c in "efdgFDG"} | {
    np.dtype(t)
    for t in (ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2)
}


def new_level() -> int:
    """A level greater than all before."""
    return next(_levels)


def is_inexact(dtype: np.dtype) -> bool:
    """Whether arrays of this dtype have gradients (floating or complex)."""
    return dtype in _INEXACT


class Recorded:
    """An array whose history is being recorded.

    Attributes:
        value: the array: plain, or recorded at an outer level.
        level: number of the transform that records.
        order: position in time; later is less.
        rule, args, kwargs: how it was computed (see the module's text).
        inputs: `(position in args, Recorded)` for the arguments of this level.

    Operators and methods are in `array.py`, which subclasses this.
    """

    __slots__ = ("args", "inputs", "kwargs", "level", "order", "rule", "value")

    def __init__(self, value, level, rule=None, args=(), kwargs=None, inputs=()):
        self.value = value
        self.level = level
        self.rule = rule
        self.args = args
        self.kwargs = kwargs
        self.inputs = inputs
        self.order = next(_orders)


# The subclass with the operators, set by `array.py`. One class is instantiated, so that
# `type(x) is RecordedArray` is the whole test for being recorded.
RecordedArray: Any = Recorded


def _set_array_type(cls: type) -> None:
    global RecordedArray
    RecordedArray = cls


def strip(x: Any) -> Any:
    """`x` without any recording."""
    while type(x) is RecordedArray:
        x = x.value
    return x


def strip_tree(x: Any) -> Any:
    """`x` with recorded arrays in lists, tuples and dicts stripped too."""
    kind = type(x)
    if kind is RecordedArray:
        return strip(x)
    if kind is list:
        return [strip_tree(item) for item in x]
    if kind is tuple:
        return tuple([strip_tree(item) for item in x])
    if kind is dict:
        return {key: strip_tree(item) for key, item in x.items()}
    return x


_NO_KWARGS: dict[str, Any] = {}


def record(function: Callable, rule: Any, args: Sequence, kwargs: dict | None = None) -> Any:
    """`function(*args, **kwargs)`, recorded at the innermost level among `args`.

    Args:
        function: called with the values; where these are recorded at outer levels too it
            must dispatch again, as NumPy's functions and `Primitive` do.
        rule: see the module's text.
        args: positional arguments; only direct entries are looked at.
        kwargs: keyword arguments, none of them recorded.

    Returns:
        A recorded array; a tuple of them where `function` returns a tuple or list; a plain
        value where nothing was recorded or the result is of a dtype without gradients.
    """
    recorded = RecordedArray
    level = 0
    for x in args:
        if type(x) is recorded and x.level > level:
            level = x.level
    if kwargs is None:
        kwargs = _NO_KWARGS
    if level == 0:
        return function(*args, **kwargs)
    values = []
    inputs = []
    for x in args:
        if type(x) is recorded and x.level == level:
            inputs.append((len(values), x))
            values.append(x.value)
        else:
            values.append(x)
    out = function(*values, **kwargs)
    kind = type(out)
    if kind is tuple or kind is list or isinstance(out, tuple):
        whole = recorded(out, level, rule, values, kwargs, inputs)
        return tuple(
            [
                recorded(part, level, PART, (i, len(out)), None, ((0, whole),))
                if is_inexact(part.dtype)
                else part
                for i, part in enumerate(out)
            ]
        )
    if out.dtype not in _INEXACT:
        return out
    return recorded(out, level, rule, values, kwargs, inputs)


class Primitive:
    """A function with a gradient rule, for what NumPy has no function of its own.

    Args:
        function: on plain values.
        rule: see the module's text.
    """

    __slots__ = ("__name__", "function", "rule")

    def __init__(self, function: Callable, rule: Any = None):
        self.function = function
        self.rule = rule
        self.__name__ = function.__name__

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        recorded = RecordedArray
        for x in args:
            if type(x) is recorded:
                return record(self, self.rule, args, kwargs)
        return self.function(*args, **kwargs)


def call(function: Callable, *args: Any, **kwargs: Any) -> Any:
    """`function` of `FUNCTIONS` without the way through NumPy's dispatcher."""
    return FUNCTIONS[function](*args, **kwargs)


#: Marks one entry of a result that is a tuple.
PART = object()

#: Rules that write into the gradient of the whole, so that taking many pieces of one array
#: costs memory and time once: rule → `(buffer, g, *args) -> None`. Set by `indexing`.
SCATTER: dict[Any, Callable] = {}


def backward(results: list, cotangents: list, targets: list) -> list:
    """Gradients of the sum of `results · cotangents` by `targets`.

    Args:
        results: recorded arrays of one level. Emptied, so that what the walk has passed
            is freed while it goes on.
        cotangents: an array per result, in the result's shape and dtype.
        targets: recorded arrays without history (those a transform wrapped).

    Returns:
        A list with the gradient of each target; None where the results do not depend on it.
    """
    recorded = RecordedArray
    heap: list[int] = []  # latest entry first
    nodes: dict[int, Any] = {}
    grads: dict[int, Any] = {}
    owned: set[int] = set()  # gradients that nobody else holds: may be added to in place
    last = max((target.order for target in targets), default=0)
    last = min((target.order for target in targets), default=last)
    found: dict[int, Any] = {target.order: None for target in targets}
    ndarray = np.ndarray

    while results:
        node, g = results.pop(), cotangents.pop()
        order = node.order
        if order in grads:
            grads[order] = grads[order] + g
        else:
            grads[order] = g
            nodes[order] = node
            heappush(heap, order)
    node = g = None

    with np.errstate(all="ignore"):
        while heap:
            order = heappop(heap)
            node = nodes.pop(order)
            g = grads.pop(order)
            if order in found:
                found[order] = g
                continue
            rule = node.rule
            if rule is PART:
                # A piece of a tuple: the whole collects a list of its pieces' gradients.
                whole = node.inputs[0][1]
                index, length = node.args
                pieces = grads.get(whole.order)
                if pieces is None:
                    pieces = grads[whole.order] = [None] * length
                    nodes[whole.order] = whole
                    heappush(heap, whole.order)
                pieces[index] = g
                continue
            if rule is None:  # wrapped by this level, but not asked for
                continue
            separate = type(rule) is tuple
            if separate:
                scatter = SCATTER.get(rule)
                if scatter is not None and type(g) is not recorded:
                    _scatter(scatter, node, g, heap, nodes, grads, owned)
                    continue
                kwargs = node.kwargs
            else:
                contributions = rule(g, node.value, *node.args, **(node.kwargs or _NO_KWARGS))
            for position, parent in node.inputs:
                if not separate:
                    x = contributions[position]
                elif kwargs:
                    x = rule[position](g, node.value, *node.args, **kwargs)
                else:
                    x = rule[position](g, node.value, *node.args)
                if x is None:
                    continue
                dtype = parent.value.dtype
                if x.dtype is not dtype and x.dtype != dtype:
                    x = to_dtype(x, dtype)
                order = parent.order
                if order not in grads:
                    grads[order] = x
                    nodes[order] = parent
                    heappush(heap, order)
                elif order in owned and type(x) is not recorded:
                    buffer = grads[order]
                    np.add(buffer, x, out=buffer)
                else:
                    total = grads[order] + x
                    grads[order] = total
                    if type(total) is ndarray:
                        owned.add(order)
    return [found[target.order] for target in targets]


def _scatter(scatter, node, g, heap, nodes, grads, owned):
    """Add a piece's gradient into the buffer that is the gradient of the whole array."""
    parent = node.inputs[0][1]
    order = parent.order
    if order in owned:
        scatter(grads[order], g, *node.args)
        return
    buffer = np.zeros(parent.value.shape, parent.value.dtype)
    scatter(buffer, g, *node.args)
    if order in grads:
        buffer = buffer + grads[order]
    else:
        nodes[order] = parent
        heappush(heap, order)
    grads[order] = buffer
    if type(buffer) is np.ndarray:
        owned.add(order)


def to_dtype(x: Any, dtype: np.dtype) -> Any:
    """`x` as `dtype`; of complex values going to a real dtype, the real part."""
    if x.dtype.kind == "c" and dtype.kind != "c":
        x = x.real
    return x.astype(dtype)
