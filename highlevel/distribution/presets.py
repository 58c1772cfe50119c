"""Layouts for whole models: everything divided, or products cut between devices."""

from __future__ import annotations

from typing import Any

from highlevel.distribution.layouts import LayoutMap, TensorLayout
from highlevel.distribution.mesh import DeviceMesh

__all__ = ["fully_sharded", "tensor_parallel"]


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
        there is none.
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
        ]
        if free:
            axes[-max(free)[1]] = axis
        found[variable.path] = TensorLayout(axes, device_mesh)
    return found


def tensor_parallel(model: Any, device_mesh: DeviceMesh, axis: str = "model") -> LayoutMap:
    """Products cut between the devices of an axis of the mesh (Megatron's pairs).

    Of two `Dense` layers in a row the first is divided by its features and the second by what
    it sums over, so that one exchange per pair suffices; attention is divided by heads,
    embeddings by features. Source: Shoeybi et al., 2019, "Megatron-LM: training
    multi-billion parameter language models using model parallelism".

    Args:
        model: built; its weights need not exist yet.
        device_mesh: the mesh.
        axis: name of its axis for products.

    Returns:
        The `LayoutMap`, by the variables' paths; what does not divide evenly stays whole.
    """
    parts = device_mesh.length(axis)
    found = LayoutMap(device_mesh)

    def divide(variable: Any, place: int) -> bool:
        if variable is None or variable.shape[place] % parts:
            return False
        axes: list[Any] = [None] * len(variable.shape)
        axes[place] = axis
        if variable.path not in found:
            found[variable.path] = TensorLayout(axes, device_mesh)
        return True

    divided = False  # whether the last Dense layer's features are
    for layer in model._flatten_layers(include_self=False, recursive=True):
        kind = type(layer).__name__
        if kind in ("MultiHeadAttention", "GroupedQueryAttention"):
            for name in ("query", "key", "value"):
                dense = getattr(layer, f"{name}_dense", None)
                if dense is not None and divide(dense.kernel, 1):
                    divide(dense.bias, 0)
            dense = getattr(layer, "output_dense", None)
            if dense is not None:
                divide(dense.kernel, 0)
            divided = False
        elif kind == "Dense":
            if divided:
                divide(layer.kernel, 0)
                divided = False
            elif divide(layer.kernel, 1):
                divide(layer.bias, 0)
                divided = True
        elif kind == "Embedding":
            divide(layer.embeddings, 1)
    return found
