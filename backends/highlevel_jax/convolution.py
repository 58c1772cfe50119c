"""Convolution, lowered for the platform that the program is compiled for.

Everywhere but on the CPU this is `lax.conv_general_dilated`, derivatives included (cuDNN
on a GPU). For the CPU, XLA's forward convolution is good, in loops too, but both of its
gradients are slow, and in the body of a loop very slow: they run on one thread there. So
the value and the derivatives are computed by different formulas. Milliseconds, jax 0.10 on
2 cores of a shared machine, derivatives alone / in `lax.scan`:

    3×3, batch × height × width × channels    value    by the input   by the kernel
    128×13×13×32 → 64    stock                26       13 / 44        35 / 924
                         rows                 23       14 / 9         28 / 26
    32×32×32×64 → 64     stock                72       53 / 219       262 / 4925
                         rows                 132      103 / 75       184 / 95
    16×64×64×3 → 32      stock                7        4 / 59         13 / 244
                         patches              9        4 / 5          17 / 26
    16×32×32×64 → 128, window 1×1   stock     6        8 / 10         200 / 351
                         matrix product       3        7 / 8          25 / 15
    8×12×12×12×16 → 16 (3-d)        stock     12       12 / 49        16 / 120
                         rows                 6        5 / 4          9 / 9
    32×14×14×32 → 16, transposed, step 2  stock  2     2 / 14         23 / 39
                         spread products      2        2 / 2          5 / 5
    32×28×28×32, depthwise          stock     30       29 / 1         27 / 438
                         shifted products     1        1 / 1          6 / 6

Both derivatives together, ours as a ratio of stock, 15 shapes of
`tests/benchmarks/jax_lowerings.py`: 0.1 to 1.1 alone, but 1.6 for 64×64×3 → 32 and 2.0 for
a 5×5 window on 14×14×32; in `lax.scan` 0.02 to 0.35. A training loop runs in a scan, so
this decides.

The rule made of it, by static shape alone (`plan`):

- window of one entry: a matrix product;
- one input channel per group (depthwise): the sum of shifted products;
- spaced input (transposed convolution): derivatives by products spread over the output;
- otherwise derivatives by shifted slices of the input, joined into patches, and matrix
  products: one product for few channels, else one per row of the window, which
  needs less memory;
- the value: stock, but for one input channel (shifted products) and 3-d (rows).

A convolution and its two gradients are three operations of our own (`primitives`). Each
is linear in both operands, and the derivatives of each are the other two, so that forward
and reverse mode and derivatives of any order follow from three lines. The patches exist
only inside an operation: a model keeps its activations, as with the stock convolution.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.interpreters import ad

from highlevel_jax import slices
from highlevel_jax.primitives import define, same_axes, type_like

__all__ = ["Geometry", "conv", "plan", "stock_conv"]

Array = Any
Pairs = Sequence[tuple[int, int]]

# Channels × last window length from which patches are joined by row, not all at once.
_ROW_WIDTH = 32
# Number of groups up to which each group is a convolution of its own.
_SPLIT_GROUPS = 8
# Window sizes above this stay stock: a slice each would make programs slow to compile.
_LARGEST_WINDOW = 128


class Geometry(NamedTuple):
    """The static arguments of a convolution; see `Backend.conv`."""

    strides: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    input_dilation: tuple[int, ...]
    kernel_dilation: tuple[int, ...]
    groups: int


def stock_conv(x: Array, kernel: Array, geometry: Geometry) -> Array:
    """XLA's own convolution."""
    letters = "DHW"[5 - x.ndim :]
    return lax.conv_general_dilated(
        x,
        kernel,
        window_strides=geometry.strides,
        padding=geometry.padding,
        lhs_dilation=geometry.input_dilation,
        rhs_dilation=geometry.kernel_dilation,
        dimension_numbers=(f"N{letters}C", f"{letters}IO", f"N{letters}C"),
        feature_group_count=geometry.groups,
    )


def plan(
    x_shape: Sequence[int], kernel_shape: Sequence[int], geometry: Geometry
) -> tuple[Callable, Callable]:
    """Which formulas compute the value and the derivatives on a CPU.

    Args:
        x_shape: `(batch, *spatial, channels)`.
        kernel_shape: `(*window, channels // groups, out_channels)`.
        geometry: the static arguments.

    Returns:
        Two functions `(x, kernel, geometry) -> array` of equal results.
    """
    *window, depth, _ = kernel_shape
    size = 1
    for length in window:
        size *= length
    if size > _LARGEST_WINDOW or 0 in x_shape or 0 in kernel_shape:
        return stock_conv, stock_conv
    if geometry.groups > 1:
        if depth == 1:
            return slices.depthwise, slices.depthwise
        if geometry.groups <= _SPLIT_GROUPS:
            return stock_conv, slices.split_groups
        return stock_conv, slices.batched_groups
    spaced = max(geometry.input_dilation) > 1
    if size == 1 and not spaced:
        return slices.patches, slices.patches
    if spaced and max(geometry.strides) == 1:
        return stock_conv, slices.spread
    derivatives = slices.rows if depth * window[-1] >= _ROW_WIDTH else slices.patches
    if depth == 1 and not spaced:
        return slices.shifted, derivatives
    if len(window) == 3 and not spaced:
        return slices.rows, derivatives
    return stock_conv, derivatives


def _on_cpu(x: Array, kernel: Array, geometry: Geometry, derivative: bool = False) -> Array:
    """The planned formula; half precision is widened, summed in float32, and narrowed."""
    formula = plan(x.shape, kernel.shape, geometry)[derivative]
    if x.dtype.itemsize > 2:
        return formula(x, kernel, geometry)
    wide = formula(x.astype(jnp.float32), kernel.astype(jnp.float32), geometry)
    return wide.astype(x.dtype)


