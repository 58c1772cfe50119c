"""Derivatives, the same on every backend: of functions of arrays, of variables, of models.

Each takes a function, and either `variables`, what to differentiate by wherever the function
reads them, or positions of arguments. All nest: the function may take derivatives itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
from highlevel_backend import current_backend, tree

from highlevel.ops.dispatch import dtype_name
from highlevel.ops.lifting import Lifted, arrays, checked_variables
from highlevel.state import StatelessScope
from highlevel.variable import Variable

__all__ = ["grad", "hessian", "jacobian", "jvp", "value_and_grad", "vjp", "vmap"]

Argnums = int | Sequence[int]
Variables = Sequence[Variable] | None


def value_and_grad(
    function: Callable, variables: Variables = None, has_aux: bool = False, argnums: Argnums = 0
) -> Callable:
    """A function that gives the value of `function` and its gradient.

    What the function assigns to variables it does not differentiate by (moving averages,
    states of random generators) is kept.

    Args:
        function: returns a scalar, or `(scalar, aux)` with `has_aux`.
        variables: what to differentiate by; arguments where None.
        has_aux: the function returns a second value that is passed through.
        argnums: position of the argument to differentiate by, a tree of arrays; or a tuple
            of several.

    Returns:
        A function of the same arguments that returns `(value, gradient)`, or
        `((value, aux), gradient)` with `has_aux`. The gradient is a list, one array per
        variable, or a tree like the argument, or a tuple of such trees.

    Raises:
        TypeError: the value is no scalar of floating dtype, or a leaf of the argument is not
            floating.

    >>> import highlevel as hl
    >>> w = hl.Variable(3.0)
    >>> value, (gradient,) = value_and_grad(lambda: w * w, [w])()
    >>> float(value), float(gradient)
    (9.0, 6.0)
    >>> value, gradient = value_and_grad(lambda x: hl.ops.sum(x ** 2))(hl.ops.ones((2,)))
    >>> [float(g) for g in gradient]
    [2.0, 2.0]
    """
    chosen = checked_variables(variables, "value_and_grad")

    def differentiate(*args: Any, **kwargs: Any) -> Any:
        call = Lifted(function, chosen, argnums, has_aux, args, kwargs, "value_and_grad")
        (value, extra), gradient = current_backend().value_and_grad(call.pure, has_aux=True)(
            call.point
        )
        aux = call.finish(extra)
        return ((value, aux) if has_aux else value), gradient

    return differentiate


def grad(
    function: Callable, variables: Variables = None, has_aux: bool = False, argnums: Argnums = 0
) -> Callable:
    """A function that gives the gradient of a scalar `function`; see `value_and_grad`.

    With `has_aux` it gives `(gradient, aux)`.

    >>> import highlevel as hl
    >>> float(grad(grad(lambda x: x ** 3))(hl.ops.convert_to_tensor(2.0)))
    12.0
    """
    both = value_and_grad(function, variables, has_aux, argnums)

    def differentiate(*args: Any, **kwargs: Any) -> Any:
        value, gradient = both(*args, **kwargs)
        return (gradient, value[1]) if has_aux else gradient

    return differentiate


def vjp(
    function: Callable, *primals: Any, variables: Variables = None, has_aux: bool = False
) -> Any:
    """The value of a function, and its derivative backwards.

    Args:
        function: returns an array or a tree of arrays, or `(that, aux)` with `has_aux`.
        *primals: its arguments, trees of arrays; what to differentiate by unless `variables`
            are given.
        variables: what to differentiate by instead.
        has_aux: the function returns a second value that is passed through.

    Returns:
        `(value, pullback)`, or `(value, pullback, aux)`. `pullback(cotangent)` takes a tree
        like the value and returns a tuple, one tree per primal, or a list, one array per
        variable.

    >>> import highlevel as hl
    >>> x = hl.ops.array([1.0, 2.0])
    >>> value, pullback = vjp(lambda x: x * x, x)
    >>> [float(g) for g in pullback(hl.ops.array([1.0, 10.0]))[0]]
    [2.0, 40.0]
    """
    chosen = checked_variables(variables, "vjp")
    call = Lifted(function, chosen, range(len(primals)), has_aux, primals, {}, "vjp")
    value, pullback, extra = current_backend().vjp(call.pure, call.point, has_aux=True)
    aux = call.finish(extra)

    def pull(cotangent: Any) -> Any:
        return pullback(arrays(cotangent))[0]

    return (value, pull, aux) if has_aux else (value, pull)


def jvp(
    fun: Callable, primals: Any, tangents: Any, has_aux: bool = False, variables: Variables = None
) -> Any:
    """The value of a function and its derivative in a direction.

    Args:
        fun: function of arrays.
        primals: tuple of its arguments.
        tangents: the direction: a tuple like `primals`, arrays of the same shapes and dtypes;
            with `variables` a list with one array per variable.
        has_aux: `fun` returns a second value, which is passed through.
        variables: the variables that move in the direction, instead of the arguments.

    Returns:
        `(value, derivative)`, and the second value with `has_aux`.

    Raises:
        ValueError: `tangents` does not fit what moves.

    >>> import highlevel as hl
    >>> value, slope = jvp(lambda x: x * x, (hl.ops.array(3.0),), (hl.ops.array(1.0),))
    >>> float(value), float(slope)
    (9.0, 6.0)
    """
    primals = tuple(primals) if isinstance(primals, (list, tuple)) else (primals,)
    chosen = checked_variables(variables, "jvp")
    call = Lifted(fun, chosen, range(len(primals)), has_aux, primals, {}, "jvp")
    moved = list(tangents) if chosen is not None else (
        tuple(tangents) if isinstance(tangents, (list, tuple)) else (tangents,)
    )
    moved = arrays(moved)
    _check_direction(call.point, moved)
    value, slope, extra = current_backend().jvp(call.pure, (call.point,), (moved,), has_aux=True)
    aux = call.finish(extra)
    return (value, slope, aux) if has_aux else (value, slope)


def _check_direction(point: Any, direction: Any) -> None:
    there, here = tree.flatten(point), tree.flatten(direction)
    shapes = [[tuple(leaf.shape) for leaf in leaves] for leaves, _ in (there, here)]
    if there[1] != here[1] or shapes[0] != shapes[1]:
        raise ValueError(
            f"`tangents` must have the structure and the shapes of what moves, {shapes[0]}; it "
            f"has {shapes[1]}."
        )


def jacobian(
    function: Callable,
    variables: Variables = None,
    argnums: Argnums = 0,
    has_aux: bool = False,
    mode: Literal["reverse", "forward"] = "reverse",
) -> Callable:
    """A function that gives all first derivatives of `function`.

    Args:
        function: returns an array or a tree of arrays, or `(that, aux)` with `has_aux`.
        variables: what to differentiate by; arguments where None.
        argnums: position of the argument, or a tuple of several.
        has_aux: the function returns a second value that is passed through.
        mode: `"reverse"` costs one pass per entry of the value, `"forward"` one per entry of
            what is differentiated by.

    Returns:
        A function of the same arguments. It returns the value's tree, with in the place of
        each array the tree of the variables or arguments, of arrays of shape
        `(*value.shape, *variable.shape)`; and `(that, aux)` with `has_aux`.

    >>> import highlevel as hl
    >>> matrix = hl.ops.array([[1.0, 2.0], [3.0, 4.0]])
    >>> jacobian(lambda x: hl.ops.matmul(matrix, x))(hl.ops.ones((2,))).tolist()
    [[1.0, 2.0], [3.0, 4.0]]
    """
    chosen = checked_variables(variables, "jacobian")
    if mode not in ("reverse", "forward"):
        raise ValueError(f"`mode` of `jacobian` is 'reverse' or 'forward'; got {mode!r}.")

    def differentiate(*args: Any, **kwargs: Any) -> Any:
        call = Lifted(function, chosen, argnums, has_aux, args, kwargs, "jacobian")
        result, extra = (_rows if mode == "reverse" else _columns)(call)
        aux = call.finish(extra)
        return (result, aux) if has_aux else result

    return differentiate


def _rows(call: Lifted) -> tuple[Any, tuple]:
    """The derivatives, backwards from each entry of the value."""
    backend = current_backend()
    value, pullback, extra = backend.vjp(call.pure, call.point, has_aux=True)
    outputs, definition = tree.flatten(value)
    zeros = [_zeros(leaf) for leaf in outputs]
    rows = []
    for i, leaf in enumerate(outputs):

        def back(basis: Any, i: int = i) -> Any:
            cotangent = [*zeros[:i], basis, *zeros[i + 1:]]
            return pullback(tree.unflatten(definition, cotangent))[0]

        found = backend.vmap(back)(_basis(leaf))
        shape = tuple(leaf.shape)
        rows.append(tree.map_leaves(
            lambda g, shape=shape: g.reshape((*shape, *g.shape[1:])), found
        ))
    return tree.unflatten(definition, rows), extra


def _columns(call: Lifted) -> tuple[Any, tuple]:
    """The derivatives, forwards along each entry of what is differentiated by."""
    backend = current_backend()
    inputs, definition = tree.flatten(call.point)
    value, extra = call.pure(call.point)
    zeros = [_zeros(leaf) for leaf in inputs]
    columns: list[list[Any]] = []
    for i, leaf in enumerate(inputs):

        def ahead(basis: Any, i: int = i) -> Any:
            tangent = tree.unflatten(definition, [*zeros[:i], basis, *zeros[i + 1:]])
            return backend.jvp(lambda p: call.pure(p)[0], (call.point,), (tangent,))[1]

        found = backend.vmap(ahead, 0, -1)(_basis(leaf))
        shape = tuple(leaf.shape)
        columns.append([
            c.reshape((*c.shape[:-1], *shape)) for c in tree.leaves(found)
        ])
    rows = [tree.unflatten(definition, list(row)) for row in zip(*columns)]
    return tree.unflatten(tree.flatten(value)[1], rows), extra


def _zeros(leaf: Any) -> Any:
    return current_backend().xp.zeros_like(leaf)


def _basis(leaf: Any) -> Any:
    """The unit arrays of a leaf's shape, one after the other along a first axis."""
    backend = current_backend()
    size = int(np.prod(leaf.shape, dtype=int))
    return backend.asarray(np.eye(size, dtype="float32").reshape((size, *leaf.shape)),
                           dtype_name(leaf.dtype))


