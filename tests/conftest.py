"""Fixtures that every test folder shares."""

import os
import zlib

os.environ.setdefault("KERAS_BACKEND", "jax")  # the parity tests' peer

import pytest
from highlevel_backend import available_backends, use_backend

from highlevel.utils import set_random_seed


def pytest_configure(config):
    """Tests of one `xdist_group` share what they prepare: they go to one worker process."""
    if getattr(config.option, "dist", "no") == "load":
        config.option.dist = "loadgroup"


@pytest.fixture(autouse=True)
def seeded(request):
    """What a test draws without a seed is the same at every run, in any order of the tests."""
    name = request.node.nodeid.partition("@")[0]  # without the group
    set_random_seed(zlib.crc32(name.encode()))


@pytest.fixture(params=["numpy", "jax"])
def backend(request):
    """Each of the built-in backends in turn, current for the whole test."""
    if request.param not in available_backends():
        pytest.skip(f"{request.param} is not installed")
    with use_backend(request.param) as found:
        yield found
