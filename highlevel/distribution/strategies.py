"""How training is divided over a mesh: by data alone, or by data and weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from highlevel_backend import current_backend, tree

from highlevel.distribution.layouts import LayoutMap, TensorLayout
from highlevel.distribution.mesh import DeviceMesh, list_devices
from highlevel.state import current_distribution

__all__ = ["DataParallel", "Distribution", "ModelParallel"]


class Distribution:
    """Where on a mesh data and variables lie. See `DataParallel` and `ModelParallel`.

    Args:
        device_mesh: the mesh.
        batch_dim_name: name of the mesh's axis that batches are divided over; the first where
            None.
        auto_shard_dataset: whether each process gets its part of a data set by itself.
        shard_optimizer: whether the optimizer's state is divided over the batch axis too, as
            in ZeRO: less memory per device for one more exchange per step.
    """

    def __init__(
        self,
        device_mesh: DeviceMesh,
        batch_dim_name: str | None = None,
        auto_shard_dataset: bool = True,
        shard_optimizer: bool = False,
    ) -> None:
        self._device_mesh = device_mesh
        self._batch_dim_name = batch_dim_name or device_mesh.axis_names[0]
        if self._batch_dim_name not in device_mesh.axis_names:
            raise ValueError(
                f"The mesh has no axis '{batch_dim_name}' to divide batches over. It has: "
                f"{', '.join(device_mesh.axis_names)}."
            )
        self._auto_shard_dataset = auto_shard_dataset
        self.shard_optimizer = shard_optimizer
        self._chosen: dict[Any, TensorLayout] = {}

    @property
    def device_mesh(self) -> DeviceMesh:
        """The mesh."""
        return self._device_mesh

    @property
    def batch_dim_name(self) -> str:
        """Name of the mesh's axis that batches are divided over."""
        return self._batch_dim_name

    @property
    def auto_shard_dataset(self) -> bool:
        """Whether each process gets its part of a data set by itself."""
        return self._auto_shard_dataset

    @property
    def num_model_replicas(self) -> int:
        """Into how many parts a batch is divided."""
        return self._device_mesh.length(self._batch_dim_name)

    @property
    def num_processes(self) -> int:
        """How many processes take part."""
        return current_backend().processes()[1]

    @property
    def data_shard_id(self) -> int:
        """Which part of the data this process gives."""
        return current_backend().processes()[0]

    # ---------------------------------------------------------------- layouts

    def get_data_layout(self, data_shape: Sequence[int | None]) -> TensorLayout:
        """The layout of a batch: divided along its first axis."""
        axes: list[Any] = [None] * len(data_shape)
        if axes:
            axes[0] = self._batch_dim_name
        return TensorLayout(axes, self._device_mesh)

    def get_variable_layout(self, variable: Any) -> TensorLayout:
        """The layout of a variable: its own, else by its path, else whole on every device."""
        layout = getattr(variable, "layout", None)
        if isinstance(layout, TensorLayout) and layout.device_mesh is self._device_mesh:
            return layout
        found = self._chosen.get(variable) or self._by_path(variable)
        return found or TensorLayout([None] * len(variable.shape), self._device_mesh)

    def _by_path(self, variable: Any) -> TensorLayout | None:
        return None

    def get_tensor_layout(self, path: str) -> TensorLayout | None:
        """The layout demanded of the tensor at a path; None where there is none."""
        return None

    def distribute_dataset(self, dataset: Any) -> Any:
        """`dataset` itself: the training loop divides what it gives."""
        return dataset

    def distribute_tf_dataset(self, dataset: Any) -> Any:
        """The part of a `tf.data.Dataset` that this process reads."""
        if not self._auto_shard_dataset or self.num_processes == 1:
            return dataset
        return dataset.shard(self.num_processes, self.data_shard_id)

    # --------------------------------------------------------------- placing

    def place(self, variables: Any) -> None:
        """Put variables where their layouts say; those there already are left alone.

        Values that nobody has asked for yet are computed in one program, part by part where
        they belong: no device holds the whole of a variable that the layout divides.
        """
        if self._device_mesh.is_planned:
            raise ValueError(
                f"{self._device_mesh!r} is only planned: it has no devices to put variables on. "
                "Make a `DeviceMesh` of those there are (`list_devices()`)."
            )
        backend = current_backend()
        pending = []
        for variable in variables:
            if variable.is_pending:
                pending.append(variable)
                continue
            layout = self.fitting(variable).backend_layout
            value = variable.raw_value()
            placed = backend.shard(value, layout)
            if placed is not value:
                variable.set_raw(placed, backend)
        if pending:
            layouts = [self.fitting(variable).backend_layout for variable in pending]
            values = backend.compile_sharded(
                lambda: [variable.computed_value() for variable in pending], layouts
            )()
            for variable, value in zip(pending, values):
                variable.set_raw(value, backend)

    def constrain(self, variables: Sequence[Any], values: Sequence[Any]) -> list[Any]:
        """Traced values of variables, or their gradients, to lie as the variables do."""
        backend = current_backend()
        return [
            None if value is None else
            backend.shard(value, self.fitting(variable).backend_layout)
            for variable, value in zip(variables, values)
        ]

    def fitting(self, variable: Any) -> TensorLayout:
        """The variable's layout, checked against its shape.

        Raises:
            ValueError: the layout is for more axes, or divides one that does not divide evenly.
        """
        layout = self._fitting.get(variable)
        if layout is None:
            layout = self.get_variable_layout(variable)
            self._check(variable, layout)
            self._fitting[variable] = layout
        return layout

    @property
    def _fitting(self) -> dict[Any, TensorLayout]:
        return self.__dict__.setdefault("_fitting_layouts", {})

    def _check(self, variable: Any, layout: TensorLayout) -> None:
        if ... in layout.axes:
            raise ValueError(
                f"The layout {layout.axes} of the variable '{variable.path}' leaves axes to the "
                "compiler (`...`), which only those of layers' outputs may. Write None for axes "
                "that are not divided."
            )
        if len(layout.axes) > len(variable.shape):
            raise ValueError(
                f"The layout {layout.axes} is for {len(layout.axes)} axes, but the variable "
                f"'{variable.path}' has the shape {variable.shape}."
            )
        for axis, (length, name) in enumerate(zip(variable.shape, layout.axes)):
            parts = 1 if name is None else self._device_mesh.length(name)
            if length % parts:
                raise ValueError(
                    f"Axis {axis} of the variable '{variable.path}' has {length} entries, which "
                    f"cannot be divided into {parts} equal parts over the mesh's axis {name!r}. "
                    f"Choose a multiple of {parts}, or leave this axis undivided."
                )

    def follow(self, reference: Any, slots: Sequence[Any]) -> None:
        """Let the optimizer's state for a variable lie as the variable does."""
        layout = self.get_variable_layout(reference)
        for slot in slots:
            if slot.shape != reference.shape:
                continue
            chosen = self._over_data(slot, layout) if self.shard_optimizer else layout
            self._chosen[slot] = chosen

    def _over_data(self, slot: Any, layout: TensorLayout) -> TensorLayout:
        """The layout with the first free axis divided over the batch axis as well."""
        axes = [*layout.axes, *[None] * (len(slot.shape) - len(layout.axes))]
        if any(self._batch_dim_name in (entry if isinstance(entry, tuple) else (entry,))
               for entry in axes):
            return layout
        for axis, length in enumerate(slot.shape):
            if axes[axis] is None and length % self.num_model_replicas == 0 and length:
                axes[axis] = self._batch_dim_name
                return TensorLayout(axes, self._device_mesh)
        return layout

    def batch(self, data: Any, parts: bool = False) -> Any:
        """A batch (a tree of arrays) divided over the batch axis, where its rows allow it."""
        backend = current_backend()

        def divided(leaf: Any) -> Any:
            if getattr(leaf.dtype, "kind", "f") in "OUST":
                return leaf
            rows = leaf.shape[0] * (self.num_processes if parts else 1) if leaf.ndim else 0
            if not rows or rows % self.num_model_replicas:
                layout = TensorLayout([None] * leaf.ndim, self._device_mesh)
            else:
                layout = self.get_data_layout(leaf.shape)
            return backend.shard(leaf, layout.backend_layout, parts)

        return tree.map_leaves(divided, data)

    def everywhere(self, data: Any) -> Any:
        """A tree of arrays, whole on every device."""
        backend = current_backend()
        return tree.map_leaves(
            lambda leaf: backend.shard(
                leaf, TensorLayout([None] * leaf.ndim, self._device_mesh).backend_layout
            ),
            data,
        )

    def laid_out(self, path: str, outputs: Any) -> Any:
        """A layer's outputs with the demand that the layout of their path makes."""
        layout = self.get_tensor_layout(path)
        if layout is None:
            return outputs
        backend = current_backend()
        return tree.map_leaves(lambda x: backend.shard(x, layout.for_rank(x.ndim)), outputs)

    def gathered(
        self, variables: Sequence[Any], values: Sequence[Any], part: bool = False
    ) -> list[Any]:
        """Traced values of variables as a layer uses them: not divided over the batch axis.

        Said of weights, because else the compiler may rather gather what they are used on. States
        that layers carry, such as moving averages, are computed where they lie.

        Args:
            variables, values: as of `constrain`.
            part: whether the values are entries along the variables' first axis, as a block's
                of `Repeat`, which are gathered when it is their turn.
        """
        return [
            value if (variable.used_by_parts and not part) or not variable.born_trainable
            else self._gathered(variable, value, int(part))
            for variable, value in zip(variables, values)
        ]

    def gathers(self, variables: Sequence[Any]) -> bool:
        """Whether some of the variables are divided over the batch axis."""
        return any(
            self._batch_dim_name in (entry if isinstance(entry, tuple) else (entry,))
            for variable in variables for entry in self.fitting(variable).axes
        )

    def _gathered(self, variable: Any, value: Any, skipped: int) -> Any:
        name = self._batch_dim_name
        entries = [
            entry if isinstance(entry, tuple) else (entry,)
            for entry in self.fitting(variable).axes[skipped:]
        ]
        if not any(name in entry for entry in entries):
            return value
        axes = [
            rest if len(rest) > 1 else rest[0] if rest else None
            for entry in entries
            for rest in [tuple([each for each in entry if each != name])]
        ]
        layout = TensorLayout(axes, self._device_mesh)
        return current_backend().shard(value, layout.backend_layout)

    @contextmanager
    def scope(self) -> Iterator[Distribution]:
        """Within the block, this is the distribution in force."""
        token = current_distribution.set(self)
        try:
            yield self
        finally:
            current_distribution.reset(token)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} device_mesh={self._device_mesh!r}>"


