"""Our `KerasFileEditor` and Keras's, on the same files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import highlevel as hl

keras = pytest.importorskip("keras")
pytestmark = pytest.mark.parity


def _model(module: Any) -> Any:
    layers = module.layers
    x = module.Input((4,))
    y = layers.BatchNormalization()(layers.Dense(3)(x))
    # No nested model: Keras's editor loses what lies below an object without weights of its
    # own, and counts matches below the first level twice.
    model = module.Model(x, layers.Dense(2)(layers.Dropout(0.1)(y)))
    model.compile("adam", "mse")
    model.fit(np.zeros((4, 4)), np.zeros((4, 2)), verbose=0)
    return model


def _plain(weights: dict[str, Any]) -> dict[str, Any]:
    return {k: _plain(v) if isinstance(v, dict) else np.asarray(v).tolist()
            for k, v in weights.items()}


@pytest.mark.parametrize("writer", [hl, keras])
@pytest.mark.parametrize("ending", [".keras", ".weights.h5"])
def test_same_view_and_same_edits(tmp_path: Path, writer: Any, ending: str) -> None:
    path = str(tmp_path / f"m{ending}")
    model = _model(writer)
    model.save(path) if ending == ".keras" else model.save_weights(path)
    ours, theirs = hl.saving.KerasFileEditor(path), keras.saving.KerasFileEditor(path)
    assert _plain(ours.weights_dict) == _plain(theirs.weights_dict)
    assert ours.object_metadata == theirs.object_metadata
    assert ours.config == theirs.config and ours.metadata == theirs.metadata
    results = {}
    for name, editor, own in (("ours", ours, hl), ("theirs", theirs, keras)):
        model = _model(own)
        assert editor.compare(model)["status"] == "success"
        editor.rename_object("layers/batch_normalization", "norm")
        editor.delete_object("layers/dense")
        editor.add_object("layers/extra", {"0": np.ones(3, "float32")})
        editor.add_weights("layers/extra", {"1": np.zeros((2, 2))})
        editor.delete_weight("layers/norm", "3")
        assert editor.compare(model)["status"] == "error"
        for action in (lambda e: e.rename_object("layers/norm", "a/b"), lambda e: e.delete_object("no"),
                       lambda e: e.delete_object("0"), lambda e: e.add_object("no/x", {}),
                       lambda e: e.add_object("x", 3), lambda e: e.add_weights("layers/norm", 3),
                       lambda e: e.delete_weight("layers/norm", "9"), lambda e: e.save("x.h5")):
            with pytest.raises(ValueError):
                action(editor)
        saved = str(tmp_path / f"{name}.weights.h5")
        editor.save(saved)
        results[name] = saved
    read = [_plain(editor.weights_dict) for saved in results.values()
            for editor in (hl.saving.KerasFileEditor(saved), keras.saving.KerasFileEditor(saved))]
    assert read[0] == read[1] == read[2] == read[3]
