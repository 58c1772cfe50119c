"""Arrays over many devices and processes: JAX's meshes, shardings and distributed runtime."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from highlevel_jax.arrays import asarray, host_array, is_abstract, unshared
from highlevel_jax.devices import Device

__all__ = ["connect", "device_names", "mesh", "processes", "shard", "sharding"]


def connect(coordinator: str, processes: int, process: int) -> None:
    """See `Backend.connect`."""
    # How processes on CPUs talk; devices of other kinds have ways of their own.
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.distributed.initialize(coordinator, num_processes=processes, process_id=process)


def processes() -> tuple[int, int]:
    """See `Backend.processes`."""
    return jax.process_index(), jax.process_count()


def _all_devices() -> dict[str, Device]:
    """The devices of all processes by name, numbered through."""
    counts: dict[str, int] = {}
    table: dict[str, Device] = {}
    for device in jax.devices():
        number = counts.get(device.platform, 0)
        counts[device.platform] = number + 1
        table[f"{device.platform}:{number}"] = device
    return table


def device_names() -> list[str]:
    """See `Backend.all_devices`."""
    return list(_all_devices())


def mesh(devices: Any, axis_names: Sequence[str]) -> jax.sharding.Mesh:
    """See `Backend.mesh`."""
    table = _all_devices()
    names = np.asarray(devices)
    unknown = [name for name in names.ravel() if name not in table]
    if unknown:
        raise ValueError(
            f"There is no device {unknown[0]!r} for the mesh; there are: {', '.join(table)}."
        )
    found = np.array([table[name] for name in names.ravel()]).reshape(names.shape)
    return jax.sharding.Mesh(found, tuple(axis_names))


def sharding(mesh: jax.sharding.Mesh, axes: Sequence[Any]) -> jax.sharding.NamedSharding:
    """See `Backend.sharding`."""
    return jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec(*axes))


def shard(x: Any, sharding: Any, parts: bool = False) -> jax.Array:
    """See `Backend.shard`."""
    if is_abstract(x):
        return jax.lax.with_sharding_constraint(x, sharding)
    if isinstance(x, jax.Array) and x.sharding.is_equivalent_to(sharding, x.ndim):
        return x
    if jax.process_count() == 1:
        x = unshared(host_array(x, None)) if type(x) is np.ndarray else asarray(x)
        return jax.device_put(x, sharding)
    host = host_array(np.asarray(x), None)
    if parts:
        return jax.make_array_from_process_local_data(sharding, host)
    return jax.make_array_from_callback(host.shape, sharding, lambda index: host[index])
