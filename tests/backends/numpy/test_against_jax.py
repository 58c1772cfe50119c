"""Convolution and pooling against `jax.lax`, on shapes drawn at random."""

import jax
import numpy as np
import pytest
from highlevel_numpy import backend


def draw(seed):
    """A random convolution: x, kernel and its geometry."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 4))
    groups = int(rng.choice([1, 1, 2, 4]))
    channels = groups * int(rng.integers(1, 3))
    features = groups * int(rng.integers(1, 4))
    window = rng.integers(1, 4, n)
    dilated = bool(rng.integers(2))
    x = rng.normal(size=(2, *rng.integers(4, 8, n), channels)).astype("float32")
    kernel = rng.normal(size=(*window, channels // groups, features)).astype("float32")
    strides = tuple(map(int, rng.integers(1, 4, n)))
    return x, kernel, (
        strides if not dilated or rng.integers(2) else (1,) * n,
        tuple((int(a), int(b)) for a, b in rng.integers(-1, 4, (n, 2))),
        tuple(map(int, rng.integers(1, 4, n))) if dilated else (1,) * n,
        tuple(map(int, rng.integers(1, 3, n))),
        groups,
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(12))
def test_conv(seed):
    x, kernel, geometry = draw(seed)
    strides, padding, input_dilation, kernel_dilation, groups = geometry
    letters = "XYZ"[: x.ndim - 2]
    layout = (f"N{letters}C", f"{letters}IO", f"N{letters}C")

    def peer(x, kernel):
        return jax.lax.conv_general_dilated(
            x, kernel, strides, padding, input_dilation, kernel_dilation, layout, groups,
            precision="highest",
        )  # fmt: skip

    out, pullback = backend.vjp(lambda x, k: backend.conv(x, k, *geometry), x, kernel)
    expected, peer_pullback = jax.vjp(peer, x, kernel)
    np.testing.assert_allclose(out, expected, atol=1e-4)
    cotangent = np.random.default_rng(7).normal(size=out.shape).astype("float32")
    for got, wanted in zip(pullback(cotangent), peer_pullback(cotangent)):
        np.testing.assert_allclose(got, wanted, atol=2e-3, rtol=1e-4)


@pytest.mark.parametrize("seed", range(4))
def test_gradient_of_maximum_with_equal_entries(seed):
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 3, (2, 7, 6, 2)).astype("float32")  # many equal entries
    window, strides = tuple(map(int, rng.integers(1, 4, 2))), tuple(map(int, rng.integers(1, 4, 2)))
    padding = tuple((int(a), int(b)) for a, b in rng.integers(0, 2, (2, 2)) * (np.array(window)[:, None] > 1))

    def peer(x):
        return jax.lax.reduce_window(
            x, -np.inf, jax.lax.max, (1, *window, 1), (1, *strides, 1), ((0, 0), *padding, (0, 0))
        )

    out, pullback = backend.vjp(lambda x: backend.reduce_window(x, "max", window, strides, padding), x)
    expected, peer_pullback = jax.vjp(peer, x)
    np.testing.assert_array_equal(out, expected)
    cotangent = rng.normal(size=out.shape).astype("float32")
    np.testing.assert_allclose(pullback(cotangent)[0], peer_pullback(cotangent)[0], atol=1e-5)
