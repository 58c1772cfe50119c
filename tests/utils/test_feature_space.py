"""`FeatureSpace`: columns to numbers, with the figures that Keras 3.15 gives on TensorFlow."""

import numpy as np
import pytest

import highlevel as hl

TABLE = {
    "n": np.array([3, 1, 3, 2, 5, 3]),
    "s": np.array(["a", "c", "a", "b", "a", "c"]),
    "f": np.array([0.0, 1, 2, 3, 4, 8], "float32"),
    "g": np.array([0.0, 1, 2, 3, 4, 5], "float32"),
}
F = hl.utils.FeatureSpace


def numpy(x):
    return np.asarray(hl.ops.convert_to_numpy(x))


def by_name(**options):
    space = F(
        {"n": F.integer_categorical(output_mode="int"),
         "s": F.string_categorical(output_mode="int"), "f": "float_normalized",
         "g": F.float_discretized(num_bins=3, output_mode="int")},
        crosses=[F.cross(("n", "s"), crossing_dim=16, output_mode="int")], output_mode="dict")
    space.adapt(TABLE)
    return space


def test_each_kind_as_keras(backend):
    found = {name: numpy(v).reshape(-1).tolist() for name, v in by_name()(TABLE).items()}
    assert found.pop("f") == pytest.approx(((TABLE["f"] - 3) / TABLE["f"].std()).tolist(), rel=1e-5)
    assert found == {
        "g": [0, 1, 1, 2, 2, 2], "n": [1, 4, 1, 3, 2, 1], "s": [1, 2, 1, 3, 1, 2],
        "n_X_s": [9, 6, 9, 1, 4, 13],
    }


def test_hashes_as_keras(backend):
    space = F({"s": F.string_hashed(num_bins=7, output_mode="int"),
               "n": F.integer_hashed(num_bins=7, output_mode="int")}, output_mode="dict")
    columns = {name: TABLE[name] for name in "sn"}
    space.adapt(columns)
    found = {name: numpy(v).reshape(-1).tolist() for name, v in space(columns).items()}
    assert found == {"n": [2, 5, 2, 5, 1, 2], "s": [5, 5, 5, 2, 5, 5]}


def test_one_vector_per_row(backend):
    """One-hot columns and floats, side by side in the order of their names."""
    space = F({"s": "string_categorical", "f": "float"}, output_mode="concat")
    columns = {name: TABLE[name] for name in "sf"}
    space.adapt(columns)
    found = numpy(space(columns))
    assert found.shape == (6, 1 + 4)
    np.testing.assert_allclose(found[:, 0], TABLE["f"])
    np.testing.assert_array_equal(found[:, 1:].sum(1), 1)
    np.testing.assert_array_equal(found[:, 1:].argmax(1), [1, 2, 1, 3, 1, 2])
    one = numpy(space({"s": "zebra", "f": 2.0}))
    assert one.reshape(-1).tolist() == [2, 1, 0, 0, 0], "a row alone; the unknown word comes first"


def test_in_a_model_on_a_table(backend):
    pandas = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    table = pandas.DataFrame({
        "kind": rng.choice(["x", "y", "z"], 96), "size": rng.normal(5, 2, 96).astype("float32")})
    y = ((table["kind"] == "x") * 2.0 + table["size"]).to_numpy("float32")
    space = F({"kind": "string_categorical", "size": "float_normalized"})
    columns = {name: table[name].to_numpy() for name in table}
    space.adapt(columns)
    hl.utils.set_random_seed(0)
    inputs = space.get_inputs()
    model = hl.Model(inputs, hl.layers.Dense(1)(space.get_encoded_features()))
    model.compile(hl.optimizers.Adam(0.1), "mse")
    history = model.fit(columns, y, epochs=25, batch_size=32, verbose=0).history["loss"]
    assert history[-1] < 0.1 * history[0]
    assert model.predict(columns, verbose=0).shape == (96, 1)


def test_files(tmp_path, backend):
    space = by_name()
    space.save(tmp_path / "space.keras")
    loaded = hl.saving.load_model(tmp_path / "space.keras")
    for name, value in space(TABLE).items():
        np.testing.assert_array_equal(numpy(loaded(TABLE)[name]), numpy(value))


def test_mistakes():
    with pytest.raises(ValueError, match=r"float_normalised.*float_normalized"):
        F({"a": "float_normalised"})
    with pytest.raises(ValueError, match="'one_hot'"):
        F.cross(("a", "b"), 4, output_mode="float")
    space = F({"f": "float_normalized"})
    with pytest.raises(ValueError, match="adapt"):
        space.get_encoded_features()
