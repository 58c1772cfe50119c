"""Rectangles, texts and lines at their places, and how a graph's boxes become them."""

from __future__ import annotations

from dataclasses import dataclass, field

from highlevel.inspection.graph_layout import Layout, place
from highlevel.inspection.model_graph import Box, BoxGraph

__all__ = ["Curve", "Rect", "Scene", "Text", "arrange", "text_width"]

TITLE, SMALL = 12.0, 11.0  # sizes of letters
_PAD, _LINE_HEIGHT, _BAR = 10.0, 16.0, 4.0
_LONGEST = 46  # characters of a line; all of it is told by the box's title
_NARROW, _WIDE = frozenset("iljftI.,:;'|!()[]/ "), frozenset("mwMW@%")


@dataclass
class Text:
    """A line of text; `x` is where it begins, `y` its base line, `styles` any of
    `bold`, `muted`, `mark`."""

    x: float
    y: float
    text: str
    size: float
    styles: tuple[str, ...] = ()


@dataclass
class Rect:
    """A box with what stands in it; `tells` is its description."""

    x: float
    y: float
    width: float
    height: float
    family: str
    tells: str
    texts: list[Text] = field(default_factory=list)
    shared: bool = False
    frame: bool = False  # around other boxes


@dataclass
class Curve:
    """A line with an arrow at its end: pieces straight and curved in turn, as `Line` has them."""

    points: list[tuple[float, float]]
    upright: bool  # whether curves leave upwards or downwards rather than sideways


@dataclass
class Scene:
    """All that is drawn, frames before what stands in them."""

    title: str
    width: float = 0.0
    height: float = 0.0
    rects: list[Rect] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)


def text_width(text: str, size: float, bold: bool = False) -> float:
    """How wide a text is at most in the usual fonts without serifs: Verdana is the widest."""
    width = 0.0
    for letter in text:
        if letter in _NARROW:
            width += 0.42
        elif letter in _WIDE:
            width += 1.0
        elif ord(letter) > 0x1100:
            width += 1.05
        else:
            width += 0.74 if letter.isupper() else 0.645
    return width * size * (1.1 if bold else 1.0)


def arrange(graph: BoxGraph, direction: str = "TB") -> Scene:
    """The scene of a graph.

    Args:
        graph: the boxes and lines.
        direction: of the lines: `"TB"` is downwards, `"BT"`, `"LR"`, `"RL"`.
    """
    title = f"{graph.kind} '{graph.name}'"
    boxes = graph.count()
    scene = Scene(f"{title}: {boxes} box{'es' if boxes != 1 else ''}")
    sub, width, height = _arrange(graph, direction)
    margin = 12.0
    _copy(sub, scene, margin, margin)
    scene.width, scene.height = width + 2 * margin, height + 2 * margin
    return scene


def _arrange(graph: BoxGraph, direction: str) -> tuple[Scene, float, float]:
    """A graph's scene with its corner at 0, 0; frames hold graphs that are arranged alike."""
    inner = [_arrange(box.inner, direction) if box.inner else None for box in graph.boxes]
    headers = [_texts(box) for box in graph.boxes]
    sizes = []
    for (_, width, height), found in zip(headers, inner):
        if found is not None:
            width = max(width, found[1] + 2 * _PAD)
            height += found[2] + _PAD
        sizes.append((width, height))
    sideways = direction in ("LR", "RL")
    turned = [(h, w) for w, h in sizes] if sideways else sizes
    layout = place(turned, graph.edges, *((14.0, 34.0) if sideways else (24.0, 24.0)))
    corners, lines, width, height = _turned(layout, turned, direction)
    scene = Scene(graph.name)
    for box, (x, y), (w, h), (texts, _, top), found in zip(
        graph.boxes, corners, sizes, headers, inner
    ):
        placed = [Text(t.x + x, t.y + y, t.text, t.size, t.styles) for t in texts]
        scene.rects.append(Rect(
            x, y, w, h, box.family, box.tells, placed,
            shared=any(mark.startswith("shared") for mark in box.marks), frame=found is not None,
        ))
        if found is not None:
            _copy(found[0], scene, x + (w - found[1]) / 2, y + top)
    if graph.ordered:
        scene.curves += [Curve(points, not sideways) for points in lines]
    return scene, width, height


def _copy(source: Scene, target: Scene, x: float, y: float) -> None:
    for rect in source.rects:
        rect.x, rect.y = rect.x + x, rect.y + y
        for text in rect.texts:
            text.x, text.y = text.x + x, text.y + y
        target.rects.append(rect)
    for curve in source.curves:
        curve.points = [(px + x, py + y) for px, py in curve.points]
        target.curves.append(curve)


def _texts(box: Box) -> tuple[list[Text], float, float]:
    """The texts of a box from its corner on, its width, and the height that they take."""
    texts: list[Text] = []
    x = left = _PAD + _BAR
    y, widest = _PAD - 4 + TITLE, 0.0
    head = [(box.name, ("bold",)), (box.kind, ("muted",) if box.name else ("bold",))]
    for text, styles in head:
        if text:
            text = _cut(text)
            texts.append(Text(x, y, text, TITLE, styles))
            x += text_width(text, TITLE, "bold" in styles) + 7
    widest = x - 7
    for text, styles in [(box.details, ("muted",)), *((m, ("mark",)) for m in box.marks)]:
        if text:
            y += _LINE_HEIGHT
            text = _cut(text)
            texts.append(Text(left, y, text, SMALL, styles))
            widest = max(widest, left + text_width(text, SMALL))
    return texts, max(widest + _PAD, 60.0), y + _PAD - 2


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _turned(layout: Layout, sizes: list, direction: str) -> tuple[list, list, float, float]:
    """Corners, lines and size of a layout, which runs downwards, in another direction."""
    corners, lines = layout.corners, [line.points for line in layout.lines]
    width, height = layout.width, layout.height
    if direction in ("BT", "RL"):
        corners = [(x, height - y - size[1]) for (x, y), size in zip(corners, sizes)]
        lines = [[(x, height - y) for x, y in points] for points in lines]
    if direction in ("LR", "RL"):
        corners = [(y, x) for x, y in corners]
        lines = [[(y, x) for x, y in points] for points in lines]
        width, height = height, width
    return corners, lines, width, height
