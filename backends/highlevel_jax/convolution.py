"""Convolution, lowered for the platform and for where it stands in the program.

Everywhere but on the CPU this is `lax.conv_general_dilated`, derivatives included (cuDNN
on a GPU). For the CPU, XLA has two convolutions. In the program itself it calls a library,
value and gradients alike; in the body of a loop it compiles a plain nest of loops, which for
the gradients is up to a hundred times slower, on one thread. So there the derivatives are
computed by other formulas, and steps of training that hold a convolution are not put into
a loop (`Backend.slow_in_loops`). What the library is slow at is computed by formula in both
places: depthwise, 3-d and transposed convolutions, and windows of one entry. The grid that
was measured is in `docs/design/convolutions.md`; the rule made of it, by static shape and
place alone (`plan`):

- window of one entry: a matrix product; outside of loops the stock one where it has strides;
- one input channel per group: `depthwise`, the sum of shifted products;
- other groups, up to 32: each by itself;
- spaced input (transposed convolution): one product where windows do not overlap; otherwise
  derivatives by products spread over the output;
- a window of more entries than the input has positions: patches, rows or such products; where
  it is the output that has fewer, overlapping windows of many channels: the derivatives;
- outside of loops, 1-d and 2-d: stock, by the library that is faster (`libraries`);
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
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.interpreters import ad

from highlevel_jax import depthwise, libraries, slices
from highlevel_jax.libraries import stock_conv
from highlevel_jax.primitives import define, same_axes, type_like

__all__ = ["Geometry", "conv", "plan", "stock_conv"]

Array = Any
Pairs = Sequence[tuple[int, int]]

# Channels × last window length from which patches are joined by row, not all at once.
_ROW_WIDTH = 32
# Entries up to which a window larger than its input is joined as a whole.
_JOINED_WINDOW = 9
# Channels from which the derivatives of so large a window go by formula.
_MANY_CHANNELS = 16
# Number of groups up to which each group is a convolution of its own.
_SPLIT_GROUPS = 32
# Channels per group from which that is better done by the libraries than by formula.
_GROUP_CHANNELS = 8
# Positions of all images below which gradients of more groups than these are one product.
_FEW_POSITIONS, _FEW_GROUPS = 1024, 8
# Window sizes above this stay stock: a slice each would make programs slow to compile.
_LARGEST_WINDOW = 128


class Geometry(NamedTuple):
    """The static arguments of a convolution; see `Backend.conv`."""

    strides: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    input_dilation: tuple[int, ...]
    kernel_dilation: tuple[int, ...]
    groups: int


def plan(
    x_shape: Sequence[int],
    kernel_shape: Sequence[int],
    geometry: Geometry,
    in_loop: bool = True,
) -> tuple[Callable, Callable]:
    """Which formulas compute the value and the derivatives on a CPU.

    Args:
        x_shape: `(batch, *spatial, channels)`.
        kernel_shape: `(*window, channels // groups, out_channels)`.
        geometry: the static arguments.
        in_loop: whether the convolution may stand in the body of a loop.

    Returns:
        Two functions `(x, kernel, geometry) -> array` of equal results.
    """
    *window, depth, _ = kernel_shape
    size = math.prod(window)
    if size > _LARGEST_WINDOW or 0 in x_shape or 0 in kernel_shape:
        return stock_conv, stock_conv
    if geometry.groups > 1:
        if depth == 1:
            return depthwise.value, depthwise.value
        if geometry.groups > _SPLIT_GROUPS:
            return stock_conv, slices.batched_groups
        if in_loop or len(window) > 2:
            return stock_conv, slices.split_groups
        # From `_GROUP_CHANNELS` on the groups come here one by one; see `_each_group`.
        together = _gradients_together(geometry.groups, x_shape)
        return slices.split_groups, slices.batched_groups if together else slices.split_groups
    spaced = max(geometry.input_dilation) > 1
    # XLA exchanges the operands where the window is the larger one, and no library takes what
    # comes of it.
    joined = slices.patches if size <= _JOINED_WINDOW else slices.rows
    if size > math.prod(x_shape[1:-1]):
        formula = slices.spread if spaced and max(geometry.strides) == 1 else joined
        return formula, formula
    if size == 1 and not spaced and (in_loop or max(geometry.strides) == 1):
        return slices.patches, slices.patches
    if spaced and slices.are_apart(window, geometry):
        return slices.apart, slices.apart
    if spaced and max(geometry.strides) == 1:
        return stock_conv, slices.spread
    if not in_loop and len(window) < 3:
        outputs = math.prod(slices.out_lengths(x_shape[1:-1], window, geometry))
        overlap = any(step < length for step, length in zip(geometry.strides, window))
        by_formula = size > outputs and overlap and depth >= _MANY_CHANNELS
        return libraries.value, joined if by_formula else stock_conv
    derivatives = slices.rows if depth * window[-1] >= _ROW_WIDTH else slices.patches
    if depth == 1 and not spaced:
        return slices.shifted, derivatives
    if len(window) == 3 and not spaced:
        return slices.rows, derivatives
    return stock_conv, derivatives


def _gradients_together(groups: int, x_shape: Sequence[int]) -> bool:
    """Whether so many groups have so few positions that their gradients are one product."""
    return groups > _FEW_GROUPS and math.prod(x_shape[:-1]) < _FEW_POSITIONS


def _wide(formula: Callable) -> Callable:
    """The formula, in which half precision is widened, summed in float32, and narrowed."""

    def widened(a: Array, b: Array, *rest: Any, **parameters: Any) -> Array:
        if a.dtype.itemsize > 2:
            return formula(a, b, *rest, **parameters)
        wide = formula(a.astype(jnp.float32), b.astype(jnp.float32), *rest, **parameters)
        return wide.astype(a.dtype)

    return widened


def _on_cpu(
    x: Array, kernel: Array, geometry: Geometry, derivative: bool = False, in_loop: bool = True
) -> Array:
    """The planned formula."""
    return _wide(plan(x.shape, kernel.shape, geometry, in_loop)[derivative])(x, kernel, geometry)


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


def _arithmetic(x: tuple, kernel: tuple, geometry: Geometry) -> float:
    """Multiplications and additions; zeros between a spaced input's entries are not multiplied."""
    if max(geometry.input_dilation) > 1:
        pairs = math.prod(x[:-1]) * kernel[-1]
    else:
        pairs = math.prod(_out_shape(x, kernel, geometry))
    return 2.0 * pairs * math.prod(kernel[:-1])


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


