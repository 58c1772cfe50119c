"""Where two runs of one model part: two backends, or half precision and float32."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from highlevel_backend import canonical_name, is_float, tree, use_backend

from highlevel.dtype_policies import DTypePolicy
from highlevel.errors import suggest
from highlevel.inspection.tables import Mark, Shown, Table, readable_number
from highlevel.inspection.trace import LayerCall, Trace, trace_model
from highlevel.layers.tracking import note_change

__all__ = ["Comparison", "Difference", "Precision", "PrecisionReport", "compare_backends",
           "precision_report"]

HALVES = {"float16": (65504.0, "mixed_float16"), "bfloat16": (3.3895314e38, "mixed_bfloat16")}


Entry = TypeVar("Entry", bound=Any)


class _ByPath(Shown, Generic[Entry]):
    """What was found of each layer's call, in order and by path."""

    model_name: str

    def __init__(self, found: list[Entry]) -> None:
        self._entries = {entry.path: entry for entry in found}
        self._found = found

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def __getitem__(self, path: str) -> Entry:
        """What was found at a path.

        Raises:
            KeyError: no layer was called there; tells the likely path.
        """
        if path not in self._entries:
            raise KeyError(
                f"No layer of '{self.model_name}' was called at {path!r}."
                f"{suggest(path, self._entries)}")
        return self._entries[path]


# ------------------------------------------------------------------------- backends


@dataclass(frozen=True)
class Difference:
    """How far one call of a layer came out differently.

    Attributes:
        path, kind: the call, and the layer's class.
        output: largest difference of outputs; `relative`: as a share of the largest value.
        gradient: the same share for the outputs' gradients; None without targets.
    """

    path: str
    kind: str
    output: float
    relative: float
    gradient: float | None


class Comparison(_ByPath[Difference]):
    """What every layer gave on two backends; `model.compare_backends` makes it.

    A sequence of `Difference`s, in the order of the calls.

    Attributes:
        backends: their names.
        tolerance: relative difference from which a layer departs.
    """

    def __init__(
        self, name: str, backends: tuple[str, str], tolerance: float, found: list[Difference]
    ) -> None:
        self.model_name = name
        self.backends = backends
        self.tolerance = tolerance
        super().__init__(found)
        self.differences = found

    @property
    def first(self) -> Difference | None:
        """The first layer whose outputs depart; None where all agree."""
        return next((d for d in self.differences if not d.relative <= self.tolerance), None)

    @property
    def first_gradient(self) -> Difference | None:
        """Going back, the first layer whose output's gradient departs; None where all agree."""
        return next((d for d in reversed(self.differences)
                     if d.gradient is not None and not d.gradient <= self.tolerance), None)

    def _tables(self) -> list[Table]:
        columns = ["layer", "type", "difference", "relative"]
        gradients = any(d.gradient is not None for d in self.differences)
        columns += ["of gradient"] if gradients else []
        rows = []
        for d in self.differences:
            row = [d.path, d.kind, readable_number(d.output), readable_number(d.relative)]
            row += [readable_number(d.gradient)] if gradients else []
            said = ["departs first"] if d is self.first else []
            said += ["gradient departs first"] if d is self.first_gradient else []
            rows.append([*row, Mark("; ".join(said), "bad") if said else ""])
        one, other = self.backends
        title = f"'{self.model_name}' on {one} and {other}"
        note = f"A layer departs where it differs by more than {self.tolerance:g} of its largest " \
            "value."
        return [Table(title, [*columns, "remarks"], rows, columns[2:], [note])]


def compare_backends(
    model: Any, x: Any, y: Any, backends: Sequence[str], tolerance: float, training: bool
) -> Comparison:
    """See `Model.compare_backends`."""
    if len(backends) != 2:
        raise ValueError(f"`backends` must be two names; got {backends!r}.")
    traces = []
    for name in backends:
        with use_backend(name):
            traces.append(trace_model(model, x, y, None, training, None))
    found = []
    for one, other in zip(*traces):
        output, relative = _apart(one._numbers(one.output), other._numbers(other.output))
        gradient = None
        if one.gradient_statistics is not None:
            gradient = _apart(
                one._numbers(one.output_gradient), other._numbers(other.output_gradient))[1]
        found.append(Difference(one.path, type(one.layer).__name__, output, relative, gradient))
    return Comparison(model.name, (backends[0], backends[1]), tolerance, found)


def _apart(one: list, other: list) -> tuple[float, float]:
    """Largest difference of arrays, and its share in the largest value; infinite where bad."""
    most = scale = 0.0
    for a, b in zip(one, other):
        a, b = np.asarray(a, "float64"), np.asarray(b, "float64")
        if not a.size:
            continue
        same = (a == b) | (np.isnan(a) & np.isnan(b))
        with np.errstate(invalid="ignore"):
            apart = np.where(same, 0.0, np.abs(a - b))
        most = max(most, float(np.nan_to_num(apart, nan=np.inf).max()))
        finite = np.abs(a[np.isfinite(a)])
        scale = max(scale, float(finite.max()) if finite.size else 0.0)
    return most, most / scale if scale else (np.inf if most else 0.0)


