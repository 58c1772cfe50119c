"""Real processes of one training on this machine: started, and what they printed."""

import json
import os
import socket
import subprocess
import sys


def free_port():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


def start(script, count, *arguments, devices=1, stderr=subprocess.PIPE):
    """`count` processes that run a script: `script address count number *arguments`."""
    address = f"127.0.0.1:{free_port()}"
    environment = os.environ | {
        "HIGHLEVEL_BACKEND": "jax",
        "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}",
    }
    return [
        subprocess.Popen(
            [sys.executable, script, address, str(count), str(number), *map(str, arguments)],
            text=True, stdout=subprocess.PIPE, stderr=stderr, env=environment,
        ) for number in range(count)
    ]  # fmt: skip


def results(processes):
    """What each printed as its last line, as JSON."""
    found = [process.communicate(timeout=300) for process in processes]
    for process, (_, errors) in zip(processes, found):
        assert process.returncode == 0, errors[-3000:]
    return [json.loads(output.splitlines()[-1]) for output, _ in found]
