"""TextVectorization, alone and in models, on this library's and Python's own texts."""

import ast
import inspect
import json
import string

import numpy as np
import pytest

import highlevel as hl
from highlevel.models import load_model
from highlevel.saving import register_keras_serializable
from highlevel.training.program import Program

layers = hl.layers
TEXTS = ["foo bar", "bar baz", "baz bada boom"]


@register_keras_serializable("tests")
def without_vowels(texts):
    return np.char.translate(texts, str.maketrans("", "", "aeiou"))


@register_keras_serializable("tests")
def by_comma(texts):
    return [text.split(",") for text in texts]


def values(array):
    return np.asarray(array).tolist()


def test_the_documentation(backend):
    layer = layers.TextVectorization(max_tokens=5000, output_sequence_length=4)
    layer.adapt(TEXTS)
    assert values(layer([["foo qux bar"], ["qux baz"]])) == [[4, 1, 3, 0], [1, 2, 0, 0]]
    assert layer.get_vocabulary() == ["", "[UNK]", "baz", "bar", "foo", "boom", "bada"]
    assert layer.vocabulary_size() == 7
    given = layers.TextVectorization(vocabulary=["earth", "wind", "and", "fire"])
    assert given.get_vocabulary() == ["", "[UNK]", "earth", "wind", "and", "fire"]
    assert values(given(np.array(["Wind, and: fire!", "soul"]))) == [[3, 4, 5], [1, 0, 0]]
    assert values(given("earth and soul")) == [2, 4, 1]


@pytest.mark.parametrize("data", ["list", "array", "column", "bytes", "generator", "pairs"])
def test_adapting(data, backend):
    array = np.array(TEXTS)
    layer = layers.TextVectorization()
    layer.adapt({
        "list": TEXTS, "array": array.astype(object), "column": array[:, None],
        "bytes": array.astype("S"), "generator": (array[i:i + 1] for i in range(3)),
        "pairs": iter([(array[:2, None], np.zeros(2)), (array[2:, None], np.zeros(1))]),
    }[data])
    assert layer.get_vocabulary(False) == ["baz", "bar", "foo", "boom", "bada"]


@pytest.mark.parametrize("standardize, expected", [
    ("lower_and_strip_punctuation", ["its", "ÉtÉ", "42°", "—"]),
    ("lower", ["it's", "ÉtÉ,", "42°", "—", string.punctuation]),
    ("strip_punctuation", ["ITs", "ÉTÉ", "42°", "—"]),
    (None, ["IT's", "ÉTÉ,", "42°", "—", string.punctuation]),
])
def test_standards_work_on_ascii(standardize, expected, backend):
    layer = layers.TextVectorization(
        standardize=standardize, vocabulary=[*expected, "other"], output_mode="int")
    text = f"IT's ÉTÉ,\t42°\n — {string.punctuation}"
    expected = list(range(2, 2 + len(expected)))
    assert values(layer([text])) == [expected]


def test_splits_ngrams_and_functions(backend):
    def tokens(text, **options):
        layer = layers.TextVectorization(**options)
        layer.adapt([text])
        return set(layer.get_vocabulary(False))

    assert tokens("ab c", split="character") == {"a", "b", " ", "c"}
    assert tokens("a b c", ngrams=2) == {"a", "b", "c", "a b", "b c"}
    assert tokens("a b c d", ngrams=(3,)) == {"a b c", "b c d"}
    assert tokens("Hello, you", standardize=without_vowels, split=by_comma) == {"Hll", " y"}
    assert tokens("a\u00a0b c", split="whitespace") == {"a\u00a0b", "c"}
    ready = layers.TextVectorization(split=None, standardize=None, vocabulary=["x", "y z"])
    assert values(ready([["x", "y z"], ["?", "x"]])) == [[2, 3], [1, 2]]
    assert values(ready(["x", "?"])) == [2, 1]
    order = layers.TextVectorization(ngrams=2, vocabulary=["a", "b", "a b"])
    assert values(order(["a b", "b"])) == [[2, 3, 4], [3, 0, 0]]
    with pytest.raises(ValueError, match="must return a list of tokens for each of the 1"):
        tokens("a", split=lambda texts: ["x", "y"])
    with pytest.raises(ValueError, match="must return one string for each of the 1"):
        tokens("a", standardize=lambda texts: [1])


