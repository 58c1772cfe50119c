"""Matrix products whose gradients have the layout that XLA's fast product takes.

On a CPU XLA (jax 0.10) has two matrix products. The fast one, YNNPACK's, takes operands of
which the first is summed over its last axis; the gradient by a layer's kernel, `xᵀ g`, is not
of this kind and goes to Eigen, at half of the rate. So there a transpose is written as an
array of its own, that of the narrower operand: `docs/design/products.md` has the grid.
Elsewhere the program is the stock one, as `jax.numpy.matmul` makes it.

A product and its gradient by the second operand are two operations of our own
(`primitives`), linear in both operands, and their derivatives are these two again.
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.interpreters import ad

from highlevel_jax.primitives import apart, define, same_axes

__all__ = ["matrix_product", "over_rows", "turned"]

Array = Any

_config: Any = jax.config
_ROWS_AND_COLUMNS = (((1,), (0,)), ((), ()))
_OVER_ROWS = (((0,), (0,)), ((), ()))
#: entries from which on an array is written before it is turned
_LARGE = 2**17


def _turned(x: Array) -> Array:
    """Without the barrier XLA takes the transpose back."""
    return lax.optimization_barrier(x.T)


_turned_apart = apart(_turned)


def turned(x: Array) -> Array:
    """The transpose as an array of its own.

    The transposing loop reads along columns, and XLA would fuse into it what makes the array,
    to be computed again entry by entry: not worth it but for small ones.
    """
    return _turned(x) if x.size < _LARGE else _turned_apart(x)


def _value(x: Array, y: Array, precision: Any) -> Array:
    return lax.dot_general(x, y, _ROWS_AND_COLUMNS, precision=precision)


def _stock(x: Array, y: Array, precision: Any) -> Array:
    return lax.dot_general(x, y, _OVER_ROWS, precision=precision)


def _on_cpu(x: Array, y: Array, precision: Any) -> Array:
    if x.shape[-1] <= y.shape[-1]:
        return _value(turned(x), y, precision)
    return _turned(_value(turned(y), x, precision))


def _fold(primitive: Any, operands: tuple, axes: tuple, parameters: dict) -> Array:
    """Under `vmap` over the first operand alone the mapped axis joins the rows of a product.

    Elsewhere it is the stock one: where the layout of many small matrices is not XLA's own choice,
    it may have no code for their product, and ends the process.
    """
    x, y = operands
    if primitive is not _product or axes[1] is not None:
        stock = _value if primitive is _product else _stock
        return jax.vmap(functools.partial(stock, **parameters), in_axes=axes)(x, y)
    x = jnp.moveaxis(x, axes[0], 0)
    out = primitive.bind(x.reshape(-1, x.shape[-1]), y, **parameters)
    return out.reshape(*x.shape[:2], out.shape[-1])


_product = define(
    "highlevel_product", lambda x, y, precision: (x[0], y[1]), _value, _value, _fold, plain=True)
_over_rows = define(
    "highlevel_product_over_rows", lambda x, y, precision: (x[1], y[1]), _stock, _on_cpu, _fold,
    plain=True,
)

ad.defbilinear(
    _product,
    lambda g, x, y, precision: _product.bind(g, y.T, precision=precision),
    lambda g, x, y, precision: _over_rows.bind(x, g, precision=precision),
)
ad.defbilinear(
    _over_rows,
    lambda g, x, y, precision: _product.bind(y, g.T, precision=precision),
    lambda g, x, y, precision: _product.bind(x, g, precision=precision),
)


def _taken(x: Array, y: Array) -> bool:
    """Whether the dtypes and sizes are those that the operations are for."""
    return (
        x.dtype == y.dtype and x.dtype.name in ("float32", "float64")
        and 0 not in x.shape and 0 not in y.shape
    )


def over_rows(x: Array, y: Array) -> Array:
    """The sum over rows of outer products, `xᵀ y`.

    Args:
        x: `(..., n)`; leading axes are rows.
        y: `(..., m)`, the same leading axes and dtype.

    Returns:
        `(n, m)`.
    """
    x, y = same_axes(x.reshape(-1, x.shape[-1]), y.reshape(-1, y.shape[-1]))
    return _over_rows.bind(x, y, precision=_config.jax_default_matmul_precision)


def matrix_product(x: Array, y: Array) -> Array:
    """`x @ y` for a matrix `y`.

    Args:
        x: `(..., n, k)`, or `(..., k)` with at least two axes.
        y: `(k, m)`, of the same dtype.

    Returns:
        `(..., n, m)`; NotImplemented for other numbers of axes, dtypes that are not float32 or
        float64, and no entries.
    """
    if x.ndim < 2 or y.ndim != 2 or not _taken(x, y) or x.shape[-1] != y.shape[0]:
        return NotImplemented
    rows = x if x.ndim == 2 else x.reshape(-1, x.shape[-1])
    rows, y = same_axes(rows, y)
    out = _product.bind(rows, y, precision=_config.jax_default_matmul_precision)
    return out if x.ndim == 2 else out.reshape(*x.shape[:-1], out.shape[-1])
