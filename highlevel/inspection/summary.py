"""The table of a model's layers."""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Callable
from typing import Any

from highlevel_backend import tree

from highlevel.inspection.tables import readable_size
from highlevel.symbolic import SymbolicTensor
from highlevel.variable import Variable

__all__ = ["print_summary"]

def _shape_text(structure: Any) -> str:
    shapes = [tensor.shape for tensor in tree.leaves(structure) if type(tensor) is SymbolicTensor]
    if not shapes:
        return "?"
    return "\n".join(str(tuple(shape)) for shape in shapes)


def _output_text(layer: Any) -> str:
    try:
        return _shape_text(layer.output)
    except AttributeError:
        return "?"


def _parameters(layer: Any) -> str:
    if not layer.built:
        return "0 (unbuilt)"
    return f"{sum(v.size for v in layer.weights):,}"


def _connections(layer: Any, nodes: set) -> str:
    found = []
    for node in layer._inbound_nodes:
        if nodes and node not in nodes:
            continue
        for tensor in node.inputs:
            if tensor.node is not None:
                found.append(f"{tensor.node.operation.name}[{tensor.index}][0]"
                             if len(tensor.node.outputs) > 1
                             else f"{tensor.node.operation.name}[0][0]")
    return ", ".join(found) if found else "-"


def _is_chain(model: Any) -> bool:
    graph = getattr(model, "_graph", None)
    if graph is None:
        return True
    return all(
        len(node.inputs) <= 1 for node in graph.nodes
    ) and len(graph.inputs) == 1 and len({id(n.operation) for n in graph.nodes}) == len(graph.nodes)


def _chosen(layers: list, layer_range: Any) -> list:
    """The layers from the first that matches one pattern to the last that matches the other.

    Raises:
        ValueError: not two patterns, or no layer matches one.
    """
    if layer_range is None:
        return layers
    if len(layer_range) != 2:
        raise ValueError(f"`layer_range` must be two patterns; got {layer_range!r}.")
    ends = []
    for pattern in layer_range:
        found = [i for i, layer in enumerate(layers) if re.match(pattern, layer.name)]
        if not found:
            raise ValueError(
                f"`layer_range`: no layer's name matches {pattern!r}. Layers: "
                f"{[layer.name for layer in layers]}."
            )
        ends.append(found)
    first, last = ends[0][0], ends[1][-1]
    return layers[min(first, last): max(first, last) + 1]


def _rows(
    model: Any, layers: list, connected: bool, expand_nested: bool, show_trainable: bool,
    show_settings: bool, depth: int,
) -> list[list[str]]:
    nodes = set(model._graph.nodes) if hasattr(model, "_graph") else set()
    rows = []
    for layer in layers:
        mark = "   " * depth + ("└ " if depth else "")
        row = [f"{mark}{layer.name} ({type(layer).__name__})", _output_text(layer),
               _parameters(layer)]
        if connected:
            row.append(_connections(layer, nodes))
        if show_trainable:
            row.append("Y" if layer.trainable and layer.weights else
                       "N" if layer.weights else "-")
        if show_settings:
            row.append(_settings(layer))
        rows.append(row)
        if expand_nested and hasattr(layer, "layers"):
            rows += _rows(layer, list(layer.layers), connected, True, show_trainable,
                          show_settings, depth + 1)
    return rows


def _settings(layer: Any) -> str:
    """What a layer has set for its training."""
    told = []
    if layer.learning_rate_multiplier != 1:
        told.append(f"rate × {layer.learning_rate_multiplier:g}")
    if layer.weight_decay is not None:
        told.append(f"decay {layer.weight_decay:g}")
    return ", ".join(told) or "-"


def _counted(variables: list[Variable]) -> str:
    count = sum(v.size for v in variables)
    return f"{count:,} ({readable_size(sum(v.nbytes for v in variables))})"


def print_summary(
    model: Any,
    line_length: int | None = None,
    positions: Any = None,
    print_fn: Callable | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
    layer_range: Any = None,
) -> None:
    """Print the table of a model's layers; see `Model.summary`."""
    import rich.box  # heavy: only where a table is shown
    import rich.console
    import rich.table

    graph = getattr(model, "_graph", None)
    connected = graph is not None and not _is_chain(model)
    layers = graph.layers if graph is not None else list(model.layers)
    layers = _chosen(list(layers), layer_range)
    headers = ["Layer (type)", "Output Shape", "Param #"]
    if connected:
        headers.append("Connected to")
    if show_trainable:
        headers.append("Trainable")
    show_settings = bool(model._training_settings())
    if show_settings:
        headers.append("Training")
    table = rich.table.Table(
        show_lines=True, box=rich.box.HEAVY_HEAD, width=line_length, header_style="bold"
    )
    for header in headers:
        table.add_column(header, justify="right" if header == "Param #" else "left",
                         overflow="fold", ratio=3 if header != "Param #" else 2)
    for row in _rows(model, layers, connected, expand_nested, show_trainable,
                     show_settings, 0):
        table.add_row(*(cell.replace("[", "\\[")
                        for cell in row))
    weights = model.weights
    trainable = [v for v in weights if v.trainable]
    frozen = [v for v in weights if not v.trainable]
    slots = list(model.optimizer.variables) if getattr(model, "optimizer", None) is not None else []
    lines = [
        f" Total params: {_counted(weights + slots)}",
        f" Trainable params: {_counted(trainable)}",
        f" Non-trainable params: {_counted(frozen)}",
    ]
    if slots:
        lines.append(f" Optimizer params: {_counted(slots)}")
    title = f'Model: "{model.name}"'
    width = line_length or min(shutil.get_terminal_size((100, 24)).columns, 100)
    printed = io.StringIO()
    if print_fn is None:
        console = rich.console.Console(highlight=False)
        if not console.is_terminal:
            console = rich.console.Console(highlight=False, width=width, soft_wrap=False)
    else:
        console = rich.console.Console(
            highlight=False, width=width, file=printed, force_terminal=False)
    console.print(f"[bold]{title}[/bold]")
    console.print(table)
    for line in lines:
        console.print(line)
    if print_fn is not None:
        text = printed.getvalue()
        if print_fn is print:
            print(text)
        else:
            print_fn(text)
