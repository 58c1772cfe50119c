"""Gradients of large tables reach the rules as the few rows they have, on JAX on a CPU."""

import numpy as np
import pytest

import highlevel as hl
from highlevel.optimizers import adam, optimizer
from highlevel.optimizers.rows import Rows, gradient_for

ROWS = 700
RNG = np.random.default_rng(0)
#: rows that come several times in a batch, and in both inputs
X = [RNG.integers(0, 9, (12, 2)).astype("int32"), RNG.integers(0, ROWS, 12).astype("int32")]
Y = RNG.normal(size=(12, 1)).astype("float32")


@pytest.fixture
def given(monkeypatch):
    """What the rules were given: whether each gradient, in order, came as `Rows`."""
    seen = []

    def spy(rule, gradient):
        found = gradient_for(rule, gradient)
        seen.append(isinstance(found, Rows))
        return found

    monkeypatch.setattr(optimizer, "gradient_for", spy)
    return seen


def trained(how, backend, shared=False, regularizer=None):
    """Weights and state after six steps, from a fixed start."""
    hl.utils.set_random_seed(1)
    with hl.use_backend(backend):
        many, one = hl.Input((2,), dtype="int32"), hl.Input((), dtype="int32")
        first = hl.layers.Embedding(ROWS, 3, embeddings_regularizer=regularizer)
        second = first if shared else hl.layers.Embedding(ROWS, 5)
        joined = hl.layers.Concatenate()([hl.layers.Flatten()(first(many)), second(one)])
        model = hl.Model([many, one], hl.layers.Dense(1)(joined))
        model.compile(how(), "mse")
        model.fit(X, Y, batch_size=4, epochs=2, shuffle=False, verbose=0)
        return [np.asarray(v) for v in (*model.weights, *model.optimizer.variables)]


def same(ours, theirs):
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-6)


OPTIMIZERS = {
    "adam": lambda: hl.optimizers.Adam(0.01),
    "amsgrad": lambda: hl.optimizers.Adam(0.01, amsgrad=True),
    "adamw": lambda: hl.optimizers.AdamW(0.01, weight_decay=0.1),
    "nadam": lambda: hl.optimizers.Nadam(0.01),
    "average": lambda: hl.optimizers.Adam(0.01, use_ema=True),
    "sgd": lambda: hl.optimizers.SGD(0.1),
    "momentum": lambda: hl.optimizers.SGD(0.1, 0.9),
    "nesterov": lambda: hl.optimizers.SGD(0.1, 0.9, nesterov=True),
    "rmsprop": lambda: hl.optimizers.RMSprop(0.01),
    "centered": lambda: hl.optimizers.RMSprop(0.01, momentum=0.5, centered=True),
    "adagrad": lambda: hl.optimizers.Adagrad(0.1),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_as_on_numpy_where_gradients_are_arrays(name, given):
    ours = trained(OPTIMIZERS[name], "jax")
    assert given == [True, True, False, False]
    given.clear()
    same(ours, trained(OPTIMIZERS[name], "numpy"))
    assert not any(given)


def test_a_table_used_twice(given):
    ours = trained(OPTIMIZERS["adam"], "jax", shared=True)
    assert given == [True, False, False]
    same(ours, trained(OPTIMIZERS["adam"], "numpy", shared=True))


@pytest.mark.parametrize("how, regularizer", [
    (lambda: hl.optimizers.Adam(0.01, clipnorm=0.5), None),
    (lambda: hl.optimizers.Adam(0.01, global_clipnorm=0.5), None),
    (lambda: hl.optimizers.Adam(0.01, loss_scale_factor=8.0), None),
    (lambda: hl.optimizers.Adam(0.01, gradient_accumulation_steps=2), None),
    (lambda: hl.optimizers.Lamb(0.01), None),
    (OPTIMIZERS["adam"], "l2"),
])  # fmt: skip
def test_what_looks_at_the_whole_gradient_gets_it(how, regularizer, given):
    ours = trained(how, "jax", regularizer=regularizer)
    assert not given or not given[0]
    same(ours, trained(how, "numpy", regularizer=regularizer))


def test_a_rule_of_ones_own_gets_arrays(given):
    class Own(adam.Adam):
        def rule(self, gradient, value, slots, scalars):
            assert not isinstance(gradient, Rows)
            return super().rule(abs(gradient), value, slots, scalars)

    trained(Own, "jax")
    assert given and not any(given)


def test_a_table_of_which_much_is_touched(given, monkeypatch):
    monkeypatch.setitem(vars(adam.Adam.rule), "rarity", ROWS)
    trained(OPTIMIZERS["adam"], "jax")
    assert not any(given)


def test_rows_that_the_table_does_not_have(given):
    """Their gradient is left out, as in the array."""
    places = np.array([[1, 99, 1, -1, 3]], "int32")
    with hl.use_backend("jax") as backend:
        xp = backend.xp

        def step(table, squares):
            _, gradient = backend.value_and_grad(
                lambda t: xp.nansum(xp.take(t, xp.asarray(places), axis=0) ** 2))(table)
            rows = backend.gradient_rows(gradient)
            found = Rows(*rows, len(table))
            return gradient, table + found, squares + found * found

        table = xp.arange(10.0).reshape(5, 2)
        gradient, moved, squares = backend.compile(step)(table, xp.zeros((5, 2)))
    np.testing.assert_allclose(moved, table + gradient)
    np.testing.assert_allclose(squares, gradient**2)
    np.testing.assert_allclose(gradient[1], [8, 12])


def test_elsewhere_than_on_a_cpu_gradients_are_arrays(given, monkeypatch):
    import jax

    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    trained(OPTIMIZERS["adam"], "jax")
    assert not any(given)
