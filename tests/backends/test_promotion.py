"""The promotion table, pair by pair: against JAX's own lattice, and on arrays of both backends."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from highlevel_backend import use_backend
from highlevel_backend.dtypes import BOOLS, COMPLEX, FLOATS, SIGNED, UNSIGNED, result_dtype

from highlevel import ops

NAMES = BOOLS + UNSIGNED + SIGNED + FLOATS + COMPLEX
PAIRS = list(itertools.product(NAMES, repeat=2))
NARROW = {"int64": "int32", "uint64": "uint32", "float64": "float32", "complex128": "complex64"}


def expected(a, b):
    """What JAX says with 64-bit types on; where none was given, none comes out."""
    with jax.enable_x64(True):
        try:
            found = jnp.promote_types(a, b).name
        except jax.dtypes.TypePromotionError:
            return None
    if found == "int64" and "int64" not in (a, b):
        return "int32"
    return "float32" if found == "float64" and not {"float64", "complex128"} & {a, b} else found


def test_every_pair_is_that_of_jax():
    assert len(PAIRS) == 289
    for a, b in PAIRS:
        wanted = expected(a, b)
        if wanted is None:
            with pytest.raises(ValueError, match=r"have no common type. Cast one"):
                result_dtype(a, b)
        else:
            assert result_dtype(a, b) == wanted, (a, b)


@pytest.mark.parametrize("weak, example", [("int", 2), ("float", 2.5), ("complex", 1 + 2j)])
def test_python_numbers_are_weak(weak, example):
    for name in NAMES:
        if weak == "complex" and "float8" in name:
            continue  # refused by both
        with jax.enable_x64(True):
            wanted = jnp.result_type(jnp.dtype(name), example).name
        alone = {"int64": "int32", "float64": "float32", "complex128": "complex64"}
        if name in BOOLS + UNSIGNED + SIGNED and wanted != name:
            wanted = alone[wanted]  # what a Python number is by itself
        elif weak == "complex" and name == "float64":
            assert result_dtype(name, weak) == "complex128"
            continue
        elif weak == "complex" and name in FLOATS:
            wanted = "complex64"
        assert result_dtype(name, weak) == wanted, (name, weak)


@pytest.mark.filterwarnings("ignore")
def test_every_pair_of_arrays(backend):
    """`ops.add` of arrays gives what the table says, on JAX as narrow as JAX holds it."""
    narrow = backend.name == "jax"
    for a, b in PAIRS:
        wanted = expected(a, b)
        if "float8" in a + b or wanted is None:
            continue  # numbers to store, not to calculate with
        x, y = backend.asarray(np.ones(2, "bool"), a), backend.asarray(np.ones((1, 2), "bool"), b)
        if narrow:
            wanted = expected(NARROW.get(a, a), NARROW.get(b, b))
        assert ops.dtype(ops.add(x, y)) == wanted, (a, b)


@pytest.mark.parametrize("name", [n for n in NAMES if "float8" not in n])
def test_python_numbers_beside_arrays(name):
    found = {}
    for kind in ("numpy", "jax"):
        with use_backend(kind) as backend:
            x = backend.asarray(np.ones(2, "bool"), name)
            found[kind] = [ops.dtype(ops.multiply(x, y)) for y in (True, 2, 0.5)]
    assert found["jax"] == [NARROW.get(n, n) for n in found["numpy"]]
    assert found["numpy"] == [result_dtype(name, kind) for kind in ("bool", "int", "float")]
