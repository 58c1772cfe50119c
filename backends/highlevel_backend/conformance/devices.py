"""Devices, waiting and explanations."""

from __future__ import annotations

import numpy as np

from highlevel_backend.conformance.checks import close, raises, random_array, same


def test_devices_and_put(backend):
    names = backend.devices()
    same(bool(names) and all(isinstance(name, str) for name in names), True, "devices() has names")
    x = random_array(2, 2)
    for device in (None, names[0]):
        close(backend, backend.put(x, device), x, f"put on {device}")


def test_put_on_a_device_that_is_not_there(backend):
    error = raises(ValueError, lambda: backend.put(np.ones(2, "float32"), "toaster:7"), "put")
    text = str(error)
    same("toaster:7" in text and backend.devices()[0] in text, True, "the message names devices")


def test_ready(backend):
    tree = {"a": backend.asarray([1.0]), "b": (backend.asarray(2.0), None)}
    out = backend.ready(tree)
    close(backend, out["a"], np.array([1.0]), "ready")
    same(out["b"][1], None, "ready keeps the structure")


def test_explain(backend):
    same(
        backend.explain(RuntimeError("of some other library")), None, "explain of a foreign error"
    )