def _by_x(formula: Callable) -> Callable:
    """What the gradient by `x` of a formula is: linear in the output's gradient."""

    def gradient(g: Array, kernel: Array, *, geometry: Geometry, shape: tuple) -> Array:
        x = type_like(g, shape)
        return jax.linear_transpose(lambda x: formula(x, kernel, geometry), x)(g)[0]

    return gradient


def _by_kernel(formula: Callable) -> Callable:
    """What the gradient by the kernel of a formula is: linear in the output's gradient."""

    def gradient(x: Array, g: Array, *, geometry: Geometry, shape: tuple) -> Array:
        kernel = type_like(x, shape)
        return jax.linear_transpose(lambda kernel: formula(x, kernel, geometry), kernel)(g)[0]

    return gradient


def _out_shape(x: tuple, kernel: tuple, geometry: Geometry) -> tuple:
    return (x[0], *slices.out_lengths(x[1:-1], kernel[:-2], geometry), kernel[-1])


def _fold(primitive: Any, operands: tuple, axes: tuple, parameters: dict) -> Array | None:
    """Under `vmap` over the images alone the mapped axis joins the batch axis."""
    images, kernel = operands
    if axes[0] is None or axes[1] is not None:
        return None
    images = jnp.moveaxis(images, axes[0], 0)
    outer = images.shape[:2]
    if "shape" in parameters:
        parameters = parameters | {"shape": (outer[0] * outer[1], *parameters["shape"][1:])}
    out = primitive.bind(images.reshape(-1, *images.shape[2:]), kernel, **parameters)
    return out.reshape(*outer, *out.shape[1:])


_derivative = functools.partial(_on_cpu, derivative=True)
_conv = define("highlevel_conv", _out_shape, stock_conv, _on_cpu, _fold)
_conv_by_x = define(
    "highlevel_conv_gradient_by_input",
    lambda g, kernel, geometry, shape: (g[0], *shape[1:]),
    _by_x(stock_conv),
    _by_x(_derivative),
    _fold,
)
_conv_by_kernel = define(
    "highlevel_conv_gradient_by_kernel",
    lambda x, g, geometry, shape: shape,
    _by_kernel(stock_conv),
    _by_kernel(_derivative),
)

# Each rule: the gradient that reaches the result, then the operands, of which the one that
# is asked for is only a type (`UndefinedPrimal`).
ad.defbilinear(
    _conv,
    lambda g, x, kernel, geometry: _conv_by_x.bind(
        g, kernel, geometry=geometry, shape=x.aval.shape
    ),
    lambda g, x, kernel, geometry: _conv_by_kernel.bind(
        x, g, geometry=geometry, shape=kernel.aval.shape
    ),
)
ad.defbilinear(
    _conv_by_x,
    lambda x, g, kernel, geometry, shape: _conv.bind(x, kernel, geometry=geometry),
    lambda x, g, kernel, geometry, shape: _conv_by_kernel.bind(
        x, g, geometry=geometry, shape=kernel.aval.shape
    ),
)
ad.defbilinear(
    _conv_by_kernel,
    lambda kernel, x, g, geometry, shape: _conv_by_x.bind(
        g, kernel, geometry=geometry, shape=x.aval.shape
    ),
    lambda kernel, x, g, geometry, shape: _conv.bind(x, kernel, geometry=geometry),
)


def _cut(x: Array, geometry: Geometry) -> tuple[Array, Geometry]:
    """The input without what negative padding cuts off, and the padding that is left.

    XLA's convolution for the CPU (jax 0.10) reads outside of its input where one side's
    padding is negative and the other's positive.
    """
    cuts = [
        (min(before, 0), min(after, 0), spacing - 1)
        for (before, after), spacing in zip(geometry.padding, geometry.input_dilation)
    ]
    x = lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), *cuts, (0, 0, 0)])
    return x, geometry._replace(
        padding=tuple((max(before, 0), max(after, 0)) for before, after in geometry.padding),
        input_dilation=(1,) * len(cuts),
    )


# One program where it is called outside of any other.
_jitted_stock = jax.jit(stock_conv, static_argnums=2)


def conv(
    x: Array,
    kernel: Array,
    strides: Sequence[int],
    padding: Pairs,
    input_dilation: Sequence[int],
    kernel_dilation: Sequence[int],
    groups: int,
) -> Array:
    """Cross-correlation over 1 to 3 spatial axes; see `Backend.conv`.

    Raises:
        ValueError, TypeError: the shapes do not fit each other (JAX's message).
    """
    geometry = Geometry(
        tuple(strides),
        tuple((int(before), int(after)) for before, after in padding),
        tuple(input_dilation),
        tuple(kernel_dilation),
        int(groups),
    )
    kernel = lax.convert_element_type(kernel, x.dtype)
    if min(map(min, geometry.padding)) < 0:
        x, geometry = _cut(x, geometry)
    known = (
        kernel.ndim == x.ndim
        and x.shape[-1] == kernel.shape[-2] * geometry.groups
        and jnp.issubdtype(x.dtype, jnp.floating)
        and all(type(n) is int for n in x.shape[1:-1])
        and min(slices.out_lengths(x.shape[1:-1], kernel.shape[:-2], geometry)) > 0
    )
    if not known:  # also where shapes do not fit: JAX says what is wrong
        return _jitted_stock(x, kernel, geometry)
    return _conv.bind(*same_axes(x, kernel), geometry=geometry)
