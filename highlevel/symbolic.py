"""Symbolic tensors and the graph of calls that made them.

A `SymbolicTensor` stands for an array that does not exist yet: a shape with unknown
dimensions, a dtype, and the `Node` (one call of one layer or op) that makes it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from highlevel_backend import ArraySpec, canonical_name, current_backend, tree

from highlevel._typing import ArrayOperators
from highlevel.inspection import sheets
from highlevel.naming import unique_name
from highlevel.state import AbstractScope

__all__ = ["History", "Node", "SymbolicTensor", "any_symbolic", "evaluate_abstractly", "spec_of"]


class History(NamedTuple):
    """Where a symbolic tensor comes from: `(operation, node_index, tensor_index)`."""

    operation: Any
    node_index: int
    tensor_index: int


class SymbolicTensor(ArrayOperators):
    """Shape and dtype of a value that a graph will compute; `KerasTensor` in the contract.

    Args:
        shape: one entry per axis, `None` where unknown.
        dtype: dtype name.
        sparse, ragged: only False is supported.
        record_history: accepted for the contract.
        name: a name to show.

    Raises:
        ValueError: sparse or ragged.

    >>> SymbolicTensor((None, 3), "float32", name="x")
    <KerasTensor shape=(None, 3), dtype=float32, name=x>
    """

    __slots__ = ("__weakref__", "_name", "dtype", "index", "mask", "node", "shape")
    __array_priority__ = 2000

    def __init__(
        self,
        shape: Sequence[int | None],
        dtype: str = "float32",
        sparse: bool = False,
        ragged: bool = False,
        record_history: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        if sparse or ragged:
            raise ValueError(
                "Sparse and ragged tensors are not supported; use a dense tensor with a mask."
            )
        self.shape: tuple[int | None, ...] = tuple(
            None if entry is None else int(entry) for entry in shape
        )
        self.dtype: str = canonical_name(dtype)
        self._name = name
        self.node: Node | None = None
        self.index: int = 0
        self.mask: SymbolicTensor | None = None

    @classmethod
    def of(cls, shape: tuple[int | None, ...], dtype: str) -> SymbolicTensor:
        """A tensor of a shape and dtype known to be well-formed."""
        self = cls.__new__(cls)
        self.shape, self.dtype = shape, dtype
        self._name = self.node = self.mask = None
        self.index = 0
        return self

    @property
    def name(self) -> str:
        """The name given, or one made up when first asked for."""
        if self._name is None:
            self._name = unique_name("keras_tensor")
        return self._name

    @name.setter
    def name(self, value: str) -> None:
        self._name = value

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def sparse(self) -> bool:
        return False

    @property
    def ragged(self) -> bool:
        return False

    @property
    def ragged_rank(self) -> None:
        return None

    @property
    def row_splits_dtype(self) -> None:
        return None

    @property
    def _keras_history(self) -> History:
        if self.node is None:
            raise AttributeError("This tensor was not made by a layer or an op.")
        operation = self.node.operation
        return History(operation, operation._inbound_nodes.index(self.node), self.index)

    def reshape(self, newshape: Any) -> Any:
        """See `ops.reshape`."""
        return operators["reshape"](self, newshape)

    def squeeze(self, axis: Any = None) -> Any:
        """See `ops.squeeze`."""
        return operators["squeeze"](self, axis)

    def __getitem__(self, key: Any) -> Any:
        return operators["getitem"](self, key)

    def __len__(self) -> int:
        if not self.shape or self.shape[0] is None:
            raise TypeError(f"{self!r} has no known length.")
        return self.shape[0]

    def __iter__(self) -> Any:
        if not self.shape or self.shape[0] is None:
            raise TypeError(
                f"{self!r} cannot be iterated over: the length of its first axis is not known. "
                "Use `ops.scan` or `ops.vectorized_map`."
            )
        return (self[i] for i in range(self.shape[0]))

    def _no_value(self, what: str) -> TypeError:
        return TypeError(
            f"{self!r} is symbolic and has no value: {what} is not possible while a model is "
            "being built. Use functions of `highlevel.ops` (`ops.where`, `ops.cond`), or put "
            "the code into the `call` of a layer."
        )

    def __bool__(self) -> bool:
        raise self._no_value("a Python `if`, `while`, `and` or `not`")

    def __int__(self) -> int:
        raise self._no_value("`int()`")

    def __float__(self) -> float:
        raise self._no_value("`float()`")

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise self._no_value("turning it into a NumPy array (a `np.*` function, say)")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        # `array + tensor` arrives here; functions such as `np.tanh` need values.
        name = {"bitwise_and": "logical_and", "bitwise_or": "logical_or",
                "bitwise_xor": "logical_xor", "remainder": "mod"}.get(
                    ufunc.__name__, "true_divide" if ufunc.__name__ == "divide"
                    else ufunc.__name__)
        if method == "__call__" and name in operators and not kwargs:
            return operators[name](*inputs)
        raise self._no_value(f"`np.{ufunc.__name__}`")

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        raise self._no_value(f"`np.{function.__name__}`")

    def __jax_array__(self) -> Any:
        raise self._no_value("handing it to a function of JAX")

    def __repr__(self) -> str:
        name = f", name={self.name}"
        return f"<KerasTensor shape={self.shape}, dtype={self.dtype}{name}>"

    def _repr_html_(self) -> str:
        return sheets.of_tensor(self)

    __hash__ = object.__hash__


#: Operator name → op; filled by `highlevel.ops`, which stands above this module.
operators: dict[str, Callable] = {}


def _install(method: str, name: str, reflected: bool) -> None:
    def forward(self: SymbolicTensor, other: Any) -> Any:
        return operators[name](self, other)

    def backward(self: SymbolicTensor, other: Any) -> Any:
        return operators[name](other, self)

    setattr(SymbolicTensor, f"__{method}__", forward)
    if reflected:
        setattr(SymbolicTensor, f"__r{method}__", backward)


for _method, _name in {
    "add": "add", "sub": "subtract", "mul": "multiply", "truediv": "true_divide",
    "floordiv": "floor_divide", "mod": "mod", "pow": "power", "matmul": "matmul",
    "and": "logical_and", "or": "logical_or", "xor": "logical_xor",
}.items():
    _install(_method, _name, reflected=True)
for _method, _name in {
    "lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal",
    "eq": "equal", "ne": "not_equal",
}.items():
    _install(_method, _name, reflected=False)
for _method, _name in {"neg": "negative", "abs": "absolute", "invert": "logical_not"}.items():
    setattr(SymbolicTensor, f"__{_method}__",
            lambda self, _name=_name: operators[_name](self))


class Node:
    """One call of a layer or op on symbolic tensors.

    Attributes:
        operation: the layer or op that was called.
        args, kwargs: what it was called with, symbolic tensors included.
        inputs: the symbolic tensors among them, flat.
        outputs: the symbolic tensors it returned, flat.
    """

    __slots__ = ("args", "inputs", "kwargs", "operation", "output_tree", "outputs")

    def __init__(self, operation: Any, args: tuple, kwargs: dict, output_tree: Any) -> None:
        self.operation = operation
        self.args = args
        self.kwargs = kwargs
        # The commonest call, of one tensor, without a walk through trees.
        alone = len(args) == 1 and not kwargs and type(args[0]) is SymbolicTensor
        self.inputs: list[SymbolicTensor] = [args[0]] if alone else [
            leaf for leaf in tree.leaves((args, kwargs)) if type(leaf) is SymbolicTensor
        ]
        self.output_tree = output_tree
        self.outputs: list[SymbolicTensor] = (
            [output_tree] if type(output_tree) is SymbolicTensor else
            [leaf for leaf in tree.leaves(output_tree) if type(leaf) is SymbolicTensor]
        )
        for index, tensor in enumerate(self.outputs):
            tensor.node, tensor.index = self, index
        operation._inbound_nodes.append(self)
        for tensor in self.inputs:
            if tensor.node is not None:
                tensor.node.operation._outbound_nodes.append(self)

    @property
    def is_input(self) -> bool:
        """Whether the outputs come from outside the graph."""
        return not self.inputs

    @property
    def parent_nodes(self) -> list[Node]:
        """Nodes that made the inputs, each once."""
        return list(dict.fromkeys(t.node for t in self.inputs if t.node is not None))

    def __repr__(self) -> str:
        return f"<Node operation={self.operation.name}, outputs={self.outputs}>"


def any_symbolic(args: tuple, kwargs: dict) -> bool:
    """Whether a symbolic tensor is among the arguments, at any depth."""
    for value in args:
        kind = type(value)
        if kind is SymbolicTensor:
            return True
        if (kind is list or kind is tuple or kind is dict) and _holds_symbolic(value):
            return True
    if kwargs:
        for value in kwargs.values():
            kind = type(value)
            if kind is SymbolicTensor:
                return True
            if (kind is list or kind is tuple or kind is dict) and _holds_symbolic(value):
                return True
    return False


def _holds_symbolic(value: Any) -> bool:
    for item in value.values() if type(value) is dict else value:
        kind = type(item)
        if kind is SymbolicTensor:
            return True
        if (kind is list or kind is tuple or kind is dict) and _holds_symbolic(item):
            return True
    return False


def spec_of(x: Any) -> ArraySpec:
    """Shape and dtype of an array, variable or symbolic tensor."""
    return ArraySpec(tuple(x.shape), canonical_name(x.dtype))


def evaluate_abstractly(function: Callable, args: tuple, kwargs: dict) -> Any:
    """Symbolic tensors of what `function(*args, **kwargs)` would return.

    Args:
        function: any function of arrays; variables it reads are not materialised.
        args, kwargs: trees in which symbolic tensors stand for arrays; the rest is
            passed on as it is.

    Returns:
        The result's tree, with a new `SymbolicTensor` per array.
    """
    values, definition = tree.flatten((args, kwargs))
    places = [i for i, leaf in enumerate(values) if type(leaf) is SymbolicTensor]

    def call(arrays: list) -> Any:
        filled = list(values)
        for place, array in zip(places, arrays):
            filled[place] = array
        inner_args, inner_kwargs = tree.unflatten(definition, filled)
        with AbstractScope():
            return function(*inner_args, **inner_kwargs)

    specs = [ArraySpec(values[i].shape, values[i].dtype) for i in places]
    try:
        result = current_backend().eval_shape(call, specs)
    except Exception:
        # Products and the like need two arguments to agree on an axis.
        agreed = _as_their_peers(specs, [tuple(getattr(leaf, "shape", ())) for leaf in values])
        result = None
        if agreed is not None:
            with contextlib.suppress(Exception):
                result = current_backend().eval_shape(call, agreed)
        if result is None:
            raise
    return tree.map_leaves(
        lambda spec: SymbolicTensor.of(spec.shape, spec.dtype)
        if isinstance(spec, ArraySpec) else spec,
        result,
    )


def _as_their_peers(specs: list[ArraySpec], shapes: list[tuple]) -> list[ArraySpec] | None:
    """Unknown lengths taken from arguments of the same rank that know them; None if none does."""
    known: dict[tuple[int, int], int] = {}
    for shape in shapes:
        for axis, length in enumerate(shape):
            if length is not None and length > 1:
                known.setdefault((len(shape), axis), length)
    agreed = [
        ArraySpec(
            tuple([
                known.get((len(spec.shape), axis)) if length is None else length
                for axis, length in enumerate(spec.shape)
            ]),
            spec.dtype,
        )
        for spec in specs
    ]  # fmt: skip
    changed = any(a.shape != b.shape for a, b in zip(agreed, specs))
    return agreed if changed else None
