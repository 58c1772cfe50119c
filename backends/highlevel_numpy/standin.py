"""An array without memory: a zero seen through strides of 0, and functions on it undone.

A `StandIn` is an `ndarray` of some shape and dtype whose entries are all one zero. Ufuncs,
their reductions and matrix products of stand-ins are not computed: only the shape and
the dtype of the result are found, and the result is a stand-in again. Everything else
runs as on any array, and its result is replaced by a stand-in, so that no large array
lives for longer than one function.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import numpy as np

from highlevel_numpy.rules.products import explicit_subscripts

__all__ = ["StandIn", "observer", "stand_in"]

#: told of what stand-ins meet: `(name, arguments, results, arithmetic or None)`
observer: ContextVar[Callable | None] = ContextVar("highlevel_numpy_observer", default=None)


def stand_in(shape: tuple[int, ...], dtype: np.dtype) -> StandIn:
    """An array of this shape and dtype that takes no memory."""
    return np.broadcast_to(np.zeros((), dtype), shape).view(StandIn)


def _plain(x: Any) -> Any:
    """`x` as plain arrays, in lists and tuples too."""
    if isinstance(x, StandIn):
        return x.view(np.ndarray)
    if type(x) is list:
        return [_plain(item) for item in x]
    if type(x) is tuple:
        return tuple([_plain(item) for item in x])
    return x


def _replaced(x: Any) -> Any:
    """A function's result with stand-ins for its arrays."""
    if isinstance(x, np.ndarray):
        # Integers are often positions and lengths that the next step needs.
        return x if x.dtype.kind in "iub" and x.size < 4096 else stand_in(x.shape, x.dtype)
    if type(x) is list or type(x) is tuple:
        return type(x)([_replaced(item) for item in x])
    if isinstance(x, tuple) and hasattr(x, "_fields"):
        return type(x)(*[_replaced(item) for item in x])
    return x


class StandIn(np.ndarray):
    """See the module's text."""

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        result = self._undone(ufunc, method, inputs, kwargs)
        told = observer.get()
        if told is not None and result is not NotImplemented:
            told(ufunc.__name__, inputs, result, _flops(ufunc, method, inputs, result))
        return result

    def _undone(self, ufunc, method, inputs, kwargs):
        out = kwargs.pop("out", None)
        if any(hasattr(type(x), "__array_ufunc__") and not isinstance(x, (np.ndarray, np.generic))
               for x in inputs):  # fmt: skip
            return NotImplemented
        if method == "__call__":
            result = _called(ufunc, inputs, kwargs)
        elif method == "reduce":
            result = _reduced(ufunc, *inputs, **kwargs)
        else:
            result = _replaced(getattr(ufunc, method)(*_plain(inputs), **kwargs))
        if out is None or out[0] is None:
            return result
        return out[0] if len(out) == 1 else out

    def __array_function__(self, function, types, args, kwargs):
        if any(not issubclass(kind, np.ndarray) for kind in types):
            return NotImplemented
        told = observer.get()
        if told is None:
            return self._replaced_call(function, types, args, kwargs)
        token = observer.set(None)  # what it is made of counts with it
        try:
            result = self._replaced_call(function, types, args, kwargs)
        finally:
            observer.reset(token)
        product = _PRODUCTS.get(function)
        told(function.__name__, (args, kwargs), result, product and product(args, result))
        return result

    def _replaced_call(self, function, types, args, kwargs):
        shortcut = _SHORTCUTS.get(function)
        if shortcut is not None:
            return shortcut(*args, **kwargs)
        try:
            return _replaced(super().__array_function__(function, types, args, kwargs))
        except ValueError as error:
            if "read-only" not in str(error):
                raise
            # It copies and writes into the copy, which of a stand-in is a stand-in.
            kwargs = {key: _plain(x) for key, x in kwargs.items()}
            return _replaced(function(*_plain(args), **kwargs))

    def astype(self, dtype, *args, **kwargs):
        return stand_in(self.shape, np.dtype(dtype))

    def copy(self, order="C"):
        return stand_in(self.shape, self.dtype)


def _dtype_sample(x: Any) -> Any:
    """A number of the dtype of `x`; Python's numbers as they are, their type being weak."""
    return np.zeros((), x.dtype) if isinstance(x, (np.ndarray, np.generic)) else x


def _called(ufunc: np.ufunc, inputs: tuple, kwargs: dict) -> Any:
    if ufunc.signature is not None and ufunc is not np.matmul:
        return _replaced(ufunc(*_plain(inputs), **kwargs))
    samples = [_dtype_sample(x if isinstance(x, (int, float, complex)) else np.asarray(x))
               for x in inputs]  # fmt: skip
    shapes = [np.shape(x) for x in inputs]
    if ufunc is np.matmul:
        rows, columns = (np.zeros((1, 1), sample.dtype) for sample in samples)
        return stand_in(_product_shape(*shapes), np.matmul(rows, columns).dtype)
    kwargs.pop("where", None)
    result = ufunc(*samples, **kwargs)
    shape = np.broadcast_shapes(*shapes)
    if isinstance(result, tuple):
        return tuple([stand_in(shape, x.dtype) for x in result])
    return stand_in(shape, result.dtype)


