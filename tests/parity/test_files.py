"""Files move both ways between Keras and this library: models, weights, predictions."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from file_models import INPUTS, dense, equal_weights, flat, mixed_precision, policies, randomize
from highlevel_backend import use_backend

import highlevel as hl

keras = pytest.importorskip("keras")
pytestmark = pytest.mark.parity

#: models that run on JAX here too; the others on NumPy, which compiles nothing
ON_JAX = (dense,)
HALF = (mixed_precision, policies)
MODELS = pytest.mark.parametrize("build", INPUTS, ids=lambda build: build.__name__)


def _arrays_of(path: Any) -> dict[str, tuple]:
    h5py = pytest.importorskip("h5py")
    found: dict[str, tuple] = {}
    with h5py.File(path) as file:
        file.visititems(
            lambda place, item: found.__setitem__(place, item.shape)
            if isinstance(item, h5py.Dataset) else None
        )
    return found


def _same_config(a: Any, b: Any) -> None:
    """Equal configurations, as files hold them."""
    texts = [json.dumps(keras.saving.serialize_keras_object(model)) for model in (a, b)]
    # Constants of a graph are arrays of the backend that loaded it last.
    one, two = (json.loads(text.replace('"__tensor__"', '"__numpy__"')) for text in texts)
    assert one == two


@MODELS
def test_models_move_both_ways(build: Callable, tmp_path: Any) -> None:
    x, tolerance = INPUTS[build], 2e-2 if build in HALF else 2e-5
    theirs = build(keras)
    randomize(theirs)
    expected = flat(theirs.predict_on_batch(x))
    path, back = str(tmp_path / "m.keras"), str(tmp_path / "back.keras")
    theirs.save(path)
    reread = keras.models.load_model(path)  # `trainable` of a nested Sequential is lost there
    with use_backend("jax" if build in ON_JAX else "numpy"):
        ours, report = hl.models.load_model(path, report=True)
        assert report.complete
        assert not any(v.is_pending for v in ours.weights)
        for a, b in zip(flat(ours(x)), expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)
        ours.save(back)
        # A model made here is written as one that came from a file.
        mine = build(hl)
        mine.save(path)
    again = keras.models.load_model(back)
    equal_weights(again, theirs)
    _same_config(again, reread)
    made_here = keras.models.load_model(path)
    made_here.set_weights(theirs.get_weights())
    for a, b in zip(flat(made_here.predict_on_batch(x)), expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3 if build in HALF else 1e-6, atol=1e-6)


@MODELS
def test_weights_move_both_ways(build: Callable, tmp_path: Any) -> None:
    theirs, path, back = build(keras), tmp_path / "m.weights.h5", tmp_path / "back.weights.h5"
    randomize(theirs)
    theirs.save_weights(path)
    with use_backend("numpy"):
        ours = build(hl)
        report = ours.load_weights(path)
        assert report.complete
        equal_weights(ours, theirs)
        ours.save_weights(back)
    assert _arrays_of(back) == _arrays_of(path)
    again = build(keras)
    again.load_weights(back)
    equal_weights(again, theirs)


def test_shards_move_both_ways(tmp_path: Any) -> None:
    theirs, ours = dense(keras), dense(hl)
    randomize(theirs)
    path = str(tmp_path / "m.weights.json")
    theirs.save_weights(path, max_shard_size=1e-7)
    assert ours.load_weights(path).complete
    equal_weights(ours, theirs)
    ours.save_weights(str(tmp_path / "o.weights.json"), max_shard_size=1e-7)
    assert len(list(tmp_path.glob("o_*.weights.h5"))) == len(list(tmp_path.glob("m_*.weights.h5"))) > 1
    again = dense(keras)
    again.load_weights(str(tmp_path / "o.weights.json"))
    equal_weights(again, theirs)
