"""`model.profile(x)`: how long each layer takes, by measurement."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from highlevel_backend import ArraySpec, current_backend, tree
from highlevel_backend.operations import nbytes

from highlevel.compilations import noting
from highlevel.inspection.calls import (
    LayerRun,
    by_path,
    followed,
    operations_of,
    refuse_strings,
    spec_of_array,
    text_of_shapes,
)
from highlevel.inspection.tables import Shown, Table, readable_count, readable_size, readable_time
from highlevel.inspection.taps import Tap, observing
from highlevel.state import StatelessScope
from highlevel.training.loop import on_device

__all__ = ["LayerProfile", "Profile", "profile_model"]

#: seconds that the runs should take at most, three of each aside
_PATIENCE = 5.0
#: what a call takes at least
_LEAST = 1e-9


@dataclass
class LayerProfile:
    """The measurement of one call of a layer, run by itself.

    Attributes:
        path: names on the way to the layer; `layer`: itself.
        seconds: the shortest of the runs, without the time to start a program.
        share: of the time of all calls by the model itself.
        flops: arithmetic operations, by shapes; `rate`: how many a second.
        bytes: of weights, inputs and outputs; `bandwidth`: how many a second.
        outermost: whether the model itself calls it; those make up the whole.
    """

    layer: Any
    path: str
    output: str
    seconds: float
    share: float
    flops: float
    bytes: int
    outermost: bool

    @property
    def rate(self) -> float:
        """Arithmetic operations a second."""
        return self.flops / max(self.seconds, 1e-9)

    @property
    def bandwidth(self) -> float:
        """Bytes a second, were each read or written once."""
        return self.bytes / max(self.seconds, 1e-9)


class Profile(Shown):
    """How long a model and its layers take for a batch; `model.profile` makes it.

    Attributes:
        layers: a `LayerProfile` per call of a layer, in the order in which calls end.
        seconds: of a whole call, the shortest of the runs.
        flops: arithmetic operations of a whole call; `rate`: how many a second.
        compile_seconds: to trace and compile it; None on a backend that does not compile.
        peak: bytes in use at most during a call: by the compiler, else as measured.
    """

    def __init__(self, name: str, layers: list[LayerProfile], seconds: float, flops: float) -> None:
        self.model_name, self.layers = name, layers
        self.seconds, self.flops = seconds, flops
        self.compile_seconds: float | None = None
        self.peak: int | None = None

    @property
    def rate(self) -> float:
        """Arithmetic operations a second, of a whole call."""
        return self.flops / max(self.seconds, 1e-9)

    @property
    def layer_seconds(self) -> float:
        """Time of all calls by the model itself, each run alone."""
        return sum(layer.seconds for layer in self.layers if layer.outermost)

    def slowest(self, count: int = 5) -> list[LayerProfile]:
        """The calls by the model itself that take longest."""
        outer = [layer for layer in self.layers if layer.outermost]
        return sorted(outer, key=lambda layer: -layer.seconds)[:count]

    def __getitem__(self, path: str) -> LayerProfile:
        """The measurement of a layer's call by its path.

        Raises:
            KeyError: no call has that path; tells the likely one.
        """
        return by_path(self.model_name, self.layers, path)

    def _tables(self) -> list[Table]:
        columns = ["layer", "type", "output", "time", "share", "FLOPs", "FLOP/s", "bytes", "B/s"]
        rows = [
            [layer.path, type(layer.layer).__name__, layer.output, readable_time(layer.seconds),
             f"{layer.share:.1%}" if layer.outermost else "", readable_count(layer.flops),
             readable_count(layer.rate), readable_size(layer.bytes),
             readable_size(layer.bandwidth)]
            for layer in self.layers
        ]
        notes = [
            f"the whole: {readable_time(self.seconds)}, {readable_count(self.flops)} FLOPs, "
            f"{readable_count(self.rate)} a second",
            f"its layers one by one: {readable_time(self.layer_seconds)}",
        ]
        if self.compile_seconds is not None:
            notes.append(f"compiled in {readable_time(self.compile_seconds)}")
        if self.peak is not None:
            notes.append(f"peak memory {readable_size(self.peak)}")
        return [Table(f"Profile of '{self.model_name}'", columns, rows, columns[3:], notes)]


def profile_model(model: Any, x: Any, training: bool = False, runs: int = 10) -> Profile:
    """See `Model.profile`."""
    backend = current_backend()
    refuse_strings(model, x)
    x = on_device(x)
    program, arrays = model._program_of_call(x, training)
    values = [variable.raw_value() for variable in program.variables]
    calls, found = followed(model, (tree.map_leaves(_spec, x),), {"training": training}, training)
    if backend.compiles:
        nothing = (lambda values, arrays: arrays), [], [backend.asarray(0.0)]
        parts = [_part_of(call, training) for call in calls]
        empty, whole, *each = _shortest(
            [nothing, (program.function, values, arrays), *parts], runs)
        each = [max(seconds - empty, _LEAST) for seconds in each]
    else:
        whole, each = _timed_within(model, program.variables, values, x, training, runs)
    total = sum(seconds for call, seconds in zip(calls, each) if call.outermost)
    layers = [
        _profiled(call, seconds, total, training) for call, seconds in zip(calls, each)
    ]
    profile = Profile(model.name, layers, whole, found.flops)
    if backend.compiles:
        specs = ([_spec(v) for v in values], [_spec(a) for a in arrays])
        compiled = backend.compiled(program.function, specs)
        profile.compile_seconds = sum(compiled.seconds.values())
        profile.peak = compiled.memory.get("peak")
    else:
        profile.peak = _peak_of_run(
            lambda: program.function(values, arrays)) + sum(v.nbytes for v in values)
    return profile


def _spec(value: Any) -> Any:
    return spec_of_array(value) if hasattr(value, "shape") else value


def _part_of(call: LayerRun, training: bool) -> tuple[Callable, list, list]:
    """A layer's call as a function of `(values, arrays)`, with arguments to run it on."""
    layer = call.layer
    variables = layer.variables
    leaves, definition = tree.flatten((call.args, call.kwargs))
    places = [i for i, leaf in enumerate(leaves) if isinstance(leaf, ArraySpec)]

    def run(values: list, arrays: list) -> Any:
        filled = list(leaves)
        for place, array in zip(places, arrays):
            filled[place] = array
        args, kwargs = tree.unflatten(definition, filled)
        with StatelessScope(zip(variables, values), collect_losses=True):
            return tree.leaves(_within(layer, training, args, kwargs))

    return run, [v.raw_value() for v in variables], [_filled(leaves[place]) for place in places]


