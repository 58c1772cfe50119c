"""The conformance kit: every method of the backend interface, held to closed forms.

A plug-in's author writes one test file and runs pytest on it::

    from highlevel_backend.conformance import *  # noqa: F403

    backend_name = "mine"  # an installed backend's name, or a Backend object

Two further names may be set in that file:

``conformance_skips``
    Test name → reason, for what the backend cannot do. Such tests are skipped and listed.
``kernel_cases``
    Operation name → ``(reference, cases)``: what each entry of ``backend.kernels`` is
    compared with, see `check_kernel`. Kernels without an entry here are not compared.

Expected values come from NumPy, from closed forms and, for gradients, from differences of
the plain loops in `reference.py`; no other backend is needed. Nothing here imports
`highlevel`.
"""

from __future__ import annotations

import pytest

from highlevel_backend.conformance import (
    arrays,
    control_flow,
    convolution,
    derivatives,
    devices,
    indexing,
    mapping,
    programs,
    random_bits,
    shapes,
    windows,
)
from highlevel_backend.conformance.checks import check_kernel
from highlevel_backend.registry import load_backend, use_backend

_MODULES = (
    arrays, derivatives, mapping, shapes, control_flow, indexing, convolution, windows,
    random_bits, devices, programs,
)  # fmt: skip


@pytest.fixture(scope="module")
def backend(request):
    """The backend under test: the test file's `backend_name`."""
    wanted = getattr(request.module, "backend_name", None)
    if wanted is None:
        pytest.fail("Set `backend_name` in the file that imports the conformance kit.")
    return load_backend(wanted)


@pytest.fixture(autouse=True)
def conformance_setting(request, backend):
    """Each test runs with the backend current; those the file excuses are skipped."""
    skips = getattr(request.module, "conformance_skips", {})
    name = getattr(request.node, "originalname", request.node.name)
    if name in skips:
        pytest.skip(skips[name])
    with use_backend(backend):
        yield


def test_kernels_agree_with_their_definitions(request, backend):
    """Each entry of `backend.kernels` for which the file gives a reference and cases."""
    cases = getattr(request.module, "kernel_cases", {})
    for name, kernel in backend.kernels.items():
        if name in cases:
            reference, inputs = cases[name]
            check_kernel(backend, name, kernel, reference, inputs)


_TESTS = {
    name: function
    for module in _MODULES
    for name, function in vars(module).items()
    if name.startswith("test_")
}
__all__ = [
    "backend",
    "check_kernel",
    "conformance_setting",
    "test_kernels_agree_with_their_definitions",
]
globals().update(_TESTS, __all__=[*__all__, *_TESTS])