@pytest.mark.parametrize("mode, expected", [
    ("multi_hot", [[1, 1, 1], [0, 1, 0]]), ("count", [[1, 2, 1], [0, 1, 0]]),
])
def test_vectors(mode, expected, backend):
    layer = layers.TextVectorization(output_mode=mode, vocabulary=["a", "b"])
    assert layer.get_vocabulary() == ["[UNK]", "a", "b"]
    assert values(layer(["a b a c", "a"])) == expected
    assert layer(hl.Input((1,), dtype="string")).shape == (None, 3)
    wide = layers.TextVectorization(5, output_mode=mode, pad_to_max_tokens=True)
    wide.adapt(["a b"])
    assert wide(["a"]).shape == (1, 5)


def test_tf_idf(backend):
    layer = layers.TextVectorization(output_mode="tf_idf")
    layer.adapt(["a a b", "a c", "a"])
    weights = np.log(1 + 3 / (1 + np.array([3, 1, 1])))  # of a, c, b
    assert layer.get_vocabulary(False) == ["a", "c", "b"]
    np.testing.assert_allclose(
        layer(["b a a z"]), [[weights.mean(), 2 * weights[0], 0, weights[2]]], rtol=1e-6)


def test_errors(backend):
    make = layers.TextVectorization
    for arguments, message in (
        ({"standardize": "upper"}, "`standardize` must be one of"),
        ({"split": "words"}, "`split` must be one of"),
        ({"output_mode": "one_hot"}, "`output_mode` must be one of"),
        ({"ngrams": 0}, "positive integer"),
        ({"ngrams": "two"}, "positive integer"),
        ({"ragged": True}, "ragged outputs are not supported"),
        ({"sparse": True}, "sparse outputs are not supported"),
        ({"output_mode": "count", "output_sequence_length": 3}, "goes only with"),
        ({"output_sequence_length": 0}, "positive integer"),
        ({"vocabulary": ["a", "a"]}, "more than once"),
    ):
        with pytest.raises(ValueError, match=message):
            make(**arguments)
    with pytest.raises(ValueError, match="no vocabulary yet: call `adapt"):
        make()(["a"])
    with pytest.raises(ValueError, match="cannot adapt"):
        make(vocabulary=["a"]).adapt(["b"])
    with pytest.raises(ValueError, match="without any token"):
        make().adapt(["!?"])
    layer = make(vocabulary=["a"])
    with pytest.raises(ValueError, match=r"splits texts of shape .*\(1, 2\)"):
        layer([["a", "b"]])
    with pytest.raises(TypeError, match="takes strings; got an array of dtype"):
        layer(np.zeros((2, 1)))
    with pytest.raises(TypeError, match="takes strings; the symbolic tensor"):
        layer(hl.Input((1,)))


def test_strings_where_numbers_belong(backend):
    texts = hl.Input((1,), dtype="string")
    assert texts.dtype == "string"
    with pytest.raises(TypeError, match=r"Dense .* takes numbers; it was called with strings"):
        layers.Dense(2)(texts)
    with pytest.raises(TypeError, match=r"`ops.add` takes numbers"):
        texts + 1
    with pytest.raises(TypeError, match=r"Dense .* takes numbers; it was called with strings"):
        layers.Dense(2)(np.array([["a"]]))
    numbers = hl.Input((1,))
    model = hl.Model(numbers, layers.Dense(1)(numbers))
    with pytest.raises(TypeError, match="takes numbers"):
        model(np.array([["a"]]))
    vector = layers.TextVectorization(vocabulary=["a"])
    with pytest.raises(TypeError, match=r"takes strings .* it was given numbers"):
        hl.Model(texts, vector(texts))(np.zeros((2, 1)))


