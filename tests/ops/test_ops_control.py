"""Control flow, conversion and symbolic operators."""

import numpy as np
import pytest
from highlevel_backend import use_backend

from highlevel import config, ops
from highlevel.symbolic import SymbolicTensor
from highlevel.variable import Variable


def test_cond_switch_and_loops(backend):
    x = ops.array([1.0, 2.0])
    assert ops.cond(ops.sum(x) > 2, lambda: x, lambda: -x).tolist() == [1.0, 2.0]
    assert [int(ops.switch(i, [lambda v: v, lambda v: v * 2], 5)) for i in (-1, 0, 1, 7)] == [5, 5, 10, 10]
    assert int(ops.while_loop(lambda i: i < 100, lambda i: i * 2, 1, maximum_iterations=3)) == 8
    i, total = ops.while_loop(lambda i, t: i < 4, lambda i, t: (i + 1, t + i), (0, 0))
    assert (int(i), int(total)) == (4, 6)
    assert int(ops.fori_loop(2, 5, lambda i, t: t + i, 1)) == 10


def test_the_same_inside_a_compiled_function():
    with use_backend("jax") as backend:
        program = backend.compile(lambda i, x: (
            ops.switch(i, [lambda v: v, lambda v: v * 2, lambda v: v * 3], x),
            ops.cond(x > 1, lambda: x, lambda: -x),
            ops.slice(ops.arange(6), (i,), (2,)),
            ops.slice_update(ops.zeros(4), (i,), ops.ones(2)),
        ))  # fmt: skip
        found = program(ops.array(2), ops.array(1.5))
        assert [float(found[0]), float(found[1])] == [4.5, 1.5]
        assert found[2].tolist() == [2, 3] and found[3].tolist() == [0, 0, 1, 1]


def test_scan_map_and_associative_scan(backend):
    xs = np.arange(1, 6).astype("float32")
    last, ys = ops.scan(lambda c, x: (c + x, c * x), 0.0, xs)
    assert float(last) == 15 and ys.tolist() == [0, 2, 9, 24, 50]
    last, ys = ops.scan(lambda c, x: (c + x, c), 0.0, xs, reverse=True)
    assert ys.tolist() == [14, 12, 9, 5, 0]
    assert ops.map(lambda x: x * 2, xs).tolist() == (xs * 2).tolist()
    assert ops.vectorized_map(lambda pair: pair[0] - pair[1], (xs, xs[::-1].copy())).tolist() == [-4, -2, 0, 2, 4]
    for length in range(1, 9):
        for reverse in (False, True):
            values = np.arange(1, length + 1)
            expected = np.cumsum(values[::-1])[::-1] if reverse else np.cumsum(values)
            found = ops.associative_scan(lambda a, b: a + b, values, reverse=reverse)
            assert found.tolist() == expected.tolist()
    # Not commutative: products of matrices keep their order.
    matrices = np.random.default_rng(0).normal(size=(5, 2, 2)).astype("float32")
    expected = [matrices[0]]
    for matrix in matrices[1:]:
        expected.append(expected[-1] @ matrix)
    found = backend.to_numpy(ops.associative_scan(ops.matmul, matrices))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_custom_gradient_and_jvp(backend):
    @ops.custom_gradient
    def f(x):
        def grad(upstream):
            return upstream * 10.0

        return x * x, grad

    value, slope = backend.value_and_grad(lambda x: ops.sum(f(x)))(ops.array([3.0]))
    assert float(value) == 9 and slope.tolist() == [10]
    value, slope, aux = ops.jvp(lambda x: (x * x, x + 1), (ops.array(3.0),), (ops.array(1.0),), has_aux=True)
    assert [float(value), float(slope), float(aux)] == [9, 6, 4]


def test_conversion_of_python_values(backend):
    assert ops.dtype(ops.array(1)) == "int32"
    assert ops.dtype(ops.array([1, 2.5])) == "float32"
    assert ops.dtype(ops.array([True])) == "bool"
    v = Variable(np.ones(2, "float32"), name="v")
    assert ops.dtype(v) == "float32" and ops.shape(v) == (2,)
    assert ops.add(v, 1).tolist() == [2, 2]
    assert ops.stack([v, v]).shape == (2, 2)
    assert ops.array([v, v]).shape == (2, 2)
    config.set_floatx("float16")
    try:
        for value in (1.0, [1.0, 2.0]):
            assert ops.dtype(ops.array(value)) == "float16"
        assert ops.dtype(ops.zeros(2)) == "float16"
        assert ops.dtype(ops.mean([1, 2])) == "float16"
        assert ops.dtype(ops.array(np.ones(2, "float32"))) == "float32"
    finally:
        config.set_floatx("float32")


def test_operators_of_symbolic_tensors():
    x = SymbolicTensor((None, 4))
    assert [t.shape for t in (x + 1, 1 - x, x / 2, 2 ** x, -x, abs(x), x > 0, x[:, 0], x[None], x[..., 1:3])] == [
        (None, 4)] * 7 + [(None,), (1, None, 4), (None, 2)]  # fmt: skip
    assert (x @ SymbolicTensor((4, 5))).shape == (None, 5)
    assert (x > 0).dtype == "bool" and (~(x > 0)).dtype == "bool"
    assert x.reshape((-1, 2, 2)).shape == (None, 2, 2)
    assert (x + x).node.operation.function is ops.add
    with pytest.raises(ValueError, match="cannot be broadcast"):
        x + SymbolicTensor((None, 3))
    with pytest.raises(IndexError, match="out of range for axis 1"):
        x[:, 4]


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_stays_and_sums_widely(dtype, backend):
    x = ops.cast(np.full(4096, 0.1), dtype)
    for function in (ops.sum, ops.mean, ops.var, ops.softmax, ops.relu, ops.gelu, ops.erf, ops.exp):
        assert ops.dtype(function(x)) == dtype
    assert float(ops.mean(x)) == pytest.approx(0.1, rel=1e-2)
    assert float(ops.sum(x)) == pytest.approx(409.6, rel=1e-2)


def test_erf_to_the_last_digits():
    import math

    with use_backend("numpy"):
        x = np.linspace(-6, 6, 301)
        np.testing.assert_allclose(ops.erf(x), [math.erf(v) for v in x], rtol=1e-14, atol=0)
        np.testing.assert_allclose(ops.erfc(x[x < 6]), [math.erfc(v) for v in x[x < 6]], rtol=1e-13)
        inside = np.concatenate([np.linspace(-0.999, 0.999, 101), [1 - 1e-9, -1 + 1e-12]])
        np.testing.assert_allclose([math.erf(v) for v in ops.erfinv(inside)], inside, rtol=1e-14)
