"""Derivatives of functions of trees."""

from __future__ import annotations

import contextvars
import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from highlevel_backend.tree import flatten, unflatten

from highlevel_numpy.arrays import as_array, is_array
from highlevel_numpy.recorded import PART, Recorded, is_inexact, new_level, strip
from highlevel_numpy.traced import Traced
from highlevel_numpy.walk import backward, to_dtype

__all__ = ["custom_gradient", "jvp", "remat", "stop_gradient", "value_and_grad", "vjp"]

Tree = Any


def _leave(x: Any, level: int) -> Any:
    """`x` without the recording of `level` and of levels inside it."""
    while type(x) is Recorded and x.level >= level:
        x = x.value
    return x


def _leave_tree(tree: Tree, level: int) -> Tree:
    leaves, definition = flatten(tree)
    return unflatten(definition, [_leave(x, level) for x in leaves])


def value_and_grad(function: Callable, has_aux: bool = False) -> Callable:
    """See `Backend.value_and_grad`."""

    @functools.wraps(function, updated=())
    def run(tree, *rest, **options):
        leaves, definition = flatten(tree)
        level = new_level()
        wrapped = []
        for i, x in enumerate(leaves):
            if not is_array(x):
                x = leaves[i] = as_array(x)
            if not is_inexact(x.dtype):
                raise TypeError(
                    f"value_and_grad differentiates by floating arrays, but leaf {i} of the first "
                    f"argument has dtype {x.dtype} and shape {x.shape}. Cast it, or pass it as "
                    "another argument."
                )
            wrapped.append(Recorded(x, level))
        result = function(unflatten(definition, wrapped), *rest, **options)
        aux = None
        if has_aux:
            result, aux = result
            aux = _leave_tree(aux, level)
        value = _leave(result, level)
        _check_scalar(value)
        if type(result) is Recorded and result.level == level:
            seed = value.dtype.type(1)
            results = [result]
            del result  # the walk frees what it has passed
            grads = backward(results, [seed], wrapped)
        else:
            grads = [None] * len(leaves)
        grads = [_given(g, x) for g, x in zip(grads, leaves)]
        traced = next((g for g in grads if type(g) is Traced), None)
        if traced is not None:
            traced.trace.mark(grads)
        gradient = unflatten(definition, grads)
        return ((value, aux), gradient) if has_aux else (value, gradient)

    return run


def _check_scalar(value: Any) -> None:
    if not is_array(value):
        raise TypeError(
            f"A gradient is taken of a scalar array; the function returned {type(value).__name__}."
        )
    if value.shape != () or not is_inexact(value.dtype) or value.dtype.kind == "c":
        raise TypeError(
            "A gradient is taken of a scalar of floating dtype; the function returned shape "
            f"{value.shape} and dtype {value.dtype}. Reduce it, for example with `mean`."
        )


def _given(g: Any, x: Any) -> Any:
    """A gradient as it is handed out: never missing, never sharing memory read-only."""
    if g is None:
        return np.zeros(x.shape, x.dtype)
    if type(g) is np.ndarray:
        return g if g.flags.writeable else g.copy()
    if type(g) is Traced:
        return g if _given(g.value, x) is g.value else g.trace.call(_given, (g, None))
    return g if type(g) is Recorded else np.asarray(g)


def vjp(function: Callable, *primals: Tree, has_aux: bool = False) -> tuple:
    """See `Backend.vjp`. The gradient by integer arrays is zeros of their own dtype."""
    leaves, definition = flatten(primals)
    leaves = [x if is_array(x) else as_array(x) for x in leaves]
    level = new_level()
    wrapped = [Recorded(x, level) if is_inexact(x.dtype) else x for x in leaves]
    result = function(*unflatten(definition, wrapped))
    if has_aux:
        result, aux = result
        aux = _leave_tree(aux, level)
    out_leaves, out_definition = flatten(result)
    targets = [x for x in wrapped if type(x) is Recorded and x.level == level]
    values = [_leave(x, level) for x in out_leaves]

    def pullback(cotangent: Tree) -> tuple:
        given, _ = flatten(cotangent)
        if len(given) != len(out_leaves):
            raise ValueError(
                f"The pullback takes one cotangent for each of the {len(out_leaves)} arrays of the "
                f"result, not {len(given)}."
            )
        results, cotangents = [], []
        for x, value, g in zip(out_leaves, values, given):
            if type(x) is Recorded and x.level == level:
                results.append(x)
                cotangents.append(_cotangent(g, value))
        found = iter(backward(results, cotangents, targets))
        grads = []
        for x, w in zip(leaves, wrapped):
            of_level = type(w) is Recorded and w.level == level
            grads.append(_given(next(found) if of_level else None, x))
        return unflatten(definition, grads)

    value = unflatten(out_definition, values)
    return (value, pullback, aux) if has_aux else (value, pullback)


def _cotangent(g: Any, value: Any) -> Any:
    g = g if is_array(g) else as_array(g)
    if g.shape != value.shape:
        raise ValueError(
            f"A cotangent of shape {g.shape} was given for a result of shape {value.shape}."
        )
    return g if g.dtype == value.dtype else to_dtype(g, value.dtype)


