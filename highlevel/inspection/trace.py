"""`model.trace(x, y)`: one run of a model with every layer's values and gradients kept."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
from highlevel_backend import ArraySpec, canonical_name, current_backend, tree

from highlevel.errors import suggest
from highlevel.inspection.statistics import Statistics, dead_units, norm_of, statistics_of
from highlevel.inspection.tables import Mark, Shown, Table, readable_number
from highlevel.inspection.taps import Call, Tap, arrays_of, observing, places_of, zeros
from highlevel.layers.layer import Layer
from highlevel.layers.tracking import same_structure, structure_version
from highlevel.state import StatelessScope
from highlevel.training.loop import on_device
from highlevel.training.trainer import one_batch

__all__ = ["EXPLODING", "VANISHING", "LayerCall", "Trace", "trace_model"]

#: norm of an output's gradient, against that of the last call, from which it explodes ...
EXPLODING = 1e3
#: ... and below which it vanishes
VANISHING = 1e-4


class LayerCall(Shown):
    """One call of one layer, with its values.

    Attributes:
        layer: the layer; `path`: the names on the way to it, with `#2` for its second call.
        input, output: arrays in the structure in which they were passed and returned.
        output_gradient: the loss's gradient by the output, in its structure; None without a
            target.
        weights: name → value, of all weights that the layer holds.
        weight_gradients: name → the loss's gradient, of those that are trained. They are the
            sum over all calls of the layer. Empty without a target.
    """

    def __init__(
        self, call: Call, gradient: Any, weights: dict[str, Any], weight_gradients: dict[str, Any]
    ) -> None:
        self.layer = call.layer
        self.path = call.path
        self.input = call.inputs
        self.output = call.outputs
        self.output_gradient = gradient
        self.weights = weights
        self.weight_gradients = weight_gradients
        self._backend = current_backend()

    @property
    def name(self) -> str:
        """The layer's name."""
        return self.layer.name

    def _numbers(self, structure: Any) -> list[np.ndarray]:
        return [
            self._backend.to_numpy(leaf) for leaf in tree.leaves(structure)
            if leaf is not None and canonical_name(leaf.dtype) != "string"
        ]

    @cached_property
    def statistics(self) -> Statistics:
        """What is in the output."""
        return statistics_of(self._numbers(self.output))

    @cached_property
    def input_statistics(self) -> Statistics:
        """What is in the inputs."""
        return statistics_of(self._numbers(self.input))

    @cached_property
    def gradient_statistics(self) -> Statistics | None:
        """What is in the output's gradient; None without one."""
        found = self._numbers(self.output_gradient)
        return statistics_of(found) if found else None

    @cached_property
    def dead(self) -> tuple[int, int]:
        """How many of the output's units were 0 in the whole batch, and how many there are."""
        outputs = self._numbers(self.output)
        if len(outputs) != 1 or outputs[0].dtype.kind in "iub":
            return 0, 0
        first = getattr(self.layer, "data_format", None) == "channels_first"
        return dead_units(outputs[0], 1 if first and outputs[0].ndim > 2 else -1)

    @cached_property
    def weight_gradient_norm(self) -> float | None:
        """Norm of the gradients of all its weights; None where it has none."""
        if not self.weight_gradients:
            return None
        return norm_of(self._numbers(list(self.weight_gradients.values())))

    @property
    def shape(self) -> str:
        """Shapes of the output, in words."""
        return _shapes(self.output)

    def _tables(self) -> list[Table]:
        rows = []
        parts = [
            ("input", self.input), ("output", self.output),
            ("gradient of output", self.output_gradient), *self.weights.items(),
            *((f"gradient of {name}", g) for name, g in self.weight_gradients.items()),
        ]
        for name, part in parts:
            if part is None:
                continue
            found = statistics_of(self._numbers(part))
            rows.append([
                name, _shapes(part), *(readable_number(v) for v in (
                    found.mean, found.spread, found.low, found.high)),
                f"{found.zeros:.0%}", _counted(found.not_finite),
            ])
        title = f"{type(self.layer).__name__} '{self.path}'"
        columns = ["what", "shape", "mean", "spread", "low", "high", "zeros", "not finite"]
        return [Table(title, columns, rows, columns[2:])]


