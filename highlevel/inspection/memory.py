"""`memory()`: which arrays there are, how large they are, and who holds them."""

from __future__ import annotations

import gc
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from highlevel_backend import canonical_name
from highlevel_backend.registry import loaded_backends

from highlevel.inspection.tables import Shown, Table, readable_size
from highlevel.optimizers import Optimizer
from highlevel.training.trainer import Trainer
from highlevel.variable import Variable

__all__ = ["Holding", "Memory", "memory"]

_OUTSIDE = "(no model)"


@dataclass(frozen=True)
class Holding:
    """One array, or one that a variable will hold once it is needed.

    Attributes:
        owner: name of the model; `"(no model)"` for what belongs to none.
        what: "weights", "states" (of seeds and of layers that carry some from call to call),
            "optimizer", "metrics", "variables" (that belong to no model), "copies" (of variables,
            for another backend than the one that holds them), or "arrays" (data, results: all
            that is no variable's).
        name: path of the variable; empty for other arrays.
        backend: name of the backend that holds it.
        shape, dtype: of the array.
        bytes: how many it takes; 0 while it is pending.
        pending: bytes that it will take once it exists.
    """

    owner: str
    what: str
    name: str
    backend: str
    shape: tuple[int, ...]
    dtype: str
    bytes: int
    pending: int = 0


class Memory(Shown):
    """What `memory()` found; prints as tables by owner, and of the largest arrays.

    Attributes:
        holdings: one `Holding` per array, each once.
    """

    def __init__(self, holdings: list[Holding]) -> None:
        self.holdings = holdings

    @property
    def total(self) -> int:
        """Bytes of all arrays together."""
        return sum(each.bytes for each in self.holdings)

    @property
    def pending(self) -> int:
        """Bytes that variables will take besides, once they are needed."""
        return sum(each.pending for each in self.holdings)

    def by_owner(self) -> dict[tuple[str, str, str], int]:
        """`(owner, what, backend)` → bytes, in the order in which they were found."""
        found: dict[tuple[str, str, str], int] = {}
        for each in self.holdings:
            key = (each.owner, each.what, each.backend)
            found[key] = found.get(key, 0) + each.bytes
        return found

    def to_dicts(self) -> list[dict[str, Any]]:
        """The holdings as plain values."""
        return [asdict(each) for each in self.holdings]

    def _tables(self) -> list[Table]:
        counts: dict[tuple[str, str, str], int] = {}
        waiting: dict[tuple[str, str, str], int] = {}
        for each in self.holdings:
            key = (each.owner, each.what, each.backend)
            counts[key] = counts.get(key, 0) + 1
            waiting[key] = waiting.get(key, 0) + each.pending
        rows = [
            [*key, str(counts[key]), readable_size(size),
             readable_size(waiting[key]) if waiting[key] else ""]
            for key, size in self.by_owner().items()
        ]
        columns = ["owner", "what", "backend", "arrays", "size", "pending"]
        title = f"Memory: {readable_size(self.total)} in arrays"
        largest = sorted(self.holdings, key=lambda each: -each.bytes)
        return [
            Table(title, columns, rows, {"arrays", "size", "pending"}),
            Table(
                "Largest arrays", ["owner", "what", "name", "array", "size"],
                [
                    [each.owner, each.what, each.name, f"{each.dtype}{each.shape}",
                     readable_size(each.bytes)]
                    for each in largest[:8] if each.bytes
                ],
                {"size"},
            ),
        ]


def memory(model: Any = None) -> Memory:
    """Which arrays there are, and who holds them, on all backends that were used.

    Each array counts once. Found are the variables of models with their optimizers and
    metrics, variables outside of models, copies of variables for a second backend, and, where
    the backend keeps count (JAX does, NumPy does not), all other arrays.

    Args:
        model: look at this model alone.

    Returns:
        `Memory`, which prints as tables; `.total`, `.by_owner()` and `.holdings` to count with.

    Raises:
        TypeError: `model` is no model.

    >>> import highlevel as hl
    >>> net = hl.Sequential([hl.Input((3,)), hl.layers.Dense(2)], name="net")
    >>> hl.memory(net).pending
    32
    >>> _ = net.get_weights()
    >>> found = hl.memory(net)
    >>> found.total, found.pending, [each.shape for each in found.holdings]
    (32, 0, [(3, 2), (2,)])
    """
    if model is not None and not isinstance(model, Trainer):
        raise TypeError(f"`memory` takes a model or nothing; got a {type(model).__name__}.")
    seen: dict[int, Any] = {}  # keeps what it has seen, so that no id is given twice
    holdings: list[Holding] = []
    if model is not None:
        _of_model(model, seen, holdings)
        return Memory(holdings)
    objects = gc.get_objects()
    models = [each for each in objects if isinstance(each, Trainer) and "_trainer" in vars(each)]
    inner = {
        id(layer) for each in models for layer in each._flatten_layers(include_self=False)
    }
    for each in models:
        if id(each) not in inner:
            _of_model(each, seen, holdings)
    for each in objects:
        if isinstance(each, Optimizer):
            _of_variables(each.variables, _OUTSIDE, "optimizer", seen, holdings)
    _of_variables(
        [each for each in objects if isinstance(each, Variable)], _OUTSIDE, "variables", seen,
        holdings,
    )
    del objects
    for backend in loaded_backends():
        for array in backend.live_arrays():
            if id(array) not in seen:
                holdings.append(_holding(array, _OUTSIDE, "arrays", "", backend.name))
    return Memory(holdings)


def _of_model(model: Any, seen: dict[int, Any], holdings: list[Holding]) -> None:
    name = model.name
    weights = model.weights
    _of_variables(weights, name, "weights", seen, holdings)
    known = set(weights)
    _of_variables([v for v in model.variables if v not in known], name, "states", seen, holdings)
    _of_variables(model.metrics_variables, name, "metrics", seen, holdings)
    optimizer = model.optimizer
    if optimizer is not None:
        _of_variables(optimizer.variables, name, "optimizer", seen, holdings)


def _of_variables(
    variables: Iterable[Variable], owner: str, what: str, seen: dict[int, Any],
    holdings: list[Holding],
) -> None:
    for variable in variables:
        if id(variable) in seen:
            continue
        seen[id(variable)] = variable
        if variable.is_pending:
            holdings.append(Holding(
                owner, what, variable.path, "", variable.shape, variable.dtype, 0, variable.nbytes,
            ))
        for place, (backend, array) in enumerate(variable.held()):
            if id(array) not in seen:
                seen[id(array)] = array
                kind = "copies" if place else what
                holdings.append(_holding(array, owner, kind, variable.path, backend.name))


def _holding(array: Any, owner: str, what: str, name: str, backend: str) -> Holding:
    shape = tuple(array.shape)
    size = getattr(array, "nbytes", None)
    if size is None:
        size = math.prod(shape) * array.dtype.itemsize
    try:
        dtype = canonical_name(array.dtype)
    except (TypeError, ValueError):  # such as a library's typed random key
        dtype = str(array.dtype)
    return Holding(owner, what, name, backend, shape, dtype, int(size))
