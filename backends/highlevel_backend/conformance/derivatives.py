"""Gradients, pullbacks, directional derivatives and what changes them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from highlevel_backend.conformance.checks import (
    check_vjp,
    close,
    dtype_of,
    raises,
    random_array,
    same,
)
from highlevel_backend.interface import Backend


def test_value_and_grad_of_a_tree(backend):
    xp = backend.xp

    def function(tree, scale):
        return xp.sum(tree["a"] * tree["a"]) * scale + xp.sum(tree["b"][0])

    a, b = random_array(2, 3), random_array(4, seed=1)
    tree = {"a": backend.asarray(a), "b": [backend.asarray(b), None]}
    value, gradient = backend.value_and_grad(function)(tree, 3.0)
    close(backend, value, 3 * np.sum(a * a) + np.sum(b), "value_and_grad: value")
    same(sorted(gradient), ["a", "b"], "value_and_grad: structure of the gradient")
    same(gradient["b"][1], None, "value_and_grad: None stays None")
    close(backend, gradient["a"], 6 * a, "value_and_grad: gradient")
    close(backend, gradient["b"][0], np.ones(4), "value_and_grad: gradient")


def test_value_and_grad_has_aux(backend):
    def function(x):
        y = backend.xp.exp(x)
        return backend.xp.sum(y), {"y": y, "n": None}

    run = backend.value_and_grad(function, has_aux=True)
    (value, aux), gradient = run(backend.asarray([0.0, 1.0]))
    expected = np.exp([0.0, 1.0])
    close(backend, value, expected.sum(), "has_aux: value")
    close(backend, aux["y"], expected, "has_aux: aux")
    close(backend, gradient, expected, "has_aux: gradient")
    same(aux["n"], None, "has_aux: None in aux")


def test_nothing_recorded_comes_out(backend):
    """Results and aux are plain arrays: they can be read, and differentiated anew."""
    run = backend.value_and_grad(lambda x: (backend.xp.sum(x), x * 2.0), has_aux=True)
    (_, aux), gradient = run(backend.asarray([1.0, 2.0]))
    for x in (aux, gradient):
        same(backend.to_numpy(x).dtype, np.dtype("float32"), "values after the gradient")


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_gradient_has_the_dtype_of_its_array(backend, dtype):
    x = backend.asarray([1.0, 2.0], dtype)

    def function(x):
        return backend.xp.sum(backend.cast(x, "float32") * backend.asarray([3.0, 4.0]))

    _, gradient = backend.value_and_grad(function)(x)
    same(dtype_of(gradient), dtype, "dtype of the gradient")
    close(backend, gradient, np.array([3.0, 4.0]), "gradient")


def test_gradient_of_a_value_that_does_not_depend(backend):
    run = backend.value_and_grad(lambda tree: backend.xp.sum(tree["used"]))
    _, gradient = run({"used": backend.asarray([1.0]), "unused": backend.asarray([[1.0, 2.0]])})
    close(backend, gradient["unused"], np.zeros((1, 2)), "gradient by an unused array is zeros")


def test_gradients_need_a_floating_scalar(backend):
    x = backend.asarray([1.0, 2.0])
    raises(TypeError, lambda: backend.value_and_grad(lambda x: x)(x), "value is no scalar")
    raises(
        TypeError,
        lambda: backend.value_and_grad(lambda x: backend.xp.argmax(x))(x),
        "value is an integer",
    )


def test_nested_gradients(backend):
    def cube(x):
        return x * x * x

    def first(x):
        return backend.value_and_grad(cube)(x)[1]

    def second(x):
        return backend.value_and_grad(first)(x)[1]

    x = backend.asarray(2.0)
    close(backend, first(x), 12.0, "first derivative")
    close(backend, second(x), 12.0, "second derivative")
    close(backend, backend.value_and_grad(second)(x)[1], 6.0, "third derivative")


def test_nested_gradients_do_not_mix(backend):
    """d/dx of x · d/dy(x + y): the inner derivative must not see the outer's variable."""

    def outer(x):
        _, inner = backend.value_and_grad(lambda y: x * y)(backend.asarray(1.0))
        return x * inner

    close(backend, backend.value_and_grad(outer)(backend.asarray(3.0))[1], 6.0, "perturbations")


