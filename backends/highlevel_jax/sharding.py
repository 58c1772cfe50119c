"""Arrays over many devices and processes: JAX's meshes and shardings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from highlevel_jax.arrays import asarray, host_array, is_abstract, unshared
from highlevel_jax.devices import Device

__all__ = ["device_names", "gathering_anew", "mesh", "planned_mesh", "shard", "sharding"]


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


def planned_mesh(shape: Sequence[int], axis_names: Sequence[str]) -> jax.sharding.AbstractMesh:
    """See `Backend.planned_mesh`."""
    return jax.sharding.AbstractMesh(tuple(shape), tuple(axis_names))


def sharding(mesh: Any, axes: Sequence[Any]) -> jax.sharding.NamedSharding:
    """See `Backend.sharding`."""
    open_ = jax.sharding.PartitionSpec.UNCONSTRAINED
    return jax.sharding.NamedSharding(
        mesh, jax.sharding.PartitionSpec(*[open_ if axis is ... else axis for axis in axes]))


def gathering_anew(function: Callable) -> Callable:
    """See `Backend.gathering_anew`."""
    open_ = jax.sharding.PartitionSpec.UNCONSTRAINED

    def kept(primitive: Any, *_: Any, **parameters: Any) -> bool:
        return primitive.name != "sharding_constraint" or open_ in parameters["sharding"].spec

    return jax.checkpoint(function, policy=kept, prevent_cse=False)  # a loop's passes are apart


def shard(x: Any, sharding: Any, parts: bool = False) -> jax.Array:
    """See `Backend.shard`."""
    if is_abstract(x):
        return jax.lax.with_sharding_constraint(x, sharding)
    if isinstance(sharding.mesh, jax.sharding.AbstractMesh):
        raise ValueError(
            f"An array of shape {tuple(x.shape)} cannot be put on a mesh that is only planned: it "
            "has no devices. Make a `DeviceMesh` of those there are (`list_devices()`)."
        )
    if isinstance(x, jax.Array) and x.sharding.is_equivalent_to(sharding, x.ndim):
        return x
    if jax.process_count() == 1:
        x = unshared(host_array(x, None)) if type(x) is np.ndarray else asarray(x)
        return jax.device_put(x, sharding)
    if isinstance(x, jax.Array) and not x.is_fully_addressable:
        # No process has all of it: the devices exchange what has to move.
        return jax.jit(lambda x: x, out_shardings=sharding)(x)
    host = host_array(np.asarray(x), None)
    if parts:
        return _joined(host, sharding)
    return jax.make_array_from_callback(host.shape, sharding, lambda index: host[index])


def _joined(part: np.ndarray, sharding: jax.sharding.NamedSharding) -> jax.Array:
    """One array of the parts that the processes give, as `sharding` says where it can be.

    It cannot where a device is to have rows of another process: on a mesh whose batch axis lies
    within the processes, or where the rows do not divide. Then each process's devices have its
    rows, and the program that takes the array moves them.
    """
    rows, count = len(part), jax.process_count()
    shape = (rows * count, *part.shape[1:])
    try:
        places = sharding.devices_indices_map(shape)
    except ValueError:  # the rows do not divide
        places = {}
    if places and all(
        device.process_index * rows <= place[0].indices(shape[0])[0]
        and place[0].indices(shape[0])[1] <= (device.process_index + 1) * rows
        for device, place in places.items()
    ):
        start = jax.process_index() * rows

        def own(index: Any) -> np.ndarray:
            first, last, _ = index[0].indices(shape[0])
            return part[(slice(first - start, last - start), *index[1:])]

        return jax.make_array_from_callback(shape, sharding, own)
    devices = np.asarray(sharding.mesh.devices).reshape(count, -1)
    if any(len({device.process_index for device in row}) > 1 for row in devices):
        raise ValueError(
            "A mesh that takes batches of several processes must have the devices of each process "
            "side by side: leave `devices` of the DeviceMesh out, or order them so."
        )
    by_process = jax.sharding.NamedSharding(
        jax.sharding.Mesh(devices, ("process", "device")), jax.sharding.PartitionSpec("process"))
    return jax.make_array_from_process_local_data(by_process, part, shape)
