"""Preprocessing layers against NumPy."""

import numpy as np
import pytest

import highlevel as hl

layers = hl.layers
X = (np.random.default_rng(0).normal(size=(20, 5, 3)) * 3 + 2).astype("float32")


@pytest.mark.parametrize("data", ["array", "list", "batches", "pairs"])
@pytest.mark.parametrize("axis", [-1, None, (1, 2), 1])
def test_normalization_adapts(axis, data, backend):
    layer = layers.Normalization(axis=axis)
    layer.adapt({
        "array": X, "list": X.tolist(), "batches": (X[i:i + 7] for i in range(0, 20, 7)),
        "pairs": [(X[:3], 0), (X[3:], 1)].__iter__(),
    }[data])
    kept = {-1: (2,), None: (), 1: (1,)}.get(axis, axis)
    others = tuple(a for a in range(3) if a not in kept)
    mean, deviation = X.mean(others, keepdims=True), X.std(others, keepdims=True)
    np.testing.assert_allclose(np.asarray(layer.mean), mean, rtol=1e-5)
    np.testing.assert_allclose(np.asarray(layer(X)), (X - mean) / deviation, atol=1e-5)
    back = layers.Normalization(axis=axis, invert=True)
    back.build(X.shape)
    back.set_weights(layer.get_weights())
    np.testing.assert_allclose(np.asarray(back(layer(X))), X, atol=1e-5)
    assert not layer.trainable_weights


def test_normalization_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match="`mean` and `variance` both"):
        layers.Normalization(mean=1.0)
    with pytest.raises(ValueError, match="cannot adapt"):
        layers.Normalization(mean=1.0, variance=1.0).adapt(X)
    with pytest.raises(ValueError, match="no data"):
        layers.Normalization().adapt(iter(()))
    layer = layers.Normalization()
    layer.build((None, 4))
    with pytest.raises(ValueError, match="was built for the lengths"):
        layer.adapt(X[:, 0])
    with pytest.raises(ValueError, match="must be known"):
        layers.Normalization().build((None, None))


def test_discretization_adapts_to_equal_shares(backend):
    values = np.random.default_rng(1).exponential(size=30_000)
    layer = layers.Discretization(num_bins=5, epsilon=0.01)
    layer.adapt(iter(np.array_split(values, 11)))
    shares = np.bincount(np.asarray(layer(values.astype("float32")))) / len(values)
    np.testing.assert_allclose(shares, 0.2, atol=0.01)
    again = layers.Discretization.from_config(layer.get_config())
    np.testing.assert_array_equal(
        np.asarray(again(X)), np.digitize(X, np.float32(layer.bin_boundaries)))
    with pytest.raises(ValueError, match="call `adapt"):
        layers.Discretization(num_bins=3)(X)
    with pytest.raises(ValueError, match="either `bin_boundaries` or `num_bins`"):
        layers.Discretization()


def test_category_encoding(backend):
    ids = np.array([[0, 3, 3], [1, 9, -1]])
    counts = np.array([[1, 0, 0, 2], [0, 1, 0, 0]], "float32")
    for mode, expected in (
        ("count", counts), ("multi_hot", np.minimum(counts, 1)),
        ("one_hot", (ids[..., None] == np.arange(4)).astype("float32")),
    ):
        got = layers.CategoryEncoding(4, mode)(ids)
        np.testing.assert_array_equal(np.asarray(got), expected)
    with pytest.raises(ValueError, match="needs `num_tokens`"):
        layers.CategoryEncoding()


def test_images_keep_their_middle(backend):
    images = np.arange(2 * 6 * 8 * 1, dtype="float32").reshape(2, 6, 8, 1)
    np.testing.assert_array_equal(
        np.asarray(layers.CenterCrop(2, 4)(images)), images[:, 2:4, 2:6])
    first = layers.CenterCrop(2, 4, data_format="channels_first")(images.transpose(0, 3, 1, 2))
    np.testing.assert_array_equal(np.asarray(first), images[:, 2:4, 2:6].transpose(0, 3, 1, 2))
    assert layers.CenterCrop(9, 3)(images).shape == (2, 9, 3, 1)
    both = layers.Resizing(3, 4)({"images": images, "labels": 1})
    assert both["images"].shape == (2, 3, 4, 1)
    assert both["labels"] == 1
