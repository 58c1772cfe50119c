"""What a function computes: it runs on stand-ins, and what they meet is written down.

The operations are those of one run, forward: gradients are not asked for, and a loop's body
is run once for all its steps. Nothing of the arrays' sizes is allocated or computed.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from highlevel_backend import ArraySpec, use_backend
from highlevel_backend.operations import Operation, Operations
from highlevel_backend.tree import flatten, map_leaves, unflatten

from highlevel_numpy import standin
from highlevel_numpy.arrays import as_array, dtype_name, is_array, numpy_dtype
from highlevel_numpy.numpy_backend import NumpyBackend
from highlevel_numpy.recorded import strip
from highlevel_numpy.standin import StandIn, stand_in

__all__ = ["operations"]

Tree = Any
_REDUCING = frozenset((
    "sum", "prod", "max", "min", "amax", "amin", "any", "all", "argmax", "argmin", "cumsum",
    "cumprod", "nansum", "count_nonzero", "sort", "argsort", "nanmax", "nanmin", "trace",
))
#: passes over the operand
_PASSES = {"mean": 1, "nanmean": 1, "var": 4, "std": 4}
_VIEWS = frozenset((
    "reshape", "transpose", "swapaxes", "moveaxis", "broadcast_to", "expand_dims", "squeeze",
    "ravel", "matrix_transpose", "permute_dims", "flip", "atleast_1d", "atleast_2d",
))


class _Log:
    """The operations so far; stand-ins are told apart by identity, and kept for it."""

    def __init__(self) -> None:
        self.found = Operations()
        self.times = 1
        self._numbers: dict[int, int] = {}
        self._kept: list[Any] = []

    def number(self, array: Any) -> int:
        number = self._numbers.get(id(array))
        if number is None:
            number = self.found.new(array.shape, dtype_name(array.dtype))
            self._numbers[id(array)] = number
            self._kept.append(array)
        return number

    def note(self, name: str, inputs: Any, outputs: Any, flops: float | None = None) -> None:
        """An operation on what is found of arrays in `inputs`; arithmetic by its name."""
        operands = [x for x in flatten(inputs)[0] if isinstance(x, np.ndarray)]
        results = [x for x in flatten(outputs)[0] if isinstance(x, np.ndarray)]
        if not results:  # questions about shapes
            return
        if flops is None:
            flops = _arithmetic(name, operands, results)
        form = "whole"
        if name in _VIEWS and operands and results:
            form = "view"
        self.found.operations.append(Operation(
            name, tuple(map(self.number, operands)), tuple(map(self.number, results)),
            flops * self.times, form, times=self.times))


def _arithmetic(name: str, operands: list, results: list) -> float:
    if name in _REDUCING:
        return float(operands[0].size) if operands else 0.0
    return float(_PASSES.get(name, 0) * operands[0].size) if operands else 0.0


class _Counting(NumpyBackend):
    """NumPy on stand-ins, whose primitives tell shapes and compute nothing."""

    kernels: dict[str, Callable] = {}

    def __init__(self, log: _Log) -> None:
        self._log = log

    def conv(self, x, kernel, strides, padding, input_dilation, kernel_dilation, groups):
        lengths = []
        for axis, (before, after) in enumerate(padding):
            length = (x.shape[axis + 1] - 1) * input_dilation[axis] + 1 + before + after
            window = (kernel.shape[axis] - 1) * kernel_dilation[axis] + 1
            lengths.append((length - window) // strides[axis] + 1)
        out = stand_in((x.shape[0], *lengths, kernel.shape[-1]), x.dtype)
        # Of an input that is spaced out the zeros between are not multiplied.
        pairs = out.size if max(input_dilation) == 1 else math.prod(x.shape[:-1]) * out.shape[-1]
        self._log.note("conv", (x, kernel), out, 2.0 * pairs * math.prod(kernel.shape[:-1]))
        return out

    def reduce_window(self, x, mode, window, strides, padding):
        lengths = [
            (n + before + after - width) // stride + 1
            for n, (before, after), width, stride in zip(x.shape[1:-1], padding, window, strides)
        ]
        out = stand_in((x.shape[0], *lengths, x.shape[-1]), x.dtype)
        self._log.note(f"reduce_window_{mode}", x, out, float(out.size * math.prod(window)))
        return out

    def random_bits(self, key, shape):
        out = stand_in(tuple(shape), np.dtype("uint32"))
        self._log.note("random_bits", (), out, 20.0 * out.size)
        return out

    def index_update(self, x, index, values, mode="set"):
        out = stand_in(x.shape, x.dtype)
        size = getattr(values, "size", 1) if mode != "set" else 0
        self._log.note(f"index_{mode}", (x, values), out, float(size))
        return out

    def top_k(self, x, k):
        shape = (*x.shape[:-1], k)
        out = stand_in(shape, x.dtype), stand_in(shape, np.dtype("int32"))
        self._log.note("top_k", x, out, float(x.size))
        return out

    def scan(self, function, init, xs, length=None, reverse=False):
        leaves, definition = flatten(xs)
        count = length if length is not None else leaves[0].shape[0]
        first = [stand_in(x.shape[1:], x.dtype) for x in map(_array, leaves)]
        with self._repeated(count):
            carry, y = function(init, unflatten(definition, first))
        outputs = map_leaves(
            lambda leaf: stand_in((count, *_array(leaf).shape), _array(leaf).dtype), y)
        self._log.note("stack", y, outputs, 0.0)
        return carry, outputs

    def while_loop(self, condition, body, init):
        condition(init)
        return body(init)

    @contextmanager
    def _repeated(self, count: int) -> Iterator[None]:
        self._log.times *= count
        try:
            yield
        finally:
            self._log.times //= max(count, 1)


def _array(x: Any) -> Any:
    return x if is_array(x) else as_array(x)


def operations(function: Callable, *specs: Tree) -> Operations:
    """See `Backend.operations`."""
    log = _Log()
    leaves, definition = flatten(specs)
    arguments = [
        stand_in(tuple(spec.shape), numpy_dtype(spec.dtype))  # type: ignore[arg-type]
        if isinstance(spec, ArraySpec) else spec for spec in leaves
    ]
    log.found.inputs = [log.number(x) for x in arguments if isinstance(x, StandIn)]
    with warnings.catch_warnings(), np.errstate(all="ignore"), use_backend(_Counting(log)):
        warnings.simplefilter("ignore")
        token = standin.observer.set(log.note)
        try:
            result = function(*unflatten(definition, arguments))
        finally:
            standin.observer.reset(token)
    log.found.outputs = [
        log.number(x) for x in map(strip, flatten(result)[0]) if isinstance(x, np.ndarray)
    ]
    return log.found

