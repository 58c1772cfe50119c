"""Arrays, dtypes and conversions."""

from __future__ import annotations

import numpy as np
import pytest

from highlevel_backend.conformance.checks import close, dtype_of, raises, random_array, same
from highlevel_backend.interface import Backend

NUMERIC = ("uint8", "uint32", "int8", "int32", "float16", "bfloat16", "float32")


def test_interface_and_attributes(backend):
    same(isinstance(backend, Backend), True, "the backend is a Backend")
    same(isinstance(backend.name, str) and bool(backend.name), True, "name is text")
    for name in ("sum", "matmul", "where", "reshape", "concatenate", "exp", "arange"):
        same(hasattr(backend.xp, name), True, f"xp.{name} exists")


@pytest.mark.parametrize(
    ("given", "dtype"),
    [
        (1.5, "float32"),
        (2, "int32"),
        (True, "bool"),
        ([1.0, 2.0], "float32"),
        ([[1, 2], [3, 4]], "int32"),
        ([True, False], "bool"),
        ([1, 2.5], "float32"),
        (np.float32(3), "float32"),
        (np.arange(3, dtype="uint8"), "uint8"),
        (np.ones((2, 3), "float16"), "float16"),
    ],
    ids=str,
)
def test_asarray_of_python_and_numpy(backend, given, dtype):
    x = backend.asarray(given)
    same(backend.is_array(x), True, f"asarray({given!r}) is an array")
    same(dtype_of(x), dtype, f"asarray({given!r}): dtype")
    close(backend, x, np.asarray(given), f"asarray({given!r})")


@pytest.mark.parametrize("way", ["asarray", "put", "put on a device"])
def test_memory_of_numpy_is_not_shared(backend, way):
    """Libraries take over memory at round addresses rather than copy it: every offset."""
    if backend.is_array(np.zeros(1)):
        pytest.skip("its arrays are NumPy's")
    memory = np.zeros(64, "float32")
    for start in range(32):
        given = memory[start:start + 8]
        given[:] = 1.0
        x = {
            "asarray": lambda: backend.asarray(given),  # noqa: B023
            "put": lambda: backend.put(given),  # noqa: B023
            "put on a device": lambda: backend.put(given, backend.devices()[0]),  # noqa: B023
        }[way]()
        given[:] = 2.0
        close(backend, x, np.ones(8), f"{way} of {start * 4} bytes further")


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "bool"])
def test_adopt(backend, dtype):
    for size in (3, 64, 1000):
        given = np.arange(size).astype(dtype)
        x = backend.adopt(given)
        same(backend.is_array(x), True, "adopt gives an array")
        close(backend, x, given.copy(), f"adopt of {size} × {dtype}")


@pytest.mark.parametrize("dtype", NUMERIC)
def test_asarray_with_dtype(backend, dtype):
    x = backend.asarray([0, 1, 2], dtype)
    same(dtype_of(x), dtype, f"asarray(..., {dtype!r}): dtype")
    close(backend, x, np.array([0, 1, 2]), f"asarray(..., {dtype!r})")
    same(dtype_of(backend.asarray(x)), dtype, "asarray of the backend's own array keeps its dtype")


def test_asarray_of_a_list_of_arrays(backend):
    x = backend.asarray([backend.asarray([1.0, 2.0]), backend.asarray([3.0, 4.0])])
    close(backend, x, np.array([[1.0, 2.0], [3.0, 4.0]]), "asarray of a list of arrays")


def test_asarray_refuses_what_is_no_array(backend):
    raises((ValueError, TypeError), lambda: backend.asarray([[1.0], [2.0, 3.0]]), "ragged list")
    raises((ValueError, TypeError), lambda: backend.asarray(object()), "an object")
    raises((ValueError, TypeError), lambda: backend.asarray("text"), "text without dtype")


def test_is_array(backend):
    for x in (1, 1.0, True, "a", None, [1.0], (1,), {"a": 1}):
        same(backend.is_array(x), False, f"is_array({x!r})")


def test_to_numpy(backend):
    given = random_array(2, 3)
    x = backend.to_numpy(backend.asarray(given))
    same(type(x), np.ndarray, "to_numpy gives an ndarray")
    np.testing.assert_array_equal(x, given)


@pytest.mark.parametrize("source", NUMERIC)
@pytest.mark.parametrize("target", (*NUMERIC, "bool"))
def test_cast(backend, source, target):
    x = backend.asarray([0, 1, 3], source)
    y = backend.cast(x, target)
    same(dtype_of(y), target, f"cast {source} to {target}: dtype")
    expected = [0, 1, 1] if target == "bool" else [0, 1, 3]
    close(backend, y, np.array(expected), f"cast {source} to {target}")
    if source == target:
        same(y is x, True, "cast to the same dtype gives the array itself")


@pytest.mark.parametrize("dtype", ["float8_e4m3fn", "float8_e5m2"])
def test_cast_to_eight_bits_and_back(backend, dtype):
    x = backend.cast(backend.asarray([0.5, 1.0, -2.0]), dtype)
    same(dtype_of(x), dtype, f"cast to {dtype}: dtype")
    close(backend, backend.cast(x, "float32"), np.array([0.5, 1.0, -2.0]), f"cast from {dtype}")


def test_cast_has_a_gradient(backend):
    def function(x):
        return backend.xp.sum(backend.cast(backend.cast(x, "float16"), "float32") * 2.0)

    _, gradient = backend.value_and_grad(function)(backend.asarray([1.0, 2.0]))
    close(backend, gradient, np.array([2.0, 2.0]), "gradient through cast")
    same(dtype_of(gradient), "float32", "gradient through cast: dtype")
