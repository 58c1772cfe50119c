"""Abstract evaluation: results as when computed, and nothing computed."""

import time

import numpy as np
import pytest
from highlevel_backend import ArraySpec
from highlevel_numpy import backend
from highlevel_numpy.standin import StandIn, stand_in

A, B = np.ones((3, 4), "float32"), np.ones((4, 5), "float16")
CUBE = np.ones((2, 3, 4), "float32")

SAME = {
    "arithmetic": lambda a, b, c: (a * 2.0 + 1, a + c, a / np.float64(2), a > 0, ~(a > 0), -a, a**2),
    "weak": lambda a, b, c: (a * 3, b * 0.5, 2 - b, np.maximum(b, 0.0), np.where(a > 0, a, 0.0)),
    "products": lambda a, b, c: (a @ b, c @ b, np.matmul(a, b), a.dot(b), np.dot(c, b), a[0] @ b),
    "tensordot": lambda a, b, c: (np.tensordot(a, b, 1), np.tensordot(c, b, ((2,), (0,))), np.outer(a, b)),
    "einsum": lambda a, b, c: (np.einsum("ij,jk->ik", a, b), np.einsum("...ij->...", c)),
    "reductions": lambda a, b, c: (a.sum(), c.mean(axis=(0, 2)), np.max(c, 1, keepdims=True), a.std(0),
                                   np.sum(a > 0), np.prod(b), a.var(), np.linalg.norm(a), a.any()),
    "shapes": lambda a, b, c: (a.T, a.reshape(2, -1), c[:, None], c[0, 1:], np.swapaxes(c, 0, 2)),
    "joining": lambda a, b, c: (np.concatenate([a, a]), np.stack([a, a], 1), np.split(a, 2, 1)[0]),
    "indexing": lambda a, b, c: (a[[0, 2]], a[np.array([[0, 1]])], np.take(c, [0, 0], 1), np.sort(a)),
    "casts": lambda a, b, c: (a.astype("int32"), backend.cast(a, "bfloat16"), a.copy(), np.copy(a)),
    "likes": lambda a, b, c: (np.zeros_like(a), np.ones_like(a, "int8"), np.zeros_like(a, shape=(2,))),
    "several": lambda a, b, c: (*np.modf(a), *np.divmod(a, 2.0), *np.linalg.svd(c, full_matrices=False)),
    "positions": lambda a, b, c: (np.argmax(a, 1), np.argsort(a), np.cumsum(c, 1), np.nonzero(a)[0][:0]),
    "padding": lambda a, b, c: (np.pad(a, 1), np.tile(a, 2), np.repeat(a, 2, 0), np.clip(a, 0, 1)),
    "solving": lambda a, b, c: (np.linalg.inv(a[:, :3] + np.eye(3)), np.linalg.det(c[:, :3, :3])),
    "methods of ufuncs": lambda a, b, c: (np.add.outer(a, b), np.add.accumulate(a), np.maximum.reduce(a)),
    "gradient": lambda a, b, c: backend.value_and_grad(lambda x: np.sum(np.tanh(x @ b) ** 2))(a),
    "pooling": lambda a, b, c: (backend.reduce_window(c, "max", (2,), (1,), ((0, 1),)),),
    "bits": lambda a, b, c: (backend.random_bits(np.zeros(2, "uint32"), a.shape),),
}  # fmt: skip


@pytest.mark.parametrize("name", SAME)
def test_shapes_and_dtypes_are_those_of_the_values(name):
    expected = SAME[name](A, B, CUBE)
    specs = [ArraySpec(x.shape, str(x.dtype)) for x in (A, B, CUBE)]
    out = backend.eval_shape(SAME[name], *specs)
    assert [(s.shape, s.dtype) for s in out] == [(x.shape, str(x.dtype)) for x in expected]


def test_nothing_is_computed():
    start = time.perf_counter()

    def function(x, w):
        y = np.tanh(x @ w) + 1
        return np.sum(np.einsum("bij,kj->bik", y * y, w), axis=(1, 2))

    out = backend.eval_shape(
        function, ArraySpec((None, 30_000, 20_000), "float32"), ArraySpec((20_000, 20_000), "float32")
    )
    assert out == ArraySpec((None,), "float32")
    assert time.perf_counter() - start < 1.0


def test_stand_ins_stay_stand_ins():
    x = stand_in((1000, 1000), np.dtype("float32"))
    for y in (x + 1, x @ x, x.sum(0), np.exp(x), x.T, x.reshape(-1), np.concatenate([x, x])):
        assert isinstance(y, StandIn) and not any(y.strides)


def test_errors_are_those_of_numpy():
    spec = ArraySpec((None, 3), "float32")
    with pytest.raises(ValueError, match="mismatch in its core dimension"):
        backend.eval_shape(lambda x: x @ x[:2], spec)
    with pytest.raises(ValueError, match="broadcast"):
        backend.eval_shape(lambda x: x + np.ones(2), spec)
    with pytest.raises(KeyError):
        backend.eval_shape(lambda x: {}["missing"], spec)


def test_longer_axes_are_tried_where_short_ones_do_not_do():
    def function(x):
        return backend.conv(x, np.ones((30, 1, 4), "float32"), (1,), ((0, 0),), (1,), (1,), 1)

    out = backend.eval_shape(function, ArraySpec((None, None, 1), "float32"))
    assert out == ArraySpec((None, None, 4), "float32")
    out = backend.eval_shape(lambda x: np.reshape(x, (-1, 8)), ArraySpec((None, 3), "float32"))
    assert out == ArraySpec((None, 8), "float32")
    out = backend.eval_shape(lambda x: x @ x, ArraySpec((None, None), "float32"))
    assert out == ArraySpec((None, None), "float32")
