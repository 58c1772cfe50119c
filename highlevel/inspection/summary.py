"""The table of a model's layers."""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from highlevel_backend import tree

from highlevel.inspection.picture import show_in_notebook
from highlevel.inspection.tables import Table, html_of, readable_size
from highlevel.symbolic import SymbolicTensor
from highlevel.variable import Variable

__all__ = ["Summary", "print_summary"]

_MOST = 1000  # rows of a table


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


@dataclass
class _Row:
    """A layer's cells, and the rows of the layers inside."""

    cells: list[str]
    inner: list[_Row]


def _rows(
    model: Any, layers: list, columns: Sequence[str], above: frozenset[int] = frozenset()
) -> list[_Row]:
    nodes = set(model._graph.nodes) if hasattr(model, "_graph") else set()
    rows = []
    for layer in layers:
        row = [f"{layer.name} ({type(layer).__name__})", _output_text(layer), _parameters(layer)]
        if "Connected to" in columns:
            row.append(_connections(layer, nodes))
        if "Trainable" in columns:
            row.append("Y" if layer.trainable and layer.weights else
                       "N" if layer.weights else "-")
        if "Training" in columns:
            row.append(_settings(layer))
        inside = [] if id(layer) in above else list(getattr(layer, "layers", ()))
        rows.append(_Row(row, _rows(layer, inside, columns, above | {id(layer)})))
    return rows


def _flat(rows: list[_Row], expand: bool, depth: int = 0) -> Iterator[list[str]]:
    """The cells of rows, those of layers inside set in where they are asked for."""
    mark = "   " * depth + ("└ " if depth else "")
    for row in rows:
        yield [mark + row.cells[0], *row.cells[1:]]
        if expand:
            yield from _flat(row.inner, True, depth + 1)


class Summary:
    """The table of a model's layers; shows itself as HTML in notebooks, where models inside open.

    Args:
        model: the model.
        expand_nested: whether the layers of models inside are shown at first.
        show_trainable: whether the text has a column for it; HTML always has.
        layer_range: two patterns of the names of the first layer and the last.

    Raises:
        ValueError: `layer_range` is not two patterns, or no layer matches one.
    """

    def __init__(
        self, model: Any, expand_nested: bool = False, show_trainable: bool = False,
        layer_range: Any = None,
    ) -> None:
        graph = getattr(model, "_graph", None)
        layers = graph.layers if graph is not None else list(model.layers)
        layers = _chosen(list(layers), layer_range)
        self.columns = ["Layer (type)", "Output Shape", "Param #"]
        if graph is not None and not _is_chain(model):
            self.columns.append("Connected to")
        self.columns.append("Trainable")
        if model._training_settings():
            self.columns.append("Training")
        self.title = f'Model: "{model.name}"'
        self.totals = _totals(model)
        self._expand, self._show_trainable = expand_nested, show_trainable
        self._rows = _rows(model, layers, self.columns)

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Columns and rows of the text."""
        rows = list(_flat(self._rows, self._expand))
        if self._show_trainable:
            return self.columns, rows
        at = self.columns.index("Trainable")
        return [n for n in self.columns if n != "Trainable"], [r[:at] + r[at + 1:] for r in rows]

    def _repr_html_(self) -> str:
        body = self._html(self._rows, self.title)
        return html_of([], body + "".join(f"<p>{escape(line)}</p>" for line in self.totals))

    def _html(self, rows: list[_Row], title: str) -> str:
        parts = [Table(title, self.columns, [], {"Param #"}).html().removesuffix(
            "</tbody></table>")]
        for row in rows[:_MOST]:
            cells = [
                f'<td class="hl-r">{escape(cell)}</td>' if name == "Param #" else
                f"<td>{escape(cell)}</td>" for name, cell in zip(self.columns, row.cells)
            ]
            cells[0] = f'<th scope="row">{escape(row.cells[0])}</th>'
            parts.append(f"<tr>{''.join(cells)}</tr>")
            if row.inner:
                name = row.cells[0].partition(" (")[0]
                count = f"{len(row.inner)} layer{'s' if len(row.inner) != 1 else ''}"
                parts.append(
                    f'<tr><td colspan="{len(cells)}"><details{" open" if self._expand else ""}>'
                    f"<summary>{count} of {escape(name)}</summary>"
                    f"{self._html(row.inner, name)}</details></td></tr>")
        parts.append("</tbody></table>")
        if len(rows) > _MOST:
            parts.append(f"<p>... and {len(rows) - _MOST:,} layers more</p>")
        return "".join(parts)

    def __repr__(self) -> str:
        columns, rows = self.table()
        return str(Table(self.title, columns, rows, {"Param #"}, self.totals))


def _totals(model: Any) -> list[str]:
    weights = model.weights
    slots = list(model.optimizer.variables) if getattr(model, "optimizer", None) is not None else []
    lines = [
        f"Total params: {_counted(weights + slots)}",
        f"Trainable params: {_counted([v for v in weights if v.trainable])}",
        f"Non-trainable params: {_counted([v for v in weights if not v.trainable])}",
    ]
    if slots:
        lines.append(f"Optimizer params: {_counted(slots)}")
    return lines


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
    summary = Summary(model, expand_nested, show_trainable, layer_range)
    if print_fn is None and line_length is None and show_in_notebook(summary):
        return
    import rich.box  # heavy: only where a table is shown
    import rich.console
    import rich.table

    table = rich.table.Table(
        show_lines=True, box=rich.box.HEAVY_HEAD, width=line_length, header_style="bold"
    )
    columns, rows = summary.table()
    for header in columns:
        table.add_column(header, justify="right" if header == "Param #" else "left",
                         overflow="fold", ratio=3 if header != "Param #" else 2)
    for row in rows:
        table.add_row(*(cell.replace("[", "\\[") for cell in row))
    width = line_length or min(shutil.get_terminal_size((100, 24)).columns, 100)
    printed = io.StringIO()
    if print_fn is None:
        console = rich.console.Console(highlight=False)
        if not console.is_terminal:
            console = rich.console.Console(highlight=False, width=width, soft_wrap=False)
    else:
        console = rich.console.Console(
            highlight=False, width=width, file=printed, force_terminal=False)
    console.print(f"[bold]{summary.title}[/bold]")
    console.print(table)
    for line in summary.totals:
        console.print(f" {line}")
    if print_fn is not None:
        text = printed.getvalue()
        if print_fn is print:
            print(text)
        else:
            print_fn(text)
