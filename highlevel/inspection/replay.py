"""`model.replay(step)`: one step of the last `fit` taken again on NumPy, and apart.

What a step is made of, its batch, the random states and the variables before it, is at
hand for the step that failed. For any other it is found again: `fit` keeps the state at its
beginning and, now and then, at that of an epoch (`Run.keep`), and the steps from there on
are done once more by the same compiled program, which gives the same bits.
"""

from __future__ import annotations

import linecache
import os
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from highlevel_backend import (
    Origin,
    canonical_name,
    is_float,
    load_backend,
    tree,
    use_backend,
)

from highlevel.inspection.tables import Shown, Table, readable_number
from highlevel.inspection.taps import arrays_of, inputs_of, observing
from highlevel.naming import current_path
from highlevel.state import StatelessScope
from highlevel.training.again import plain_steps, step_again

__all__ = ["NonFinite", "Replay", "replay_step"]

#: parts of the library that calls pass through on their way to the array library
_MACHINERY = (
    "ops", "activations", "layers/layer.py", "layers/mask_flow.py", "operation.py",
    "rematerialization.py", "variable.py", "_typing.py", "masking.py", "random", "state.py",
    "inspection", "training", "models", "errors.py",
)
_HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


@dataclass(frozen=True)
class NonFinite:
    """Where the first number came up that is not finite.

    Attributes:
        path: the layer's path below the model (`"block/log"`), `"loss"` outside of layers, the
            variable's path in the optimizer's update, `"x"`, `"y"` or `"sample_weight"`, or the
            variable's path, where it was there before the step.
        op: the op or NumPy function; `""` where it was there before.
        file, line, source: the line that called it.
        phase: `"data"`, `"weights"` (both: there before the step), `"forward"`, `"backward"` or
            `"update"`.
        low, high: range of the finite numbers among what it was called with.
        nans, infinities: how many entries of the result are.
        size: how many entries the result has.
    """

    path: str
    op: str
    file: str
    line: int
    source: str
    phase: str
    low: float | None
    high: float | None
    nans: int
    infinities: int
    size: int

    def __str__(self) -> str:
        kinds = [f"{n} {what}" for n, what in (
            (self.nans, "NaN"), (self.infinities, "infinite")) if n]
        counted = f"{' and '.join(kinds)} of {self.size} entries"
        if self.phase in ("data", "weights"):
            return f"`{self.path}` was not finite before the step: {counted}."
        what = {"forward": "the result", "backward": "the gradient",
                "update": "the updated value"}[self.phase]
        where = "the loss" if self.path == "loss" else f"'{self.path}'"
        reach = "" if self.low is None else (
            f", from inputs between {readable_number(self.low)} and {readable_number(self.high)}")
        return (
            f"In {where}, {what} of `{self.op}` ({self.phase}): {counted}{reach}. "
            f"{self.file}:{self.line}: {self.source}"
        )

    __repr__ = __str__


