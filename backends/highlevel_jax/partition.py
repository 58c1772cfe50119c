"""Programs for a mesh of devices, compiled without being run, and on devices that are not there.

XLA divides a program between devices in the same way whatever they are, so that a process of its
own compiles it for as many simulated ones as the mesh has (`partition_process`). It is handed
the program as `jax.export` writes it; neither process allocates an array of it.
"""

from __future__ import annotations

import dataclasses
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

import jax
from highlevel_backend import ArraySpec
from highlevel_backend.operations import Compiled
from jax import export

from highlevel_jax.arrays import numpy_dtype
from highlevel_jax.collectives import collectives

__all__ = ["compiled_hastily", "flat_step", "partitioned"]

Tree = Any

# Exchanges and memory are settled before the machine's code is made, which nobody will run.
_HASTY: Any = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}


def partitioned(
    function: Callable, specs: Sequence[Tree], shardings: Sequence[Tree], donate: Sequence[int] = ()
) -> Compiled:
    """See `Backend.partitioned`."""
    jitted, structs, donated = flat_step(function, specs, shardings, donate)
    mesh: Any = structs[0].sharding.mesh
    if isinstance(mesh, jax.sharding.AbstractMesh):
        text, memory = _elsewhere(jitted, structs, mesh, donated)
    else:
        text, memory = compiled_hastily(jitted.lower(*structs), mesh.devices.flat[0].platform)
    found = Compiled({"optimized": text}, memory=memory)
    found.collectives = collectives(text, tuple(mesh.shape.values()), mesh.axis_names)
    return found


def flat_step(
    function: Callable, specs: Sequence[Tree], shardings: Sequence[Tree], donate: Sequence[int] = ()
) -> tuple[Any, list, tuple[int, ...]]:
    """`function` jitted over flat lists of arrays, what to call it with, and what is donated."""
    def is_spec(x: Any) -> bool:
        return isinstance(x, ArraySpec)

    flat, tree = jax.tree.flatten(tuple(specs), is_leaf=is_spec)
    structs = [
        jax.ShapeDtypeStruct(spec.shape, numpy_dtype(spec.dtype), sharding=layout)
        for spec, layout in zip(flat, jax.tree.leaves(tuple(shardings)), strict=True)
    ]
    given = [
        at in donate for at, spec in enumerate(specs)
        for _ in jax.tree.leaves(spec, is_leaf=is_spec)
    ]
    donated = tuple(at for at, free in enumerate(given) if free)

    def step(*leaves: Any) -> list:
        return jax.tree.leaves(function(*jax.tree.unflatten(tree, leaves)))

    return jax.jit(step, donate_argnums=donated), structs, donated


def compiled_hastily(lowered: Any, platform: str) -> tuple[str, dict[str, int]]:
    """The text of the program that is made of it, and its memory per device."""
    program = lowered.compile(compiler_options=_HASTY if platform == "cpu" else None)
    memory = program.memory_analysis()
    if memory is None:
        return program.as_text(), {}
    found = {
        "arguments": int(memory.argument_size_in_bytes),
        "outputs": int(memory.output_size_in_bytes),
        "shared": int(memory.alias_size_in_bytes),
        "temporary": int(memory.temp_size_in_bytes),
    }
    found["peak"] = (
        found["arguments"] + found["outputs"] - found["shared"] + found["temporary"])
    return program.as_text(), found


def _elsewhere(
    jitted: Any, structs: list, mesh: jax.sharding.AbstractMesh, donated: tuple[int, ...]
) -> tuple[str, dict[str, int]]:
    """Compiled by a process that has so many simulated devices."""
    exported = export.export(jitted, platforms=["cpu"])(*structs)
    # JAX's own way to write it wants a further library. Functions (its derivative) stay here.
    fields = {field.name: getattr(exported, field.name) for field in dataclasses.fields(exported)}
    fields = {name: None if callable(value) else value for name, value in fields.items()}
    flags = os.environ.get("XLA_FLAGS", "")
    environment = os.environ | {
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": f"{flags} --xla_force_host_platform_device_count={mesh.size}",
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    run = subprocess.run(
        [sys.executable, "-m", "highlevel_jax.partition_process"],
        input=pickle.dumps((fields, tuple(mesh.shape.values()), mesh.axis_names, donated)),
        capture_output=True, env=environment, check=False,
    )
    if run.returncode:
        raise RuntimeError(
            f"The program could not be compiled for {mesh.size} simulated devices, in a process of "
            f"its own:\n{run.stderr.decode(errors='replace')[-2000:]}")
    head, _, text = run.stdout.decode().partition("\n")
    return text, json.loads(head)
