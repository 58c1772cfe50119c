"""What recurrent layers ask of a cell, and the answers for cells that leave them out."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from highlevel_backend import current_backend, tree

from highlevel.layers.layer import Layer
from highlevel.layers.recurrent.cell import Step, filled
from highlevel.symbolic import SymbolicTensor

__all__ = [
    "caller",
    "check_cell",
    "initial_state_of",
    "output_size_of",
    "state_specs",
    "step_of",
]


def check_cell(cell: Any, owner: Layer) -> None:
    """Refuse what is no cell.

    Raises:
        ValueError: it has no `call` or no `state_size`.
    """
    for needed in ("call", "state_size"):
        if not hasattr(cell, needed):
            raise ValueError(
                f"{type(owner).__name__} '{owner.name}' needs cells with `call(inputs, states)` "
                f"and `state_size`; {cell!r} has no `{needed}`."
            )


def output_size_of(cell: Any) -> tuple[int, ...]:
    """Shape of a cell's output without the batch axis."""
    size = getattr(cell, "output_size", None)
    if size is None:
        size = cell.state_size
        if isinstance(size, (list, tuple)):
            size = size[0]
    return tuple(size) if isinstance(size, (list, tuple)) else (int(size),)


def step_of(cell: Any, step_shape: Any, training: bool | None) -> Step:
    """A cell's step in two halves; see `RecurrentCell.step_function`.

    The second half does it all for cells that have only `call`, and for subclasses of the
    built-in cells that write another `call`.
    """
    for cls in type(cell).__mro__:
        if "step_function" in cls.__dict__:
            return cell.step_function(step_shape, training)
        if "call" in cls.__dict__:
            break
    return _same, caller(cell, training, {})


def _same(inputs: Any) -> Any:
    return inputs


def caller(cell: Any, training: bool | None, kwargs: dict[str, Any]) -> Callable:
    """A cell's own call as a step."""
    arguments = dict(kwargs)
    if isinstance(cell, Layer) or "training" in inspect.signature(cell.call).parameters:
        arguments["training"] = training

    def step(inputs: Any, states: Any) -> Any:
        return cell(inputs, states, **arguments)

    vars(step)["calls_cell"] = True
    return step


def state_specs(cell: Any, batch: int | None, dtype: str) -> Any:
    """Symbolic states of a cell, in the structure that its `get_initial_state` gives."""
    cells = getattr(cell, "cells", None)
    if cells is not None:
        inner = [state_specs(one, batch, dtype) for one in cells]
        return [one if isinstance(one, list) else [one] for one in inner]
    return _sized(cell.state_size, batch, dtype)


def _sized(size: Any, batch: int | None, dtype: str) -> Any:
    if isinstance(size, (list, tuple)):
        return [_sized(one, batch, dtype) for one in size]
    return SymbolicTensor.of((batch, int(size)), dtype)


def initial_state_of(cell: Any, batch_size: Any, dtype: str) -> Any:
    """A cell's states before the first time step: its own, or zeros."""
    make = getattr(cell, "get_initial_state", None)
    if make is not None:
        return make(batch_size=batch_size)
    backend = current_backend()
    return tree.map_leaves(
        lambda spec: filled(backend, (batch_size, *spec.shape[1:]), 0.0, spec.dtype),
        state_specs(cell, None, dtype),
    )
