"""What belongs to a layer: found by looking through its attributes.

Order: a layer's own variables first (trainable ones before the others), then those of
its sublayers in the order in which the attributes were set. Lists, tuples and dicts are
looked into; a variable or layer that appears twice counts once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from highlevel.layers.debugging import debugging
from highlevel.metrics.base import Metric
from highlevel.random.seed_generator import SeedGenerator
from highlevel.variable import Variable

__all__ = [
    "Finds",
    "Tracked",
    "finding_once",
    "note_change",
    "same_structure",
    "structure_version",
    "what_changed",
]

#: attributes of the base classes that hold what is not the layer's own
_INTERNAL = frozenset((
    "_init_arguments", "_own_variables", "_loss_values", "_inbound_nodes", "_outbound_nodes",
    "_observed", "_build_shapes", "_dtype_policy", "_input_spec", "_untracked", "optimizer",
    "_carried", "_mask_end_told",
    "_trainer", "_call_programs", "_calls_eagerly", "_prepared_call", "_observe_next",
    "_graph", "_host_part", "_quick", "_compiled_programs",
    "stop_training", "_path", "built", "history", "_initial_epoch",
))

_version = 0
_set = object.__setattr__


def in_call() -> bool:
    """Whether a layer is being called; replaced by `layer.py`, which knows."""
    return False


def structure_version() -> int:
    """A number that changes whenever an attribute of any built layer does.

    While it stays, nothing compiled can have become stale; when it has changed, compare
    `structure()` with the one compiled for.
    """
    return _version


def note_change() -> None:
    """Say that some layer's structure may have changed."""
    global _version
    _version += 1


class Finds:
    """What was found of each layer, for as long as no attribute of a built layer changes."""

    def __init__(self) -> None:
        self._version = -1
        # With the layer, or another one could come to have its identity.
        self._found: dict[tuple[int, str], tuple[Any, Any]] = {}

    def of(self, layer: Any, what: str, look: Any) -> Any:
        """The result of `look()`, which is asked once."""
        if self._version != _version:
            self._version = _version
            self._found.clear()
        key = (id(layer), what)
        known = self._found.get(key)
        if known is not None:
            return known[1]
        found = look()
        if self._version == _version:
            self._found[key] = layer, found
        return found


_finds: ContextVar[Finds | None] = ContextVar("finds", default=None)


@contextmanager
def finding_once(finds: Finds) -> Iterator[None]:
    """While open, layers are looked through only once.

    For the steps of a program that runs in Python, and what `fit` asks the model around steps:
    the variables are settled, as a compiled program's are.
    """
    token = _finds.set(finds)
    try:
        yield
    finally:
        _finds.reset(token)


def same_structure(a: list, b: list) -> bool:
    """Whether two `structure()`s are of the same objects and equal plain values."""
    return len(a) == len(b) and all(
        x is y or (type(x) is type(y) and type(x) in _COMPARED and x == y)
        for x, y in zip(a, b)
    )


def what_changed(before: list, now: list) -> str:
    """The first difference between two `structure()`s, in words."""
    place = next(
        (i for i in range(min(len(before), len(now))) if not same_structure(
            before[i:i + 1], now[i:i + 1])),
        None,
    )
    if place is None:
        return "layers or variables of the model have been added or removed"
    start = next((i for i in range(place, -1, -1)
                  if isinstance(now[i], Tracked | Variable) and now[i] is before[i]), None)
    if start is None:
        return "the model's layers have changed"
    thing, offset = now[start], place - start - 1
    if isinstance(thing, Variable):
        names = ["trainable", "learning_rate_multiplier", "weight_decay"]
        kind = "variable"
    else:
        names = [name.lstrip("_") for name in thing.__dict__ if name not in _INTERNAL]
        names.append("dtype_policy")
        kind = "layer"
    if not 0 <= offset < len(names):
        return "layers or variables of the model have been added or removed"
    return f"`{names[offset]}` of {kind} '{thing.path}' has changed"  # type: ignore[attr-defined]


_COMPARED = frozenset((bool, int, float, complex, str, tuple))

_NOTHING, _VARIABLE, _LAYER, _METRIC, _SEED, _LIST, _DICT = range(7)
_kinds: dict[type, int] = {}
_PLAIN = (str, bytes, int, float, bool, complex, np.ndarray, np.generic)


