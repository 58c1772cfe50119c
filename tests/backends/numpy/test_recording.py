"""The recorded array itself: what it looks like, what it refuses, what it never loses."""

import copy
import gc
import pickle
import weakref

import ml_dtypes
import numpy as np
import pytest
from highlevel_numpy import backend
from highlevel_numpy.recorded import Recorded


def recorded(function, x):
    """What `function` gives for a recorded `x`, and the gradient of its sum."""
    seen = {}

    def total(x):
        seen["out"] = out = function(x)
        return np.sum(out)

    _, gradient = backend.value_and_grad(total)(x)
    return seen["out"], gradient


X = np.array([[1.0, -2.0, 3.0], [4.0, 5.0, -6.0]], "float32")


def test_it_looks_like_an_array():
    def function(x):
        assert isinstance(x, Recorded) and backend.is_array(x) and not backend.is_abstract(x)
        assert (x.shape, x.ndim, x.size, len(x), x.nbytes) == ((2, 3), 2, 6, 2, 24)
        assert x.dtype == np.float32 and x.itemsize == 4
        assert x.T.shape == (3, 2) and x.mT.shape == (3, 2)
        assert "1." in repr(x) and str(x) == str(X) and f"{x[0, 0]:.2f}" == "1.00"
        assert np.shape(x) == (2, 3) and np.ndim(x) == 2 and np.size(x) == 6
        assert x.tolist() == X.tolist() and x[0, 0].item() == 1.0
        assert 4.0 in x and round(x[0, 1], 1) == -2.0
        return x

    recorded(function, X)


def test_python_control_flow_works_on_values():
    def function(x):
        if x[0] > 0 and bool(x[1] < 0):
            return x * float(x[2]) * int(x[2])
        return x * 0.0

    _, gradient = recorded(function, np.array([1.0, -1.0, 3.0]))
    np.testing.assert_array_equal(gradient, [9.0, 9.0, 9.0])


def test_comparisons_and_searches_give_plain_arrays():
    def function(x):
        for plain in (x > 0, x == x, np.argmax(x), x.argmin(axis=1), np.isnan(x), np.floor(x),
                      np.sign(x), np.argsort(x), x.any(), np.zeros_like(x), x // 2, 7 // (x * x),
                      np.nonzero(x)[0], x.astype("int32"), np.round(x), np.allclose(x, X)):  # fmt: skip
            assert not isinstance(plain, Recorded)
        return x

    recorded(function, X)


def test_what_would_lose_the_gradient_is_an_error():
    plain = np.zeros((2, 3), "float32")

    def refuses(error, action, match):
        with pytest.raises(error, match=match):
            action()

    def function(x):
        refuses(TypeError, lambda: np.asarray(x), "stop_gradient")
        refuses(TypeError, lambda: np.array([x, x]), "np.stack")
        refuses(TypeError, lambda: x.__setitem__(0, 1.0), "index_update")
        refuses(TypeError, lambda: np.add(x, 1, out=plain), "out=")
        refuses(TypeError, lambda: plain.__iadd__(x), "a = a \\+ b")
        refuses(TypeError, lambda: np.copyto(plain, x), "index_update")
        refuses(TypeError, lambda: np.sum(x, out=plain[0]), "out")
        refuses(TypeError, lambda: x.sort(), "np.sort")
        refuses(TypeError, lambda: pickle.dumps(x), "to_numpy")
        refuses(TypeError, lambda: hash(x), "unhashable")
        refuses(TypeError, lambda: np.add(x, 1, where=X > 0), "np.where")
        refuses(NotImplementedError, lambda: np.polyfit(X[0], x[1], 1), "numpy.polyfit.*custom_gradient")
        refuses(NotImplementedError, lambda: np.bitwise_count(x), "custom_gradient")
        return x

    recorded(function, X)


def test_augmented_assignment_on_a_recorded_array():
    def function(x):
        y = x
        y += 1
        y *= x
        return y

    _, gradient = recorded(function, np.array([2.0, 3.0]))
    np.testing.assert_array_equal(gradient, [5.0, 7.0])


def test_operands_that_are_no_arrays_get_their_turn():
    class Other:
        __array_ufunc__ = None

        def __radd__(self, x):
            return ("radd", x)

        def __rmatmul__(self, x):
            return ("rmatmul", x)

    def function(x):
        assert (x + Other())[0] == "radd" and (x @ Other())[0] == "rmatmul"
        with pytest.raises(TypeError):
            x + "text"
        return x

    recorded(function, X)


