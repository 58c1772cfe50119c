"""Saving and loading within this library: whole or not at all, on every backend."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from highlevel_backend import use_backend

import highlevel as hl
from highlevel import saving
from highlevel.saving.walk import walk


def _model(units: int = 3, **kwargs: Any) -> Any:
    return hl.Sequential([hl.Input((2,)), hl.layers.Dense(units, **kwargs), hl.layers.Dense(1)])


X = np.linspace(-1, 1, 8, dtype="float32").reshape(4, 2)


def test_round_trip(backend: Any, tmp_path: Path) -> None:
    model = _model(activation="tanh")
    path = tmp_path / "m.keras"
    model.save(path)
    again = saving.load_model(path)
    np.testing.assert_array_equal(np.asarray(model(X)), np.asarray(again(X)))
    assert [v.name for v in again.weights] == [v.name for v in model.weights]
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == ["metadata.json", "config.json", "model.weights.h5"]
        assert json.loads(archive.read("metadata.json"))["keras_version"].startswith("3.")


def test_folder(tmp_path: Path) -> None:
    model, path = _model(), tmp_path / "folder"
    model.save(path, zipped=False)
    model.save(path, zipped=False)  # in place of the first
    again = saving.load_model(path)
    np.testing.assert_array_equal(np.asarray(model(X)), np.asarray(again(X)))
    assert os.listdir(tmp_path) == ["folder"]


def test_from_one_backend_to_the_other(tmp_path: Path) -> None:
    with use_backend("numpy"):
        model = _model()
        model.save(tmp_path / "m.keras")
        expected = np.asarray(model(X))
    with use_backend("jax"):
        np.testing.assert_allclose(
            np.asarray(saving.load_model(tmp_path / "m.keras")(X)), expected, rtol=1e-5, atol=1e-6)


def test_loading_initialises_nothing(tmp_path: Path) -> None:
    _model().save_weights(tmp_path / "m.weights.h5")

    def never(shape: Any, dtype: Any = None) -> Any:
        raise AssertionError("a value was initialised that the file replaces")

    model = _model(kernel_initializer=never, bias_initializer=never)
    report = saving.load_weights(model, tmp_path / "m.weights.h5")
    assert len(report.loaded) == 4
    assert not any(v.is_pending for v in model.weights)


def test_a_failed_save_leaves_the_old_file(tmp_path: Path, monkeypatch: Any) -> None:
    path = tmp_path / "m.keras"
    model = _model()
    model.save(path)
    before = path.read_bytes()

    class Full(Exception):
        pass

    def fail(*args: Any, **kwargs: Any) -> None:
        raise Full("no space left")

    monkeypatch.setattr("highlevel.saving.model_files.write_weights", fail)
    with pytest.raises(Full):
        model.save(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["m.keras"]
    folder = tmp_path / "folder"
    with pytest.raises(Full):
        model.save(folder, zipped=False)
    assert os.listdir(tmp_path) == ["m.keras"]


def test_overwrite(tmp_path: Path) -> None:
    path = tmp_path / "m.keras"
    _model().save(path)
    with pytest.raises(FileExistsError, match="overwrite"):
        _model().save(path, overwrite=False)
    weights = tmp_path / "m.weights.h5"
    _model().save_weights(weights)
    with pytest.raises(FileExistsError, match="overwrite"):
        _model().save_weights(weights, overwrite=False)


@pytest.mark.parametrize("name", ["m", "m.foo", "m.weights.h5"])
def test_wrong_ending(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=r"'\.keras'"):
        _model().save(tmp_path / name)
    with pytest.raises(ValueError, match=r"'\.weights\.h5'"):
        _model().save_weights(tmp_path / "m.keras")
    with pytest.raises(FileNotFoundError, match="folder"):
        _model().save(tmp_path / "nowhere" / "m.keras")


def test_mismatch_lists_everything_and_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "m.weights.h5"
    _model(3).save_weights(path)
    other = _model(4)
    with pytest.raises(ValueError, match="nothing was changed") as caught:
        other.load_weights(path)
    text = str(caught.value)
    first, second = other.layers
    assert first.kernel.path in text and first.bias.path in text and second.kernel.path in text
    assert "(2, 4)" in text and "(2, 3)" in text
    assert all(v.is_pending for v in other.weights)


def test_skip_mismatch(tmp_path: Path) -> None:
    path = tmp_path / "m.weights.h5"
    source = hl.Sequential([hl.Input((2,)), hl.layers.Dense(3), hl.layers.Dense(3)])
    source.save_weights(path)
    target = hl.Sequential([hl.Input((2,)), hl.layers.Dense(3), hl.layers.Dense(5)])
    with pytest.warns(UserWarning, match="does not fit"):
        report = saving.load_weights(target, path, skip_mismatch=True)
    assert report.loaded == [v.path for v in target.layers[0].weights]
    assert report.differing[0][1:] == ((3, 5), (3, 3))
    np.testing.assert_array_equal(target.layers[0].kernel.numpy(), source.layers[0].kernel.numpy())
    assert target.layers[1].kernel.is_pending


def test_report_of_what_the_file_has_beside(tmp_path: Path) -> None:
    path = tmp_path / "m.weights.h5"
    _model().save_weights(path)
    small = hl.Sequential([hl.Input((2,)), hl.layers.Dense(3)])
    report = saving.load_weights(small, path)
    assert report.unused == ["layers/dense_1/vars/0", "layers/dense_1/vars/1"]
    assert "not used: layers/dense_1/vars/0" in str(report)


def test_objects_to_skip(tmp_path: Path) -> None:
    path = tmp_path / "m.weights.h5"
    _model().save_weights(path)
    model = _model()
    saving.load_weights(model, path, objects_to_skip=[model.layers[1]])
    assert not model.layers[0].kernel.is_pending and model.layers[1].kernel.is_pending


def test_weights_into_an_unbuilt_layer(tmp_path: Path) -> None:
    path = tmp_path / "m.weights.h5"
    _model().save_weights(path)
    unbuilt = hl.Sequential([hl.layers.Dense(3), hl.layers.Dense(1)])
    with pytest.raises(ValueError, match="not built"):
        unbuilt.load_weights(path)


def test_lambda_is_refused_by_name(tmp_path: Path) -> None:
    model = hl.Sequential([hl.Input((2,)), hl.layers.Lambda(lambda x: x, name="mine")])
    with pytest.raises(ValueError, match=r"'mine'.*lambda"):
        model.save(tmp_path / "m.keras")
    assert not os.listdir(tmp_path)
    clone = hl.models.clone_model(model)
    np.testing.assert_array_equal(np.asarray(clone(X)), X)


def _keep(shape: Any, dtype: Any = None) -> Any:
    return np.full(shape, 2.0, dtype)


def test_unregistered_function_and_class(tmp_path: Path) -> None:
    class Odd(hl.layers.Layer):
        def __init__(self, factor: float, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.factor = factor

        def call(self, x: Any) -> Any:
            return x * self.factor

    model = hl.Sequential([hl.Input((2,)), Odd(3.0)])
    path = tmp_path / "m.keras"
    model.save(path)
    np.testing.assert_allclose(np.asarray(saving.load_model(path)(X)), 3 * X)  # same process
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    text = parts["config.json"].decode().replace('"Odd"', '"Other"')
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in {**parts, "config.json": text.encode()}.items():
            archive.writestr(name, data)
    with pytest.raises(TypeError, match=r"custom_objects=\{'Other'") as caught:
        saving.load_model(path)
    assert str(path) in "".join(caught.value.__notes__)
    again = saving.load_model(path, custom_objects={"Other": Odd})
    np.testing.assert_allclose(np.asarray(again(X)), 3 * X)


def test_own_way_of_saving(tmp_path: Path) -> None:
    class Twice(hl.layers.Layer):
        def build(self, input_shape: Any) -> None:
            self.w = self.add_weight((2,), "ones", name="w")

        def call(self, x: Any) -> Any:
            return x * self.w

        def save_own_variables(self, store: Any) -> None:
            store["double"] = 2 * self.w.numpy()

        def load_own_variables(self, store: Any) -> None:
            self.w.assign(store["double"] / 2)

    def build() -> Any:
        model = hl.Sequential([hl.Input((2,)), Twice(), hl.layers.Dense(1)])
        return model

    model = build()
    model.layers[0].w.assign([3.0, 4.0])
    path = tmp_path / "m.weights.h5"
    model.save_weights(path)
    again = build()
    saving.load_weights(again, path)
    np.testing.assert_array_equal(again.layers[0].w.numpy(), [3.0, 4.0])
    # What such an object assigns is held back too, until all is known to fit.
    wrong = hl.Sequential([hl.Input((2,)), Twice(), hl.layers.Dense(2)])
    with pytest.raises(ValueError, match="nothing was changed"):
        saving.load_weights(wrong, path)
    assert wrong.layers[0].w.is_pending


def test_places_of_a_nest_of_attributes() -> None:
    class Nest(hl.layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.many = [hl.layers.Dense(1), hl.layers.Dense(1), [hl.layers.Dropout(0.1)]]
            self.alone = hl.layers.Dense(1)
            self.same = self.alone
            self.by_name = {"b": hl.layers.Dense(1), "a": 3}
            self._last = hl.layers.Dense(1)

        @property
        def front(self) -> Any:
            return self.many[0]

    assert [place for place, _ in walk(Nest())] == [
        "", "alone", "by_name/dense", "front", "many/dense_1", "many/container/dropout", "_last",
    ]


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float64"])
def test_dtypes(dtype: str, backend: Any, tmp_path: Path) -> None:
    model = _model(dtype=dtype)
    path = tmp_path / "m.keras"
    model.save(path)
    again = saving.load_model(path)
    for a, b in zip(model.weights, again.weights):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(np.asarray(a.numpy(), "float32"),
                                      np.asarray(b.numpy(), "float32"))
