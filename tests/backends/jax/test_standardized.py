"""Standardizing over axes against plain formulas in float64, with derivatives of every kind."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from highlevel_jax.standardized import standardized

RNG = np.random.default_rng(0)
X = jnp.asarray(RNG.normal(2, 3, size=(4, 5, 6)), "float32")
W = jnp.asarray(RNG.normal(size=X.shape), "float32")
AXES = [(2,), (1,), (0, 2), (0, 1, 2)]


def plain(x, axes, epsilon):
    away = x - x.mean(axes, keepdims=True)
    return away / jnp.sqrt((away**2).mean(axes, keepdims=True) + epsilon)


def loss(function, axes):
    return lambda x: (jnp.sin(function(x, axes, 1e-3)) * W.astype(x.dtype)).sum()


KINDS = {
    "value": lambda f, w: f,
    "gradient": lambda f, w: jax.grad(f),
    "forward": lambda f, w: lambda x: jax.jvp(f, (x,), (w,)),
    "forward over reverse": lambda f, w: lambda x: jax.jvp(jax.grad(f), (x,), (w,)),
    "reverse over reverse": lambda f, w: jax.grad(lambda x: (jax.grad(f)(x) ** 3).sum()),
    "mapped": lambda f, w: lambda x: jax.vmap(jax.grad(f))(jnp.stack([x, x * x])),
    "rematerialized": lambda f, w: jax.grad(jax.checkpoint(f)),
}


@pytest.mark.parametrize("axes", AXES)
@pytest.mark.parametrize("kind", KINDS)
def test_as_the_plain_formula(kind, axes):
    found = jax.jit(KINDS[kind](loss(standardized, axes), W))(X)
    with jax.enable_x64(True):
        x, w = X.astype("float64"), W.astype("float64")
        expected = jax.jit(KINDS[kind](loss(plain, axes), w))(x)
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=2e-5 * float(np.abs(b).max()))


@pytest.mark.parametrize("x, axes", [
    (X.astype("bfloat16"), (2,)), (X, ()), (X[:, :0], (1,)), (X.astype("int32"), (0,)),
])
def test_what_it_is_not_for(x, axes):
    assert standardized(x, axes, 1e-3) is NotImplemented


def test_only_the_cpu_keeps_it_apart():
    traced = jax.jit(jax.grad(loss(standardized, (2,)))).trace(X)
    texts = [traced.lower(lowering_platforms=(p,)).as_text() for p in ("cpu", "cuda")]
    assert 'inlineable = "false"' in texts[0] and "inlineable" not in texts[1]
