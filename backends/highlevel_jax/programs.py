"""What a function computes, from JAX's traced program: operations, costs, texts."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import jax
from highlevel_backend import ArraySpec
from highlevel_backend.operations import Compiled, Operation, Operations
from jax.extend import core

from highlevel_jax.arrays import numpy_dtype
from highlevel_jax.primitives import ARITHMETIC, DEFINITIONS, PLAIN

__all__ = ["compiled", "operations"]

Tree = Any

_VIEWS = frozenset(("reshape", "squeeze", "expand_dims", "bitcast_convert_type", "stop_gradient",
                    "optimization_barrier", "transpose"))
#: without arithmetic: entries are moved or chosen
_MOVES = frozenset((
    "broadcast_in_dim", "slice", "rev", "select_n", "convert_element_type", "iota",
    "real", "imag", "random_wrap", "random_unwrap", "full", "empty",
))
_COSTLY = frozenset((
    "exp", "exp2", "log", "log1p", "expm1", "tanh", "logistic", "erf", "erfc", "erf_inv", "sin",
    "cos", "tan", "pow", "sqrt", "rsqrt", "cbrt", "atan2", "lgamma", "digamma", "acos", "asin",
    "atan", "sinh", "cosh", "div", "rem", "asinh", "acosh", "atanh",
))
#: arithmetic per entry as other backends count it, which compute them by series
_SERIES = {
    "erf": 94.0, "erfc": 94.0, "highlevel_gelu": 97.0, "highlevel_gelu_slope": 9.0,
}
_CHEAP = frozenset((
    "add", "sub", "mul", "neg", "max", "min", "abs", "sign", "floor", "ceil", "round", "and", "or",
    "xor", "not", "eq", "ne", "lt", "le", "gt", "ge", "integer_pow", "square", "add_any", "clamp",
    "is_finite", "shift_left", "shift_right_logical", "shift_right_arithmetic", "nextafter",
    "population_count", "clz", "complex", "conj", "mul_add", "random_bits", "threefry2x32",
))
_REDUCTIONS = frozenset((
    "reduce_sum", "reduce_max", "reduce_min", "reduce_prod", "reduce_and", "reduce_or", "argmax",
    "argmin", "reduce_precision", "reduce_xor",
))
_LOOPS = frozenset(("scan", "while"))
_FUNCTIONS = frozenset(("jit", "pjit", "closed_call", "core_call", "checkpoint", "remat2"))


def operations(function: Callable, *specs: Tree) -> Operations:
    """See `Backend.operations`."""
    structs = jax.tree.map(_struct, specs, is_leaf=lambda x: isinstance(x, ArraySpec))
    # A fresh function: JAX shares traces between functions that compare equal.
    closed = jax.make_jaxpr(lambda *args: function(*args))(*structs)
    found = Operations()
    known: dict[Any, int] = {}
    for var in closed.jaxpr.invars:
        found.inputs.append(_new(found, known, var))
    for var in closed.jaxpr.constvars:
        _new(found, known, var)
    platform = jax.default_backend()
    _walk(closed.jaxpr, found, known, platform, 1)
    found.outputs = [_number(found, known, var) for var in closed.jaxpr.outvars]
    return found


def _struct(spec: Any) -> Any:
    if not isinstance(spec, ArraySpec):
        return spec
    return jax.ShapeDtypeStruct(spec.shape, numpy_dtype(spec.dtype))


def _new(found: Operations, known: dict, var: Any) -> int:
    aval = var.aval
    number = found.new(getattr(aval, "shape", ()), str(getattr(aval, "dtype", "uint32")))
    if not isinstance(var, core.Literal):
        known[var] = number
    return number


def _number(found: Operations, known: dict, var: Any) -> int:
    if isinstance(var, core.Literal) or var not in known:
        return _new(found, known, var)
    return known[var]


def _jaxprs(eqn: Any) -> list[Any]:
    """The programs within an operation, closed."""
    inner = []
    for value in eqn.params.values():
        for item in value if isinstance(value, (tuple, list)) else (value,):
            if isinstance(item, core.ClosedJaxpr):
                inner.append(item)
            elif isinstance(item, core.Jaxpr):
                inner.append(core.ClosedJaxpr(item, ()))
    return inner


def _walk(
    jaxpr: Any, found: Operations, known: dict, platform: str, times: int,
    within_part: bool = False,
) -> None:
    """Write down a program's operations.

    Args:
        known: variable → number of its array.
        platform: whose definitions of our own operations to take.
        times: how often it runs.
        within_part: whether it is the body of a loop or branch, or a function of the program.
    """
    turned: set[Any] = set()  # transposes, which are only another way to look at an array
    for eqn in jaxpr.eqns:
        name = eqn.primitive.name
        inner = _jaxprs(eqn)
        if name in _LOOPS or name == "cond":
            _nested(eqn, name, inner, found, known, platform, times)
            continue
        definition = None if name in _SERIES else DEFINITIONS.get(name)
        if definition is not None:
            chosen = definition[0 if platform != "cpu" else 1 if within_part else 2]
            inner = [jax.make_jaxpr(lambda *a, f=chosen, e=eqn: f(*a, **e.params))(
                *[jax.ShapeDtypeStruct(v.aval.shape, v.aval.dtype) for v in eqn.invars])]
        # Custom derivatives carry their rules as well: the first program is the function's.
        body = next((p for p in inner if len(p.jaxpr.invars) == len(eqn.invars)), None)
        if body is not None:
            within: dict[Any, int] = {}
            for var, outer in zip(body.jaxpr.invars, eqn.invars):
                within[var] = _number(found, known, outer)
            first = len(found.operations)
            part = within_part or name in _FUNCTIONS
            _walk(body.jaxpr, found, within, platform, times, part)
            if definition is not None and name not in PLAIN:
                for operation in found.operations[first:]:
                    operation.name = f"{name}/{operation.name}"
            if name in ARITHMETIC:
                said = ARITHMETIC[name](*[v.aval.shape for v in eqn.invars], **eqn.params)
                _divide(said * times, found.operations[first:])
            for var, outer in zip(body.jaxpr.outvars, eqn.outvars):
                known[outer] = _number(found, within, var)
            continue
        flops, form, costly = _cost(eqn)
        operands = [_number(found, known, v) for v in eqn.invars]
        if name == "transpose":
            turned.update(eqn.outvars)
        elif name == "optimization_barrier" and turned.intersection(eqn.invars):
            name, form = "copy", "whole"  # see `products.turned`
        if name == "dot_general" and platform == "cpu":
            operands = _turned(eqn, found, operands)
        found.operations.append(Operation(
            name, tuple(operands), tuple([_new(found, known, v) for v in eqn.outvars]),
            flops * times, form, costly, 0, times))


def _divide(flops: float, operations: list[Operation]) -> None:
    """Give operations so much arithmetic in all, in the proportion in which they were counted."""
    counted = sum(operation.flops for operation in operations)
    if not counted:
        return
    for operation in operations:
        operation.flops = float(round(operation.flops * flops / counted))
    largest = max(operations, key=lambda operation: operation.flops)
    largest.flops += flops - sum(operation.flops for operation in operations)


def _turned(eqn: Any, found: Operations, operands: list[int]) -> list[int]:
    """A product's operands; XLA for the CPU copies those whose rows are not what it sums over."""
    (left, right), (_, right_batch) = eqn.params["dimension_numbers"]
    last = len(eqn.invars[0].aval.shape) - 1
    turned = (
        bool(left) and last not in left,
        bool(right) and len(right_batch) not in right,
    )
    for at, copied in enumerate(turned):
        if copied:
            spec = found.arrays[operands[at]]
            copy = found.new(spec.shape, spec.dtype)  # type: ignore[arg-type]
            found.operations.append(Operation("copy", (operands[at],), (copy,)))
            operands[at] = copy
    return operands


