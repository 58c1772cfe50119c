"""What surrounds a call: where variables take their values from, and in which dtype.

A pure function over a model's variables is made by running the model inside a
`StatelessScope`: reads take the values given to the scope, assignments are collected in
it, and no variable changes.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from highlevel_backend import current_backend

if TYPE_CHECKING:
    from highlevel.variable import Variable

__all__ = [
    "AbstractScope",
    "StatelessScope",
    "SymbolicScope",
    "active_distribution",
    "autocast_dtype",
    "current_distribution",
    "current_scope",
    "default_distribution",
]

current_scope: ContextVar[StatelessScope | None] = ContextVar("highlevel_scope", default=None)
#: dtype name that floating variables are read in, or None for their own.
autocast_dtype: ContextVar[str | None] = ContextVar("highlevel_autocast", default=None)
#: the distribution in force in a block, and that of the process; see `distribution`
current_distribution: ContextVar[Any] = ContextVar("highlevel_distribution", default=None)
default_distribution: list[Any] = [None]


def active_distribution() -> Any:
    """The distribution in force here, None where there is none."""
    return current_distribution.get() or default_distribution[0]


class StatelessScope:
    """Within the block, variables are read from and written to a mapping.

    Args:
        state_mapping: pairs `(variable, value)`; variables not named keep their value.
        collect_losses: keep losses that layers add in `self.losses`.
        initialize_variables: accepted for the contract; variables are made on demand.

    Example:

    >>> import highlevel as hl
    >>> v = hl.Variable(1.0)
    >>> with StatelessScope([(v, hl.ops.convert_to_tensor(5.0))]) as scope:
    ...     v.assign_add(1.0) is None
    ...     float(v.value)
    False
    6.0
    >>> float(v.value), float(scope.get_current_value(v))
    (1.0, 6.0)
    """

    def __init__(
        self,
        state_mapping: Iterable[tuple[Variable, Any]] | None = None,
        collect_losses: bool = False,
        initialize_variables: bool = True,
    ) -> None:
        self.collect_losses = collect_losses
        self.initialize_variables = initialize_variables
        self.losses: list[Any] = []
        self.values: dict[Variable, Any] = dict(state_mapping or ())
        #: variables assigned in the block, in the order of their first assignment
        self.updates: dict[Variable, Any] = {}
        self._tokens: list = []
        self._outer: StatelessScope | None = None

    def __enter__(self) -> StatelessScope:
        self._outer = current_scope.get()
        self._tokens.append(current_scope.set(self))
        return self

    def __exit__(self, *exception: Any) -> None:
        current_scope.reset(self._tokens.pop())

    def read(self, variable: Variable) -> Any:
        """The variable's value here or in the scope around, or None where none knows it."""
        value = self.values.get(variable)
        if value is None and self._outer is not None:
            return self._outer.read(variable)
        return value

    def add_update(self, update: tuple[Variable, Any]) -> None:
        """Record `(variable, value)` as an assignment."""
        variable, value = update
        self.values[variable] = value
        self.updates[variable] = value

    def add_loss(self, loss: Any) -> None:
        """Keep a loss that a layer adds."""
        self.losses.append(loss)

    def add_loss_of(self, layer: Any, loss: Any) -> None:
        """Keep a loss that `layer` adds; for scopes that have to know whose it is."""
        self.add_loss(loss)

    def get_current_value(self, variable: Variable) -> Any:
        """The value given or assigned to the variable, or None."""
        return self.values.get(variable)


class AbstractScope(StatelessScope):
    """Every variable reads as zeros that take no memory; for shape inference alone."""

    def read(self, variable: Variable) -> Any:
        value = self.values.get(variable)
        if value is None:
            xp = current_backend().xp
            dtype = variable.dtype
            zero = current_backend().asarray(0 if dtype != "bool" else False, dtype)
            value = self.values[variable] = xp.broadcast_to(zero, variable.shape)
        return value


class SymbolicScope(AbstractScope):
    """Within the block only shapes and dtypes count, as when a model is built.

    Variables read as zeros that take no memory; assignments to them and losses that layers
    add are dropped with the block, so that a layer can be tried out and stays as it was.

    >>> import highlevel as hl
    >>> norm = hl.layers.BatchNormalization()
    >>> with hl.SymbolicScope():
    ...     norm(hl.ops.ones((2, 3)), training=True).shape
    (2, 3)
    >>> [float(x) for x in norm.moving_mean.value]
    [0.0, 0.0, 0.0]
    """

    def __init__(self) -> None:
        super().__init__(collect_losses=True)