class Trace(Shown):
    """What every call of a layer took and gave in one run of a model; `model.trace` makes it.

    A sequence of `LayerCall`s in the order in which the calls ended: a layer within another
    comes before it. They are asked for by position, by path (`"block/conv"`, `"block/conv#2"`
    for the second call), or by layer, for its first call.

    Attributes:
        output: what the model returned.
        loss: the loss, None without a target.
        looped: paths of the layers that run inside of loops; their calls are not kept.
    """

    def __init__(
        self, name: str, calls: list[LayerCall], output: Any, loss: Any, looped: list[str]
    ) -> None:
        self.model_name = name
        self.calls = calls
        self.output = output
        self.loss = loss
        self.looped = looped

    def __len__(self) -> int:
        return len(self.calls)

    def __iter__(self) -> Iterator[LayerCall]:
        return iter(self.calls)

    @property
    def paths(self) -> list[str]:
        """The paths of all calls."""
        return [call.path for call in self.calls]

    def __getitem__(self, key: Any) -> Any:
        """A call by position, path or layer; a list of them for a slice.

        Raises:
            KeyError: there was no such call; tells the likely path.
            IndexError: there were fewer calls.
        """
        if isinstance(key, Layer):
            for call in self.calls:
                if call.layer is key:
                    return call
            raise KeyError(f"'{key.path}' was not called in this run of '{self.model_name}'.")
        if isinstance(key, str):
            wanted = key.removeprefix(f"{self.model_name}/")
            for call in self.calls:
                if call.path == wanted:
                    return call
            if key in self.looped:
                raise KeyError(
                    f"'{key}' runs inside of a loop: its values live there alone. Look at the "
                    "layer around it."
                )
            ends = [path for path in self.paths if path.endswith(f"/{key}")]
            hint = f" Did you mean {ends[0]!r}?" if ends else suggest(key, self.paths)
            raise KeyError(f"No layer of '{self.model_name}' was called at {key!r}.{hint}")
        return self.calls[key]

    @cached_property
    def first_nonfinite(self) -> LayerCall | None:
        """The first call whose output has NaN or infinite entries; None where none has."""
        return next((c for c in self.calls if c.statistics.not_finite), None)

    @cached_property
    def first_nonfinite_gradient(self) -> LayerCall | None:
        """Going back from the loss, the first call whose gradients have such entries."""
        return next((c for c in reversed(self.calls) if _bad_gradient(c)), None)

    @cached_property
    def _reference(self) -> float:
        """The norm that gradients are held against: that of the last call that has one."""
        for call in reversed(self.calls):
            found = call.gradient_statistics
            if found is not None and found.norm > 0:
                return found.norm
        return 0.0

    def marks(self, call: LayerCall) -> list[str]:
        """What is the matter with a call, in words; nothing where all is well."""
        found = []
        if call is self.first_nonfinite:
            found.append("first not finite")
        if call is self.first_nonfinite_gradient:
            found.append("first gradient not finite")
        dead, units = call.dead
        if dead:
            found.append(f"{dead} of {units} units dead")
        gradient = call.gradient_statistics
        if gradient is not None and not _bad_gradient(call) and self._reference:
            ratio = gradient.norm / self._reference
            if gradient.norm == 0:
                found.append("no gradient")
            elif ratio > EXPLODING:
                found.append(f"gradient explodes (× {ratio:.0e})")
            elif ratio < VANISHING:
                found.append(f"gradient vanishes (× {ratio:.0e})")
        return found

    def _tables(self) -> list[Table]:
        columns = ["layer", "type", "output", "mean", "spread", "zeros", "not finite"]
        if self.loss is not None:
            columns += ["gradient", "of weights"]
        rows = []
        for call in self.calls:
            found, gradient = call.statistics, call.gradient_statistics
            row: list[str] = [
                call.path, type(call.layer).__name__, call.shape, readable_number(found.mean),
                readable_number(found.spread), f"{found.zeros:.0%}", _counted(found.not_finite),
            ]
            if self.loss is not None:
                row += [
                    readable_number(gradient.norm if gradient else None),
                    readable_number(call.weight_gradient_norm),
                ]
            marks = self.marks(call)
            rows.append([*row, Mark("; ".join(marks), "bad") if marks else ""])
        notes = [
            f"'{path}' runs inside of a loop; its values stay there." for path in self.looped
        ]
        loss = "" if self.loss is None else f", loss {float(self.loss):.5g}"
        return [Table(
            f"Trace of '{self.model_name}'{loss}", [*columns, "remarks"], rows, columns[3:], notes)]