def _profiled(call: LayerRun, seconds: float, total: float, training: bool) -> LayerProfile:
    layer = call.layer
    inputs = [leaf for leaf in tree.leaves((call.args, call.kwargs))
              if isinstance(leaf, ArraySpec)]
    moved = sum(v.nbytes for v in layer.weights) + call.output_bytes + sum(map(nbytes, inputs))
    flops = operations_of(
        lambda *args, **kwargs: _within(layer, training, args, kwargs),
        layer.variables, call.args, call.kwargs).flops
    return LayerProfile(
        layer, call.path, text_of_shapes(call.outputs), seconds, seconds / (total or 1.0), flops,
        moved, call.outermost)


def _within(layer: Any, training: bool, args: tuple, kwargs: dict[str, Any]) -> Any:
    with observing(None, training):
        return layer(*args, **kwargs)


def _filled(spec: ArraySpec) -> Any:
    """An array to measure with: zeros for whole numbers, which may be positions, else ones."""
    backend = current_backend()
    xp = backend.xp
    make = xp.ones if spec.dtype.startswith(("float", "bfloat")) else xp.zeros
    return backend.ready(backend.cast(make(spec.shape), spec.dtype))


def _shortest(programs: list[tuple[Callable, list, list]], runs: int) -> list[float]:
    """The shortest time of each program's runs, waited for.

    They run in turn, so that what else the machine does meets all of them alike. The first
    run, which compiles, does not count.
    """
    backend = current_backend()
    compiled = [
        (backend.compile(function, note=noting("profile")), *args) for function, *args in programs]
    for function, values, arrays in compiled:
        backend.ready(_arrays(function(values, arrays)))
    shortest = [float("inf")] * len(programs)
    since = time.perf_counter()
    for count in range(runs):
        for at, (function, values, arrays) in enumerate(compiled):
            start = time.perf_counter()
            backend.ready(_arrays(function(values, arrays)))
            shortest[at] = min(shortest[at], time.perf_counter() - start)
        if count >= 2 and time.perf_counter() - since > _PATIENCE:
            break
    return shortest


class _Clock(Tap):
    """Notes when each call of a layer ended; keeps no arrays."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.ends: list[tuple[str, float]] = []

    def __call__(self, layer: Any, args: tuple, kwargs: dict, outputs: Any) -> Any:
        now = time.perf_counter()
        result = super().__call__(layer, args, kwargs, outputs)
        if self.calls:
            self.ends.append((self.calls.pop().path, now))
        return result


def _timed_within(
    model: Any, variables: list, values: list, x: Any, training: bool, runs: int
) -> tuple[float, list[float]]:
    """Time of a run, and of each call of a layer within it, of the fastest of several runs.

    Where nothing is compiled, a call lasts from the end of what came before it to its own.
    """
    best: tuple[float, list[float]] | None = None
    since = time.perf_counter()
    for count in range(runs + 1):
        clock = _Clock()
        with StatelessScope(zip(variables, values), collect_losses=True), observing(
                clock, training):
            start = time.perf_counter()
            model(x, training=training)
            whole = time.perf_counter() - start
        times = [start, *(end for _, end in clock.ends)]
        each = []
        for at, (path, end) in enumerate(clock.ends):
            first, below = at, f"{path.partition('#')[0]}/"
            while first and clock.ends[first - 1][0].startswith(below):
                first -= 1
            each.append(end - times[first])
        if count and (best is None or whole < best[0]):
            best = whole, each
        if count >= 3 and time.perf_counter() - since > _PATIENCE:
            break
    return best if best is not None else (whole, each)


def _arrays(result: Any) -> list:
    is_array = current_backend().is_array
    return [leaf for leaf in tree.leaves(result) if is_array(leaf)]


def _peak_of_run(run: Callable) -> int:
    """Bytes that Python and NumPy had at most beside what was there; 0 while somebody traces."""
    if tracemalloc.is_tracing():
        return 0
    tracemalloc.start()
    try:
        run()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
