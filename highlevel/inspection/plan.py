"""`model.plan(batch_size)`: parameters, memory and arithmetic of a model, from shapes alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from highlevel_backend import ArraySpec, current_backend, tree
from highlevel_backend.operations import Operations, nbytes

from highlevel.inspection.calls import (
    LayerRun,
    by_path,
    followed,
    operations_of,
    refuse_strings,
    spec_of_array,
    text_of_shapes,
)
from highlevel.inspection.liveness import memory_needed
from highlevel.inspection.tables import Shown, Table, readable_count, readable_size
from highlevel.inspection.taps import observing
from highlevel.optimizers.state import state_kept_for
from highlevel.symbolic import SymbolicTensor

__all__ = [
    "LayerMemory", "LayerPlan", "Plan", "batch_specs", "flops_of_layer", "made_ready",
    "memory_of_layer", "plan_model",
]


@dataclass
class LayerPlan:
    """What one call of a layer takes.

    Attributes:
        path: names on the way to the layer, `#2` for its second call; `layer`: itself.
        parameters: number of entries of its weights; `weights`: their bytes.
        optimizer: bytes of the optimizer's state for them.
        activations: bytes of what it returns.
        flops: arithmetic operations of the call, forward.
        inner: whether no other layer is called within it; those add up to the whole.
    """

    layer: Any
    path: str
    output: str
    parameters: int
    weights: int
    optimizer: int
    activations: int
    flops: float
    inner: bool


class Plan(Shown):
    """What a model takes in memory and arithmetic, for one batch size.

    Attributes:
        batch_size: rows of the batch.
        layers: a `LayerPlan` per call of a layer, in the order in which the calls end.
        parameters: entries of all weights; `trainable`: of those that are trained.
        weights: bytes of the weights; `optimizer`: of the optimizer's state, both exact.
        gradients: bytes of the gradients of all that is trained.
        batch: bytes of the batch.
        activations: bytes of what the innermost layers return, for the batch.
        flops: arithmetic operations of one call of the model on the batch.
        training_flops: of one step of training; None where the model is not compiled.
        peak: bytes of all together while a step of training runs (of a call, where the model is
            not compiled).
        training: whether `peak` is that of a step of training.
        compiled: whether `peak` is the compiler's own figure.
    """

    def __init__(self, name: str, batch_size: int, layers: list[LayerPlan]) -> None:
        self.model_name, self.batch_size, self.layers = name, batch_size, layers
        self.parameters = self.trainable = self.weights = self.optimizer = self.gradients = 0
        self.batch = self.activations = self.peak = 0
        self.flops = 0.0
        self.training_flops: float | None = None
        self.training = self.compiled = False

    def __getitem__(self, path: str) -> LayerPlan:
        """The plan of a layer's call by its path.

        Raises:
            KeyError: no call has that path; tells the likely one.
        """
        return by_path(self.model_name, self.layers, path)

    def _tables(self) -> list[Table]:
        columns = ["layer", "type", "output", "parameters", "weights", "activations", "FLOPs"]
        rows = [
            [layer.path, type(layer.layer).__name__, layer.output,
             readable_count(layer.parameters), readable_size(layer.weights),
             readable_size(layer.activations), readable_count(layer.flops)]
            for layer in self.layers
        ]
        step = "a step of training" if self.training else "a call"
        whole = [
            ["parameters", f"{self.parameters:,}"],
            ["of them trained", f"{self.trainable:,}"],
            ["weights", readable_size(self.weights)],
            ["optimizer's state", readable_size(self.optimizer)],
            ["gradients", readable_size(self.gradients)],
            ["activations", readable_size(self.activations)],
            ["batch", readable_size(self.batch)],
            [f"peak of {step}" + (", by the compiler" if self.compiled else ""),
             readable_size(self.peak)],
            ["FLOPs of a call", readable_count(self.flops)],
            ["FLOPs of a step of training", readable_count(self.training_flops)],
        ]
        return [
            Table(f"Plan of '{self.model_name}' for batches of {self.batch_size}", columns, rows,
                  columns[3:]),
            Table("All together", ["what", "amount"], whole, ["amount"]),
        ]


def plan_model(
    model: Any, batch_size: int, x: Any = None, y: Any = None, compile: bool = False
) -> Plan:
    """See `Model.plan`."""
    x, y = batch_specs(model, batch_size, x, y)
    trains = model.optimizer is not None
    if trains and current_backend().compiles:
        made_ready(model, x, y)
    elif trains and not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    runs, forward = followed(model, (x,), {"training": trains}, trains)
    state = {
        id(variable): sum(v.nbytes for v in slots)
        for variable, slots in (model.optimizer.state_by_variable() if trains else ())
    }
    plan = Plan(model.name, batch_size, [_layer_plan(run, state, trains) for run in runs])
    plan.parameters = sum(v.size for v in model.weights)
    plan.weights = sum(v.nbytes for v in model.weights)
    plan.trainable = sum(v.size for v in model.trainable_variables)
    plan.batch = sum(nbytes(spec) for spec in tree.leaves((x, y)) if isinstance(spec, ArraySpec))
    plan.activations = sum(layer.activations for layer in plan.layers if layer.inner)
    plan.flops = forward.flops
    if not trains:
        plan.peak = forward.bytes_of(forward.inputs) + _of_results(forward) + memory_needed(
            forward).bytes
        return plan
    plan.training = True
    plan.optimizer = sum(v.nbytes for v in model.optimizer.variables)
    plan.gradients = sum(v.nbytes for v in model.trainable_variables)
    _plan_step(model, plan, forward, (x, y, None), compile)
    return plan


def batch_specs(model: Any, batch_size: int, x: Any, y: Any) -> tuple[Any, Any]:
    """Specs of inputs and targets, None for those of a model that does not train; builds it."""
    x, y = _with_rows(_inputs(model, x), batch_size), _with_rows(y, batch_size)
    refuse_strings(model, x)
    if not model.built:
        rows = tree.map_leaves(_one_row, x)
        model._make_ready((rows, None, None), training=False, for_predict=True)
    if model.optimizer is not None and y is None:
        y = _targets(model, batch_size)
    return x, y


def made_ready(model: Any, x: Any, y: Any) -> None:
    """Let losses, metrics and the optimizer make their variables."""
    rows = tree.map_leaves(_one_row, (x, y))
    model._make_ready((*rows, None), training=True)


def _plan_step(
    model: Any, plan: Plan, forward: Operations, batch: tuple, compile: bool
) -> None:
    """What a step of training takes."""
    backend = current_backend()
    if not backend.compiles or model.run_eagerly:
        # Every result is kept for the gradient; new weights and state stand beside the old.
        kept = sum(
            forward.bytes_of(o.outputs) * (1 if o.times == 1 else o.times)
            for o in forward.operations if o.form != "view")
        plan.training_flops = 3 * forward.flops
        plan.peak = kept + plan.gradients + plan.batch + 2 * (plan.weights + plan.optimizer)
        return
    program = model._program("train")
    specs = (*program.specs(), batch)
    step = backend.operations(program.function, *specs)
    plan.training_flops = step.flops
    if compile:
        plan.peak = backend.compiled(program.function, specs, donate=(1,)).memory["peak"]
        plan.compiled = True
        return
    plan.peak = step.bytes_of(step.inputs) + memory_needed(step).bytes


def _of_results(found: Operations) -> int:
    given = set(found.inputs)
    return found.bytes_of([number for number in found.outputs if number not in given])


def _layer_plan(run: LayerRun, state: dict[int, int], training: bool) -> LayerPlan:
    weights = run.layer.weights
    return LayerPlan(
        run.layer, run.path, text_of_shapes(run.outputs), sum(v.size for v in weights),
        sum(v.nbytes for v in weights), sum(state.get(id(v), 0) for v in weights),
        run.output_bytes, _flops(run.layer, run.args, run.kwargs, training), run.inner)


def _flops(layer: Any, args: tuple, kwargs: dict[str, Any], training: bool | None) -> float:
    def call(*args: Any, **kwargs: Any) -> Any:
        with observing(None, training):
            return layer(*args, **kwargs)

    return operations_of(call, layer.variables, args, kwargs).flops


# ------------------------------------------------------------------- shapes of batches


def _inputs(model: Any, x: Any) -> Any:
    """Specs of the inputs, with None where only the batch says a length."""
    if x is not None:
        return tree.map_leaves(_spec, x)
    try:
        found = model.input
    except AttributeError:
        raise ValueError(
            f"Model '{model.name}' does not know the shapes of its inputs. Give them: "
            "`model.plan(batch_size, x=batch)`, with arrays or `hl.KerasTensor`s of their shapes."
        ) from None
    return tree.map_leaves(_spec, found)


def _spec(leaf: Any) -> Any:
    if isinstance(leaf, ArraySpec) or not hasattr(leaf, "shape"):
        return leaf
    if type(leaf) is SymbolicTensor:
        return ArraySpec(tuple(leaf.shape), leaf.dtype)
    return spec_of_array(leaf)


def _with_rows(structure: Any, rows: int) -> Any:
    """Specs with a batch of so many rows.

    Raises:
        ValueError: another length is not known.
    """
    def one(spec: Any) -> Any:
        spec = _spec(spec)
        if not isinstance(spec, ArraySpec) or not spec.shape:
            return spec
        if None in spec.shape[1:]:
            raise ValueError(
                f"An input has the shape {spec.shape}: `plan` has to know all lengths but the "
                "first. Give it a batch, `model.plan(batch_size, x=batch)`."
            )
        return ArraySpec((rows, *spec.shape[1:]), spec.dtype)

    return None if structure is None else tree.map_leaves(one, structure)


def _targets(model: Any, rows: int) -> Any:
    """Specs of targets: those of the outputs, or class numbers for losses that take these."""
    losses = model.loss if isinstance(model.loss, (list, tuple, dict)) else None
    outputs = model.output
    if losses is None:
        return _with_rows(
            tree.map_leaves(lambda t: _target(model.loss, t), outputs), rows)
    try:
        if isinstance(losses, dict) and not isinstance(outputs, dict):
            names = model.output_names
            found = [_target(losses.get(n), t) for n, t in zip(names, tree.leaves(outputs))]
            outputs = dict(zip(names, found))
        elif isinstance(losses, dict):
            outputs = {name: _target(losses.get(name), t) for name, t in outputs.items()}
        else:
            outputs = [_target(loss, t) for loss, t in zip(losses, tree.leaves(outputs))]
    except (AttributeError, TypeError) as error:
        raise ValueError(
            f"The shapes of the targets of '{model.name}' are not known; give them: "
            "`model.plan(batch_size, y=targets)`.") from error
    return _with_rows(outputs, rows)


def _target(loss: Any, output: Any) -> ArraySpec:
    name = loss if isinstance(loss, str) else getattr(loss, "__name__", type(loss).__name__)
    if "sparse" in name.lower():
        return ArraySpec(tuple(output.shape[:-1]), "int32")
    return ArraySpec(tuple(output.shape), output.dtype)


def _one_row(spec: Any) -> Any:
    if not isinstance(spec, ArraySpec):
        return spec
    shape = (1, *(n or 1 for n in spec.shape[1:])) if spec.shape else ()
    return np.zeros(shape, spec.dtype if spec.dtype != "bfloat16" else "float32")


# ------------------------------------------------------------------------ of one layer


@dataclass(frozen=True)
class LayerMemory:
    """Bytes that a layer takes.

    Attributes:
        weights: of its weights; `optimizer`: of the state that an optimizer keeps for them, 0
            before it is built (by training, or by `model.plan`).
        activations: of the layer's outputs for one sample, None where a length is not known before
            there is data.
    """

    weights: int
    optimizer: int
    activations: int | None


def flops_of_layer(layer: Any) -> float | None:
    """Arithmetic operations of a call on one sample; None before its inputs are known."""
    if layer._inbound_nodes:
        node = layer._inbound_nodes[0]
        args, kwargs = node.args, node.kwargs
    elif layer._observed is not None:
        args, kwargs = (layer._observed[0],), {}
    else:
        return None
    known = _one_sample((args, kwargs))
    return None if known is None else _flops(layer, known[0], known[1], False)


def memory_of_layer(layer: Any) -> LayerMemory:
    """What a layer takes in memory, from shapes alone."""
    try:
        outputs = _one_sample(layer.output)
    except AttributeError:
        outputs = None
    return LayerMemory(
        sum(v.nbytes for v in layer.weights),
        sum(v.nbytes for v in state_kept_for(layer.weights)),
        None if outputs is None else sum(nbytes(spec) for spec in tree.leaves(outputs)))


def _one_sample(structure: Any) -> Any:
    """Specs of symbolic tensors for one sample; None where a length is not known."""
    try:
        return _with_rows(structure, 1)
    except ValueError:
        return None
