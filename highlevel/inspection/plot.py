"""`model.plot()`: the graph of a model as a picture."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

from highlevel.inspection.dot import dot_of
from highlevel.inspection.model_graph import BoxGraph, Shows, graph_of
from highlevel.inspection.raster import figure_of
from highlevel.inspection.scene import Scene, arrange
from highlevel.inspection.svg import svg_of

__all__ = ["Drawing", "draw_model"]

_DIRECTIONS = ("TB", "BT", "LR", "RL")


class Drawing:
    """The graph of a model, drawn; it shows itself in notebooks.

    Args:
        graph: boxes and lines.
        direction: of the lines: `"TB"`, `"BT"`, `"LR"` or `"RL"`.
        dpi: resolution of pictures of pixels.
        splines: how Graphviz is to draw lines, in `.dot` files.

    Attributes:
        graph: what is drawn, an `inspection.BoxGraph`.
        scene: the places of all that is drawn.

    Raises:
        ValueError: another direction.

    >>> import highlevel as hl
    >>> model = hl.Sequential([hl.Input((4,), name="x"), hl.layers.Dense(2, name="out")])
    >>> drawing = model.plot()
    >>> drawing
    <Drawing of Sequential 'sequential': 2 boxes>
    >>> [box.details for box in drawing.graph.boxes]
    ['(None, 4)', '(None, 2) · 10']
    """

    def __init__(
        self, graph: BoxGraph, direction: str = "TB", dpi: float = 200, splines: str = "ortho"
    ) -> None:
        if direction not in _DIRECTIONS:
            raise ValueError(
                f"`rankdir`, the direction of a drawing, is one of {', '.join(_DIRECTIONS)}; got "
                f"{direction!r}."
            )
        self.graph = graph
        self._direction, self._dpi, self._splines = direction, dpi, splines
        self.scene: Scene = arrange(graph, direction)

    @property
    def svg(self) -> str:
        """The picture as the text of an SVG file."""
        return svg_of(self.scene)

    @property
    def dot(self) -> str:
        """The graph in Graphviz's language."""
        return dot_of(self.graph, self._direction, int(self._dpi), self._splines)

    def save(self, path: str | os.PathLike) -> Path:
        """Write the picture to a file.

        Args:
            path: ends in `.svg` or `.dot`, or in what matplotlib writes: `.png`, `.pdf`,
                `.jpg`, `.webp`.

        Returns:
            The path.

        Raises:
            ValueError: another ending.
            ImportError: the ending needs matplotlib and it is not installed.
        """
        path = Path(path)
        ending = path.suffix.lower()
        if ending in (".svg", ".dot"):
            path.write_text(self.svg if ending == ".svg" else self.dot, encoding="utf-8")
            return path
        figure, dpi = figure_of(self.scene, self._dpi)
        kinds = figure.canvas.get_supported_filetypes()
        if ending.removeprefix(".") not in kinds:
            raise ValueError(
                f"A drawing cannot be written to {str(path)!r}: the path must end in one of "
                f".svg, .dot, {', '.join('.' + kind for kind in sorted(kinds))}."
            )
        figure.savefig(path, dpi=dpi)
        return path

    def _repr_svg_(self) -> str:
        return self.svg

    def _repr_html_(self) -> str:
        """The picture in a frame of limited height that scrolls."""
        return f'<div style="max-height:80vh;overflow:auto">{self.svg}</div>'

    def __repr__(self) -> str:
        return f"<Drawing of {self.scene.title}>"


def draw_model(
    model: Any,
    show_shapes: bool = True,
    show_dtype: bool = False,
    show_layer_names: bool = True,
    rankdir: str = "TB",
    expand_nested: bool | str | Collection[str] = False,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    show_parameters: bool = True,
    dpi: float = 200,
    splines: str = "ortho",
) -> Drawing:
    """See `Model.plot`."""
    shows = Shows(
        show_shapes, show_dtype, show_layer_names, show_layer_activations, show_trainable,
        show_parameters, expand_nested,
    )
    return Drawing(graph_of(model, shows), rankdir, dpi, splines)
