"""Linear algebra on the last two axes; all others are a batch."""

from __future__ import annotations

import math
from typing import Any

from highlevel_backend import current_backend

from highlevel.ops.derivatives import jvp
from highlevel.ops.dispatch import (
    array,
    broadcast_shapes,
    cast_to,
    dtype_name,
    float_pair,
    floating,
    floating_dtype,
    op,
    shape_of,
)
from highlevel.ops.rules import axes_of, float_unary, of, reduced_shape

__all__ = [
    "cholesky",
    "cholesky_inverse",
    "det",
    "eig",
    "eigh",
    "inv",
    "jvp",
    "logdet",
    "lstsq",
    "lu_factor",
    "matrix_rank",
    "norm",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "solve_triangular",
    "svd",
]


def _matrix(x: Any, what: str, square: bool = True) -> Any:
    x = floating(x)
    _check_matrix(tuple(x.shape), what, square)
    return x


def _check_matrix(shape: tuple, what: str, square: bool) -> None:
    if len(shape) < 2:
        raise ValueError(f"`{what}` needs matrices, at least two axes; got shape {shape}.")
    known = isinstance(shape[-1], int) and isinstance(shape[-2], int)
    if square and known and shape[-1] != shape[-2]:
        raise ValueError(f"`{what}` needs square matrices; got shape {shape}.")


def _square_rule(x: Any, *args: Any, **kwargs: Any) -> Any:
    return float_unary(x)


@op(spec=_square_rule)
def cholesky(x: Any, upper: bool = False) -> Any:
    """The triangular factor of positive definite matrices, `x = L @ L.T`.

    Args:
        x: `(..., n, n)`, symmetric and positive definite.
        upper: return the upper factor, `x = U.T @ U`.

    Returns:
        `(..., n, n)`.

    Raises:
        ValueError: the matrices are not square.
    """
    xp = current_backend().xp
    factor = xp.linalg.cholesky(_matrix(x, "cholesky"))
    return xp.swapaxes(factor, -1, -2) if upper else factor


@op(spec=_square_rule)
def cholesky_inverse(x: Any, upper: bool = False) -> Any:
    """The inverse of a matrix from its `cholesky` factor.

    Args:
        x: `(..., n, n)` triangular factor.
        upper: it is the upper one.
    """
    xp = current_backend().xp
    x = _matrix(x, "cholesky_inverse")
    x = xp.swapaxes(x, -1, -2) if upper else x
    identity = xp.broadcast_to(xp.eye(x.shape[-1], dtype=x.dtype), x.shape)
    inverse = _triangular(xp, x, identity, lower=True)
    return xp.matmul(xp.swapaxes(inverse, -1, -2), inverse)


@op(spec=lambda x: of(shape_of(x)[:-2], floating_dtype(x)))
def det(x: Any) -> Any:
    """Determinants: `(..., n, n)` to `(...)`."""
    return current_backend().xp.linalg.det(_matrix(x, "det"))


@op(spec=lambda x: (of(shape_of(x)[:-2], floating_dtype(x)),) * 2)
def slogdet(x: Any) -> tuple:
    """Sign and logarithm of the absolute value of determinants."""
    return tuple(current_backend().xp.linalg.slogdet(_matrix(x, "slogdet")))


@op(spec=lambda x: of(shape_of(x)[:-2], floating_dtype(x)))
def logdet(x: Any) -> Any:
    """Logarithm of the determinants of Hermitian positive definite matrices."""
    xp = current_backend().xp
    factor = xp.linalg.cholesky(_matrix(x, "logdet"))
    diagonal = xp.diagonal(factor, axis1=-2, axis2=-1)
    return array(2.0, dtype_name(factor.dtype)) * xp.sum(xp.log(xp.real(diagonal)), axis=-1)


@op
def eig(x: Any) -> tuple:
    """Eigenvalues and eigenvectors of square matrices, complex.

    Returns:
        `(values, vectors)` of shapes `(..., n)` and `(..., n, n)`; the vectors are columns.
    """
    values, vectors = current_backend().xp.linalg.eig(_matrix(x, "eig"))
    name = "complex128" if dtype_name(values.dtype) in ("float64", "complex128") else "complex64"
    return cast_to(values, name), cast_to(vectors, name)


@op(spec=lambda x: (of(shape_of(x)[:-1], floating_dtype(x)), of(shape_of(x), floating_dtype(x))))
def eigh(x: Any) -> tuple:
    """Eigenvalues, ascending, and eigenvectors of symmetric matrices.

    Returns:
        `(values, vectors)` of shapes `(..., n)` and `(..., n, n)`; the vectors are columns.
    """
    return tuple(current_backend().xp.linalg.eigh(_matrix(x, "eigh")))


