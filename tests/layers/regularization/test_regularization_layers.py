"""Dropout and noise: what they do in training, that they do nothing else."""

import numpy as np
import pytest

from highlevel import layers

X = np.ones((40, 50), "float32")
ALL = [
    lambda **k: layers.Dropout(0.25, **k), lambda **k: layers.GaussianDropout(0.25, **k),
    lambda **k: layers.AlphaDropout(0.25, **k), lambda **k: layers.GaussianNoise(0.5, **k),
]


@pytest.mark.parametrize("make", ALL)
def test_nothing_happens_outside_training(make, backend):
    np.testing.assert_array_equal(np.asarray(make()(X)), X)


@pytest.mark.parametrize("make", ALL)
def test_a_seed_repeats_and_calls_differ(make, backend):
    one, two = make(seed=5), make(seed=5)
    first = np.asarray(one(X, training=True))
    np.testing.assert_array_equal(first, np.asarray(two(X, training=True)))
    assert (first != np.asarray(one(X, training=True))).any()
    assert not one.weights and len(one.variables) == 1


def test_dropout_keeps_the_mean(backend):
    y = np.asarray(layers.Dropout(0.25, seed=0)(X, training=True))
    assert set(np.unique(y).round(5)) == {0.0, np.float32(4 / 3).round(5)}
    assert abs(float((y == 0).mean()) - 0.25) < 0.04
    shared = np.asarray(layers.Dropout(0.5, noise_shape=(None, 1), seed=0)(X, training=True))
    assert (shared == shared[:, :1]).all() and len(np.unique(shared)) == 2
    assert float(np.asarray(layers.Dropout(1.0)(X, training=True)).max()) == 0.0


def test_alpha_dropout_keeps_mean_and_variance(backend):
    x = np.random.default_rng(0).normal(size=(100, 100)).astype("float32")
    y = np.asarray(layers.AlphaDropout(0.3, seed=1)(x, training=True))
    assert abs(float(y.mean())) < 0.05 and abs(float(y.std()) - 1) < 0.05


def test_spatial_dropout_layouts(backend):
    x = np.ones((8, 6, 3, 4), "float32")
    y = np.asarray(layers.SpatialDropout2D(0.5, "channels_first", seed=1)(x, training=True))
    assert (y == y[:, :, :1, :1]).all() and len(np.unique(y)) == 2


def test_errors():
    with pytest.raises(ValueError, match="`rate` must be a number from 0 to 1"):
        layers.Dropout(1.5)
    with pytest.raises(ValueError, match="at least 0"):
        layers.GaussianNoise(-1.0)
    with pytest.raises(ValueError, match="3 axes"):
        layers.SpatialDropout1D(0.5)(X)
