"""Convolution and pooling against XLA's own: values, gradients, forward mode, second order."""

from __future__ import annotations

import functools
import itertools
import os
import re
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from highlevel_jax import backend, convolution, depthwise, libraries, pooling, slices
from highlevel_jax.convolution import Geometry, stock_conv


def geometry(axes, strides=1, padding=0, spacing=1, dilation=1, groups=1):
    pair = padding if isinstance(padding, tuple) else (padding, padding)
    return Geometry(
        (strides,) * axes, (pair,) * axes, (spacing,) * axes, (dilation,) * axes, groups
    )


# Programs that run once: compiled quickly rather than well.
quick = functools.partial(jax.jit, compiler_options={"xla_llvm_disable_expensive_passes": True})


def as_in_loop(function):
    """In a function within the program, where the formulas for loops are chosen."""
    return quick(lambda *arrays: jax.jit(function)(*arrays))


CONVOLUTIONS = {
    "one channel": ((2, 7, 7, 1), (3, 3, 1, 4), geometry(2)),
    "patches": ((2, 7, 6, 3), (3, 3, 3, 4), geometry(2, padding=1)),
    "rows": ((2, 6, 6, 16), (3, 3, 16, 4), geometry(2, padding=(0, 1))),
    "pointwise": ((2, 5, 5, 6), (1, 1, 6, 4), geometry(2)),
    "pointwise, step 2": ((2, 5, 5, 6), (1, 1, 6, 4), geometry(2, strides=2)),
    "large window, step 2": ((1, 12, 12, 3), (5, 5, 3, 4), geometry(2, strides=2, padding=2)),
    "dilated": ((2, 9, 9, 3), (3, 3, 3, 4), geometry(2, dilation=2)),
    "cut": ((2, 8, 8, 3), (3, 3, 3, 4), geometry(2, padding=(-1, 1))),
    "transposed": ((2, 4, 5, 3), (3, 3, 3, 4), geometry(2, spacing=2, padding=(1, 2))),
    "transposed, dilated": (
        (2, 4, 4, 3),
        (3, 3, 3, 4),
        geometry(2, spacing=3, dilation=2, padding=4),
    ),
    "transposed, apart": (
        (2, 4, 5, 3),
        (3, 2, 3, 4),
        Geometry((1, 1), ((2, 2), (1, 1)), (3, 2), (1, 1), 1),
    ),
    "spaced and stepped": (
        (2, 5, 5, 3),
        (3, 3, 3, 4),
        geometry(2, spacing=2, strides=3, padding=1),
    ),
    "depthwise": ((2, 6, 6, 5), (3, 3, 1, 5), geometry(2, padding=1, groups=5)),
    "depthwise, two each": (
        (2, 6, 6, 5),
        (3, 3, 1, 10),
        geometry(2, strides=2, padding=1, groups=5),
    ),
    "depthwise, uneven": (
        (3, 9, 8, 4),
        (3, 2, 1, 4),
        Geometry((2, 1), ((1, 0), (2, 1)), (1, 1), (1, 2), 4),
    ),
    "depthwise, padded beyond the window": (
        (1, 13, 11, 2),
        (3, 5, 1, 2),
        Geometry((3, 2), ((4, 2), (5, 0)), (1, 1), (1, 1), 2),
    ),
    "depthwise, spaced": (
        (2, 4, 5, 3),
        (3, 3, 1, 6),
        Geometry((1, 2), ((1, 2), (1, 2)), (2, 3), (1, 1), 3),
    ),
    "depthwise, cut": ((2, 7, 8, 3), (3, 3, 1, 3), geometry(2, padding=(-1, 1), groups=3)),
    "depthwise, 1-d": ((2, 11, 4), (5, 1, 8), geometry(1, strides=3, padding=(2, 0), groups=4)),
    "depthwise, 3-d": ((2, 4, 5, 3, 2), (2, 2, 3, 1, 2), geometry(3, padding=1, groups=2)),
    "groups": ((2, 5, 5, 8), (3, 3, 4, 6), geometry(2, groups=2)),
    "groups of many channels": ((2, 9, 9, 32), (3, 3, 16, 24), geometry(2, strides=2, padding=1, groups=2)),
    "groups in steps, 1-d": ((2, 12, 16), (3, 8, 6), geometry(1, strides=2, groups=2)),
    "many groups of many channels": ((1, 3, 3, 80), (2, 2, 8, 10), geometry(2, groups=10)),
    "many groups": ((2, 4, 4, 24), (2, 2, 2, 12), geometry(2, groups=12)),
    "1-d": ((2, 11, 4), (3, 4, 5), geometry(1, padding=(2, 0), dilation=2)),
    "window over 2×2": ((2, 2, 2, 16), (3, 3, 16, 4), geometry(2, padding=1)),
    "large window over 4×4": ((2, 4, 4, 3), (5, 5, 3, 4), geometry(2, padding=2)),
    "transposed, from 2×2": ((2, 2, 2, 3), (3, 3, 3, 4), geometry(2, spacing=2, padding=2)),
    "3-d": ((1, 4, 5, 6, 2), (3, 2, 3, 2, 3), geometry(3, padding=1)),
    "uneven window": (
        (2, 8, 7, 3),
        (1, 3, 3, 4),
        Geometry((1, 2), ((0, 0), (1, 0)), (1, 1), (1, 1), 1),
    ),
}


