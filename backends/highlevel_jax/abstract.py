"""What a function would return, without computing it, unknown dimensions included.

Where every dimension is known this is `jax.eval_shape`. Otherwise the unknown ones
become symbols of `jax.export`, which JAX carries through shape arithmetic exactly. All
unknown dimensions on one axis position share a symbol, because that is what models
mean: two inputs have the same batch, a query and its mask the same length.

Some functions cannot be followed with symbols (a comparison such as `height > 7` has no
answer, NumPy calls want numbers). Those are traced with concrete sizes, twice: what
differs between the two results is unknown. The sizes are multiples of many small
numbers, so that patches and strides divide them, and differ by axis, so that
axes are not taken for one another; where the function needs axes to agree, all
get the same size.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
from highlevel_backend import ArraySpec
from jax import export

from highlevel_jax.arrays import numpy_dtype

__all__ = ["eval_shape"]

Tree = Any


def _is_spec(x: Any) -> bool:
    return isinstance(x, ArraySpec)


def _struct(shape: tuple, dtype: str) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, numpy_dtype(dtype))


def _run(function: Callable, specs: tuple, sizes: dict[int, Any]) -> Tree:
    def fill(spec: ArraySpec) -> jax.ShapeDtypeStruct:
        shape = (sizes[i] if n is None else n for i, n in enumerate(spec.shape))
        return _struct(tuple(shape), spec.dtype)

    structs = jax.tree.map(fill, specs, is_leaf=_is_spec)
    # A fresh function: JAX keeps traces of functions that compare equal, and a layer's
    # `call` compares equal after the layer has changed.
    return jax.eval_shape(lambda *args: function(*args), *structs)


def _spec(result: jax.ShapeDtypeStruct, *others: jax.ShapeDtypeStruct) -> ArraySpec:
    shape = tuple(
        n if type(n) is int and all(other.shape[axis] == n for other in others) else None
        for axis, n in enumerate(result.shape)
    )
    return ArraySpec(shape, result.dtype.name)


def _symbols(axes: list[int]) -> dict[int, Any]:
    # One scope a call: it remembers every expression it has compared.
    names = ", ".join(f"d{axis}" for axis in axes)
    return dict(zip(axes, export.symbolic_shape(names, scope=export.SymbolicScope())))


def _probe(function: Callable, specs: tuple, axes: list[int], distinct: bool) -> Tree:
    step = 5040  # divisible by 1 to 10, by 12, 14, 15, 16
    first = {axis: step * (2 + (axis if distinct else 0)) for axis in axes}
    second = {axis: size + step * 16 for axis, size in first.items()}
    one, two = _run(function, specs, first), _run(function, specs, second)
    return jax.tree.map(_spec, one, two)


def eval_shape(function: Callable, *specs: Tree) -> Tree:
    """See `Backend.eval_shape`.

    Raises:
        Exception: whatever the function itself raises for such inputs.
    """
    leaves = jax.tree.leaves(specs, is_leaf=_is_spec)
    axes = sorted({i for spec in leaves for i, n in enumerate(spec.shape) if n is None})
    if not axes:
        return jax.tree.map(_spec, _run(function, specs, {}))
    try:
        return jax.tree.map(_spec, _run(function, specs, _symbols(axes)))
    except Exception as error:  # anything: it is the function's own code that runs
        symbolic = concrete = error
    for distinct in (True, False) if len(axes) > 1 else (False,):
        try:
            return _probe(function, specs, axes, distinct)
        except Exception as error:
            concrete = error
    # Sizes of the probes would only puzzle: rather the message with names for them, unless
    # it speaks of the symbols' own limits.
    undecided = "Inconclusive" in type(symbolic).__name__ or "symbolic" in str(symbolic).lower()
    raise concrete if undecided else symbolic
