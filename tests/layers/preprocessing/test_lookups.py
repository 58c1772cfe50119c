"""StringLookup and IntegerLookup against the documented behaviour."""

import json
import os
import zipfile

import numpy as np
import pytest

import highlevel as hl
from highlevel.models import load_model
from highlevel.serialization import deserialize_keras_object, serialize_keras_object

layers = hl.layers
VOCABULARY, DATA = ["a", "b", "c", "d"], [["a", "c", "d"], ["d", "z", "b"]]
NUMBERS = [12, 36, 1138, 42]


def values(array):
    return np.asarray(array).tolist()


@pytest.mark.parametrize("kind", ["U", "S", object, list])
def test_strings(kind, backend):
    layer = layers.StringLookup(vocabulary=VOCABULARY)
    found = layer(DATA if kind is list else np.array(DATA, kind))
    assert backend.is_array(found)
    assert values(found) == [[1, 3, 4], [4, 0, 2]]
    assert layer.get_vocabulary() == ["[UNK]", *VOCABULARY]
    assert layer.get_vocabulary(include_special_tokens=False) == VOCABULARY
    assert layer.vocabulary_size() == 5
    assert values(layer("b")) == 2


def test_adapting(backend):
    layer = layers.StringLookup()
    batches = [np.array(row) for row in DATA]
    pairs = [(row[:, None], np.zeros(3)) for row in batches]
    for data in (DATA, np.array(DATA), iter(batches), iter(pairs), [["a", "c", "d", "d"],
                                                                     ["z", "b"]]):
        layer.adapt(data)
        assert layer.get_vocabulary() == ["[UNK]", "d", "z", "c", "b", "a"]
    assert values(layer(DATA)) == [[5, 3, 1], [1, 2, 4]]
    layer.adapt(iter(batches), steps=1)
    assert layer.vocabulary_size() == 4
    short = layers.StringLookup(max_tokens=4, num_oov_indices=2, mask_token="c")
    short.adapt(DATA)
    assert short.get_vocabulary() == ["c", "[UNK]", "[UNK]", "d"]
    short.reset_state()
    with pytest.raises(ValueError, match="no vocabulary yet"):
        short(DATA)


def test_a_pandas_column(backend):
    pandas = pytest.importorskip("pandas")
    column = pandas.Series(["x", "y", "x"])
    layer = layers.StringLookup()
    layer.adapt(column)
    assert values(layer(column)) == [1, 2, 1]


def test_masks_and_unknown_tokens(backend):
    layer = layers.StringLookup(vocabulary=VOCABULARY, mask_token="", num_oov_indices=3)
    found = np.asarray(layer(["", "a", "z", "y", "x"]))
    assert found[:2].tolist() == [0, 4]
    assert set(found[2:]) <= {1, 2, 3}
    # The bins are those of `Hashing`.
    np.testing.assert_array_equal(found[2:] - 1, layers.Hashing(3)(["z", "y", "x"]))
    salted = layers.StringLookup(vocabulary=VOCABULARY, num_oov_indices=3, salt=[133, 137])
    np.testing.assert_array_equal(
        salted(["z", "y", "x"]), layers.Hashing(3, salt=[133, 137])(["z", "y", "x"]))
    counts = layers.StringLookup(
        vocabulary=VOCABULARY, mask_token="", output_mode="count")([["", "a", "z", "a"]])
    assert values(counts) == [[1, 2, 0, 0, 0]]


@pytest.mark.parametrize("mode, expected", [
    ("multi_hot", [[0, 1, 0, 1, 1], [1, 0, 1, 0, 1]]),
    ("count", [[0, 1, 0, 1, 2], [2, 0, 1, 0, 1]]),
])
def test_encodings(mode, expected, backend):
    layer = layers.IntegerLookup(vocabulary=NUMBERS, output_mode=mode)
    data = [[12, 1138, 42, 42], [42, 7, 36, 7]]
    found = layer(data)
    assert values(found) == expected
    assert str(found.dtype) == "float32"
    assert layer(hl.Input((4,), dtype="int64")).shape == (None, 5)
    padded = layers.IntegerLookup(7, output_mode=mode, pad_to_max_tokens=True)
    padded.adapt(data)
    assert padded(data).shape == (2, 7)
    one = layers.IntegerLookup(vocabulary=NUMBERS, output_mode="one_hot")
    np.testing.assert_array_equal(one([12, 36, 1138, 42, 7]), np.eye(5)[[1, 2, 3, 4, 0]])
    assert one(hl.Input((3,), dtype="int32")).shape == (None, 3, 5)
    assert one(hl.Input((1,), dtype="int32")).shape == (None, 5)


