"""Fixtures that every test folder shares."""

import gc
import os
import zlib
from importlib.metadata import version

os.environ.setdefault("KERAS_BACKEND", "jax")  # the parity tests' peer
# Most of the tests' time is compiling tiny programs: quickly rather than well. XLA ends the process
# where it does not know a flag, hence the version. Documents and docstrings run without them.
if version("jaxlib").startswith("0.10."):
    os.environ.setdefault(
        "XLA_FLAGS",
        "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true",
    )

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
