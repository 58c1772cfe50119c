"""What holds for any shapes: broadcasting, reductions, reshaping, indexing, promotion.

On NumPy shapes are drawn freely; on JAX, where each shape is a program, less often.
"""

import numpy as np
import pytest
from highlevel_backend import use_backend
from highlevel_backend.dtypes import result_dtype
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from highlevel import ops
from highlevel.symbolic import SymbolicTensor

EXAMPLES = {"numpy": 40, "jax": 4}
BACKENDS = pytest.mark.parametrize("kind", EXAMPLES)
REDUCTIONS = {
    "sum": np.sum, "mean": np.mean, "max": np.max, "min": np.min, "prod": np.prod,
    "any": np.any, "all": np.all, "var": np.var, "std": np.std,
    "count_nonzero": np.count_nonzero,
}  # fmt: skip
# Quarters: exact in float32, sums of them too.
quarters = st.integers(-8, 8).map(lambda n: n / 4)


def floats(shape):
    return hnp.arrays("float32", shape, elements=quarters)


def shapes(least=0, most=4):
    return hnp.array_shapes(min_dims=least, max_dims=4, min_side=1, max_side=most)


def check(kind, strategy, property_):
    """Run `property_` on examples of `strategy`, on the backend `kind`."""

    @settings(
        max_examples=EXAMPLES[kind], deadline=None, database=None, derandomize=True,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(strategy)
    def run(example):
        with use_backend(kind):
            property_(example)

    run()


def same(found, wanted, tolerance=1e-5):
    wanted = np.asarray(wanted)
    found = ops.convert_to_numpy(found)
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance)


@BACKENDS
@pytest.mark.parametrize("name", ["add", "multiply", "maximum", "less", "where"])
def test_arguments_broadcast_as_in_numpy(kind, name):
    def property_(drawn):
        found, (shape_a, shape_b), seed = drawn.result_shape, drawn.input_shapes, 3
        rng = np.random.default_rng(seed)
        x, y = (rng.integers(-8, 8, s).astype("float32") / 4 for s in (shape_a, shape_b))
        args = (x > 0, x, y) if name == "where" else (x, y)
        result = getattr(ops, name)(*args)
        same(result, getattr(np, name)(*args))
        assert tuple(result.shape) == found
        symbols = [SymbolicTensor(a.shape, ops.dtype(a)) for a in args]
        assert getattr(ops, name)(*symbols).shape == found

    pairs = hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=4, max_side=4)
    check(kind, pairs, property_)


@BACKENDS
def test_shapes_that_do_not_broadcast_are_refused_alike(kind):
    def property_(drawn):
        a, b = drawn
        try:
            np.broadcast_shapes(a, b)
        except ValueError:
            with pytest.raises(ValueError, match=r"add|broadcast"):
                ops.add(np.ones(a, "float32"), np.ones(b, "float32"))
            with pytest.raises(ValueError, match=r"add|broadcast"):
                ops.add(SymbolicTensor(a), SymbolicTensor(b))

    check(kind, st.tuples(shapes(1), shapes(1)), property_)


@BACKENDS
@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions_over_any_axes(kind, name):
    @st.composite
    def calls(draw):
        x = draw(floats(draw(shapes())))
        axes = draw(st.none() | st.sets(st.integers(-x.ndim, x.ndim - 1)).map(tuple)) if x.ndim else None
        if axes is not None and len({a % x.ndim for a in axes}) < len(axes):
            axes = tuple({a % x.ndim for a in axes})
        return x, axes or None, draw(st.booleans())

    def property_(drawn):
        x, axes, keepdims = drawn
        options = {"axis": axes}
        if name != "count_nonzero":
            options["keepdims"] = keepdims
        wanted = REDUCTIONS[name](x, **options)
        result = getattr(ops, name)(x, **options)
        same(result, wanted)
        shape = getattr(ops, name)(SymbolicTensor(x.shape), **options).shape
        assert shape == np.shape(wanted)
        if x.ndim:  # an unknown first dimension is unknown afterwards, or gone
            unknown = getattr(ops, name)(SymbolicTensor((None, *x.shape[1:])), **options).shape
            assert len(unknown) == np.ndim(wanted)
            assert all(a == b or a is None for a, b in zip(unknown, np.shape(wanted)))

    check(kind, calls(), property_)


