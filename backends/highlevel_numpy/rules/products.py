"""Gradients of matrix products in all their NumPy forms."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from highlevel_numpy.recorded import FUNCTIONS, Primitive, strip_tree
from highlevel_numpy.rules.common import fit, implements, normalize_axes, rule

# ------------------------------------------------------------------------- matmul


def _transposed(x: Any) -> Any:
    return x.T if x.ndim == 2 else np.swapaxes(x, -1, -2)


def _by_left(g, out, x, y):
    if x.ndim == 2 and y.ndim == 2:
        return g @ y.T
    if y.ndim == 1:
        if x.ndim == 1:
            return g * y
        return fit(np.expand_dims(g, -1) * y, x)
    if x.ndim == 1:
        # out[..., n] = x[m] y[..., m, n]
        return fit(np.sum(y * np.expand_dims(g, -2), axis=-1), x)
    if y.ndim == 2:
        return g @ y.T
    return fit(g @ _transposed(y), x)


def _by_right(g, out, x, y):
    if x.ndim == 2 and y.ndim == 2:
        return x.T @ g
    if x.ndim == 1:
        if y.ndim == 1:
            return g * x
        return fit(np.expand_dims(x, -1) * np.expand_dims(g, -2), y)
    if y.ndim == 1:
        # out[..., m] = x[..., m, n] y[n]
        return np.reshape(x, (-1, x.shape[-1])).T @ np.reshape(g, -1)
    if y.ndim == 2:
        # One product over all leading axes instead of a batch of them and a sum.
        return np.reshape(x, (-1, x.shape[-1])).T @ np.reshape(g, (-1, g.shape[-1]))
    return fit(_transposed(x) @ g, y)


rule(np.matmul, _by_left, _by_right)


def _conj(x: Any) -> Any:
    return np.conj(x) if x.dtype.kind == "c" else x


def _vecdot(x1, x2, /, *, axis=-1):
    """`sum(conj(x1) * x2)` over an axis."""
    return np.sum(_conj(x1) * x2, axis=axis)


FUNCTIONS[np.vecdot] = _vecdot
FUNCTIONS[np.linalg.vecdot] = _vecdot


def _matvec(x1, x2, /):
    return np.squeeze(x1 @ np.expand_dims(x2, -1), -1)


def _vecmat(x1, x2, /):
    return np.squeeze(np.expand_dims(_conj(x1), -2) @ x2, -2)


for _name, _function in (("matvec", _matvec), ("vecmat", _vecmat)):
    if hasattr(np, _name):  # NumPy 2.2
        FUNCTIONS[getattr(np, _name)] = _function

# ------------------------------------------------------------------ dot and kin


@implements(np.dot)
def _dot(a, b, out=None):
    a, b = FUNCTIONS["array"](a), FUNCTIONS["array"](b)
    if a.ndim == 0 or b.ndim == 0:
        return a * b
    if a.ndim <= 2 and b.ndim <= 2:
        return a @ b
    return np.tensordot(a, b, axes=((-1,), (-2 if b.ndim > 1 else -1,)))


@implements(np.inner)
def _inner(a, b, /):
    a, b = FUNCTIONS["array"](a), FUNCTIONS["array"](b)
    if a.ndim == 0 or b.ndim == 0:
        return a * b
    return np.tensordot(a, b, axes=((-1,), (-1,)))


@implements(np.outer)
def _outer(a, b, out=None):
    return np.reshape(a, (-1, 1)) * np.reshape(b, (1, -1))


@implements(np.linalg.outer)
def _linalg_outer(x1, x2, /):
    return _outer(x1, x2)


@implements(np.vdot)
def _vdot(a, b, /):
    a, b = np.ravel(a), np.ravel(b)
    return np.sum(_conj(a) * b)


@implements(np.linalg.matmul)
def _linalg_matmul(x1, x2, /):
    return np.matmul(x1, x2)


def _tensordot(a, b, axes: Any = 2):
    if np.ndim(axes) == 0:
        n = int(axes)
        left, right = tuple(range(a.ndim - n, a.ndim)), tuple(range(n))
    else:
        left, right = normalize_axes(axes[0], a.ndim), normalize_axes(axes[1], b.ndim)
    left_free = [i for i in range(a.ndim) if i not in left]
    right_free = [i for i in range(b.ndim) if i not in right]
    left_shape = [a.shape[i] for i in left_free]
    right_shape = [b.shape[i] for i in right_free]
    summed = math.prod([a.shape[i] for i in left])
    if [a.shape[i] for i in left] != [b.shape[i] for i in right]:
        raise ValueError(
            f"np.tensordot: the summed axes have lengths {[a.shape[i] for i in left]} on the left "
            f"and {[b.shape[i] for i in right]} on the right."
        )
    rows = np.reshape(np.transpose(a, (*left_free, *left)), (math.prod(left_shape), summed))
    columns = np.reshape(np.transpose(b, (*right, *right_free)), (summed, math.prod(right_shape)))
    return np.reshape(rows @ columns, (*left_shape, *right_shape))


FUNCTIONS[np.tensordot] = _tensordot


@implements(np.linalg.tensordot)
def _linalg_tensordot(x1, x2, /, *, axes=2):
    return _tensordot(x1, x2, axes)


@implements(np.kron)
def _kron(a, b):
    a, b = FUNCTIONS["array"](a), FUNCTIONS["array"](b)
    ndim = max(a.ndim, b.ndim)
    left, right = (1,) * (ndim - a.ndim) + a.shape, (1,) * (ndim - b.ndim) + b.shape
    a = np.reshape(a, [n for length in left for n in (length, 1)])
    b = np.reshape(b, [n for length in right for n in (1, length)])
    return np.reshape(a * b, [n * m for n, m in zip(left, right)])


@implements(np.cross)
def _cross(a, b, axisa=-1, axisb=-1, axisc=-1, axis=None):
    a, b = FUNCTIONS["array"](a), FUNCTIONS["array"](b)
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = np.moveaxis(a, axisa, -1), np.moveaxis(b, axisb, -1)
    flat = a.shape[-1] == 2 and b.shape[-1] == 2

    def parts(x):
        return x[..., 0], x[..., 1], x[..., 2] if x.shape[-1] == 3 else None

    (a0, a1, a2), (b0, b1, b2) = parts(a), parts(b)
    z = a0 * b1 - a1 * b0
    if flat:
        return z
    zero = np.zeros_like
    a2 = zero(a0) if a2 is None else a2
    b2 = zero(b0) if b2 is None else b2
    return np.stack([a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, z], axis=axisc)


@implements(np.linalg.cross)
def _linalg_cross(x1, x2, /, *, axis=-1):
    return _cross(x1, x2, axis=axis)


# -------------------------------------------------------------------------- einsum


def explicit_subscripts(subscripts: str, operands: tuple) -> tuple[list[str], str]:
    """The subscripts as one string per operand and one for the result, without `...`."""
    subscripts = subscripts.replace(" ", "")
    inputs, arrow, output = subscripts.partition("->")
    terms = inputs.split(",")
    if len(terms) != len(operands):
        raise ValueError(
            f"np.einsum: {subscripts!r} names {len(terms)} operands, not {len(operands)}."
        )
    letters = set(subscripts)
    free = [c for c in map(chr, (*range(65, 91), *range(97, 123))) if c not in letters]
    widest = max(
        (x.ndim - len(t.replace("...", "")) for t, x in zip(terms, operands) if "..." in t),
        default=0,
    )
    dots = "".join(free[:widest])
    full = []
    for term, x in zip(terms, operands):
        n = x.ndim - len(term.replace("...", ""))
        full.append(term.replace("...", dots[widest - n :] if n else ""))
    if arrow:
        output = output.replace("...", dots)
    else:
        names = "".join(full)
        output = dots + "".join(sorted({c for c in names if names.count(c) == 1} - set(dots)))
    return full, output


def _einsum(*operands, terms, output, optimize):
    return np.einsum(",".join(terms) + "->" + output, *operands, optimize=optimize)


def _einsum_gradient(g, out, *operands, terms, output, optimize):
    return [
        _einsum_by(i, g, operands, terms, output, optimize)
        if x.dtype.kind in "fcV"
        else None
        for i, x in enumerate(operands)
    ]


def _einsum_by(i, g, operands, terms, output, optimize):
    """Swap the operand's subscripts with the result's, then put back what was summed."""
    x, term = operands[i], terms[i]
    others = [y for j, y in enumerate(operands) if j != i]
    other_terms = [t for j, t in enumerate(terms) if j != i]
    known = set(output).union(*other_terms) if other_terms else set(output)
    # An axis that only this operand has was summed away: its gradient is constant along it.
    # A letter twice in one term is a diagonal: give all but one a name of its own.
    unique = "".join(dict.fromkeys(term))
    wanted = "".join([c for c in unique if c in known])
    # Axes of length 1 in one operand may be longer in another.
    lengths = dict(zip(term, x.shape))
    result = np.einsum(
        ",".join([output, *other_terms]) + "->" + wanted, g, *others, optimize=optimize
    )
    shrink = tuple([k for k, c in enumerate(wanted) if lengths[c] == 1 and result.shape[k] != 1])
    if shrink:
        result = np.sum(result, axis=shrink, keepdims=True)
    if wanted != unique:
        shape = [lengths[c] if c in wanted else 1 for c in unique]
        result = np.reshape(result, shape)
        result = np.broadcast_to(result, [lengths[c] for c in unique])
    elif result.shape != tuple([lengths[c] for c in unique]):
        result = np.broadcast_to(result, [lengths[c] for c in unique])
    if unique != term:
        index = np.ix_(*[np.arange(lengths[c]) for c in unique])
        full = tuple([index[unique.index(c)] for c in term])
        result = FUNCTIONS["embed"](result, full, x.shape, result.dtype)
    return result


einsum = Primitive(_einsum, _einsum_gradient)


@implements(np.einsum)
def _np_einsum(*operands, out=None, optimize=False, **kwargs):
    if not isinstance(operands[0], str):
        operands = _from_lists(operands)
    subscripts, *arrays = operands
    arrays = [FUNCTIONS["array"](x) for x in arrays]
    terms, output = explicit_subscripts(subscripts, tuple(arrays))
    return einsum(*arrays, terms=terms, output=output, optimize=optimize)


def _from_lists(operands: tuple) -> tuple:
    """`einsum(x, [0, 1], y, [1, 2], [0, 2])` as subscripts."""

    def text(axes):
        return "".join(["..." if a is Ellipsis else chr(97 + a) for a in axes])

    arrays = operands[: len(operands) // 2 * 2 : 2]
    terms = ",".join([text(axes) for axes in operands[1 : len(operands) // 2 * 2 : 2]])
    if len(operands) % 2:
        terms += "->" + text(operands[-1])
    return (terms, *arrays)


@implements(np.einsum_path)
def _einsum_path(*operands, **kwargs):
    return np.einsum_path(*strip_tree(operands), **kwargs)


# ------------------------------------------------------------ convolution of series


def _windows(x, width):
    """`(n - width + 1, width)`: each row a stretch of `x`."""
    return x[np.arange(x.shape[0] - width + 1)[:, None] + np.arange(width)]


@implements(np.convolve)
def _convolve(a, v, mode="full"):
    a, v = FUNCTIONS["array"](a), FUNCTIONS["array"](v)
    if v.shape[0] > a.shape[0]:
        a, v = v, a
    n, k = a.shape[0], v.shape[0]
    full = _windows(np.pad(a, (k - 1, k - 1)), k) @ np.flip(v)
    if mode == "full":
        return full
    if mode == "same":
        start = (k - 1) // 2
        return full[start : start + n]
    return full[k - 1 : n]


@implements(np.correlate)
def _correlate(a, v, mode="valid"):
    a, v = FUNCTIONS["array"](a), FUNCTIONS["array"](v)
    swapped = v.shape[0] > a.shape[0]
    if swapped:
        result = _convolve(np.flip(_conj(v)), a, mode)
        if mode == "same":
            n, k = v.shape[0], a.shape[0]
            full = _convolve(np.flip(_conj(v)), a, "full")
            start = k // 2
            result = full[start : start + n]
        return result
    return _convolve(a, np.flip(_conj(v)), mode)


__all__ = ["einsum", "explicit_subscripts"]
