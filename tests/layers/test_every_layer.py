"""Every built-in layer of the families without state: the generic checks."""

import pytest

from . import check
from .rows import ROWS

rows = pytest.mark.parametrize("one", ROWS, ids=str)


@rows
def test_config(one):
    check.check_config(one)


@rows
def test_symbolic_shapes_are_eager_ones(one, backend, monkeypatch):
    check.check_shapes(one, monkeypatch)


@rows
def test_mixed_precision(one, backend):
    check.check_dtypes(one)


@rows
def test_gradients_agree_between_backends(one):
    check.check_gradients(one)
