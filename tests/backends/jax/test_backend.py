"""Arrays, compilation, abstract evaluation, devices, random bits and masks of the JAX backend."""

from __future__ import annotations

import subprocess
import sys
import warnings

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest
from highlevel_backend import ArraySpec
from highlevel_jax import backend
from scipy import stats

import highlevel as hl


def key(*words):
    return jnp.asarray(words, jnp.uint32)


# ------------------------------------------------------------------ arrays


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (1.5, "float32"),
        (3, "int32"),
        (True, "bool"),
        ([1, 2], "int32"),
        ([1, 2.5], "float32"),
        (np.float64(2.0), "float32"),
        (np.arange(3), "int32"),
        (np.ones(2, np.float16), "float16"),
        (np.ones(2, ml_dtypes.bfloat16), "bfloat16"),
        ([], "float32"),
    ],
)
def test_dtypes_of_arrays(value, dtype):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = backend.asarray(value)
    assert found.dtype == dtype and not found.weak_type
    np.testing.assert_array_equal(np.asarray(found), np.asarray(value))


def test_64_bit_names_are_32_bit_unless_jax_has_them_on():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert backend.asarray([1, 2], "int64").dtype == "int32"
        assert backend.cast(jnp.ones(2), "float64").dtype == "float32"
    with jax.enable_x64(True):
        assert backend.asarray([1, 2], "float64").dtype == "float64"
        assert backend.asarray(1.0).dtype == "float32"
        assert backend.cast(jnp.ones(2, "float32"), "float64").dtype == "float64"


def test_an_array_comes_back_as_it_is():
    x = jnp.ones(3)
    assert backend.asarray(x) is x and backend.asarray(x, "float32") is x
    assert backend.cast(x, "float32") is x


@pytest.mark.parametrize(
    ("value", "error", "words"),
    [
        ([[1], [1, 2]], ValueError, "lengths that differ"),
        (["a"], TypeError, "strings"),
        (object(), TypeError, "objects"),
        (np.array(["2020-01-01"], "datetime64[D]"), TypeError, "dates"),
        (2**40, ValueError, "does not fit int32"),
        ([2**40], ValueError, "do not fit int32"),
        ([jnp.ones(2), jnp.ones(3)], ValueError, "shapes agree"),
    ],
)
def test_what_cannot_be_an_array(value, error, words):
    with pytest.raises(error, match=words):
        backend.asarray(value)


def test_strings_have_no_dtype_here():
    with pytest.raises(TypeError, match="no arrays of strings"):
        backend.asarray([1], "string")


def test_lists_of_tracers_stack_and_weak_types_become_strong():
    @jax.jit
    def function(x):
        both = backend.asarray([x, 1.0])
        assert both.shape == (2,) and not backend.asarray(x).weak_type
        return both

    np.testing.assert_array_equal(np.asarray(function(2.0)), [2.0, 1.0])


def test_abstract_is_what_has_no_value():
    seen = []

    def function(x):
        seen.append((backend.is_array(x), backend.is_abstract(x)))
        return x * 2.0

    jax.grad(function)(1.0)  # the value is known while a gradient is taken
    jax.jit(function)(1.0)
    assert seen == [(True, False), (True, True)]
    assert not backend.is_abstract(jnp.ones(2)) and not backend.is_array(np.ones(2))


def test_to_numpy_of_a_tracer():
    jax.grad(lambda x: float(backend.to_numpy(x)) * x)(2.0)
    with pytest.raises(TypeError):
        jax.jit(backend.to_numpy)(2.0)


# ------------------------------------------------------------- compilation


def test_compilations_are_counted():
    program = backend.compile(lambda x: x + 1)
    before = backend.compile_count
    program(jnp.ones(2))
    program(jnp.zeros(2))
    assert backend.compile_count == before + 1
    program(jnp.ones(3))
    program(jnp.ones(3, "int32"))
    assert backend.compile_count == before + 3


