"""Dropout draws the same mask on both backends, so that a step can be taken again on the other."""

import numpy as np
import pytest
from highlevel_backend import use_backend

import highlevel as hl


@pytest.mark.parametrize("rate", [0.0, 0.3, 0.9])
def test_the_same_on_both_backends(rate):
    found = []
    for name in ("numpy", "jax"):
        with use_backend(name):
            x = hl.ops.ones((7, 11, 3))
            found.append(hl.ops.convert_to_numpy(hl.random.dropout(x, rate, seed=5)))
    np.testing.assert_array_equal(*found)
    assert abs((found[0] == 0).mean() - rate) < 0.1
