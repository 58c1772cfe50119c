"""Products of vectors, matrices and tensors."""

from __future__ import annotations

from typing import Any

from highlevel_backend import current_backend

from highlevel.ops.dispatch import (
    array,
    broadcast_shapes,
    cast_to,
    dtype_name,
    float_pair,
    floating,
    op,
    promote,
    shape_of,
)
from highlevel.ops.rules import axes_of, of, promoted

__all__ = [
    "corrcoef",
    "correlate",
    "cross",
    "dot",
    "einsum",
    "inner",
    "kron",
    "matmul",
    "outer",
    "tensordot",
    "vdot",
]


def _kept(product: Any, like: Any) -> Any:
    """A product in its arguments' dtype: NumPy leaves that of bfloat16 in float32."""
    if product.dtype == like.dtype:
        return product
    return current_backend().cast(product, dtype_name(like.dtype))


def _differ(m: int | None, n: int | None) -> bool:
    return m is not None and n is not None and m != n


def _matmul_rule(x1: Any, x2: Any) -> Any:
    a: Any = shape_of(x1)
    b: Any = shape_of(x2)
    dtype = _matmul_dtype(x1, x2)
    if not a or not b:
        raise ValueError(f"`matmul` takes no scalars; got the shapes {a} and {b}.")
    if _differ(a[-1], b[-2] if len(b) > 1 else b[0]):
        raise ValueError(
            f"`matmul` of the shapes {a} and {b}: the last axis of the first, {a[-1]}, must "
            f"equal the {'second last' if len(b) > 1 else 'only'} axis of the second, "
            f"{b[-2] if len(b) > 1 else b[0]}."
        )
    if len(b) == 1:
        return of(a[:-1], dtype)
    if len(a) == 1:
        return of((*b[:-2], b[-1]), dtype)
    return of((*broadcast_shapes(a[:-2], b[:-2]), a[-2], b[-1]), dtype)


def _matmul_dtype(x1: Any, x2: Any) -> str:
    """Sums of products of int8 do not fit int8: they come in int32."""
    dtype = promoted(x1, x2)
    return "int32" if dtype == "int8" else dtype


@op(spec=_matmul_rule, kernel="matmul")
def matmul(x1: Any, x2: Any) -> Any:
    """Matrix product over the last two axes, the others broadcast.

    Args:
        x1: `(..., m, k)` or `(k,)`.
        x2: `(..., k, n)` or `(k,)`.

    Returns:
        `(..., m, n)` in the promoted dtype, without the axis that a vector has not.

    Raises:
        ValueError: the shapes do not fit.

    >>> matmul([[1, 2]], [[3], [4]]).tolist()
    [[11]]
    """
    x1, x2 = promote(x1, x2)
    if dtype_name(x1.dtype) == "int8":
        x1, x2 = cast_to(x1, "int32"), cast_to(x2, "int32")
    backend = current_backend()
    kernel = backend.kernels.get("matrix_product")
    if kernel is not None and (found := kernel(x1, x2)) is not NotImplemented:
        return found
    return _kept(backend.xp.matmul(x1, x2), x1)


def _dot_rule(x1: Any, x2: Any) -> Any:
    a: Any = shape_of(x1)
    b: Any = shape_of(x2)
    dtype = promoted(x1, x2)
    if not a or not b:
        return of(a or b, dtype)
    if _differ(a[-1], b[-2] if len(b) > 1 else b[0]):
        raise ValueError(f"`dot` of the shapes {a} and {b}: the summed axes differ in length.")
    if len(b) == 1:
        return of(a[:-1], dtype)
    return of((*a[:-1], *b[:-2], b[-1]), dtype)


@op(spec=_dot_rule)
def dot(x1: Any, x2: Any) -> Any:
    """Sum of products over the last axis of `x1` and the second last (or only) one of `x2`.

    Args:
        x1: `(..., k)`, or a scalar.
        x2: `(..., k, n)` or `(k,)`, or a scalar.
    """
    x1, x2 = promote(x1, x2)
    xp = current_backend().xp
    if x1.ndim == 0 or x2.ndim == 0:
        return xp.multiply(x1, x2)
    axes = ((x1.ndim - 1,), (max(x2.ndim - 2, 0),))
    return _kept(xp.tensordot(x1, x2, axes=axes), x1)


@op
def inner(x1: Any, x2: Any) -> Any:
    """Sum of products over the last axis of both."""
    x1, x2 = promote(x1, x2)
    xp = current_backend().xp
    if x1.ndim == 0 or x2.ndim == 0:
        return xp.multiply(x1, x2)
    return _kept(xp.tensordot(x1, x2, axes=((x1.ndim - 1,), (x2.ndim - 1,))), x1)


