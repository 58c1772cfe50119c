"""The array on which one call of a step is written down, so that it can be played again.

A `Traced` holds a plain array and the number it has in a `Trace`. Every NumPy function that
meets one runs on the plain arrays as it always does; what was called with what is appended to
the trace, and which way an `if` went. Nothing else can be done with it: where its value would
get out (`float`, `np.asarray`, printing), where it would be written into, or where the shape of
a result depends on values, the recording is given up by `Refused`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = [
    "Call", "Deviation", "Held", "Method", "Refused", "Trace", "Traced", "expect", "is_traced",
]

#: NumPy functions whose result has a shape that follows from shapes; ufuncs all are of the kind.
_STATIC = frozenset((
    "sum", "prod", "max", "min", "amax", "amin", "mean", "var", "std", "any", "all", "argmax",
    "argmin", "argsort", "sort", "cumsum", "cumprod", "reshape", "ravel", "transpose",
    "swapaxes", "moveaxis", "expand_dims", "squeeze", "broadcast_to", "broadcast_arrays",
    "concatenate", "stack", "split", "where", "take", "take_along_axis", "zeros_like",
    "ones_like", "full_like", "empty_like", "clip", "pad", "tile", "flip", "roll", "dot",
    "tensordot", "einsum", "inner", "outer", "vdot", "trace", "diagonal", "tril", "triu", "real",
    "imag", "isclose", "nan_to_num", "copy", "round", "astype", "permute_dims",
    "matrix_transpose", "logaddexp", "diff", "searchsorted",
))
#: what asks for shapes and dtypes alone
_QUESTIONS = frozenset(("shape", "ndim", "size", "result_type", "can_cast", "iscomplexobj"))
_OPERANDS = (np.ndarray, np.generic, bool, int, float, complex)
#: a step of more calls is not worth its source
_MOST_CALLS = 6000


class Refused(BaseException):
    """What is computed cannot be played again; no `Exception`, so that nobody handles it."""


class Deviation(Exception):
    """A step that takes another turn than the one that was recorded."""


def expect(value: Any, expected: bool) -> None:
    """Raise where a condition has turned out otherwise than when it was recorded."""
    if bool(value) is not expected:
        raise Deviation


class Method:
    """A method of arrays, by name."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        return getattr(x, self.name)(*args, **kwargs)


@dataclass(eq=False, slots=True)
class Call:
    """One call: arguments hold `Traced`, `result` is a tree of them.

    `quiet` says whether floating-point errors were to be ignored.
    """

    function: Callable
    args: tuple
    kwargs: dict[str, Any]
    result: Any
    quiet: bool


class Trace:
    """The calls so far.

    Attributes:
        calls: in the order in which they were made.
        values: number → what it was.
        marked: numbers at which the optimizer's work begins.
    """

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.values: list[Any] = []
        self.marked: set[int] = set()
        self.closed = False
        self._errors = np.geterr()

    def new(self, value: Any) -> Traced:
        """A value with the next number."""
        self.values.append(value)
        return Traced(self, value, len(self.values) - 1)

    def call(self, function: Callable, args: tuple, kwargs: dict | None = None,
             gives_function: bool = False) -> Any:
        """`function(*args, **kwargs)`, noted; see `Call`.

        Args:
            gives_function: whether functions among the results are taken.
        """
        kwargs = kwargs or {}
        if self.closed or len(self.calls) > _MOST_CALLS:
            raise Refused(f"{function}: more calls than are recorded")
        errors = np.geterr()
        quiet = errors != self._errors
        if quiet and any(kind != "ignore" for kind in errors.values()):
            raise Refused("other rules for floating-point errors")
        out = self._wrapped(
            function(*_plain(args), **_plain(kwargs)), gives_function, function)
        self.calls.append(Call(function, args, kwargs, out, quiet))
        return out

    def _wrapped(self, out: Any, functions: bool, function: Any) -> Any:
        kind = type(out)
        if kind is np.ndarray or isinstance(out, np.generic):
            return self.new(out)
        if kind is tuple or kind is list:
            return kind([self._wrapped(part, functions, function) for part in out])
        if kind is dict:
            return {key: self._wrapped(part, functions, function) for key, part in out.items()}
        if out is None:
            return None
        if functions and callable(out):
            self.values.append(out)
            return Held(self, out, len(self.values) - 1)
        raise Refused(f"{getattr(function, '__name__', function)} gives a {kind.__name__}")

    def mark(self, arrays: list) -> None:
        """Say that these gradients go to the optimizer."""
        self.marked.update([x.number for x in arrays if type(x) is Traced])