def test_config_and_files(tmp_path, backend):
    layer = layers.TextVectorization(
        standardize=without_vowels, split=by_comma, ngrams=(1, 2), output_mode="tf_idf")
    layer.adapt(["foo,bar", "bar\nbar"])
    config = json.loads(json.dumps(layer.get_config()))
    again = layers.TextVectorization.from_config(config)
    assert json.loads(json.dumps(again.get_config()))["ngrams"] == [1, 2]
    assert again.standardize is without_vowels
    data = np.array(["foo,bar", "x"])
    for index, model in enumerate((
        hl.Sequential([layer, layers.Dense(2)]),
        hl.Model(t := hl.Input((1,), dtype="string"), layers.Dense(2)(layer(t))),
    )):
        expected = model.predict(data, verbose=0)
        path = tmp_path / f"{index}.keras"
        model.save(path)
        loaded = load_model(path)
        np.testing.assert_allclose(loaded.predict(data, verbose=0), expected, rtol=1e-6)
        assert loaded.get_layer(layer.name).get_vocabulary() == layer.get_vocabulary()


# ---------------------------------------------------------------------- in models


def lines():
    """Lines of two modules of the standard library, and which they come from."""
    found = []
    for label, module in enumerate((ast, string)):
        rows = {row.strip() for row in inspect.getsource(module).splitlines()}
        rows = sorted(row for row in rows if len(row.split()) > 2)[:150]
        found += [(row, label) for row in rows]
    texts, labels = zip(*found)
    return np.array(texts, object), np.array(labels, "float32")


def classifier(texts, **options):
    hl.utils.set_random_seed(1)
    vectors = layers.TextVectorization(output_sequence_length=12, **options)
    vectors.adapt(texts)
    inputs = hl.Input((1,), dtype="string")
    x = layers.Embedding(vectors.vocabulary_size(), 8, mask_zero=True)(vectors(inputs))
    x = layers.GlobalAveragePooling1D()(x)
    model = hl.Model(inputs, layers.Dense(1, activation="sigmoid")(x))
    model.compile(hl.optimizers.Adam(0.05), "binary_crossentropy", metrics=["accuracy"])
    return model


def test_lines_of_code_are_told_apart(tmp_path, backend):
    texts, labels = lines()
    model = classifier(texts)
    history = model.fit(
        texts, labels, epochs=6, batch_size=32, verbose=0,
        validation_data=(texts[::7, None], labels[::7]))
    assert history.history["accuracy"][-1] > 0.9
    assert history.history["val_accuracy"][-1] > 0.9
    assert not model.run_eagerly
    loss, accuracy = model.evaluate(texts, labels, verbose=0)
    assert accuracy > 0.9
    predicted = model.predict(texts[:5], verbose=0)
    for same in (
        model(texts[:5]), model(texts[:5].tolist()), model(texts[:5, None].astype("U")),
        model.predict_on_batch(texts[:5]), model.predict(texts[:5].tolist(), verbose=0),
    ):
        np.testing.assert_allclose(np.asarray(same), predicted, rtol=1e-5)
    model.save(tmp_path / "m.keras")
    again = load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(again.predict(texts[:5], verbose=0), predicted, rtol=1e-6)
    np.testing.assert_allclose(again.evaluate(texts, labels, verbose=0)[0], loss, rtol=1e-5)


def test_batch_by_batch_and_at_once_are_the_same(backend, monkeypatch):
    texts, labels = lines()
    texts, labels = texts[::6], labels[::6]
    results = []
    for way in ("at once", "by batch", "generator", "train_on_batch"):
        if way == "by batch":
            monkeypatch.setattr("highlevel.training.data.host._AT_ONCE", 0)
        model = classifier(texts)
        if way == "train_on_batch":
            for start in range(0, len(texts), 16):
                model.train_on_batch(texts[start:start + 16], labels[start:start + 16])
        elif way == "generator":
            model.fit(((texts[i:i + 16], labels[i:i + 16]) for i in range(0, len(texts), 16)),
                      verbose=0)
        else:
            model.fit(texts, labels, batch_size=16, shuffle=False, verbose=0)
        results.append(model.predict(texts, batch_size=16, verbose=0))
    for other in results[1:]:
        np.testing.assert_allclose(other, results[0], rtol=2e-4, atol=1e-5)


