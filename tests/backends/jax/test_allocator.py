"""Memory that a program gives back is there for its next call, without page faults."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

CODE = """
import resource
import jax, jax.numpy as jnp
from highlevel_jax import backend
from highlevel_jax.memory import keep_freed_memory

@jax.jit
def program(x):  # 40 MiB of temporary memory, the product
    return (jnp.sin(x @ x.T) @ x).sum()

x = jnp.ones((3200, 64))
assert program.lower(x).compile().memory_analysis().temp_size_in_bytes > 36 << 20
for _ in range(5):
    program(x).block_until_ready()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    program(x).block_until_ready()
print(keep_freed_memory(), (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) // 20)
"""


def run(**variables):
    environment = {k: v for k, v in os.environ.items() if "MALLOC" not in k} | variables
    return subprocess.run(
        [sys.executable, "-c", CODE], check=True, timeout=300, env=environment, text=True,
        stdout=subprocess.PIPE,
    ).stdout.split()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's allocator")
def test_a_program_uses_its_memory_again():
    kept, faults = run(JAX_PLATFORMS="cpu")
    if kept == "False":
        pytest.skip("another C library")
    assert int(faults) < 2000  # of 10,000 pages


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's allocator")
def test_what_the_environment_says_of_the_allocator_holds():
    kept, faults = run(JAX_PLATFORMS="cpu", MALLOC_MMAP_THRESHOLD_=str(1 << 20))
    assert kept == "False" and int(faults) > 8000
