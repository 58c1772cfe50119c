"""Pooling against reductions of slices."""

import numpy as np
import pytest

from highlevel import layers
from highlevel.symbolic import SymbolicTensor

X = np.random.default_rng(0).normal(size=(2, 6, 4, 3)).astype("float32")
BLOCKS = X.reshape(2, 3, 2, 2, 2, 3)


def test_windows(backend):
    np.testing.assert_allclose(np.asarray(layers.MaxPooling2D()(X)), BLOCKS.max((2, 4)))
    np.testing.assert_allclose(
        np.asarray(layers.AveragePooling2D(2)(X)), BLOCKS.mean((2, 4)), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(
        np.asarray(layers.AdaptiveMaxPooling2D((3, 2))(X)), BLOCKS.max((2, 4)))


def test_padding_does_not_count_for_the_mean(backend):
    y = layers.AveragePooling1D(2, strides=1, padding="same")(np.ones((1, 3, 1), "float32"))
    np.testing.assert_allclose(np.asarray(y), np.ones((1, 3, 1)))


def test_global(backend):
    np.testing.assert_allclose(np.asarray(layers.GlobalMaxPooling2D()(X)), X.max((1, 2)))
    y = layers.GlobalAveragePooling2D(keepdims=True)(X)
    np.testing.assert_allclose(np.asarray(y), X.mean((1, 2), keepdims=True), rtol=1e-4, atol=1e-6)


def test_masked_steps_do_not_count(backend):
    x = X[:, :, 0]
    masked = layers.Masking(0.0)(np.concatenate([x, np.zeros_like(x)], 1))
    y = layers.GlobalAveragePooling1D()(masked)
    np.testing.assert_allclose(np.asarray(y), x.mean(1), rtol=1e-4, atol=1e-6)


def test_aliases():
    assert layers.MaxPool2D is layers.MaxPooling2D
    assert layers.GlobalAvgPool1D is layers.GlobalAveragePooling1D


def test_errors():
    with pytest.raises(ValueError, match="does not fit into the input"):
        layers.MaxPooling2D(5)(SymbolicTensor((None, 4, 4, 1)))
    with pytest.raises(ValueError, match="`pool_size` must be an integer"):
        layers.MaxPooling1D("2")
    with pytest.raises(ValueError, match="4 axes"):
        layers.GlobalMaxPooling2D()(SymbolicTensor((None, 4, 1)))
