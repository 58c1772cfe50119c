"""Layouts for whole models: everything divided."""

from __future__ import annotations

from typing import Any

from highlevel.distribution.layouts import LayoutMap, TensorLayout
from highlevel.distribution.mesh import DeviceMesh

__all__ = ["fully_sharded"]


def fully_sharded(
    model: Any, device_mesh: DeviceMesh, axis: str | None = None, layout_map: Any = None
) -> LayoutMap:
    """Every weight divided over one axis of the mesh, gathered where it is used (FSDP).

    With the batch divided over the same axis, each device keeps a part of each weight and of
    its optimizer state.

    Args:
        model: built; its weights need not exist yet.
        device_mesh: the mesh.
        axis: name of the axis; the mesh's first where None.
        layout_map: what these layouts are added to, e.g. that of `tensor_parallel`; a new
            `LayoutMap` where None.

    Returns:
        The `LayoutMap`: per variable its longest free axis that divides evenly; whole where
        there is none, and states that layers carry, such as moving averages.
    """
    axis = axis or device_mesh.axis_names[0]
    parts = device_mesh.length(axis)
    before = layout_map if layout_map is not None else LayoutMap(device_mesh)
    found = LayoutMap(device_mesh)
    for variable in model.weights:
        known = before[variable.path]
        axes: list[Any] = list(known.axes if known is not None else ())
        axes += [None] * (len(variable.shape) - len(axes))
        free = [
            (length, -i) for i, length in enumerate(variable.shape)
            if axes[i] is None and length >= parts and length % parts == 0
        ] if variable.born_trainable else []
        if free:
            axes[-max(free)[1]] = axis
        found[variable.path] = TensorLayout(axes, device_mesh)
    for path, layout in before.items():  # of outputs
        if path not in found:
            found[path] = layout
    return found
