"""Which of XLA's libraries a convolution on a CPU goes to, and that no result depends on it."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from highlevel_jax import backend, libraries
from highlevel_jax.convolution import Geometry
from highlevel_jax.libraries import stock_conv

# Programs that run once: compiled quickly rather than well.
quick = functools.partial(jax.jit, compiler_options={"xla_llvm_disable_expensive_passes": True})


def geometry(axes, strides=1, padding=0, dilation=1):
    pair = padding if isinstance(padding, tuple) else (padding, padding)
    return Geometry((strides,) * axes, (pair,) * axes, (1,) * axes, (dilation,) * axes, 1)


def ours(x, kernel, g):
    return backend.conv(x, kernel, *g)


def arrays(*shapes):
    generator = np.random.default_rng(0)
    return [jnp.asarray(generator.normal(size=shape), jnp.float32) for shape in shapes]


def program(platform, function, *operands):
    return jax.export.export(jax.jit(function), platforms=[platform])(*operands).mlir_module()


LIBRARIES = {
    "same": ((2, 6, 7, 3), (3, 3, 3, 4), geometry(2, padding=1)),
    "valid": ((2, 8, 9, 3), (3, 3, 3, 2), geometry(2)),
    "valid, more channels out": ((2, 8, 7, 2), (3, 3, 2, 5), geometry(2)),
    "full": ((2, 6, 6, 3), (3, 3, 3, 2), geometry(2, padding=2)),
    "more padding than a window": ((2, 6, 6, 3), (3, 2, 3, 4), geometry(2, padding=3)),
    "uneven": ((1, 9, 12, 4), (2, 5, 4, 3), Geometry((1, 1), ((1, 0), (2, 2)), (1, 1), (1, 1), 1)),
    "longer and shorter": (
        (2, 6, 9, 3), (3, 3, 3, 2), Geometry((1, 1), ((2, 2), (0, 0)), (1, 1), (1, 1), 1)
    ),
    "dilated": ((2, 9, 9, 3), (3, 3, 3, 4), geometry(2, dilation=2, padding=2)),
    "step 2": ((2, 9, 9, 3), (3, 3, 3, 4), geometry(2, strides=2, padding=(0, 1))),
    "pointwise, step 2": ((2, 8, 7, 3), (1, 1, 3, 4), geometry(2, strides=2)),
    "pointwise, steps 2 and 3": (
        (2, 8, 9, 3), (1, 1, 3, 4), Geometry((2, 3), ((0, 0), (0, 0)), (1, 1), (1, 1), 1)
    ),
    "one channel": ((2, 6, 7, 1), (3, 2, 1, 4), geometry(2, padding=1)),
    "1-d": ((2, 11, 4), (3, 4, 5), geometry(1, padding=(1, 0))),
    "1-d, valid": ((2, 11, 2), (3, 2, 5), geometry(1, strides=2)),
}  # fmt: skip


# Channels that are few, terms that are few, multiplications that are many.
CHOICES = {
    "Eigen": (1, 0, 0),
    "YNNPACK": (1, 0, 2**40),
    "rows as outputs": (3, 0, 0),
    "a sum of products": (1, 2**40, 0),
    "images in slabs": (5, 0, 0),
}


@pytest.mark.parametrize("choice", CHOICES)
@pytest.mark.parametrize("name", LIBRARIES)
def test_the_choice_changes_no_result(name, choice, monkeypatch):
    few, terms, small = CHOICES[choice]
    monkeypatch.setattr(libraries, "_FEW", few)
    monkeypatch.setattr(libraries, "_FEW_TERMS", terms)
    monkeypatch.setattr(libraries, "_SMALL", small)
    monkeypatch.setattr(libraries, "_cores", lambda: 2)
    x_shape, kernel_shape, g = LIBRARIES[name]
    x, kernel = arrays(x_shape, kernel_shape)

    @quick
    def everything(x, kernel):
        found = []
        for conv in (ours, stock_conv):
            out, back = jax.vjp(lambda x, k, conv=conv: conv(x, k, g), x, kernel)
            found.append((out, back(jnp.sin(out))))
        return found

    mine, stock = everything(x, kernel)
    for a, b in zip(jax.tree.leaves(mine), jax.tree.leaves(stock), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-5)


def test_large_convolutions_take_all_threads_and_their_kernels_gradient_the_other_library():
    x = jax.ShapeDtypeStruct((8, 16, 16, 32), jnp.float32)
    kernel = jax.ShapeDtypeStruct((3, 3, 32, 32), jnp.float32)
    g = geometry(2, padding=1)

    def text(function, *operands):
        return jax.jit(function).lower(*operands).compile().as_text()

    if "ynn" not in text(lambda x, k: stock_conv(x, k, g), x, kernel):
        pytest.skip("XLA does not ask YNNPACK here")
    conv = functools.partial(ours, g=g)
    assert "ynn" not in text(conv, x, kernel)
    by_x = text(lambda x, k: jax.vjp(lambda x: conv(x, k), x)[1](x), x, kernel)
    by_kernel = text(lambda x, k: jax.vjp(lambda k: conv(x, k), k)[1](x), x, kernel)
    assert "ynn" not in by_x and "ynn" in by_kernel


def test_convolutions_without_padding_get_a_column_of_zeros_on_the_cpu_alone():
    x = jnp.zeros((2, 6, 6, 32))
    kernel = jnp.zeros((3, 3, 32, 32))
    function = jax.grad(lambda x, k: (ours(x, k, geometry(2)) ** 2).sum(), (0, 1))
    cuda = program("cuda", function, x, kernel)
    assert "stablehlo.pad" not in cuda and "stablehlo.slice" not in cuda
    cpu = program("cpu", function, x, kernel)
    assert cpu.count("stablehlo.pad") == cpu.count("stablehlo.slice") == 1
    assert "[0, 0], [0, 1]" in cpu


@pytest.mark.parametrize("channels", [1, 3])
def test_a_convolution_of_few_channels_is_a_sum_of_products_outside_of_loops(channels):
    x, kernel = arrays((2, 7, 7, channels), (3, 3, channels, 4))
    text = program("cpu", functools.partial(ours, g=geometry(2, padding=1)), x, kernel)
    assert "stablehlo.convolution" not in text and "stablehlo.dot_general" not in text
    found = quick(functools.partial(ours, g=geometry(2, padding=1)))(x, kernel)
    expected = stock_conv(x, kernel, geometry(2, padding=1))
    np.testing.assert_allclose(found, expected, rtol=2e-4, atol=2e-5)
