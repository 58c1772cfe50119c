"""Fixtures that every test folder shares."""

import gc
import os
import zlib

os.environ.setdefault("KERAS_BACKEND", "jax")  # the parity tests' peer

import pytest
from highlevel_backend import available_backends, use_backend

from highlevel.utils import set_random_seed


def pytest_configure(config):
    """Tests are given to worker processes by file, or by `xdist_group` where they have one.

    A file's tests share what is compiled and prepared for them, which every worker that takes
    some of them would do again.
    """
    if getattr(config.option, "dist", "no") == "load":
        config.option.dist = "loadgroup"


def pytest_collection_finish(session):
    """What is imported stays: the garbage collector need not walk it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 20, 10)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.path.stem))


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