def test_a_class_with_the_protocols_of_its_own_gets_its_turn():
    class Wrapper:
        def __init__(self, value):
            self.value = value

        def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
            inputs = [x.value if isinstance(x, Wrapper) else x for x in inputs]
            return getattr(ufunc, method)(*inputs, **kwargs)

        def __array_function__(self, function, types, args, kwargs):
            args = [x.value if isinstance(x, Wrapper) else x for x in args]
            return function(*args, **kwargs)

    def function(x):
        assert isinstance(np.multiply(x, Wrapper(x)), Recorded)
        return np.dot(x.T, Wrapper(x))

    _, gradient = recorded(function, X)
    assert gradient.shape == X.shape


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ml_dtypes.bfloat16])
def test_gradients_have_the_dtype_of_their_array(dtype):
    x = np.abs(X).astype(dtype)

    def function(x):
        y = np.exp(-x) * 0.5 + np.where(x > 1, x, 0) + np.sqrt(x) + x.mean(axis=0) - np.max(x)
        y = np.tanh(y) + np.clip(x, 0, 1) + x**2 + x.var() + np.concatenate([x, x])[:2]
        return y.astype("float32").sum() + (x @ x.T).astype("float64").sum()

    value, gradient = backend.value_and_grad(lambda x: function(x).astype("float32"))(x)
    assert gradient.dtype == dtype and value.dtype == np.float32
    wide = backend.value_and_grad(lambda x: function(x).astype("float64"))(x.astype("float64"))[1]
    np.testing.assert_allclose(gradient.astype("float64"), wide, rtol=0.1, atol=0.1)


def test_scalars_of_python_do_not_widen():
    def function(x):
        y = 1.0 - 2 * x / 3.0 + x**2 + np.maximum(x, 0.0) + np.where(x > 0, x, 1.0)
        assert y.dtype == np.float32
        return y

    out, _ = recorded(function, X)
    assert out.dtype == np.float32


def test_gradients_do_not_share_memory_read_only():
    _, gradient = backend.value_and_grad(np.sum)(X)
    gradient += 1.0
    _, (a, b) = backend.value_and_grad(lambda t: np.sum(t[0] + t[1]))((X, X.copy()))
    a += 1.0
    assert b[0, 0] in (1.0, 2.0)


def test_an_array_twice_in_the_tree_has_two_gradients():
    _, (a, b) = backend.value_and_grad(lambda t: np.sum(t[0] * 2 + t[1] * 3))((X, X))
    assert a[0, 0] == 2.0 and b[0, 0] == 3.0


def test_what_has_been_passed_is_freed():
    """The record is no cycle: it goes without the garbage collector."""
    alive = []
    gc.disable()
    try:

        def function(x):
            y = np.exp(x)
            alive.append(weakref.ref(y))
            return np.sum(y * y)

        backend.value_and_grad(function)(X)
        assert alive[0]() is None
    finally:
        gc.enable()


def test_a_long_chain_is_no_deep_recursion():
    def function(x):
        for _ in range(20_000):
            x = x + 1.0
        return x

    _, gradient = recorded(function, np.ones(2))
    np.testing.assert_array_equal(gradient, [1.0, 1.0])


def test_copies_are_the_array_itself():
    recorded(lambda x: x * (copy.copy(x) is x) * (copy.deepcopy([x])[0] is x), X)


def test_a_function_in_a_thread_of_its_own():
    from concurrent.futures import ThreadPoolExecutor

    run = backend.value_and_grad(lambda x: np.sum(np.sin(x) * x))
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda i: run(X + i)[1], range(16)))
    for i, gradient in enumerate(results):
        np.testing.assert_allclose(gradient, np.cos(X + i) * (X + i) + np.sin(X + i), rtol=1e-5)


def test_no_warning_from_the_walk():
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        recorded(np.sqrt, np.zeros(2))
        backend.value_and_grad(np.linalg.norm)(np.zeros(2))


def test_value_and_grad_by_integers_is_an_error():
    with pytest.raises(TypeError, match="int32"):
        backend.value_and_grad(lambda t: np.sum(t["x"]))({"x": np.arange(3, dtype="int32")})


def test_asarray_of_recorded_entries():
    def function(x):
        return backend.asarray([[x[0, 0], 2.0], [x[1, 1] * 3, x[0, 0]]])

    out, gradient = recorded(function, X)
    assert out.dtype == np.float32 and out.shape == (2, 2)
    np.testing.assert_array_equal(gradient, [[2, 0, 0], [0, 3, 0]])


def test_asarray_of_other_things():
    import jax.numpy as jnp

    assert backend.asarray(jnp.ones(2, "bfloat16")).dtype == ml_dtypes.bfloat16
    assert backend.asarray(2**40).dtype == np.int64
    assert backend.asarray(range(3)).dtype in (np.int32, np.int64)
    assert backend.asarray([np.float64(1), 2]).dtype == np.float64
    assert backend.asarray(["a", "bc"], "string").shape == (2,)
    with pytest.raises(TypeError, match="string"):
        backend.asarray(["a"])
    with pytest.raises(ValueError, match="ragged"):
        backend.asarray([[1, 2], [3]])
    assert backend.asarray([]).dtype == np.float32
