"""What `explain` says about each of JAX's tracer errors."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from highlevel_jax import backend


def with_if(x):
    return x if x > 0 else -x  # the line of the if


def with_while(x):
    while x < 10:
        x = x * 2
    return x


def with_int(x):
    return jnp.ones(3) * int(x)


def with_numpy(x):
    return np.tanh(x)


def with_shape(x):
    return jnp.zeros((x.astype(int), 2))


def with_index(x):
    return [1, 2, 3][x.astype(int)]


def with_mask(x):
    return jnp.ones(3)[jnp.full(3, True) & (x > 0)]


@pytest.mark.parametrize(
    ("function", "words", "line"),
    [
        (with_if, ["`if`", "ops.where", "ops.cond"], "return x if x > 0 else -x"),
        (with_while, ["ops.while_loop"], "while x < 10:"),
        (with_int, ["int()", "ops.cast"], "int(x)"),
        (with_numpy, ["NumPy function", "in `ops`"], "np.tanh(x)"),
        (with_shape, ["value"], "jnp.zeros("),
        (with_index, ["integer", "ops.take"], "[1, 2, 3]["),
        (with_mask, ["mask", "ops.where(mask, x, 0)"], "jnp.full(3, True)"),
    ],
)
def test_tracer_errors_are_explained(function, words, line):
    with pytest.raises(Exception) as caught:
        backend.compile(function)(jnp.float32(1.0))
    text = backend.explain(caught.value)
    for word in [*words, 'hl.use_backend("numpy")', "run_eagerly=True", "compiled"]:
        assert word in text, text
    assert "test_explain.py:" in text and line in text, text
    assert len(text) < 1000


def test_a_leaked_tracer_is_explained():
    kept = []
    backend.compile(lambda x: kept.append(x) or x)(jnp.ones(()))
    with pytest.raises(jax.errors.UnexpectedTracerError) as caught:
        kept[0] + 1
    text = backend.explain(caught.value)
    assert "was kept" in text and "kept[0] + 1" in text


def test_other_errors_are_left_alone():
    assert backend.explain(ValueError("other")) is None
    with pytest.raises(TypeError) as caught:
        jnp.ones((2, 3)) @ jnp.ones((2, 3))
    assert backend.explain(caught.value) is None