_SMOOTH = {
    "arithmetic": lambda xp, x, y: (x + y) * (x - y) / (2.0 + y * y) - x,
    "power": lambda xp, x, y: xp.exp(x) ** 1.5 + xp.square(y),
    "exponentials": lambda xp, x, y: xp.exp(x) * xp.log1p(y * y) + xp.logaddexp(x, y),
    "trigonometry": lambda xp, x, y: xp.sin(x) * xp.cos(y) + xp.tanh(x) + xp.arctan2(x, y),
    "reductions": lambda xp, x, y: xp.sum(x, axis=0) * xp.mean(y, axis=1)[:3] + xp.var(x),
    "extremes": lambda xp, x, y: xp.max(x, axis=1) + xp.maximum(x, y)[0] - xp.min(y),
    "product": lambda xp, x, y: xp.matmul(x, xp.swapaxes(y, 0, 1)),
    "einsum": lambda xp, x, y: xp.einsum("ij,kj->ik", x, y),
    "tensordot": lambda xp, x, y: xp.tensordot(x, y, axes=((0,), (0,))),
    "joining": lambda xp, x, y: xp.concatenate([x, y * 2.0], axis=1)[:, 1:5],
    "stacking": lambda xp, x, y: xp.stack([x, y], axis=1) * 3.0,
    "splitting": lambda xp, x, y: xp.split(x, 3, axis=0)[1] * y,
    "shaping": lambda xp, x, y: xp.reshape(xp.transpose(x), (-1,)) * xp.reshape(y, (-1,)),
    "broadcasting": lambda xp, x, y: x[:, None, :] * y[None, :, :],
    "choosing": lambda xp, x, y: xp.where(x > y, x * y, x - y),
    "clipping": lambda xp, x, y: xp.clip(x, -0.5, 0.5) * y,
    "taking": lambda xp, x, y: xp.take(x, xp.asarray([2, 0, 2]), axis=1) * y,
    "indexing": lambda xp, x, y: x[1:, ::2] * y[:-1, ::2],
    "padding": lambda xp, x, y: xp.pad(x, ((1, 0), (0, 2))) * 2.0,
    "running sum": lambda xp, x, y: xp.cumsum(x, axis=1) * y,
    "sorting": lambda xp, x, y: xp.sort(x, axis=-1) * y,
    "repeating": lambda xp, x, y: xp.repeat(x, 2, axis=0) + xp.tile(y, (2, 1)),
    "triangles": lambda xp, x, y: xp.tril(x) @ y + xp.triu(y),
    "solving": lambda xp, x, y: xp.linalg.solve(x + 4.0 * xp.eye(3), y),
    "determinant": lambda xp, x, y: xp.linalg.det(x + 3.0 * xp.eye(3)),
}


@pytest.mark.parametrize("name", _SMOOTH)
def test_gradients_through_the_namespace(backend, name):
    function = _SMOOTH[name]
    x, y = random_array(3, 3), random_array(3, 3, seed=1)
    check_vjp(
        backend,
        lambda x, y: function(backend.xp, x, y),
        lambda x, y: function(np, x, y),
        [x, y],
        f"gradient through xp ({name})",
        tolerance=2e-3,
    )


def test_vjp_of_trees(backend):
    def function(tree, factor):
        return {"product": tree["a"] * factor, "sum": tree["a"] + tree["b"]}

    tree = {"a": backend.asarray([1.0, 2.0]), "b": backend.asarray([3.0, 4.0])}
    out, pullback = backend.vjp(function, tree, backend.asarray(5.0))
    close(backend, out["product"], np.array([5.0, 10.0]), "vjp: value")
    cotangent = {"product": backend.asarray([1.0, 10.0]), "sum": backend.asarray([2.0, 3.0])}
    by_tree, by_factor = pullback(cotangent)
    close(backend, by_tree["a"], np.array([7.0, 53.0]), "pullback by a")
    close(backend, by_tree["b"], np.array([2.0, 3.0]), "pullback by b")
    close(backend, by_factor, 21.0, "pullback by factor")
    close(backend, pullback(cotangent)[1], 21.0, "a pullback may be called twice")


def test_a_second_result_is_passed_through(backend):
    x = backend.asarray([1.0, 2.0])
    counted = backend.asarray([7], "int32")

    def function(x):
        return x * x, {"seen": x + 1, "count": counted + 1}

    out, pullback, aux = backend.vjp(function, x, has_aux=True)
    close(backend, out, np.array([1.0, 4.0]), "vjp with aux: value")
    close(backend, pullback(backend.asarray([1.0, 10.0]))[0], np.array([2.0, 40.0]), "pullback")
    close(backend, aux["seen"], np.array([2.0, 3.0]), "vjp: aux")
    out, slope, aux = backend.jvp(function, (x,), (x,), has_aux=True)
    close(backend, slope, np.array([2.0, 8.0]), "jvp with aux: derivative")
    close(backend, aux["count"], np.array([8]), "jvp: aux")


