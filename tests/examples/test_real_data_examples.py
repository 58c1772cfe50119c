"""The examples that learn from data, at smaller sizes: each reaches what its baseline doesn't."""

import importlib.util
from pathlib import Path

import pytest

import highlevel as hl

FOLDER = Path(__file__).parents[2] / "examples"


def run(name, **sizes):
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with hl.use_backend("jax"):
        return module.main(**sizes)


@pytest.mark.slow
def test_digits_are_told_apart(capsys):
    assert run("digits_cnn", epochs=24) > 0.97
    assert "Test accuracy" in capsys.readouterr().out


@pytest.mark.slow
def test_the_network_is_as_good_as_linear_regression_on_the_table(capsys):
    network, linear, mean = run("tabular_regression")
    assert network < linear + 0.3
    assert linear < 0.75 * mean
    assert "Root mean squared error" in capsys.readouterr().out


@pytest.mark.slow
def test_docstrings_are_told_apart(capsys):
    accuracy, largest = run("text_classification", epochs=3)
    assert accuracy > 0.7
    assert largest < 0.4
    assert "Test accuracy" in capsys.readouterr().out


@pytest.mark.slow
def test_the_forecast_beats_persistence(capsys):
    error, persistence = run("time_series", steps=6000, epochs=6)
    assert error < 0.4 * persistence
    assert "persistence" in capsys.readouterr().out