# Derivatives of derivatives: the same three rules whatever the shape, so a few do.
SECOND_ORDER = ("patches", "transposed", "depthwise", "1-d")


def close(a, b, tolerance=2e-4):
    np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=tolerance, atol=tolerance)


def arrays(x_shape, kernel_shape, seed=0):
    generator = np.random.default_rng(seed)
    return tuple(
        jnp.asarray(generator.normal(size=s), jnp.float32) for s in (x_shape, kernel_shape)
    )


def ours(x, kernel, g):
    return backend.conv(x, kernel, *g)


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_convolution_and_its_derivatives_agree_with_the_stock_ones(name):
    x_shape, kernel_shape, g = CONVOLUTIONS[name]
    x, kernel = arrays(x_shape, kernel_shape)
    dx, dkernel = arrays(x_shape, kernel_shape, seed=1)

    @as_in_loop
    def everything(x, kernel, dx, dkernel):
        found = []
        for conv in (ours, cut_stock):

            def loss(x, kernel, conv=conv):
                return jnp.tanh(0.2 * conv(x, kernel, g)).sum()

            def slope(x, kernel, loss=loss):  # a Hessian-vector product: reverse over forward
                return jax.jvp(loss, (x, kernel), (dx, dkernel))[1]

            derived = (jax.grad(loss, (0, 1)), slope, jax.grad(slope, (0, 1)))
            if name not in SECOND_ORDER:
                derived = derived[:2]
            found.append((conv(x, kernel, g), *(one(x, kernel) for one in derived)))
        return found

    mine, stock = everything(x, kernel, dx, dkernel)
    jax.tree.map(close, mine, stock)


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_every_formula_that_applies_gives_the_same(name):
    x_shape, kernel_shape, g = CONVOLUTIONS[name]
    x, kernel = arrays(x_shape, kernel_shape)
    expected = cut_stock(x, kernel, g)
    if g.groups == 1:
        formulas = [slices.patches, slices.rows]
        if max(g.strides) == 1:
            formulas.append(slices.spread)
        if x.shape[-1] == 1:
            formulas.append(slices.shifted)
        if name == "transposed, apart":
            assert slices.are_apart(kernel_shape[:-2], g)
            formulas.append(slices.apart)
    else:
        formulas = [slices.split_groups, slices.batched_groups]
        if kernel.shape[-2] == 1:
            formulas.append(depthwise.value)
    for formula in formulas:
        found = quick(formula, static_argnums=2)(x, kernel, g)
        assert found.shape == expected.shape, formula.__name__
        close(found, expected)


@pytest.mark.parametrize("mapped", [(0, None), (None, 0), (0, 0)])
def test_mapped_convolution(mapped):
    x, kernel = arrays((3, 2, 5, 5, 2), (3, 3, 3, 2, 4))
    x = x if mapped[0] == 0 else x[0]
    kernel = kernel if mapped[1] == 0 else kernel[0]
    g = geometry(2, padding=1)

    def gradients(conv):
        def both(x, kernel):
            return jax.grad(lambda x, k: (conv(x, k, g) ** 2).sum(), (0, 1))(x, kernel)

        return quick(jax.vmap(both, in_axes=mapped))(x, kernel)

    jax.tree.map(lambda a, b: close(a, b, 1e-3), gradients(ours), gradients(stock_conv))