# ------------------------------------------------------------------------ precision


@dataclass(frozen=True)
class Precision:
    """What one call of a layer loses in half precision.

    Attributes:
        path, kind: the call, and the layer's class.
        largest: greatest magnitude of its output in float32.
        of_range: that as a share of the greatest number of the half type.
        error: norm of the difference to float32, as a share of the norm in float32.
        input_error: the same for what it was given.
        overflows: entries that are finite in float32 and not in half precision.
        vanishes: share of entries that are 0 in half precision alone.
    """

    path: str
    kind: str
    largest: float
    of_range: float
    error: float
    input_error: float
    overflows: int
    vanishes: float


class PrecisionReport(_ByPath[Precision]):
    """Every layer in half precision beside float32; `model.precision_report` makes it.

    A sequence of `Precision`s, in the order of the calls.

    Attributes:
        dtype: the half type.
    """

    def __init__(self, name: str, dtype: str, found: list[Precision]) -> None:
        self.model_name = name
        self.dtype = dtype
        super().__init__(found)
        self.layers = found

    @property
    def first_overflow(self) -> Precision | None:
        """The first layer that overflows in half precision; None where none does."""
        return next((layer for layer in self.layers if layer.overflows), None)

    def _tables(self) -> list[Table]:
        columns = ["layer", "type", "largest", "of range", "error", "of input", "vanishes"]
        rows = []
        for layer in self.layers:
            said = ""
            if layer.overflows:
                first = "overflows first" if layer is self.first_overflow else "overflows"
                said = Mark(f"{first}: {layer.overflows} entries", "bad")
            elif layer.of_range > 0.1:
                said = Mark("near the end of the range", "warn")
            rows.append([
                layer.path, layer.kind, readable_number(layer.largest), f"{layer.of_range:.1%}",
                f"{layer.error:.1e}", f"{layer.input_error:.1e}", f"{layer.vanishes:.0%}", said])
        title = f"'{self.model_name}' in {self.dtype} beside float32"
        return [Table(title, [*columns, "remarks"], rows, columns[2:])]


def precision_report(
    model: Any, x: Any, dtype: str, training: bool
) -> PrecisionReport:
    """See `Model.precision_report`."""
    if dtype not in HALVES:
        raise ValueError(
            f"`dtype` is 'float16' or 'bfloat16'; got {dtype!r}.{suggest(str(dtype), HALVES)}")
    most, policy = HALVES[dtype]
    full = _traced(model, x, "float32", training)
    half = _traced(model, x, policy, training)
    return PrecisionReport(
        model.name, dtype, [_precision(a, b, most) for a, b in zip(full, half)])


def _traced(model: Any, x: Any, policy: str, training: bool) -> Trace:
    with _under(model, policy), np.errstate(all="ignore"):
        return trace_model(model, x, None, None, training, False)


@contextmanager
def _under(model: Any, policy: str) -> Iterator[None]:
    """All layers of the model under a dtype policy, their variables as they are."""
    layers = list(model._flatten_layers())
    before = [layer._dtype_policy for layer in layers]
    try:
        for layer in layers:
            layer._dtype_policy = DTypePolicy(policy)
        note_change()
        yield
    finally:
        for layer, own in zip(layers, before):
            layer._dtype_policy = own
        note_change()


def _precision(full: LayerCall, half: LayerCall, most: float) -> Precision:
    a, b = _flat(full, full.output), _flat(half, half.output)
    largest = float(np.abs(a[np.isfinite(a)]).max(initial=0.0))
    return Precision(
        path=full.path, kind=type(full.layer).__name__, largest=largest, of_range=largest / most,
        error=_error(a, b), input_error=_error(_flat(full, full.input), _flat(half, half.input)),
        overflows=int((np.isfinite(a) & ~np.isfinite(b)).sum()),
        vanishes=float(((a != 0) & (b == 0)).mean()) if a.size else 0.0,
    )


def _flat(call: LayerCall, structure: Any) -> np.ndarray:
    parts = [
        np.asarray(call._backend.to_numpy(leaf), "float64").reshape(-1)
        for leaf in tree.leaves(structure) if is_float(canonical_name(leaf.dtype))
    ]
    return np.concatenate(parts) if parts else np.zeros(0)


def _error(full: np.ndarray, half: np.ndarray) -> float:
    """Norm of the difference over the norm, where both are finite."""
    both = np.isfinite(full) & np.isfinite(half)
    norm = float(np.linalg.norm(full[both]))
    return float(np.linalg.norm(half[both] - full[both])) / norm if norm else 0.0
