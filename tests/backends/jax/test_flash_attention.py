"""Attention in one kernel: when it is asked, and on a GPU that it gives the same."""

import jax
import ml_dtypes
import numpy as np
import pytest
from highlevel_backend import use_backend
from highlevel_jax import backend

import highlevel as hl
from highlevel import ops

JaxBackend = type(backend)
needs_gpu = pytest.mark.skipif(jax.default_backend() != "gpu", reason="no GPU here")


def arrays(length=16, keys=16, heads=4, shared=4, size=16, seed=0):
    rng = np.random.default_rng(seed)
    shapes = ((2, length, heads, size), (2, keys, shared, size), (2, keys, shared, size))
    return [rng.normal(size=shape).astype(ml_dtypes.bfloat16) for shape in shapes]


@pytest.fixture
def asked(monkeypatch):
    """A backend with a kernel that notes what it is asked, and declines."""
    with use_backend("jax"):
        calls = []

        def kernel(*arguments):
            calls.append(arguments)
            return NotImplemented

        kernels = {**JaxBackend.kernels, "flash_attention": kernel}
        monkeypatch.setattr(JaxBackend, "kernels", kernels)
        monkeypatch.setattr(hl.config, "_flash_attention", None)
        yield calls


def test_it_is_asked_unless_switched_off(asked):
    q, k, v = arrays()
    expected = ops.dot_product_attention(q, k, v, flash_attention=False)
    assert not asked
    np.testing.assert_array_equal(ops.dot_product_attention(q, k, v), expected)
    assert len(asked) == 1
    assert asked[0][5] == pytest.approx(1 / 4)
    hl.config.disable_flash_attention()
    ops.dot_product_attention(q, k, v)
    assert len(asked) == 1
    ops.dot_product_attention(q, k, v, flash_attention=True)
    assert len(asked) == 2
    ops.dot_product_attention(q, k, v, flash_attention=True, attn_logits_soft_cap=2.0)
    assert len(asked) == 2


def test_its_answer_is_used(asked, monkeypatch):
    q, k, v = arrays(heads=4, shared=2)
    monkeypatch.setitem(JaxBackend.kernels, "flash_attention", lambda *a: a[0] * 0)
    assert not np.any(ops.dot_product_attention(q, k, v))


@needs_gpu
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("case", ["plain", "causal", "mask", "causal and mask", "bias", "shared"])
def test_it_agrees_with_the_definition(case, dtype):
    q, k, v = (
        jax.numpy.asarray(x, dtype)
        for x in arrays(256, 192 if case in ("plain", "mask", "shared") else 256,
                        shared=2 if case == "shared" else 4, size=32)
    )  # fmt: skip
    rng = np.random.default_rng(1)
    options = {"is_causal": "causal" in case}
    if "mask" in case:
        options["mask"] = rng.random((2, 1, 1, k.shape[1])) > 0.3
        options["mask"][:, ..., 0] = True
    if case == "bias":
        options["bias"] = rng.normal(size=(1, 4, 256, 256)).astype("float32")

    def loss(q, k, v, flash):
        out = ops.dot_product_attention(q, k, v, flash_attention=flash, **options)
        return ops.sum(ops.cast(out, "float32") ** 2), out

    def run(flash):
        def function(q, k, v):
            return loss(q, k, v, flash)

        return jax.jit(jax.value_and_grad(function, (0, 1, 2), has_aux=True))

    for flash in (True, False):
        text = run(flash).lower(q, k, v).as_text()
        assert ("fmha" in text) == flash
    (_, out), gradients = run(True)(q, k, v)
    (_, expected), wanted = run(False)(q, k, v)
    for got, want in zip((out, *gradients), (expected, *wanted)):
        got, want = np.asarray(got, "float32"), np.asarray(want, "float32")
        assert np.abs(got - want).max() <= 0.02 * np.abs(want).max()