def _outer_rule(x1: Any, x2: Any) -> Any:
    lengths = []
    for shape in (shape_of(x1), shape_of(x2)):
        total: int | None = 1
        for n in shape:
            total = None if n is None or total is None else total * n
        lengths.append(total)
    return of(tuple(lengths), promoted(x1, x2))


@op(spec=_outer_rule)
def outer(x1: Any, x2: Any) -> Any:
    """Products of every entry of `x1` with every one of `x2`, both flattened: `(m, n)`."""
    xp = current_backend().xp
    x1, x2 = promote(x1, x2)
    return xp.reshape(x1, (-1, 1)) * xp.reshape(x2, (1, -1))


@op
def vdot(x1: Any, x2: Any) -> Any:
    """Sum of products of the flattened arrays, `x1` conjugated; a scalar."""
    xp = current_backend().xp
    x1, x2 = promote(x1, x2)
    x1 = xp.reshape(x1, (-1,))
    if dtype_name(x1.dtype).startswith("complex"):
        x1 = xp.conjugate(x1)
    return xp.matmul(x1, xp.reshape(x2, (-1,)))


def _tensordot_rule(x1: Any, x2: Any, axes: Any = 2) -> Any:
    a: Any = shape_of(x1)
    b: Any = shape_of(x2)
    if isinstance(axes, int):
        first, second = tuple(range(len(a) - axes, len(a))), tuple(range(axes))
    else:
        first = axes_of(axes[0], len(a), "axes")
        second = axes_of(axes[1], len(b), "axes")
    if len(first) != len(second) or any(_differ(a[i], b[j]) for i, j in zip(first, second)):
        raise ValueError(f"`tensordot` of the shapes {a} and {b} with `axes={axes}` does not fit.")
    rest = [n for i, n in enumerate(a) if i not in first]
    rest += [n for i, n in enumerate(b) if i not in second]
    return of(tuple(rest), promoted(x1, x2))


@op(spec=_tensordot_rule)
def tensordot(x1: Any, x2: Any, axes: Any = 2) -> Any:
    """Sum of products over chosen axes.

    Args:
        x1, x2: arrays.
        axes: how many axes to sum over, the last of `x1` and the first of `x2`; or two
            lists of axes.
    """
    x1, x2 = promote(x1, x2)
    if not isinstance(axes, int):
        axes = tuple([(axis,) if isinstance(axis, int) else tuple(axis) for axis in axes])
    return _kept(current_backend().xp.tensordot(x1, x2, axes=axes), x1)


def _einsum_rule(subscripts: Any, *operands: Any, **kwargs: Any) -> Any:
    """Explicit and implicit letters; `...` is left to abstract evaluation."""
    if not isinstance(subscripts, str) or "." in subscripts:
        return None
    text = subscripts.replace(" ", "")
    left, arrow, right = text.partition("->")
    terms = left.split(",")
    if len(terms) != len(operands):
        raise ValueError(
            f"`einsum` pattern {subscripts!r} names {len(terms)} arrays; got {len(operands)}."
        )
    if not arrow:
        letters = "".join(terms)
        right = "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
    sizes: dict[str, int | None] = {}
    for term, operand in zip(terms, operands):
        shape = shape_of(operand)
        if len(term) != len(shape):
            raise ValueError(
                f"`einsum` pattern {subscripts!r} gives {term!r} to an array of shape {shape}."
            )
        for letter, n in zip(term, shape):
            known = sizes.get(letter)
            if known is None or known == 1:
                sizes[letter] = n if n is not None else known
            elif _differ(known, n) and n != 1:
                raise ValueError(
                    f"`einsum` pattern {subscripts!r}: axis {letter!r} has the lengths "
                    f"{known} and {n}."
                )
    return of(tuple([sizes[letter] for letter in right]), promoted(*operands))


@op(spec=_einsum_rule)
def einsum(subscripts: str, *operands: Any, **kwargs: Any) -> Any:
    """Sum of products named by letters (Einstein's convention).

    Args:
        subscripts: for example `"bij,bjk->bik"`.
        operands: arrays.
        kwargs: `optimize`, accepted for the contract.

    Returns:
        Array of the promoted dtype.

    >>> einsum("ij->ji", [[1, 2], [3, 4]]).tolist()
    [[1, 3], [2, 4]]
    """
    arrays: list[Any] = list(promote(*operands))
    # One contraction by one matters from three operands on, for two it only costs time.
    options = {"optimize": True} if len(arrays) > 2 else {}
    backend = current_backend()
    if not backend.compiles and dtype_name(arrays[0].dtype) == "bfloat16":
        # No einsum of NumPy takes it.
        wide = [backend.cast(x, "float32") for x in arrays]
        return _kept(backend.xp.einsum(subscripts, *wide, **options), arrays[0])
    return backend.xp.einsum(subscripts, *arrays, **options)


