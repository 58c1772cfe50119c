"""`plot_model` and `model_to_dot`."""

import pytest

import highlevel as hl
from highlevel import layers


def model():
    inner = hl.Sequential([hl.Input((4,)), layers.Dense(3, "relu", name="d")], name="inner")
    x = hl.Input((4,), name="x")
    return hl.Model(x, layers.Add(name="a")([inner(x), inner(x)]), name="m")


def test_plot_model_writes_a_file(tmp_path):
    path = tmp_path / "model.svg"
    drawing = hl.utils.plot_model(model(), path, show_shapes=True, rankdir="LR")
    assert path.read_text() == drawing.svg and "(None, 3)" in drawing.svg
    assert ">Add<" in drawing.svg and ">a<" not in drawing.svg  # names are not asked for
    assert ">a<" in hl.utils.plot_model(model(), None, show_layer_names=True).svg


@pytest.mark.parametrize("function", [hl.utils.plot_model, hl.utils.model_to_dot])
def test_unknown_arguments(function):
    with pytest.raises(ValueError, match="takes no argument 'shapes'"):
        function(model(), shapes=True)
    with pytest.raises(ValueError, match="Draw a part by making a model of it"):
        function(model(), layer_range=["a", "b"])


def test_dot():
    pydot = pytest.importorskip("pydot")
    dot = hl.utils.model_to_dot(model(), show_shapes=True, dpi=96, rankdir="LR")
    assert isinstance(dot, pydot.Dot)
    assert len(dot.get_edges()) == 4 and dot.get_rankdir() == "LR"
    labels = [node.get_label() for node in dot.get_nodes() if node.get_label()]
    assert len(labels) == 4 and any("<b>a</b> (Add)" in label for label in labels)
    assert any("(None, 3)" in label for label in labels)


def test_dot_of_nested_models_and_of_parts():
    pytest.importorskip("pydot")
    dot = hl.utils.model_to_dot(model(), expand_nested=True)
    (cluster,) = dot.get_subgraph_list()  # the shared model is drawn out at its first call
    assert cluster.get_label() == '"inner (Sequential)"'
    text = hl.utils.model_to_dot(model(), subgraph=True).to_string()
    assert text.startswith("subgraph") and "->" in text


def test_without_pydot(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pydot", None)
    with pytest.raises(ImportError, match=r"pip install 'highlevel\[dot\]'.*model.plot\(\).dot"):
        hl.utils.model_to_dot(model())
