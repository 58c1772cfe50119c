"""Devices by name: `"cpu:0"`, `"gpu:1"`, `"tpu:3"`."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from highlevel_jax.arrays import CONCRETE, asarray, host_array, unshared

__all__ = ["device_names", "find_device", "put"]

Device = Any  # `jax.Device` is a variable, which no annotation may name


def _table() -> dict[str, Device]:
    """This process's devices by name, the default platform's first, then the host's."""
    found = list(jax.local_devices())
    if found[0].platform != "cpu":
        found += jax.local_devices(backend="cpu")
    table: dict[str, Device] = {}
    counts: dict[str, int] = {}
    for device in found:
        # Counted per process: device ids of the second process may start at any number.
        number = counts.get(device.platform, 0)
        counts[device.platform] = number + 1
        table[f"{device.platform}:{number}"] = device
    return table


def device_names() -> list[str]:
    """Names of the devices; the first is the default one."""
    return list(_table())


def find_device(name: str) -> Device:
    """The device of that name; `"gpu"` alone means `"gpu:0"`.

    Raises:
        ValueError: there is none; the message lists those there are.
    """
    table = _table()
    device = table.get(name) or table.get(f"{name}:0")
    if device is None:
        raise ValueError(f"The backend 'jax' has no device {name!r}. It has: {', '.join(table)}.")
    return device


def put(x: Any, device: str | None = None) -> jax.Array:
    """`x` on a device, without waiting for the transfer; see `Backend.put`."""
    if device is None:
        return asarray(x)
    target = find_device(device)
    if type(x) is np.ndarray:
        # No detour over the default device.
        return jax.device_put(unshared(host_array(x, None)), target)
    if type(x) is not CONCRETE:
        x = asarray(x)
    return jax.device_put(x, target)
