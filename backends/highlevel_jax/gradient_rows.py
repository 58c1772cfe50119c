"""The few rows of a table's gradient that are not 0, found in the traced program.

The gradient of rows taken from a table is an array of zeros to which the rows' gradients are
added. While a step is traced that can be seen from the gradient itself: it remembers the
operation that made it. Whoever uses the rows only leaves the array without users, and XLA
does not compute it. Anything else done to the gradient on its way (a sum with that of another
use, clipping, a regularizer, a demand for a sharding) made an array of its own, of which
nothing is known.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.extend import core

__all__ = ["gradient_rows"]

Array = Any


def gradient_rows(x: Array) -> tuple[Array, Array] | None:
    """See `Backend.gradient_rows`. Elsewhere than on a CPU the array is cheap: None."""
    if x.ndim < 2 or jax.default_backend() != "cpu":
        return None
    parts = _parts(x)
    if parts is None:
        return None
    if len(parts) == 1:
        return parts[0]
    rows, values = zip(*parts)
    return jnp.concatenate(rows), jnp.concatenate(values)


def _parts(x: Array) -> list[tuple[Array, Array]] | None:
    """Rows and their values for each use of the table; None where `x` is something else."""
    made_by = getattr(x, "parent", None)  # of JAX's own tracers, since 0.7
    if made_by is None:
        return None
    if made_by.primitive.name == "add_any":
        both = [_parts(operand) for operand in made_by.in_tracers]
        return None if None in both else [part for parts in both for part in parts or ()]
    if made_by.primitive.name not in ("jit", "pjit"):
        return None
    # The transpose of `jax.numpy.take`: a function of its own, of two operations.
    function = made_by.params["jaxpr"].jaxpr
    if len(function.eqns) != 2 or len(function.outvars) != 1:
        return None
    zeros, scatter = function.eqns
    if (
        zeros.primitive.name != "broadcast_in_dim"
        or not isinstance(zeros.invars[0], core.Literal) or zeros.invars[0].val != 0
        or scatter.primitive.name != "scatter-add"
        or scatter.invars[0] is not zeros.outvars[0]
        or scatter.outvars[0] is not function.outvars[0]
    ):
        return None
    operands = dict(zip(function.invars, made_by.in_tracers))
    if any(variable not in operands for variable in scatter.invars[1:]):
        return None
    rows, values = (operands[variable] for variable in scatter.invars[1:])
    numbers, axes = scatter.params["dimension_numbers"], rows.ndim - 1
    if (
        numbers.inserted_window_dims != (0,)
        or numbers.scatter_dims_to_operand_dims != (0,)
        or numbers.operand_batching_dims
        or numbers.update_window_dims != tuple(range(axes, axes + x.ndim - 1))
        or scatter.params["mode"] is lax.GatherScatterMode.CLIP
    ):
        return None
    return [(rows.reshape(-1), values.reshape(-1, *x.shape[1:]))]