def test_jvp(backend):
    xp = backend.xp
    x, y = backend.asarray([0.5, 1.0]), backend.asarray([2.0, 3.0])
    out, tangent = backend.jvp(
        lambda x, y: (xp.sin(x) * y, xp.sum(y)), (x, y), (xp.ones_like(x), 2.0 * xp.ones_like(y))
    )
    a, b = np.array([0.5, 1.0]), np.array([2.0, 3.0])
    close(backend, out[0], np.sin(a) * b, "jvp: value")
    close(backend, tangent[0], np.cos(a) * b + 2 * np.sin(a), "jvp: derivative")
    close(backend, tangent[1], 4.0, "jvp: derivative of the second result")


def test_jvp_of_a_gradient_is_a_hessian_product(backend):
    def gradient(x):
        return backend.value_and_grad(lambda x: backend.xp.sum(x * x * x))(x)[1]

    x = backend.asarray([1.0, 2.0])
    _, product = backend.jvp(gradient, (x,), (backend.asarray([1.0, 10.0]),))
    close(backend, product, np.array([6.0, 120.0]), "Hessian times vector")


def test_stop_gradient(backend):
    def function(x):
        return backend.xp.sum(x * backend.stop_gradient(x))

    x = backend.asarray([2.0, 3.0])
    value, gradient = backend.value_and_grad(function)(x)
    close(backend, value, 13.0, "stop_gradient: value")
    close(backend, gradient, np.array([2.0, 3.0]), "stop_gradient: gradient")
    close(backend, backend.stop_gradient(x), np.array([2.0, 3.0]), "stop_gradient outside")


def test_custom_gradient(backend: Backend):
    @backend.custom_gradient
    def doubled(x, y):
        return x * y, lambda g: (g * 10.0, g * 100.0)

    x, y = backend.asarray([1.0, 2.0]), backend.asarray([3.0, 4.0])
    close(backend, doubled(x, y), np.array([3.0, 8.0]), "custom_gradient: value alone")
    run = backend.value_and_grad(lambda t: backend.xp.sum(doubled(*t) * 2.0))
    value, (by_x, by_y) = run((x, y))
    close(backend, value, 22.0, "custom_gradient: value")
    close(backend, by_x, np.full(2, 20.0), "custom_gradient: first gradient")
    close(backend, by_y, np.full(2, 200.0), "custom_gradient: second gradient")


def test_custom_gradient_of_one_array(backend: Backend):
    @backend.custom_gradient
    def clipped(x):
        return x, lambda g: backend.xp.clip(g, -1.0, 1.0)

    run = backend.value_and_grad(lambda x: backend.xp.sum(clipped(x) * 5.0))
    close(backend, run(backend.asarray([1.0]))[1], np.array([1.0]), "bare array from a pullback")


def test_custom_gradient_twice(backend):
    """The pullback is differentiated as it is written."""

    @backend.custom_gradient
    def sine(x):
        return backend.xp.sin(x), lambda g: (g * backend.xp.cos(x),)

    def first(x):
        return backend.value_and_grad(sine)(x)[1]

    _, second = backend.value_and_grad(first)(backend.asarray(0.7))
    close(backend, second, -math.sin(0.7), "second derivative of a custom gradient")


def test_remat(backend):
    xp = backend.xp
    weight = backend.asarray(random_array(3, 3))

    def block(x, w):
        return xp.tanh(xp.tanh(x @ w) @ w)

    def loss(function):
        return lambda t: xp.sum(function(t[0], t[1]) * 2.0)

    start = (backend.asarray(random_array(2, 3, seed=1)), weight)
    plain_value, plain = backend.value_and_grad(loss(block))(start)
    value, gradient = backend.value_and_grad(loss(backend.remat(block)))(start)
    close(backend, value, backend.to_numpy(plain_value), "remat: value")
    close(backend, gradient, [backend.to_numpy(x) for x in plain], "remat: gradient")


def test_remat_of_a_function_that_closes_over_arrays(backend):
    def loss(w):
        return backend.xp.sum(backend.remat(lambda x: backend.xp.sin(x * w))(w * w))

    _, gradient = backend.value_and_grad(loss)(backend.asarray(0.9))
    close(backend, gradient, 3 * 0.81 * math.cos(0.729), "remat with a closure")