def test_convolution_under_loops_and_remat():
    x, kernel = arrays((2, 6, 6, 2), (3, 3, 2, 2))
    g = geometry(2, padding=1)

    def run(conv):
        layer = backend.remat(lambda h, k: jnp.tanh(conv(h, k, g)))

        def loss(kernel):
            return backend.scan(lambda h, _: (layer(h, kernel), None), x, None, length=3)[0].sum()

        return quick(jax.grad(loss))(kernel)

    close(run(ours), run(stock_conv))


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_is_summed_in_float32(dtype):
    x, kernel = arrays((1, 6, 6, 128), (3, 3, 128, 2))
    x, kernel = x.astype(dtype), kernel.astype(dtype)
    g = geometry(2)
    exact = stock_conv(x.astype(jnp.float32), kernel.astype(jnp.float32), g)
    found = ours(x, kernel, g)
    assert found.dtype == dtype
    # Rounded once, at the end.
    np.testing.assert_array_equal(np.asarray(found), np.asarray(exact.astype(dtype)))
    gradient = jax.grad(lambda k: ours(x, k, g).astype(jnp.float32).sum())(kernel)
    assert gradient.dtype == dtype


def test_integers_empty_batches_and_windows_that_do_not_fit():
    g = geometry(2)
    x = jnp.arange(50).reshape(2, 5, 5, 1)
    found = ours(x, jnp.ones((3, 3, 1, 1), jnp.int32), g)
    assert found.dtype == jnp.int32 and found[0, 0, 0, 0] == 54
    empty = jnp.zeros((0, 5, 5, 2))
    kernel = jnp.ones((3, 3, 2, 4))
    assert ours(empty, kernel, g).shape == (0, 3, 3, 4)
    gradient = jax.grad(lambda k: ours(empty, k, g).sum())(kernel)
    assert not gradient.any()
    assert ours(jnp.ones((1, 2, 2, 2)), kernel, g).shape == (1, 0, 0, 4)
    with pytest.raises((TypeError, ValueError), match="feature"):
        ours(jnp.ones((1, 5, 5, 3)), kernel, g)


def cut_stock(x, kernel, g):
    """The stock convolution, negative padding cut off before: with it XLA's is wrong on a CPU."""
    if min(map(min, g.padding)) < 0:
        x, g = convolution._cut(x, g)
    return stock_conv(x, kernel, g)


WINDOWS = {
    "2×2": ((2, 6, 7, 3), (2, 2), (2, 2), ((0, 0), (0, 0))),
    "overlapping": ((2, 7, 7, 2), (3, 3), (2, 2), ((1, 1), (1, 1))),
    "step 1": ((1, 5, 6, 2), (3, 2), (1, 1), ((1, 1), (0, 1))),
    "blocks": ((1, 12, 12, 2), (6, 6), (6, 6), ((0, 0), (0, 0))),
    "long": ((2, 25, 2), (20,), (1,), ((0, 0),)),
    "3-d": ((1, 4, 4, 5, 2), (2, 2, 2), (2, 2, 2), ((0, 0), (0, 0), (0, 1))),
}


@pytest.mark.parametrize(("name", "mode"), list(itertools.product(WINDOWS, ("max", "sum"))))
def test_windows_and_their_derivatives_agree_with_the_stock_ones(name, mode):
    shape, *rest = WINDOWS[name]
    x, dx = arrays(shape, shape)

    @quick
    def everything(x, dx):
        found = []
        # XLA's own maximum has no second derivative in reverse mode: `_by_axis`, of `lax.max`, has.
        for reduce in (backend.reduce_window, pooling._stock, pooling._by_axis):

            def loss(x, reduce=reduce):
                return (reduce(x, mode, *rest) ** 3).sum()

            found.append((reduce(x, mode, *rest), jax.grad(loss)(x), jax.jvp(loss, (x,), (dx,))))
            if reduce is not pooling._stock:
                found.append(jax.grad(lambda x, loss=loss: jnp.vdot(jax.grad(loss)(x), dx))(x))
        return found, jax.vmap(lambda x: backend.reduce_window(x[None], mode, *rest))(x)

    (mine, my_second, stock, by_axis, second), mapped = everything(x, dx)
    jax.tree.map(close, mine, stock)
    jax.tree.map(close, mine, by_axis)
    close(my_second, second)
    close(mapped[:, 0], mine[0])


@pytest.mark.parametrize("dtype", ["int32", "uint8", "bfloat16"])
def test_windows_of_other_dtypes(dtype):
    x = jnp.arange(32).reshape(1, 4, 4, 2).astype(dtype)
    for mode in ("max", "sum"):
        found = backend.reduce_window(x, mode, (2, 2), (2, 2), ((1, 1), (1, 1)))
        wide = pooling._stock(x.astype(jnp.float32), mode, (2, 2), (2, 2), ((1, 1), (1, 1)))
        assert found.dtype == dtype
        np.testing.assert_array_equal(np.asarray(found, np.float32), np.asarray(wide))


