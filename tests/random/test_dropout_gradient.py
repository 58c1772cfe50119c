"""The gradient passes through dropout where entries are kept."""

import numpy as np

import highlevel as hl


def test_gradient_is_the_mask(backend):
    x = backend.asarray(np.arange(1, 13, dtype="float32").reshape(3, 4))

    def total(x):
        return hl.ops.sum(hl.random.dropout(x, 0.5, seed=3))

    kept = np.asarray(hl.ops.convert_to_numpy(hl.random.dropout(x, 0.5, seed=3))) != 0
    _, gradient = backend.value_and_grad(total)(x)
    np.testing.assert_allclose(np.asarray(hl.ops.convert_to_numpy(gradient)), 2.0 * kept)
    assert kept.any() and not kept.all()