class Replay(Shown):
    """One training step, done on the NumPy backend; `model.replay` makes it.

    The model itself stays as it is. `print` and `pdb` work within the layers while it runs;
    `run()` runs it again.

    Args:
        model: the model.
        epoch, batch: which step, both from 0.
        data: `(x, y, sample_weight)` of NumPy arrays.
        state: id of a variable → its value before the step, as a NumPy array.
        counted: whether the metrics in `state` have this step in them already.

    Attributes:
        logs: what the step returned: the means over the epoch so far, as callbacks get them.
        loss: the loss of this batch alone; None where the model's own step tells none.
        after: id of a variable → its value after the step.
    """

    def __init__(
        self, model: Any, epoch: int, batch: int, data: Any, state: dict[int, np.ndarray],
        counted: bool = False,
    ) -> None:
        self.model = model
        self.epoch = epoch
        self.batch = batch
        self.data = data
        self.state = state
        self._counted = counted
        self.logs: dict[str, Any] = {}
        self.loss: float | None = None
        self.after: dict[int, np.ndarray] = {}
        self.run()

    # ------------------------------------------------------------------- the step

    def run(self) -> Replay:
        """Do the step once more on NumPy; returns itself."""
        with use_backend("numpy"), plain_steps(self.model):
            logs, carried, groups = self._step()
        own = logs.get("loss")
        self.loss = None if own is None else float(own)
        self.logs = {name: _number(value) for name, value in logs.items()}
        tracker = self.model._trainer.loss_tracker
        if own is not None and tracker is not None and self.model._steps_plainly():
            total, count = (float(self.state[id(v)]) for v in tracker.variables)
            rows = 0 if self._counted else len(tree.leaves(self.data[0])[0])
            self.logs["loss"] = (total + float(own) * rows) / (count + rows)
        self.after = {
            id(v): np.asarray(value) for group, values in zip(groups, carried)
            for v, value in zip(group, values)
        }
        return self

    def _step(self) -> tuple[dict, tuple, tuple]:
        """The results, the state after, and its variables; the loss is that of the batch alone."""
        program = self.model._make_program("train")
        groups = program.carried
        tracked = {id(v) for v in getattr(self.model._trainer.loss_tracker, "variables", ())}
        values = tuple([
            [np.zeros_like(self.state[id(v)]) if id(v) in tracked else self.state[id(v)]
             for v in group]
            for group in groups
        ])
        logs, after = program.step((), values, self.data)
        return logs, after, groups

    # ---------------------------------------------------------------- taken apart

    @property
    def changes(self) -> dict[str, float]:
        """What the step did to each weight: path → norm of the difference."""
        return {
            variable.path: float(np.linalg.norm(
                self.after[id(variable)].astype("float64") - self.state[id(variable)]))
            for variable in self.model.weights
            if id(variable) in self.after and is_float(variable.dtype)
        }

    def first_nonfinite(self) -> NonFinite | None:
        """Where the first NaN or infinite number of the step came from; None without one.

        The step is run once more with every operation watched, forward, then backward, then
        the optimizer's update.
        """
        with use_backend("numpy"), plain_steps(self.model), np.errstate(all="ignore"):
            return self._before() or self._within() or self._update()

    def _before(self) -> NonFinite | None:
        for name, part in zip(("x", "y", "sample_weight"), self.data):
            for path, leaf in _named(part, name):
                if _is_bad(leaf):
                    return _there_before(path, "data", leaf)
        for variable in self.model.weights:
            value = self.state.get(id(variable))
            if value is not None and _is_bad(value):
                return _there_before(variable.path, "weights", value)
        return None

    def _within(self) -> NonFinite | None:
        backend = load_backend("numpy")
        with _origins() as origins:
            self._step()
        found = origins.first()
        if found is not None and not any(_is_bad(a) for a in found.arguments):
            return _told(found, self.model.name)
        inputs = self._from_inputs(backend)
        if inputs is not None:
            return inputs
        return None if found is None else _told(found, self.model.name)

    def _from_inputs(self, backend: Any) -> NonFinite | None:
        """What came up before any weight was used: the inputs' way through the layers."""
        x = self.data[0]
        leaves, definition = tree.flatten(x)
        places = [i for i, leaf in enumerate(leaves) if is_float(canonical_name(leaf.dtype))]
        told: list[NonFinite] = []

        def look(layer: Any, args: tuple, kwargs: dict, outputs: Any) -> None:
            values = [backend.to_numpy(leaf) for leaf in tree.leaves(arrays_of(outputs))]
            if told or not any(map(_is_bad, values)):
                return
            recorded = next(filter(None, map(origins.of, tree.leaves(outputs))), None)
            if recorded is not None and not any(_is_bad(a) for a in recorded.arguments):
                told.append(_told(recorded, self.model.name))
                return
            inputs = [backend.to_numpy(leaf) for leaf in tree.leaves(inputs_of(args, kwargs))]
            path = f"{current_path()}/{layer.name}".lstrip("/")
            told.append(self._flagged(origins, path, recorded, layer, inputs, values))

        def forward(floats: list) -> Any:
            filled = list(leaves)
            for place, value in zip(places, floats):
                filled[place] = value
            with StatelessScope(self._mapping(), collect_losses=True), observing(look, True):
                self.model(tree.unflatten(definition, filled), training=True)
            return ()

        with _origins() as origins:
            backend.vjp(forward, [leaves[i] for i in places])
        return told[0] if told else None

    def _flagged(
        self, origins: Any, path: str, recorded: Origin | None, layer: Any, inputs: list,
        outputs: list,
    ) -> NonFinite:
        """The place in a layer's call where the processor told of a bad number."""
        found = next((o for o in origins.flagged if o.note == path), None)
        if found is None and recorded is not None:  # it met a constant that is not finite
            return _told(recorded, self.model.name)
        if found is None:
            code = type(layer).call.__code__
            found = Origin("call", "forward", path, ((code, code.co_firstlineno),), [], [])
        return _told(replace(found, arguments=inputs, values=outputs), self.model.name)

    def _update(self) -> NonFinite | None:
        """The optimizer's update, where gradients were finite and new values are not."""
        model = self.model
        bad = [v for v in model.trainable_variables if _is_bad(self.after[id(v)])]
        if not bad:
            bad = [v for v in [*model.non_trainable_variables, *model.optimizer.variables]
                   if id(v) in self.after and _is_bad(self.after[id(v)])]
            if not bad:
                return None
            return _there_before(bad[0].path, "update", self.after[id(bad[0])])
        if not model._steps_plainly():
            return _there_before(bad[0].path, "update", self.after[id(bad[0])])
        variables = model.trainable_variables
        values = [self.state[id(v)] for v in variables]
        told: list[tuple[Any, Origin]] = []

        def loss(values: list) -> Any:
            x, y, weight = self.data
            with StatelessScope(
                [*self._mapping(), *zip(variables, values)], collect_losses=True
            ):
                y_pred = model(x, training=True)
                return model.compute_loss(
                    x=x, y=y, y_pred=y_pred, sample_weight=weight, training=True)

        def update(gradients: list, values: list) -> Any:
            after, _ = model._apply_gradients(
                gradients, values, [self.state[id(v)] for v in model.optimizer.variables])
            told.extend((v, found) for v, value in zip(variables, after)
                        if (found := origins.of(value)) is not None)
            return ()

        backend = load_backend("numpy")
        _, gradients = backend.value_and_grad(loss)(values)
        with _origins() as origins:
            backend.vjp(update, gradients, values)
        if not told:
            return _there_before(bad[0].path, "update", self.after[id(bad[0])])
        variable, found = told[0]
        return _told(found, model.name, path=variable.path, phase="update")

    def _mapping(self) -> list[tuple[Any, Any]]:
        model = self.model
        known = [*model.trainable_variables, *model.non_trainable_variables]
        return [(v, self.state[id(v)]) for v in known]

    # ------------------------------------------------------------------- displays

    def _tables(self) -> list[Table]:
        rows = [[name, readable_number(v) if isinstance(v, float) else str(v)]
                for name, v in self.logs.items()]
        if self.loss is not None:
            rows.insert(0, ["loss of this batch", readable_number(self.loss)])
        title = f"Step of '{self.model.name}' on NumPy: epoch {self.epoch}, batch {self.batch}"
        bad = sum(_is_bad(value) for value in self.after.values())
        notes = [f"{bad} variables are not finite after it: see `first_nonfinite()`"] if bad else []
        return [Table(title, ["what", "value"], rows, {"value"}, notes)]