def test_ties_have_one_winner_the_first():
    gradient = jax.grad(
        lambda x: backend.reduce_window(x, "max", (2, 2), (2, 2), ((0, 0),) * 2).sum()
    )
    np.testing.assert_array_equal(
        np.asarray(gradient(jnp.ones((1, 2, 2, 1))).ravel()), [1, 0, 0, 0]
    )


def test_empty_batch_and_unknown_mode():
    assert backend.reduce_window(
        jnp.zeros((0, 4, 4, 1)), "max", (2, 2), (2, 2), ((0, 0),) * 2
    ).shape == (0, 2, 2, 1)
    with pytest.raises(ValueError, match="'max' or 'sum', not 'mean'"):
        backend.reduce_window(jnp.zeros((1, 4, 4, 1)), "mean", (2, 2), (2, 2), ((0, 0),) * 2)


def _program(platform, function, *operands):
    return jax.export.export(jax.jit(function), platforms=[platform])(*operands).mlir_module()


def test_convolutions_for_cuda_stay_stock_and_become_slices_for_the_cpu():
    x, kernel = arrays((2, 6, 6, 8), (3, 3, 8, 8))
    function = jax.grad(lambda x, k: (ours(x, k, geometry(2, padding=1)) ** 2).sum(), (0, 1))
    cuda = _program("cuda", function, x, kernel)
    assert cuda.count("stablehlo.convolution") == 3  # the value and both gradients
    assert "stablehlo.slice" not in cuda and "stablehlo.dot_general" not in cuda
    cpu = _program("cpu", function, x, kernel)
    assert cpu.count("stablehlo.convolution") == 3 and "stablehlo.dot_general" not in cpu


def test_depthwise_convolutions_for_cuda_stay_stock():
    x, kernel = arrays((2, 6, 6, 8), (3, 3, 1, 8))
    g = geometry(2, padding=1, groups=8)
    function = jax.grad(lambda x, k: (ours(x, k, g) ** 2).sum(), (0, 1))
    cuda = _program("cuda", function, x, kernel)
    assert cuda.count("stablehlo.convolution") == 3
    assert "stablehlo.slice" not in cuda and "reduce_precision" not in cuda
    cpu = _program("cpu", function, x, kernel)
    assert "stablehlo.convolution" not in cpu and "reduce_precision" in cpu


def test_the_kernels_gradient_of_a_depthwise_convolution_is_loops_of_xlas_own():
    """No sum takes the products with it: its shifted operands would be written out for it."""
    x, kernel = arrays((32, 16, 16, 32), (3, 3, 1, 32))
    g = geometry(2, padding=1, groups=32)
    gradient = jax.grad(lambda x, k: jnp.tanh(ours(jnp.maximum(x, 0), k, g)).sum(), (0, 1))
    text = jax.jit(gradient).lower(x, kernel).compile().as_text()
    sums = [part for part in text.split("\n}\n") if re.search(r"f32\[[1,]*32\]\S* reduce\(", part)]
    assert len(sums) == 9
    assert not any(" multiply(" in part or " slice(" in part for part in sums)
    # What is read shifted is an array of its own, not computed anew at each place.
    assert set(re.findall(r" slice\(%([a-z]+)", text)) == {"param"}


def test_blocks_of_an_axis():
    assert depthwise._blocks((32, 16, 16, 8), 22) == (1, 8)
    assert depthwise._blocks((32, 7, 16, 8), 22) == (1, 7)
    assert depthwise._blocks((32, 13, 13, 8), 22) == (0, 8)
    assert depthwise._blocks((32, 13, 6, 8), 22) == (2, 6)
    assert depthwise._blocks((1, 13, 13, 8), 22) == (0, 1)
    assert depthwise._blocks((32, 16, 16, 8), 4) == (1, 4)
    assert depthwise._blocks((32, 16, 16, 8), 0) == (0, 1)