def _nested(
    eqn: Any, name: str, inner: list, found: Operations, known: dict, platform: str, times: int
) -> None:
    """A loop, or a branch: one operation, with the costliest of the programs within it."""
    count = int(eqn.params.get("length", 1)) if name == "scan" else 1
    flops, workspace, ran = 0.0, 0, []
    for program in inner:
        part = Operations()
        names: dict[Any, int] = {}
        part.inputs = [_new(part, names, var) for var in program.jaxpr.invars]
        _walk(program.jaxpr, part, names, platform, 1, within_part=True)
        part.outputs = [_number(part, names, var) for var in program.jaxpr.outvars]
        flops = max(flops, part.flops)
        workspace = max(workspace, _inner_peak(part))
        ran.append(part)
    operands = [_number(found, known, v) for v in eqn.invars]
    outputs = [_new(found, known, v) for v in eqn.outvars]
    if name == "scan":  # what it stacks is written into arrays that are there before it runs
        for output in outputs[eqn.params["num_carry"]:]:
            spec = found.arrays[output]
            room = found.new(spec.shape, spec.dtype)  # type: ignore[arg-type]
            found.operations.append(Operation("empty", (), (room,)))
            operands.append(room)
    found.operations.append(Operation(
        name, tuple(operands), tuple(outputs), flops * count * times,
        "in place" if name == "scan" else "whole", False, workspace, count * times))