@op(spec=_square_rule)
def inv(x: Any) -> Any:
    """Inverse of square matrices."""
    return current_backend().xp.linalg.inv(_matrix(x, "inv"))


@op
def lu_factor(x: Any) -> tuple:
    """LU decomposition with exchanges of rows.

    Args:
        x: `(..., m, n)`.

    Returns:
        `(lu, pivots)`: both factors in one array of `x`'s shape (the unit diagonal of L left
        out), and for each of the first `min(m, n)` rows the row it was exchanged with, int32.
    """
    backend = current_backend()
    xp = backend.xp
    x = _matrix(x, "lu_factor", square=False)
    m, n = x.shape[-2], x.shape[-1]
    rows = xp.arange(m)
    pivots = []
    for k in range(min(m, n)):
        column = xp.absolute(x[..., :, k])
        column = xp.where(rows < k, array(-1.0, dtype_name(column.dtype)), column)
        pivot = cast_to(xp.argmax(column, axis=-1), "int32")
        pivots.append(pivot)
        # Exchange rows k and pivot by an index.
        place = pivot[..., None]
        index = xp.where(rows == k, place, xp.where(rows == place, k, rows))
        x = xp.take_along_axis(x, index[..., None], axis=-2)
        top = x[..., k : k + 1, k]
        safe = xp.where(top == 0, xp.ones_like(top), top)
        below = rows > k
        ratio = xp.where(below, x[..., :, k] / safe, xp.zeros_like(x[..., :, k]))
        columns = xp.arange(n)
        row = xp.where(columns > k, x[..., k, :], xp.zeros_like(x[..., k, :]))
        x = x - ratio[..., :, None] * row[..., None, :]
        is_ratio = xp.logical_and(below[:, None], columns == k)
        x = xp.where(is_ratio, ratio[..., :, None], x)
    return x, xp.stack(pivots, axis=-1)


@op
def matrix_rank(x: Any, tol: Any = None) -> Any:
    """Number of singular values above a tolerance, int32.

    Args:
        x: `(..., m, n)`.
        tol: tolerance; the largest singular value times the larger side times the
            precision of the dtype where None.
    """
    xp = current_backend().xp
    x = _matrix(x, "matrix_rank", square=False)
    values = xp.linalg.svd(x, compute_uv=False)
    if tol is None:
        eps = float(xp.finfo(dtype_name(values.dtype)).eps)
        tol = xp.max(values, axis=-1, keepdims=True) * array(
            max(x.shape[-2:]) * eps, dtype_name(values.dtype)
        )
    else:
        tol = array(tol, dtype_name(values.dtype))[..., None]
    return xp.sum(values > tol, axis=-1, dtype="int32")


