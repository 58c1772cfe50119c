"""The examples that train models of several kinds reach what they promise, in smaller sizes."""

import importlib.util
from pathlib import Path

import pytest

import highlevel as hl

FOLDER = Path(__file__).parents[2] / "examples"
pytestmark = pytest.mark.slow


@pytest.fixture
def run(capsys):
    def run(name, **sizes):
        spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        with hl.use_backend("jax"):
            found = module.main(**sizes)
        assert capsys.readouterr().out
        return found

    return run


def test_the_transformer_learns_from_what_stands_before(run):
    bits, counted, text = run(
        "character_language_model", steps=200, batch=16, length=32, width=48, blocks=2,
        characters=20)
    assert bits < counted - 0.7
    assert text.startswith("def ") and len(text) == 24


def test_sums_never_seen_are_right(run):
    assert run("addition", epochs=10) > 0.8


def test_the_autoencoder_keeps_most_of_a_picture(run):
    losses, explained = run("vae", epochs=25)
    assert losses[-1] < min(losses[0], 25.5)
    assert explained > 0.5


def test_features_of_other_digits_help(run):
    frozen, tuned, scratch = run("transfer_learning", draws=1)
    assert frozen > 0.55
    assert tuned > scratch