def hessian(function: Callable, variables: Variables = None, argnums: int = 0) -> Callable:
    """A function that gives all second derivatives of a scalar `function`.

    Args:
        function: returns a scalar.
        variables: what to differentiate by; an argument where None.
        argnums: position of the argument, an array or a tree of arrays.

    Returns:
        A function of the same arguments: an array of shape `(*x.shape, *x.shape)` for an
        array `x`; for trees and variables a tree of trees, a list of lists.

    >>> import highlevel as hl
    >>> hessian(lambda x: hl.ops.prod(x))(hl.ops.array([2.0, 5.0])).tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    return jacobian(grad(function, variables, argnums=argnums), variables, argnums)


def vmap(function: Callable, in_axes: Any = 0, out_axes: int = 0) -> Callable:
    """`function` mapped over an axis of its arguments, the results stacked.

    Args:
        function: of single entries; random numbers must be drawn outside of it.
        in_axes: axis of the arguments that is mapped: an integer for all, or a tuple with
            an integer or None (not mapped) per argument. It holds for all leaves of a tree.
        out_axes: axis of the results that holds the entries.

    Returns:
        The mapped function, of positional arguments.

    Raises:
        ValueError: mapped axes of different lengths, none at all, or a function that assigns
            to a variable, of which there is only one for all entries.

    >>> import highlevel as hl
    >>> vmap(hl.ops.dot)(hl.ops.ones((3, 2)), hl.ops.ones((3, 2))).tolist()
    [2.0, 2.0, 2.0]
    """

    def single(*args: Any) -> Any:
        with StatelessScope() as scope:
            result = function(*args)
        if scope.updates:
            raise ValueError(
                f"The function given to `vmap` assigns to '{next(iter(scope.updates)).path}', "
                "of which there is only one for all entries. Draw random numbers and update "
                "state outside of it, or call it on the whole batch."
            )
        return result

    def mapped(*args: Any) -> Any:
        _check_axes(args, in_axes)
        return current_backend().vmap(single, in_axes, out_axes)(*[arrays(a) for a in args])

    return mapped


def _check_axes(args: tuple, in_axes: Any) -> None:
    several = isinstance(in_axes, (list, tuple))
    axes: tuple[Any, ...] = tuple(in_axes) if several else (in_axes,) * len(args)
    if len(axes) != len(args):
        raise ValueError(
            f"`in_axes` of `vmap` has {len(axes)} entries, but the function was called with "
            f"{len(args)} arguments."
        )
    lengths = {}
    for i, (argument, axis) in enumerate(zip(args, axes)):
        if axis is None:
            continue
        for leaf in tree.leaves(argument):
            shape = np.shape(leaf) if not hasattr(leaf, "shape") else tuple(leaf.shape)
            if not -len(shape) <= axis < len(shape):
                raise ValueError(
                    f"`vmap` maps axis {axis} of argument {i}, which has the shape {shape}."
                )
            lengths[f"argument {i} {shape}, axis {axis}"] = shape[axis]
    if not lengths:
        raise ValueError("`vmap` needs an argument that is mapped; all `in_axes` are None.")
    if len(set(lengths.values())) > 1:
        raise ValueError(
            "The mapped axes of `vmap` differ in length: "
            + "; ".join(f"{where}: {n}" for where, n in lengths.items()) + "."
        )
