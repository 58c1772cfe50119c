"""`DeviceMesh`: devices as a grid with named axes; which devices there are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from highlevel_backend import current_backend

__all__ = ["DeviceMesh", "get_device_count", "list_devices"]


def list_devices(device_type: str | None = None) -> list[str]:
    """Names of the devices of all processes.

    Args:
        device_type: `"cpu"`, `"gpu"` or `"tpu"`; the default kind where None.

    Returns:
        Names such as `"cpu:0"`, in the order in which a mesh takes them.

    >>> list_devices("cpu")[0]
    'cpu:0'
    """
    backend = current_backend()
    names = backend.all_devices()
    wanted = (device_type or names[0].split(":")[0]).lower()
    return [name for name in names if name.split(":")[0] == wanted]


def get_device_count(device_type: str | None = None) -> int:
    """How many devices `list_devices(device_type)` names."""
    return len(list_devices(device_type))


class DeviceMesh:
    """Devices as a grid, whose axes data and weights are divided over.

    Args:
        shape: lengths of the axes, e.g. `(2, 4)` for 8 devices.
        axis_names: a name per axis, e.g. `("data", "model")`.
        devices: names of the devices (`list_devices()`), all of them where None.

    Raises:
        ValueError: no axes; not one name per axis; another number of devices.

    >>> mesh = DeviceMesh((1,), ["batch"], devices=["cpu:0"])
    >>> mesh.shape, mesh.axis_names
    ((1,), ['batch'])
    """

    def __init__(
        self,
        shape: Sequence[int],
        axis_names: Sequence[str],
        devices: Sequence[Any] | np.ndarray | None = None,
    ) -> None:
        if not shape or not axis_names:
            raise ValueError(
                f"A DeviceMesh needs a `shape` and a name per axis; got shape={shape} and "
                f"axis_names={axis_names}."
            )
        if len(shape) != len(axis_names):
            raise ValueError(
                f"A DeviceMesh needs one axis name per axis; got shape={tuple(shape)} and "
                f"axis_names={list(axis_names)}."
            )
        names = np.asarray(list_devices() if devices is None else devices).ravel()
        if math.prod(shape) != len(names):
            raise ValueError(
                f"A DeviceMesh of shape {tuple(shape)} has room for {math.prod(shape)} devices, "
                f"but there are {len(names)}: {', '.join(map(str, names[:8]))}"
                f"{', ...' if len(names) > 8 else ''}. Pass as many `devices`."
            )
        self._shape = tuple(shape)
        self._axis_names = list(axis_names)
        self._devices = names.reshape(self._shape)
        self._meshes: dict[str, Any] = {}
        self._planned = False

    @classmethod
    def planned(cls, shape: Sequence[int], axis_names: Sequence[str]) -> DeviceMesh:
        """A mesh of devices that need not exist: layouts can be made for it, and `plan`s.

        Args:
            shape, axis_names: as of a mesh.

        >>> DeviceMesh.planned((8, 16), ["data", "model"])
        <DeviceMesh shape=(8, 16), axis_names=['data', 'model']>
        """
        mesh = cls(shape, axis_names, [f"planned:{i}" for i in range(math.prod(shape))])
        mesh._planned = True
        return mesh

    @property
    def is_planned(self) -> bool:
        """Whether the devices need not exist."""
        return self._planned

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the axes."""
        return self._shape

    @property
    def axis_names(self) -> list[str]:
        """Names of the axes."""
        return self._axis_names

    @property
    def devices(self) -> np.ndarray:
        """The devices' names, in an array of the mesh's shape."""
        return self._devices

    @property
    def backend_mesh(self) -> Any:
        """The mesh as the current backend's own object."""
        backend = current_backend()
        if backend.name not in self._meshes:
            self._meshes[backend.name] = (
                backend.planned_mesh(self._shape, self._axis_names) if self._planned
                else backend.mesh(self._devices, self._axis_names))
        return self._meshes[backend.name]

    def length(self, axes: Any) -> int:
        """Number of parts that an axis name, or a tuple of them, divides into."""
        names = (axes,) if isinstance(axes, str) else axes
        return math.prod(self._shape[self._axis_names.index(name)] for name in names)

    def __repr__(self) -> str:
        return f"<DeviceMesh shape={self.shape}, axis_names={self.axis_names}>"
