"""`conv` against loops."""

from __future__ import annotations

import pytest

from highlevel_backend.conformance import reference
from highlevel_backend.conformance.checks import check_vjp, close, dtype_of, random_array, same

# shape of x, window, features, strides, padding, input dilation, kernel dilation, groups
_CASES = {
    "1x1": ((2, 4, 3, 3), (1, 1), 4, (1, 1), ((0, 0), (0, 0)), (1, 1), (1, 1), 1),
    "valid": ((2, 5, 6, 3), (3, 2), 4, (1, 1), ((0, 0), (0, 0)), (1, 1), (1, 1), 1),
    "same": ((2, 4, 4, 2), (3, 3), 3, (1, 1), ((1, 1), (1, 1)), (1, 1), (1, 1), 1),
    "strides": ((1, 7, 6, 2), (3, 2), 3, (2, 3), ((1, 0), (0, 1)), (1, 1), (1, 1), 1),
    "dilated kernel": ((1, 7, 7, 2), (3, 2), 2, (1, 2), ((2, 2), (0, 0)), (1, 1), (2, 3), 1),
    "dilated input": ((1, 3, 4, 2), (3, 2), 3, (1, 1), ((2, 1), (1, 1)), (2, 3), (1, 1), 1),
    "one axis dilated": ((1, 4, 4, 2), (2, 3), 2, (1, 1), ((1, 1), (1, 1)), (2, 1), (1, 1), 1),
    "both dilated": ((1, 3, 3, 2), (2, 2), 2, (1, 1), ((2, 0), (1, 2)), (2, 2), (2, 1), 1),
    "dilated and strided": ((1, 4, 4, 2), (3, 3), 2, (2, 2), ((1, 2), (2, 1)), (3, 3), (1, 1), 1),
    "cut": ((1, 6, 6, 2), (2, 2), 2, (1, 1), ((-1, 0), (-2, -1)), (1, 1), (1, 1), 1),
    "cut of dilated": ((1, 4, 4, 2), (2, 2), 2, (1, 1), ((-1, 2), (1, -2)), (2, 2), (1, 1), 1),
    "far padding": ((1, 2, 2, 2), (2, 2), 2, (1, 1), ((3, 0), (0, 3)), (1, 1), (1, 1), 1),
    "two groups": ((2, 4, 4, 4), (2, 3), 6, (1, 2), ((0, 1), (1, 1)), (1, 1), (1, 1), 2),
    "groups, dilated input": ((1, 3, 3, 4), (2, 2), 6, (1, 1), ((1, 1), (0, 1)), (2, 2), (1, 1), 2),
    "depthwise": ((2, 5, 5, 3), (3, 3), 3, (2, 1), ((1, 1), (1, 1)), (1, 1), (1, 2), 3),
    "depthwise, two each": ((2, 4, 4, 3), (2, 2), 6, (1, 1), ((0, 0), (1, 0)), (1, 1), (1, 1), 3),
    "depthwise, dilated input": (
        (1, 3, 3, 2), (3, 3), 2, (1, 1), ((1, 1), (1, 1)), (2, 2), (1, 1), 2,
    ),
    "series": ((2, 9, 3), (4,), 2, (2,), ((3, 0),), (1,), (1,), 1),
    "series, causal, dilated": ((2, 7, 2), (3,), 2, (1,), ((4, 0),), (1,), (2,), 1),
    "volume": ((1, 4, 3, 4, 2), (2, 2, 3), 2, (1, 1, 2), ((0, 1), (1, 0), (1, 1)), (1, 1, 1),
               (2, 1, 1), 1),
    "volume, dilated input": ((1, 2, 2, 2, 1), (2, 3, 2), 2, (1, 1, 1), ((1, 0), (1, 1), (0, 0)),
                              (2, 1, 2), (1, 1, 1), 1),
}  # fmt: skip


def _arrays(case):
    shape, window, features, *_, groups = case
    return random_array(*shape), random_array(*window, shape[-1] // groups, features, seed=1)


@pytest.mark.parametrize("name", _CASES)
def test_conv(backend, name):
    case = _CASES[name]
    geometry = case[3:]
    check_vjp(
        backend,
        lambda x, k: backend.conv(x, k, *geometry),
        lambda x, k: reference.conv(x, k, *geometry),
        _arrays(case),
        f"conv ({name})",
    )


@pytest.mark.parametrize("name", ["same", "strides", "dilated input", "two groups", "depthwise"])
def test_second_derivative_of_conv(backend, name):
    """The gradient by the kernel, differentiated along x: again a convolution's form."""
    case = _CASES[name]
    geometry = case[3:]
    x, k = _arrays(case)
    direction = random_array(*x.shape, seed=2)
    cotangent = random_array(*reference.conv(x, k, *geometry).shape, seed=3)

    def by_kernel(x):
        _, pullback = backend.vjp(lambda k: backend.conv(x, k, *geometry), backend.asarray(k))
        return pullback(backend.asarray(cotangent))[0]

    _, moved = backend.jvp(by_kernel, (backend.asarray(x),), (backend.asarray(direction),))
    # conv is linear in x: the derivative is the same gradient with the direction for x.
    expected = by_kernel(backend.asarray(direction))
    close(backend, moved, backend.to_numpy(expected), f"second derivative of conv ({name})", 1e-4)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_conv_in_narrow_dtypes(backend, dtype):
    case = _CASES["same"]
    x, k = _arrays(case)
    wide = reference.conv(x, k, *case[3:])
    out = backend.conv(backend.asarray(x, dtype), backend.asarray(k, dtype), *case[3:])
    same(dtype_of(out), dtype, "conv: dtype of the result")
    close(backend, out, wide, f"conv in {dtype}", 3e-2)


def test_conv_of_an_empty_batch(backend):
    case = _CASES["same"]
    _, k = _arrays(case)
    out = backend.conv(backend.asarray(random_array(0, 4, 4, 2)), backend.asarray(k), *case[3:])
    same(tuple(out.shape), (0, 4, 4, 3), "conv of an empty batch: shape")
