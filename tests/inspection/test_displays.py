"""What objects show of themselves in notebooks."""

import html.parser
import sys
import types

import numpy as np
import pytest

import highlevel as hl
from highlevel import layers
from highlevel.inspection import Summary
from highlevel.inspection.sheets import sparkline

VOID = {"path", "br", "rect"}


class Page(html.parser.HTMLParser):
    """Checks that tags are closed in their order, and gathers cells and attributes."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.rows, self.attributes = [], [], [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if {"td", "th"} & set(self.open) and self.open[-1] != "summary":
            self.rows[-1][-1] += data

    def fact(self, name):
        return next(row[1] for row in self.rows if row[0] == name)


def shown(thing):
    text = thing._repr_html_()
    for foreign in ("<script", "url(", "@import", "http:", "https:", "<img", "<link"):
        assert foreign not in text
    assert "prefers-color-scheme:dark" in text
    page = Page(text)
    # Said to who cannot see: what a table is about, and the heads of its columns and rows.
    assert page.tags.count("caption") == page.tags.count("table") >= 1
    assert ("scope", "col") in page.attributes and ("scope", "row") in page.attributes
    assert all(row[0] for row in page.rows)
    return page


def nested():
    x = hl.Input((4,), name="x")
    block = hl.Sequential([hl.Input((4,)), layers.Dense(3, name="d<1>")], name="block")
    y = layers.Add(name="sum")([block(x), block(x)])
    return hl.Model(x, layers.BatchNormalization(name="norm")(y), name="net")


def test_variable(backend):
    v = hl.Variable(np.array([[1.0, 2.0], [3.0, np.nan]], "float32"), name="w")
    page = shown(v)
    assert page.fact("shape") == "(2, 2)" and page.fact("memory") == "16.00 B"
    assert page.fact("values") == "1, 2, 3, nan"
    assert page.fact("mean, spread") == "2 ± 0.8165" and page.fact("not finite") == "1 entries"
    pending = hl.Variable(hl.initializers.Ones(), shape=(3,), trainable=False)
    assert shown(pending).fact("value").startswith("not computed")
    assert pending.is_pending and shown(pending).fact("trainable") == "no"
    assert shown(hl.Variable(np.arange(9))).fact("values") == "0, 1, 2, 3, 4, 5, ..."


def test_a_large_variable_is_not_fetched(monkeypatch):
    v = hl.Variable(np.zeros(3, "float32"))
    monkeypatch.setattr("highlevel.inspection.sheets._MOST_BYTES", 8)
    monkeypatch.setattr(type(v), "numpy", None)
    assert shown(v).fact("value") == "too large to be shown"


def test_symbolic_tensor():
    model = nested()
    page = shown(model.layers["block"].output)
    assert page.fact("made by") == "block/d<1> (Dense)"
    assert shown(model.input).fact("used by") == "block (Sequential)"
    assert shown(hl.KerasTensor((2, None), name="t")).fact("shape") == "(2, None)"


def test_layer():
    model = nested()
    page = shown(model.layers["block"].layers[-1])
    assert page.fact("input") == "(None, 4)" and page.fact("output") == "(None, 3)"
    assert page.fact("units") == "3"
    assert page.fact("kernel")[:6] == "(4, 3)"
    assert ["kernel", "(4, 3)", "float32", "12", "48.00 B", "yes"] in page.rows
    assert all(v.is_pending for v in model.weights)
    unbuilt = shown(layers.Dense(2))
    assert unbuilt.fact("weights").startswith("none yet") and unbuilt.fact("output") == "-"
    assert shown(model.layers["sum"]).fact("input") == "(None, 3), (None, 3)"

    class NoConfig(layers.Layer):
        def __init__(self, function):
            super().__init__(name="own", dtype="mixed_bfloat16")
            self.function = function

    assert shown(NoConfig(lambda x: x)).fact("dtype") == "float32, computes in bfloat16"


def test_optimizer():
    optimizer = hl.optimizers.SGD(hl.optimizers.schedules.InverseTimeDecay(0.5, 1, 1.0), momentum=0.9)
    page = shown(optimizer)
    assert page.fact("learning rate now") == "0.5" and page.fact("momentum") == "0.9"
    assert page.fact("state").startswith("none yet")
    optimizer.build([hl.Variable(np.zeros(3, "float32"))])
    assert shown(optimizer).fact("state").startswith(f"{len(optimizer.variables)} variables")


def history():
    found = hl.callbacks.History()
    found.on_train_begin()
    for epoch in range(4):
        logs = {"loss": 1.0 / (epoch + 1), "acc": 0.5}
        if epoch % 2:
            logs["val_loss"] = float("nan") if epoch == 3 else 2.0
        found.on_epoch_end(epoch, logs)
    return found


def test_history():
    page = shown(history())
    assert ["loss", "1", "0.25", "0.25", "1"] in page.rows
    assert ["val_loss", "2", "nan", "2", "2"] in page.rows
    assert page.tags.count("svg") == 2  # a line needs two numbers
    shown_empty = hl.callbacks.History()._repr_html_()
    assert "History of 0 epochs" in shown_empty


def test_sparkline():
    text = sparkline([1.0, float("nan"), 3.0], "loss", 24, 24)
    assert 'd="M2.0 22.0M22.0 2.0"' in text and 'aria-label="loss: from 1 to 3 in 3 values"' in text


def test_history_plot(tmp_path):
    pytest.importorskip("matplotlib")
    picture = history().plot()
    loss, acc = picture.figure.axes
    assert (loss.get_title(), acc.get_title()) == ("loss", "acc")
    training, validation = loss.get_lines()
    np.testing.assert_array_equal(training.get_xdata(), [1, 2, 3, 4])
    np.testing.assert_allclose(training.get_ydata(), [1, 1 / 2, 1 / 3, 1 / 4])
    np.testing.assert_array_equal(validation.get_xdata(), [2, 4])
    assert picture._repr_png_().startswith(b"\x89PNG")
    assert picture.save(tmp_path / "a.svg").read_text().count("<svg") == 1
    with pytest.raises(ValueError, match=r"no metric 'los'. Did you mean 'loss'\? It has: loss, acc"):
        history().plot(["los"])
    with pytest.raises(ValueError, match="nothing to draw"):
        hl.callbacks.History().plot()


# ------------------------------------------------------------------------- summary


def test_summary_in_html():
    model = nested()
    model.layers["norm"].trainable = False
    page = shown(model)
    assert ["norm (BatchNormalization)", "(None, 3)", "12", "sum[0][0]", "N"] in page.rows
    assert next(r[:3] for r in page.rows if "d<1>" in r[0]) == ["d<1> (Dense)", "(None, 3)", "15"]
    assert page.tags.count("details") == 1 and ("open", None) not in page.attributes
    assert ("open", None) in Page(Summary(model, expand_nested=True)._repr_html_()).attributes
    text = model._repr_html_()
    assert "<p>Total params: 27 (108.00 B)</p>" in text
    assert "<p>Non-trainable params: 12 (48.00 B)</p>" in text
    assert all(v.is_pending for v in model.weights)


def test_summary_as_text():
    model = nested()
    lines = str(Summary(model, expand_nested=True, show_trainable=True)).splitlines()
    assert lines[1].split() == ["Layer", "(type)", "Output", "Shape", "Param", "#", "Connected", "to", "Trainable"]
    assert any(line.startswith("   └ d<1> (Dense)") for line in lines)
    folded = str(Summary(model, layer_range=["block", "sum"]))
    assert "d<1>" not in folded and "norm" not in folded and "Trainable " not in folded.splitlines()[1]


def test_a_model_within_itself_ends():
    class Round(hl.Model):
        @property
        def layers(self):
            return [self]

    assert "Round" in str(Summary(Round(name="round"), expand_nested=True))


def test_where_it_is_shown(monkeypatch, capsys):
    """In a notebook as HTML; in a terminal of IPython, and without it, as text."""
    seen = []
    shell = types.SimpleNamespace(kernel=object())
    ipython = types.ModuleType("IPython")
    ipython.get_ipython = lambda: shell
    ipython.display = types.ModuleType("IPython.display")
    ipython.display.display = seen.append
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", ipython.display)
    model = nested()
    model.summary()
    assert isinstance(seen[0], Summary) and not capsys.readouterr().out
    model.summary(print_fn=seen.append)
    assert "Total params" in seen[1]
    del shell.kernel
    model.summary()
    assert len(seen) == 2 and "Total params" in capsys.readouterr().out
