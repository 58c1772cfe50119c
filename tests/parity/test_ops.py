"""Every op against Keras: values, dtypes and shapes, on both backends.

One test per op; its rows are in `tests/ops/op_cases.py`. On JAX all rows of an op, Keras's and
ours, are one program: compiling is nearly all that a row costs.
"""

import functools
import os
import sys

os.environ.setdefault("KERAS_BACKEND", "jax")
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "ops"))

import jax
import numpy as np
import pytest

keras = pytest.importorskip("keras")

from awkward_cases import CASES  # noqa: E402
from highlevel_backend import tree, use_backend  # noqa: E402

from highlevel import ops  # noqa: E402

pytestmark = pytest.mark.parity

#: Not as Keras has them, and where ours are held to a definition instead.
ELSEWHERE = {
    "sparsemax": "Keras's entries do not sum to 1; tests/activations has the projection",
}
#: Ours go another way where values are known: called as they are, nothing traced.
LOOKING = {"bincount", "slice", "slice_update", "unique"}
NAMES = sorted({name for name, _, _ in CASES} - set(ELSEWHERE))


def find(root, name):
    return functools.reduce(getattr, name.split("."), root)


def results(root, name, args, kwargs):
    if name == "eigh_values":  # the vectors' signs are free
        return [root.eigh(*args)[0]]
    return tree.leaves(find(root, name)(*args, **kwargs))


def describe(args):
    return [getattr(arg, "shape", arg) for arg in args]


class Row:
    """A call of an op by Keras and by us on JAX, which may be traced: the dtypes of the results
    are noted on the way.
    """

    def __init__(self, name, args, kwargs):
        self.name, self.leaves = name, tree.leaves((args, kwargs))
        self.definition = tree.flatten((args, kwargs))[1]
        #: where the arguments stand that a compiled program takes as they are
        self.places = [
            j for j, x in enumerate(self.leaves)
            if isinstance(x, np.ndarray) and jax.dtypes.canonicalize_dtype(x.dtype) == x.dtype
        ]
        self.values = [self.leaves[place] for place in self.places]
        self.program = jax.jit(self.call)
        self.dtypes = ([], [])

    def call(self, values):
        leaves = list(self.leaves)
        for place, value in zip(self.places, values):
            leaves[place] = value
        args, kwargs = tree.unflatten(self.definition, leaves)
        theirs = [
            keras.ops.convert_to_tensor(value)
            for value in results(keras.ops, self.name, args, kwargs)
        ]
        ours = results(ops, self.name, args, kwargs)
        self.dtypes = (
            [keras.backend.standardize_dtype(value.dtype) for value in theirs],
            [ops.dtype(value) for value in ours],
        )
        return theirs, ours

    def traceable(self):
        """Whether what the results are, and how many, does not hang on values."""
        if self.name in LOOKING:
            return False
        try:
            self.program.eval_shape(self.values)
        except (TypeError, IndexError, NotImplementedError):
            return False
        return True


def on_jax(name, calls):
    """Of each call Keras's results and ours, each a list of (array, dtype)."""
    with use_backend("jax") as backend:
        rows = [Row(name, args, kwargs) for args, kwargs in calls]
        traced = [row for row in rows if row.traceable()]
        together = jax.jit(lambda values: [row.program(v) for row, v in zip(traced, values)])
        found = dict(zip(map(id, traced), together([row.values for row in traced])))
        return [
            tuple(
                list(zip(map(backend.to_numpy, values), dtypes, strict=True))
                for values, dtypes in zip(found.get(id(row)) or row.call(row.values), row.dtypes)
            )
            for row in rows
        ]


def on_numpy(name, args, kwargs):
    with use_backend("numpy"):
        return [
            (ops.convert_to_numpy(value), ops.dtype(value))
            for value in results(ops, name, args, kwargs)
        ]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", NAMES)
def test_op_is_the_contract(name):
    faults = []
    calls = [(args, kwargs) for found, args, kwargs in CASES if found == name]
    for (args, kwargs), (expected, compiled) in zip(calls, on_jax(name, calls)):
        for backend, found in (("numpy", on_numpy(name, args, kwargs)), ("jax", compiled)):
            where = f"{backend} {name}{describe(args)} {kwargs}"
            assert len(found) == len(expected), where
            for (value, found_dtype), (wanted, dtype) in zip(found, expected):
                if found_dtype != dtype:
                    faults.append(f"{where}: dtype {found_dtype}, not {dtype}")
                # Half precision, and images rounded to bytes, may fall to the other side.
                tolerance = 2e-2 if "16" in dtype else 1.01 if "resize" in name and dtype == "uint8" else 2e-5
                if value.shape != wanted.shape:
                    faults.append(f"{where}: shape {value.shape}, not {wanted.shape}")
                elif not np.allclose(
                    value.astype("complex128"), wanted.astype("complex128"),
                    rtol=tolerance, atol=tolerance, equal_nan=True,
                ):
                    faults.append(f"{where}: {value.ravel()[:5]}, not {wanted.ravel()[:5]}")
    assert not faults, "\n".join(faults)