def test_tf_idf(backend):
    data = [[12, 1138, 42, 42], [42, 7, 36, 7]]
    given = layers.IntegerLookup(
        output_mode="tf_idf", vocabulary=NUMBERS, idf_weights=[0.25, 0.75, 0.6, 0.4])
    np.testing.assert_allclose(
        given(data), [[0, 0.25, 0, 0.6, 0.8], [1.0, 0, 0.75, 0, 0.4]], rtol=1e-6)
    given.set_vocabulary([-1, *NUMBERS], idf_weights=[0.9, 0.25, 0.75, 0.6, 0.4])
    np.testing.assert_allclose(
        given(data), [[0, 0.25, 0, 0.6, 0.8], [1.8, 0, 0.75, 0, 0.4]], rtol=1e-6)
    learnt = layers.IntegerLookup(output_mode="tf_idf")
    learnt.adapt([[1, 1, 2], [1, 3, 3], [1, 2, 9]])
    assert learnt.get_vocabulary(False) == [1, 3, 2, 9]
    seen = np.array([3, 1, 2, 1])
    weights = np.log(1 + 3 / (1 + seen))
    np.testing.assert_allclose(
        learnt([[1, 1, 2, 77]])[0], [weights.mean(), 2 * weights[0], 0, weights[2], 0], rtol=1e-6)


def test_unknown_integers(backend):
    layer = layers.IntegerLookup(vocabulary=NUMBERS, num_oov_indices=2)
    assert values(layer([[12, 1138, 42], [37, 1000, 36]])) == [[2, 4, 5], [1, 0, 3]]
    others = [100, 300, 700, 1100, 1700, 2000]
    hashed = layers.IntegerLookup(
        vocabulary=[10, 20, 30], num_oov_indices=4, oov_method="farmhash")
    assert values(hashed(others)) == [3, 3, 2, 2, 0, 1]
    masked = layers.IntegerLookup(vocabulary=NUMBERS, mask_token=0)
    assert values(masked([0, 12, 5])) == [0, 2, 1]
    wide = layers.IntegerLookup(vocabulary=[2**40, 1])
    assert values(wide(np.array([1, 2**40, 0]))) == [2, 1, 0]


def test_there_and_back(backend):
    data = np.array([[12, 1138, 42], [42, 1000, 36]])
    layer = layers.IntegerLookup(vocabulary=NUMBERS)
    back = layers.IntegerLookup(vocabulary=layer.get_vocabulary(), invert=True)
    assert values(back(layer(data))) == [[12, 1138, 42], [42, -1, 36]]
    strings = layers.StringLookup(vocabulary=VOCABULARY, invert=True, mask_token="")
    found = strings([0, 1, 2, 99])
    assert isinstance(found, np.ndarray)
    assert found.tolist() == ["", "[UNK]", "a", "[UNK]"]
    assert strings(hl.Input((2,), dtype="int64")).dtype == "string"


def test_vocabulary_files(tmp_path, backend):
    path = tmp_path / "words.txt"
    path.write_text("a\nb\nc\nd\n", encoding="utf-8")
    layer = layers.StringLookup(vocabulary=str(path))
    assert values(layer(DATA)) == [[1, 3, 4], [4, 0, 2]]
    config = layer.get_config()
    assert config["vocabulary"] == VOCABULARY  # no path that another machine lacks
    assert layers.StringLookup.from_config(config).get_vocabulary() == layer.get_vocabulary()
    (tmp_path / "numbers.txt").write_text("7\n-2")
    numbers = layers.IntegerLookup()
    numbers.set_vocabulary(tmp_path / "numbers.txt")
    assert numbers.get_vocabulary() == [-1, 7, -2]
    with pytest.raises(FileNotFoundError, match="no vocabulary file"):
        layers.StringLookup(vocabulary=str(tmp_path / "none.txt"))
    (tmp_path / "bytes.txt").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(ValueError, match="not text in utf-8"):
        layers.StringLookup(vocabulary=str(tmp_path / "bytes.txt"))


