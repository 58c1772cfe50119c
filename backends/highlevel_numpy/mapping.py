"""`vmap`: a loop over the entries, differentiable as everything in it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from highlevel_backend.tree import flatten, unflatten

from highlevel_numpy.arrays import as_array, is_array
from highlevel_numpy.recorded import FUNCTIONS, Recorded

__all__ = ["vmap"]

Tree = Any


def vmap(function: Callable, in_axes: Any = 0, out_axes: Any = 0) -> Callable:
    """See `Backend.vmap`: one call per entry, the results stacked."""

    def run(*args):
        axes = tuple(in_axes) if isinstance(in_axes, (tuple, list)) else (in_axes,) * len(args)
        if len(axes) != len(args):
            raise ValueError(f"in_axes has {len(axes)} entries for {len(args)} arguments.")
        columns: list[Any] = []
        definitions = []
        size = None
        for argument, axis in zip(args, axes):
            leaves, definition = flatten(argument)
            definitions.append(definition)
            leaves = [x if is_array(x) else as_array(x) for x in leaves]
            if axis is None:
                columns.append((leaves, None))
                continue
            for x in leaves:
                if size is not None and x.shape[axis] != size:
                    raise ValueError(
                        f"The mapped axes differ in length: {size} and {x.shape[axis]}."
                    )
                size = x.shape[axis]
            columns.append(([np.moveaxis(x, axis, 0) for x in leaves], size))
        if size is None:
            raise ValueError("vmap needs an argument that is mapped (in_axes not None).")
        rows = [_rows(leaves, n) for leaves, n in columns]
        # An empty axis: one call on zeros, for the shapes.
        entries = range(size) if size else [None]
        results = [
            function(*[unflatten(d, row(i)) for d, row in zip(definitions, rows)]) for i in entries
        ]
        return _stack_results(results, size, out_axes)

    return run


def _rows(leaves: list, size: int | None) -> Callable:
    """`i -> the leaves' entries i`."""
    if size is None:
        return lambda i: leaves
    columns = [FUNCTIONS["unstack"](x) if type(x) is Recorded else x for x in leaves]
    return lambda i: [
        np.zeros(x.shape[1:], x.dtype) if i is None else column[i]
        for x, column in zip(leaves, columns)
    ]


def _stack_results(results: list, size: int, out_axes: int) -> Tree:
    columns = []
    definition = None
    for result in results:
        leaves, definition = flatten(result)
        columns.append([x if is_array(x) else as_array(x) for x in leaves])
    stacked = [np.stack(column, axis=out_axes) for column in zip(*columns)]
    if not size:
        stacked = [np.take(x, [], axis=out_axes) for x in stacked]
    return unflatten(definition, stacked)
