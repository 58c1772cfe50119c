"""Gradients of `numpy.linalg`.

The formulas for real matrices; for complex ones the transpose of the derivative, as
everywhere here, without conjugation of the cotangent.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from highlevel_numpy.recorded import FUNCTIONS, record, strip
from highlevel_numpy.rules.common import fit, implements, recorded_function, without_gradient


def _t(x: Any) -> Any:
    return np.swapaxes(x, -1, -2)


def _conj(x: Any) -> Any:
    return np.conj(x) if x.dtype.kind == "c" else x


def _h(x: Any) -> Any:
    return _conj(_t(x))


def _eye(x: Any, n: int | None = None) -> np.ndarray:
    return np.eye(x.shape[-1] if n is None else n, dtype=x.dtype)


def _column(x: Any) -> Any:
    return np.expand_dims(x, -1)


def _add(x: Any, y: Any) -> Any:
    return y if x is None else x if y is None else x + y


# ---------------------------------------------------------- inverse, determinant, solve

recorded_function(np.linalg.inv, lambda g, out, x: -_t(out) @ g @ _t(out))


def _det_gradient(g, out, x):
    cofactors = _t(np.linalg.inv(x)) * np.expand_dims(out, (-1, -2))
    return np.expand_dims(g, (-1, -2)) * cofactors


def _cofactors_by_deletion(x):
    """The matrix of cofactors, also of a singular matrix."""
    n = x.shape[-1]
    rows = []
    for i in range(n):
        row = []
        for j in range(n):
            minor = np.delete(np.delete(x, i, -2), j, -1)
            row.append(np.linalg.det(minor) * (-1) ** (i + j) if n > 1 else np.ones(x.shape[:-2]))
        rows.append(np.stack(row, -1))
    return np.stack(rows, -2)


def _det(g, out, x):
    if (strip(out) == 0).any():
        return np.expand_dims(g, (-1, -2)) * _cofactors_by_deletion(x)
    return _det_gradient(g, out, x)


recorded_function(np.linalg.det, _det)


def _slogdet_gradient(g, out, x):
    g_sign, g_log = g
    inverse = _t(np.linalg.inv(x))
    total = None
    if g_log is not None:
        total = np.expand_dims(g_log, (-1, -2)) * inverse
    if g_sign is not None and x.dtype.kind == "c":
        # d sign = sign * i * Im(tr(inv(x) dx))
        weight = np.expand_dims(g_sign * out[0], (-1, -2))
        total = _add(total, (1j * weight).real * (-1j) * inverse)
    return (np.zeros_like(strip(x)) if total is None else total,)


@implements(np.linalg.slogdet)
def _slogdet(a):
    return record(np.linalg.slogdet, _slogdet_gradient, (a,))


def _as_columns(g, a, b):
    """NumPy 2: `b` is a vector exactly where it has one axis."""
    return (_column(g), _column(b)) if b.ndim == 1 else (g, b)


def _solve_by_matrix(g, out, a, b):
    g_columns, _ = _as_columns(g, a, b)
    x = _column(out) if b.ndim == 1 else out
    return fit(-(np.linalg.solve(_t(a), g_columns) @ _t(x)), a)


def _solve_by_right(g, out, a, b):
    if b.ndim == 1:
        g_b = np.linalg.solve(_t(a), _column(g))[..., 0]
    else:
        g_b = np.linalg.solve(_t(a), g)
    return fit(g_b, b)


recorded_function(np.linalg.solve, _solve_by_matrix, _solve_by_right, positional=2)


@implements(np.linalg.tensorsolve)
def _tensorsolve(a, b, axes=None):
    if axes is not None:
        rest = [i for i in range(a.ndim) if i not in axes]
        a = np.transpose(a, (*rest, *axes))
    shape = a.shape[b.ndim :]
    return np.reshape(np.linalg.solve(np.reshape(a, (b.size, -1)), np.ravel(b)), shape)


@implements(np.linalg.tensorinv)
def _tensorinv(a, ind=2):
    shape = (*a.shape[ind:], *a.shape[:ind])
    rows = int(np.prod(a.shape[:ind]))
    return np.reshape(np.linalg.inv(np.reshape(a, (rows, -1))), shape)


# ------------------------------------------------------------------------ decompositions


def _half_lower(x):
    """The lower triangle with half the diagonal."""
    n = x.shape[-1]
    return x * (np.tril(np.ones((n, n)), -1) + 0.5 * np.eye(n)).astype(x.real.dtype)


def _cholesky_gradient(g, out, a):
    middle = _half_lower(_h(out) @ _conj(g))
    inverse = np.linalg.inv(out)
    full = _h(inverse) @ middle @ inverse
    return _conj((full + _h(full)) / 2)


@implements(np.linalg.cholesky)
def _cholesky(a, /, *, upper=False):
    if upper:
        return _h(_cholesky(a))
    # Only the lower triangle is read, and the gradient is given to both symmetrically.
    return record(np.linalg.cholesky, (_cholesky_gradient,), (a,))


def _inverse_gaps(values):
    """1 / (w_j - w_i) off the diagonal, 0 on it."""
    n = values.shape[-1]
    gaps = np.expand_dims(values, -2) - np.expand_dims(values, -1)
    off = 1 - np.eye(n, dtype=values.dtype)
    return off / (gaps + np.eye(n, dtype=values.dtype))


def _eigh_gradient(g, out, a, UPLO="L"):
    g_values, g_vectors = g
    values, vectors = out
    middle = None
    if g_values is not None:
        middle = np.expand_dims(g_values, -2) * _eye(vectors)
    if g_vectors is not None:
        gaps = _inverse_gaps(values)
        middle = _add(middle, gaps * (_h(vectors) @ _conj(g_vectors)))
    # From here on `middle` is the gradient by the conjugate: turn it back at the end.
    result = vectors @ middle @ _h(vectors)
    return (_conj((result + _h(result)) / 2), None)


@implements(np.linalg.eigh)
def _eigh(a, UPLO="L"):
    return record(np.linalg.eigh, _eigh_gradient, (a, UPLO))


@implements(np.linalg.eigvalsh)
def _eigvalsh(a, UPLO: Literal["L", "U"] = "L"):
    return np.linalg.eigh(a, UPLO)[0]


def _eig_gradient(g, out, a):
    g_values, g_vectors = g
    values, vectors = out
    middle = None
    if g_values is not None:
        middle = np.expand_dims(g_values, -2) * _eye(vectors)
    if g_vectors is not None:
        n = values.shape[-1]
        gaps = np.expand_dims(values, -2) - np.expand_dims(values, -1)
        gaps = (1 - np.eye(n)) / (gaps + np.eye(n))
        inner = _t(vectors) @ g_vectors
        # Each vector has length 1: what would stretch it is taken out.
        gram = _h(vectors) @ vectors
        stretch = np.real(np.sum(vectors * g_vectors, axis=-2))
        inner = inner - _t(gram) * np.expand_dims(stretch, -2)
        middle = _add(middle, gaps * inner)
    inverse = np.linalg.inv(_t(vectors))
    return (inverse @ middle @ _t(vectors),)


@implements(np.linalg.eig)
def _eig(a):
    return record(np.linalg.eig, _eig_gradient, (a,))


@implements(np.linalg.eigvals)
def _eigvals(a):
    return np.linalg.eig(a)[0]


def _qr_gradient(g, out, a, mode="reduced"):
    """Of an `m × n` matrix with `m >= n`; `mode` is "reduced" or "complete".

    With `b` for the derivative of `a` times the inverse of r, and `c` for q's conjugate
    transpose times `b`: dq = q (p(c) - c) + b and dr = (c - p(c)) r, where p(c) is the
    skew part that c's lower triangle and the imaginary part of its diagonal define. The
    columns that "complete" adds to q turn against the others, not among themselves.
    """
    g_q, g_r = g
    q, r = out
    n = a.shape[-1]
    g_q = np.zeros_like(strip(q)) if g_q is None else _conj(g_q)
    g_r = np.zeros_like(strip(r)) if g_r is None else _conj(g_r)
    more = q.shape[-1] > n
    if more:
        q_rest, g_rest = q[..., n:], g_q[..., n:]
        q, g_q, r, g_r = q[..., :n], g_q[..., :n], r[..., :n, :], g_r[..., :n, :]
    weight = g_r @ _h(r) - _h(q) @ g_q
    middle = weight - np.tril(weight, -1) + np.tril(_h(weight), -1)
    if a.dtype.kind == "c":
        diagonal = middle * _eye(middle)
        middle = middle - (diagonal - _conj(diagonal)) / 2
    total = q @ middle + g_q
    if more:
        total = total - q_rest @ _h(_h(q) @ g_rest)
    return (_conj(_h(np.linalg.solve(r, _h(total)))), None)


@implements(np.linalg.qr)
def _qr(a, mode="reduced"):
    rows, columns = a.shape[-2:]
    if mode not in ("reduced", "complete", "r"):
        raise ValueError(f"np.linalg.qr takes mode 'reduced', 'complete' or 'r', not {mode!r}.")
    if columns > rows:  # the first columns decide: a = q [r, q^H rest]
        q, r = _qr(a[..., :rows])
        r = np.concatenate([r, _h(q) @ a[..., rows:]], -1)
        return r if mode == "r" else (q, r)
    if mode == "r":
        return record(np.linalg.qr, _qr_gradient, (a, "reduced"))[1]
    return record(np.linalg.qr, _qr_gradient, (a, mode))


def _svd_gradient(g, out, a, full_matrices, compute_uv):
    u, s, vt = out
    g_u, g_s, g_vt = g
    k = s.shape[-1]
    n_rows, n_columns = u.shape[-2], vt.shape[-1]
    # Conjugated cotangents: the formulas below are those by the conjugate of `a`.
    row = np.expand_dims(s, -2)
    eye = _eye(s, k)
    middle = None
    if g_s is not None:
        middle = np.expand_dims(g_s, -2) * eye
    squares = s * s
    gaps = _inverse_gaps(squares) if g_u is not None or g_vt is not None else None
    extra_u = extra_v = None
    if g_u is not None:
        g_u = _conj(g_u)
        inner = gaps * (_h(u) @ g_u)
        middle = _add(middle, (inner + _h(inner)) * row)
        if n_rows > k:
            rest = g_u / row
            extra_u = (rest - u @ (_h(u) @ rest)) @ vt
    if g_vt is not None:
        v = _h(vt)
        g_v = _t(g_vt)
        inner = gaps * (_h(v) @ g_v)
        middle = _add(middle, _column(s) * (inner + _h(inner)))
        if n_columns > k:
            rest = _h(g_v) / _column(s)
            extra_v = u @ (rest - (rest @ v) @ vt)
    if a.dtype.kind == "c" and g_u is not None:
        inner = (_h(u) @ g_u) * eye
        middle = _add(middle, ((inner - _h(inner)) / 2) / row)
    result = u @ middle @ vt
    result = _add(_add(result, extra_u), extra_v)
    return (_conj(result), None, None)


@implements(np.linalg.svd)
def _svd(a, full_matrices=True, compute_uv=True, hermitian=False):
    if compute_uv and full_matrices and a.shape[-1] != a.shape[-2]:
        raise NotImplementedError(
            f"np.linalg.svd of a matrix {a.shape} has a gradient only with full_matrices=False: "
            "the additional vectors are not determined by it."
        )
    result = record(np.linalg.svd, _svd_gradient, (a, False, True))
    return result if compute_uv else result[1]


@implements(np.linalg.svdvals)
def _svdvals(x, /):
    return _svd(x, compute_uv=False)


# --------------------------------------------------------------------- made of the above


@implements(np.linalg.pinv)
def _pinv(a, rcond=None, hermitian=False, **kwargs):
    return record(np.linalg.pinv, (_pinv_gradient,), (a,))


def _pinv_gradient(g, out, a):
    # By the conjugate: the three terms of the derivative at constant rank.
    g = _conj(g)
    p, ph = out, _h(out)
    rows, columns = _eye(a, a.shape[-2]), _eye(a)
    result = (
        -(ph @ g @ ph)
        + (rows - a @ p) @ _h(g) @ p @ ph
        + ph @ p @ _h(g) @ (columns - p @ a)
    )
    return _conj(result)


@implements(np.linalg.matrix_power)
def _matrix_power(a, n):
    if n == 0:
        return np.broadcast_to(_eye(a), a.shape)
    if n < 0:
        a, n = np.linalg.inv(a), -n
    result = None
    while n:  # square and multiply
        if n & 1:
            result = a if result is None else result @ a
        n >>= 1
        if n:
            a = a @ a
    return result


@implements(np.linalg.multi_dot)
def _multi_dot(arrays, *, out=None):
    plain = [strip(x) for x in arrays]
    if len(plain) == 2 or any(x.ndim == 1 for x in plain[1:-1]):
        result = arrays[0]
        for x in arrays[1:]:
            result = result @ x
        return result
    return _chain(list(arrays))


def _chain(arrays):
    """The product in the order that needs the fewest multiplications."""
    dims = [1 if arrays[0].ndim == 1 else arrays[0].shape[0]]
    dims += [x.shape[0] for x in arrays[1:]] + [1 if arrays[-1].ndim == 1 else arrays[-1].shape[1]]
    n = len(arrays)
    cost = [[0] * n for _ in range(n)]
    cut = [[0] * n for _ in range(n)]
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            cost[i][j], cut[i][j] = min(
                (cost[i][k] + cost[k + 1][j] + dims[i] * dims[k + 1] * dims[j + 1], k)
                for k in range(i, j)
            )

    def product(i, j):
        return arrays[i] if i == j else product(i, cut[i][j]) @ product(cut[i][j] + 1, j)

    return product(0, n - 1)


@implements(np.linalg.norm)
def _norm(x, ord=None, axis=None, keepdims=False):
    size = abs(x) if x.dtype.kind == "c" else x
    if axis is None and ord is None:
        result = np.sqrt(np.sum(size * size))
        return np.reshape(result, (1,) * x.ndim) if keepdims else result
    if axis is None:
        axis = tuple(range(x.ndim))
    axes = tuple(np.ravel(axis).tolist())
    if len(axes) == 1:
        return _vector_norm(x, ord, axes, keepdims)
    if len(axes) != 2:
        raise ValueError(f"np.linalg.norm takes one axis or two, not {axes}.")
    if ord in (None, "fro", "f"):
        return _vector_norm(x, 2, axes, keepdims)
    row, column = [a % x.ndim for a in axes]
    if ord in (1, -1, np.inf, -np.inf):
        summed, picked = (row, column) if abs(ord) == 1 else (column, row)
        totals = np.sum(abs(x), axis=summed, keepdims=True)
        best = np.max if ord > 0 else np.min
        result = best(totals, axis=picked, keepdims=True)
    else:
        values = _svd(np.moveaxis(x, (row, column), (-2, -1)), compute_uv=False)
        combine = {2: np.max, -2: np.min, "nuc": np.sum}.get(ord)
        if combine is None:
            raise ValueError(f"np.linalg.norm has no matrix norm of order {ord!r}.")
        result = combine(values, axis=-1)
        kept = [1 if i in (row, column) else n for i, n in enumerate(x.shape)]
        result = np.reshape(result, kept)
    return result if keepdims else np.squeeze(result, (row, column))


def _vector_norm(x, ord, axes, keepdims):
    options = {"axis": axes, "keepdims": bool(keepdims)}
    size = abs(x)
    if ord is None or ord == 2:
        square = size * size if x.dtype.kind == "c" else x * x
        return np.sqrt(np.sum(square, **options))
    if ord == np.inf:
        return np.max(size, **options)
    if ord == -np.inf:
        return np.min(size, **options)
    if ord == 1:
        return np.sum(size, **options)
    if ord == 0:
        return np.sum(strip(x) != 0, **options).astype(size.dtype)
    return np.power(np.sum(np.power(size, ord), **options), 1.0 / ord)


@implements(np.linalg.vector_norm)
def _np_vector_norm(x, /, *, axis=None, keepdims=False, ord=2):
    axes = tuple(range(x.ndim)) if axis is None else tuple(np.ravel(axis).tolist())
    return _vector_norm(x, ord, axes, keepdims)


@implements(np.linalg.matrix_norm)
def _matrix_norm(x, /, *, keepdims=False, ord="fro"):
    return _norm(x, ord, (-2, -1), keepdims)


@implements(np.linalg.cond)
def _cond(x, p=None):
    if p is None or p in (2, -2):
        s = _svd(x, compute_uv=False)
        return s[..., 0] / s[..., -1] if p != -2 else s[..., -1] / s[..., 0]
    return _norm(x, p, (-2, -1)) * _norm(np.linalg.inv(x), p, (-2, -1))


@implements(np.linalg.lstsq)
def _lstsq(a, b, rcond=None):
    solution = _pinv(a) @ b
    residual = np.sum(np.square(b - a @ solution), axis=0, keepdims=b.ndim == 1)
    _, _, rank, s = np.linalg.lstsq(strip(a), strip(b), rcond)
    return solution, residual, rank, s


FUNCTIONS[np.linalg.matrix_transpose] = lambda x, /: _t(x)
without_gradient(np.linalg.matrix_rank)
