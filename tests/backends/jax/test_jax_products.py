"""Matrix products: derivatives of every kind, and the layout of the gradient by a kernel."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from highlevel_backend import use_backend
from highlevel_jax.products import matrix_product

import highlevel as hl

RNG = np.random.default_rng(0)
X, ROWS, Y = (jnp.asarray(RNG.normal(size=s), "float32") for s in ((2, 5, 3), (5, 3), (3, 4)))
NARROW = jnp.asarray(RNG.normal(size=(3, 2)), "float32")
LARGE = jnp.asarray(RNG.normal(size=(2**16, 3)), "float32")  # turned apart
KINDS = {
    "value": lambda f: f,
    "gradient": lambda f: jax.grad(f, (0, 1)),
    "hessian": lambda f: jax.hessian(f, (0, 1)),
    "gradient of gradient": lambda f: jax.grad(
        lambda *a: sum((g ** 2).sum() for g in jax.grad(f, (0, 1))(*a)), (0, 1)),
    "mapped over both": lambda f: lambda x, y: jax.vmap(jax.grad(f, (0, 1)))(
        jnp.stack([x, 2 * x]), jnp.stack([y, 3 * y])),
    "mapped over the first": lambda f: lambda x, y: jax.vmap(jax.grad(f, (0, 1)), (0, None))(
        jnp.stack([x, 2 * x]), y),
    "mapped over the second": lambda f: lambda x, y: jax.vmap(jax.grad(f, (0, 1)), (None, 0))(
        x, jnp.stack([y, 3 * y])),
    "rematerialized": lambda f: jax.grad(jax.checkpoint(f), (0, 1)),
}


OPERANDS = {"3 axes": (X, Y), "2 axes": (ROWS, Y), "narrow": (X, NARROW), "large": (LARGE, Y)}


@pytest.mark.parametrize("kind, operands", [
    (kind, operands) for kind in KINDS for operands in OPERANDS
    if (kind, operands) != ("hessian", "large")  # of gigabytes
])
def test_as_the_stock_product(kind, operands):
    x, y = OPERANDS[operands]
    found, expected = (
        jax.jit(KINDS[kind](lambda x, y, f=f: (jnp.tanh(f(x, y)) ** 3).sum()))(x, y)
        for f in (matrix_product, jnp.matmul)
    )
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5 * np.abs(b).max())


@pytest.mark.parametrize("x, y", [
    (X, Y[:, 0]), (X[0, 0], Y), (X, jnp.stack([Y, Y])), (X.astype("bfloat16"), Y),
    (X.astype("bfloat16"), Y.astype("bfloat16")), (X[:, :0], Y), (X, Y[:2]),
])
def test_what_is_left_to_the_stock_product(x, y):
    assert matrix_product(x, y) is NotImplemented


def lowered(platform):
    """The program of a Dense layer's gradients by input and weights."""
    with use_backend("jax"):
        layer = hl.layers.Dense(4)
        layer.build(X.shape)
        weights = [v.value for v in layer.weights]

        def loss(weights, x):
            return (layer.stateless_call(weights, [], x)[0] ** 2).sum()

        traced = jax.jit(jax.grad(loss, (0, 1))).trace(weights, X)
        return traced.lower(lowering_platforms=(platform,)).as_text()


def test_a_dense_layer_turns_its_input_on_the_cpu_and_nowhere_else():
    cpu, cuda = lowered("cpu"), lowered("cuda")
    assert cpu.count("dot_general") == cuda.count("dot_general") == 3
    assert "contracting_dims = [0] x [0]" not in cpu and "optimization_barrier" in cpu
    assert "contracting_dims = [0] x [0]" in cuda and "optimization_barrier" not in cuda


def test_the_precision_asked_for_is_that_of_all_three_products():
    with jax.default_matmul_precision("highest"):
        assert lowered("cuda").count("precision = [HIGHEST, HIGHEST]") == 3


def test_what_makes_a_large_array_is_computed_once():
    """XLA would compute it again in the loop that turns it."""
    def loss(x, y):
        return (matrix_product(jnp.maximum(x + 1, 0), y) ** 2).sum()

    text = jax.jit(jax.grad(loss, 1)).lower(LARGE, Y).compile().as_text()
    assert text.count("maximum(") == 1 and "call(" in text