def _product_shape(left: tuple[int, ...], right: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of a matrix product; raises what NumPy raises where it does not fit."""
    if left and right and left[-1] == right[-2:][0]:
        stack = np.broadcast_shapes(left[:-2], right[:-2])
        return (*stack, *left[-2:-1], *(right[-1:] if len(right) > 1 else ()))
    # The strides of 0 make this cheap for axes of any length, and the message is NumPy's.
    np.matmul(*[np.broadcast_to(np.zeros(()), s) for s in (left, right)])
    raise ValueError(f"matmul: shapes {left} and {right} do not fit")


def _reduced(ufunc, x, axis=0, dtype=None, keepdims=False, initial=None, where=True) -> Any:
    sample = np.ones((1,) * x.ndim, x.dtype)
    options = {} if initial is None else {"initial": initial}
    result = ufunc.reduce(sample, axis=axis, dtype=dtype, keepdims=keepdims, **options)
    axes = range(x.ndim) if axis is None else np.ravel(axis).tolist()
    axes = {a % x.ndim for a in axes} if x.ndim else set()
    if ufunc.identity is None and initial is None and any(x.shape[a] == 0 for a in axes):
        return ufunc.reduce(_plain(x), axis=axis, dtype=dtype, keepdims=keepdims)  # raises
    if keepdims:
        shape = tuple([1 if i in axes else n for i, n in enumerate(x.shape)])
    else:
        shape = tuple([n for i, n in enumerate(x.shape) if i not in axes])
    return stand_in(shape, result.dtype)


def _dot(a: Any, b: Any, out: Any = None) -> Any:
    a, b = np.asanyarray(a), np.asanyarray(b)
    if a.ndim == 0 or b.ndim == 0:
        return np.multiply(a, b)
    if a.ndim <= 2 and b.ndim <= 2:
        return np.matmul(a, b)
    summed = b.shape[-2] if b.ndim > 1 else b.shape[0]
    if a.shape[-1] != summed:
        raise ValueError(f"shapes {a.shape} and {b.shape} not aligned: {a.shape[-1]} != {summed}")
    rest = (*b.shape[:-2], b.shape[-1]) if b.ndim > 1 else ()
    return stand_in((*a.shape[:-1], *rest), np.result_type(a, b))


def _einsum(*operands: Any, out: Any = None, optimize: Any = False, **kwargs: Any) -> Any:
    if not isinstance(operands[0], str):
        return _replaced(np.einsum(*_plain(operands), **kwargs))
    subscripts, *arrays = operands
    arrays = [np.asanyarray(x) for x in arrays]
    terms, output = explicit_subscripts(subscripts, tuple(arrays))
    # One entry per axis: NumPy checks the subscripts and finds the dtype.
    sample = np.einsum(
        ",".join(terms) + "->" + output, *[np.zeros((1,) * x.ndim, x.dtype) for x in arrays]
    )
    lengths: dict[str, int] = {}
    for term, x in zip(terms, arrays):
        for letter, n in zip(term, x.shape):
            known = lengths.setdefault(letter, n)
            if known == 1:
                lengths[letter] = n
            elif n not in (1, known):
                raise ValueError(
                    f"einsum {subscripts!r}: axis {letter!r} has length {known} in one operand "
                    f"and {n} in another."
                )
    return stand_in(tuple([lengths[letter] for letter in output]), sample.dtype)


def _of_shape(a: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None,
              **more: Any) -> Any:  # fmt: skip
    shape = a.shape if shape is None else (shape,) if np.ndim(shape) == 0 else tuple(shape)
    return stand_in(shape, a.dtype if dtype is None else np.dtype(dtype))


def _flops(ufunc: np.ufunc, method: str, inputs: tuple, result: Any) -> float:
    """Arithmetic of a ufunc: two operations for each product that is summed, else one an entry."""
    size = float(sum(np.size(x) for x in (result if type(result) is tuple else (result,))))
    if ufunc is np.matmul:
        return 2.0 * size * np.shape(inputs[0])[-1]
    return size if method == "__call__" else float(np.size(inputs[0]))


def _einsum_flops(args: tuple, result: Any) -> float | None:
    if not isinstance(args[0], str):
        return None
    terms, output = explicit_subscripts(args[0], tuple(map(np.asanyarray, args[1:])))
    lengths = {
        letter: n for term, x in zip(terms, args[1:]) for letter, n in zip(term, np.shape(x))
        if n != 1
    }
    every = math.prod(lengths.get(letter, 1) for letter in set("".join(terms)))
    summed = set("".join(terms)) - set(output)
    return float(every * (len(args) - 1 if summed else max(len(args) - 2, 0)))


def _tensordot_flops(args: tuple, result: Any) -> float:
    left, right = (math.prod(np.shape(x)) for x in args[:2])
    # Axes that are summed over are in both operands and not in the result.
    return 2.0 * math.sqrt(float(left) * float(right) * float(np.size(result)))


#: what each product of arrays computes: `(arguments, result) -> arithmetic`
_PRODUCTS: dict[Any, Callable] = {
    np.dot: lambda args, result: 2.0 * np.size(result) * (np.shape(args[0]) or (1,))[-1],
    np.inner: lambda args, result: 2.0 * np.size(result) * (np.shape(args[0]) or (1,))[-1],
    np.einsum: _einsum_flops,
    np.tensordot: _tensordot_flops,
}
_SHORTCUTS = {
    np.dot: _dot,
    np.einsum: _einsum,
    np.zeros_like: _of_shape,
    np.ones_like: _of_shape,
    np.empty_like: _of_shape,
    np.copy: lambda a, *args, **kwargs: stand_in(a.shape, a.dtype),
    np.broadcast_to: lambda a, shape, subok=False: stand_in(
        np.broadcast_to(a.view(np.ndarray), shape).shape, a.dtype
    ),
}
