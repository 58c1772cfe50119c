"""Derivatives, the same on every backend."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from highlevel_backend import current_backend

from highlevel.state import StatelessScope, current_scope
from highlevel.variable import Variable

__all__ = ["grad", "value_and_grad"]


def value_and_grad(
    function: Callable, variables: Sequence[Variable] | None = None, has_aux: bool = False
) -> Callable:
    """A function that gives the value of `function` and its gradient.

    Args:
        function: returns a scalar, or `(scalar, aux)` with `has_aux`.
        variables: what to differentiate by; the first argument of `function`, a tree of
            arrays, where None. What the function assigns to other variables is kept.
        has_aux: the function returns a second value that is passed through.

    Returns:
        A function of the same arguments that returns `(value, gradient)`, or
        `((value, aux), gradient)` with `has_aux`. The gradient is a list, one array per
        variable, or a tree like the first argument.

    Raises:
        TypeError: the value is no scalar of floating dtype.

    >>> import highlevel as hl
    >>> w = hl.Variable(3.0)
    >>> value, (gradient,) = value_and_grad(lambda: w * w, [w])()
    >>> float(value), float(gradient)
    (9.0, 6.0)
    >>> value, gradient = value_and_grad(lambda x: hl.ops.sum(x ** 2))(hl.ops.ones((2,)))
    >>> [float(g) for g in gradient]
    [2.0, 2.0]
    """
    if variables is None:
        return current_backend().value_and_grad(function, has_aux=has_aux)
    chosen = list(variables)
    for variable in chosen:
        if not isinstance(variable, Variable):
            raise TypeError(
                f"`variables` must be a list of Variables; it holds {variable!r}. For the "
                "gradient by an argument leave `variables` out."
            )

    def differentiate(*args: Any, **kwargs: Any) -> Any:
        assigned: list[Variable] = []
        outer = current_scope.get()

        def pure(values: list) -> tuple[Any, tuple]:
            with StatelessScope(
                zip(chosen, values), collect_losses=outer is not None and outer.collect_losses
            ) as scope:
                result = function(*args, **kwargs)
            assigned[:] = scope.updates
            value, aux = result if has_aux else (result, None)
            return value, (aux, list(scope.updates.values()), scope.losses)

        values = [variable._own_value() for variable in chosen]
        (value, (aux, updates, losses)), gradient = current_backend().value_and_grad(
            pure, has_aux=True
        )(values)
        for variable, update in zip(assigned, updates):
            variable.assign(update)
        if outer is not None and outer.collect_losses:
            outer.losses.extend(losses)
        return ((value, aux) if has_aux else value), gradient

    return differentiate


def grad(function: Callable, variables: Sequence[Variable] | None = None) -> Callable:
    """A function that gives the gradient of a scalar `function`; see `value_and_grad`.

    >>> import highlevel as hl
    >>> float(grad(grad(lambda x: x ** 3))(hl.ops.convert_to_tensor(2.0)))
    12.0
    """
    both = value_and_grad(function, variables)
    return lambda *args, **kwargs: both(*args, **kwargs)[1]
