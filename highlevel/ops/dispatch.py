"""What makes a plain function over arrays an op.

An op is written once, over the current backend. The `op` decorator adds the one other
thing it must do: called with a symbolic tensor it records the call in the graph and
returns symbolic tensors, with shapes from its rule (`spec=`) where it has one and from
the backend's abstract evaluation otherwise.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar, overload

from highlevel_backend import canonical_name, current_backend, result_dtype

from highlevel import config
from highlevel.naming import unique_name
from highlevel.symbolic import Node, SymbolicTensor, any_symbolic, evaluate_abstractly
from highlevel.variable import Variable

__all__ = ["OpCall", "array", "dtype_of", "op", "promote", "registered_ops"]

F = TypeVar("F", bound=Callable)

#: name → op, of every decorated function; what a saved graph may name
registered_ops: dict[str, Callable] = {}


class OpCall:
    """One use of an op in a graph; stands where a layer would as a node's operation."""

    __slots__ = ("_inbound_nodes", "_outbound_nodes", "function", "name")

    def __init__(self, function: Callable, name: str | None = None) -> None:
        self.function = function
        self.name = name or unique_name(function.__name__)
        self._inbound_nodes: list[Node] = []
        self._outbound_nodes: list[Node] = []

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)

    @property
    def output(self) -> Any:
        """What the call returned, as symbolic tensors."""
        return self._inbound_nodes[0].output_tree

    @property
    def input(self) -> Any:
        """The symbolic tensor it was called with, or a list of several."""
        inputs = self._inbound_nodes[0].inputs
        return inputs[0] if len(inputs) == 1 else inputs

    def __repr__(self) -> str:
        return f"<OpCall {self.function.__name__} name={self.name}>"


@overload
def op(function: F) -> F: ...
@overload
def op(*, spec: Callable | None = ..., kernel: str | None = ...) -> Callable[[F], F]: ...
def op(function: Any = None, *, spec: Callable | None = None, kernel: str | None = None) -> Any:
    """Decorator: make a function over arrays an op.

    Args:
        function: written with `current_backend().xp` and the backend's primitives.
        spec: function of the same arguments that returns a `SymbolicTensor`
            (`SymbolicTensor.of(shape, dtype)`) or a tree of them, or None to leave the
            case to abstract evaluation.
        kernel: name under which a backend may offer a faster implementation.

    Returns:
        The op. `op.reference` is the undecorated definition.
    """
    if function is None:
        return functools.partial(op, spec=spec, kernel=kernel)

    if kernel is None:

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            if any_symbolic(args, kwargs):
                return _record(wrapper, spec, args, kwargs)
            return function(*args, **kwargs)

    else:

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            if any_symbolic(args, kwargs):
                return _record(wrapper, spec, args, kwargs)
            return current_backend().kernels.get(kernel, function)(*args, **kwargs)

    wrapper.reference = function  # type: ignore[attr-defined]
    wrapper.kernel = kernel  # type: ignore[attr-defined]
    registered_ops[function.__name__] = wrapper
    return wrapper


def _record(wrapper: Callable, spec: Callable | None, args: tuple, kwargs: dict) -> Any:
    output = spec(*args, **kwargs) if spec is not None else None
    if output is None:
        output = evaluate_abstractly(wrapper, args, kwargs)
    Node(OpCall(wrapper), args, kwargs, output)
    return output


def array(x: Any, dtype: str | None = None) -> Any:
    """`x` as the current backend's array: variables read, Python floats as `floatx`."""
    if isinstance(x, Variable):
        x = x.value
        return x if dtype is None else current_backend().cast(x, dtype)
    backend = current_backend()
    if dtype is None and isinstance(x, float):
        dtype = config.floatx()
    return backend.asarray(x, dtype)


def dtype_of(x: Any) -> str:
    """Promotion name of a value: a dtype name, or `int`/`float`/... for Python scalars."""
    kind = type(x)
    if kind is bool:
        return "bool"
    if kind is int:
        return "int"
    if kind is float:
        return "float"
    if kind is complex:
        return "complex"
    dtype = getattr(x, "dtype", None)
    return canonical_name(dtype) if dtype is not None else canonical_name(array(x).dtype)


def promote(*values: Any) -> tuple:
    """Values as arrays of their common dtype; Python scalars take that of the others."""
    dtype = result_dtype(*map(dtype_of, values), float_default=config.floatx())
    return tuple(array(value, dtype) for value in values)


def broadcast_shapes(*shapes: tuple) -> tuple[int | None, ...]:
    """The shape that shapes with unknown dimensions broadcast to.

    Raises:
        ValueError: two known dimensions differ and neither is 1.
    """
    rank = max(map(len, shapes), default=0)
    result: list[int | None] = []
    for axis in range(-rank, 0):
        entries = [shape[axis] for shape in shapes if len(shape) >= -axis]
        known = {entry for entry in entries if entry not in (None, 1)}
        if len(known) > 1:
            raise ValueError(
                f"Shapes {' and '.join(map(str, shapes))} cannot be broadcast together: axis "
                f"{axis} has the lengths {' and '.join(map(str, sorted(known)))}."  # type: ignore[type-var]
            )
        result.append(known.pop() if known else (None if None in entries else 1))
    return tuple(result)


def elementwise(*values: Any, **kwargs: Any) -> SymbolicTensor:
    """Shape rule of ops that broadcast their arguments and keep the promoted dtype."""
    shapes = [tuple(getattr(value, "shape", ())) for value in values]
    dtype = result_dtype(*map(dtype_of, values), float_default=config.floatx())
    return SymbolicTensor.of(broadcast_shapes(*shapes), dtype)
