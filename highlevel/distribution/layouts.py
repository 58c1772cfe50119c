"""How tensors lie on a mesh: `TensorLayout`, and `LayoutMap` from paths to layouts."""

from __future__ import annotations

import re
from collections.abc import Iterator, MutableMapping, Sequence
from typing import Any

from highlevel_backend import current_backend

from highlevel.distribution.mesh import DeviceMesh

__all__ = ["LayoutMap", "TensorLayout"]


class TensorLayout:
    """Over which axes of a mesh the axes of a tensor are divided.

    Args:
        axes: per axis of the tensor the name of an axis of the mesh, a tuple of names, or
            None where it is not divided; axes left out at the end are not. Of a layer's output
            one entry may be `...`, which stands for as many axes as it takes and leaves them to
            the compiler: `(..., None)` says that the last one is not divided.
        device_mesh: the mesh; `LayoutMap` fills it in.

    Raises:
        ValueError: a name that is not the mesh's.
    """

    def __init__(self, axes: Sequence[Any], device_mesh: DeviceMesh | None = None) -> None:
        self._axes = tuple(axes)
        self._device_mesh = device_mesh
        self._layouts: dict[tuple, Any] = {}
        self._check()

    def _check(self) -> None:
        if self._device_mesh is None:
            return
        known = set(self._device_mesh.axis_names)
        names = [
            name for entry in self._axes if entry is not None and entry is not ...
            for name in ((entry,) if isinstance(entry, str) else entry)
        ]
        unknown = [name for name in names if name not in known]
        if unknown:
            raise ValueError(
                f"The layout {self._axes} names the axes {unknown}, which the mesh does not "
                f"have. It has: {', '.join(self._device_mesh.axis_names)}."
            )

    @property
    def axes(self) -> tuple:
        """Per axis of the tensor, what it is divided over."""
        return self._axes

    @property
    def device_mesh(self) -> DeviceMesh | None:
        """The mesh."""
        return self._device_mesh

    @device_mesh.setter
    def device_mesh(self, mesh: DeviceMesh) -> None:
        if self._device_mesh is not None:
            raise ValueError(
                f"{self!r} has a mesh already. Make a new TensorLayout for another one."
            )
        self._device_mesh = mesh
        self._check()

    @property
    def backend_layout(self) -> Any:
        """The layout as the current backend's own object.

        Raises:
            ValueError: it has no mesh yet.
        """
        return self.for_rank(None)

    def for_rank(self, rank: int | None) -> Any:
        """`backend_layout` of a tensor with so many axes, which tells what `...` stands for.

        Raises:
            ValueError: it has no mesh yet.
        """
        if self._device_mesh is None:
            raise ValueError(f"{self!r} has no mesh yet: pass `device_mesh`.")
        backend = current_backend()
        axes = self._axes
        if rank is not None and ... in axes:
            at = axes.index(...)
            axes = (*axes[:at], *[...] * (rank - len(axes) + 1), *axes[at + 1:])
        key = (backend.name, axes)
        if key not in self._layouts:
            self._layouts[key] = backend.sharding(self._device_mesh.backend_mesh, axes)
        return self._layouts[key]

    def __repr__(self) -> str:
        return f"<TensorLayout axes={self.axes}, device_mesh={self.device_mesh}>"


class LayoutMap(MutableMapping):
    """Layouts by the paths of variables, and of layers' outputs.

    Keys are paths or regular expressions that a path contains. A path that is a key itself
    has that one's layout; else one expression at most may match.

    Args:
        device_mesh: what layouts without a mesh are for.

    >>> mesh = DeviceMesh((1, 1), ["batch", "model"], devices=["cpu:0"])
    >>> layouts = LayoutMap(mesh)
    >>> layouts["dense.*kernel"] = (None, "model")
    >>> layouts["mlp/dense_1/kernel"].axes
    (None, 'model')
    >>> layouts["mlp/dense_1/bias"] is None
    True
    """

    def __init__(self, device_mesh: DeviceMesh) -> None:
        self._layouts: dict[str, TensorLayout] = {}
        self._patterns: dict[str, re.Pattern] = {}
        self._device_mesh = device_mesh

    @property
    def device_mesh(self) -> DeviceMesh:
        """The mesh."""
        return self._device_mesh

    def __getitem__(self, key: str) -> Any:
        """The layout for a path, None where nothing matches.

        Raises:
            ValueError: more than one expression matches.
        """
        if key in self._layouts:
            return self._layouts[key]
        found = [name for name, pattern in self._patterns.items() if pattern.search(key)]
        if len(found) > 1:
            raise ValueError(
                f"The path '{key}' matches several keys of the LayoutMap: {found}. Make the "
                "expressions narrower, so that one at most matches each path."
            )
        return self._layouts[found[0]] if found else None

    def __setitem__(self, key: str, layout: Any) -> None:
        if key in self._layouts:
            raise ValueError(
                f"The LayoutMap has '{key}' already, with {self._layouts[key]!r}. Delete it first "
                "to put another layout in its place."
            )
        if isinstance(layout, tuple):
            layout = TensorLayout(layout)
        if not isinstance(layout, TensorLayout):
            raise ValueError(
                f"The layout of '{key}' must be a TensorLayout or a tuple of axis names; got "
                f"{layout!r} of type {type(layout).__name__}."
            )
        if layout.device_mesh is None:
            layout.device_mesh = self._device_mesh
        # Kept compiled: `re` itself forgets them where there are hundreds.
        self._patterns[key] = re.compile(key)
        self._layouts[key] = layout

    def __delitem__(self, key: str) -> None:
        del self._layouts[key], self._patterns[key]

    def __contains__(self, key: object) -> bool:
        return key in self._layouts

    def __iter__(self) -> Iterator[str]:
        return iter(self._layouts)

    def __len__(self) -> int:
        return len(self._layouts)

    def __repr__(self) -> str:
        rows = "".join(f"\n  {key}: {layout.axes}" for key, layout in self._layouts.items())
        return f"<LayoutMap on {self._device_mesh!r}{rows}>"