def _origins() -> Any:
    found = load_backend("numpy").origins(current_path)
    if found is None:
        raise RuntimeError("The NumPy backend cannot tell where numbers come from.")
    return found


def replay_step(model: Any, step: int | None, epoch: int | None) -> Replay:
    """See `Model.replay`."""
    return Replay(model, *step_again(model, step, epoch))


def _told(origin: Origin, model: str, path: str | None = None, phase: str = "") -> NonFinite:
    """An origin in the words of the library: layer, op, line."""
    at = next(
        (i for i, (code, _) in enumerate(origin.frames) if not _is_machinery(code.co_filename)), 0
    )
    code, line = origin.frames[at]
    op = origin.function
    for inner, _ in reversed(origin.frames[:at]):
        name = inner.co_filename
        if name.startswith(f"{_HERE}ops{os.sep}") and not name.endswith("dispatch.py"):
            op = inner.co_name.strip("_")
            break
    inputs = [np.asarray(a, "float64").reshape(-1) for a in origin.arguments
              if np.asarray(a).dtype.kind not in "cOUST"]
    flat = np.concatenate(inputs) if inputs else np.zeros(0)
    flat = flat[np.isfinite(flat)]
    values = [np.asarray(v) for v in origin.values]
    if path is None:
        path = str(origin.note).removeprefix(f"{model}/") or "loss"
    return NonFinite(
        path=path, op=op or "an operation", file=code.co_filename, line=line,
        source=linecache.getline(code.co_filename, line).strip(), phase=phase or origin.phase,
        low=float(flat.min()) if flat.size else None,
        high=float(flat.max()) if flat.size else None,
        nans=sum(int(np.isnan(v).sum()) for v in values),
        infinities=sum(int(np.isinf(v).sum()) for v in values),
        size=sum(v.size for v in values),
    )


def _is_machinery(filename: str) -> bool:
    """Whether a file only hands calls on to the array library."""
    if filename.startswith(_HERE):
        inside = filename[len(_HERE):].replace(os.sep, "/")
        return any(inside == part or inside.startswith(f"{part}/") for part in _MACHINERY)
    return any(f"{os.sep}{name}{os.sep}" in filename for name in (
        "highlevel_numpy", "highlevel_backend", "numpy")) or filename.startswith("<") or (
            filename.endswith(("contextlib.py", "functools.py")))


def _there_before(path: str, phase: str, value: Any) -> NonFinite:
    array = np.asarray(value)
    return NonFinite(
        path=path, op="", file="", line=0, source="", phase=phase, low=None, high=None,
        nans=int(np.isnan(array).sum()), infinities=int(np.isinf(array).sum()), size=array.size,
    )


def _is_bad(value: Any) -> bool:
    array = np.asarray(value)
    return is_float(canonical_name(array.dtype)) and not bool(np.isfinite(array).all())


def _named(part: Any, name: str) -> list[tuple[str, Any]]:
    """The arrays of a part of the data, each with the words to get it."""
    if part is None:
        return []
    if isinstance(part, dict):
        return [pair for key, item in part.items() for pair in _named(item, f"{name}[{key!r}]")]
    if isinstance(part, (list, tuple)):
        return [pair for i, item in enumerate(part) for pair in _named(item, f"{name}[{i}]")]
    return [(name, part)] if getattr(part, "dtype", None) is not None and (
        np.asarray(part).dtype.kind not in "OUST") else []


def _number(value: Any) -> Any:
    array = np.asarray(value)
    return float(array) if array.size == 1 and array.dtype.kind in "fiub" else array
