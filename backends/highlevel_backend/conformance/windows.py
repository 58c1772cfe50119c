"""`reduce_window` against loops."""

from __future__ import annotations

import numpy as np
import pytest

from highlevel_backend.conformance import reference
from highlevel_backend.conformance.checks import check_vjp, close, dtype_of, random_array, same

# shape of x, window, strides, padding
_CASES = {
    "2x2": ((2, 4, 6, 3), (2, 2), (2, 2), ((0, 0), (0, 0))),
    "remainder": ((1, 5, 7, 2), (2, 2), (2, 2), ((0, 0), (0, 0))),
    "overlapping": ((2, 5, 5, 2), (3, 3), (2, 2), ((1, 1), (1, 1))),
    "every entry": ((1, 4, 4, 2), (3, 2), (1, 1), ((1, 1), (0, 1))),
    "gaps": ((1, 7, 7, 2), (2, 1), (3, 2), ((0, 0), (0, 0))),
    "whole": ((2, 3, 4, 2), (3, 4), (1, 1), ((0, 0), (0, 0))),
    "series": ((2, 7, 3), (3,), (2,), ((1, 0),)),
    "volume": ((1, 4, 3, 4, 2), (2, 2, 2), (2, 1, 2), ((0, 0), (1, 0), (0, 0))),
}


@pytest.mark.parametrize("mode", ["max", "sum"])
@pytest.mark.parametrize("name", _CASES)
def test_reduce_window(backend, name, mode):
    shape, *geometry = _CASES[name]
    # All entries differ by more than the step of the differences.
    x = np.random.default_rng(0).permutation(np.prod(shape)).reshape(shape).astype("float32")
    check_vjp(
        backend,
        lambda x: backend.reduce_window(x, mode, *geometry),
        lambda x: reference.reduce_window(x, mode, *geometry),
        [x / 10],
        f"reduce_window ({mode}, {name})",
    )


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "int32"])
@pytest.mark.parametrize("mode", ["max", "sum"])
def test_reduce_window_keeps_the_dtype(backend, mode, dtype):
    x = np.arange(-8, 8).reshape(1, 4, 4, 1)
    geometry = _CASES["overlapping"][1:]
    out = backend.reduce_window(backend.asarray(x, dtype), mode, *geometry)
    same(dtype_of(out), dtype, f"reduce_window ({mode}): dtype")
    close(backend, out, reference.reduce_window(x, mode, *geometry), f"reduce_window in {dtype}")


def test_maximum_of_equal_entries(backend):
    """The first of equal entries, in reading order, gets the gradient."""
    x = backend.asarray(np.ones((1, 4, 4, 1), "float32"))
    run = backend.value_and_grad(
        lambda x: backend.xp.sum(backend.reduce_window(x, "max", (2, 2), (2, 2), ((0, 0), (0, 0))))
    )
    expected = np.zeros((1, 4, 4, 1))
    expected[:, ::2, ::2] = 1
    close(backend, run(x)[1], expected, "reduce_window (max): gradient at equal entries")


def test_second_derivative_of_sum_of_windows(backend):
    def function(x):
        pooled = backend.reduce_window(x, "sum", (2,), (1,), ((0, 0),))
        return backend.xp.sum(pooled * pooled * pooled)

    def gradient(x):
        return backend.value_and_grad(function)(x)[1]

    x = random_array(1, 4, 1)
    direction = random_array(1, 4, 1, seed=1)
    _, moved = backend.jvp(gradient, (backend.asarray(x),), (backend.asarray(direction),))

    def pooled(x):
        return x[:, :-1] + x[:, 1:]

    weights = 6 * pooled(x) * pooled(direction)
    expected = np.pad(weights, ((0, 0), (0, 1), (0, 0))) + np.pad(
        weights, ((0, 0), (1, 0), (0, 0))
    )
    close(backend, moved, expected, "second derivative through reduce_window", 1e-4)
