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


def slurm(count, number, job):
    """What Slurm tells the processes of a step; JAX makes the port of the job's number."""
    return {
        "SLURM_JOB_ID": str(job), "SLURM_STEP_NODELIST": "localhost", "SLURM_NTASKS": str(count),
        "SLURM_PROCID": str(number), "SLURM_LOCALID": str(number),
    }  # fmt: skip


def start(script, count, *arguments, devices=1, launcher=None):
    """`count` processes that run a script: `script address count number *arguments`."""
    port = free_port()
    environment = os.environ | {
        "HIGHLEVEL_BACKEND": "jax",
        "XLA_FLAGS": f"{os.environ.get('XLA_FLAGS', '')} "
        f"--xla_force_host_platform_device_count={devices}",
    }
    return [
        subprocess.Popen(
            [sys.executable, script, "launcher" if launcher else f"127.0.0.1:{port}",
             *map(str, (count, number, *arguments))],
            text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=environment | (launcher(count, number, port) if launcher else {}),
        ) for number in range(count)
    ]  # fmt: skip


def results(processes):
    """What each printed as its last line, as JSON."""
    try:
        found = [process.communicate(timeout=300) for process in processes]
    finally:
        for process in processes:  # one that waits for another would do so for ever
            process.kill()
    for process, (_, errors) in zip(processes, found):
        assert process.returncode == 0, errors[-3000:]
    return [json.loads(output.splitlines()[-1]) for output, _ in found]
