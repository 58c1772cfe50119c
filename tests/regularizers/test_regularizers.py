"""Regularizers: lookup, values, errors."""

import numpy as np
import pytest

from highlevel import regularizers

X = np.array([[1.0, -2.0], [3.0, 4.0]], "float32")


def test_values(backend):
    assert float(regularizers.L1(0.5)(X)) == pytest.approx(5.0)
    assert float(regularizers.L2(0.5)(X)) == pytest.approx(15.0)
    assert float(regularizers.L1L2(0.5, 0.1)(X)) == pytest.approx(8.0)
    cosine = abs(3 - 8) / np.sqrt(5 * 25)
    assert float(regularizers.OrthogonalRegularizer(2.0)(X)) == pytest.approx(2 * cosine, rel=1e-5)


def test_gradients(backend):
    value_and_grad = backend.value_and_grad(lambda x: regularizers.L1L2(0.5, 0.1)(x))
    _, gradient = value_and_grad(backend.asarray(X))
    np.testing.assert_allclose(gradient, 0.5 * np.sign(X) + 0.2 * X, rtol=1e-6)


@pytest.mark.parametrize("name", ["l1", "l2", "l1_l2", "L1L2", "orthogonal_regularizer"])
def test_lookup(name):
    made = regularizers.get(name)
    again = regularizers.deserialize(regularizers.serialize(made))
    assert type(again) is type(made) and again.get_config() == made.get_config()


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: regularizers.L1(-1.0), "L1: `l1`"),
        (lambda: regularizers.L2("a"), "L2: `l2`"),
        (lambda: regularizers.L1L2(l2=float("nan")), "L1L2: `l2`"),
        (lambda: regularizers.OrthogonalRegularizer(mode="x"), "'rows'"),
        (lambda: regularizers.OrthogonalRegularizer()(X[0]), "matrix"),
        (lambda: regularizers.get("l3"), "Did you mean"),
    ],
)
def test_errors(call, words):
    with pytest.raises(ValueError, match=words):
        call()
