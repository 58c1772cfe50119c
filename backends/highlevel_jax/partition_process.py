"""Compiles a program that it is given for simulated devices, and tells of it; see `partition`.

    python -m highlevel_jax.partition_process < program
"""

from __future__ import annotations

import json
import pickle
import sys

import jax
import numpy as np
from jax import export

from highlevel_jax.partition import compiled_hastily

__all__ = ["main"]


def main() -> None:
    """Compile what stands in the standard input."""
    # From the process that began this one: nobody else writes there.
    fields, shape, axis_names, donated = pickle.load(sys.stdin.buffer)
    exported = export.Exported(**fields)
    mesh = jax.sharding.Mesh(np.array(jax.devices()).reshape(shape), axis_names)
    shardings = exported.in_shardings_jax(mesh)
    structs = [
        jax.ShapeDtypeStruct(aval.shape, aval.dtype, sharding=sharding)
        for aval, sharding in zip(exported.in_avals, shardings)
    ]
    program = jax.jit(exported.call, donate_argnums=donated)
    text, memory = compiled_hastily(program.lower(*structs), "cpu")
    sys.stdout.write(f"{json.dumps(memory)}\n{text}")


if __name__ == "__main__":
    main()
