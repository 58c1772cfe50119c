"""Recurrent kernels for the CPU: derivatives of every kind, and what is left in their loops."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from highlevel_backend import use_backend
from highlevel_jax import recurrence

import highlevel as hl
from highlevel.layers.recurrent import sequences

RNG = np.random.default_rng(0)


def arrays(*shapes):
    return tuple(jnp.asarray(RNG.normal(size=shape) * 0.5, "float32") for shape in shapes)


LSTM = arrays((5, 2, 12), (2, 3), (2, 3), (3, 12), (2, 3))
GRU = arrays((5, 2, 9), (2, 3), (3, 9), (9,), (2, 3))
SIMPLE = arrays((5, 2, 3), (2, 3), (3, 3), (2, 3))
CASES = {
    "lstm": ("lstm_sequence", LSTM[:4], False),
    "lstm masked backwards": ("lstm_sequence", LSTM, True),
    "gru": ("gru_sequence", GRU[:3], True),
    "gru masked with bias": ("gru_sequence", GRU, False),
    "simple masked": ("simple_rnn_sequence", SIMPLE, True),
}
#: what is compared: `(function of arrays, number of arguments, directions) -> function`
KINDS = {
    "value": lambda f, n, d: f,
    "gradient": lambda f, n, d: jax.grad(total(f), n),
    "gradient of the last state": lambda f, n, d: jax.grad(lambda *a: (f(*a)[1] ** 2).sum(), n),
    "forward": lambda f, n, d: lambda *a: jax.jvp(f, a, d),
    "gradient of gradient": lambda f, n, d: jax.grad(
        lambda *a: sum((g ** 2).sum() for g in jax.grad(total(f), n)(*a)), n),
    "forward over reverse": lambda f, n, d: lambda *a: jax.jvp(jax.grad(total(f), n), a, d),
    "reverse over forward": lambda f, n, d: jax.grad(lambda *a: jax.jvp(total(f), a, d)[1], n),
    "mapped gradient": lambda f, n, d: lambda *a: jax.vmap(jax.grad(total(f), n))(
        *[jnp.stack([x, 2 * x]) for x in a]),
    "gradient of mapped": lambda f, n, d: lambda *a: jax.grad(
        lambda *b: jax.vmap(total(f))(*b).sum(), n)(*[jnp.stack([x, 2 * x]) for x in a]),
    "rematerialized": lambda f, n, d: jax.grad(jax.checkpoint(total(f)), n),
}


def total(function):
    return lambda *a: sum(((i + 1) * y ** 2).sum() for i, y in enumerate(function(*a)))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", CASES)
def test_as_the_scan_over_steps(case, kind):
    name, args, reverse = CASES[case]
    directions = tuple(jnp.flip(a, -1) for a in args)
    with use_backend("jax"):
        found, expected = (
            jax.jit(KINDS[kind](
                functools.partial(getattr(module, name), reverse=reverse),
                tuple(range(len(args))), directions,
            ))(*args)
            for module in (recurrence, sequences)
        )
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5 * np.abs(b).max())


PRODUCTS = ("dot_general", "highlevel_product", "highlevel_product_over_rows")


def products(jaxpr, loops=0):
    """Matrix products outside of loops, and in each loop."""
    inside = []
    for equation in jaxpr.eqns:
        if equation.primitive.name in PRODUCTS:
            loops += 1
        for value in equation.params.values():
            inner = getattr(value, "jaxpr", None)
            if inner is None:
                continue
            count, deeper = products(inner)
            if equation.primitive.name == "scan":
                inside += [count, *deeper]
            else:
                loops, inside = loops + count, inside + deeper
    return loops, inside


@pytest.mark.parametrize("layer, loops", [
    (lambda: hl.layers.LSTM(3), [1, 1]),
    (lambda: hl.layers.GRU(3, return_sequences=True, go_backwards=True), [1, 1]),
    (lambda: hl.layers.SimpleRNN(3, recurrent_dropout=0.5), [1, 1]),
    (lambda: hl.layers.LSTM(3, activation="relu"), [1, 2]),  # JAX's own derivative
], ids=["LSTM", "GRU", "SimpleRNN", "no kernel"])
def test_one_product_a_step_each_way(layer, loops):
    with use_backend("jax"):
        layer = layer()
        x = jnp.ones((2, 5, 4))
        layer.build(x.shape)
        trained = [v.value for v in layer.trainable_variables]
        others = [v.value for v in layer.non_trainable_variables]

        def loss(values):
            return layer.stateless_call(values, others, x, training=True)[0].sum()

        outside, inside = products(jax.make_jaxpr(jax.grad(loss))(trained).jaxpr)
    assert inside == loops
    assert outside == (2 if loops[1] == 2 else 3)  # the input's, and the weights' gradients


def test_elsewhere_the_scan_stays(monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert recurrence.lstm_sequence(*LSTM[:4]) is NotImplemented
    with use_backend("jax"):
        monkeypatch.setattr(recurrence, "_lstm", None)
        assert hl.layers.LSTM(3)(jnp.ones((2, 5, 4))).shape == (2, 3)


def test_dtypes_that_differ_and_no_steps_are_left_to_the_scan():
    x, h, c, recurrent = LSTM[:4]
    assert recurrence.lstm_sequence(x, h.astype("bfloat16"), c, recurrent) is NotImplemented
    assert recurrence.lstm_sequence(x[:0], h, c, recurrent) is NotImplemented
