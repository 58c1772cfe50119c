"""The array that records what is computed with it.

Life of a `Recorded`: a transform wraps the arrays it differentiates by, each with the
transform's *level*; every NumPy function that meets one of them computes on the plain
values and returns a new `Recorded` that remembers the function's gradient rule and its
arguments. When the transform ends it walks from the result towards the wrapped arrays
(`walk.py`) and strips the level again, so nothing recorded is left outside.

Levels number the transforms in the order they began. Of two levels the greater one is
the inner one: its arrays hold values that may themselves be recorded at outer levels,
and because rules are written in NumPy functions, the walk of the inner level is recorded
by the outer ones. That is all there is to derivatives of derivatives.

A rule is either a tuple with one function per positional argument (None where there is no
gradient), `rule[i](g, out, *args, **kwargs) -> gradient by args[i]`, or one function
`rule(g, out, *args, **kwargs) -> sequence of gradients, one per argument`. Rules get
the arguments as they were passed, without this level's wrapping. They need not care for
the gradient's dtype: the walk casts to the argument's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Any

import ml_dtypes
import numpy as np

from highlevel_numpy.traced import Traced

__all__ = [
    "FUNCTIONS",
    "PART",
    "RULES",
    "Primitive",
    "Recorded",
    "call",
    "is_inexact",
    "new_level",
    "record",
    "strip",
    "strip_tree",
]

#: Rule of each differentiable ufunc.
RULES: dict[Any, Any] = {}
#: What runs in place of a NumPy function when it meets a recorded array: everything that
#: is not the plain call of a ufunc with one result.
FUNCTIONS: dict[Any, Callable] = {}
#: Rule of one entry of a result that is a tuple; its `args` are `(index, length)`.
PART = object()

_levels = count(1)
# Descending, so that the least number is the latest entry: the walk uses a heap of them.
_orders = count(0, -1)
_NO_KWARGS: dict[str, Any] = {}

_INEXACT = frozenset(
    [np.dtype(code) for code in "efdgFDG"]
    + [np.dtype(getattr(ml_dtypes, n)) for n in ("bfloat16", "float8_e4m3fn", "float8_e5m2")]
)


def new_level() -> int:
    """A level greater than all before."""
    return next(_levels)


def is_inexact(dtype: np.dtype) -> bool:
    """Whether arrays of this dtype have gradients (floating or complex)."""
    return dtype in _INEXACT


def strip(x: Any) -> Any:
    """`x` without any recording."""
    while type(x) is Recorded:
        x = x.value
    return x


def strip_tree(x: Any) -> Any:
    """`x` with recorded arrays in lists, tuples and dicts stripped too."""
    kind = type(x)
    if kind is Recorded:
        return strip(x)
    if kind is list:
        return [strip_tree(item) for item in x]
    if kind is tuple:
        return tuple([strip_tree(item) for item in x])
    if kind is dict:
        return {key: strip_tree(item) for key, item in x.items()}
    return x


def _operator(ufunc: np.ufunc, reflected: bool = False) -> Callable:
    """The method behind an operator: straight to the rule, without NumPy's dispatcher."""

    def forward(self, other):
        if not isinstance(other, _OPERANDS):
            if type(other) is not list and type(other) is not tuple:
                return NotImplemented
            other = FUNCTIONS["array"](other)
        return record_two(ufunc, self, other)

    def backward(self, other):
        if not isinstance(other, _OPERANDS):
            if type(other) is not list and type(other) is not tuple:
                return NotImplemented
            other = FUNCTIONS["array"](other)
        return record_two(ufunc, other, self)

    return backward if reflected else forward


def _comparison(ufunc: np.ufunc) -> Callable:
    def compare(self, other):
        return ufunc(strip(self), strip(other))

    return compare