def test_a_program_inside_another_is_part_of_it():
    inner = backend.compile(lambda x: x * 2)
    outer = backend.compile(lambda x: inner(x) + inner(x + 1))
    before = backend.compile_count
    outer(jnp.ones(2))
    assert backend.compile_count == before + 1


@pytest.mark.parametrize("within", [jax.jit, jax.grad, jax.vmap, jax.jacfwd])
def test_programs_within_transforms_of_the_users_own(within):
    noted = []
    program = backend.compile(lambda x: jnp.sum(x * x), note=noted.append)
    x = jnp.arange(3.0) if within is not jax.vmap else jnp.ones((2, 3))
    expected = within(lambda x: jnp.sum(x * x))(x)
    before = backend.compile_count
    for _ in range(2):
        np.testing.assert_allclose(within(program)(x), expected)
    assert backend.compile_count == before + 1 == before + len(noted)
    assert float(program(jnp.arange(3.0))) == 5


def test_errors_within_a_program_are_raised_once():
    calls = []

    def wrong(x):
        calls.append(1)
        raise ValueError("of the user's own")

    with pytest.raises(ValueError, match="of the user's own"):
        backend.compile(wrong)(1.0)
    assert len(calls) == 1


def test_a_method_compiled_again_sees_its_object_as_it_is_now():
    class Scale:
        factor = 2.0

        def __call__(self, x):
            return x * self.factor

    scale = Scale()
    assert backend.compile(scale.__call__)(jnp.ones(())) == 2
    scale.factor = 3.0
    assert backend.compile(scale.__call__)(jnp.ones(())) == 3


def test_donated_arrays_are_gone():
    program = backend.compile(lambda x, y: (x + y, y), donate=(0,))
    x, y = jnp.ones(1000), jnp.ones(1000)
    program(x, y)
    assert x.is_deleted() and not y.is_deleted()


def test_importing_starts_no_device():
    code = (
        "import highlevel_jax, jax\n"
        "from jax._src import xla_bridge\n"
        "assert not xla_bridge._backends, 'a client was started'\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


# ------------------------------------------------------ abstract evaluation


def spec(*shape, dtype="float32"):
    return ArraySpec(shape, dtype)


@pytest.mark.parametrize(
    ("function", "specs", "expected"),
    [
        (lambda x: x @ x.T, [spec(2, 3)], spec(2, 2)),
        (lambda x, y: jnp.concatenate([x, y]), [spec(None, 3), spec(None, 3)], spec(None, 3)),
        (lambda x: x.sum(0), [spec(None, 3, dtype="int32")], spec(3, dtype="int32")),
        (lambda x, y: x * y, [spec(None, 3), spec(None, 1, dtype="bfloat16")], spec(None, 3)),
        (lambda x: x.reshape(x.shape[0], -1), [spec(None, 4, 5)], spec(None, 20)),
        (lambda x: x[:, ::2], [spec(None, None, 2)], spec(None, None, 2)),
        (lambda x: 1.0, [spec(None)], spec()),
        # The function asks how long an axis is: concrete sizes answer.
        (lambda x: x[:, :7] if x.shape[1] > 7 else x, [spec(None, None)], spec(None, 7)),
        (lambda x: x @ jnp.asarray(np.ones((x.shape[1], 4), "f")), [spec(2, None)], spec(2, 4)),
        # Axes on different positions that must agree.
        (lambda x, y: x @ y, [spec(2, None), spec(None, 5)], spec(2, 5)),
    ],
)
def test_shapes_with_unknown_dimensions(function, specs, expected):
    assert backend.eval_shape(function, *specs) == expected


def test_shapes_of_trees_convolutions_and_windows():
    def function(inputs):
        x = backend.conv(
            inputs["x"], jnp.ones((3, 3, 2, 5)), (2, 2), ((0, 1),) * 2, (1, 1), (1, 1), 1
        )
        pooled = backend.reduce_window(x, "max", (2, 2), (2, 2), ((0, 0),) * 2)
        return [pooled, {"mean": x.mean((1, 2))}, None]

    found = backend.eval_shape(function, {"x": spec(None, 8, 8, 2)})
    assert found == [spec(None, 2, 2, 5), {"mean": spec(None, 5)}, None]
    found = backend.eval_shape(function, {"x": spec(None, None, 8, 2)})
    assert found == [spec(None, None, 2, 5), {"mean": spec(None, 5)}, None]


def test_the_functions_own_error_comes_through():
    def function(x):
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        backend.eval_shape(function, spec(None, 3))


# ---------------------------------------------------------------- devices


def test_devices():
    assert backend.devices()[0].endswith(":0")
    x = backend.put(np.arange(3), backend.devices()[0])
    assert x.dtype == "int32"
    with pytest.raises(ValueError, match=r"no device 'gpu:9'. It has: .*cpu:0"):
        backend.put(x, "gpu:9")


# ----------------------------------------------------------------- random


@pytest.mark.parametrize("partitionable", [True, False])
def test_random_bits_are_partitionable_threefry_whatever_the_configuration(partitionable):
    words = key(11, 22)
    with jax.threefry_partitionable(True):
        wrapped = jax.random.wrap_key_data(words, impl="threefry2x32")
        expected = np.asarray(jax.random.bits(wrapped, (3, 5)))
    with jax.threefry_partitionable(partitionable):
        np.testing.assert_array_equal(np.asarray(backend.random_bits(words, (3, 5))), expected)


def masks(first, second, rate=0.5, shape=(1 << 16,)):
    return np.asarray(backend.kernels["random_mask"](key(first, second), rate, shape))


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.75])
def test_masks_keep_the_right_share_everywhere(rate):
    mask = masks(3, 4, rate, (256, 256))
    kept = [mask.sum(), *mask.sum(0), *mask.sum(1)]
    counts = [mask.size, *[256] * 512]
    p = [stats.binomtest(int(k), n, 1 - rate).pvalue for k, n in zip(kept, counts)]
    assert min(p) > 1e-6 and p[0] > 1e-4
    assert stats.kstest(p[1:], "uniform").pvalue > 1e-6  # neither too even nor too uneven


