"""The distribution in force, and tensors placed by hand."""

from __future__ import annotations

from typing import Any

from highlevel_backend import current_backend

from highlevel.distribution.layouts import TensorLayout
from highlevel.distribution.strategies import Distribution
from highlevel.state import active_distribution, default_distribution
from highlevel.variable import plain

__all__ = ["distribute_tensor", "distribution", "set_distribution"]


def distribution() -> Any:
    """The distribution in force here, None where there is none."""
    return active_distribution()


def set_distribution(value: Distribution | None) -> None:
    """Make a distribution that of the whole process; None takes it away.

    `with distribution.scope():` does so for a block.

    Raises:
        TypeError: no `Distribution`.
    """
    if value is not None and not isinstance(value, Distribution):
        raise TypeError(
            f"`set_distribution` takes a DataParallel, a ModelParallel or None; got {value!r} of "
            f"type {type(value).__name__}."
        )
    default_distribution[0] = value


def distribute_tensor(tensor: Any, layout: Any) -> Any:
    """`tensor` divided as a layout says.

    Inside a compiled function it is a demand on the compiler.

    Args:
        tensor: array or variable.
        layout: `TensorLayout` with a mesh, or the backend's own layout.

    Returns:
        The array.
    """
    if isinstance(layout, TensorLayout):
        layout = layout.backend_layout
    return current_backend().shard(plain(tensor), layout)
