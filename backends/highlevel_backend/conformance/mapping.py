"""`vmap` and `compile`."""

from __future__ import annotations

import numpy as np
import pytest

from highlevel_backend.conformance.checks import close, raises, random_array, same


def test_vmap(backend):
    x, y = random_array(4, 3), random_array(3, seed=1)
    run = backend.vmap(lambda x, y: backend.xp.sum(x * y), in_axes=(0, None))
    close(backend, run(backend.asarray(x), backend.asarray(y)), x @ y, "vmap")


def test_vmap_of_axes(backend):
    x = random_array(2, 4, 3)
    run = backend.vmap(lambda x: backend.xp.cumsum(x, axis=0), in_axes=1, out_axes=2)
    expected = np.stack([np.cumsum(x[:, i], axis=0) for i in range(4)], axis=2)
    close(backend, run(backend.asarray(x)), expected, "vmap with axes")


def test_vmap_of_trees(backend):
    run = backend.vmap(lambda t: {"s": t["a"] + t["b"], "p": (t["a"] * t["b"],)})
    a, b = random_array(3), random_array(3, seed=1)
    out = run({"a": backend.asarray(a), "b": backend.asarray(b)})
    close(backend, out["s"], a + b, "vmap of trees")
    close(backend, out["p"][0], a * b, "vmap of trees")


def test_gradients_by_example(backend):
    """vmap of a gradient, and a gradient of a vmap."""
    w, x = random_array(3), random_array(5, 3, seed=1)

    def loss(w, x):
        return backend.xp.square(backend.xp.sum(w * x))

    run = backend.vmap(lambda w, x: backend.value_and_grad(loss)(w, x)[1], in_axes=(None, 0))
    close(
        backend, run(backend.asarray(w), backend.asarray(x)), 2 * (x @ w)[:, None] * x,
        "vmap of gradients",
    )  # fmt: skip

    def total(w):
        return backend.xp.sum(backend.vmap(loss, in_axes=(None, 0))(w, backend.asarray(x)))

    _, gradient = backend.value_and_grad(total)(backend.asarray(w))
    close(backend, gradient, 2 * (x @ w) @ x, "gradient of a vmap")


def test_compile_gives_the_same_values(backend):
    def function(tree, y):
        return {"out": backend.xp.tanh(tree["x"]) @ y}

    x, y = random_array(2, 3), random_array(3, 4, seed=1)
    out = backend.compile(function)({"x": backend.asarray(x)}, backend.asarray(y))
    close(backend, out["out"], np.tanh(x) @ y, "compile")


def test_compile_of_a_gradient(backend):
    run = backend.compile(backend.value_and_grad(lambda x: backend.xp.sum(x * x)))
    value, gradient = run(backend.asarray([1.0, 2.0]))
    close(backend, value, 5.0, "compiled gradient: value")
    close(backend, gradient, np.array([2.0, 4.0]), "compiled gradient")


def test_compile_with_donation(backend):
    def step(state, gradient):
        return {"w": state["w"] - 0.5 * gradient}

    run = backend.compile(step, donate=(0,))
    state = {"w": backend.asarray([1.0, 2.0])}
    for _ in range(3):
        state = run(state, backend.asarray([1.0, 1.0]))
    close(backend, state["w"], np.array([-0.5, 0.5]), "compile with donation")


def test_compile_count(backend):
    if not backend.compiles:
        pytest.skip("the backend does not compile")
    run = backend.compile(lambda x: x * 2.0)
    before = backend.compile_count
    run(backend.asarray([1.0, 2.0]))
    same(backend.compile_count, before + 1, "the first call compiles once")
    run(backend.asarray([3.0, 4.0]))
    same(backend.compile_count, before + 1, "the same shape and dtype do not compile again")
    run(backend.asarray([3.0, 4.0, 5.0]))
    same(backend.compile_count, before + 2, "another shape compiles again")
    run(backend.asarray([3, 4, 5]))
    same(backend.compile_count, before + 3, "another dtype compiles again")


def test_traced_arrays(backend):
    """In a compiled function arrays are arrays, abstract ones, and have no value to give."""
    if not backend.compiles:
        pytest.skip("the backend does not compile")
    seen = {}

    def function(x):
        seen["array"], seen["abstract"] = backend.is_array(x), backend.is_abstract(x)
        raises(TypeError, lambda: backend.to_numpy(x), "to_numpy of a traced array")
        return x

    x = backend.asarray([1.0])
    backend.compile(function)(x)
    same(seen, {"array": True, "abstract": True}, "a traced array")
    same(backend.is_abstract(x), False, "an array with a value is not abstract")