@BACKENDS
def test_reshape_and_transpose_go_and_come_back(kind):
    @st.composite
    def calls(draw):
        x = draw(floats(draw(shapes(1))))
        return x, draw(st.permutations(range(x.ndim))), draw(st.integers(0, x.ndim - 1))

    def property_(drawn):
        x, order, hole = drawn
        turned = ops.transpose(x, order)
        same(turned, np.transpose(x, order))
        same(ops.transpose(turned, tuple(np.argsort(order))), x)
        flat = ops.reshape(turned, (-1,))
        same(flat, np.transpose(x, order).ravel())
        shape = list(turned.shape)
        shape[hole] = -1
        same(ops.reshape(flat, shape), np.transpose(x, order))
        assert ops.reshape(SymbolicTensor(flat.shape), shape).shape == turned.shape
        same(ops.squeeze(ops.expand_dims(x, hole), hole), x)
        same(ops.moveaxis(ops.moveaxis(x, 0, hole), hole, 0), x)
        same(ops.flip(ops.flip(x, hole), hole), x)
        same(ops.roll(ops.roll(x, 2, hole), -2, hole), x)
        if x.shape[hole] > 1:
            same(ops.concatenate(ops.split(x, x.shape[hole], hole), hole), x)
        same(ops.stack(ops.unstack(x, axis=hole), hole), x)

    check(kind, calls(), property_)


@BACKENDS
def test_indexing_is_numpys(kind):
    @st.composite
    def calls(draw):
        shape = draw(shapes(1))
        return draw(floats(shape)), draw(hnp.basic_indices(shape, allow_newaxis=True))

    def property_(drawn):
        x, index = drawn
        same(ops.get_item(x, index), x[index])
        same(ops.convert_to_tensor(x)[index], x[index])
        assert SymbolicTensor(x.shape)[index].shape == np.shape(x[index])

    check(kind, calls(), property_)


@BACKENDS
def test_taking_and_putting_by_places(kind):
    @st.composite
    def calls(draw):
        x = draw(floats(draw(shapes(1))))
        axis = draw(st.integers(-x.ndim, x.ndim - 1))
        n = x.shape[axis]
        return x, axis, draw(hnp.arrays("int32", draw(shapes(1, 3)), elements=st.integers(-n, n - 1)))

    def property_(drawn):
        x, axis, places = drawn
        same(ops.take(x, places, axis), np.take(x, places, axis))
        order = ops.argsort(x, axis=axis)
        same(ops.take_along_axis(x, order, axis), np.sort(x, axis))
        rows = np.unique(places.ravel() % x.shape[0]).astype("int32")
        if x.shape[axis] <= x.shape[0]:
            wanted = x.copy()
            wanted[rows] += 1
            ones = np.ones((len(rows), *x.shape[1:]), "float32")
            same(ops.scatter_update(x, rows[:, None], ones, reduction="add"), wanted)

    check(kind, calls(), property_)


def test_promotion_has_no_order_and_no_brackets():
    names = ["bool", "uint8", "int8", "uint32", "int32", "bfloat16", "float16", "float32", "int",
             "float"]  # fmt: skip

    @settings(max_examples=300, deadline=None, database=None, derandomize=True)
    @given(st.lists(st.sampled_from(names), min_size=1, max_size=4), st.randoms())
    def run(chosen, random):
        shuffled = list(chosen)
        random.shuffle(shuffled)
        found = result_dtype(*chosen)
        assert result_dtype(*shuffled) == found
        if "int" not in chosen and "float" not in chosen:  # weak ones lose that with a name
            assert result_dtype(result_dtype(*chosen[:-1]) if chosen[:-1] else chosen[0], chosen[-1]) == found

    run()


@BACKENDS
def test_softmax_and_logsumexp_for_any_row(kind):
    def property_(x):
        rows = ops.softmax(x, -1)
        same(ops.sum(rows, -1), np.ones(x.shape[:-1]))
        same(rows, ops.exp(ops.log_softmax(x, -1)), 1e-5)
        same(ops.softmax(x + 100.0, -1), rows, 1e-4)  # a shift changes nothing
        wanted = np.log(np.sum(np.exp(x.astype("float64")), -1))
        same(ops.logsumexp(x, -1), wanted)

    check(kind, floats(st.just((3, 4))), property_)


@BACKENDS
def test_attention_to_many_large_values_stays_in_range_in_half_precision(kind):
    with use_backend(kind):
        query, key = np.zeros((1, 2, 1, 4), "float16"), np.zeros((1, 2048, 1, 4), "float16")
        out = ops.dot_product_attention(query, key, np.full((1, 2048, 1, 4), 100, "float16"))
        np.testing.assert_allclose(np.asarray(out), 100, rtol=1e-3)
