"""Functions that read and assign variables, as pure functions that can be differentiated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from highlevel_backend import tree

from highlevel.ops.dispatch import array
from highlevel.state import StatelessScope, current_scope
from highlevel.variable import Variable

__all__ = ["Lifted", "arrays", "checked_variables"]


def checked_variables(variables: Any, caller: str) -> list[Variable] | None:
    """The list of variables that a derivative is taken by; None stays None.

    Raises:
        TypeError: something in it is no variable.
    """
    if variables is None:
        return None
    if isinstance(variables, Variable):
        raise TypeError(f"`variables` of `{caller}` must be a list; got one Variable. Write "
                        "`variables=[variable]`.")
    chosen = list(variables)
    for variable in chosen:
        if not isinstance(variable, Variable):
            raise TypeError(
                f"`variables` of `{caller}` must be a list of Variables; it holds {variable!r}. "
                "For a derivative by an argument leave `variables` out."
            )
    return chosen


def arrays(values: Any) -> Any:
    """A tree with numbers, lists' entries and variables as arrays."""
    return tree.map_leaves(array, values)


class Lifted:
    """One call of a function, as a pure function of what a derivative is taken by.

    What the function assigns to variables (moving averages, states of random generators)
    and the losses that layers add leave the derivative beside the value, and take effect by
    `finish`: nothing traced stays behind in a variable.

    Args:
        function: the function; its second result is passed through with `has_aux`.
        variables: what to differentiate by, or None for arguments.
        argnums: position, or tuple of positions, of those arguments.
        args, kwargs: of the call.
        caller: name for errors.

    Attributes:
        point: a list with one array per variable, the argument, or a tuple of arguments.

    Raises:
        TypeError: there is no argument at such a position.
    """

    def __init__(
        self, function: Callable, variables: Sequence[Variable] | None,
        argnums: int | Sequence[int], has_aux: bool, args: tuple, kwargs: dict, caller: str,
    ) -> None:
        self._function = function
        self._variables = variables
        self._args = args
        self._kwargs = kwargs
        self._has_aux = has_aux
        self._several = not isinstance(argnums, int)
        self._positions = tuple(argnums) if isinstance(argnums, Sequence) else (argnums,)
        self._assigned: list[Variable] = []
        if variables is not None:
            self.point: Any = [variable._own_value() for variable in variables]
            return
        for position in self._positions:
            if not -len(args) <= position < len(args):
                raise TypeError(
                    f"`{caller}` differentiates by the argument at position {position}, but the "
                    f"function was called with {len(args)} positional arguments. Pass it by "
                    "position, or choose another with `argnums`; for the derivative by variables "
                    "give `variables=[...]`."
                )
        chosen = tuple(arrays(args[position]) for position in self._positions)
        self.point = chosen if self._several else chosen[0]

    def pure(self, point: Any) -> tuple[Any, Any]:
        """`(value, (aux, assigned values, losses))` at a point."""
        outer = current_scope.get()
        mapping: Any = ()
        args = self._args
        if self._variables is not None:
            mapping = zip(self._variables, point)
        else:
            parts = point if self._several else (point,)
            positions = [position % len(args) for position in self._positions]
            replaced = list(args)
            for position, part in zip(positions, parts):
                replaced[position] = part
            args = tuple(replaced)
        collect = outer is not None and outer.collect_losses
        with StatelessScope(mapping, collect_losses=collect) as scope:
            result = self._function(*args, **self._kwargs)
        self._assigned = list(scope.updates)
        value, aux = result if self._has_aux else (result, None)
        return value, (aux, list(scope.updates.values()), scope.losses)

    def finish(self, extra: tuple) -> Any:
        """Make the assignments; returns the function's second result."""
        aux, updates, losses = extra
        for variable, update in zip(self._assigned, updates):
            variable.assign(update)
        outer = current_scope.get()
        if outer is not None and outer.collect_losses:
            outer.losses.extend(losses)
        return aux