def _plain(tree: Any) -> Any:
    kind = type(tree)
    if kind is Traced or kind is Held:
        return tree.value
    if kind is tuple or kind is list:
        return kind([_plain(item) for item in tree])
    if kind is dict:
        return {key: _plain(item) for key, item in tree.items()}
    if kind is slice and Traced in (type(tree.start), type(tree.stop), type(tree.step)):
        raise Refused("a slice by values")
    return tree


def _operator(ufunc: np.ufunc, reflected: bool = False) -> Callable:
    def forward(self: Traced, other: Any) -> Any:
        if type(other) is not Traced and not isinstance(other, _OPERANDS):
            return NotImplemented
        return self.trace.call(ufunc, (self, other))

    def backward(self: Traced, other: Any) -> Any:
        if not isinstance(other, _OPERANDS):
            return NotImplemented
        return self.trace.call(ufunc, (other, self))

    return backward if reflected else forward


def _refuse(what: str) -> Callable:
    def refuse(self: Traced, *args: Any, **kwargs: Any) -> Any:
        raise Refused(f"`{what}` of a value that other values decide")

    return refuse


def _method(name: str) -> Callable:
    caller = Method(name)

    def method(self: Traced, *args: Any, **kwargs: Any) -> Any:
        if kwargs.get("out") is not None:
            raise Refused("written in place")
        return self.trace.call(caller, (self, *args), kwargs)

    method.__name__ = name
    return method


class Traced:
    """See the module's text. Looks like `value`, an array or a scalar."""

    __slots__ = ("__weakref__", "number", "trace", "value")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, trace: Trace, value: Any, number: int) -> None:
        self.trace = trace
        self.value = value
        self.number = number

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        for x in inputs:
            if type(x) is not Traced and not isinstance(x, (*_OPERANDS, list, tuple)):
                return NotImplemented  # recorded for a gradient, or a variable: theirs to say
        if kwargs.get("out") is not None or method == "at":
            raise Refused("written in place")
        function = ufunc if method == "__call__" else getattr(ufunc, method)
        return self.trace.call(function, inputs, kwargs)

    def __array_function__(self, function: Any, types: Any, args: tuple, kwargs: dict) -> Any:
        for kind in types:
            if kind is not Traced and not issubclass(kind, np.ndarray):
                return NotImplemented
        name = function.__name__
        if name in _QUESTIONS:
            return function(*_plain(args), **_plain(kwargs))
        if name not in _STATIC or kwargs.get("out") is not None or (
            name == "where" and len(args) == 1
        ):
            raise Refused(f"np.{name}")
        if name == "where":
            zeroed = _zeroed(*args)
            if zeroed is not None:
                return zeroed
        return self.trace.call(function, args, kwargs)

    def __bool__(self) -> bool:
        expected = bool(self.value)
        self.trace.call(expect, (self, expected))
        return expected

    # ------------------------------------------------------------- shape and type

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape

    @property
    def dtype(self) -> np.dtype:
        return self.value.dtype

    @property
    def ndim(self) -> int:
        return self.value.ndim

    @property
    def size(self) -> int:
        return self.value.size

    @property
    def itemsize(self) -> int:
        return self.value.itemsize

    @property
    def nbytes(self) -> int:
        return self.value.nbytes

    @property
    def T(self) -> Any:
        return self.trace.call(Method("transpose"), (self,))

    @property
    def mT(self) -> Any:
        return self.trace.call(Method("swapaxes"), (self, -1, -2))

    @property
    def real(self) -> Any:
        return self if self.value.dtype.kind != "c" else self.trace.call(np.real, (self,))

    def __len__(self) -> int:
        return len(self.value)

    def __getitem__(self, index: Any) -> Any:
        for part in index if isinstance(index, tuple) else (index,):
            if getattr(getattr(part, "dtype", None), "kind", "") == "b":
                raise Refused("entries chosen by a mask")
        return self.trace.call(operator.getitem, (self, index))

    def __iter__(self) -> Iterator:
        return iter([self[i] for i in range(len(self.value))])

    def __copy__(self) -> Any:
        return self.trace.call(Method("copy"), (self,))

    __neg__ = lambda self: self.trace.call(np.negative, (self,))  # noqa: E731
    __abs__ = lambda self: self.trace.call(np.absolute, (self,))  # noqa: E731
    __invert__ = lambda self: self.trace.call(np.invert, (self,))  # noqa: E731
    __pos__ = lambda self: self.trace.call(np.positive, (self,))  # noqa: E731

    def __pow__(self, other: Any) -> Any:
        # As the operator of arrays does, which is not `np.power` for small numbers.
        if type(other) is not Traced and not isinstance(other, _OPERANDS):
            return NotImplemented
        return self.trace.call(operator.pow, (self, other))

    def __rpow__(self, other: Any) -> Any:
        return self.trace.call(operator.pow, (other, self))


