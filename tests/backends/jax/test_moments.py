"""Mean and variance in one pass, against NumPy in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from highlevel_backend import use_backend
from highlevel_jax.moments import moments

import highlevel as hl


@pytest.mark.parametrize("mean, spread", [(0.0, 1.0), (1e4, 1.0), (0.5, 1e-3)])
@pytest.mark.parametrize("axes, keepdims", [((0, 1), False), (-1, True), ((0, -1), True)])
def test_value_and_gradient_far_from_zero(mean, spread, axes, keepdims):
    x = (mean + spread * np.random.default_rng(0).normal(size=(6, 5, 4))).astype("float32")
    exact = x.astype("float64")
    expected = exact.mean(axes, keepdims=keepdims), exact.var(axes, keepdims=keepdims)
    found = jax.jit(lambda x: moments(x, axes, keepdims))(x)
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-5, atol=1e-5 * spread)
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-5)
    gradient = jax.grad(lambda x: moments(x, axes)[1].sum())(jnp.asarray(x))
    count = exact.size / expected[1].size
    slope = 2 * (exact - exact.mean(axes, keepdims=True)) / count
    np.testing.assert_allclose(gradient, slope, atol=2e-3 * abs(slope).max() if mean > 1 else 1e-6)


def test_constant_arrays_have_no_variance_and_halves_stay_halves():
    mean, variance = moments(jnp.full((7, 3), 0.1), 0)
    assert (variance == 0).all() and (mean == jnp.float32(0.1)).all()
    mean, variance = moments(jnp.full((4, 2), 300.0, "float16"), 0)
    assert mean.dtype == variance.dtype == "float16" and mean.tolist() == [300.0, 300.0]


def test_variables_and_lists_are_taken():
    with use_backend("jax"):
        mean, variance = hl.ops.moments(hl.Variable([1.0, 3.0]), 0)
        assert (float(mean), float(variance)) == (2.0, 1.0)
        assert float(hl.ops.moments([1, 3], [0])[1]) == 1.0