class Recorded:
    """An array whose history is being recorded; looks like a `numpy.ndarray`.

    Attributes:
        value: the array: plain, or recorded at an outer level.
        level: number of the transform that records.
        order: position in time; later is less.
        rule, args, kwargs: how it was computed (see the module's text).
        inputs: `(position in args, Recorded)` for the arguments of this level.
    """

    __slots__ = ("__weakref__", "args", "inputs", "kwargs", "level", "order", "rule", "value")

    # Elementwise `==` rules out hashing, as for `numpy.ndarray`.
    __hash__ = None  # type: ignore[assignment]

    def __init__(
        self,
        value: Any,
        level: int,
        rule: Any = None,
        args: Sequence = (),
        kwargs: dict | None = None,
        inputs: Sequence = (),
    ):
        self.value = value
        self.level = level
        self.rule = rule
        self.args = args
        self.kwargs = kwargs
        self.inputs = inputs
        self.order = next(_orders)

    # ------------------------------------------------------- NumPy's protocols

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        if not kwargs and method == "__call__" and ufunc in RULES:
            if len(inputs) == 1:
                return record_one(ufunc, self)
            x, y = inputs
            if isinstance(x, _OPERANDS) and isinstance(y, _OPERANDS):
                return record_two(ufunc, x, y)
        return dispatch_ufunc(ufunc, method, inputs, kwargs)

    def __array_function__(self, function, types, args, kwargs):
        for kind in types:
            if kind is not Recorded and kind is not Traced and not issubclass(kind, np.ndarray):
                return NotImplemented
        implementation = FUNCTIONS.get(function)
        if implementation is None:
            raise no_rule(function)
        return implementation(*args, **kwargs)

    def __array__(self, *args, **kwargs):
        raise TypeError(
            "A gradient is being recorded for this array, and making a plain NumPy array of "
            "it would silently lose the gradient. Use NumPy functions on the array itself; "
            "for a list of such arrays use `np.stack`, and where the gradient is not wanted, "
            "`backend.stop_gradient(x)`."
        )

    # --------------------------------------------------------------- operators

    __add__ = _operator(np.add)
    __radd__ = _operator(np.add, reflected=True)
    __sub__ = _operator(np.subtract)
    __rsub__ = _operator(np.subtract, reflected=True)
    __mul__ = _operator(np.multiply)
    __rmul__ = _operator(np.multiply, reflected=True)
    __truediv__ = _operator(np.true_divide)
    __rtruediv__ = _operator(np.true_divide, reflected=True)
    __rpow__ = _operator(np.power, reflected=True)
    __mod__ = _operator(np.remainder)
    __rmod__ = _operator(np.remainder, reflected=True)
    __matmul__ = _operator(np.matmul)
    __rmatmul__ = _operator(np.matmul, reflected=True)

    def __pow__(self, other):
        if type(other) is int and other == 2:
            return record_one(np.square, self)
        if not isinstance(other, _OPERANDS):
            return NotImplemented
        return record_two(np.power, self, other)

    def __floordiv__(self, other):
        return np.floor_divide(strip(self), strip(other))

    def __rfloordiv__(self, other):
        return np.floor_divide(strip(other), strip(self))

    def __divmod__(self, other):
        return self // other, self % other

    def __neg__(self):
        return record_one(np.negative, self)

    def __pos__(self):
        return self

    def __abs__(self):
        return record_one(np.absolute, self)

    __eq__ = _comparison(np.equal)
    __ne__ = _comparison(np.not_equal)
    __lt__ = _comparison(np.less)
    __le__ = _comparison(np.less_equal)
    __gt__ = _comparison(np.greater)
    __ge__ = _comparison(np.greater_equal)

    # The value is known, so Python's control flow works on it.
    def __bool__(self) -> bool:
        return bool(strip(self))

    def __float__(self) -> float:
        return float(strip(self))

    def __int__(self) -> int:
        return int(strip(self))

    def __complex__(self) -> complex:
        return complex(strip(self))

    def __round__(self, digits=None):
        return round(strip(self).item(), digits)

    def item(self, *index):
        return strip(self).item(*index)

    def tolist(self):
        return strip(self).tolist()

    def __repr__(self) -> str:
        return f"Recorded({strip(self)!r})"

    def __str__(self) -> str:
        return str(strip(self))

    def __format__(self, spec: str) -> str:
        return format(strip(self), spec)

    # ---------------------------------------------------------------- indexing

    def __getitem__(self, index):
        return FUNCTIONS["getitem"](self, index)

    def __setitem__(self, index, value):
        raise TypeError(
            "An array whose gradient is being recorded cannot be changed in place. Use "
            "`backend.index_update(x, index, values)` or `np.where(condition, new, x)`."
        )

    def __iter__(self) -> Iterator:
        if not self.ndim:
            raise TypeError("iteration over a 0-d array")
        return iter(FUNCTIONS["unstack"](self))

    def __len__(self) -> int:
        return len(strip(self))

    def __contains__(self, x) -> bool:
        return strip(x) in strip(self)

    # -------------------------------------------------------------- properties

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
    def T(self):
        return FUNCTIONS[np.transpose](self)

    @property
    def mT(self):
        return FUNCTIONS[np.swapaxes](self, -1, -2)

    @property
    def real(self):
        return FUNCTIONS[np.real](self)

    @property
    def imag(self):
        return FUNCTIONS[np.imag](self)

    @property
    def flat(self):
        return iter(FUNCTIONS[np.ravel](self))

    @property
    def at(self):
        raise AttributeError("`.at` is JAX's; use `backend.index_update` on any backend.")

    # ----------------------------------------- methods that are more than a name

    def astype(self, dtype, copy: bool = True, **options):
        return FUNCTIONS["astype"](self, dtype)

    def reshape(self, *shape, order: str = "C", copy=None):
        return FUNCTIONS[np.reshape](self, shape[0] if len(shape) == 1 else shape, order)

    def transpose(self, *axes):
        if len(axes) == 1 and (axes[0] is None or isinstance(axes[0], (tuple, list))):
            axes = axes[0]
        return FUNCTIONS[np.transpose](self, axes or None)

    def flatten(self, order: str = "C"):
        return FUNCTIONS[np.ravel](self, order)

    def copy(self, order: str = "C"):
        return self

    def conjugate(self):
        return record_one(np.conjugate, self)

    conj = conjugate

    def dot(self, other):
        return FUNCTIONS[np.dot](self, other)

    def sort(self, *args, **kwargs):
        raise TypeError(
            "`x.sort()` sorts in place, which an array whose gradient is being recorded "
            "cannot; use `np.sort(x)`."
        )

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self

    def __reduce__(self):
        raise TypeError(
            "An array whose gradient is being recorded cannot be pickled; store "
            "`backend.to_numpy(x)`."
        )


