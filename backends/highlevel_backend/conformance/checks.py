"""Comparisons that the kit is made of; each failure says what was compared and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from highlevel_backend.dtypes import canonical_name, is_float
from highlevel_backend.interface import Backend
from highlevel_backend.tree import leaves, map_leaves

__all__ = [
    "check_kernel",
    "check_vjp",
    "close",
    "dtype_of",
    "numeric_gradient",
    "raises",
    "random_array",
    "same",
    "values",
]

#: Allowed relative difference by dtype, a few units in the last place.
TOLERANCE = {
    "float64": 1e-10,
    "complex128": 1e-10,
    "float32": 2e-5,
    "complex64": 2e-5,
    "float16": 4e-3,
    "bfloat16": 3e-2,
}


def dtype_of(x: Any) -> str:
    """Name of an array's dtype."""
    return canonical_name(x.dtype)


def values(backend: Backend, tree: Any) -> Any:
    """The tree with its arrays as `numpy.ndarray`, narrow floats widened."""

    def one(x):
        x = np.asarray(backend.to_numpy(x))
        return x.astype(np.float32) if dtype_of(x) == "bfloat16" else x

    return map_leaves(one, tree)


def close(
    backend: Backend, actual: Any, expected: Any, what: str, tolerance: float | None = None
) -> None:
    """Both trees have the same leaves up to rounding.

    Args:
        actual: tree of the backend's arrays.
        expected: tree of NumPy arrays or numbers.
        what: the primitive and the case, for the message.
        tolerance: relative, and absolute by the largest entry; by dtype where not given.
    """
    actual_leaves, expected_leaves = leaves(actual), leaves(expected)
    same(len(actual_leaves), len(expected_leaves), f"{what}: number of arrays")
    for i, (a, e) in enumerate(zip(actual_leaves, expected_leaves)):
        place = what if len(actual_leaves) == 1 else f"{what}, array {i}"
        if not backend.is_array(a):
            raise AssertionError(f"{place}: expected an array of the backend, got {type(a)}.")
        limit = TOLERANCE.get(dtype_of(a), 0.0) if tolerance is None else tolerance
        a, e = values(backend, a), np.asarray(e)
        same(a.shape, e.shape, f"{place}: shape")
        scale = float(np.max(np.abs(e[np.isfinite(e)]), initial=0.0)) if e.size else 0.0
        np.testing.assert_allclose(
            a, e, rtol=limit, atol=limit * scale, err_msg=f"{place}: values differ"
        )


def same(actual: Any, expected: Any, what: str) -> None:
    """Equality, with a message."""
    if actual != expected:
        raise AssertionError(f"{what}: expected {expected!r}, got {actual!r}.")


def raises(
    error: type[Exception] | tuple[type[Exception], ...], function: Callable, what: str
) -> Exception:
    """`function()` raises `error`; the exception is returned."""
    try:
        function()
    except error as raised:
        return raised
    except Exception as other:
        raise AssertionError(f"{what}: expected {error}, got {other!r}.") from other
    raise AssertionError(f"{what}: expected {error}, but nothing was raised.")


def random_array(*shape: int, seed: int = 0, dtype: str = "float32") -> np.ndarray:
    """Normal values of a shape; equal seeds give equal values."""
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def numeric_gradient(
    function: Callable[[np.ndarray], float], x: np.ndarray, step: float = 1e-6
) -> np.ndarray:
    """Central differences of a scalar function, in float64."""
    x = np.array(x, np.float64)
    gradient = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        kept = x[index]
        x[index] = kept + step
        above = float(function(x))
        x[index] = kept - step
        below = float(function(x))
        x[index] = kept
        gradient[index] = (above - below) / (2 * step)
    return gradient


def check_vjp(
    backend: Backend,
    function: Callable,
    reference: Callable,
    arguments: Sequence[np.ndarray],
    what: str,
    tolerance: float = 1e-4,
) -> None:
    """Value and pullback of `function` against differences of `reference`.

    Args:
        function: of the backend's arrays.
        reference: the same in NumPy, evaluated in float64.
        arguments: floating NumPy arrays.
    """
    wide = [np.asarray(x, np.float64) for x in arguments]
    expected = np.asarray(reference(*wide))
    out, pullback = backend.vjp(function, *[backend.asarray(x) for x in arguments])
    close(backend, out, expected, f"{what}: value", tolerance)
    cotangent = random_array(*expected.shape, seed=99)
    gradients = pullback(backend.asarray(cotangent.astype(values(backend, out).dtype)))
    same(len(gradients), len(arguments), f"{what}: number of gradients")
    for i, (gradient, x) in enumerate(zip(gradients, arguments)):

        def along(moved, i=i):
            return np.sum(reference(*wide[:i], moved, *wide[i + 1 :]) * cotangent)

        close(
            backend, gradient, numeric_gradient(along, x), f"{what}: gradient {i}", tolerance
        )
        same(dtype_of(gradient), dtype_of(x), f"{what}: dtype of gradient {i}")


def check_kernel(
    backend: Backend,
    name: str,
    kernel: Callable,
    reference: Callable,
    cases: Iterable[tuple[tuple, dict]],
    tolerance: float = 2e-4,
) -> None:
    """A kernel gives what the reference definition gives, and the same gradients.

    Args:
        name: the operation.
        kernel: an entry of `backend.kernels`.
        reference: the definition in `highlevel.ops`, with the same signature. Both are
            called with this backend current.
        cases: `(args, kwargs)` with NumPy arrays for arrays; gradients are compared by
            all floating ones among `args`.

    Raises:
        AssertionError: naming the operation, the case and what differs.
    """
    from highlevel_backend.registry import use_backend

    def is_moving(x):
        return isinstance(x, np.ndarray) and is_float(dtype_of(x))

    with use_backend(backend):
        for number, (args, kwargs) in enumerate(cases):
            what = f"kernel {name!r}, case {number}"
            given = [backend.asarray(x) if isinstance(x, np.ndarray) else x for x in args]
            keywords = {
                key: backend.asarray(x) if isinstance(x, np.ndarray) else x
                for key, x in kwargs.items()
            }
            moving = [i for i, x in enumerate(args) if is_moving(x)]

            def apply(function, *arrays, given=given, keywords=keywords, moving=moving):
                full = list(given)
                for i, x in zip(moving, arrays):
                    full[i] = x
                return function(*full, **keywords)

            start = [given[i] for i in moving]
            got, pull = backend.vjp(lambda *a, f=apply: f(kernel, *a), *start)
            wanted, pull_reference = backend.vjp(lambda *a, f=apply: f(reference, *a), *start)
            expected = values(backend, wanted)
            close(backend, got, expected, f"{what}: value", tolerance)
            same(
                [dtype_of(x) for x in leaves(got)],
                [dtype_of(x) for x in leaves(wanted)],
                f"{what}: dtypes",
            )
            cotangent = map_leaves(
                lambda x: backend.cast(
                    backend.asarray(random_array(*x.shape, seed=7)), dtype_of(x)
                ),
                wanted,
            )
            close(
                backend,
                pull(cotangent),
                values(backend, pull_reference(cotangent)),
                f"{what}: gradients",
                tolerance,
            )
