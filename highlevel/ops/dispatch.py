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

import numpy as np
from highlevel_backend import canonical_name, current_backend, result_dtype, tree

from highlevel import config
from highlevel.masking import any_masks, mask_scope
from highlevel.naming import unique_name
from highlevel.ops.graph_table import split_call
from highlevel.ops.mask_rules import follow_masks
from highlevel.ops.registry import registered_ops
from highlevel.state import autocast_dtype
from highlevel.symbolic import Node, SymbolicTensor, any_symbolic, evaluate_abstractly
from highlevel.variable import Variable

__all__ = [
    "OpCall",
    "array",
    "broadcast_shapes",
    "cast_to",
    "dtype_name",
    "dtype_of",
    "elementwise",
    "float_pair",
    "floating",
    "floating_dtype",
    "op",
    "promote",
    "registered_ops",
    "shape_of",
]

F = TypeVar("F", bound=Callable)


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

    def graph_arguments(self, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
        """Those of a call's arguments that a saved graph lists as inputs."""
        return split_call(self.function, args, kwargs)[:2]

    @property
    def output(self) -> Any:
        """What the call returned, as symbolic tensors."""
        return self._inbound_nodes[0].output_tree

    @property
    def input(self) -> Any:
        """The symbolic tensor it was called with, or a list of several."""
        inputs = self._inbound_nodes[0].inputs
        return inputs[0] if len(inputs) == 1 else inputs

    @property
    def inbound(self) -> list[Any]:
        """The layers and ops whose outputs it was called with, each once."""
        parents = self._inbound_nodes[0].parent_nodes
        return list(dict.fromkeys(parent.operation for parent in parents))

    @property
    def outbound(self) -> list[Any]:
        """The layers and ops that are called with its outputs, each once."""
        return list(dict.fromkeys(node.operation for node in self._outbound_nodes))

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
            if any_masks() and mask_scope.get() is not None:
                return _followed(wrapper, function, args, kwargs)
            return function(*args, **kwargs)

    else:

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            if any_symbolic(args, kwargs):
                return _record(wrapper, spec, args, kwargs)
            chosen = current_backend().kernels.get(kernel, function)
            if any_masks() and mask_scope.get() is not None:
                return _followed(wrapper, chosen, args, kwargs)
            return chosen(*args, **kwargs)

    vars(wrapper).update(reference=function, kernel=kernel)
    registered_ops[function.__name__] = wrapper
    return wrapper


def _followed(wrapper: Callable, function: Callable, args: tuple, kwargs: dict) -> Any:
    """The result of an op with the masks that its arguments leave it."""
    token = mask_scope.set(None)  # what the op is written with need not follow them too
    try:
        result = function(*args, **kwargs)
    finally:
        mask_scope.reset(token)
    follow_masks(wrapper, args, kwargs, result)
    return result


def _record(wrapper: Callable, spec: Callable | None, args: tuple, kwargs: dict) -> Any:
    for value in tree.leaves((args, kwargs)):
        if type(value) is SymbolicTensor and value.dtype == "string":
            raise TypeError(
                f"`ops.{wrapper.__name__}` takes numbers; it was called with the symbolic tensor "
                f"of strings '{value.name}'. Strings go to `TextVectorization`, `StringLookup`, "
                "`Hashing` or `HashedCrossing`, which turn them into numbers."
            )
    output = spec(*args, **kwargs) if spec is not None else None
    if output is None:
        output = evaluate_abstractly(wrapper, args, kwargs)
    Node(OpCall(wrapper), args, kwargs, output)
    if mask_scope.get() is not None:
        follow_masks(wrapper, args, kwargs, output)
    return output


_DTYPE_NAMES: dict[Any, str] = {}
_INEXACT = frozenset(
    ("float32", "float64", "float16", "bfloat16", "complex64", "complex128",
     "float8_e4m3fn", "float8_e5m2")
)  # fmt: skip
_NUMBERS = frozenset((int, float))
_REAL = _INEXACT - {"complex64", "complex128"}
_SCALARS = {bool: "bool", int: "int", float: "float", complex: "complex"}


def dtype_name(dtype: Any) -> str:
    """The name of a dtype; `canonical_name` with a memory, for it is asked at every call."""
    try:
        return _DTYPE_NAMES[dtype]
    except KeyError:
        name = _DTYPE_NAMES[dtype] = canonical_name(dtype)
        return name
    except TypeError:  # cannot be hashed
        return canonical_name(dtype)


def array(x: Any, dtype: str | None = None) -> Any:
    """`x` as the current backend's array: variables read, Python floats as `floatx`."""
    backend = current_backend()
    if isinstance(x, Variable):
        x = x.value
        return x if dtype is None else backend.cast(x, dtype)
    if dtype is None:
        if isinstance(x, float) and not hasattr(x, "dtype"):
            dtype = config.floatx()
        elif isinstance(x, (list, tuple)):
            return _from_sequence(backend, x)
    elif type(x) is int and dtype in _REAL:
        x = float(x)  # backends check integers for their range, floats pass at once
    return backend.asarray(x, dtype)


def _from_sequence(backend: Any, x: list | tuple) -> Any:
    """A nested list as an array; variables in it are read."""
    floats, variables = _survey(x)
    if variables:
        x = _read(x)
    result = backend.asarray(x)
    default = config.floatx()
    if floats and default != "float32" and dtype_name(result.dtype) == "float32":
        return backend.cast(result, default)
    return result


def _survey(x: Any) -> tuple[bool, bool]:
    """Whether nested lists hold Python floats and nothing with a dtype, and any variable."""
    floats, typed, variables = False, False, False
    stack = [x]
    while stack:
        for item in stack.pop():
            if isinstance(item, (list, tuple)):
                stack.append(item)
            elif isinstance(item, Variable):
                variables = typed = True
            elif hasattr(item, "dtype"):
                typed = True
            elif type(item) is float:
                floats = True
    return floats and not typed, variables


def _read(x: Any) -> Any:
    if isinstance(x, (list, tuple)):
        return [_read(item) for item in x]
    return x.value if isinstance(x, Variable) else x


def dtype_of(x: Any) -> str:
    """Promotion name of a value: a dtype name, or `int`/`float`/... for Python scalars."""
    scalar = _SCALARS.get(type(x))
    if scalar is not None:
        return scalar
    if isinstance(x, Variable) and _reads_cast(x):
        return dtype_name(x.value.dtype)
    dtype = getattr(x, "dtype", None)
    return dtype_name(dtype if dtype is not None else array(x).dtype)


def _reads_cast(variable: Variable) -> bool:
    """Whether a variable is read in another dtype than its own here."""
    return variable.autocast and autocast_dtype.get() is not None


def promote(*values: Any) -> tuple[Any, ...]:
    """Values as arrays of their common dtype; Python scalars take that of the others."""
    if len(values) == 2:  # nearly every call is one of these three
        x1, x2 = values
        backend = current_backend()
        if backend.is_array(x1):
            if backend.is_array(x2):
                if x1.dtype == x2.dtype:
                    return values
            elif type(x2) in _NUMBERS and (name := dtype_name(x1.dtype)) in _REAL:
                return x1, backend.asarray(float(x2), name)
        elif type(x1) in _NUMBERS and backend.is_array(x2) and dtype_name(x2.dtype) in _REAL:
            return backend.asarray(float(x1), dtype_name(x2.dtype)), x2
    dtype = result_dtype(*map(dtype_of, values), float_default=config.floatx())
    return tuple([array(value, dtype) for value in values])


def floating(x: Any) -> Any:
    """`x` as an array of inexact dtype: integers and booleans become `floatx`."""
    x = array(x)
    if dtype_name(x.dtype) in _INEXACT:
        return x
    return current_backend().cast(x, config.floatx())


def floating_dtype(*values: Any) -> str:
    """The dtype name that `floating(x)` has, or values combined by `float_pair`."""
    name = result_dtype(*map(dtype_of, values), float_default=config.floatx())
    return name if name in _INEXACT else config.floatx()


def float_pair(x1: Any, x2: Any) -> tuple[Any, Any]:
    """Two values as arrays of their common inexact dtype; integers become `floatx`."""
    x1, x2 = promote(x1, x2)
    if dtype_name(x1.dtype) in _INEXACT:
        return x1, x2
    cast, dtype = current_backend().cast, config.floatx()
    return cast(x1, dtype), cast(x2, dtype)


def cast_to(x: Any, dtype: Any) -> Any:
    """An array in the named dtype."""
    return current_backend().cast(x, dtype_name(dtype))


def shape_of(x: Any) -> tuple[Any, ...]:
    """The shape of an array, variable, symbolic tensor, nested list or number."""
    shape = getattr(x, "shape", None)
    return tuple(shape) if shape is not None else np.shape(x)


def broadcast_shapes(*shapes: tuple) -> tuple[int | None, ...]:
    """The shape that shapes with unknown dimensions broadcast to.

    Raises:
        ValueError: two known dimensions differ and neither is 1.
    """
    first = shapes[0] if shapes else ()
    if first and all([shape == first or not shape for shape in shapes]):  # noqa: C419 - faster
        return first
    rank = max(map(len, shapes), default=0)
    result: list[int | None] = []
    for axis in range(-rank, 0):
        entries = [shape[axis] for shape in shapes if len(shape) >= -axis]
        known = {entry for entry in entries if entry not in (None, 1)}
        if len(known) > 1:
            raise ValueError(
                f"Shapes {' and '.join(map(str, shapes))} cannot be broadcast together: axis "
                f"{axis} has the lengths {' and '.join(map(str, sorted(known)))}."
            )
        result.append(known.pop() if known else (None if None in entries else 1))
    return tuple(result)


def elementwise(*values: Any, **kwargs: Any) -> SymbolicTensor:
    """Shape rule of ops that broadcast their arguments and keep the promoted dtype."""
    values += tuple(kwargs.values())
    dtype = result_dtype(*map(dtype_of, values), float_default=config.floatx())
    return SymbolicTensor.of(broadcast_shapes(*map(shape_of, values)), dtype)
