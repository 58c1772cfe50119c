"""Shapes and dtypes of symbolic calls against Keras: dimensions known, and the first one unknown.

What Keras's rules say is asked for unless they contradict what the call returns on arrays
(which `test_ops.py` holds against Keras's own); where they know a dimension, so do ours.
"""

import functools
import os
import sys

os.environ.setdefault("KERAS_BACKEND", "jax")
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "ops"))

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from awkward_cases import CASES  # noqa: E402
from highlevel_backend import tree, use_backend  # noqa: E402

from highlevel import ops  # noqa: E402
from highlevel.symbolic import SymbolicTensor  # noqa: E402

pytestmark = pytest.mark.parity

# `ndim` and `size` are plain Python numbers here wherever they are known.
NAMES = sorted({name for name, _, _ in CASES} - {"eigh_values", "ndim", "size"})
WIDE = {"int64": "int32", "uint64": "uint32", "float64": "float32", "complex128": "complex64"}


def find(root, name):
    return functools.reduce(getattr, name.split("."), root)


def is_array(leaf):
    return isinstance(leaf, np.ndarray) and leaf.ndim > 0


def symbolic(make, args, unknown):
    """The first argument's arrays as symbolic tensors of `make`."""

    def convert(leaf):
        if not is_array(leaf) or leaf.dtype == object:
            return leaf
        shape = (None, *leaf.shape[1:]) if unknown and leaf.ndim > 1 else leaf.shape
        return make(shape, WIDE.get(leaf.dtype.name, leaf.dtype.name))

    return (tree.map_leaves(convert, args[0]), *args[1:])


def described(results):
    return [(tuple(x.shape), str(x.dtype)) for x in tree.leaves(results)]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", NAMES)
def test_symbolic_call_is_the_contract(name):
    faults = []
    for _, args, kwargs in (row for row in CASES if row[0] == name):
        if not args or not any(is_array(x) for x in tree.leaves(args[0])):
            continue
        for unknown in (False, True):
            try:
                wanted = described(
                    find(keras.ops, name)(*symbolic(keras.KerasTensor, args, unknown), **kwargs)
                )
            except Exception:  # Keras has no symbolic form of this call
                continue
            with use_backend("numpy"):
                eager = [
                    (x.shape, WIDE.get(x.dtype.name, x.dtype.name))
                    for x in map(ops.convert_to_numpy, tree.leaves(find(ops, name)(*args, **kwargs)))
                ]
            for kind in ("numpy", "jax"):
                where = f"{kind} {name}{[getattr(a, 'shape', a) for a in args]} {kwargs} unknown={unknown}"
                with use_backend(kind):
                    try:
                        found = described(
                            find(ops, name)(*symbolic(SymbolicTensor, args, unknown), **kwargs)
                        )
                    except Exception as error:
                        faults.append(f"{where}: {type(error).__name__}: {error}")
                        continue
                if found != wanted and not fits(found, wanted, eager):
                    faults.append(f"{where}: {found}, not {wanted}; on arrays {eager}")
    assert not faults, "\n".join(faults)


def fits(found, wanted, eager):
    """Whether every result is as on arrays, with nothing unknown that Keras knows rightly."""
    return len(found) == len(eager) and all(
        dtype == real_dtype and len(shape) == len(real) and all(
            a == c or (a is None and (len(theirs) != len(shape) or b != c))
            for a, b, c in zip(shape, theirs if len(theirs) == len(shape) else shape, real)
        )
        for (shape, dtype), (theirs, _), (real, real_dtype) in zip(found, wanted, eager)
    )
