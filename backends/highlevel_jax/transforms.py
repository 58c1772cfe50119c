"""Gradients, mapping and control flow: JAX's own, by the interface's terms."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from highlevel_jax.arrays import concrete_value, is_abstract

__all__ = ["cond", "custom_gradient", "scan", "value_and_grad", "while_loop"]

Tree = Any


def value_and_grad(function: Callable, has_aux: bool = False) -> Callable:
    """See `Backend.value_and_grad`."""
    return jax.value_and_grad(function, has_aux=has_aux)


def custom_gradient(function: Callable) -> Callable:
    """See `Backend.custom_gradient`; reverse mode only, as JAX's `custom_vjp` is."""

    def with_tuple(*arrays: Any) -> tuple[Any, Callable]:
        out, pullback = function(*arrays)

        def gradients(cotangent: Any) -> Any:
            found = pullback(cotangent)
            if len(arrays) == 1 and isinstance(found, (tuple, list)):
                return found[0]
            return tuple(found) if len(arrays) > 1 else found

        return out, gradients

    return functools.wraps(function)(jax.custom_gradient(with_tuple))


def scan(
    function: Callable, init: Tree, xs: Tree, length: int | None = None, reverse: bool = False
) -> tuple[Tree, Tree]:
    """See `Backend.scan`."""
    return jax.lax.scan(function, init, xs, length=length, reverse=reverse)


def while_loop(condition: Callable, body: Callable, init: Tree) -> Tree:
    """See `Backend.while_loop`."""
    return jax.lax.while_loop(lambda state: jnp.asarray(condition(state), bool), body, init)


def cond(
    predicate: Any, true_function: Callable, false_function: Callable, *operands: Tree
) -> Tree:
    """See `Backend.cond`. Where the predicate's value is known only that branch is run."""
    if is_abstract(predicate):
        if predicate.dtype != bool:
            predicate = predicate != 0
        return jax.lax.cond(predicate, true_function, false_function, *operands)
    return (true_function if bool(concrete_value(predicate)) else false_function)(*operands)
