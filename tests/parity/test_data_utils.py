"""Images, files in folders, windows and padding: ours beside Keras's, on the same files."""

from __future__ import annotations

import os
import pathlib

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "jax")
keras = pytest.importorskip("keras")
PIL_Image = pytest.importorskip("PIL.Image")

import highlevel as hl  # noqa: E402

pytestmark = pytest.mark.parity

rng = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def _on_numpy():
    with hl.use_backend("numpy"):
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two classes of images and texts, in nested and awkwardly named folders."""
    root = tmp_path_factory.mktemp("classes")
    for k, name in enumerate(("b", "a")):
        for inner in ("", "x", "x-y", "x/z", ".hidden"):
            where = root / name / inner
            where.mkdir(parents=True, exist_ok=True)
            for i in range(2):
                pixels = rng.integers(0, 256, (5 + i, 7 + k, 3), dtype="uint8")
                PIL_Image.fromarray(pixels).save(where / f"{'Bc'[i]}{i}.{'png' if i else 'BMP'}")
                (where / f"t{i}.txt").write_text(f"{name} {inner} {i}")
        (root / name / "notes.md").write_text("no image")
    (root / ".git").mkdir()
    (root / "empty").mkdir()
    return root


# -------------------------------------------------------------------- single images


@pytest.mark.parametrize("shape", [(3, 4, 1), (3, 4, 3), (3, 4, 4)])
@pytest.mark.parametrize("scale", [True, False])
def test_array_to_img_and_back(shape, scale):
    x = rng.uniform(0, 255, shape)
    for data_format in ("channels_last", "channels_first"):
        given = x if data_format == "channels_last" else x.transpose(2, 0, 1)
        ours = hl.utils.array_to_img(given, data_format, scale)
        theirs = keras.utils.array_to_img(given, data_format, scale)
        assert ours.mode == theirs.mode and ours.size == theirs.size
        difference = np.asarray(ours).astype(int) - np.asarray(theirs)
        assert np.abs(difference).max() <= 1  # the order of rounding
        back = hl.utils.img_to_array(ours, data_format)
        assert back.dtype == "float32" and back.shape == given.shape
        np.testing.assert_array_equal(back, keras.utils.img_to_array(ours, data_format))


@pytest.mark.parametrize("options", [
    {}, {"color_mode": "grayscale"}, {"color_mode": "rgba"}, {"target_size": (3, 4)},
    {"target_size": (9, 4), "interpolation": "bicubic"},
    {"target_size": (3, 3), "interpolation": "lanczos", "keep_aspect_ratio": True},
    {"target_size": (4, 9), "interpolation": "box", "keep_aspect_ratio": True},
])
def test_load_img(folder, options):
    path = folder / "a" / "c1.png"
    ours = hl.utils.load_img(path, **options)
    theirs = keras.utils.load_img(path, **options)
    assert ours.mode == theirs.mode
    np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))


@pytest.mark.parametrize("shape, size", [((6, 9, 3), (4, 4)), ((9, 5, 1), (3, 7)),
                                         ((2, 6, 9, 3), (4, 5))])
def test_smart_resize(shape, size):
    x = rng.normal(size=shape).astype("float32")
    ours = hl.preprocessing.image.smart_resize(x, size)
    assert isinstance(ours, np.ndarray) and ours.dtype == "float32"
    np.testing.assert_allclose(
        ours, keras.preprocessing.image.smart_resize(x, size), rtol=1e-4, atol=1e-5)


# ---------------------------------------------------------------- files in folders


def _relative(paths, folder):
    return [str(pathlib.Path(path).relative_to(folder)) for path in paths]


SELECTIONS = [
    {"shuffle": False},
    {"shuffle": False, "class_names": ["b", "a"]},
    {"shuffle": False, "labels": None},
    {"shuffle": False, "label_mode": None},
    {"seed": 5},
    {"seed": 5, "class_names": ["a"]},
    {"seed": 7, "validation_split": 0.3, "subset": "training"},
    {"seed": 7, "validation_split": 0.3, "subset": "validation"},
    {"shuffle": False, "validation_split": 0.3, "subset": "both"},
]


@pytest.mark.parametrize("options", SELECTIONS, ids=str)
def test_the_same_files_in_the_same_order(folder, options, capsys):
    pytest.importorskip("grain")
    given = {"image_size": (4, 4), **options}
    theirs = keras.utils.image_dataset_from_directory(folder, format="grain", **given)
    expected = capsys.readouterr().out
    ours = hl.utils.image_dataset_from_directory(folder, **given)
    assert capsys.readouterr().out == expected
    pairs = zip(ours, theirs) if options.get("subset") == "both" else [(ours, theirs)]
    for mine, other in pairs:
        assert _relative(mine.file_paths, folder) == _relative(other.file_paths, folder)
        assert mine.class_names == other.class_names


@pytest.mark.parametrize("options", [
    {}, {"label_mode": "categorical"}, {"label_mode": "binary", "class_names": ["b", "a"]},
    {"labels": None}, {"color_mode": "grayscale", "interpolation": "nearest"},
    {"color_mode": "rgba", "crop_to_aspect_ratio": True, "interpolation": "bicubic"},
    {"pad_to_aspect_ratio": True, "data_format": "channels_first"},
    {"interpolation": "lanczos3", "batch_size": 3},
], ids=str)
def test_the_same_images_and_labels(folder, options):
    pytest.importorskip("grain")
    given = {"image_size": (6, 5), "shuffle": False, "verbose": False, "batch_size": 50, **options}
    theirs = keras.utils.image_dataset_from_directory(folder, format="grain", **given)
    for mine, other in zip(hl.utils.image_dataset_from_directory(folder, **given), theirs,
                           strict=True):
        mine = mine if isinstance(mine, tuple) else (mine,)
        other = other if isinstance(other, tuple) else (other,)
        assert len(mine) == len(other)
        for a, b in zip(mine, other):
            b = np.asarray(b)
            assert a.dtype == b.dtype and a.shape == b.shape
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=0.02)


def test_the_same_texts(folder):
    pytest.importorskip("grain")
    given = {"shuffle": False, "verbose": False, "batch_size": 7, "max_length": 4}
    theirs = keras.utils.text_dataset_from_directory(folder, format="grain", **given)
    for (texts, labels), (others, other_labels) in zip(
        hl.utils.text_dataset_from_directory(folder, **given), theirs, strict=True
    ):
        assert texts.tolist() == list(others)
        np.testing.assert_array_equal(labels, other_labels)


# ------------------------------------------------------------------------- windows


@pytest.mark.parametrize("options", [
    {"sequence_length": 3},
    {"sequence_length": 3, "sequence_stride": 2, "sampling_rate": 2, "batch_size": 2},
    {"sequence_length": 2, "start_index": 3, "end_index": 11, "batch_size": 4},
    {"sequence_length": 4, "sampling_rate": 3},
    {"sequence_length": 3, "batch_size": None},
    {"sequence_length": 13},
], ids=str)
@pytest.mark.parametrize("targets", [None, "all", "short"])
def test_windows(options, targets):
    pytest.importorskip("grain")
    if targets == "short" and "start_index" in options:
        pytest.skip("Keras fails where targets end before the data and `start_index` is given")
    data = np.arange(24, dtype="float32").reshape(12, 2)
    y = {None: None, "all": np.arange(12) * 10, "short": np.arange(6) * 10}[targets]
    theirs = keras.utils.timeseries_dataset_from_array(data, y, format="grain", **options)
    ours = hl.utils.timeseries_dataset_from_array(data, y, **options)
    for mine, other in zip(ours, theirs, strict=True):
        for a, b in zip(*((x if isinstance(x, tuple) else (x,)) for x in (mine, other)),
                        strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("options", [
    {}, {"maxlen": 2}, {"maxlen": 4, "padding": "post"}, {"maxlen": 2, "truncating": "post"},
    {"value": 7.5, "dtype": "float32"}, {"maxlen": 3, "padding": "post", "truncating": "post"},
])
def test_pad_sequences(options):
    rows = [[1], [2, 3, 4], [], [5, 6]]
    ours = hl.preprocessing.sequence.pad_sequences(rows, **options)
    theirs = keras.utils.pad_sequences(rows, **options)
    assert ours.dtype == theirs.dtype
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("labels, count", [
    ([0, 2, 1], None), ([[0], [2]], None), ([0, 2], 5), ([[0, 1], [1, 2]], None),
    (np.array([1.0, 0.0]), None), (3, 5), ([1.7], None), (np.array([[[1]], [[0]]]), None),
], ids=str)
def test_to_categorical(labels, count):
    ours = hl.utils.to_categorical(labels, count)
    theirs = keras.utils.to_categorical(labels, count)
    assert ours.dtype == theirs.dtype and ours.shape == theirs.shape
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("order", [1, 2, np.inf])
def test_normalize(order):
    x = np.array([[3.0, 4.0], [0.0, 0.0], [-1.0, 2.0]])
    np.testing.assert_allclose(
        hl.utils.normalize(x, order=order), keras.utils.normalize(x, order=order))