def _kind_of(cls: type) -> int:
    if issubclass(cls, Variable):
        kind = _VARIABLE
    elif issubclass(cls, Tracked):
        kind = _LAYER
    elif issubclass(cls, Metric):
        kind = _METRIC
    elif issubclass(cls, SeedGenerator):
        kind = _SEED
    elif issubclass(cls, (list, tuple, set)):
        kind = _LIST
    elif issubclass(cls, dict):
        kind = _DICT
    else:
        kind = _NOTHING
    _kinds[cls] = kind
    return kind


def _look(values: Any, found: list[tuple[int, Any]]) -> None:
    for value in values:
        cls = type(value)
        kind = _kinds.get(cls)
        if kind is None:
            kind = _kind_of(cls)
        if kind == _NOTHING:
            continue
        if kind == _LIST:
            if value and not isinstance(next(iter(value)), _PLAIN):
                _look(value, found)
        elif kind == _DICT:
            if value:
                _look(value.values(), found)
        else:
            found.append((kind, value))


class Tracked:
    """Properties that tell what a layer holds."""

    # set by `Layer`
    name: str
    built: bool = False
    trainable: bool

    def __setattr__(self, name: str, value: Any) -> None:
        _set(self, name, value)
        if self.built and (name not in _INTERNAL or name == "optimizer") and not in_call():
            note_change()

    def structure(self) -> list[Any]:
        """All layers with their attributes, and the variables with their `trainable`."""
        parts: list[Any] = [debugging.get()]
        for layer in self._flatten_layers():
            parts.append(layer)
            parts += [v for name, v in layer.__dict__.items() if name not in _INTERNAL]
            parts.append(layer._dtype_policy)
        for variable in self.variables:  # found in lists too
            parts += (
                variable, variable.trainable, variable.learning_rate_multiplier,
                variable.weight_decay,
            )
        return parts

    def _found(self) -> list[tuple[int, Any]]:
        found: list[tuple[int, Any]] = []
        _look(
            [value for name, value in self.__dict__.items() if name not in _INTERNAL], found
        )
        return found

    def _sublayers(self) -> list[Any]:
        """Direct sublayers, each once."""
        return list(dict.fromkeys(v for kind, v in self._found() if kind == _LAYER))

    @property
    def _has_sublayers(self) -> bool:
        for name, value in self.__dict__.items():  # asked of each layer of a model that is built
            kind = _kinds.get(type(value))
            if kind is None:
                kind = _kind_of(type(value))
            if kind in (_NOTHING, _VARIABLE) or name in _INTERNAL:
                continue
            found: list[tuple[int, Any]] = []
            _look((value,), found)
            if any(kind == _LAYER for kind, _ in found):
                return True
        return False

    def _direct_variables(self) -> list[Variable]:
        """The layer's own variables: trainable ones first, each once."""
        own = dict.fromkeys(self.__dict__.get("_own_variables", ()))
        own.update(dict.fromkeys(v for kind, v in self._found() if kind == _VARIABLE))
        return [v for v in own if v.born_trainable] + [v for v in own if not v.born_trainable]

    def _flatten_layers(
        self, recursive: bool = True, include_self: bool = True, _seen: set | None = None
    ) -> Iterator[Any]:
        """This layer and all below it, each once, parents first."""
        finds = _finds.get()
        if finds is not None and recursive and include_self and _seen is None:
            yield from finds.of(self, "layers", lambda: list(self._walk(True, True, None)))
        else:
            yield from self._walk(recursive, include_self, _seen)

    def _walk(
        self, recursive: bool, include_self: bool, _seen: set | None
    ) -> Iterator[Any]:
        """See `_flatten_layers`; what a layer holds besides its sublayers is added here."""
        seen = _seen if _seen is not None else set()
        if id(self) in seen:
            return
        seen.add(id(self))
        if include_self:
            yield self
        for layer in self._sublayers():
            if recursive:
                yield from layer._walk(True, True, seen)
            elif id(layer) not in seen:
                seen.add(id(layer))
                yield layer

    def _collect(self) -> tuple[list[Variable], list[Variable], list[Any]]:
        """`(weights, seed states and carried states, metrics)` of this layer and all below."""
        finds = _finds.get()
        if finds is None:
            return self._collect_now()
        weights, seeds, metrics = finds.of(self, "variables", self._collect_now)
        return list(weights), list(seeds), list(metrics)

    def _collect_now(self) -> tuple[list[Variable], list[Variable], list[Any]]:
        weights: dict[Variable, None] = {}
        seeds: dict[Variable, None] = {}
        metrics: dict[Any, None] = {}
        self._collect_into(weights, seeds, metrics, set())
        return list(weights), list(seeds), list(metrics)

    def _collect_into(self, weights: dict, seeds: dict, metrics: dict, seen: set) -> None:
        if id(self) in seen:
            return
        seen.add(id(self))
        found = self._found()
        own = dict.fromkeys(self.__dict__.get("_own_variables", ()))
        own.update(dict.fromkeys(v for kind, v in found if kind == _VARIABLE))
        for variable in own:
            if variable.born_trainable:
                weights.setdefault(variable)
        for variable in own:
            if not variable.born_trainable:
                weights.setdefault(variable)
        # What goes from one call to the next (a recurrent layer's states) is no weight.
        carried: list[tuple[int, Any]] = []
        _look((self.__dict__.get("_carried"),), carried)
        seeds.update(dict.fromkeys(value for _, value in carried))
        for kind, value in found:
            if kind == _LAYER:
                value._collect_into(weights, seeds, metrics, seen)
            elif kind == _METRIC:
                metrics.setdefault(value)
            elif kind == _SEED:
                seeds.setdefault(value.state)

    @property
    def weights(self) -> list[Variable]:
        """All variables but metrics' and seeds', each once."""
        return self._collect()[0]

    @property
    def variables(self) -> list[Variable]:
        """All variables but metrics': weights, states of seed generators and of stateful layers."""
        weights, seeds, _ = self._collect()
        return weights + seeds

    @property
    def trainable_variables(self) -> list[Variable]:
        """Variables that training changes by gradients."""
        return [v for v in self.weights if v.trainable] if self.trainable else []

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """The other variables, states of seed generators included."""
        if not self.trainable:
            return self.variables
        return [v for v in self.variables if not v.trainable]

    @property
    def trainable_weights(self) -> list[Variable]:
        """Weights that training changes by gradients."""
        return self.trainable_variables

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """The other weights."""
        if not self.trainable:
            return self.weights
        return [v for v in self.weights if not v.trainable]

    @property
    def metrics(self) -> list[Any]:
        """Metrics set as attributes here or below."""
        return self._collect()[2]

    @property
    def metrics_variables(self) -> list[Variable]:
        """Variables of the metrics."""
        return [v for metric in self.metrics for v in metric.variables]

    def count_params(self) -> int:
        """Number of entries of all weights; nothing is allocated.

        Raises:
            ValueError: the layer is not built.
        """
        if not self.built:
            raise ValueError(
                f"'{self.name}' has no weights to count yet: call it on data or "
                "`build(input_shape)` it first."
            )
        return sum(v.size for v in self.weights)

    def get_weights(self) -> list[np.ndarray]:
        """The values of `weights` as NumPy arrays."""
        return [v.numpy() for v in self.weights]

    def set_weights(self, weights: list[Any]) -> None:
        """Set the values of `weights`; nothing changes unless all fit.

        Raises:
            ValueError: another number of arrays, or other shapes, each named.
        """
        own = self.weights
        name = getattr(self, "path", "")
        if len(own) != len(weights):
            unbuilt = "" if self.built else (
                " It is not built yet: call it on data or `build(input_shape)` it first."
            )
            raise ValueError(
                f"'{name}' has {len(own)} weights, but {len(weights)} arrays were given.{unbuilt}"
            )
        wrong = [
            f"{v.path}: expects {v.shape}, got {np.shape(w)}"
            for v, w in zip(own, weights) if v.shape != tuple(np.shape(w))
        ]
        if wrong:
            raise ValueError(
                f"These arrays do not fit the weights of '{name}':\n  " + "\n  ".join(wrong)
            )
        for variable, value in zip(own, weights):
            variable.assign(value)
