"""`distribution.plan(...)`: what a device of a mesh holds, and what a step exchanges."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from highlevel_backend import ArraySpec, current_backend, tree
from highlevel_backend.operations import Collective, Compiled, nbytes

from highlevel.distribution.layouts import LayoutMap
from highlevel.distribution.mesh import DeviceMesh
from highlevel.distribution.strategies import Distribution, ModelParallel
from highlevel.inspection.plan import batch_specs, made_ready
from highlevel.inspection.tables import Mark, Shown, Table, readable_count, readable_size

__all__ = ["DistributionPlan", "VariableRow", "plan"]


@dataclass(frozen=True)
class VariableRow:
    """One variable, and what each device holds for it.

    Attributes:
        path, shape, dtype: of the variable.
        axes: per axis what it is divided over; see `TensorLayout`.
        weights: bytes of a device's part; `gradients`: of its gradient; `optimizer`: of the
            optimizer's state for it.
    """

    path: str
    shape: tuple[int, ...]
    dtype: str
    axes: tuple
    weights: int
    gradients: int
    optimizer: int


class DistributionPlan(Shown):
    """What training on a mesh takes of each device; prints as tables.

    Attributes:
        model_name, distribution: what was planned; `mesh`: the distribution's.
        rows: a `VariableRow` per weight.
        weights, gradients, optimizer, batch: bytes per device.
        activations: bytes per device of all else that the compiled step needs at once: results
            that are kept for the gradient, and workspace.
        total: bytes per device at the peak of a step, as the compiler reserves them.
        collectives: every exchange of the compiled step; see `Collective`.
    """

    def __init__(self, name: str, distribution: Distribution, rows: list[VariableRow]) -> None:
        self.model_name, self.distribution, self.rows = name, distribution, rows
        self.weights = sum(row.weights for row in rows)
        self.gradients = sum(row.gradients for row in rows)
        self.optimizer = sum(row.optimizer for row in rows)
        self.batch = self.activations = self.total = 0
        self.collectives: list[Collective] = []

    @property
    def mesh(self) -> DeviceMesh:
        """The mesh."""
        return self.distribution.device_mesh

    @property
    def sent(self) -> float:
        """Bytes that a device sends in a step, where the devices of a group form a ring."""
        return sum(each.sent * (each.times or 1) for each in self.collectives)

    def fits(self, bytes: float) -> bool:
        """Whether a step needs no more than so many bytes of each device.

        Args:
            bytes: memory of a device, e.g. `80e9`.
        """
        return self.total <= bytes

    def count(self, kind: str | None = None, axis: str | None = None) -> int | None:
        """How many exchanges a step has; None where some are in a loop of unknown length.

        Args:
            kind: those of a kind alone, such as `"all-reduce"`.
            axis: those along an axis of the mesh alone.
        """
        times = [
            each.times for each in self.collectives
            if kind in (None, each.kind) and (axis is None or axis in each.axes)
        ]
        return None if None in times else round(sum(filter(None, times)))

    def _tables(self) -> list[Table]:
        names = zip(self.mesh.axis_names, self.mesh.shape)
        mesh = " × ".join(f"{name} {length}" for name, length in names)
        whole = [
            ["weights", readable_size(self.weights)],
            ["gradients", readable_size(self.gradients)],
            ["optimizer's state", readable_size(self.optimizer)],
            ["batch", readable_size(self.batch)],
            ["activations and workspace", readable_size(self.activations)],
            ["peak of a step", readable_size(self.total)],
            ["sent in a step", readable_size(self.sent)],
        ]
        notes = ["Activations and exchanges are those of the program compiled for the CPU."] * (
            self.mesh.is_planned)
        return [
            Table(f"Plan of '{self.model_name}' on {mesh}: bytes per device",
                  ["variable", "shape", "divided over", "weights", "gradients", "optimizer"],
                  self._of_variables(), ["weights", "gradients", "optimizer"]),
            Table("Each device, all together", ["what", "amount"], whole, ["amount"], notes),
            Table("Exchanges of a step", ["kind", "over", "when", "how many", "bytes", "sent"],
                  self._of_exchanges(), ["how many", "bytes", "sent"]),
        ]

    def _of_variables(self) -> list[list[str]]:
        """A row for all variables that differ in the numbers within their paths alone."""
        groups: dict[tuple, list[VariableRow]] = {}
        for row in self.rows:
            key = (re.sub(r"\d+", "#", row.path), row.shape, row.dtype, row.axes)
            groups.setdefault(key, []).append(row)
        return [
            [rows[0].path if len(rows) == 1 else f"{path} × {len(rows)}",
             f"{dtype}{list(shape)}", _axes_text(axes),
             *[readable_size(sum(getattr(row, what) for row in rows))
               for what in ("weights", "gradients", "optimizer")]]
            for (path, shape, dtype, axes), rows in groups.items()
        ]

    def _of_exchanges(self) -> list[list[str]]:
        groups: dict[tuple, list[Collective]] = {}
        for each in self.collectives:
            groups.setdefault((each.kind, each.axes, _when(each.where)), []).append(each)
        rows = []
        for (kind, axes, when), found in groups.items():
            known = all(each.times is not None for each in found)
            many = sum(each.times or 1 for each in found)
            size = sum(each.bytes * (each.times or 1) for each in found)
            sent = sum(each.sent * (each.times or 1) for each in found)
            rows.append([
                kind, ", ".join(axes), when,
                readable_count(many) if known else Mark(
                    f"{readable_count(many)} and more: in a loop of unknown length", "warn"),
                readable_size(size), readable_size(sent)])
        return rows


def _axes_text(axes: tuple) -> str:
    if not any(axes):
        return "-"
    return ", ".join(
        "-" if entry is None else entry if isinstance(entry, str) else "+".join(entry)
        for entry in axes)


def _when(where: str) -> str:
    """In which part of the step, by the compiler's note."""
    if "transpose(" in where:
        return "backward"
    return "forward" if "jvp(" in where else "update"


