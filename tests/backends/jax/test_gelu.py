"""The exact gelu against the standard library, its derivatives, and where it is the stock one."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from highlevel_jax.gelu import gelu

X = np.concatenate([np.linspace(-12.5, 12.5, 2001), [-40.0, -0.0, 0.0, 1e-30, 40.0, 1e20]])
X32 = jnp.asarray(X, "float32")


def below(x):
    return 0.5 * math.erfc(-x / math.sqrt(2))


def density(x):
    return math.exp(-0.5 * min(x * x, 1400)) / math.sqrt(2 * math.pi)


def test_value_has_its_digits_where_it_is_tiny_too():
    expected = [x * below(x) for x in np.asarray(X32, "float64").tolist()]
    # exp of a large number, rounded to float32, has that number's rounding: 1e-5 at -12
    np.testing.assert_allclose(jax.jit(gelu)(X32), expected, rtol=1e-5, atol=1e-37)
    near = np.abs(X) < 4
    np.testing.assert_allclose(
        np.asarray(gelu(X32))[near], np.array(expected)[near], rtol=1.5e-6)


@pytest.mark.parametrize("times", [1, 2, 3])
def test_derivatives(times):
    function = gelu
    for _ in range(times):
        function = jax.grad(function)
    found = jax.jit(jax.vmap(function))(X32)
    x = np.asarray(X32, "float64")
    phi = np.array([density(v) for v in x])
    expected = {
        1: np.array([below(v) for v in x]) + x * phi, 2: phi * (2 - x**2),
        3: phi * (np.minimum(np.abs(x), 99)**3 * np.sign(x) - 4 * x),
    }[times]
    keep = np.abs(x) < 30
    np.testing.assert_allclose(np.asarray(found)[keep], expected[keep], rtol=2e-5, atol=2e-6)


def test_other_dtypes():
    with jax.enable_x64(True):
        wide = jnp.asarray(X[:2001], "float64")
        expected = [x * below(x) for x in X[:2001].tolist()]
        np.testing.assert_allclose(gelu(wide), expected, rtol=1e-12)
        assert gelu(wide).dtype == "float64"
    assert gelu(X32.astype("bfloat16")) is NotImplemented


def test_elsewhere_it_is_the_stock_formula():
    traced = jax.jit(jax.grad(lambda x: gelu(x).sum())).trace(X32)
    texts = [traced.lower(lowering_platforms=(p,)).as_text() for p in ("cpu", "cuda")]
    assert "chlo.erfc" not in texts[0] and "chlo.erfc" in texts[1]