def _norm_rule(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    return of(reduced_shape(shape_of(x), axis, keepdims), _real(floating_dtype(x)))


def _real(name: str) -> str:
    return {"complex64": "float32", "complex128": "float64"}.get(name, name)


@op(spec=_norm_rule)
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """Length of vectors or matrices.

    Args:
        x: array.
        ord: order. For vectors a number (2 where None; infinity for the largest, minus
            infinity for the smallest, 0 for the number of entries other than 0). For
            matrices `"fro"` (where None), `"nuc"`, 1, -1, 2, -2, infinity or minus infinity.
        axis: one axis of vectors, or two of matrices. Where None: all of `x`, flattened
            unless `ord` is given.
        keepdims: keep the axes with length 1.

    Returns:
        Array without the axes. The gradient of a 2-norm at 0 is 0.

    Raises:
        ValueError: an unknown order, or the wrong number of axes.

    >>> float(norm([3.0, 4.0]))
    5.0
    """
    xp = current_backend().xp
    x = floating(x)
    rank = x.ndim
    axes = axes_of(axis, rank)
    if axis is None and ord is None:
        return _euclidean(x, axes, keepdims)
    if len(axes) == 1:
        return _vector_norm(xp, x, ord, axes, keepdims)
    if len(axes) != 2:
        raise ValueError(
            f"`norm` with an order takes vectors (one axis) or matrices (two); got `axis={axis}` "
            f"for an array of shape {tuple(x.shape)}."
        )
    return _matrix_norm(xp, x, ord, axes, keepdims)


def _euclidean(x: Any, axes: tuple, keepdims: bool) -> Any:
    xp = current_backend().xp
    size = xp.absolute(x) if dtype_name(x.dtype).startswith("complex") else x
    total = xp.sum(xp.square(size), axis=axes, keepdims=keepdims)
    # The root's slope at 0 is infinite: there it is taken of 1 instead.
    zero = total == 0
    root = xp.sqrt(xp.where(zero, xp.ones_like(total), total))
    return xp.where(zero, xp.zeros_like(total), root)


def _vector_norm(xp: Any, x: Any, ord: Any, axes: tuple, keepdims: bool) -> Any:
    if ord is None or ord == 2:
        return _euclidean(x, axes, keepdims)
    size = xp.absolute(x)
    name = dtype_name(size.dtype)
    if ord == math.inf:
        return xp.max(size, axis=axes, keepdims=keepdims)
    if ord == -math.inf:
        return xp.min(size, axis=axes, keepdims=keepdims)
    if ord == 0:
        return xp.sum(cast_to(size != 0, name), axis=axes, keepdims=keepdims)
    if ord == 1:
        return xp.sum(size, axis=axes, keepdims=keepdims)
    if isinstance(ord, str):
        raise ValueError(f"`ord={ord!r}` is an order of matrices, which need two axes.")
    total = xp.sum(xp.power(size, array(ord, name)), axis=axes, keepdims=keepdims)
    return xp.power(total, array(1.0 / ord, name))


def _matrix_norm(xp: Any, x: Any, ord: Any, axes: tuple, keepdims: bool) -> Any:
    if ord is None or ord == "fro":
        return _euclidean(x, axes, keepdims)
    rows, columns = axes
    if ord in (1, -1, math.inf, -math.inf):
        summed = rows if ord in (1, -1) else columns
        size = xp.sum(xp.absolute(x), axis=summed, keepdims=True)
        reduce = xp.max if ord in (1, math.inf) else xp.min
        result = reduce(size, axis=axes, keepdims=True)
    elif ord in (2, -2, "nuc"):
        values = xp.linalg.svd(xp.moveaxis(x, (rows, columns), (-2, -1)), compute_uv=False)
        reduce = {2: xp.max, -2: xp.min, "nuc": xp.sum}[ord]
        result = xp.expand_dims(reduce(values, axis=-1), tuple(sorted(axes)))
    else:
        raise ValueError(
            f"`ord` of a matrix must be 'fro', 'nuc', 1, -1, 2, -2, inf or -inf; got {ord!r}."
        )
    return result if keepdims else xp.squeeze(result, axis=axes)


def _pinv_rule(x: Any, rcond: Any = None) -> Any:
    shape = shape_of(x)
    return of((*shape[:-2], shape[-1], shape[-2]), floating_dtype(x))


@op(spec=_pinv_rule)
def pinv(x: Any, rcond: Any = None) -> Any:
    """Moore-Penrose inverse by singular values.

    Args:
        x: `(..., m, n)`.
        rcond: singular values below this share of the largest count as 0; ten times the
            larger side times the precision of the dtype where None.

    Returns:
        `(..., n, m)`.
    """
    xp = current_backend().xp
    x = _matrix(x, "pinv", square=False)
    u, values, vt = xp.linalg.svd(x, full_matrices=False)
    name = dtype_name(values.dtype)
    if rcond is None:
        rcond = 10 * max(x.shape[-2:]) * float(xp.finfo(name).eps)
    keep = values > array(rcond, name) * xp.max(values, axis=-1, keepdims=True)
    inverse = xp.where(keep, array(1.0, name) / xp.where(keep, values, xp.ones_like(values)),
                       xp.zeros_like(values))  # fmt: skip
    v = xp.conjugate(xp.swapaxes(vt, -1, -2))
    return xp.matmul(v * inverse[..., None, :], xp.conjugate(xp.swapaxes(u, -1, -2)))


@op
def lstsq(a: Any, b: Any, rcond: Any = None) -> Any:
    """The `x` of least length that brings `a @ x` nearest to `b`.

    Args:
        a: `(m, n)`.
        b: `(m,)` or `(m, k)`.
        rcond: singular values below this share of the largest count as 0; the larger side
            times the precision of the dtype where None.

    Returns:
        `(n,)` or `(n, k)`.

    Raises:
        ValueError: the shapes do not fit.
    """
    xp = current_backend().xp
    a, b = float_pair(a, b)
    if a.ndim != 2 or b.ndim not in (1, 2) or a.shape[0] != b.shape[0]:
        raise ValueError(
            "`lstsq` needs `a` of shape (m, n) and `b` of shape (m,) or (m, k); got "
            f"{tuple(a.shape)} and {tuple(b.shape)}."
        )
    if rcond is None:
        rcond = max(a.shape) * float(xp.finfo(dtype_name(a.dtype)).eps)
    return xp.matmul(pinv(a, rcond), b)


def _qr_rule(x: Any, mode: str = "reduced") -> Any:
    *batch, m, n = shape_of(x)
    if m is None or n is None:
        return None
    k = m if mode == "complete" else min(m, n)
    dtype = floating_dtype(x)
    return of((*batch, m, k), dtype), of((*batch, k, n), dtype)


@op(spec=_qr_rule)
def qr(x: Any, mode: str = "reduced") -> tuple:
    """Orthogonal times upper triangular matrices.

    Args:
        x: `(..., m, n)`.
        mode: `"reduced"` (Q has `min(m, n)` columns) or `"complete"` (m).

    Returns:
        `(q, r)`.

    Raises:
        ValueError: another mode.
    """
    if mode not in ("reduced", "complete"):
        raise ValueError(f"`mode` of `qr` must be 'reduced' or 'complete'; got {mode!r}.")
    return tuple(current_backend().xp.linalg.qr(_matrix(x, "qr", square=False), mode=mode))


def _solve_rule(a: Any, b: Any, lower: bool = False) -> Any:
    first, second = shape_of(a), shape_of(b)
    if len(second) == len(first) - 1:
        return of(second, floating_dtype(a, b))
    batch = broadcast_shapes(first[:-2], second[:-2])
    return of((*batch, *second[-2:]), floating_dtype(a, b))


def _system(a: Any, b: Any, what: str) -> tuple[Any, Any, bool]:
    """Matrices, right-hand sides with columns, and whether `b` had none."""
    a, b = float_pair(a, b)
    _check_matrix(tuple(a.shape), what, square=True)
    vector = b.ndim == a.ndim - 1
    if b.ndim < a.ndim - 1 or b.ndim > a.ndim or b.shape[-1 if vector else -2] != a.shape[-1]:
        raise ValueError(
            f"`{what}` needs `a` of shape (..., n, n) and `b` of shape (..., n) or (..., n, k); "
            f"got {tuple(a.shape)} and {tuple(b.shape)}."
        )
    return a, b[..., None] if vector else b, vector


@op(spec=_solve_rule)
def solve(a: Any, b: Any) -> Any:
    """The solution `x` of `a @ x = b`.

    Args:
        a: `(..., n, n)`.
        b: `(..., n)` or `(..., n, k)`.

    Returns:
        Array of the shape of `b`.

    Raises:
        ValueError: the shapes do not fit.
    """
    a, b, vector = _system(a, b, "solve")
    x = current_backend().xp.linalg.solve(a, b)
    return x[..., 0] if vector else x


def _triangular(xp: Any, a: Any, b: Any, lower: bool) -> Any:
    """By substitution, one row after the other: no general solver is exact on a triangle."""
    n = a.shape[-1]
    rows: list[Any] = [None] * n
    for i in range(n) if lower else range(n - 1, -1, -1):
        known = range(i) if lower else range(i + 1, n)
        rest = b[..., i, :]
        if len(known):
            solved = xp.stack([rows[j] for j in known], axis=-2)
            factors = a[..., i, known.start : known.stop]
            rest = rest - xp.matmul(factors[..., None, :], solved)[..., 0, :]
        rows[i] = rest / a[..., i, i][..., None]
    return xp.stack(rows, axis=-2)


@op(spec=_solve_rule, kernel="solve_triangular")
def solve_triangular(a: Any, b: Any, lower: bool = False) -> Any:
    """The solution `x` of `a @ x = b` for triangular `a`; its other half is not read.

    Args:
        a: `(..., n, n)`.
        b: `(..., n)` or `(..., n, k)`.
        lower: the lower triangle counts, else the upper.
    """
    xp = current_backend().xp
    a, b, vector = _system(a, b, "solve_triangular")
    if a.shape[-1] > 32:
        # For larger ones the general solver is the faster way.
        mask = xp.tri(a.shape[-1], dtype="bool")
        mask = mask if lower else xp.swapaxes(mask, -1, -2)
        x = xp.linalg.solve(xp.where(mask, a, xp.zeros_like(a)), b)
    else:
        x = _triangular(xp, a, b, lower)
    return x[..., 0] if vector else x


def _svd_rule(x: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    *batch, m, n = shape_of(x)
    if m is None or n is None:
        return None
    k = min(m, n)
    dtype = floating_dtype(x)
    values = of((*batch, k), _real(dtype))
    if not compute_uv:
        return values
    left, right = (m, n) if full_matrices else (k, k)
    return of((*batch, m, left), dtype), values, of((*batch, right, n), dtype)


@op(spec=_svd_rule)
def svd(x: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """Singular values, `x = u @ diag(s) @ vh`.

    Args:
        x: `(..., m, n)`.
        full_matrices: `u` and `vh` are square.
        compute_uv: return `(u, s, vh)`, else `s` alone.
    """
    xp = current_backend().xp
    x = _matrix(x, "svd", square=False)
    if not compute_uv:
        return xp.linalg.svd(x, compute_uv=False)
    return tuple(xp.linalg.svd(x, full_matrices=full_matrices))