for _name, _ufunc in {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": np.true_divide,
    "floordiv": np.floor_divide, "mod": np.remainder, "matmul": np.matmul,
    "and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor,
    "lshift": np.left_shift, "rshift": np.right_shift,
}.items():
    setattr(Traced, f"__{_name}__", _operator(_ufunc))
    setattr(Traced, f"__r{_name}__", _operator(_ufunc, reflected=True))
    setattr(Traced, f"__i{_name}__", _refuse(f"{_name} in place"))
for _name, _ufunc in {
    "eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal, "gt": np.greater,
    "ge": np.greater_equal,
}.items():
    setattr(Traced, f"__{_name}__", _operator(_ufunc))
for _name in (
    "float", "int", "complex", "index", "array", "str", "format", "contains", "setitem",
    "ipow", "round", "reduce", "deepcopy",
):
    setattr(Traced, f"__{_name}__", _refuse(_name))
for _name in ("item", "tolist", "fill", "put", "resize", "tobytes", "nonzero"):
    setattr(Traced, _name, _refuse(_name))
for _name in (
    "all", "any", "argmax", "argmin", "argsort", "astype", "clip", "copy", "cumprod", "cumsum",
    "diagonal", "dot", "flatten", "max", "mean", "min", "prod", "ravel", "reshape",
    "round", "squeeze", "std", "sum", "swapaxes", "take", "transpose", "var", "view",
):
    setattr(Traced, _name, _method(_name))


_BITS = {4: np.dtype("i4"), 8: np.dtype("i8")}


def _zeroed(condition: Any, x: Any, y: Any) -> Any:
    """`np.where` with zeros on one side, as a product of the other's bits; None for others.

    Several times as fast where the condition is irregular, and it can go to kept memory.
    """
    if type(condition) is not Traced or condition.dtype != bool:
        return None
    for kept, other, inside in ((y, x, False), (x, y, True)):
        bits = _BITS.get(kept.itemsize) if type(kept) is Traced else None
        if (
            bits is not None and kept.shape == condition.shape != ()
            and kept.value.flags.c_contiguous
            and type(other) in (np.ndarray, int, float) and np.ndim(other) == 0
            and np.result_type(kept.value, other) == kept.dtype
            and not any(np.asarray(other, kept.dtype).tobytes())
        ):
            trace = kept.trace
            chosen = condition if inside else trace.call(np.logical_not, (condition,))
            as_bits = trace.call(Method("view"), (kept, bits))
            found = trace.call(np.multiply, (as_bits, chosen), {"dtype": bits})
            return found.view(kept.dtype)
    return None


def is_traced(x: Any) -> bool:
    """Whether a value is traced, for places where type checkers need not know more."""
    return type(x) is Traced


class Held:
    """A function that a call has given, such as a pullback."""

    __slots__ = ("number", "trace", "value")

    def __init__(self, trace: Trace, value: Callable, number: int) -> None:
        self.trace = trace
        self.value = value
        self.number = number

    def __call__(self, *args: Any) -> Any:
        return self.trace.call(_apply, (self, *args))


def _apply(function: Callable, *args: Any) -> Any:
    return function(*args)