def test_training_compiles_the_rest_once(monkeypatch):
    from highlevel_backend import use_backend

    pytest.importorskip("jax")
    made = []
    init = Program.__init__
    monkeypatch.setattr(
        Program, "__init__", lambda self, *a, **k: (init(self, *a, **k), made.append(self))[0])
    texts, labels = lines()
    with use_backend("jax"):
        model = classifier(texts[:40])
        for _ in range(2):
            model.fit(texts[:40], labels[:40], epochs=2, verbose=0)
    assert [program.compiled for program in made] == [True]


def test_a_model_inside_a_model_is_cut_through(backend):
    texts, labels = lines()
    inner = classifier(texts[:40])
    outer = hl.Sequential([inner, layers.Dense(1)])
    outer.compile("sgd", "mse")
    before = inner.get_weights()[0].copy()
    outer.fit(texts[:40], labels[:40], epochs=1, verbose=0)
    assert not outer.run_eagerly
    assert np.abs(inner.get_weights()[0] - before).max() > 0
    assert outer.predict(texts[:3], verbose=0).shape == (3, 1)


def test_several_inputs_and_layers_before_the_host(backend):
    text = hl.Input((1,), dtype="string", name="text")
    size = hl.Input((1,), name="size")
    words = layers.TextVectorization(output_mode="multi_hot", vocabulary=["a", "b"])(text)
    bins = layers.Discretization([0.0, 1.0])(layers.Rescaling(2.0)(size))
    crossed = layers.HashedCrossing(8, output_mode="one_hot")(
        (layers.StringLookup(vocabulary=["a", "b"])(text), bins))
    joined = layers.Concatenate()([words, crossed, size])
    model = hl.Model({"text": text, "size": size}, layers.Dense(1)(joined))
    model.compile("sgd", "mse")
    data = {"text": np.array(["a", "b", "c", "a"]), "size": np.array([0.2, -3, 4, 0.7])}
    history = model.fit(data, np.ones(4), epochs=3, verbose=0, batch_size=2)
    assert history.history["loss"][-1] < history.history["loss"][0]
    np.testing.assert_allclose(
        np.asarray(model(data)), model.predict(data, verbose=0), rtol=1e-5)
    assert not model.run_eagerly


class Subclassed(hl.Model):
    def __init__(self):
        super().__init__()
        self.vectors = layers.TextVectorization(
            output_sequence_length=3, vocabulary=["a", "b"])
        self.embedding = layers.Embedding(4, 2)
        self.dense = layers.Dense(1)

    def call(self, x):
        return self.dense(hl.ops.mean(self.embedding(self.vectors(x)), axis=1))


def test_models_without_a_graph_run_step_by_step(backend, recwarn):
    model = Subclassed()
    model.compile("sgd", "mse")
    data = np.array([["a b"], ["b"]], object)
    model.fit(data, np.zeros(2), verbose=0)
    warned = [str(w.message) for w in recwarn if "step by step" in str(w.message)]
    assert len(warned) == (1 if backend.compiles else 0)
    assert model.predict(data, verbose=0).shape == (2, 1)
    assert model(data).shape == (2, 1)


class Numbers(hl.Model):
    def __init__(self):
        super().__init__()
        self.lookup = layers.IntegerLookup(vocabulary=[5, 6])
        self.embedding = layers.Embedding(3, 2)

    def call(self, x):
        return self.embedding(self.lookup(x))


def test_lookups_inside_a_program_say_what_to_do(backend):
    model = Numbers()
    if backend.compiles:
        with pytest.raises(TypeError, match="computes on the host and cannot be part of"):
            model(np.array([5, 7]))
        model = Numbers()
        model.run_eagerly = True
    assert model(np.array([5, 7])).shape == (2, 2)


def test_models_that_give_strings(backend, recwarn):
    indices = hl.Input((2,), dtype="int64")
    model = hl.Model(indices, layers.StringLookup(vocabulary=["a", "b"], invert=True)(indices))
    assert model.predict(np.array([[1, 2], [0, 1]]), verbose=0).tolist() == [
        ["a", "b"], ["[UNK]", "a"]]
    assert model(np.array([[2, 2]])).tolist() == [["b", "b"]]
