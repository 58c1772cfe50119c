"""`index_update` and `top_k`."""

from __future__ import annotations

import numpy as np
import pytest

from highlevel_backend.conformance.checks import close, dtype_of, random_array, same

_INDICES = {
    "integer": 1,
    "slice": slice(0, 3, 2),
    "ellipsis": (Ellipsis, 1),
    "column": (slice(None), slice(1, 3)),
    "array": np.array([2, 0]),
    "pairs": (np.array([0, 1]), np.array([2, 1])),
}
_MODES = {
    "set": lambda old, new: new,
    "add": lambda old, new: old + new,
    "multiply": lambda old, new: old * new,
    "max": np.maximum,
    "min": np.minimum,
}


@pytest.mark.parametrize("mode", _MODES)
@pytest.mark.parametrize("index", _INDICES)
def test_index_update(backend, index, mode):
    x = random_array(4, 3)
    given = _INDICES[index]
    values = random_array(*x[given].shape, seed=1)
    expected = x.copy()
    expected[given] = _MODES[mode](x[given], values)
    source = backend.asarray(x)
    out = backend.index_update(source, given, backend.asarray(values), mode)
    close(backend, out, expected, f"index_update ({mode}, {index})")
    close(backend, source, x, "index_update leaves its argument as it was")


def test_index_update_of_repeated_entries(backend):
    x = np.array([1.0, 2.0, 3.0], "float32")
    index, values = np.array([0, 0, 2]), backend.asarray([5.0, 7.0, 1.0])
    for mode, expected in {
        "add": [13.0, 2.0, 4.0],
        "multiply": [35.0, 2.0, 3.0],
        "max": [7.0, 2.0, 3.0],
        "min": [1.0, 2.0, 1.0],
    }.items():
        out = backend.index_update(backend.asarray(x), index, values, mode)
        close(backend, out, np.array(expected), f"index_update ({mode}) of repeated entries")
    out = backend.to_numpy(backend.index_update(backend.asarray(x), index, values))
    same(out[0] in (5.0, 7.0), True, "index_update (set) leaves one of the values")


def test_index_update_broadcasts_and_keeps_the_dtype(backend):
    x = backend.asarray([[1, 2], [3, 4]])
    out = backend.index_update(x, (slice(None), 0), backend.asarray(9))
    close(backend, out, np.array([[9, 2], [9, 4]]), "index_update with a scalar")
    same(dtype_of(out), "int32", "index_update: dtype")


@pytest.mark.parametrize("mode", ["set", "add"])
def test_gradient_of_index_update(backend, mode):
    x, values = random_array(4), random_array(2, seed=1)
    weights = random_array(4, seed=2)

    def function(t):
        out = backend.index_update(t[0], np.array([3, 1]), t[1], mode)
        return backend.xp.sum(out * backend.asarray(weights))

    _, (by_x, by_values) = backend.value_and_grad(function)(
        (backend.asarray(x), backend.asarray(values))
    )
    expected = weights.copy()
    if mode == "set":
        expected[[3, 1]] = 0
    close(backend, by_x, expected, f"index_update ({mode}): gradient by x")
    close(backend, by_values, weights[[3, 1]], f"index_update ({mode}): gradient by values")


@pytest.mark.parametrize("k", [1, 2, 5])
@pytest.mark.parametrize("dtype", ["float32", "int32", "uint8"])
def test_top_k(backend, k, dtype):
    x = np.array([[3, 1, 3, 0, 2], [0, 5, 5, 5, 1]], dtype)
    values, indices = backend.top_k(backend.asarray(x), k)
    order = np.argsort(-x.astype(int), axis=-1, kind="stable")[:, :k]
    close(backend, indices, order, f"top_k({k}) of {dtype}: indices, the first of equals first")
    close(backend, values, np.take_along_axis(x, order, -1), f"top_k({k}) of {dtype}: values")
    same(dtype_of(indices), "int32", "top_k: dtype of the indices")
    same(dtype_of(values), dtype, "top_k: dtype of the values")


def test_gradient_of_top_k(backend):
    def function(x):
        return backend.xp.sum(backend.top_k(x, 2)[0] * backend.asarray([1.0, 10.0]))

    _, gradient = backend.value_and_grad(function)(backend.asarray([1.0, 5.0, 3.0]))
    close(backend, gradient, np.array([0.0, 1.0, 10.0]), "gradient of top_k")