@pytest.mark.parametrize("name", ["StringLookup", "IntegerLookup", "TextVectorization"])
def test_a_file_does_not_make_another_file_be_read(name, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("1\n2\n")
    layer = getattr(layers, name)()
    stored = json.loads(json.dumps(serialize_keras_object(layer)))
    stored["config"]["vocabulary"] = str(secret)
    with pytest.raises(ValueError, match="In safe mode no file outside"):
        deserialize_keras_object(stored)
    trusted = deserialize_keras_object(stored, safe_mode=False)
    assert trusted.vocabulary_size() >= 3
    # The same in an archive.
    model = hl.Sequential([hl.Input((1,), dtype="int64" if "Int" in name else "string"), layer])
    model.save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as old, zipfile.ZipFile(
        tmp_path / "bad.keras", "w"
    ) as new:
        for entry in old.namelist():
            content = old.read(entry)
            if entry == "config.json":
                content = content.replace(
                    b'"vocabulary": null', json.dumps({"vocabulary": str(secret)}).encode()[1:-1])
            new.writestr(entry, content)
    with pytest.raises(ValueError, match="In safe mode no file outside"):
        load_model(tmp_path / "bad.keras")


@pytest.mark.parametrize("mode", ["int", "tf_idf"])
def test_learnt_vocabularies_are_assets(mode, tmp_path, backend):
    layer = layers.StringLookup(output_mode=mode, mask_token="")
    layer.adapt([["été", "b\nc", "été", " "], ["[x]", "", "b\nc", "été"]])
    model = hl.Sequential([hl.Input((2,), dtype="string"), layer], name="m")
    data = np.array([["été", "b\nc"], [" ", "nothing"]])
    model.save(tmp_path / "m.keras")
    assert "assets/layers/string_lookup/vocabulary.txt" in zipfile.ZipFile(
        tmp_path / "m.keras").namelist()
    again = load_model(tmp_path / "m.keras")
    assert again.layers[0].get_vocabulary() == layer.get_vocabulary()
    np.testing.assert_array_equal(
        again.predict(data, verbose=0), model.predict(data, verbose=0))
    numbers = layers.IntegerLookup(output_mode=mode)
    numbers.adapt([[5, 5, -7]])
    os.mkdir(tmp_path / "assets")
    numbers.save_assets(tmp_path / "assets")
    assert (tmp_path / "assets" / "vocabulary.txt").read_text() == "-1\n5\n-7"
    other = layers.IntegerLookup(output_mode=mode)
    store = {}
    numbers.save_own_variables(store)
    other.load_own_variables(store)
    other.load_assets(tmp_path / "assets")
    np.testing.assert_array_equal(other([[5, 9]]), numbers([[5, 9]]))


def test_configs(backend):
    for layer in (
        layers.StringLookup(9, 2, "", "?", VOCABULARY, output_mode="count", salt=3),
        layers.IntegerLookup(None, 2, 0, -5, NUMBERS, oov_method="farmhash", salt=(1, 2)),
        layers.StringLookup(vocabulary=["a"], output_mode="tf_idf", idf_weights=[0.5]),
        layers.IntegerLookup(vocabulary=np.array([4, 5]), invert=True),
    ):
        config = json.loads(json.dumps(layer.get_config()))
        again = type(layer).from_config(config)
        assert json.loads(json.dumps(again.get_config())) == config
        assert again.get_vocabulary() == layer.get_vocabulary()
        stored = serialize_keras_object(layer)
        assert (stored["module"], stored["class_name"]) == ("keras.layers", type(layer).__name__)


def test_errors(backend):
    lookup, numbers = layers.StringLookup, layers.IntegerLookup
    for make, message in (
        (lambda: lookup(output_mode="wrong"), "`output_mode` must be one of"),
        (lambda: lookup(max_tokens=1), "greater than 1"),
        (lambda: lookup(pad_to_max_tokens=True), "needs `max_tokens`"),
        (lambda: lookup(num_oov_indices=-1), "at least 0"),
        (lambda: lookup(invert=True, output_mode="count"), "goes only with"),
        (lambda: lookup(invert=True, num_oov_indices=2), "goes only with"),
        (lambda: lookup(sparse=True), "sparse outputs"),
        (lambda: lookup(vocabulary=["a", "b", "a"]), "more than once: 'a'"),
        (lambda: lookup(vocabulary=[]), "empty"),
        (lambda: lookup(vocabulary=["a", ""], mask_token=""), "`mask_token` '' stands at place 1"),
        (lambda: lookup(vocabulary=["a", "[UNK]"], invert=True), "`oov_token`"),
        (lambda: lookup(max_tokens=3, vocabulary=VOCABULARY), "has 5 tokens"),
        (lambda: lookup(vocabulary=VOCABULARY, output_mode="tf_idf"), "needs `idf_weights`"),
        (lambda: lookup(vocabulary=VOCABULARY, idf_weights=[1.0] * 4), "goes only with"),
        (lambda: lookup(vocabulary=VOCABULARY, output_mode="tf_idf", idf_weights=[1.0]),
         "one number per entry"),
        (lambda: lookup(idf_weights=[1.0], output_mode="tf_idf"), "without a `vocabulary`"),
        (lambda: lookup(vocabulary=[1, 2]), "holds strings"),
        (lambda: numbers(vocabulary=["x"]), "holds integers"),
        (lambda: numbers(vocabulary_dtype="int32"), "only be 'int64'"),
        (lambda: numbers(oov_method="wrong"), "`oov_method` must be one of"),
        (lambda: numbers(salt=3), "`salt` goes only with"),
        (lambda: lookup(vocabulary=["a"]).adapt(["b"]), "cannot adapt"),
        (lambda: lookup()(["a"]), "no vocabulary yet: call `adapt"),
        (lambda: lookup(num_oov_indices=0, vocabulary=["a"])(["a", "q"]), "but got 'q'"),
    ):
        with pytest.raises(ValueError, match=message):
            make()
    for make, message in (
        (lambda: lookup(vocabulary=["a"])(np.array([1])), "takes strings; got an array of dtype"),
        (lambda: lookup(vocabulary=["a"])(np.array(["a", None], object)), "got None"),
        (lambda: numbers(vocabulary=[1])(np.array(["a"])), "takes integers"),
        (lambda: numbers(vocabulary=[1])(np.array([1.5])), "takes integers"),
        (lambda: lookup(vocabulary=["a"])(hl.Input((1,))), "takes strings; the symbolic"),
        (lambda: numbers(vocabulary=[1])(hl.Input((1,), dtype="string")), "takes integers"),
    ):
        with pytest.raises(TypeError, match=message):
            make()
