"""Control flow on values that may be traced, and custom gradients."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from highlevel_backend import current_backend, tree

from highlevel.ops.dispatch import array, cast_to, op

__all__ = [
    "associative_scan",
    "cond",
    "custom_gradient",
    "fori_loop",
    "map",
    "scan",
    "switch",
    "vectorized_map",
    "while_loop",
]


def _arrays(structure: Any) -> Any:
    """A tree with arrays in the place of its numbers and variables."""
    return tree.map_leaves(array, structure)


@op
def cond(pred: Any, true_fn: Callable, false_fn: Callable) -> Any:
    """The result of one of two functions.

    Args:
        pred: boolean scalar.
        true_fn, false_fn: called without arguments; both return arrays of the same
            structure, shapes and dtypes (where `pred` is known only one is called).

    >>> int(cond(True, lambda: 1, lambda: 2))
    1
    """
    backend = current_backend()
    if isinstance(pred, bool):
        return _optional((true_fn if pred else false_fn)())
    pred = array(pred)
    if not backend.is_abstract(pred):
        return _optional((true_fn if bool(pred) else false_fn)())
    return backend.cond(
        cast_to(pred, "bool"), lambda: _optional(true_fn()), lambda: _optional(false_fn())
    )


def _optional(result: Any) -> Any:
    return None if result is None else _arrays(result)


@op
def while_loop(
    cond: Callable, body: Callable, loop_vars: Any, maximum_iterations: int | None = None
) -> Any:
    """`body` again and again while `cond` holds.

    Args:
        cond: `(*loop_vars) -> boolean scalar`.
        body: `(*loop_vars) -> loop_vars`, of the same structure, shapes and dtypes.
        loop_vars: tuple or list of the first values, or one array.
        maximum_iterations: stop after so many at the latest.

    Returns:
        The last values, in the structure of `loop_vars`.

    >>> int(while_loop(lambda i: i < 5, lambda i: i + 2, 0))
    6
    """
    backend = current_backend()
    single = not isinstance(loop_vars, (tuple, list))
    state = tuple(_arrays((loop_vars,) if single else tuple(loop_vars)))
    dtypes = tree.map_leaves(lambda leaf: leaf.dtype.name, state)

    def step(values: tuple) -> tuple:
        new = body(*values)
        # A bare array may stand for a tuple of one.
        new = tuple(new) if isinstance(new, (tuple, list)) else (new,)
        return tree.map_leaves(lambda leaf, dtype: array(leaf, dtype), new, dtypes)

    if maximum_iterations is None:
        state = backend.while_loop(lambda s: cond(*s), step, state)
    else:
        limit = array(maximum_iterations, "int32")

        def goes_on(s: Any) -> Any:
            return backend.xp.logical_and(s[0] < limit, array(cond(*s[1]), "bool"))

        def counted(s: Any) -> Any:
            return s[0] + array(1, "int32"), step(s[1])

        _, state = backend.while_loop(goes_on, counted, (array(0, "int32"), state))
    if single:
        return state[0]
    return type(loop_vars)(state) if type(loop_vars) in (tuple, list) else state


@op
def fori_loop(lower: Any, upper: Any, body_fun: Callable, init_val: Any) -> Any:
    """`value = body_fun(i, value)` for `i` from `lower` up to but without `upper`.

    Args:
        lower, upper: integers.
        body_fun: `(i, value) -> value`, of the same structure, shapes and dtypes.
        init_val: the first value.

    >>> int(fori_loop(0, 4, lambda i, total: total + i, 0))
    6
    """
    backend = current_backend()
    init_val = _arrays(init_val)
    dtypes = tree.map_leaves(lambda leaf: leaf.dtype.name, init_val)
    lower, upper = array(lower, "int32"), array(upper, "int32")

    def body(state: Any) -> Any:
        i, value = state
        value = tree.map_leaves(lambda leaf, dtype: array(leaf, dtype), body_fun(i, value), dtypes)
        return i + array(1, "int32"), value

    return backend.while_loop(lambda state: state[0] < upper, body, (lower, init_val))[1]


@op
def scan(
    f: Callable,
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: Any = 1,
) -> Any:
    """Carry a state along the first axis of `xs`.

    Args:
        f: `(carry, x) -> (carry, y)`; the carry keeps structure, shapes and dtypes.
        init: the first carry.
        xs: arrays of shape `(length, ...)` in any structure, or None with `length`.
        length: number of steps, where `xs` is None.
        reverse: from the last entry to the first.
        unroll: accepted for the contract.

    Returns:
        `(last carry, ys stacked along a new first axis)`.

    Raises:
        TypeError: `f` cannot be called.
        ValueError: neither `xs` nor `length`.

    >>> from highlevel.ops import array
    >>> last, sums = scan(lambda c, x: (c + x, c + x), 0, array([1, 2, 3]))
    >>> int(last), sums.tolist()
    (6, [1, 3, 6])
    """
    if not callable(f):
        raise TypeError(f"`f` must be a function `(carry, x) -> (carry, y)`; got {f!r}.")
    if xs is None and length is None:
        raise ValueError("`scan` needs `xs`, or `length` where there are none.")
    init = _arrays(init)
    dtypes = tree.map_leaves(lambda leaf: leaf.dtype.name, init)

    def step(carry: Any, x: Any) -> Any:
        carry, y = f(carry, x)
        carry = tree.map_leaves(lambda leaf, dtype: array(leaf, dtype), carry, dtypes)
        return carry, _arrays(y)

    return current_backend().scan(step, init, _arrays(xs), length=length, reverse=reverse)


@op
def map(f: Callable, xs: Any) -> Any:
    """`f` on every entry along the first axis, one after the other; results stacked.

    Args:
        f: function of one argument, in the structure of `xs`.
        xs: arrays of shape `(n, ...)`.
    """
    backend = current_backend()
    return backend.scan(lambda carry, x: (carry, _arrays(f(x))), (), _arrays(xs))[1]


@op
def vectorized_map(function: Callable, elements: Any) -> Any:
    """`function` on every entry along the first axis, all at once; results stacked.

    Args:
        function: function of one argument, in the structure of `elements`.
        elements: arrays of shape `(n, ...)`.
    """
    return current_backend().vmap(lambda x: _arrays(function(x)))(_arrays(elements))


@op
def switch(index: Any, branches: Any, *operands: Any) -> Any:
    """The result of one of several functions.

    Args:
        index: integer scalar; beyond the ends it counts as the nearest branch.
        branches: functions of `operands`, with results of the same shapes and dtypes.
        operands: what the function is called with.

    >>> int(switch(1, [lambda x: x, lambda x: x * 2], 5))
    10
    """
    backend = current_backend()
    branches = list(branches)
    operands = tuple(_arrays(list(operands)))
    index = array(index)
    if not backend.is_abstract(index):
        return _arrays(branches[min(max(int(index), 0), len(branches) - 1)](*operands))

    def choose(low: int, high: int) -> Any:
        """One of `branches[low:high]`, halved until one is left."""
        if high - low == 1:
            return _arrays(branches[low](*operands))
        middle = (low + high) // 2
        return backend.cond(
            index < middle, lambda: choose(low, middle), lambda: choose(middle, high)
        )

    return choose(0, len(branches))


@op
def associative_scan(f: Callable, elems: Any, reverse: bool = False, axis: int = 0) -> Any:
    """All partial results of an associative operation, in logarithmically many steps.

    Args:
        f: `(a, b) -> c`, associative, on whole arrays along `axis`.
        elems: array or structure of arrays of one length along `axis`.
        reverse: from the last entry to the first.
        axis: axis to go along.

    Returns:
        The structure of `elems`; entry `i` combines the entries up to `i`.

    Source: W. D. Hillis, G. L. Steele, "Data parallel algorithms", CACM 1986.

    >>> from highlevel.ops import array
    >>> associative_scan(lambda a, b: a + b, array([1, 2, 3, 4])).tolist()
    [1, 3, 6, 10]
    """
    if not callable(f):
        raise TypeError(f"`f` must be a function `(a, b) -> c`; got {f!r}.")
    xp = current_backend().xp
    elems = _arrays(elems)
    leaves = tree.leaves(elems)
    lengths = {leaf.shape[axis] for leaf in leaves}
    if len(lengths) > 1:
        raise ValueError(
            f"`associative_scan` needs arrays of one length along axis {axis}; got {lengths}."
        )
    moved = tree.map_leaves(lambda leaf: xp.moveaxis(leaf, axis, 0), elems)
    if reverse:
        moved = tree.map_leaves(lambda leaf: xp.flip(leaf, 0), moved)
    length = lengths.pop()

    def part(structure: Any, start: int | None, stop: int | None) -> Any:
        return tree.map_leaves(
            lambda leaf: xp.moveaxis(leaf[start:stop], 0, axis), structure
        )

    step = 1
    while step < length:
        # Entry i combines what ends at i - step with what begins after it.
        combined = f(part(moved, None, -step), part(moved, step, None))
        combined = tree.map_leaves(lambda leaf: xp.moveaxis(array(leaf), axis, 0), combined)
        moved = tree.map_leaves(
            lambda leaf, new: xp.concatenate((leaf[: length - new.shape[0]], new), axis=0),
            moved, combined,
        )
        step *= 2
    if reverse:
        moved = tree.map_leaves(lambda leaf: xp.flip(leaf, 0), moved)
    return tree.map_leaves(lambda leaf: xp.moveaxis(leaf, 0, axis), moved)


def custom_gradient(f: Callable) -> Callable:
    """Decorator: a function whose gradient is given with it.

    Args:
        f: `(*arrays) -> (result, grad)`, where `grad(*args, upstream=...)` or
            `grad(upstream)` gives the gradient for each array.

    Returns:
        `(*arrays) -> result`.
    """

    @functools.wraps(f)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        def with_pullback(*arrays: Any) -> tuple[Any, Callable]:
            result, gradient = f(*arrays, **kwargs)
            if _takes_upstream(gradient):
                return result, lambda cotangent: gradient(upstream=cotangent)
            return result, gradient

        return current_backend().custom_gradient(with_pullback)(*_arrays(list(args)))

    return wrapper


def _takes_upstream(gradient: Callable) -> bool:
    try:
        return "upstream" in inspect.signature(gradient).parameters
    except (TypeError, ValueError):
        return False