def test_masks_of_neighbouring_keys_are_unrelated():
    n = 1 << 16
    rows = [masks(a, b) for a in (0, 1, 2) for b in (0, 1, 2, 3)]
    correlations = [
        np.corrcoef(x, np.roll(y, shift))[0, 1]
        for i, x in enumerate(rows)
        for y in rows[:i]
        for shift in (0, 1, -1)
    ]
    assert np.max(np.abs(correlations)) * np.sqrt(n) < 5
    # Nor is one a rearrangement of another's neighbours.
    pairs = [np.sort(x.reshape(-1, 2), axis=1) for x in rows[:5]]
    assert max((pairs[0] == other).all(1).mean() for other in pairs[1:]) < 0.5


def test_masks_have_no_pattern_in_positions():
    mask = masks(5, 6).astype(float)
    for lag in (*range(1, 65), 128, 256, 1024, 4096):
        correlation = np.corrcoef(mask[lag:], mask[:-lag])[0, 1]
        assert abs(correlation) * np.sqrt(mask.size) < 5, lag
    words = np.packbits(masks(5, 6)).view(np.uint8)
    assert stats.chisquare(np.bincount(words, minlength=256)).pvalue > 1e-5


def test_masks_at_the_ends_and_with_a_traced_rate():
    mask = backend.kernels["random_mask"]
    assert mask(key(1, 2), 0.0, (4,)).all() and not mask(key(1, 2), 1, (4,)).any()
    traced = jax.jit(lambda rate: mask(key(1, 2), rate, (1000,)))(0.3)
    np.testing.assert_array_equal(np.asarray(traced), masks(1, 2, 0.3, (1000,)))


@pytest.mark.parametrize("function", [hl.activations.gelu, hl.ops.erf, hl.ops.erfc])
def test_the_error_function_is_xlas_own(function):
    with hl.use_backend("jax"):
        program = jax.make_jaxpr(function)(jnp.ones(4))
    assert len(program.eqns) < 8  # the definition is a hundred
