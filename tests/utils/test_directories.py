"""Datasets of the files in a folder: labels, splits, orders, errors, training."""

import pickle
import struct
import threading
import time

import numpy as np
import pytest
from scipy.io import wavfile

import highlevel as hl
from highlevel.utils.sound import read_wav, resample

PIL_Image = pytest.importorskip("PIL.Image")
images_of = hl.utils.image_dataset_from_directory
texts_of = hl.utils.text_dataset_from_directory
sounds_of = hl.utils.audio_dataset_from_directory


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Dark and bright images: ten of each, their brightness tells which file it is."""
    root = tmp_path_factory.mktemp("images")
    for name in ("bright", "dark"):
        (root / name).mkdir()
        for i in range(10):
            value = (150 if name == "bright" else 10) + i
            PIL_Image.fromarray(np.full((6, 8, 3), value, "uint8")).save(root / name / f"{i}.png")
            (root / name / f"{i}.txt").write_text(f"{name} {i}")
    return root


SMALL = {"image_size": (4, 4), "verbose": False}


def _values(dataset):
    """The files that come out, as the brightness of their images."""
    return [int(v) for x, _ in dataset for v in x[:, 0, 0, 0]]


def test_batches_labels_and_attributes(folder, capsys):
    dataset = images_of(folder, image_size=(4, 5), batch_size=8, shuffle=False)
    assert capsys.readouterr().out == "Found 20 files belonging to 2 classes.\n"
    assert len(dataset) == 3 and dataset.class_names == ["bright", "dark"]
    batches = list(dataset)
    assert [x.shape for x, _ in batches] == [(8, 4, 5, 3)] * 2 + [(4, 4, 5, 3)]
    assert all(x.dtype == "float32" and y.dtype == "int32" for x, y in batches)
    assert _values(dataset) == [150 + i for i in range(10)] + [10 + i for i in range(10)]
    assert np.concatenate([y for _, y in batches]).tolist() == [0] * 10 + [1] * 10
    np.testing.assert_array_equal(dataset[-1][0], batches[-1][0])
    with pytest.raises(IndexError, match="Batch 3"):
        dataset[3]
    assert not images_of(folder, label_mode=None, **SMALL).class_names
    single = images_of(folder, batch_size=None, shuffle=False, **SMALL)
    assert len(single) == 20 and single[1][0].shape == (4, 4, 3) and single[1][1] == 0


def test_label_modes(folder):
    given = {"shuffle": False, "batch_size": 20, **SMALL}
    binary = images_of(folder, label_mode="binary", **given)[0][1]
    assert binary.dtype == "float32" and binary[:, 0].tolist() == [0.0] * 10 + [1.0] * 10
    one_hot = images_of(folder, label_mode="categorical", **given)[0][1]
    assert one_hot.dtype == "float32" and one_hot.shape == (20, 2) and one_hot[12].tolist() == [0, 1]
    own = list(range(20))
    listed = images_of(folder, labels=own, **given)
    assert listed[0][1].tolist() == own and listed.class_names == list(map(str, own))
    assert isinstance(images_of(folder, labels=None, **given)[0], np.ndarray)


def test_each_pass_has_an_order_of_its_own(folder):
    dataset = images_of(folder, batch_size=6, seed=3, **SMALL)
    first, second = _values(dataset), _values(dataset)
    assert first != second and sorted(first) == sorted(second) == sorted(set(first))
    again = images_of(folder, batch_size=6, seed=3, **SMALL)
    assert [_values(again), _values(again)] == [first, second]
    for x, y in dataset:
        assert (y == (x[:, 0, 0, 0] < 100)).all()


def test_the_two_parts_do_not_overlap(folder, capsys):
    given = {"validation_split": 0.25, "seed": 1, "image_size": (4, 4)}
    training = images_of(folder, subset="training", **given)
    assert capsys.readouterr().out.endswith("Using 15 files for training.\n")
    validation = images_of(folder, subset="validation", **given)
    assert len(training.file_paths) == 15 and len(validation.file_paths) == 5
    assert not set(training.file_paths) & set(validation.file_paths)
    assert sorted(_values(training) + _values(validation)) == sorted(
        [150 + i for i in range(10)] + [10 + i for i in range(10)])
    both = images_of(folder, subset="both", **given)
    assert [d.file_paths for d in both] == [training.file_paths, validation.file_paths]
    assert _values(both[1]) == _values(both[1])


@pytest.mark.parametrize("options, message", [
    ({"labels": "guessed"}, "labels"), ({"labels": [1, 2]}, "2 entries.*20 files"),
    ({"label_mode": "two"}, "label_mode"), ({"color_mode": "cmyk"}, "color_mode"),
    ({"interpolation": "best"}, "interpolation"), ({"batch_size": 0}, "batch_size"),
    ({"class_names": ["bright", "grey"]}, "grey"),
    ({"class_names": ["bright"], "labels": None}, "class_names"),
    ({"class_names": ["bright"], "label_mode": "binary"}, "two classes; there are 1"),
    ({"subset": "training"}, "together"), ({"validation_split": 0.2}, "together"),
    ({"validation_split": 1.5, "subset": "training"}, "between 0 and 1"),
    ({"validation_split": 0.2, "subset": "test", "seed": 1}, "subset"),
    ({"validation_split": 0.2, "subset": "training"}, "seed"),
    ({"validation_split": 0.01, "subset": "training", "seed": 1}, "none for validation"),
    ({"crop_to_aspect_ratio": True, "pad_to_aspect_ratio": True}, "Only one"),
    ({"format": "torch"}, "format"), ({"image_size": (0, 4)}, "image_size"),
    ({"labels": [5] * 20, "label_mode": "categorical"}, "from 0 to 0"),
])
def test_what_does_not_go_together_is_refused_before_reading(folder, options, message):
    with pytest.raises(ValueError, match=message):
        images_of(folder, **(SMALL | options))


def test_missing_folders_and_files(tmp_path):
    with pytest.raises(FileNotFoundError):
        images_of(tmp_path / "none")
    (tmp_path / "a").mkdir()
    with pytest.raises(ValueError, match=r"no image files.*named after the classes"):
        images_of(tmp_path, verbose=False)


def test_a_broken_file_is_named(folder, tmp_path, backend):
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / "good.png").write_bytes((folder / "dark" / "0.png").read_bytes())
    (tmp_path / "b" / "broken.png").write_bytes(b"no image")
    dataset = images_of(tmp_path, batch_size=1, **SMALL)
    with pytest.raises(ValueError, match=r"b/broken\.png cannot be read"):
        list(dataset)
    model = hl.Sequential([hl.Input((4, 4, 3)), hl.layers.Flatten(), hl.layers.Dense(2)])
    model.compile("sgd", hl.losses.SparseCategoricalCrossentropy(from_logits=True))
    with pytest.raises(ValueError, match=r"b/broken\.png cannot be read"):
        model.fit(dataset, epochs=2, verbose=0)
    assert model.predict(np.zeros((1, 4, 4, 3)), verbose=0).shape == (1, 2)


def test_files_are_read_ahead_by_several_threads(folder, monkeypatch):
    import highlevel.utils.directories as directories

    seen = []
    load = directories.load_img

    def slow(path, *args):
        seen.append(threading.current_thread().name)
        time.sleep(0.01)
        return load(path, *args)

    monkeypatch.setattr(directories, "load_img", slow)
    dataset = images_of(folder, batch_size=2, shuffle=False, **SMALL)
    iterator = iter(dataset)
    next(iterator)
    time.sleep(0.3)
    ahead = len(seen)
    assert 2 < ahead <= 2 * (dataset.max_queue_size + 1)  # ahead, but not without bound
    assert len(set(seen)) > 1 and threading.main_thread().name not in seen
    assert _values(dataset) == [150 + i for i in range(10)] + [10 + i for i in range(10)]
    iterator.close()


def test_a_model_learns_from_a_folder(folder, backend):
    hl.utils.set_random_seed(0)
    training, validation = images_of(
        folder, label_mode="binary", validation_split=0.2, subset="both", seed=0, batch_size=4,
        **SMALL)
    model = hl.Sequential([
        hl.Input((4, 4, 3)), hl.layers.Rescaling(1 / 128, -1.0), hl.layers.GlobalAveragePooling2D(),
        hl.layers.Dense(1, activation="sigmoid"),
    ])
    model.compile(hl.optimizers.Adam(0.1), "binary_crossentropy", metrics=["accuracy"])
    history = model.fit(training, validation_data=validation, epochs=8, verbose=0).history
    assert history["val_accuracy"][-1] == 1.0
    assert model.predict(validation.map(lambda x, y: x), verbose=0).shape == (4, 1)


def test_map_take_and_pickle(folder):
    dataset = images_of(folder, batch_size=5, shuffle=False, **SMALL)
    mapped = dataset.map(lambda x, y: (x / 255, y)).take(2)
    assert len(mapped) == 2 and mapped.class_names == ["bright", "dark"]
    assert max(x.max() for x, _ in mapped) < 1
    assert len(dataset.take(-1)) == 4
    with pytest.raises(IndexError):
        mapped[2]
    assert _values(pickle.loads(pickle.dumps(dataset))) == _values(dataset)


def test_as_a_grain_dataset(folder, backend):
    pytest.importorskip("grain")
    dataset = images_of(folder, format="grain", batch_size=8, label_mode="binary", seed=0, **SMALL)
    assert dataset.class_names == ["bright", "dark"] and len(dataset.file_paths) == 20
    assert sorted(_values(dataset)) == sorted(_values(images_of(folder, **SMALL)))
    model = hl.Sequential([hl.Input((4, 4, 3)), hl.layers.Flatten(), hl.layers.Dense(1)])
    model.compile(hl.optimizers.SGD(1e-7), "mse")
    assert len(model.fit(dataset, epochs=2, verbose=0).history["loss"]) == 2


def test_texts(folder, tmp_path):
    dataset = texts_of(folder, batch_size=12, shuffle=False, verbose=False)
    texts, labels = dataset[1]
    assert texts.tolist() == [f"dark {i}" for i in range(2, 10)] and labels.tolist() == [1] * 8
    assert texts_of(folder, max_length=3, shuffle=False, verbose=False)[0][0][0] == "bri"
    (tmp_path / "odd.txt").write_bytes("süß".encode("latin-1"))
    assert texts_of(tmp_path, labels=None, verbose=False)[0].tolist() == ["s\ufffd\ufffd"]


# ------------------------------------------------------------------------- sounds


@pytest.mark.parametrize("dtype, scale", [
    ("uint8", 1 / 128), ("int16", 2.0**-15), ("int32", 2.0**-31), ("float32", 1), ("float64", 1)])
def test_wav_files_as_scipy_writes_them(tmp_path, dtype, scale):
    rng = np.random.default_rng(0)
    for channels in (1, 2):
        if dtype.startswith("float"):
            x = rng.uniform(-1, 1, (50, channels)).astype(dtype)
        else:
            info = np.iinfo(dtype)
            x = rng.integers(info.min, info.max, (50, channels), dtype=dtype, endpoint=True)
        wavfile.write(tmp_path / "a.wav", 8000, x)
        found, rate = read_wav(tmp_path / "a.wav")
        assert rate == 8000 and found.dtype == "float32" and found.shape == (50, channels)
        offset = 128 if dtype == "uint8" else 0
        np.testing.assert_allclose(found, (x.astype("float64") - offset) * scale, atol=1e-7)


def test_24_bits_and_further_chunks(tmp_path):
    values = [0, 1, -1, 2**23 - 1, -(2**23)]
    data = b"".join(struct.pack("<i", v)[:3] for v in values)
    form = struct.pack("<HHIIHH", 0xFFFE, 1, 100, 300, 3, 24)
    form += struct.pack("<HHIH", 22, 24, 0, 1) + bytes(14)
    body = b"WAVE" + b"junk" + struct.pack("<I", 3) + b"abc\0"
    body += b"fmt " + struct.pack("<I", len(form)) + form
    body += b"data" + struct.pack("<I", 2**32 - 1) + data  # a length that a pipe did not know
    (tmp_path / "a.wav").write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    found, rate = read_wav(tmp_path / "a.wav")
    assert rate == 100
    np.testing.assert_allclose(found[:, 0], np.array(values) / 2.0**23, atol=1e-7)


@pytest.mark.parametrize("content", [b"", b"RIFF1234WAVE", b"RIFF1234WAVEfmt \x04\0\0\0abcd",
                                     b"RIFF1234WAVEfmt \x10\0\0\0" + bytes(16) + b"data\0\0\0\0"])
def test_damaged_wav_files_are_named(tmp_path, content):
    (tmp_path / "bad.wav").write_bytes(content)
    with pytest.raises(ValueError, match=r"bad\.wav cannot be read: it"):
        sounds_of(tmp_path, labels=None, verbose=False)[0]


@pytest.mark.parametrize("rate, new_rate", [(8000, 16000), (16000, 8000), (11025, 8000)])
def test_resampling_a_tone(rate, new_rate):
    def tone(r):
        return np.sin(2 * np.pi * 440 * np.arange(r // 4) / r)[:, None]

    found = resample(tone(rate), rate, new_rate)
    assert found.dtype == "float32" and abs(len(found) - new_rate / 4) <= 1
    inner = slice(100, len(found) - 100)
    expected = np.sin(2 * np.pi * 440 * np.arange(len(found)) / new_rate)
    np.testing.assert_allclose(found[inner, 0], expected[inner], atol=2e-3)


def test_what_the_new_rate_cannot_hold_is_filtered_out():
    high = np.sin(2 * np.pi * 7000 * np.arange(8000) / 16000)[:, None]
    assert np.abs(resample(high, 16000, 8000)[100:-100]).max() < 2e-3


def test_sounds_of_several_lengths(tmp_path):
    for i, length in enumerate((5, 9)):
        wavfile.write(tmp_path / f"{i}.wav", 8000, np.full(length, 2**14, "int16"))
    given = {"labels": None, "shuffle": False, "verbose": False}
    padded = sounds_of(tmp_path, **given)[0]
    assert padded.shape == (2, 9, 1) and padded[:, :, 0].sum(1).tolist() == [2.5, 4.5]
    assert sounds_of(tmp_path, output_sequence_length=7, **given)[0].shape == (2, 7, 1)
    assert [s.shape for s in sounds_of(tmp_path, ragged=True, **given)[0]] == [(5, 1), (9, 1)]
    assert sounds_of(tmp_path, sampling_rate=4000, **given)[0].shape == (2, 5, 1)
    with pytest.raises(ValueError, match="cannot be given together"):
        sounds_of(tmp_path, ragged=True, output_sequence_length=3)
    with pytest.raises(ValueError, match="sampling_rate"):
        sounds_of(tmp_path, sampling_rate=0)
    wavfile.write(tmp_path / "2.wav", 8000, np.zeros((3, 2), "int16"))
    with pytest.raises(ValueError, match="channels"):
        sounds_of(tmp_path, **given)[0]
