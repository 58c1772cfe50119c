"""Every op against Keras: values, dtypes and shapes, on both backends.

One test per op; its rows are in `tests/ops/op_cases.py`.
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

pytestmark = pytest.mark.parity

#: Not as Keras has them, and where ours are held to a definition instead.
ELSEWHERE = {
    "sparsemax": "Keras's entries do not sum to 1; tests/activations has the projection",
}
NAMES = sorted({name for name, _, _ in CASES} - set(ELSEWHERE))


def find(root, name):
    return functools.reduce(getattr, name.split("."), root)


def results(root, name, args, kwargs):
    if name == "eigh_values":  # the vectors' signs are free
        return [root.eigh(*args)[0]]
    return tree.leaves(find(root, name)(*args, **kwargs))


def describe(args):
    return [getattr(arg, "shape", arg) for arg in args]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", NAMES)
def test_op_is_the_contract(name):
    faults = []
    for _, args, kwargs in (row for row in CASES if row[0] == name):
        expected = [
            (np.asarray(value), keras.backend.standardize_dtype(value.dtype))
            for value in map(keras.ops.convert_to_tensor, results(keras.ops, name, args, kwargs))
        ]
        for backend in ("numpy", "jax"):
            with use_backend(backend):
                found = results(ops, name, args, kwargs)
                where = f"{backend} {name}{describe(args)} {kwargs}"
                assert len(found) == len(expected), where
                for value, (wanted, dtype) in zip(found, expected):
                    if ops.dtype(value) != dtype:
                        faults.append(f"{where}: dtype {ops.dtype(value)}, not {dtype}")
                    value = ops.convert_to_numpy(value)
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
