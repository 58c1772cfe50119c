"""Weights as safetensors: names, partial and renamed loading, reports; read by the library."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from highlevel_backend import use_backend
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

import highlevel as hl
from highlevel import saving

X = np.linspace(-1, 1, 8, dtype="float32").reshape(4, 2)


def _model(units: int = 3, first: str | None = "one", second: str | None = "two", **kwargs: Any) -> Any:
    return hl.Sequential([
        hl.Input((2,)), hl.layers.Dense(units, name=first, **kwargs), hl.layers.BatchNormalization(name="norm"),
        hl.layers.Dense(1, name=second),
    ], name="net" if first else None)


def test_names_are_paths(backend: Any, tmp_path: Path) -> None:
    model, path = _model(), tmp_path / "w.safetensors"
    model.compile("adam", "mse")
    model.save_weights(path)
    arrays = load_file(path)
    assert set(arrays) == {v.path for v in model.weights} == {
        "net/one/kernel", "net/one/bias", "net/two/kernel", "net/two/bias", "net/norm/gamma", "net/norm/beta",
        "net/norm/moving_mean", "net/norm/moving_variance",
    }
    np.testing.assert_array_equal(arrays["net/one/kernel"], model.layers[0].kernel.numpy())
    other = _model()
    report = other.load_weights(path)
    assert report.complete and report.loaded == [v.path for v in other.weights]
    assert report.sources["net/one/kernel"] == "net/one/kernel"
    np.testing.assert_array_equal(np.asarray(other(X)), np.asarray(model(X)))
    assert repr(report).startswith(f"{path}: 8 variables loaded")


def test_loading_initialises_nothing(tmp_path: Path) -> None:
    _model().save_weights(tmp_path / "w.safetensors")

    def never(shape: Any, dtype: Any = None) -> Any:
        raise AssertionError("a value was initialised that the file replaces")

    model = _model(kernel_initializer=never)
    model.load_weights(tmp_path / "w.safetensors")
    assert not any(v.is_pending for v in model.weights)


def test_automatic_names_that_differ(tmp_path: Path) -> None:
    """A model made again in the same session: its layers have other numbers."""
    model, path = _model(first=None, second=None), tmp_path / "w.safetensors"
    model.save_weights(path)
    again = _model(first=None, second=None)
    assert again.weights[0].path != model.weights[0].path
    report = again.load_weights(path)
    assert report.complete
    assert report.sources[again.weights[0].path] == model.weights[0].path
    np.testing.assert_array_equal(np.asarray(again(X)), np.asarray(model(X)))


def test_all_that_does_not_fit_is_told_and_nothing_changed(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    save_file({
        "net/one/kernel": np.zeros((2, 3), "float32"), "net/one/bias": np.zeros(4, "float32"),
        "net/norm/gamma": np.zeros(3, "float32"), "net/norm/beta": np.zeros(3, "float32"),
        "net/norm/moving_mean": np.zeros(3, "float32"), "net/norm/moving_variance": np.zeros(3, "float32"),
        "net/two/kernel": np.zeros((3, 1), "float32"), "extra": np.zeros(1, "float32"),
    }, path)
    model = _model()
    with pytest.raises(ValueError, match="nothing was changed") as caught:
        model.load_weights(path)
    text = str(caught.value)
    assert "'net/one/bias' has the shape (3,), 'net/one/bias' in the file (4,)" in text
    assert "'net/two/bias' of shape (1,) is not in the file" in text
    assert "'extra' in the file is used by nothing" in text
    assert all(v.is_pending for v in model.weights)

    report = model.load_weights(path, strict=False)
    assert report.missing == ["net/two/bias"] and report.unused == ["extra"]
    assert report.differing == [("net/one/bias", (3,), (4,))]
    assert "net/one/kernel" in report.loaded and len(report.loaded) == 6 and not report.complete
    with pytest.warns(UserWarning, match="does not fit"):
        _model().load_weights(path, skip_mismatch=True)
    with pytest.raises(ValueError, match="contradict"):
        model.load_weights(path, skip_mismatch=True, strict=True)


def test_rename(tmp_path: Path) -> None:
    source, path = _model(first="encoder", second="old_head"), tmp_path / "w.safetensors"
    source.save_weights(path)
    model = _model(first="backbone", second="head")
    report = model.load_weights(path, rename={"net/encoder": "net/backbone", "net/old_head/": "net/head/"})
    assert report.complete and report.sources["net/head/bias"] == "net/old_head/bias"
    np.testing.assert_array_equal(np.asarray(model(X)), np.asarray(source(X)))
    model = _model(first="backbone", second="head")
    model.load_weights(path, rename=lambda name: name.replace("encoder", "backbone").replace("old_", ""))
    np.testing.assert_array_equal(np.asarray(model(X)), np.asarray(source(X)))
    report = _model(first="encoder").load_weights(
        path, rename={"net/old_head": None}, strict=False)
    assert report.missing == ["net/two/kernel", "net/two/bias"] and not report.unused
    with pytest.raises(ValueError, match=r"'net/encodr'.*'net/encoder/"):
        model.load_weights(path, rename={"net/encodr": "backbone"})
    with pytest.raises(ValueError, match="the same name"):
        model.load_weights(path, rename={"net/encoder": "net/old_head"})
    with pytest.raises(TypeError, match="string"):
        model.load_weights(path, rename=lambda name: 3)


def test_objects_to_skip(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    _model().save_weights(path)
    model = _model()
    report = model.load_weights(path, objects_to_skip=[model.layers[2]])
    assert model.layers[2].kernel.is_pending and len(report.loaded) == 6 and len(report.skipped) == 1


def test_layers_of_one_name_in_nested_models(tmp_path: Path) -> None:
    def build() -> Any:
        def inner(name: str) -> Any:
            x = hl.Input((2,))
            return hl.Model(x, hl.layers.Dense(2, name="same")(x), name=name)

        x = hl.Input((2,))
        return hl.Model(x, inner("b")(inner("a")(x)))

    model, path = build(), tmp_path / "w.safetensors"
    model.save_weights(path)
    assert len(load_file(path)) == 4
    again = build()
    assert again.load_weights(path).complete
    np.testing.assert_array_equal(np.asarray(again(X)), np.asarray(model(X)))


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_dtypes(dtype: str, backend: Any, tmp_path: Path) -> None:
    model, path = _model(dtype=dtype), tmp_path / "w.safetensors"
    model.save_weights(path)
    with safe_open(path, framework="numpy") as file:
        assert file.get_slice("net/one/kernel").get_dtype() == {"bfloat16": "BF16", "float16": "F16"}[dtype]
        assert json.loads(file.metadata()["highlevel.places"])["net/one/kernel"] == "layers/dense/vars/0"
    again = _model(dtype=dtype)
    again.load_weights(path)
    for a, b in zip(model.weights, again.weights, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(np.asarray(a.numpy(), "float32"), np.asarray(b.numpy(), "float32"))


def test_from_one_backend_to_the_other(tmp_path: Path) -> None:
    with use_backend("jax"):
        model = _model()
        model.save_weights(tmp_path / "w.safetensors")
        expected = np.asarray(model(X))
    with use_backend("numpy"):
        other = _model()
        other.load_weights(tmp_path / "w.safetensors")
        np.testing.assert_allclose(np.asarray(other(X)), expected, rtol=1e-5, atol=1e-6)


def test_damaged_and_foreign_files(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    _model().save_weights(path)
    whole = path.read_bytes()
    for data in (b"", whole[:40], whole[:-5], b"PK\x03\x04" + whole):
        path.write_bytes(data)
        with pytest.raises(ValueError, match="damaged"):
            _model().load_weights(path)
    with pytest.raises(FileNotFoundError, match=r"w\.safetensors"):
        _model().load_weights(tmp_path / "v.safetensors")
    with pytest.raises(ValueError, match="not built"):
        path.write_bytes(whole)
        hl.Sequential([hl.layers.Dense(3)]).load_weights(path)


def test_hdf5_takes_strict_and_rename_too(tmp_path: Path) -> None:
    path = tmp_path / "m.weights.h5"
    source = _model()
    source.save_weights(path)
    small = hl.Sequential([hl.Input((2,)), hl.layers.Dense(3)])
    assert small.load_weights(path).unused
    with pytest.raises(ValueError, match="used by nothing"):
        small.load_weights(path, strict=True)
    wide = hl.Sequential([hl.Input((2,)), hl.layers.Dense(3), hl.layers.Dense(3), hl.layers.Dense(1)])
    report = wide.load_weights(path, strict=False, rename={"layers/dense_1": "layers/dense_2"})
    assert report.sources[wide.layers[2].kernel.path] == "layers/dense_1/vars/0"
    np.testing.assert_array_equal(wide.layers[2].kernel.numpy(), source.layers[2].kernel.numpy())
    assert wide.layers[1].kernel.is_pending and report.missing


def test_what_to_skip_with_all_that_is_below_it(tmp_path: Path) -> None:
    path = tmp_path / "m.weights.h5"

    def build() -> Any:
        return hl.Sequential([hl.Input((2,)), hl.Sequential([hl.layers.Dense(2)]), hl.layers.Dense(1)])

    build().save_weights(path)
    model = build()
    report = saving.load_weights(model, path, objects_to_skip=[model.layers[0]])
    assert model.layers[0].layers[0].kernel.is_pending and not model.layers[1].kernel.is_pending
    assert not report.unused and len(report.skipped) == 1
