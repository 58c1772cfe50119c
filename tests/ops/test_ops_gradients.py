"""Gradients of ops: the NumPy backend's against finite differences in float64, and the
traps (roots at 0, overflow, branches not taken) on both backends."""

import functools
import math

import numpy as np
import pytest
from awkward_cases import CASES
from highlevel_backend import tree, use_backend

from highlevel import ops

SYMMETRIC = ("cholesky", "logdet")
#: Where piecewise functions change over; a difference quotient finds neither side's slope.
CORNERS = (0.0, 1.0, -1.0, 200.0)

# Without a gradient, or none that a difference could find: by value or order, piecewise
# constant, whole numbers in and out.
NONE = {
    "argmax", "argmin", "argsort", "nanargmax", "nanargmin", "searchsorted", "digitize",
    "bincount", "histogram", "unique", "in_top_k", "nonzero", "one_hot", "multi_hot", "cast",
    "saturate_cast", "isfinite", "isinf", "isnan", "isneginf", "isposinf", "isreal", "signbit",
    "equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "logical_and",
    "logical_or", "logical_xor", "logical_not", "isclose", "allclose", "isin", "all", "any",
    "count_nonzero", "floor", "ceil", "trunc", "round", "sign", "zeros_like", "ones_like",
    "full_like", "arange", "nextafter", "matrix_rank", "ctc_decode", "floor_divide", "heaviside",
    "view", "view_as_real", "lu_factor", "copy", "slice_update", "angle", "sinc", "geomspace",
    "logspace", "linspace", "mod", "fmod", "i0", "image.hsv_to_rgb", "segment_max",
    "segment_min", "segment_prod", "eigh_values",
}  # fmt: skip
NAMES = sorted({name for name, _, _ in CASES} - NONE)


def find(name):
    return functools.reduce(getattr, name.split("."), ops)


def widened(leaf):
    if isinstance(leaf, np.ndarray) and leaf.dtype == np.float32:
        return leaf.astype("float64")
    return leaf


def differentiable(args, kwargs):
    leaves = tree.leaves((args, kwargs))
    arrays = [x for x in leaves if isinstance(x, np.ndarray)]
    floats = [x for x in arrays if x.dtype == np.float64]
    regular = all(np.isfinite(x).all() and not np.isin(x, CORNERS).any() for x in floats)
    return floats and regular and not any(
        x.dtype in (np.float16, np.complex64) for x in arrays
    )


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", NAMES)
def test_gradient_is_the_difference_quotient(name):
    with use_backend("numpy") as backend:
        for _, args, kwargs in (row for row in CASES if row[0] == name):
            args, kwargs = tree.map_leaves(widened, (args, kwargs))
            if not differentiable(args, kwargs) or kwargs.get("ord") in (0, "nuc"):
                continue
            if kwargs.get("reduction") in ("max", "min", "mul"):
                continue  # the interface asks for none
            if (name == "where" and len(args) == 1) or kwargs.get("dtype") == "int32":
                continue
            leaves, definition = tree.flatten((args, kwargs))
            places = [j for j, x in enumerate(leaves) if isinstance(x, np.ndarray) and x.dtype == np.float64]

            def loss(values, leaves=leaves, places=places, definition=definition):
                full = list(leaves)
                for place, value in zip(places, values):
                    if name in SYMMETRIC:
                        value = (value + ops.swapaxes(value, -1, -2)) / 2
                    full[place] = value
                inner_args, inner_kwargs = tree.unflatten(definition, full)
                total = 0.0
                for j, out in enumerate(tree.leaves(find(name)(*inner_args, **inner_kwargs))):
                    if "float" in ops.dtype(out):
                        weights = np.cos(np.arange(out.size) * 1.7 + j).reshape(out.shape)
                        total = total + ops.sum(out * weights)
                return ops.convert_to_tensor(total, "float64")

            values = [leaves[place] for place in places]
            _, gradients = backend.value_and_grad(loss)(values)
            rng = np.random.default_rng(0)
            direction = [rng.normal(size=x.shape) for x in values]
            step = 1e-6
            ahead = loss([x + step * d for x, d in zip(values, direction)])
            behind = loss([x - step * d for x, d in zip(values, direction)])
            slope = float(ahead - behind) / (2 * step)
            found = sum(float(np.sum(g * d)) for g, d in zip(gradients, direction))
            assert found == pytest.approx(slope, rel=2e-4, abs=2e-6), (args, kwargs)


