"""A model's graph in Graphviz's language."""

from __future__ import annotations

from html import escape

from highlevel.inspection.model_graph import Box, BoxGraph
from highlevel.inspection.svg import ACCENTS

__all__ = ["dot_of"]


def dot_of(
    graph: BoxGraph, direction: str = "TB", dpi: int = 200, splines: str = "ortho",
    subgraph: bool = False,
) -> str:
    """The text of a `.dot` file.

    Args:
        graph: what is drawn.
        direction: `rankdir` of Graphviz.
        dpi, splines: attributes of Graphviz.
        subgraph: a cluster within a `digraph` without attributes of its own.

    Returns:
        Text; models drawn out are clusters.
    """
    lines: list[str] = []
    edges: list[str] = []
    _write(graph, "n", lines, edges, "  ")
    if subgraph:
        inner = "\n".join(f"  {line}" for line in lines + edges)
        return (f"digraph G {{\n  subgraph {_quoted('cluster_' + graph.name)} {{\n"
                f"    style=dashed; label={_quoted(graph.name)}; labeljust=l;\n"
                f"{inner}\n  }}\n}}\n")
    head = [
        f"  rankdir={direction}; dpi={dpi}; splines={_quoted(splines)};",
        '  node [shape=plain, fontname="Helvetica"];',
    ]
    return "\n".join(["digraph G {", *head, *lines, *edges, "}", ""])


def _write(
    graph: BoxGraph, prefix: str, lines: list[str], edges: list[str], indent: str
) -> None:
    """Write the boxes; of one drawn out, lines come to its first box and leave from its last."""
    for at, box in enumerate(graph.boxes):
        name = f"{prefix}_{at}"
        if box.inner is not None and box.inner.boxes:
            lines.append(f"{indent}subgraph cluster_{name} {{ style=dashed; labeljust=l; "
                         f"label={_quoted(f'{box.name} ({box.kind})'.strip())};")
            _write(box.inner, name, lines, edges, indent + "  ")
            lines.append(f"{indent}}}")
        else:
            lines.append(f"{indent}{name} [label=<{_label(box)}>];")
    invisible = "" if graph.ordered else " [style=invis]"
    for source, target in graph.edges:
        edges.append(f"  {_end(graph, prefix, source, last=True)} -> "
                     f"{_end(graph, prefix, target, last=False)}{invisible};")


def _end(graph: BoxGraph, prefix: str, at: int, last: bool) -> str:
    inner = graph.boxes[at].inner
    name = f"{prefix}_{at}"
    if inner is None or not inner.boxes:
        return name
    return _end(inner, name, len(inner.boxes) - 1 if last else 0, last)


def _label(box: Box) -> str:
    kind = escape(box.kind)
    head = f"<b>{escape(box.name)}</b> ({kind})" if box.name else f"<b>{kind}</b>"
    rows = [f'<tr><td bgcolor="{ACCENTS[box.family]}22">{head}</td></tr>']
    rows += [f"<tr><td>{escape(text)}</td></tr>" for text in [box.details, *box.marks] if text]
    return ('<table border="0" cellborder="1" cellspacing="0" cellpadding="5">'
            + "".join(rows) + "</table>")


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
