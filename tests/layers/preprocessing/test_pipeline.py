"""Pipelines: the layers' values in order, training by default, masks, files."""

import numpy as np
import pytest

import highlevel as hl

layers = hl.layers
X = np.random.default_rng(0).normal(size=(2, 6, 5, 3)).astype("float32")


def test_values_and_shapes(backend):
    pipeline = layers.Pipeline([layers.Rescaling(2.0, 1.0), layers.CenterCrop(2, 3)])
    np.testing.assert_allclose(np.asarray(pipeline(X)), 2 * X[:, 2:4, 1:4] + 1, rtol=1e-6)
    assert pipeline.compute_output_shape((None, 6, 5, 3)) == (None, 2, 3, 3)
    assert pipeline(hl.Input((6, 5, 3))).shape == (None, 2, 3, 3)
    np.testing.assert_array_equal(np.asarray(layers.Pipeline([])(X)), X)
    images = layers.Pipeline([layers.Rescaling(2.0)])
    assert images.layers[0].name.startswith("rescaling")


def test_training_is_the_default_outside_of_models(backend):
    pipeline = layers.Pipeline([layers.Dropout(0.5, seed=1)])
    ones = np.ones((8, 50), "float32")
    assert set(np.unique(np.asarray(pipeline(ones)))) == {0.0, 2.0}
    assert set(np.unique(np.asarray(pipeline(ones, training=False)))) == {1.0}
    model = hl.Sequential([hl.Input((50,)), pipeline])
    assert set(np.unique(model.predict(ones, verbose=0))) == {1.0}


def test_masks_go_through(backend):
    ids = np.array([[1, 2, 0], [3, 0, 0]])
    embedding, lstm = layers.Embedding(5, 3, mask_zero=True), layers.LSTM(2)
    pipeline = layers.Pipeline([embedding, lstm])
    out = pipeline(ids)
    np.testing.assert_allclose(
        np.asarray(out)[1], np.asarray(lstm(embedding(ids[1:, :1])))[0], atol=1e-6)
    assert getattr(out, "_keras_mask", None) is None
    x = hl.ops.ones((2, 3, 4))
    mask = np.array([[1, 1, 0], [1, 0, 0]], bool)
    given = layers.Pipeline([layers.GRU(2)])
    np.testing.assert_allclose(
        np.asarray(given(x, mask=mask))[0], np.asarray(given.layers[0](x[:1, :2]))[0], atol=1e-6)
    # In a graph too: what comes behind the pipeline sees its mask.
    inputs = hl.Input((3,), dtype="int32")
    model = hl.Model(inputs, lstm(layers.Pipeline([embedding, layers.Dropout(0.1)])(inputs)))
    np.testing.assert_allclose(model.predict(ids, verbose=0), np.asarray(out), atol=1e-6)


def test_saved_and_loaded(backend, tmp_path):
    model = hl.Sequential([
        hl.Input((6, 5, 3)),
        layers.Pipeline([layers.Rescaling(0.5), layers.Dense(2, name="dense")], name="prepare"),
    ])
    assert [w.path.split("/")[-3:] for w in model.weights] == [
        ["prepare", "dense", "kernel"], ["prepare", "dense", "bias"]]
    model.save(tmp_path / "m.keras")
    again = hl.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(np.asarray(again(X)), np.asarray(model(X)))


def test_errors():
    with pytest.raises(ValueError, match="takes a list of layers; got 3"):
        layers.Pipeline([layers.Dense(2), 3])
    with pytest.raises(ValueError, match="takes a list of layers"):
        layers.Pipeline(layers.Dense(2))