class DataParallel(Distribution):
    """Every device has all weights and works on its part of each batch.

    Args:
        device_mesh: mesh of one axis; made of `devices` where None.
        devices: names of devices; all of them where None.
        auto_shard_dataset: whether each process gets its part of a data set by itself.
        shard_optimizer: whether the optimizer's state is divided over the devices (ZeRO).

    >>> import highlevel as hl
    >>> DataParallel(devices=["cpu:0"]).device_mesh
    <DeviceMesh shape=(1,), axis_names=['batch']>
    """

    def __init__(
        self,
        device_mesh: DeviceMesh | None = None,
        devices: Sequence[str] | None = None,
        auto_shard_dataset: bool = True,
        *,
        shard_optimizer: bool = False,
    ) -> None:
        if device_mesh is None:
            names = list(devices) if devices is not None else list_devices()
            device_mesh = DeviceMesh((len(names),), ["batch"], names)
        super().__init__(
            device_mesh, auto_shard_dataset=auto_shard_dataset, shard_optimizer=shard_optimizer
        )


class ModelParallel(Distribution):
    """Weights are divided as a `LayoutMap` says, batches over one axis of its mesh.

    Args:
        layout_map: layouts by paths of variables; what it does not name is whole everywhere.
        batch_dim_name: the mesh's axis that batches are divided over; the first where None.
        auto_shard_dataset: whether each process gets its part of a data set by itself.
        shard_optimizer: whether the optimizer's state is divided over the batch axis too.

    Raises:
        ValueError: `layout_map` is no `LayoutMap`.
    """

    def __init__(
        self,
        layout_map: LayoutMap | None = None,
        batch_dim_name: str | None = None,
        auto_shard_dataset: bool = True,
        **kwargs: Any,
    ) -> None:
        kwargs.pop("device_mesh", None)  # the map's
        shard_optimizer = kwargs.pop("shard_optimizer", False)
        if kwargs:
            raise TypeError(f"ModelParallel does not know the arguments {sorted(kwargs)}.")
        if not isinstance(layout_map, LayoutMap):
            raise ValueError(
                f"ModelParallel needs `layout_map`, a LayoutMap; got {layout_map!r} of type "
                f"{type(layout_map).__name__}."
            )
        self._layout_map = layout_map
        super().__init__(
            layout_map.device_mesh, batch_dim_name, auto_shard_dataset, shard_optimizer
        )

    def _by_path(self, variable: Any) -> TensorLayout | None:
        return self._layout_map[variable.path]

    def get_tensor_layout(self, path: str) -> TensorLayout | None:
        """The layout that the map demands of the tensor at a path."""
        return self._layout_map[path]