@op
def kron(x1: Any, x2: Any) -> Any:
    """Kronecker product: `x2` in the place of every entry of `x1`, scaled by it."""
    xp = current_backend().xp
    x1, x2 = promote(x1, x2)
    rank = max(x1.ndim, x2.ndim)
    a = xp.reshape(x1, (1,) * (rank - x1.ndim) + tuple(x1.shape))
    b = xp.reshape(x2, (1,) * (rank - x2.ndim) + tuple(x2.shape))
    product = xp.expand_dims(a, tuple(range(1, 2 * rank, 2)))
    product = product * xp.expand_dims(b, tuple(range(0, 2 * rank, 2)))
    return xp.reshape(product, tuple([m * n for m, n in zip(a.shape, b.shape)]))


@op
def cross(
    x1: Any, x2: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: Any = None
) -> Any:
    """Cross product of vectors of two or three entries.

    Args:
        x1, x2: arrays that broadcast on the other axes.
        axisa, axisb: the vectors' axis in `x1` and in `x2`.
        axisc: the vectors' axis in the result; there is none where both have two entries.
        axis: all three in one.

    Raises:
        ValueError: vectors of another length.
    """
    xp = current_backend().xp
    if axis is not None:
        axisa = axisb = axisc = axis
    x1, x2 = promote(x1, x2)
    a, b = xp.moveaxis(x1, axisa, -1), xp.moveaxis(x2, axisb, -1)
    if a.shape[-1] not in (2, 3) or b.shape[-1] not in (2, 3):
        raise ValueError(
            "`cross` takes vectors of two or three entries; got shapes "
            f"{tuple(x1.shape)} and {tuple(x2.shape)}."
        )
    a0, a1, b0, b1 = a[..., 0], a[..., 1], b[..., 0], b[..., 1]
    last = a0 * b1 - a1 * b0
    if a.shape[-1] == 2 and b.shape[-1] == 2:
        return last
    zero = xp.zeros_like(last)
    a2 = a[..., 2] if a.shape[-1] == 3 else zero
    b2 = b[..., 2] if b.shape[-1] == 3 else zero
    parts = xp.broadcast_arrays(a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, last)
    return xp.moveaxis(xp.stack(parts, axis=-1), -1, axisc)


@op
def correlate(x1: Any, x2: Any, mode: str = "valid") -> Any:
    """Cross-correlation of two sequences.

    Args:
        x1: `(m,)` array.
        x2: `(n,)` array.
        mode: `"valid"` (where both overlap wholly), `"same"` (as long as the longer one) or
            `"full"` (wherever they overlap).

    Returns:
        One-dimensional array in a floating dtype.

    Raises:
        ValueError: more than one axis, or another mode.
    """
    backend = current_backend()
    xp = backend.xp
    if mode not in ("valid", "same", "full"):
        raise ValueError(f"`mode` must be 'valid', 'same' or 'full'; got {mode!r}.")
    x1, x2 = float_pair(x1, x2)
    if x1.ndim != 1 or x2.ndim != 1:
        raise ValueError(
            "`correlate` takes one-dimensional arrays; got shapes "
            f"{tuple(x1.shape)} and {tuple(x2.shape)}."
        )
    m, n = x1.shape[0], x2.shape[0]
    # As a convolution the longer one is slid over; the order then turns round.
    swapped = mode != "full" and m < n
    a, v = (x2, x1) if swapped else (x1, x2)
    long, short = max(m, n) if swapped else m, min(m, n) if swapped else n
    if mode == "full":
        padding = (n - 1, n - 1)
    elif mode == "same":
        length = max(m, n)
        before = (short - 1) // 2 if swapped else short - 1 - (short - 1) // 2
        padding = (before, length - 1 + short - long - before)
    else:
        padding = (0, 0)
    out = backend.conv(a[None, :, None], v[:, None, None], (1,), [padding], (1,), (1,), 1)
    out = out[0, :, 0]
    return xp.flip(out, 0) if swapped else out


@op
def corrcoef(x: Any) -> Any:
    """Matrix of the correlation coefficients of the rows.

    Args:
        x: `(variables, observations)` array, or one variable's `(observations,)`.

    Returns:
        `(variables, variables)` array with ones on its diagonal; a scalar for one variable.
    """
    xp = current_backend().xp
    x = floating(array(x))
    name = dtype_name(x.dtype)
    rows = x[None, :] if x.ndim == 1 else x
    rows = rows - xp.mean(rows, axis=-1, keepdims=True)
    covariance = xp.matmul(rows, xp.swapaxes(rows, -1, -2))
    scale = xp.sqrt(xp.sum(rows * rows, axis=-1))
    result = xp.clip(covariance / scale[:, None] / scale[None, :], -1, 1)
    return cast_to(result[0, 0] if x.ndim == 1 else result, name)
