"""A scene as SVG: light and dark, without scripts, fonts or anything from elsewhere."""

from __future__ import annotations

from html import escape
from itertools import pairwise

from highlevel.inspection.scene import Curve, Rect, Scene

__all__ = ["ACCENTS", "svg_of"]

#: the bar at the left of a box, by family of layer: readable on light and on dark
ACCENTS = {
    "input": "#6e7781", "core": "#218bff", "convolution": "#8250df", "pooling": "#d1449d",
    "normalization": "#1b9aaa", "activation": "#e16f24", "regularization": "#b08800",
    "attention": "#e5484d", "recurrent": "#2da44e", "merging": "#5b6ee1",
    "reshaping": "#8c959f", "preprocessing": "#6e7781", "model": "#3b82a0", "op": "#8c959f",
    "own": "#d4a72c",
}
# `prefers-color-scheme` may differ from the page's own theme, so the picture has a ground.
_STYLE = (
    ".hl-g{--g:#fff;--b:#f6f8fa;--e:#c3ccd5;--t:#1f2328;--m:#57606a;--l:#6e7781;--k:#9a3412;"
    "font-family:system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif}"
    "@media(prefers-color-scheme:dark){.hl-g{--g:#0d1117;--b:#1c2128;--e:#444c56;--t:#e6edf3;"
    "--m:#9aa5b1;--l:#8b949e;--k:#ffa657}}"
    ".hl-g .g{fill:var(--g)}.hl-g .b{fill:var(--b);stroke:var(--e)}"
    ".hl-g .f{fill:none;stroke:var(--l);stroke-dasharray:5 3}.hl-g .s{stroke:var(--k);"
    "stroke-width:1.5}"
    ".hl-g text{fill:var(--t);white-space:pre}.hl-g .bold{font-weight:600}"
    ".hl-g .muted{fill:var(--m)}.hl-g .mark{fill:var(--k);font-weight:600}"
    ".hl-g .l{fill:none;stroke:var(--l);stroke-width:1.3}.hl-g .a{fill:var(--l);stroke:none}"
)
ARROW = 6.0


def svg_of(scene: Scene) -> str:
    """The text of an SVG picture.

    >>> from highlevel.inspection.scene import Scene
    >>> svg_of(Scene("nothing", 10, 10))[:48]
    '<svg xmlns="http://www.w3.org/2000/svg" class="h'
    """
    width, height = _n(scene.width), _n(scene.height)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="hl-g" role="img" width="{width}" '
        f'height="{height}" viewBox="0 0 {width} {height}" '
        f'aria-label="{escape(scene.title)}"><title>{escape(scene.title)}</title>'
        f'<style>{_STYLE}</style><rect class="g" width="100%" height="100%"/>'
    ]
    parts += [_rect(rect) for rect in scene.rects if rect.frame]
    if scene.curves:
        ways = "".join(_way(curve) for curve in scene.curves)
        heads = "".join(
            "M" + "L".join(f"{_n(x)} {_n(y)}" for x, y in arrow(curve)) + "z"
            for curve in scene.curves)
        parts.append(f'<path class="l" d="{ways}"/><path class="a" d="{heads}"/>')
    parts += [_rect(rect) for rect in scene.rects if not rect.frame]
    parts.append("</svg>")
    return "".join(parts)


def _rect(rect: Rect) -> str:
    x, y, width, height = map(_n, (rect.x, rect.y, rect.width, rect.height))
    kind = ("f" if rect.frame else "b") + (" s" if rect.shared else "")
    texts = "".join(
        f'<text x="{_n(t.x)}" y="{_n(t.y)}" font-size="{_n(t.size)}"'
        + (f' class="{" ".join(t.styles)}"' if t.styles else "")
        + f">{escape(t.text)}</text>"
        for t in rect.texts
    )
    bar = (f'<path d="M{_n(rect.x + 3)} {_n(rect.y + 5)}v{_n(min(rect.height, 60) - 10)}" '
           f'stroke="{ACCENTS[rect.family]}" stroke-width="4" stroke-linecap="round"/>')
    return (f'<g><title>{escape(rect.tells)}</title><rect class="{kind}" x="{x}" y="{y}" '
            f'width="{width}" height="{height}" rx="5"/>{bar}{texts}</g>')


def _way(curve: Curve) -> str:
    parts = ["M{} {}".format(*map(_n, curve.points[0]))]
    for piece, points in pieces(curve):
        if piece == "line":
            if points[0] != points[1]:
                parts.append("L{} {}".format(*map(_n, points[1])))
        else:
            parts.append("C" + " ".join(f"{_n(x)} {_n(y)}" for x, y in points[1:]))
    return "".join(parts)


def pieces(curve: Curve) -> list[tuple[str, list[tuple[float, float]]]]:
    """The pieces of a line: `("line", two points)` or `("curve", four points of a cubic)`."""
    found: list[tuple[str, list[tuple[float, float]]]] = []
    tip = curve.points[-1]
    (_, back, side) = arrow(curve)
    base = ((back[0] + side[0]) / 2, (back[1] + side[1]) / 2)  # behind the arrow: so that it is
    points = [*curve.points[:-1], base, tip]  # met from straight behind
    for at, (start, end) in enumerate(pairwise(points)):
        if at % 2 == 0:
            found.append(("line", [start, end]))
            continue
        if curve.upright:
            middle = (start[1] + end[1]) / 2
            found.append(("curve", [start, (start[0], middle), (end[0], middle), end]))
        else:
            middle = (start[0] + end[0]) / 2
            found.append(("curve", [start, (middle, start[1]), (middle, end[1]), end]))
    return found


def arrow(curve: Curve) -> list[tuple[float, float]]:
    """The three corners of the arrow at a line's end."""
    (x, y), (x0, y0) = curve.points[-1], curve.points[-2]
    if curve.upright:
        back = y - ARROW if y > y0 else y + ARROW
        return [(x, y), (x - 3.5, back), (x + 3.5, back)]
    back = x - ARROW if x > x0 else x + ARROW
    return [(x, y), (back, y - 3.5), (back, y + 3.5)]


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
