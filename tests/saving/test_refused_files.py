"""Hostile and damaged files: each is refused with a clear error, and touches nothing."""

from __future__ import annotations

import io
import json
import os
import stat
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import highlevel as hl
from highlevel.saving import load_model, load_weights

h5py = pytest.importorskip("h5py")


def _model() -> Any:
    return hl.Sequential([hl.Input((2,)), hl.layers.Dense(3, name="a")])


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.keras"
    _model().save(path)
    return path


def _parts(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _write(path: Path, parts: dict[str, bytes], compress: int = zipfile.ZIP_STORED) -> str:
    with zipfile.ZipFile(path, "w", compress) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return str(path)


def _with_config(good: Path, change: Any) -> str:
    parts = _parts(good)
    config = json.loads(parts["config.json"])
    config = change(config) or config
    parts["config.json"] = json.dumps(config).encode()
    return _write(good.with_name("bad.keras"), parts)


def _with_weights(good: Path, write: Any) -> str:
    parts = _parts(good)
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        write(file)
    parts["model.weights.h5"] = buffer.getvalue()
    return _write(good.with_name("bad.keras"), parts)


# ------------------------------------------------------------------------ archives


@pytest.mark.parametrize("name", [
    "../evil.txt", "/tmp/evil.txt", "assets/../../evil", "a\\..\\evil", "C:/evil", "assets//x",
])
def test_paths_out_of_the_archive(good: Path, name: str) -> None:
    bad = _write(good.with_name("bad.keras"), {**_parts(good), name: b"x"})
    with pytest.raises(ValueError, match=r"leads out of the archive"):
        load_model(bad)
    assert not (good.parent / "evil.txt").exists()


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_special_files(good: Path, kind: int) -> None:
    bad = good.with_name("bad.keras")
    _write(bad, _parts(good))
    with zipfile.ZipFile(bad, "a") as archive:
        info = zipfile.ZipInfo("assets/passwd")
        info.external_attr = (kind | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(ValueError, match="link or a special file"):
        load_model(bad)


def test_an_entry_twice(good: Path) -> None:
    bad = good.with_name("bad.keras")
    _write(bad, _parts(good))
    with zipfile.ZipFile(bad, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("config.json", "{}")
    with pytest.raises(ValueError, match="twice"):
        load_model(bad)


def test_zip_bomb(good: Path) -> None:
    parts = {**_parts(good), "config.json": b" " * (300 * 2**20)}
    bad = _write(good.with_name("bad.keras"), parts, zipfile.ZIP_DEFLATED)
    with pytest.raises(ValueError, match=r"would grow from .* to 314,572,800 bytes"):
        load_model(bad)


def test_an_entry_longer_than_it_claims(good: Path) -> None:
    bad = Path(_write(good.with_name("bad.keras"), _parts(good), zipfile.ZIP_DEFLATED))
    data = bytearray(bad.read_bytes())
    start = data.rfind(b"PK\x01\x02", 0, data.rfind(b"model.weights.h5"))
    size = struct.unpack_from("<I", data, start + 24)[0]
    struct.pack_into("<I", data, start + 24, size - 100)
    bad.write_bytes(data)
    with pytest.raises(ValueError, match="damaged"):
        load_model(bad)


def test_a_changed_byte_is_noticed(good: Path) -> None:
    data = bytearray(good.read_bytes())
    at = data.find(b"\x89HDF") + 2100
    data[at] ^= 0xFF
    good.write_bytes(data)
    with pytest.raises(ValueError, match="damaged"):
        load_model(good)


@pytest.mark.parametrize("share", [0.0, 0.02, 0.3, 0.7, 0.95, 0.999])
def test_half_written(good: Path, share: float) -> None:
    data = good.read_bytes()
    good.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(ValueError, match=r"damaged|never written to the end") as caught:
        load_model(good)
    assert "not found" not in str(caught.value).lower()


def test_other_kinds_of_file(good: Path, tmp_path: Path) -> None:
    text = tmp_path / "text.keras"
    text.write_text("hello there")
    with pytest.raises(ValueError, match=r"not a `.keras` archive"):
        load_model(text)
    weights = tmp_path / "w.keras"
    with h5py.File(weights, "w"):
        pass
    with pytest.raises(ValueError, match="HDF5"):
        load_model(weights)
    for name in ("m.weights.h5", "m.pb"):
        with pytest.raises(ValueError, match=r"load_weights|'\.keras' file"):
            load_model(tmp_path / name)


def test_missing_file_names_its_neighbours(good: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"'good\.keras'"):
        load_model(good.with_name("god.keras"))
    with pytest.raises(FileNotFoundError, match="folder"):
        load_model(good.parent / "nowhere" / "x.keras")


def test_no_config(good: Path) -> None:
    parts = _parts(good)
    del parts["config.json"]
    with pytest.raises(ValueError, match=r"no 'config\.json'"):
        load_model(_write(good.with_name("bad.keras"), parts))
    for text in (b"{", b"[" * 100_000, b"\xff\xfe"):
        bad = _write(good.with_name("bad.keras"), {**_parts(good), "config.json": text})
        with pytest.raises(ValueError, match="cannot be read as JSON"):
            load_model(bad)
    bad = _write(good.with_name("bad.keras"), {**_parts(good), "config.json": b"[1]"})
    with pytest.raises(ValueError, match="does not describe a model"):
        load_model(bad)


# ------------------------------------------------------------------ configurations


@pytest.mark.parametrize(("module", "name"), [
    ("os", "system"), ("builtins", "eval"), ("subprocess", "Popen"), ("keras.utils", "get_file"),
    ("keras.src.utils.file_utils", "get_file"), ("highlevel.saving", "load_model"),
    ("keras.layers", "__loader__"), ("keras.layers", "core.dense.Dense"),
    ("highlevel.saving.atomic", "os.system"), ("keras.src.ops.numpy", "__import__"),
])
@pytest.mark.parametrize("safe_mode", [True, False])
def test_classes_outside_the_table(good: Path, module: str, name: str, safe_mode: bool) -> None:
    marker = good.parent / "marker"

    def change(config: dict) -> None:
        config["config"]["layers"][1] = {
            "module": module, "class_name": name, "config": {"command": f"touch {marker}"},
            "registered_name": None,
        }

    with pytest.raises(TypeError, match=r"not known here|does not have"):
        load_model(_with_config(good, change), safe_mode=safe_mode)
    assert not marker.exists()


@pytest.mark.parametrize("name", ["eval", "exec", "open", "__import__", "os.system", "getattr"])
def test_functions_outside_the_table(good: Path, name: str) -> None:
    def change(config: dict) -> None:
        config["config"]["layers"][1]["config"]["activation"] = {
            "module": "builtins", "class_name": "function", "config": name,
            "registered_name": "function",
        }

    with pytest.raises((TypeError, ValueError), match="not known here"):
        load_model(_with_config(good, change))


@pytest.mark.parametrize("safe_mode", [True, False])
def test_bytecode_is_never_run(good: Path, safe_mode: bool) -> None:
    def change(config: dict) -> None:
        config["config"]["layers"].append({
            "module": "keras.layers", "class_name": "Lambda", "registered_name": None,
            "config": {"name": "code", "trainable": True, "function": {
                "class_name": "__lambda__",
                "config": {"code": "4wEAAAAAAAAA", "defaults": None, "closure": None}}},
        })

    bad = _with_config(good, change)
    with pytest.raises(ValueError, match="never run"):
        load_model(bad, safe_mode=safe_mode)
    model = load_model(bad, custom_objects={"code": lambda x: x + 1.0}, safe_mode=safe_mode)
    inner = _model()
    inner.set_weights(model.get_weights())
    x = np.ones((1, 2), "float32")
    np.testing.assert_allclose(model(x), np.asarray(inner(x)) + 1.0, rtol=1e-6)


def test_vocabulary_from_another_file(good: Path) -> None:
    def change(config: dict) -> None:
        config["config"]["layers"].append({
            "module": "keras.layers", "class_name": "StringLookup", "registered_name": None,
            "config": {"name": "s", "vocabulary": "/etc/passwd"},
        })

    with pytest.raises(ValueError, match="vocabulary"):
        load_model(_with_config(good, change))


# ---------------------------------------------------------------------- HDF5 files


def _refused(good: Path, write: Any, match: str) -> None:
    bad = _with_weights(good, write)
    with pytest.raises(ValueError, match=match):
        load_model(bad)
    path = good.with_name("bad.weights.h5")
    with h5py.File(path, "w") as file:
        write(file)
    model = _model()
    with pytest.raises(ValueError, match=match):
        load_weights(model, path)
    assert all(v.is_pending for v in model.weights)


def test_external_links(good: Path) -> None:
    def write(file: Any) -> None:
        file["layers/dense/vars/0"] = h5py.ExternalLink("/etc/passwd", "/")

    _refused(good, write, "is a link")


def test_soft_links(good: Path) -> None:
    def write(file: Any) -> None:
        file["layers/dense/vars/0"] = h5py.SoftLink("/elsewhere")

    _refused(good, write, "is a link")


def test_external_storage(good: Path) -> None:
    secret = good.parent / "secret.bin"
    secret.write_bytes(b"\1" * 64)

    def write(file: Any) -> None:
        file.create_dataset(
            "layers/dense/vars/0", (2, 3), "float32", external=[(str(secret), 0, 24)])

    _refused(good, write, "other files")


def test_virtual_arrays(good: Path) -> None:
    def write(file: Any) -> None:
        layout = h5py.VirtualLayout((2, 3), "float32")
        layout[:] = h5py.VirtualSource("/etc/passwd", "x", (2, 3))
        file.create_virtual_dataset("layers/dense/vars/0", layout)

    _refused(good, write, "other files")


def test_shape_bomb_is_not_read(good: Path) -> None:
    def write(file: Any) -> None:  # 2**46 bytes claimed, none stored
        file.create_dataset("layers/dense/vars/0", (2**22, 2**22), "float32", chunks=(1024, 1024))
        file.create_dataset("layers/dense/vars/1", (3,), "float32")

    _refused(good, write, r"has the shape \(2, 3\)")


def test_bomb_of_the_right_shape_for_objects_with_their_own_way(good: Path) -> None:
    from highlevel.saving.h5 import open_weights

    path = str(good.with_name("bomb.weights.h5"))
    with h5py.File(path, "w") as file:
        file.create_dataset("a/vars/0", (2**22, 2**20), "float32", chunks=(1024, 1024))
    with open_weights([(path, path)]) as weights, pytest.raises(ValueError, match="claims"):
        weights.store("a")["0"]


def test_groups_in_a_circle(good: Path) -> None:
    def write(file: Any) -> None:
        group = file.create_group("layers")
        group["again"] = group

    _refused(good, write, "contains itself")


def test_nesting_without_end(good: Path) -> None:
    _refused(good, lambda file: file.create_group("/".join(["x"] * 100)), "nested deeper")


def test_damaged_weights(tmp_path: Path) -> None:
    model = _model()
    path = tmp_path / "m.weights.h5"
    model.save_weights(path)
    data = path.read_bytes()
    for size in (0, 100, len(data) // 2):
        path.write_bytes(data[:size])
        fresh = _model()
        with pytest.raises(ValueError, match=r"damaged|never written"):
            load_weights(fresh, path)
        assert all(v.is_pending for v in fresh.weights)


def test_shards_stay_in_their_folder(tmp_path: Path) -> None:
    path = tmp_path / "m.weights.json"
    path.write_text(json.dumps({"weight_map": {"/vars": ["../../etc/passwd"]}}))
    with pytest.raises(ValueError, match="outside its folder"):
        load_weights(_model(), path)
    path.write_text("[]")
    with pytest.raises(ValueError, match="not a list of weight files"):
        load_weights(_model(), path)


def test_folder_with_links(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    _model().save(folder, zipped=False)
    os.symlink("/etc/passwd", folder / "assets.txt")
    with pytest.raises(ValueError, match="is a link"):
        load_model(folder)
