"""Activations as layers."""

import numpy as np
import pytest

from highlevel import layers

X = np.array([[-2.0, -0.5, 0.5, 3.0]], "float32")


@pytest.mark.parametrize("layer, expected", [
    (lambda: layers.ReLU(), [0, 0, 0.5, 3]),
    (lambda: layers.ReLU(1.0, 0.5, 1.0), [-1.5, -0.75, -0.25, 1]),
    (lambda: layers.LeakyReLU(), [-0.6, -0.15, 0.5, 3]),
    (lambda: layers.ELU(2.0), [2 * np.expm1(-2), 2 * np.expm1(-0.5), 0.5, 3]),
    (lambda: layers.PReLU(alpha_initializer="ones"), [-2, -0.5, 0.5, 3]),
    (lambda: layers.Activation("relu"), [0, 0, 0.5, 3]),
    (lambda: layers.Activation(lambda x: x * 2), [-4, -1, 1, 6]),
    (lambda: layers.Softmax(), np.exp(X[0]) / np.exp(X[0]).sum()),
])
def test_values(layer, expected, backend):
    np.testing.assert_allclose(np.asarray(layer()(X))[0], expected, rtol=1e-5, atol=1e-7)


def test_names_of_old(backend):
    assert layers.LeakyReLU(alpha=0.1).negative_slope == 0.1


def test_masked_softmax(backend):
    mask = np.array([[True, False, True, False]])
    y = np.asarray(layers.Softmax()(X, mask=mask))[0]
    kept = np.exp(X[0][[0, 2]])
    np.testing.assert_allclose(y[[0, 2]], kept / kept.sum(), rtol=1e-5)
    assert y[1] == y[3] == 0.0
    half = layers.Softmax(dtype="float16")(X, mask=mask)
    assert np.isfinite(np.asarray(half, "float32")).all()


def test_errors():
    with pytest.raises(ValueError, match="`negative_slope` must be a number of at least 0"):
        layers.LeakyReLU(-1)
    with pytest.raises(ValueError, match="`max_value`"):
        layers.ReLU(max_value=-1)
