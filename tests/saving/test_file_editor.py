"""`KerasFileEditor`: weights in files, looked at and changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import highlevel as hl
from highlevel.saving import FileError, KerasFileEditor

h5py = pytest.importorskip("h5py")


def _model(count: int = 2, units: int = 3) -> Any:
    return hl.Sequential([hl.Input((4,))] + [
        hl.layers.Dense(units, name=f"d{i}") for i in range(count)], name="m")


@pytest.fixture
def path(tmp_path: Path) -> str:
    _model().save_weights(tmp_path / "m.weights.h5")
    return str(tmp_path / "m.weights.h5")


def test_what_is_there(path: str, capsys: Any) -> None:
    editor = KerasFileEditor(path)
    assert {k: {i: v.shape for i, v in o.items()} for k, o in editor.weights_dict["layers"].items()
            } == {"dense": {"0": (4, 3), "1": (3,)}, "dense_1": {"0": (3, 3), "1": (3,)}}
    assert editor.object_metadata == {
        "/layers/dense": {"name": "d0"}, "/layers/dense_1": {"name": "d1"}}
    assert editor.metadata is None and editor.config is None
    capsys.readouterr()
    editor.summary()
    text = capsys.readouterr().out
    assert "dense_1 ('d1')" in text and "0: shape (4, 3), float32" in text


def test_a_model_file(tmp_path: Path, capsys: Any) -> None:
    model = _model()
    model.compile("adam", "mse")
    model.fit(np.zeros((4, 4)), np.zeros((4, 3)), verbose=0)
    model.save(tmp_path / "m.keras")
    editor = KerasFileEditor(tmp_path / "m.keras")
    assert editor.config["class_name"] == "Sequential"
    assert editor.metadata["keras_version"] in capsys.readouterr().out
    assert len(editor.weights_dict["optimizer"]) == len(model.optimizer.variables)
    assert editor.compare(model) == {"status": "success", "error_count": 0, "match_count": 14}


def test_compare(path: str, capsys: Any) -> None:
    editor = KerasFileEditor(path)
    assert editor.compare(_model()) == {"status": "success", "error_count": 0, "match_count": 4}
    assert "fits the reference model: 4 matching" in capsys.readouterr().out
    assert editor.compare(_model(3)) == {"status": "error", "error_count": 1, "match_count": 4}
    assert "/layers/dense_2 is in the reference model, not in the file" in capsys.readouterr().out
    assert editor.compare(_model(1)) == {"status": "error", "error_count": 1, "match_count": 2}
    assert "/layers/dense_1 is in the file, not in the reference" in capsys.readouterr().out
    assert editor.compare(_model(2, 5)) == {"status": "error", "error_count": 4, "match_count": 0}
    assert "shape (4, 3) in the file and (4, 5)" in capsys.readouterr().out


def test_edited_weights_load(path: str, tmp_path: Path) -> None:
    model = _model(3, 4)
    values = KerasFileEditor(path).weights_dict["layers"]
    editor = KerasFileEditor(path)
    editor.rename_object("layers/dense_1", "dense_2")
    editor.rename_object("dense", "dense_1")
    editor.delete_weight("dense_1", "0")
    editor.add_weights("dense_1", {"0": np.ones((4, 4), "float32"),
                                   "1": np.full(4, 2.0, "float32")})
    editor.delete_object("layers/dense_2")
    editor.add_object("layers/dense_2", {"0": np.zeros((4, 4)), "1": values["dense"]["0"][:, 0]})
    editor.add_object("layers/dense", {"0": values["dense"]["0"] @ np.ones((3, 4)),
                                       "1": np.zeros(4)})
    new = tmp_path / "new.weights.h5"
    editor.save(new)
    model.load_weights(new)
    np.testing.assert_array_equal(model.layers[1].get_weights()[0], np.ones((4, 4)))
    np.testing.assert_array_equal(model.layers[2].bias.numpy(), values["dense"]["0"][:, 0])
    assert KerasFileEditor(new).object_metadata == {"/layers/dense_1": {"name": "d0"}}
    editor.resave_weights(path)
    assert KerasFileEditor(path).compare(model)["status"] == "success"


def test_objects_with_weights_and_children(tmp_path: Path) -> None:
    class Block(hl.layers.Layer):
        def build(self, shape: Any) -> None:
            self.scale = self.add_weight((1,), "ones", name="scale")
            self.dense = hl.layers.Dense(2)
            self.dense.build(shape)

        def call(self, x: Any) -> Any:
            return self.dense(x) * self.scale

    def build() -> Any:
        return hl.Sequential([hl.Input((2,)), Block()])

    build().save_weights(tmp_path / "m.weights.h5")
    editor = KerasFileEditor(tmp_path / "m.weights.h5")
    assert editor.compare(build())["match_count"] == 3
    editor.save(tmp_path / "n.weights.h5")  # nothing is lost on the way
    build().load_weights(tmp_path / "n.weights.h5")


def test_errors(path: str, tmp_path: Path) -> None:
    editor = KerasFileEditor(path)
    for action in (lambda: editor.rename_object("dense", "x/y"),
                   lambda: editor.rename_object("dense", "dense_1"),
                   lambda: editor.rename_object("layers/nothing", "x"),
                   lambda: editor.delete_object("nothing"),
                   lambda: editor.delete_object("0"),  # there are two
                   lambda: editor.add_object("elsewhere/dense", {}),
                   lambda: editor.add_object("dense", [1]),
                   lambda: editor.add_weights("dense", [1]),
                   lambda: editor.delete_weight("dense", "7"),
                   lambda: editor.save(tmp_path / "x.h5")):
        with pytest.raises(ValueError):
            action()
    with pytest.raises(ValueError, match=r"more than one '0'.*layers/dense/0"):
        editor.delete_object("0")
    with pytest.raises(ValueError, match=r"no 'dens' in the file; it has 'dense'"):
        editor.delete_object("dens")
    with pytest.raises(ValueError, match="has no weight '7'; it has: 0, 1"):
        editor.delete_weight("dense", "7")
    with pytest.raises(FileNotFoundError):
        KerasFileEditor(tmp_path / "nothing.weights.h5")
    with pytest.raises(FileError, match=r"ends in '\.keras' or"):
        KerasFileEditor(tmp_path / "m.txt")


@pytest.mark.parametrize("kind", ["soft", "external", "virtual", "bomb"])
def test_hostile_files(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "m.weights.h5"
    with h5py.File(path, "w") as file:
        if kind == "soft":
            file["layers/dense/vars/0"] = h5py.SoftLink("/x")
        elif kind == "external":
            file["layers/dense/vars/0"] = h5py.ExternalLink("/etc/passwd", "/")
        elif kind == "virtual":
            layout = h5py.VirtualLayout((2, 3), "float32")
            layout[:] = h5py.VirtualSource("/etc/passwd", "x", (2, 3))
            file.create_virtual_dataset("layers/dense/vars/0", layout)
        else:
            file.create_dataset("layers/dense/vars/0", (2**22, 2**20), "f4", chunks=(1024, 1024))
    with pytest.raises(FileError, match=r"link|other files|claims"):
        KerasFileEditor(path)