class TraceProgram:
    """The run of one model for one structure of arguments, compiled where the backend compiles."""

    def __init__(self, model: Any, training: bool, gradients: bool) -> None:
        self._structure = model.structure()
        self._checked = structure_version()
        self._model = model
        self._training = training
        self._trainable = model.trainable_variables
        self._others = model.non_trainable_variables
        #: layers and paths of the calls, in their order; set while the program is traced
        self.calls: list[Call] = []
        self.places: list[tuple[int, int]] = []
        self.looped: list[str] = []
        backend = current_backend()
        self._compiled = backend.compiles and not model.run_eagerly
        run = self._with_gradients if gradients else self._plain
        self._run = backend.compile(run) if self._compiled else run

    def stale(self, model: Any) -> bool:
        """Whether the model has changed since."""
        version = structure_version()
        if version == self._checked:
            return False
        self._checked = version
        return not same_structure(self._structure, model.structure())

    def __call__(self, data: Any) -> tuple:
        """`(loss, output, inputs and outputs of the calls, of outputs' and weights' gradients)`."""
        values = [v.raw_value() for v in (*self._trainable, *self._others)]
        return self._run(values, data)

    def _forward(self, values: list, data: Any, shifts: Any, loss: bool) -> tuple[Any, Any, Tap]:
        model = self._model
        x, y, weight = data
        variables = [*self._trainable, *self._others]
        tap = Tap(shifts=shifts)
        with (
            StatelessScope(zip(variables, values), collect_losses=True),
            observing(tap, self._training),
        ):
            y_pred = model(x, training=self._training)
            total = model.compute_loss(
                x=x, y=y, y_pred=y_pred, sample_weight=weight, training=self._training
            ) if loss else None
        self.calls = [Call(c.layer, c.path, None, None) for c in tap.calls]
        self.looped = tap.looped
        return total, arrays_of(y_pred), tap

    def _plain(self, values: list, data: Any) -> tuple:
        _, output, tap = self._forward(values, data, None, loss=False)
        return None, output, [(c.inputs, c.outputs) for c in tap.calls], [], []

    def _with_gradients(self, values: list, data: Any) -> tuple:
        backend = current_backend()
        count = len(self._trainable)

        def outputs(values: list, data: Any) -> list:
            return [call.outputs for call in self._forward(values, data, None, True)[2].calls]

        if self._compiled:  # the shapes alone: the program has one forward pass
            specs = tree.map_leaves(
                lambda a: ArraySpec(tuple(a.shape), canonical_name(a.dtype)), (values, data))
            places = places_of(backend.eval_shape(outputs, *specs))
        else:
            places = places_of(outputs(values, data))
        self.places = list(places)

        def loss(by: Any) -> Any:
            trainable, shifts = by
            total, output, tap = self._forward(
                [*trainable, *values[count:]], data, dict(zip(self.places, shifts)), True)
            return total, (output, [(c.inputs, c.outputs) for c in tap.calls])

        by = [values[:count], [zeros(spec) for spec in places.values()]]
        (total, (output, calls)), (of_weights, of_outputs) = backend.value_and_grad(
            loss, has_aux=True)(by)
        return total, output, calls, of_outputs, of_weights


def trace_model(
    model: Any, x: Any, y: Any, sample_weight: Any, training: bool | None, gradients: bool | None
) -> Trace:
    """See `Model.trace`."""
    gradients = y is not None if gradients is None else gradients
    training = gradients if training is None else training
    if gradients:
        model._need_compiled("trace")
    batch = model._through_host(one_batch(x, y, sample_weight, None))
    model._make_ready(batch, training=False, for_predict=not gradients)
    program = _program(model, batch, training, gradients)
    loss, output, values, of_outputs, of_weights = program(on_device(batch))
    return Trace(
        model.name, _layer_calls(model, program, values, of_outputs, of_weights), output, loss,
        program.looped,
    )


def _program(model: Any, batch: Any, training: bool, gradients: bool) -> TraceProgram:
    leaves, definition = tree.flatten(batch)
    shapes = tuple([(tuple(leaf.shape), str(leaf.dtype)) for leaf in leaves])
    key = ("trace", current_backend().name, definition, shapes, training, gradients)
    program = model._call_programs.get(key)
    if program is None or program.stale(model):
        program = model._call_programs[key] = TraceProgram(model, training, gradients)
    return program


def _layer_calls(
    model: Any, program: TraceProgram, values: list, of_outputs: list, of_weights: list
) -> list[LayerCall]:
    weights = {id(v): v.numpy() for v in model.weights}
    gradients = {id(v): g for v, g in zip(model.trainable_variables, of_weights)}
    by_place = dict(zip(program.places, of_outputs))
    found = []
    for number, (call, (inputs, outputs)) in enumerate(zip(program.calls, values)):
        gradient = None
        if by_place:
            leaves, definition = tree.flatten(outputs)
            gradient = tree.unflatten(
                definition, [by_place.get((number, at)) for at in range(len(leaves))])
        named = {_name_in(call.layer, v): v for v in call.layer.weights}
        found.append(LayerCall(
            Call(call.layer, call.path, inputs, outputs), gradient,
            {name: weights[id(v)] for name, v in named.items() if id(v) in weights},
            {name: gradients[id(v)] for name, v in named.items() if id(v) in gradients},
        ))
    return found


def _name_in(layer: Layer, variable: Any) -> str:
    """A weight's name as the layer that holds it would say it: `"kernel"`, `"conv/kernel"`."""
    path = variable.path
    start = f"{layer.path}/"
    return path[len(start):] if path.startswith(start) else path


def _bad_gradient(call: LayerCall) -> bool:
    of_output, of_weights = call.gradient_statistics, call.weight_gradient_norm
    return (of_output is not None and of_output.not_finite > 0) or (
        of_weights is not None and not np.isfinite(of_weights))


def _counted(count: int) -> str:
    return Mark(f"{count:,}", "bad") if count else "0"


def _shapes(structure: Any) -> str:
    return ", ".join(
        str(tuple(leaf.shape)) for leaf in tree.leaves(structure) if leaf is not None)
