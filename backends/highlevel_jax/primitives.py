"""Operations of our own among JAX's: one name in the program, a definition per platform.

`lax.platform_dependent` would do the same, but every definition is then traced,
differentiated and transposed at every use (30 ms for one convolution with its gradients,
measured; an operation of our own takes 5), and derivatives of slices are programs of many
lines. An operation here is one line of the traced program whatever it is made of, and is
expanded only when the program is lowered, for the platform that it is lowered for.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, cast

import jax
from jax import lax
from jax.experimental.xla_metadata import set_xla_metadata
from jax.extend.core import Primitive
from jax.interpreters import batching, mlir
from jaxlib.mlir import ir

__all__ = ["ARITHMETIC", "DEFINITIONS", "PLAIN", "apart", "define", "same_axes", "type_like"]

Array = Any

#: name of each operation → its definition elsewhere, for the CPU, and there outside of loops
DEFINITIONS: dict[str, tuple[Callable, Callable, Callable]] = {}
#: names of those whose operations are counted under their own names
PLAIN: set[str] = set()
#: name → how much arithmetic it is, where that is said of the operation and not of its definition
ARITHMETIC: dict[str, Callable[..., float]] = {}


def define(
    name: str,
    shape: Callable[..., tuple],
    stock: Callable,
    on_cpu: Callable,
    mapped: Callable | None = None,
    outside_loops: Callable | None = None,
    plain: bool = False,
    arithmetic: Callable[..., float] | None = None,
) -> Primitive:
    """An operation of two definitions, without rules for derivatives.

    Args:
        name: shown in traced programs.
        shape: `(*shapes, **parameters) -> shape` of the result, whose dtype is the
            first operand's and whose number of axes is too.
        stock: `(*arrays, **parameters) -> array`, for every platform but the CPU.
        on_cpu: the same, for the CPU.
        mapped: what `vmap` makes of it where there is something better than mapping the
            definitions: `(primitive, operands, axes, parameters) -> array` with the mapped
            axis first, or None where it does not know.
        outside_loops: the same as `on_cpu`, where the operation stands in the program itself
            and not in the body of a loop, a branch or a function of it.
        plain: whether what it is made of is counted as if it stood in the program itself.
        arithmetic: `(*shapes, **parameters) -> operations`, where it should not depend on the
            definition.

    Returns:
        The primitive; `bind(*arrays, **parameters)` calls it. Parameters must be hashable.
    """
    primitive = Primitive(name)
    DEFINITIONS[name] = stock, on_cpu, outside_loops or on_cpu
    if plain:
        PLAIN.add(name)
    if arithmetic is not None:
        ARITHMETIC[name] = arithmetic

    @primitive.def_abstract_eval
    def _(*operands: Any, **parameters: Any) -> Any:
        # `update` keeps what else the type says, such as the mesh axes it varies over.
        return operands[0].update(shape=shape(*(x.shape for x in operands), **parameters))

    @functools.lru_cache(maxsize=1024)
    def program(parameters: tuple) -> Callable:
        return jax.jit(functools.partial(primitive.bind, **dict(parameters)))

    @primitive.def_impl
    def _(*operands: Array, **parameters: Any) -> Array:
        return program(tuple(parameters.items()))(*operands)

    def batched(operands: tuple, axes: tuple, **parameters: Any) -> tuple[Array, int]:
        better = mapped and mapped(primitive, operands, axes, parameters)
        if better is not None:
            return better, 0

        # Mapped in full generality: by JAX's own rules for what the definitions are made of.
        def plain(*arrays: Array) -> Array:
            return lax.platform_dependent(
                *arrays,
                cpu=functools.partial(on_cpu, **parameters),
                default=functools.partial(stock, **parameters),
            )

        return jax.vmap(plain, in_axes=axes)(*operands), 0

    batching.primitive_batchers[primitive] = batched
    if outside_loops is None:
        mlir.register_lowering(primitive, mlir.lower_fun(stock, multiple_results=False))
        mlir.register_lowering(
            primitive, mlir.lower_fun(on_cpu, multiple_results=False), platform="cpu"
        )
        return primitive

    def for_any(*operands: Array, **parameters: Any) -> Array:
        return lax.platform_dependent(
            *operands,
            cpu=functools.partial(on_cpu, **parameters),
            default=functools.partial(stock, **parameters),
        )

    def by_place(context: Any, *operands: Any, **parameters: Any) -> Any:
        platforms = tuple(context.module_context.platforms)
        if "cpu" not in platforms:
            formula = stock
        elif len(platforms) > 1:
            formula = for_any
        else:
            formula = outside_loops if _stands_outside() else on_cpu
        rule = mlir.lower_fun(formula, multiple_results=False)
        return rule(context, *operands, **parameters)

    # Not cached, or the first place would decide for all. One rule for all platforms: JAX 0.10
    # fails to choose among several that are not cached.
    mlir.register_lowering(primitive, by_place, cacheable=False)
    return primitive


def apart(function: Callable, static_argnums: Any = ()) -> Callable:
    """`function` as a part of the program that XLA fuses nothing into and nothing with.

    Its arguments are arrays in memory before it runs, and so is its result. XLA's fusion knows no
    cost of what it repeats in a loop that reads along columns, or writes out for a sum; and an
    `optimization_barrier` is gone before it fuses.
    """
    jitted = jax.jit(function, static_argnums=static_argnums)

    @functools.wraps(function)
    def call(*args: Any) -> Any:
        with set_xla_metadata(inlineable="false"):
            return jitted(*args)

    return call


def _stands_outside() -> bool:
    """Whether what is lowered now stands in the program's main function, in no region of it."""
    operation = cast(Any, ir.InsertionPoint).current.block.owner.operation
    return operation.name == "func.func" and (
        ir.StringAttr(operation.attributes["sym_name"]).value == "main"
    )


def _varying(x: Array) -> frozenset:
    """The mesh axes that `x` varies over inside `jax.shard_map`."""
    kind = jax.typeof(x)
    if hasattr(kind, "manual_axis_type"):
        return frozenset(kind.manual_axis_type.varying)
    return frozenset(getattr(kind, "vma", ()))  # its name before jax 0.10


def same_axes(*operands: Array) -> tuple[Array, ...]:
    """The operands, all varying over the same mesh axes, as `jax.shard_map` wants of operands.

    JAX's own operations do this to themselves. It is what makes the gradient of a parameter
    that all devices share the sum of their parts.
    """
    axes = [_varying(x) for x in operands]
    if len(set(axes)) == 1:
        return operands
    union = frozenset().union(*axes)
    return tuple(
        lax.pcast(x, tuple(union - own), to="varying") if own != union else x
        for x, own in zip(operands, axes)
    )


def type_like(x: Array, shape: tuple) -> Any:
    """The type of an array of that shape, varying over the mesh axes that `x` varies over."""
    return jax.typeof(x).update(shape=shape)