# ------------------------------------------------------------------------- planning


def plan(
    model: Any,
    mesh: DeviceMesh | Mapping[str, int] | None = None,
    layout: LayoutMap | Distribution | Callable[[Any, DeviceMesh], LayoutMap] | None = None,
    batch: int = 32,
    x: Any = None,
    y: Any = None,
    batch_dim_name: str | None = None,
) -> DistributionPlan:
    """What training a model on a mesh takes of each device, and what its steps exchange.

    Nothing is allocated, and the devices need not exist: the step of training is compiled from
    shapes, on a mesh that is only planned by a process that simulates its devices on the CPU.

    Args:
        model: compiled with optimizer and loss; its weights need not exist.
        mesh: a `DeviceMesh`, or name of an axis → its length (`{"data": 8, "model": 16}`) for
            devices that need not exist. None where `layout` is a distribution.
        layout: how weights are divided: a `LayoutMap`, what makes one of model and mesh (such as
            `tensor_parallel`), or a distribution; None for data parallel.
        batch: rows of the whole batch.
        x, y: arrays or `KerasTensor`s of the shapes of inputs and targets, where the model leaves
            lengths open; their first axis does not count.
        batch_dim_name: the mesh's axis that the batch is divided over; the first where None.

    Returns:
        `DistributionPlan`, which prints as tables; `.fits(bytes)`, `.rows`, `.collectives`.

    Raises:
        TypeError: no mesh, or a layout of another kind.
        ValueError: a layout that does not fit its variable; a length that is not known.
        NotImplementedError: the backend has one device.
    """
    distribution = _distribution(model, mesh, layout, batch_dim_name)
    backend = current_backend()
    _ = distribution.device_mesh.backend_mesh  # refused by backends with one device
    model._need_compiled("plan")
    x, y = batch_specs(model, batch, x, y)
    made_ready(model, x, y)
    with distribution.scope():
        program = model._make_program("train")
        data = (x, y, None)
        specs = (*program.specs(), data)
        shardings = (
            (), tuple([[_of(distribution, v) for v in group] for group in program.carried]),
            tree.map_leaves(lambda spec: _of_batch(distribution, spec), data))
        found = backend.partitioned(program.function, specs, shardings, donate=(1,))
        return _told(model, distribution, found, data)


def _distribution(model: Any, mesh: Any, layout: Any, batch_dim_name: str | None) -> Distribution:
    if isinstance(layout, Distribution):
        return layout
    if isinstance(mesh, Mapping):
        mesh = DeviceMesh.planned(tuple(mesh.values()), tuple(mesh))
    if isinstance(layout, LayoutMap):
        return ModelParallel(layout_map=layout, batch_dim_name=batch_dim_name)
    if not isinstance(mesh, DeviceMesh):
        raise TypeError(
            "`plan` takes as `mesh` a DeviceMesh or the lengths of axes by name, such as "
            f"{{'data': 8, 'model': 16}}; got {mesh!r} of type {type(mesh).__name__}.")
    if layout is None:
        return Distribution(mesh, batch_dim_name)
    if callable(layout):
        made: Any = layout(model, mesh)
        return ModelParallel(layout_map=made, batch_dim_name=batch_dim_name)
    raise TypeError(
        "`plan` takes as `layout` a LayoutMap, a function that makes one of model and mesh (such "
        f"as `tensor_parallel`), a distribution or None; got {layout!r} of type "
        f"{type(layout).__name__}.")


def _of(distribution: Distribution, variable: Any) -> Any:
    return distribution.fitting(variable).backend_layout


def _batch_layout(distribution: Distribution, spec: ArraySpec) -> Any:
    """As `Distribution.batch` divides it."""
    rows = spec.shape[0] if spec.shape else 0
    if not rows or rows % distribution.num_model_replicas:
        return None
    return distribution.get_data_layout(spec.shape)


def _of_batch(distribution: Distribution, spec: Any) -> Any:
    if not isinstance(spec, ArraySpec):
        return spec
    layout = _batch_layout(distribution, spec)
    mesh = distribution.device_mesh.backend_mesh
    return current_backend().sharding(mesh, ()) if layout is None else layout.backend_layout


def _part(distribution: Distribution, variable: Any) -> int:
    """Bytes of a device's part."""
    mesh = distribution.device_mesh
    parts = [mesh.length(axis) for axis in distribution.fitting(variable).axes if axis]
    return variable.nbytes // math.prod(parts)


def _told(model: Any, distribution: Distribution, found: Compiled, data: Any) -> DistributionPlan:
    state = {
        id(variable): sum(_part(distribution, slot) for slot in slots)
        for variable, slots in model.optimizer.state_by_variable()
    }
    trained = {id(variable) for variable in model.trainable_variables}
    rows = []
    for variable in model.weights:
        part = _part(distribution, variable)
        rows.append(VariableRow(
            variable.path, tuple(variable.shape), variable.dtype,
            distribution.fitting(variable).axes, part,
            part if id(variable) in trained else 0, state.get(id(variable), 0)))
    made = DistributionPlan(model.name, distribution, rows)
    made.optimizer = sum(_part(distribution, v) for v in model.optimizer.variables)
    made.batch = sum(
        nbytes(spec) // (1 if _batch_layout(distribution, spec) is None
                         else distribution.num_model_replicas)
        for spec in tree.leaves(data) if isinstance(spec, ArraySpec))
    made.collectives = found.collectives
    made.total = found.memory.get("peak", 0)
    made.activations = max(0, found.memory.get("temporary", 0) - made.gradients)
    return made