def gradient(backend, function, x):
    x = backend.asarray(np.asarray(x, "float32"))
    return backend.to_numpy(backend.value_and_grad(lambda z: ops.sum(function(z)))(x)[1])


TRAPS = {
    "norm at 0": (lambda x: ops.norm(x), [0.0, 0.0], [0.0, 0.0]),
    "cdist at 0": (lambda x: ops.cdist(x[None], x[None] * 1.0), [1.0, 1.0], [0.0, 0.0]),
    "normalize at 0": (lambda x: ops.normalize(x), [0.0, 0.0], None),
    "relu at 0": (ops.relu, [0.0, -1.0, 1.0], [0.0, 0.0, 1.0]),
    "relu6 at its ends": (ops.relu6, [0.0, 6.0, 3.0], [0.0, 0.0, 1.0]),
    "divide_no_nan by 0": (lambda x: ops.divide_no_nan(1.0, x), [0.0, 2.0], [0.0, -0.25]),
    "softplus far out": (ops.softplus, [-200.0, 0.0, 200.0], [0.0, 0.5, 1.0]),
    "log_sigmoid far out": (ops.log_sigmoid, [-200.0, 0.0, 200.0], [1.0, 0.5, 0.0]),
    "sigmoid far out": (ops.sigmoid, [-200.0, 0.0, 200.0], [0.0, 0.25, 0.0]),
    "silu far out": (ops.silu, [-200.0, 200.0], [0.0, 1.0]),
    "elu far out": (ops.elu, [-200.0, 200.0], [0.0, 1.0]),
    "celu far out": (ops.celu, [-200.0, 200.0], [0.0, 1.0]),
    "gelu far out": (ops.gelu, [-20.0, 20.0], [0.0, 1.0]),
    "logsumexp far out": (ops.logsumexp, [1000.0, -1000.0], [1.0, 0.0]),
    "logsumexp of nothing": (ops.logsumexp, [-math.inf, -math.inf], None),
    "log_softmax far out": (lambda x: ops.log_softmax(x)[0], [1000.0, -1000.0], [0.0, 0.0]),
    "binary_crossentropy at logit 0": (
        lambda x: ops.binary_crossentropy([1.0, 0.0], x, from_logits=True), [0.0, 0.0], [-0.5, 0.5]),
    "binary_crossentropy far out": (
        lambda x: ops.binary_crossentropy([1.0, 1.0], x, from_logits=True), [-500.0, 500.0], [-1.0, 0.0]),
    "cross-entropy far out": (
        lambda x: ops.sparse_categorical_crossentropy([1], x[None], from_logits=True),
        [1000.0, -1000.0], [1.0, -1.0]),
    "where with a branch of NaN": (
        lambda x: ops.where(x > 0, ops.log(ops.where(x > 0, x, 1.0)), 0.0), [-1.0, 2.0], [0.0, 0.5]),
    "a row all masked": (
        lambda x: ops.dot_product_attention(
            *(ops.reshape(x, (1, 2, 1, 1)),) * 3, mask=np.zeros((1, 1, 2, 2), bool)),
        [1.0, 2.0], None),
    "erf near 0": (ops.erf, [0.0], [2 / math.sqrt(math.pi)]),
    "rms of zeros": (lambda x: ops.rms_normalization(x), [0.0, 0.0], None),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
@pytest.mark.parametrize("name", TRAPS)
def test_gradient_at_the_trap(name, backend):
    function, x, expected = TRAPS[name]
    found = gradient(backend, function, x)
    if expected is None:
        assert not np.isnan(found).any()
    else:
        np.testing.assert_allclose(found, expected, atol=1e-5)