def _each_group(function: Callable, result: int) -> Callable:
    """What is done outside of loops, group by group where the libraries are the faster way.

    Args:
        function: the convolution or one of its gradients. The last axes of both operands and of
            the result go by groups.
        result: which of input, output and kernel it gives: 0, 1, 2.
    """

    def by_group(a: Array, b: Array, *, geometry: Geometry, **shape: Any) -> Array:
        groups = geometry.groups
        images = shape["shape"] if result == 0 else a.shape
        if (
            not 1 < groups <= _SPLIT_GROUPS or a.ndim > 4
            or images[-1] // groups < _GROUP_CHANNELS
            or (result != 1 and _gradients_together(groups, images))
        ):
            return function(a, b, geometry=geometry, **shape)
        if shape:
            *rest, last = shape["shape"]
            shape = {"shape": (*rest, last // groups)}
        one = geometry._replace(groups=1)
        parts = zip(jnp.split(a, groups, axis=-1), jnp.split(b, groups, axis=-1))
        return lax.concatenate(
            [function(x, y, geometry=one, **shape) for x, y in parts], a.ndim - 1
        )

    return by_group


_outside = functools.partial(_on_cpu, in_loop=False)


def _by_x_on_cpu(
    g: Array, kernel: Array, *, geometry: Geometry, shape: tuple, in_loop: bool = True
) -> Array:
    formula = plan(shape, kernel.shape, geometry, in_loop)[1]
    if formula is depthwise.value:
        gradient = depthwise.by_input
    elif formula is stock_conv and not in_loop:
        gradient = libraries.by_x
    else:
        gradient = _by_x(formula)
    return _wide(gradient)(g, kernel, geometry=geometry, shape=shape)


def _by_kernel_on_cpu(
    x: Array, g: Array, *, geometry: Geometry, shape: tuple, in_loop: bool = True
) -> Array:
    formula = plan(x.shape, shape, geometry, in_loop)[1]
    if formula is depthwise.value:
        gradient = depthwise.by_kernel
    elif formula is stock_conv and not in_loop:
        gradient = libraries.by_kernel
    else:
        gradient = _by_kernel(formula)
    return _wide(gradient)(x, g, geometry=geometry, shape=shape)


_by_x_outside = functools.partial(_by_x_on_cpu, in_loop=False)
_by_kernel_outside = functools.partial(_by_kernel_on_cpu, in_loop=False)
_conv = define(
    "highlevel_conv", _out_shape, stock_conv, _on_cpu, _fold, _each_group(_outside, 1),
    arithmetic=_arithmetic,
)
_conv_by_x = define(
    "highlevel_conv_gradient_by_input",
    lambda g, kernel, geometry, shape: (g[0], *shape[1:]),
    _by_x(stock_conv),
    _by_x_on_cpu,
    _fold,
    _each_group(_by_x_outside, 0),
    arithmetic=lambda g, kernel, geometry, shape: _arithmetic(
        (g[0], *shape[1:]), kernel, geometry
    ),
)
_conv_by_kernel = define(
    "highlevel_conv_gradient_by_kernel",
    lambda x, g, geometry, shape: shape,
    _by_kernel(stock_conv),
    _by_kernel_on_cpu,
    outside_loops=_each_group(_by_kernel_outside, 2),
    arithmetic=lambda x, g, geometry, shape: _arithmetic(x, shape, geometry),
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