def _inner_peak(part: Operations) -> int:
    """About what a loop's body needs: what its products and the like return."""
    return sum(
        part.bytes_of(operation.outputs) for operation in part.operations
        if operation.form == "whole"
    )


def _cost(eqn: Any) -> tuple[float, str, bool]:
    """Arithmetic, form, and whether it is costly."""
    name = eqn.primitive.name
    out = _size(eqn.outvars[0]) if eqn.outvars else 0
    if name in _VIEWS:
        return 0.0, "view", False
    if name in _MOVES:
        return 0.0, "fused", False
    if name in _CHEAP:
        return float(out), "fused", False
    if name in _COSTLY or name in _SERIES:
        return _SERIES.get(name, 1.0) * out, "fused", True
    if name in _REDUCTIONS or name.startswith("cum"):
        return float(_size(eqn.invars[0])), "whole", False
    if name == "dot_general":
        (left, _), _ = eqn.params["dimension_numbers"]
        shape = eqn.invars[0].aval.shape
        return 2.0 * out * math.prod(shape[axis] for axis in left), "whole", False
    if name == "conv_general_dilated":
        features = eqn.params["dimension_numbers"].rhs_spec[0]
        kernel = eqn.invars[1].aval.shape
        pairs = out
        if max(eqn.params["lhs_dilation"], default=1) > 1:  # zeros between are not multiplied
            channels = eqn.invars[0].aval.shape[eqn.params["dimension_numbers"].lhs_spec[1]]
            pairs = _size(eqn.invars[0]) // max(channels, 1) * kernel[features]
        return 2.0 * pairs * math.prod(kernel) / max(kernel[features], 1), "whole", False
    if name.startswith("reduce_window"):
        return float(out * math.prod(eqn.params["window_dimensions"])), "whole", False
    if name.startswith("scatter"):
        return float(_size(eqn.invars[2])), "whole", False
    if name == "sort":
        return float(_size(eqn.invars[0])), "whole", False
    return 0.0, "whole", False


def _size(var: Any) -> int:
    return math.prod(getattr(var.aval, "shape", ()))


def compiled(function: Callable, specs: Sequence[Tree], donate: Sequence[int] = ()) -> Compiled:
    """See `Backend.compiled`."""
    structs = jax.tree.map(_struct, tuple(specs), is_leaf=lambda x: isinstance(x, ArraySpec))
    jitted = jax.jit(lambda *args: function(*args), donate_argnums=tuple(donate))
    start = time.perf_counter()
    traced = jitted.trace(*structs)
    jaxpr = traced.jaxpr.pretty_print(use_color=False)  # `str` colours it in notebooks
    after_trace = time.perf_counter()
    lowered = traced.lower()
    text = lowered.as_text()
    after_lowering = time.perf_counter()
    program = lowered.compile()
    end = time.perf_counter()
    found = Compiled(
        {"jaxpr": jaxpr, "stablehlo": text, "optimized": program.as_text() or ""},
        seconds={"trace": after_trace - start, "lower": after_lowering - after_trace,
                 "compile": end - after_lowering},
    )
    cost = program.cost_analysis()
    for part in cost if isinstance(cost, list) else [cost or {}]:
        found.cost |= {k: float(v) for k, v in part.items() if "{" not in k}
    memory = program.memory_analysis()
    if memory is not None:
        found.memory = {
            "arguments": int(memory.argument_size_in_bytes),
            "outputs": int(memory.output_size_in_bytes),
            "shared": int(memory.alias_size_in_bytes),
            "temporary": int(memory.temp_size_in_bytes),
            "code": int(memory.generated_code_size_in_bytes),
        }
        found.memory["peak"] = (
            found.memory["arguments"] + found.memory["outputs"] - found.memory["shared"]
            + found.memory["temporary"]
        )
    return found