@pytest.mark.parametrize("positions", [1, 2**20])
@pytest.mark.parametrize("name", [name for name in CONVOLUTIONS if "groups" in name])
def test_groups_outside_of_loops(name, positions, monkeypatch):
    """Each by itself, and the gradients of many over few positions as one product."""
    monkeypatch.setattr(convolution, "_FEW_POSITIONS", positions)
    x_shape, kernel_shape, g = CONVOLUTIONS[name]
    x, kernel = arrays(x_shape, kernel_shape)

    def everything(conv, x, kernel):
        out, back = jax.vjp(lambda x, k: conv(x, k, g), x, kernel)
        return out, back(jnp.sin(out))

    mine, stock = (quick(functools.partial(everything, conv)) for conv in (ours, stock_conv))
    jax.tree.map(close, mine(x, kernel), stock(x, kernel))
    several = f"_group_count = {g.groups} :"
    assert several in stock.lower(x, kernel).as_text()
    assert several not in mine.lower(x, kernel).as_text(), "neither of XLA's libraries takes groups"


def test_outside_of_loops_the_derivatives_agree_too():
    g = geometry(2, strides=2, padding=(0, 1))
    x, kernel = arrays((2, 6, 6, 3), (3, 3, 3, 4))
    one = kernel[:1, :1]

    @quick
    def gradients(x, kernel, one):
        return [
            jax.grad(lambda x, k, c=conv, at=at: jnp.tanh(0.2 * c(x, k, at)).sum(), (0, 1))(x, k)
            for conv in (ours, stock_conv)
            for k, at in ((kernel, g), (one, geometry(2)), (one, g))
        ]

    found = gradients(x, kernel, one)
    jax.tree.map(close, found[:3], found[3:])


@pytest.mark.parametrize("nested", [False, True])
def test_gradients_of_convolutions_in_loops_become_slices_for_the_cpu(nested):
    """Also where the body is a function of its own, which nothing in it shows."""
    x, kernel = arrays((2, 6, 6, 8), (3, 3, 8, 8))
    gradient = jax.grad(lambda x, k: (ours(x, k, geometry(2, padding=1)) ** 2).sum(), (0, 1))
    step = jax.jit(gradient) if nested else gradient

    def loop(x, kernel):
        return jax.lax.fori_loop(0, 3, lambda i, pair: step(*pair), (x, kernel))

    cuda = _program("cuda", loop, x, kernel)
    assert cuda.count("stablehlo.convolution") == 3
    cpu = _program("cpu", loop, x, kernel)
    assert cpu.count("stablehlo.convolution") == 1
    assert "stablehlo.dot_general" in cpu and "stablehlo.slice" in cpu


def test_windows_for_cuda_stay_stock_and_become_slices_for_the_cpu():
    (x,) = arrays((2, 6, 6, 8), ())[:1]

    def loss(x):
        return (backend.reduce_window(x, "max", (2, 2), (2, 2), ((0, 0),) * 2) ** 2).sum()

    cuda, cpu = (_program(platform, jax.grad(loss), x) for platform in ("cuda", "cpu"))
    assert "stablehlo.select_and_scatter" in cuda and "stablehlo.reduce_window" in cuda
    assert "stablehlo.maximum" in cpu and "stablehlo.slice" in cpu
    assert "stablehlo.select_and_scatter" not in cpu and "stablehlo.reduce_window" not in cpu


def test_one_program_for_both_platforms():
    x, kernel = arrays((2, 6, 6, 8), (3, 3, 8, 8))
    function = jax.jit(jax.grad(lambda k: ours(x, k, geometry(2)).sum()))
    both = jax.export.export(function, platforms=["cpu", "cuda"])(kernel)
    close(both.call(kernel), function(kernel))


def test_a_traced_convolution_is_one_line():
    x, kernel = arrays((2, 6, 6, 8), (3, 3, 8, 8))
    jaxpr = jax.make_jaxpr(lambda x, k: ours(x, k, geometry(2)))(x, kernel)
    assert "highlevel_conv" in str(jaxpr) and "cond" not in str(jaxpr)


def test_plan_is_by_static_shape():
    g = geometry(2)
    assert convolution.plan((8, 9, 9, 64), (3, 3, 64, 8), g) == (stock_conv, slices.rows)
    assert convolution.plan((8, 9, 9, 3), (3, 3, 3, 8), g) == (stock_conv, slices.patches)
    assert convolution.plan((8, 9, 9, 3), (16, 16, 3, 8), geometry(2, padding=9))[1] is stock_conv
    assert convolution.plan((8, 9, 9, 64), (3, 3, 64, 8), g, in_loop=False)[1] is stock_conv
    one = (1, 1, 64, 8)
    assert convolution.plan((8, 9, 9, 64), one, g, in_loop=False)[1] is slices.patches
    strided = geometry(2, strides=2)
    assert convolution.plan((8, 9, 9, 64), one, strided, in_loop=False)[1] is stock_conv
    assert convolution.plan((8, 9, 9, 64), one, strided)[1] is slices.patches
    beside = geometry(2, spacing=2, padding=1)
    two = (2, 2, 64, 8)
    assert convolution.plan((8, 9, 9, 64), two, beside) == (slices.apart, slices.apart)
    for changed in (
        geometry(2, spacing=2, padding=(1, 0)),
        geometry(2, spacing=3, padding=1),
        beside._replace(kernel_dilation=(2, 2)),
        beside._replace(strides=(2, 1)),
    ):
        assert slices.apart not in convolution.plan((8, 9, 9, 64), two, changed)


