"""Whose code an error comes from."""

import numpy as np
import pytest

from highlevel.errors import passes_user_code


def _caught(do):
    try:
        do()
    except Exception as error:
        error.__traceback__ = error.__traceback__.tb_next.tb_next  # without this file's frames
        return error
    raise AssertionError


def test_packages_are_not_the_users(tmp_path):
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "x.h5"
    path.write_bytes(b"nothing")
    assert not passes_user_code(_caught(lambda: h5py.File(path, "r")))  # compiled, and Python
    assert not passes_user_code(_caught(lambda: np.reshape(np.zeros(3), 4)))


def test_the_users_own():
    def own():
        raise KeyError("x")

    assert passes_user_code(_caught(lambda: own()))