def _method(function: Callable) -> Callable:
    def method(self, *args, **kwargs):
        return FUNCTIONS[function](self, *args, **kwargs)

    method.__name__ = function.__name__
    return method


# Methods of `ndarray` that are the NumPy function of the same name with the array first.
for _function in (
    np.all, np.any, np.argmax, np.argmin, np.argsort, np.clip, np.cumprod, np.cumsum,
    np.diagonal, np.max, np.mean, np.min, np.nonzero, np.prod, np.ravel, np.repeat, np.round,
    np.searchsorted, np.squeeze, np.std, np.sum, np.swapaxes, np.take, np.trace, np.var,
):  # fmt: skip
    setattr(Recorded, {"amax": "max", "amin": "min"}.get(_function.__name__, _function.__name__),
            _method(_function))  # fmt: skip

#: What an operator takes; anything else may have a reflected operator of its own.
_OPERANDS = (Recorded, np.ndarray, np.generic, int, float, complex, Traced)


_FIRST, _SECOND = 0, 1


def record_one(ufunc: np.ufunc, x: Recorded) -> Recorded:
    """`ufunc(x)` of one of `RULES`: `record` for the common case, in fewer steps."""
    value = x.value
    return Recorded(ufunc(value), x.level, RULES[ufunc], (value,), None, ((_FIRST, x),))


def record_two(ufunc: np.ufunc, x: Any, y: Any) -> Recorded:
    """`ufunc(x, y)` of one of `RULES`, one of the two recorded at least."""
    if type(x) is not Recorded or (type(y) is Recorded and y.level > x.level):
        level, value = y.level, y.value
        return Recorded(
            ufunc(x, value), level, RULES[ufunc], (x, value), None, ((_SECOND, y),)
        )
    level, value = x.level, x.value
    if type(y) is not Recorded or y.level != level:
        return Recorded(ufunc(value, y), level, RULES[ufunc], (value, y), None, ((_FIRST, x),))
    other = y.value
    return Recorded(
        ufunc(value, other), level, RULES[ufunc], (value, other), None, ((_FIRST, x), (_SECOND, y))
    )


