"""Real processes that train together end as one process does."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np

PROCESS = Path(__file__).with_name("process.py")


def start(address, count, number):
    return subprocess.Popen(
        [sys.executable, PROCESS, address, str(count), str(number)], text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=os.environ | {"HIGHLEVEL_BACKEND": "jax"},
    )  # fmt: skip


def free_port():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


def result(process):
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors[-3000:]
    return json.loads(output.splitlines()[-1])


def test_two_processes_equal_one():
    address = f"127.0.0.1:{free_port()}"
    processes = [start(address, 2, number) for number in range(2)]
    first, second = map(result, processes)
    alone = result(start("", 1, 0))
    assert first == second
    for key, values in alone["history"].items():
        np.testing.assert_allclose(first["history"][key], values, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(first["predictions"], alone["predictions"], rtol=1e-4, atol=1e-5)
    for ours, wanted in zip(first["weights"], alone["weights"]):
        np.testing.assert_allclose(ours, wanted, rtol=1e-4, atol=1e-5)
