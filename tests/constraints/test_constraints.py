"""Constraints: lookup, what they guarantee, errors."""

import numpy as np
import pytest

from highlevel import constraints

W = np.random.default_rng(0).normal(size=(4, 3)).astype("float32") * 3


def norms(w, axis=0):
    return np.linalg.norm(np.asarray(w), axis=axis)


def test_guarantees(backend):
    assert (norms(constraints.MaxNorm(1.5)(W)) <= 1.5 + 1e-5).all()
    small = W / 100
    np.testing.assert_allclose(constraints.MaxNorm(1.5)(small), small, rtol=1e-4)
    np.testing.assert_allclose(norms(constraints.UnitNorm(axis=1)(W), 1), 1, rtol=1e-5)
    assert np.asarray(constraints.NonNeg()(W)).tolist() == np.maximum(W, 0).tolist()
    between = norms(constraints.MinMaxNorm(1.0, 2.0)(W))
    assert ((between > 1 - 1e-5) & (between < 2 + 1e-5)).all()
    half = norms(constraints.MinMaxNorm(0.0, 2.0, rate=0.5)(W))
    np.testing.assert_allclose(half, (np.minimum(norms(W), 2) + norms(W)) / 2, rtol=1e-5)


@pytest.mark.parametrize("name", ["max_norm", "non_neg", "unit_norm", "min_max_norm", "MaxNorm"])
def test_lookup(name):
    made = constraints.get(name)
    again = constraints.deserialize(constraints.serialize(made))
    assert type(again) is type(made) and again.get_config() == made.get_config()


def test_errors():
    with pytest.raises(ValueError, match="Did you mean 'max_norm'"):
        constraints.get("maxnorm")
    with pytest.raises(NotImplementedError, match="define it"):
        constraints.Constraint()(W)
