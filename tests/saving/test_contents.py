"""What a file would build, told without building it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import highlevel as hl
from highlevel import saving

h5py = pytest.importorskip("h5py")


def _model() -> Any:
    inner = hl.Sequential([hl.Input((3,)), hl.layers.Dense(4, activation="relu", name="deep")],
                          name="inner")
    words = hl.layers.StringLookup()
    words.adapt(["a", "b"])
    x = hl.Input((3,), name="x")
    text = hl.Input((1,), dtype="string", name="text")
    y = hl.layers.Concatenate()([inner(x), hl.layers.Flatten()(
        hl.layers.Embedding(5, 2)(words(text)))])
    return hl.Model([x, text], hl.layers.Dense(1, name="out")(y * 2.0), name="whole")


def test_a_model(tmp_path: Path) -> None:
    model = _model()
    model.compile("adam", "mse", metrics=["mae"])
    model.optimizer.build(model.trainable_variables)
    path = tmp_path / "m.keras"
    model.save(path)
    found = saving.inspect_file(path)
    assert found.kind == "model" and found.model == "Functional"
    assert found.size == path.stat().st_size
    assert found.metadata["keras_version"].startswith("3.")
    assert found.parameters == model.count_params() == sum(v.numpy().size for v in model.weights)
    arrays = {array.path: array for array in found.arrays}
    kernel = arrays["layers/dense/vars/0"]
    assert (kernel.shape, kernel.dtype, kernel.nbytes) == ((6, 1), "float32", 24)
    assert len(arrays) == 5 + len(model.optimizer.variables)
    by_path = {item.path: item for item in found.objects}
    deep = by_path["whole/inner/deep"]
    assert (deep.class_name, deep.module, deep.source) == ("Dense", "keras.layers", "built in")
    assert deep.config["units"] == 4 and deep.shapes["input_shape"] == [None, 3]
    assert any(item.source == "op" for item in found.objects)
    assert {"Dense", "Adam", "Functional", "StringLookup"} <= set(found.classes)
    assert found.compile_config["loss"] == "mse"
    assert list(found.assets) and found.unknown == [] and found.refusals == []
    text = repr(found)
    for part in ("m.keras", f"{found.parameters} parameters", "Adam",
                 "layers/dense/vars/0  (6, 1)  float32", "assets/"):
        assert part in text
    again = json.loads(json.dumps(found.to_dict()))
    assert again["parameters"] == found.parameters and again["classes"] == found.classes
    model.save(tmp_path / "folder", zipped=False)
    folder = saving.inspect_file(tmp_path / "folder")
    assert folder.kind == "folder" and folder.parameters == found.parameters


def test_nothing_is_built(tmp_path: Path, monkeypatch: Any) -> None:
    path = tmp_path / "m.keras"
    _model().save(path)

    def never(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("an object was made, or an array read")

    monkeypatch.setattr(hl.layers.Layer, "__init__", never)
    monkeypatch.setattr("highlevel.saving.h5.Dataset.read", never)
    assert saving.inspect_file(path).parameters > 0


def test_what_would_be_refused(tmp_path: Path) -> None:
    class Mine(hl.layers.Layer):
        def call(self, x: Any) -> Any:
            return x

    path = tmp_path / "m.keras"
    hl.Sequential([hl.Input((2,)), Mine(name="odd"), hl.layers.Dense(1)]).save(path)
    assert saving.inspect_file(path).unknown == []  # this process wrote it, and may read it
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(parts["config.json"])
    layers = config["config"]["layers"]
    layers[1] |= {"module": "os", "class_name": "system", "registered_name": None}
    layers[2]["config"]["activation"] = {
        "class_name": "__lambda__", "config": {"code": "4wEA", "defaults": None, "closure": None}}
    layers.append({"module": "keras.layers", "class_name": "StringLookup", "registered_name": None,
                   "config": {"name": "words", "vocabulary": "/etc/passwd"}})
    parts["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    found = saving.inspect_file(path)
    assert found.unknown == ["os.system"]
    text = repr(found)
    assert "'/etc/passwd'" in text and "never run" in text and "os.system" in text
    assert len(found.refusals) == 3
    with saving.CustomObjectScope({"system": Mine}):
        assert saving.inspect_file(path).unknown == []


def test_files_of_weights(tmp_path: Path) -> None:
    model = hl.Sequential([hl.Input((2,)), hl.layers.Dense(3, dtype="bfloat16"),
                           hl.layers.Dense(1)])
    expected = sorted((tuple(v.shape), v.dtype) for v in model.weights)
    for name, kind in (("m.weights.h5", "weights"), ("m.weights.json", "weight list"),
                       ("m.safetensors", "safetensors")):
        if name.endswith("safetensors"):
            pytest.importorskip("safetensors")
        options = {"max_shard_size": 1e-7} if name.endswith("json") else {}
        model.save_weights(tmp_path / name, **options)
        found = saving.inspect_file(tmp_path / name)
        assert found.kind == kind and found.model is None and found.objects == []
        assert sorted((a.shape, a.dtype) for a in found.arrays) == expected
        assert found.parameters == 13


def test_older_models(tmp_path: Path) -> None:
    path = tmp_path / "m.h5"
    model = hl.Sequential([hl.Input((2,)), hl.layers.Dense(3, name="a")])
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = "2.15.0"
        file.attrs["model_config"] = json.dumps(
            {"class_name": "Sequential", "config": model.get_config()})
        file["model_weights/a/a/kernel:0"] = np.zeros((2, 3), "float32")
    found = saving.inspect_file(path)
    assert (found.kind, found.model, found.parameters) == ("older model", "Sequential", 6)
    assert found.metadata == {"keras_version": "2.15.0"}
    assert "Sequential/a" in {item.path for item in found.objects} or any(
        item.path.endswith("/a") for item in found.objects)


def test_errors(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="There is no file"):
        saving.inspect_file(tmp_path / "m.keras")
    (tmp_path / "m.txt").write_text("x")
    with pytest.raises(saving.FileError, match=r"end in '\.keras'"):
        saving.inspect_file(tmp_path / "m.txt")
    (tmp_path / "m.safetensors").write_bytes((2**40).to_bytes(8, "little") + b"{}")
    with pytest.raises(saving.FileError, match="only partly written"):
        saving.inspect_file(tmp_path / "m.safetensors")
    _model().save(tmp_path / "m.keras")
    data = (tmp_path / "m.keras").read_bytes()
    (tmp_path / "m.keras").write_bytes(data[:-40])
    with pytest.raises(saving.FileError, match="damaged"):
        saving.inspect_file(tmp_path / "m.keras")
