"""What rules of all families share: registering, and undoing broadcasts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from highlevel_numpy.recorded import FUNCTIONS, RULES, Primitive, Recorded, record, strip_tree
from highlevel_numpy.traced import Traced

__all__ = [
    "expand",
    "filled",
    "fit",
    "implements",
    "masked",
    "normalize_axes",
    "recorded_function",
    "rule",
    "without_gradient",
]


def rule(ufunc: np.ufunc, *gradients: Callable | None) -> None:
    """Give a ufunc its gradient functions, one per argument."""
    RULES[ufunc] = gradients


def recorded_function(function: Callable, *gradients: Callable | None, positional: int = 1) -> None:
    """Give a function, not a ufunc, its gradient functions, one per argument.

    Args:
        function: of `numpy`, called as it stands with plain values.
        gradients: one per positional argument, `(g, out, *args, **kwargs)`.
        positional: how many arguments may be arrays; those may be given by keyword too.
    """

    def implementation(*args, **kwargs):
        if len(args) < positional:
            args, kwargs = _by_position(function, args, kwargs, positional)
        if kwargs.get("out") is not None:
            raise TypeError(
                f"`np.{function.__name__}(..., out=...)` cannot hold a gradient; use its result."
            )
        return record(function, gradients, args, kwargs)

    FUNCTIONS[function] = implementation


def _by_position(function: Callable, args: tuple, kwargs: dict, positional: int) -> tuple:
    import inspect  # only where an array was given by keyword

    for name in list(inspect.signature(function).parameters)[len(args) : positional]:
        if name not in kwargs:
            break
        kwargs = dict(kwargs)
        args = (*args, kwargs.pop(name))
    return args, kwargs


def implements(*functions: Any) -> Callable:
    """Decorator: what runs when one of `functions` meets a recorded array."""

    def register(implementation: Callable) -> Callable:
        for function in functions:
            FUNCTIONS[function] = implementation
        return implementation

    return register


def without_gradient(*functions: Callable) -> None:
    """Functions whose result has no derivative: they see plain values."""

    def forward(function):
        def implementation(*args, **kwargs):
            return function(*strip_tree(args), **strip_tree(kwargs))

        return implementation

    for function in functions:
        FUNCTIONS[function] = forward(function)


def fit(g: Any, x: Any) -> Any:
    """The gradient of a broadcast of `x`, summed to the shape of `x`."""
    shape = x.shape
    if g.shape == shape:
        return g
    extra = g.ndim - len(shape)
    if extra > 0:
        g = g.sum(axis=tuple(range(extra)) if extra > 1 else 0)
    elif extra < 0:  # the other argument was of more axes and of length 1: g was not broadcast
        return np.broadcast_to(g, shape)
    if g.shape != shape:
        axes = tuple([i for i, n in enumerate(shape) if n == 1 and g.shape[i] != 1])
        if axes:
            g = g.sum(axis=axes, keepdims=True)
        if g.shape != shape:
            g = np.broadcast_to(g, shape)
    return g


_SAME_SIZE = {1: np.dtype("i1"), 2: np.dtype("i2"), 4: np.dtype("i4"), 8: np.dtype("i8")}


def _masked(x: Any, mask: Any) -> Any:
    # As integers: 0 times the bits of anything is 0, infinities and nan included. A tenth
    # of the time of np.where, whose branches a random mask makes unpredictable.
    bits = _SAME_SIZE.get(x.dtype.itemsize)
    if bits is None:
        return np.where(mask, x, np.zeros((), x.dtype))
    return np.multiply(x.view(bits), mask, dtype=bits).view(x.dtype)


#: `x` where `mask` holds, zero elsewhere; the two are broadcast.
masked = Primitive(
    _masked, (lambda g, out, x, mask: fit(masked(g, mask), x), None), written_openly=True
)


def normalize_axes(axis: Any, ndim: int) -> tuple[int, ...]:
    """`axis` (None, integer or tuple) as a tuple of numbers from 0."""
    if axis is None:
        return tuple(range(ndim))
    if isinstance(axis, (tuple, list)):
        return tuple([int(a) % ndim for a in axis])
    return (int(axis) % ndim if ndim else 0,)


def keep_axes(g: Any, shape: tuple[int, ...], axis: Any, keepdims: Any) -> Any:
    """A reduction's result or gradient with the reduced axes put back with length 1."""
    if keepdims is True or not shape:
        return g
    if axis is None:
        return g.reshape((1,) * len(shape)) if g.ndim != len(shape) else g
    axes = normalize_axes(axis, len(shape))
    return g.reshape(tuple([1 if i in axes else n for i, n in enumerate(shape)]))


def expand(g: Any, x: Any, axis: Any = None, keepdims: Any = False) -> Any:
    """The gradient of a reduction of `x`, repeated over the axes that were reduced."""
    g = keep_axes(g, x.shape, axis, keepdims)
    if type(g) is Recorded:
        return np.broadcast_to(g, x.shape)
    if type(g) is Traced:
        return g.trace.call(filled, (g, x.shape))
    return filled(g, x.shape)


def filled(g: Any, shape: tuple[int, ...]) -> np.ndarray:
    """`g` broadcast to a shape; several times as fast as np.broadcast_to, and writable."""
    full = np.empty(shape, g.dtype)
    full[...] = g
    return full
