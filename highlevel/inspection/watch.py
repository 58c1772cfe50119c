"""`fit(watch=...)`: what goes on in chosen layers, measured within the training step.

The step's program reduces activations, gradients and weights to a few numbers and adds them
to a buffer that is part of the state it carries. The host reads the buffer once per epoch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
from highlevel_backend import canonical_name, current_backend, is_float, tree

from highlevel.errors import suggest
from highlevel.inspection.tables import Shown, Table, readable_number
from highlevel.inspection.taps import Tap, observing
from highlevel.layers.layer import Layer
from highlevel.layers.tracking import same_structure
from highlevel.state import StatelessScope
from highlevel.symbolic import SymbolicTensor, evaluate_abstractly
from highlevel.variable import Variable

__all__ = ["EDGES", "Gauges", "Watch", "Watched", "gauges_of"]

VALUES = ("activations", "gradients", "weights")
STATISTICS = ("norm", "mean", "spread", "zeros", "histogram")
#: entry of a step's logs that holds its measurements
MEASURED = "measurements of the step"
#: exponents of 2 between which histograms tell magnitudes apart
_LOW, _HIGH = -24, 9
#: limits of the bins of histograms: one bin lies between two neighbours
EDGES = np.array(
    [-np.inf, *[-(2.0**k) for k in range(_HIGH, _LOW - 1, -1)],
     *[2.0**k for k in range(_LOW, _HIGH + 1)], np.inf], "float64")
#: records that a buffer has room for where the number of steps is not known
_ROOM = 256


class Watch:
    """What to measure in `fit`, of which layers, how often.

    Args:
        layers: pattern of paths such as `"block3/*"`, or a list of them; `*` stands for
            anything, `/` too.
        values: of `"activations"` (outputs), `"gradients"` (of weights) and `"weights"`.
        statistics: of `"norm"`, `"mean"`, `"spread"` (standard deviation), `"zeros"` (their
            share) and `"histogram"`.
        every: `"epoch"`, or the number of batches that one record is the mean of.

    Raises:
        ValueError: no such value or statistic, with the likely one; a number that is none.

    >>> Watch("block3/*", "gradients", ["norm", "spread"], every=100)
    Watch('block3/*', values=('gradients',), statistics=('norm', 'spread'), every=100)
    """

    def __init__(
        self,
        layers: str | Sequence[str] = "*",
        values: str | Sequence[str] = VALUES,
        statistics: str | Sequence[str] = ("norm", "spread"),
        every: str | int = "epoch",
    ) -> None:
        self.layers = _several(layers)
        self.values = _several(values)
        self.statistics = _several(statistics)
        self.every = every
        for what, given, known in (
            ("values", self.values, VALUES), ("statistics", self.statistics, STATISTICS)
        ):
            for name in given:
                if name not in known:
                    raise ValueError(
                        f"Watch: `{what}` are among {', '.join(map(repr, known))}; got {name!r}."
                        f"{suggest(name, known)}"
                    )
        if every != "epoch" and (
            isinstance(every, bool) or not isinstance(every, int) or every < 1
        ):
            raise ValueError(
                f"Watch: `every` is 'epoch' or a positive number of batches; got {every!r}."
            )

    @property
    def key(self) -> tuple:
        """Equal for watches that measure the same."""
        return (self.layers, self.values, self.statistics, self.every)

    def __repr__(self) -> str:
        first = repr(self.layers[0] if len(self.layers) == 1 else list(self.layers))
        return (
            f"Watch({first}, values={self.values}, statistics={self.statistics}, "
            f"every={self.every!r})"
        )


class Watched(Shown):
    """What was measured in a `fit`; `history.watched`.

    Attributes:
        steps: number of steps done, since the beginning of the training, at the end of each
            record.
        values: name (`"block/conv/gradients/norm"`) → array with a value per record.
        histograms: name (`"block/conv/gradients"`) → `(records, bins)` counts.
        edges: limits of the bins.
    """

    def __init__(self) -> None:
        self.steps: list[int] = []
        self.edges = EDGES
        self._values: dict[str, list[float]] = {}
        self._histograms: dict[str, list[np.ndarray]] = {}

    @property
    def values(self) -> dict[str, np.ndarray]:
        """Name → a value per record."""
        return {name: np.asarray(column) for name, column in self._values.items()}

    @property
    def histograms(self) -> dict[str, np.ndarray]:
        """Name → counts per record and bin."""
        return {name: np.stack(column) for name, column in self._histograms.items()}

    def __getitem__(self, name: str) -> np.ndarray:
        """The values, or the histograms, of a name.

        Raises:
            KeyError: nothing of that name was measured; tells the likely one.
        """
        if name in self._values:
            return self.values[name]
        if name in self._histograms:
            return self.histograms[name]
        names = [*self._values, *self._histograms]
        raise KeyError(f"Nothing was measured as {name!r}.{suggest(name, names)}")

    def __len__(self) -> int:
        return len(self.steps)

    def _tables(self) -> list[Table]:
        rows = [
            [name, *(readable_number(float(v)) for v in (column[0], column[-1],
                                                         np.min(column), np.max(column)))]
            for name, column in self.values.items() if len(column)
        ]
        columns = ["measured", "first", "last", "least", "greatest"]
        notes = [f"and histograms of {', '.join(self._histograms)}"] if self._histograms else []
        return [Table(f"{len(self)} records", columns, rows, columns[1:], notes)]


class Gauges:
    """Measures one model's steps as a `Watch` says.

    Args:
        watch: what to measure.
        model: the model, built.
        batch: `(x, y, sample_weight)` as it comes, for the paths of the calls.
        steps: number of steps of an epoch, None where it is not known.

    Raises:
        ValueError: a pattern that no layer matches; the model has a step of its own.
    """

    def __init__(self, watch: Watch, model: Any, batch: Any, steps: int | None) -> None:
        self.watch = watch
        self._model = model
        self._structure = model.structure()
        every = watch.every
        self.every = (2**31 - 1) if every == "epoch" else int(every)
        records = 1 if every == "epoch" else _ROOM if steps is None else -(-steps // self.every)
        self.room = 1 << (records - 1).bit_length()  # alike lengths share a program
        self._find(_called(model, batch))
        scalars = [s for s in watch.statistics if s != "histogram"]
        self.names = [f"{name}/{s}" for name in self._measured for s in scalars]
        self.histogram_names = self._measured if "histogram" in watch.statistics else []
        self._scalars = scalars
        bins = len(EDGES) - 1
        self._rows = Variable(
            np.zeros((self.room, len(self.names)), "float32"), trainable=False, name="measured")
        self._counts = Variable(
            np.zeros((self.room, len(self.histogram_names), bins), "float32"), trainable=False,
            name="histograms")
        self._step = Variable(0, dtype="int32", trainable=False, name="measured_steps")
        self.done = 0  # steps in the buffer
        self._total = 0  # steps of the training
        self.watched = Watched()

    def _find(self, called: dict[str, Layer]) -> None:
        wanted = {
            path: layer for path, layer in called.items()
            if any(fnmatchcase(path.partition("#")[0], pattern) for pattern in self.watch.layers)
        }
        for pattern in self.watch.layers:
            if not any(fnmatchcase(path.partition("#")[0], pattern) for path in called):
                raise ValueError(
                    f"`watch`: no layer of '{self._model.name}' has a path that matches "
                    f"{pattern!r}.{suggest(pattern, called)} Paths: {', '.join(called)}."
                )
        self._paths = list(wanted)
        first = {path: layer for path, layer in wanted.items() if "#" not in path}
        self._of_weights = {
            path: layer for path, layer in first.items()
            if any(is_float(v.dtype) for v in layer.weights)
        }
        self._of_gradients = {p: layer for p, layer in first.items() if layer.trainable_variables}
        chosen = {"activations": self._paths, "gradients": self._of_gradients,
                  "weights": self._of_weights}
        self._measured = [f"{path}/{what}" for what in self.watch.values for path in chosen[what]]

    def fits(self, model: Any, room: int) -> bool:
        """Whether the model is as it was, and the buffer of that length."""
        return room == self.room and same_structure(self._structure, model.structure())

    # ---------------------------------------------------------- within the step

    @contextmanager
    def seeing(self) -> Iterator[dict[str, list]]:
        """Calls within the block are measured; gives path → measurements of the output."""
        found: dict[str, list] = {}
        if "activations" not in self.watch.values:
            yield found
            return
        tap = Tap(wanted=lambda path: True)
        wanted = set(self._paths)

        def observer(layer: Layer, args: tuple, kwargs: dict, outputs: Any) -> Any:
            before = len(tap.calls)
            tap(layer, args, kwargs, outputs)
            for call in tap.calls[before:]:
                if call.path in wanted:
                    leaves = tree.leaves(call.outputs)
                    stop = current_backend().stop_gradient
                    found[call.path] = self._measure([stop(leaf) for leaf in leaves])
            tap.calls.clear()

        with observing(observer, True):
            yield found

    def measurements(
        self, seen: dict[str, list], gradients: dict[str, Any], values: dict[int, Any]
    ) -> tuple[Any, Any]:
        """The step's numbers as two arrays: `(statistics,)` and `(histograms, bins)`.

        Args:
            seen: what `seeing` gave.
            gradients: path of a variable → its gradient, without a loss scale.
            values: id of a variable → its value after the step.
        """
        xp = current_backend().xp
        found = []
        for what in self.watch.values:
            if what == "activations":
                found += [seen[path] for path in self._paths]
            elif what == "gradients":
                found += [
                    self._measure([gradients[v.path] for v in layer.trainable_variables
                                   if v.path in gradients])
                    for layer in self._of_gradients.values()
                ]
            else:
                found += [
                    self._measure([values[id(v)] for v in layer.weights if is_float(v.dtype)])
                    for layer in self._of_weights.values()
                ]
        scalars = [number for numbers, _ in found for number in numbers]
        counts = [count for _, count in found if count is not None]
        bins = len(EDGES) - 1
        return (
            xp.stack(scalars) if scalars else xp.zeros((0,), "float32"),
            xp.stack(counts) if counts else xp.zeros((0, bins), "float32"),
        )

    def _measure(self, arrays: list) -> Any:
        """`(the statistics of all entries, their histogram or None)`."""
        backend = current_backend()
        xp = backend.xp
        arrays = [
            backend.cast(a, "float32") for a in arrays if is_float(canonical_name(a.dtype))]
        size = float(sum(a.size for a in arrays)) or 1.0
        total = sum([xp.sum(a) for a in arrays], backend.asarray(0.0))
        mean = total / size
        numbers = []
        for name in self._scalars:
            if name == "mean":
                numbers.append(mean)
            elif name == "zeros":
                zeros = [xp.sum(backend.cast(a == 0, "float32")) for a in arrays]
                numbers.append(sum(zeros, backend.asarray(0.0)) / size)
            else:
                center = backend.asarray(0.0) if name == "norm" else mean
                squares = sum([xp.sum(xp.square(a - center)) for a in arrays],
                              backend.asarray(0.0))
                numbers.append(xp.sqrt(squares if name == "norm" else squares / size))
        counts = None
        if self.histogram_names:
            counts = sum([_histogram(a) for a in arrays],
                         xp.zeros((len(EDGES) - 1,), "float32"))
        return numbers, counts

    def measured(self, step: Callable, results: Callable | None) -> tuple[Callable, Any]:
        """A training step and its results with the buffers as a last group of the state."""

        def run(fixed: Any, carried: tuple, data: Any) -> tuple[Any, tuple]:
            *before, (rows, counts, done) = carried
            logs, after = step(fixed, tuple(before), data)
            logs = dict(logs)
            numbers, histograms = logs.pop(MEASURED)
            backend = current_backend()
            row = backend.xp.minimum(done // self.every, self.room - 1)
            rows = backend.index_update(rows, row, numbers, "add")
            counts = backend.index_update(counts, row, histograms, "add")
            return logs, (*after, [rows, counts, done + 1])

        if results is None:
            return run, None
        return run, lambda carried: results(carried[:-1])

    @property
    def variables(self) -> list[Variable]:
        """The buffers."""
        return [self._rows, self._counts, self._step]

    # ----------------------------------------------------------------- outside

    def begin(self, done: int) -> None:
        """A training begins, with so many steps done before."""
        self.watched = Watched()
        self._total = done
        self._clear()

    def _clear(self) -> None:
        self.done = 0
        for variable in self.variables:
            variable.assign(np.zeros(variable.shape, variable.dtype))

    def dispatched(self, steps: int) -> None:
        """So many steps were sent off; reads the buffer where the next one would not fit."""
        self.done += steps
        if self.done >= self.room * self.every:
            self.read()

    def read(self) -> None:
        """Move what the buffer holds into `watched`: the one place that waits for the device."""
        if not self.done:
            return
        rows, counts = self._rows.numpy(), self._counts.numpy()
        watched = self.watched
        for row in range(-(-self.done // self.every)):
            steps = min(self.every, self.done - row * self.every)
            watched.steps.append(self._total + row * self.every + steps)
            for name, value in zip(self.names, rows[row]):
                watched._values.setdefault(name, []).append(float(value) / steps)
            for name, count in zip(self.histogram_names, counts[row]):
                watched._histograms.setdefault(name, []).append(count.copy())
        self._total += self.done
        self._clear()


def gauges_of(model: Any, watch: Any, batch: Any, steps: int | None) -> Gauges | None:
    """What measures as `fit(watch=...)` says; the same as before for a like `fit`.

    Args:
        watch: None, a `Watch`, a pattern or a list of patterns.
        batch, steps: see `Gauges`.

    Raises:
        TypeError: something else.
        ValueError: see `Gauges`.
    """
    if watch is None:
        return None
    if isinstance(watch, str) or (
        isinstance(watch, Iterable) and all(isinstance(item, str) for item in watch)
    ):
        watch = Watch(watch if isinstance(watch, str) else list(watch))
    if not isinstance(watch, Watch):
        raise TypeError(
            "`watch` is a pattern of layers' paths, a list of them or an `inspection.Watch`; got "
            f"{watch!r}."
        )
    known = model._trainer.gauges
    made = known.get(watch.key)
    fresh = Gauges(watch, model, batch, steps)
    if made is None or not made.fits(model, fresh.room):
        made = known[watch.key] = fresh
    return made


def _called(model: Any, batch: Any) -> dict[str, Layer]:
    """Path → layer of every call of a layer in the model's own."""
    found: list[Any] = []
    backend = current_backend()

    def run(x: Any) -> Any:
        tap = Tap()
        with StatelessScope(collect_losses=True), observing(tap, True):
            model(x, training=True)
        found[:] = tap.calls
        return ()

    x = batch[0]
    if backend.compiles and not model.run_eagerly:
        evaluate_abstractly(run, (tree.map_leaves(_symbol, x),), {})
    else:
        run(tree.map_leaves(backend.asarray, x))
    return {call.path: call.layer for call in found}


def _symbol(leaf: Any) -> Any:
    dtype = canonical_name(leaf.dtype)
    return SymbolicTensor(leaf.shape, {"int64": "int32", "float64": "float32"}.get(dtype, dtype))


def _histogram(array: Any) -> Any:
    """Counts of the entries between `EDGES`, as float32; NaN counts nowhere."""
    backend = current_backend()
    xp = backend.xp
    flat = array.reshape(-1)
    edges = backend.asarray(EDGES[1:-1].astype("float32"))
    places = xp.searchsorted(edges, flat, side="right")
    ones = backend.cast(xp.logical_not(xp.isnan(flat)), "float32")
    return backend.index_update(xp.zeros((len(EDGES) - 1,), "float32"), places, ones, "add")


def _several(value: str | Sequence[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)