def record(function: Callable, rule: Any, args: Sequence, kwargs: dict | None = None) -> Any:
    """`function(*args, **kwargs)`, recorded at the innermost level among `args`.

    Args:
        function: called with the values; where these are recorded at outer levels too it
            must dispatch again, as NumPy's functions and `Primitive` do.
        rule: see the module's text.
        args: positional arguments; only direct entries are looked at.
        kwargs: keyword arguments, none of them recorded.

    Returns:
        A recorded array; a tuple of them where `function` returns several; the plain
        value where nothing was recorded or the result's dtype has no gradients.
    """
    level = 0
    for x in args:
        if type(x) is Recorded and x.level > level:
            level = x.level
    if kwargs is None:
        kwargs = _NO_KWARGS
    if level == 0:
        return function(*args, **kwargs)
    values = []
    inputs = []
    for x in args:
        if type(x) is Recorded and x.level == level:
            inputs.append((len(values), x))
            values.append(x.value)
        else:
            values.append(x)
    out = function(*values, **kwargs)
    if isinstance(out, (tuple, list)):
        return _several(out, Recorded(out, level, rule, values, kwargs, inputs))
    if out.dtype not in _INEXACT:
        return out
    return Recorded(out, level, rule, values, kwargs, inputs)


def _several(out: Any, whole: Recorded) -> Any:
    """The entries of a result that is a tuple or list, each recorded by itself."""
    parts = [
        Recorded(x, whole.level, PART, (i, len(out)), None, ((0, whole),))
        if x.dtype in _INEXACT
        else x
        for i, x in enumerate(out)
    ]
    if hasattr(out, "_fields"):  # the named tuples of numpy.linalg
        return type(out)(*parts)
    return type(out)(parts)


class Primitive:
    """A function with a gradient rule, for what NumPy has no function of its own.

    Args:
        function: on plain values.
        rule: see the module's text.
        written_openly: whether it is made of NumPy functions alone, none of them in place.
    """

    __slots__ = ("__name__", "function", "rule", "written_openly")

    def __init__(self, function: Callable, rule: Any = None, written_openly: bool = False):
        self.function = function
        self.written_openly = written_openly
        self.rule = rule
        self.__name__ = function.__name__

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        trace = None
        for x in args:
            kind = type(x)
            if kind is Recorded:
                return record(self, self.rule, args, kwargs)
            if kind is Traced:
                trace = x.trace
        if trace is not None and not self.written_openly:
            return trace.call(self.function, args, kwargs)
        return self.function(*args, **kwargs)


def call(function: Callable, *args: Any, **kwargs: Any) -> Any:
    """What `FUNCTIONS` has for `function`, without the way through NumPy's dispatcher."""
    return FUNCTIONS[function](*args, **kwargs)


def no_rule(function: Any) -> NotImplementedError:
    """The error for a function that cannot be recorded."""
    module = getattr(function, "__module__", None) or "numpy"
    name = f"{module}.{getattr(function, '__name__', function)}"
    return NotImplementedError(
        f"`{name}` has no gradient rule in the NumPy backend, and it was called on an array "
        "whose gradient is being recorded. Write it with functions that have one, give the "
        "gradient yourself with `backend.custom_gradient`, or, where no gradient is wanted, "
        "pass `backend.stop_gradient(x)`."
    )


def dispatch_ufunc(ufunc: np.ufunc, method: str, inputs: tuple, kwargs: dict) -> Any:
    """A ufunc in any form but the common one: keywords, `reduce`, several results, ..."""
    if kwargs.get("out") is not None:
        raise TypeError(
            f"`np.{ufunc.__name__}(..., out=...)` would write a value into an array that cannot "
            "hold its gradient (`a += b` does that too where `a` is a plain array). "
            "Write `a = a + b` instead."
        )
    prepared = []
    for x in inputs:
        if type(x) in (list, tuple):
            x = FUNCTIONS["array"](x)
        elif not isinstance(x, _OPERANDS) and hasattr(type(x), "__array_ufunc__"):
            return NotImplemented
        prepared.append(x)
    return FUNCTIONS["ufunc"](ufunc, method, tuple(prepared), kwargs)