def jvp(
    function: Callable, primals: tuple, tangents: tuple, has_aux: bool = False
) -> tuple:
    """See `Backend.jvp`.

    The pullback is linear in the cotangent, and its own pullback is the derivative
    forwards: one more recording instead of a second set of rules.
    """
    out, pullback, *aux = vjp(function, *primals, has_aux=has_aux)
    out_leaves, out_definition = flatten(out)
    zeros = [
        np.zeros(x.shape, x.dtype) if is_array(x) and is_inexact(x.dtype) else x
        for x in out_leaves
    ]
    moving = [i for i, x in enumerate(out_leaves) if is_array(x) and is_inexact(x.dtype)]

    def linear(*cotangents):
        full = list(zeros)
        for i, g in zip(moving, cotangents):
            full[i] = g
        return pullback(unflatten(out_definition, full))

    _, forward = vjp(linear, *[zeros[i] for i in moving])
    moved = forward(tuple(tangents))
    result = [np.zeros(np.shape(x), getattr(x, "dtype", None)) for x in map(strip, out_leaves)]
    for i, t in zip(moving, moved):
        result[i] = t
    return out, unflatten(out_definition, result), *aux


def stop_gradient(x: Tree) -> Tree:
    """See `Backend.stop_gradient`; trees are taken too."""
    if type(x) is Recorded:
        return strip(x)
    if isinstance(x, (list, tuple, dict)):
        leaves, definition = flatten(x)
        return unflatten(definition, [strip(leaf) for leaf in leaves])
    return x


def _record_leaves(out: Tree, level: int, inputs: Sequence[Recorded], rule: Callable) -> Tree:
    """`out` (plain at `level`) as the result of one step whose rule gets all cotangents.

    Args:
        rule: `(list of cotangents, None where unused) -> list of gradients per input`.
    """
    leaves, definition = flatten(out)
    leaves = [x if is_array(x) else as_array(x) for x in leaves]
    numbered = tuple(enumerate(inputs))

    def step(g, value):
        return rule(g)

    whole = Recorded(leaves, level, step, (), None, numbered)
    recorded = [
        Recorded(x, level, PART, (i, len(leaves)), None, ((0, whole),))
        if is_inexact(x.dtype)
        else x
        for i, x in enumerate(leaves)
    ]
    return unflatten(definition, recorded)


def custom_gradient(function: Callable) -> Callable:
    """See `Backend.custom_gradient`. Arguments and results may be trees."""

    @functools.wraps(function, updated=())
    def run(*args):
        leaves, definition = flatten(args)
        level = max([x.level for x in leaves if type(x) is Recorded], default=0)
        if level == 0:
            traced = next((x for x in leaves if type(x) is Traced), None)
            if traced is not None:
                return traced.trace.call(function, args, gives_function=True)[0]
            return function(*args)[0]
        inputs = [x for x in leaves if type(x) is Recorded and x.level == level]
        values = [_leave(x, level) for x in leaves]
        arguments = unflatten(definition, values)
        traced = next((x for x in values if type(x) is Traced), None)
        if traced is not None:
            out, pullback = traced.trace.call(function, arguments, gives_function=True)
        else:
            out, pullback = function(*arguments)
        if any(type(x) is Recorded for x in values):
            # Outer levels differentiate the result by `pullback` too, but what the
            # pullback does they differentiate as it is written.
            out = run(*arguments)
        out = _leave_tree(out, level)
        out_leaves, out_definition = flatten(out)

        def rule(cotangents):
            full = [
                np.zeros(np.shape(x), getattr(x, "dtype", None)) if g is None else g
                for g, x in zip(cotangents, out_leaves)
            ]
            pulled = pullback(unflatten(out_definition, full))
            return _per_input(pulled, args, level)

        return _record_leaves(out, level, inputs, rule)

    return run


def _per_input(pulled: Any, args: tuple, level: int) -> list:
    """What a pullback gave, one gradient for each recorded leaf of the arguments."""
    if not isinstance(pulled, (tuple, list)) or (len(args) == 1 and len(pulled) != 1):
        pulled = (pulled,)
    if len(pulled) != len(args):
        raise ValueError(
            f"The pullback of a custom gradient gave {len(pulled)} gradients for "
            f"{len(args)} arguments; it has to give one for each, None where there is none."
        )
    grads = []
    for argument, g in zip(args, pulled):
        leaves, _ = flatten(argument)
        given = [None] * len(leaves) if g is None else flatten(g, lambda x: x is None)[0]
        if len(given) != len(leaves):
            raise ValueError(
                f"A custom gradient gave {len(given)} arrays for an argument of {len(leaves)}."
            )
        for leaf, x in zip(leaves, given):
            if type(leaf) is Recorded and leaf.level == level:
                grads.append(x if x is None or is_array(x) else as_array(x))
    return grads


def remat(function: Callable) -> Callable:
    """See `Backend.remat`. Arrays that the function closes over get their gradient too."""

    @functools.wraps(function, updated=())
    def run(*args, **options):
        # Entries made from here on are younger, which is a smaller number.
        start = Recorded(None, 0).order
        out = function(*args, **options)
        leaves, definition = flatten(out)
        level = max([x.level for x in leaves if type(x) is Recorded], default=0)
        if level == 0:
            return out
        edge = _edge([x for x in leaves if type(x) is Recorded and x.level == level], start)
        context = contextvars.copy_context()

        def rule(cotangents):
            again, _ = flatten(context.copy().run(function, *args, **options))
            results, seeds = [], []
            for x, g in zip(again, cotangents):
                if g is not None and type(x) is Recorded and x.level == level:
                    results.append(x)
                    seeds.append(g)
            return backward(results, seeds, edge)

        plain = unflatten(definition, [_leave(x, level) for x in leaves])
        return _record_leaves(plain, level, edge, rule)

    return run


def _edge(results: list[Recorded], start: int) -> list[Recorded]:
    """The recorded arrays older than `start` from which `results` were computed."""
    edge: dict[int, Recorded] = {}
    seen: set[int] = set()
    pending = list(results)
    while pending:
        node = pending.pop()
        if node.order in seen:
            continue
        seen.add(node.order)
        if node.order > start or not node.inputs:
            edge[node.order] = node
        else:
            pending += [parent for _, parent in node.inputs]
    return list(edge.values())
