"""`check`: a function's gradients, of any order, against central differences in float64."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from highlevel_numpy import backend

STEP = 1e-5


def scalar(function: Callable, *arrays: np.ndarray) -> Callable:
    """`function` with its results summed up under fixed weights (a tree of arrays in a tuple)."""

    def total(*args):
        out = function(*args)
        results = out if isinstance(out, (tuple, list)) else (out,)
        value = 0.0
        for i, x in enumerate(results):
            weights = np.random.default_rng(100 + i).normal(size=np.shape(x))
            x = np.real(x * (weights + 0.5j)) if x.dtype.kind == "c" else x * weights
            value = value + np.sum(x)
        return value

    return total


def check_gradients(function: Callable, *arrays, order: int = 2, tolerance: float = 1e-6) -> None:
    """Gradients of `function` by all its arguments, along random directions.

    Args:
        function: of float64 arrays, giving an array or a tuple of arrays.
        order: up to which order derivatives are compared; each against differences of the
            one before.
        tolerance: relative to the size of the derivative.
    """
    arrays = tuple([np.asarray(x, np.float64) for x in arrays])
    rng = np.random.default_rng(1)
    current = scalar(function)
    for number in range(1, order + 1):
        directions = [rng.normal(size=x.shape) for x in arrays]
        gradient = backend.value_and_grad(lambda t, f=current: f(*t))

        def along(*args, gradient=gradient, directions=directions):
            _, grads = gradient(args)
            return sum(np.sum(g * d) for g, d in zip(grads, directions))

        _, grads = gradient(arrays)
        for g, x in zip(grads, arrays):
            assert g.shape == x.shape and g.dtype == x.dtype, (g.shape, g.dtype, x.shape, x.dtype)
        exact = float(along(*arrays))
        moved = [
            float(current(*[x + sign * STEP * d for x, d in zip(arrays, directions)]))
            for sign in (1, -1)
        ]
        numeric = (moved[0] - moved[1]) / (2 * STEP)
        scale = max(1.0, abs(exact), abs(numeric))
        assert abs(exact - numeric) <= tolerance * scale * 10 ** (number - 1), (
            f"derivative of order {number}: {exact} recorded, {numeric} by differences"
        )
        current = along


@pytest.fixture
def check() -> Callable:
    """`check_gradients`."""
    return check_gradients
