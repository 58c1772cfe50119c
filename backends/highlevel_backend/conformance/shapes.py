"""Abstract evaluation, with known and unknown dimensions."""

from __future__ import annotations

import pytest

from highlevel_backend.conformance.checks import raises, same
from highlevel_backend.interface import ArraySpec


def spec(*shape: int | None, dtype: str = "float32") -> ArraySpec:
    return ArraySpec(shape, dtype)


def test_eval_shape_of_known_dimensions(backend):
    out = backend.eval_shape(lambda x, y: backend.xp.tanh(x @ y), spec(2, 3), spec(3, 4))
    same(out, spec(2, 4), "eval_shape of a product")


def test_eval_shape_of_trees_and_dtypes(backend):
    def function(tree):
        return {"sum": tree["a"] + tree["b"], "where": (backend.xp.argmax(tree["a"], axis=-1),)}

    out = backend.eval_shape(function, {"a": spec(2, 3), "b": spec(3)})
    same(out["sum"], spec(2, 3), "eval_shape of a tree")
    same(out["where"][0].shape, (2,), "eval_shape of argmax")
    same(out["where"][0].dtype in ("int32", "int64"), True, "argmax has an integer dtype")
    out = backend.eval_shape(lambda x: backend.cast(x, "bfloat16"), spec(4, dtype="float16"))
    same(out, spec(4, dtype="bfloat16"), "eval_shape of a cast")


_UNKNOWN = {
    "elementwise": (lambda b, x: b.xp.exp(x) + 1.0, (None, 3), (None, 3)),
    "all unknown": (lambda b, x: b.xp.exp(x), (None, None), (None, None)),
    "reduced": (lambda b, x: b.xp.sum(x, axis=0), (None, 3), (3,)),
    "kept": (lambda b, x: b.xp.mean(x, axis=1, keepdims=True), (None, None, 5), (None, 1, 5)),
    "moved": (lambda b, x: b.xp.swapaxes(x, 0, 1), (None, 3), (3, None)),
    "flattened": (lambda b, x: b.xp.reshape(x, (x.shape[0], 12)), (None, 3, 4), (None, 12)),
    "merged": (lambda b, x: b.xp.reshape(x, (-1, 4)), (None, 3, 4), (None, 4)),
    "joined": (lambda b, x: b.xp.concatenate([x, x], axis=1), (2, None), (2, None)),
    "padded": (lambda b, x: b.xp.pad(x, ((0, 0), (1, 1))), (None, 5), (None, 7)),
    "multiplied": (lambda b, x: x @ b.xp.ones((4, 6), "float32"), (None, None, 4), (None, None, 6)),
    "convolved": (
        lambda b, x: b.conv(
            x, b.xp.ones((3, 3, 2, 5), "float32"), (2, 2), ((1, 1), (0, 0)), (1, 1), (1, 1), 1
        ),
        (None, 28, None, 2),
        (None, 14, None, 5),
    ),
    "pooled": (
        lambda b, x: b.reduce_window(x, "max", (2, 2), (2, 2), ((0, 0), (0, 0))),
        (None, None, 8, 3),
        (None, None, 4, 3),
    ),
}


@pytest.mark.parametrize("name", _UNKNOWN)
def test_eval_shape_of_unknown_dimensions(backend, name):
    function, given, expected = _UNKNOWN[name]
    out = backend.eval_shape(lambda x: function(backend, x), spec(*given))
    same(out, spec(*expected), f"eval_shape with unknown dimensions ({name})")


def test_eval_shape_where_unknown_dimensions_agree(backend):
    """Axes at the same position are taken to be of one length."""
    out = backend.eval_shape(lambda x, y: x * y, spec(None, 3), spec(None, 3))
    same(out, spec(None, 3), "eval_shape of two arrays with unknown batch")
    out = backend.eval_shape(
        lambda q, k: q @ backend.xp.swapaxes(k, 1, 2), spec(None, None, 4), spec(None, 7, 4)
    )
    same(out, spec(None, None, 7), "eval_shape of attention scores")


def test_eval_shape_computes_nothing_large(backend):
    big = spec(200_000, 100_000)
    out = backend.eval_shape(lambda x: backend.xp.reshape(x, (100_000, 200_000)), big)
    same(out, spec(100_000, 200_000), "eval_shape of an array of 80 GB")


def test_eval_shape_raises_what_the_function_raises(backend):
    raises(
        (TypeError, ValueError),
        lambda: backend.eval_shape(lambda x, y: x @ y, spec(None, 3), spec(4, 5)),
        "shapes that do not fit",
    )
