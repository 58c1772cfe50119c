"""A scene drawn by matplotlib: for pictures of pixels and for PDF."""

from __future__ import annotations

from typing import Any

from highlevel.inspection.scene import Scene
from highlevel.inspection.svg import ACCENTS, arrow, pieces

__all__ = ["figure_of", "matplotlib_or_error"]

_COLOURS = {"bold": "#1f2328", "muted": "#57606a", "mark": "#9a3412"}
_MOST = 30_000  # pixels along a side; matplotlib ends at 2**16, viewers before


def matplotlib_or_error(what: str) -> Any:
    """The module `matplotlib`, without a choice of window system.

    Raises:
        ImportError: it is not installed; says what to install.
    """
    try:
        import matplotlib
    except ImportError as error:
        raise ImportError(
            f"{what} is drawn by matplotlib, which is not installed: "
            "`pip install 'highlevel[plots]'`."
        ) from error
    return matplotlib


def figure_of(scene: Scene, dpi: float) -> tuple[Any, float]:
    """A figure of matplotlib as large as the scene, and the resolution to save it at.

    Raises:
        ImportError: matplotlib is not installed.
    """
    matplotlib_or_error("This kind of file")
    from matplotlib.figure import Figure
    from matplotlib.patches import FancyBboxPatch, PathPatch, Polygon
    from matplotlib.path import Path

    width, height = scene.width / 96, scene.height / 96  # a pixel of SVG is 1/96 inch
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_xlim(0, scene.width)
    axes.set_ylim(scene.height, 0)
    axes.axis("off")
    for rect in scene.rects:
        axes.add_patch(FancyBboxPatch(
            (rect.x, rect.y), rect.width, rect.height, boxstyle="round,pad=0,rounding_size=5",
            facecolor="none" if rect.frame else "#f6f8fa", zorder=1 if rect.frame else 3,
            edgecolor="#9a3412" if rect.shared else "#6e7781" if rect.frame else "#c3ccd5",
            linestyle="--" if rect.frame else "-", linewidth=0.75,
        ))
        axes.plot([rect.x + 3] * 2, [rect.y + 5, rect.y + min(rect.height, 60) - 5],
                  color=ACCENTS[rect.family], linewidth=3, solid_capstyle="round", zorder=4)
        for text in rect.texts:
            style = text.styles[0] if text.styles else "bold"
            axes.text(
                text.x, text.y, text.text.replace("$", r"\$"), color=_COLOURS[style],
                fontsize=text.size * 0.75, fontweight="normal" if style == "muted" else "bold",
                zorder=5,
            )
    for curve in scene.curves:
        points, codes = [curve.points[0]], [Path.MOVETO]
        for piece, way in pieces(curve):
            points += way[1:]
            codes += [Path.LINETO if piece == "line" else Path.CURVE4] * (len(way) - 1)
        axes.add_patch(PathPatch(
            Path(points, codes), facecolor="none", edgecolor="#6e7781", linewidth=1, zorder=2))
        axes.add_patch(Polygon(arrow(curve), facecolor="#6e7781", edgecolor="none", zorder=2))
    return figure, min(float(dpi), _MOST / max(width, height))