@pytest.mark.parametrize("in_loop", [False, True])
def test_windows_larger_than_input_or_output_go_by_formula(in_loop):
    """XLA exchanges window and input there, and computes the result by a nest of loops."""

    def planned(length, size, g):
        return convolution.plan((8, length, length, 64), (size, size, 64, 8), g, in_loop)

    same = geometry(2, padding=1)
    assert planned(2, 3, same) == (slices.patches, slices.patches)
    assert planned(3, 3, same)[0] is (stock_conv if in_loop else libraries.value)
    assert planned(4, 5, geometry(2, padding=2)) == (slices.rows, slices.rows)
    assert planned(4, 3, geometry(2, strides=2, padding=1))[1] is not stock_conv
    assert planned(4, 5, geometry(2, padding=2, spacing=2))[0] is slices.spread
    if not in_loop:
        apart = geometry(2, strides=4)
        assert planned(4, 4, apart)[1] is stock_conv
        few = convolution.plan((8, 4, 4, 3), (3, 3, 3, 8), geometry(2, strides=2), in_loop)
        assert few[1] is stock_conv


@pytest.mark.parametrize(
    "x_shape, kernel_shape, g",
    [
        ((2, 2, 2, 16), (3, 3, 16, 4), geometry(2, padding=1)),
        ((2, 4, 4, 16), (3, 3, 16, 4), geometry(2, strides=2, padding=(0, 1))),
        ((2, 5, 5, 16), (5, 5, 16, 4), geometry(2)),
        ((2, 2, 2, 3), (4, 4, 3, 4), geometry(2, spacing=2, padding=2)),
        ((2, 3, 16), (5, 16, 4), geometry(1, padding=2)),
    ],
)
def test_large_windows_outside_of_loops(x_shape, kernel_shape, g):
    x, kernel = arrays(x_shape, kernel_shape)

    def results(conv):
        def loss(x, kernel):
            return (conv(x, kernel, g) ** 2).sum()

        function = jax.value_and_grad(loss, (0, 1))
        return quick(function)(x, kernel), str(_program("cpu", function, x, kernel))

    (mine, program), (stock, _) = results(ours), results(stock_conv)
    jax.tree.map(close, mine, stock)
    assert "stablehlo.dot_general" in program


def test_gradients_over_two_devices():
    """Parameters that all devices share get the sum of their gradients, however it is split."""
    code = """
import jax, jax.numpy as jnp, numpy as np
from jax.sharding import NamedSharding, PartitionSpec as P
from highlevel_jax import backend
assert len(jax.devices()) == 2
mesh = jax.make_mesh((2,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
x = jnp.asarray(np.random.default_rng(0).normal(size=(4, 6, 6, 2)), jnp.float32)
k = jnp.asarray(np.random.default_rng(1).normal(size=(3, 3, 2, 3)), jnp.float32)

def loss(k, x):
    h = backend.conv(x, k, (1, 1), ((1, 1), (1, 1)), (1, 1), (1, 1), 1)
    h = backend.reduce_window(h, "max", (2, 2), (2, 2), ((0, 0), (0, 0)))
    return (backend.reduce_window(h, "sum", (2, 2), (1, 1), ((0, 0), (0, 0))) ** 2).sum()

expected = jax.grad(loss)(k, x)
split = jax.device_put(x, NamedSharding(mesh, P("data")))
np.testing.assert_allclose(jax.jit(jax.grad(loss))(k, split), expected, rtol=1e-4, atol=1e-3)
per_device = jax.shard_map(jax.grad(loss), mesh=mesh, in_specs=(P(), P("data")), out_specs=P())
np.testing.assert_allclose(jax.jit(per_device)(k, x), expected, rtol=1e-4, atol=1e-3)
"""
    flags = os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=2"
    environment = os.environ | {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300, env=environment)
