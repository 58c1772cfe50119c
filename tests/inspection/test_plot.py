"""Drawings of models: what is drawn, and that nothing lies over anything else."""

import importlib.util
import itertools
import random
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

import highlevel as hl
from highlevel import layers
from highlevel.inspection.graph_layout import place
from highlevel.inspection.scene import text_width
from highlevel.inspection.svg import pieces


def two_towers():
    hl.utils.clear_session()  # ops are counted in their names
    a, b = hl.Input((4,), name="user"), hl.Input((4,), name="item")
    shared = layers.Dense(3, "relu", name="shared")
    inner = hl.Input((3,), name="inner")
    block = hl.Model(inner, layers.ReLU(name="act")(layers.Dense(3, name="conv")(inner)), name="block")
    joined = layers.Dot(-1, name="joined")([block(shared(a)), block(shared(b))])
    return hl.Model([a, b], layers.Dense(1, name="head")(hl.ops.multiply(joined, 2.0)), name="towers")


class Written(hl.Model):
    def __init__(self):
        super().__init__(name="written")
        self.one, self.two = layers.Dense(3, name="one"), two_towers()

    def call(self, x):
        return self.one(x)


def resnet34():
    path = Path(__file__).parents[1] / "benchmarks" / "models.py"
    spec = importlib.util.spec_from_file_location("benchmark_models", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.resnet34(hl)


def names(drawing):
    return [box.name for box in drawing.graph.boxes]


def lines(graph):
    return {(graph.boxes[a].name, graph.boxes[b].name) for a, b in graph.edges}


# -------------------------------------------------------------------------- places


def inside(rect, x, y):
    """Whether a point lies within a box, further than rounding from its edge."""
    slack = 0.6
    return rect.x + slack < x < rect.x + rect.width - slack and (
        rect.y + slack < y < rect.y + rect.height - slack)


def along(curve):
    for kind, points in pieces(curve):
        for step in range(11):
            t = step / 10
            if kind == "line":
                weights = (1 - t, t)
            else:
                weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
            yield tuple(sum(w * p[axis] for w, p in zip(weights, points)) for axis in (0, 1))


def check_nothing_overlaps(scene):
    rects = sorted(scene.rects, key=lambda r: r.y)
    for one, other in itertools.combinations(rects, 2):
        if other.y >= one.y + one.height:
            continue
        apart = one.x + one.width <= other.x or other.x + other.width <= one.x
        within = [a.frame and a.x < b.x and a.y < b.y and b.x + b.width < a.x + a.width
                  and b.y + b.height < a.y + a.height for a, b in ((one, other), (other, one))]
        assert apart or any(within), (one, other)
    solid = [rect for rect in rects if not rect.frame]
    for curve in scene.curves:
        for x, y in along(curve):
            assert 0 <= x <= scene.width and 0 <= y <= scene.height
            assert not any(inside(rect, x, y) for rect in solid)
    for rect in rects:
        assert rect.x >= 0 and rect.y >= 0
        assert rect.x + rect.width <= scene.width and rect.y + rect.height <= scene.height
        bottom = min([rect.y + rect.height, *(
            r.y for r in rects if rect.frame and r is not rect and inside(rect, r.x + 1, r.y + 1))])
        for text in rect.texts:
            end = text.x + text_width(text.text, text.size, "bold" in text.styles)
            assert rect.x < text.x and end <= rect.x + rect.width
            assert rect.y < text.y - text.size * 0.7 and text.y < bottom


@pytest.mark.parametrize("rankdir", ["TB", "BT", "LR", "RL"])
@pytest.mark.parametrize("expand", [False, True])
def test_nothing_overlaps(rankdir, expand):
    for model in (two_towers(), Written()):
        check_nothing_overlaps(model.plot(
            rankdir=rankdir, expand_nested=expand, show_dtype=True, show_trainable=True).scene)


def test_resnet34():
    drawing = resnet34().plot()
    assert len(drawing.graph.boxes) == 125
    check_nothing_overlaps(drawing.scene)
    assert len(drawing.svg) < 100_000


def test_random_graphs():
    chance = random.Random(3)
    for _ in range(20):
        count = chance.randint(1, 25)
        sizes = [(chance.uniform(20, 90), chance.uniform(10, 40)) for _ in range(count)]
        edges = [(a, b) for a in range(count) for b in range(a + 1, count) if chance.random() < 0.12]
        layout = place(sizes, edges)
        for (i, a), (j, b) in itertools.combinations(enumerate(layout.corners), 2):
            assert (a[0] + sizes[i][0] <= b[0] or b[0] + sizes[j][0] <= a[0]
                    or a[1] + sizes[i][1] <= b[1] or b[1] + sizes[j][1] <= a[1])
        for source, target in edges:
            assert layout.corners[source][1] + sizes[source][1] < layout.corners[target][1]
        assert [(line.source, line.target) for line in layout.lines] == edges


def test_lines_that_need_not_cross_do_not():
    """Two chains side by side, given crosswise."""
    layout = place([(10, 10)] * 4, [(0, 3), (1, 2)])
    x = [corner[0] for corner in layout.corners]
    assert x[0] == x[3] and x[1] == x[2] and x[0] != x[1]


def test_a_cycle_is_an_error():
    with pytest.raises(ValueError, match="form a cycle among 2 boxes"):
        place([(1, 1), (1, 1)], [(0, 1), (1, 0)])
    assert place([], []).corners == []


# ------------------------------------------------------------------------- content


def test_boxes_and_lines():
    drawing = two_towers().plot()
    graph = drawing.graph
    # The order of the calls; the shared layer and model have a box for each.
    assert sorted(names(drawing)) == sorted(
        ["user", "shared", "item", "shared", "block", "block", "joined", "multiply", "head"])
    assert lines(graph) == {
        ("user", "shared"), ("item", "shared"), ("shared", "block"), ("block", "joined"),
        ("joined", "multiply"), ("multiply", "head")}
    assert len(graph.edges) == 8
    by_name = {box.name: box for box in graph.boxes}
    assert by_name["shared"].details == "(None, 3) · 15"
    assert {m for box in graph.boxes if box.name == "shared" for m in box.marks} == {
        "shared, call 1 of 2", "shared, call 2 of 2"}
    assert by_name["head"].marks == []
    assert by_name["multiply"].kind == "op" and by_name["block"].family == "model"
    assert "takes: float32 (None, 3)" in by_name["block"].tells


def test_nested_models_are_drawn_out_on_request():
    folded = two_towers().plot(expand_nested="other*")
    assert not any(box.inner for box in folded.graph.boxes)
    for expand in (True, "block", ["bl*"]):
        drawing = two_towers().plot(expand_nested=expand)
        opened = [box for box in drawing.graph.boxes if box.inner]
        assert len(opened) == 1  # the second call of the shared model is the same
        assert lines(opened[0].inner) == {("inner", "conv"), ("conv", "act")}
        assert drawing.graph.count() == 12
        assert drawing.svg.count("<g>") == 12


def test_what_boxes_say():
    model = two_towers()
    model.layers["head"].trainable = False
    box = model.plot(show_shapes=False, show_dtype=True, show_layer_names=False,
                     show_trainable=True, show_parameters=False).graph.boxes[-1]
    assert (box.name, box.kind, box.details) == ("", "Dense", "float32 · frozen")
    shared = [b for b in model.plot(show_layer_activations=True).graph.boxes if b.name == "shared"]
    assert shared[0].kind == "Dense relu"


def test_an_output_within_the_graph_is_marked():
    x = hl.Input((2,), name="x")
    middle = layers.Dense(2, name="middle")(x)
    model = hl.Model(x, [middle, layers.Dense(1, name="last")(middle)])
    assert [box.marks for box in model.plot().graph.boxes] == [[], ["output"], []]


def test_models_without_a_graph():
    written = Written().plot()
    assert names(written) == ["one", "towers"] and not written.graph.ordered
    assert written.svg.count('class="l"') == 0  # what goes into what is not known
    unbuilt = hl.Sequential([layers.Dense(2, name="a"), layers.Dense(3, name="b")]).plot()
    assert lines(unbuilt.graph) == {("a", "b")} and unbuilt.graph.ordered
    assert unbuilt.graph.boxes[0].details == "?"
    assert hl.Sequential(name="empty").plot().graph.boxes == []


def test_nothing_is_allocated():
    model = two_towers()
    model.plot(expand_nested=True)._repr_html_()
    assert all(weight.is_pending for weight in model.weights)


# --------------------------------------------------------------------------- files


def test_svg_is_a_document_of_its_own():
    model = hl.Sequential([hl.Input((4,)), layers.Dense(2, name="a<b&c")], name='m"1"')
    drawing = model.plot()
    root = ElementTree.fromstring(drawing.svg)
    texts = [element.text for element in root.iter() if element.tag.endswith("}text")]
    assert "a<b&c" in texts
    assert root.get("role") == "img" and root.get("aria-label").startswith("Sequential 'm\"1\"'")
    html = drawing._repr_html_()
    assert drawing.svg in html and "overflow:auto" in html
    assert "prefers-color-scheme:dark" in html
    for foreign in ("<script", "url(", "@import", "href", "<img"):
        assert foreign not in html


def test_long_names_stay_within_the_box():
    model = hl.Sequential([hl.Input((4,)), layers.Dense(2, name="n" * 200)])
    drawing = model.plot()
    check_nothing_overlaps(drawing.scene)
    assert drawing.scene.width < 600 and "n" * 200 in drawing.svg  # as the box's title


def test_save(tmp_path):
    drawing = two_towers().plot(expand_nested=True, dpi=50)
    assert drawing.save(tmp_path / "model.svg").read_text() == drawing.svg
    assert drawing.save(str(tmp_path / "model.dot")).read_text().startswith("digraph G {")
    pytest.importorskip("matplotlib")
    png = drawing.save(tmp_path / "model.png").read_bytes()
    assert png.startswith(b"\x89PNG")
    width, height = (int.from_bytes(png[i: i + 4], "big") for i in (16, 20))
    assert abs(width / height - drawing.scene.width / drawing.scene.height) < 0.02
    assert drawing.save(tmp_path / "model.pdf").read_bytes().startswith(b"%PDF")
    with pytest.raises(ValueError, match=r"must end in one of .svg, .dot, .*\.png"):
        drawing.save(tmp_path / "model.txt")


def test_without_matplotlib(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"pip install 'highlevel\[plots\]'"):
        two_towers().plot().save(tmp_path / "model.png")


def test_unknown_direction():
    with pytest.raises(ValueError, match="one of TB, BT, LR, RL; got 'down'"):
        two_towers().plot(rankdir="down")
