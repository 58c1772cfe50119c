"""`Row`: one layer configuration, what it is called with, and what may be unknown of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from highlevel_backend import tree

N = None


@dataclass(frozen=True)
class In:
    """An array that a layer is called with.

    Attributes:
        shape: with the batch.
        kind: "float", "int", "mask" (with gaps, no row all masked), "lower" (a triangle of
            booleans) or "text".
        high: integers are below it.
        open: axes whose lengths a graph need not know, beside the batch; the row's if None.
    """

    shape: tuple[int, ...]
    kind: str = "float"
    high: int = 0
    open: tuple[int, ...] | None = None

    @property
    def dtype(self) -> str:
        return {"float": "float32", "int": "int32", "text": "string"}.get(self.kind, "bool")

    def data(self, rng: np.random.Generator) -> np.ndarray:
        if self.kind == "float":
            return rng.normal(size=self.shape).astype("float32")
        if self.kind == "int":
            return rng.integers(0, self.high, self.shape).astype("int32")
        if self.kind == "text":
            return rng.choice(["a", "b", "c", "d", "no"], self.shape)
        if self.kind == "lower":
            return np.tril(np.ones(self.shape, bool))
        mask = np.ones(self.shape, bool)
        mask[0, -2:] = False
        mask[-1, 0::3] = False
        mask[-1, 1] = True
        return mask


class Made:
    """An argument that is made of layers: a function of the namespace they come from."""

    def __init__(self, make: Callable[[Any], Any]) -> None:
        self.make = make


@dataclass(frozen=True)
class Row:
    """A layer for the generic checks.

    Attributes:
        name: of the class.
        inputs: positional arguments of the call: `In`, or lists of them.
        args: constructor arguments.
        call: further arguments of the call.
        label: tells the rows of a layer apart.
        open: axes whose lengths a graph need not know, beside the batch.
        random: what it gives in training is drawn.
        trains: gradients flow through it to its inputs or weights.
        keras: Keras as installed has it; else why not.
        full: as precise in bfloat16 as that dtype is.
        batch: the batch must be known to a graph.
        astray: where Keras contradicts itself or fails: "shape" (it announces another one
            than it computes), "mixed" (likewise the dtype; or it fails in bfloat16),
            "graph" (a model with it cannot be run), "variables" (what goes from call to call is not among them).
    """

    name: str
    inputs: tuple[Any, ...]
    args: dict[str, Any] = field(default_factory=dict)
    call: dict[str, Any] = field(default_factory=dict)
    label: str = ""
    open: tuple[int, ...] = ()
    random: bool = False
    trains: bool = True
    keras: bool | str = True
    full: bool = True
    batch: bool = False
    astray: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.name}-{self.label}" if self.label else self.name

    @property
    def slug(self) -> str:
        """A name for the layer, the same in every library."""
        return "".join(c if c.isalnum() else "_" for c in str(self).lower())

    def layer(self, namespace: Any, **extra: Any) -> Any:
        """The layer, from `highlevel.layers` or `keras.layers`."""
        args = {
            key: value.make(namespace) if isinstance(value, Made) else value
            for key, value in self.args.items()
        }
        return getattr(namespace, self.name)(**args, **extra)

    def arguments(self, give: Callable[[In], Any]) -> tuple[list[Any], dict[str, Any]]:
        """Arguments of the call, each `In` replaced by what `give` makes of it."""
        def replace(value: Any) -> Any:
            if isinstance(value, In):
                return give(value)
            if isinstance(value, list):
                return [replace(item) for item in value]
            return value

        return [replace(v) for v in self.inputs], {k: replace(v) for k, v in self.call.items()}

    @property
    def leaves(self) -> list[In]:
        """The arrays of a call in order."""
        found: list[In] = []
        self.arguments(found.append)
        return found

    def data(self, seed: int = 0) -> tuple[list[Any], dict[str, Any]]:
        """Arguments of a call as NumPy arrays."""
        rng = np.random.default_rng(seed)
        return self.arguments(lambda one: one.data(rng))

    def arrays(self, seed: int = 0) -> list[np.ndarray]:
        """The arrays of `data` in the order of `leaves`."""
        rng = np.random.default_rng(seed)
        return [one.data(rng) for one in self.leaves]

    def shape(self, one: In, opened: bool) -> tuple[int | None, ...]:
        """The shape that a graph is told: without the batch, or without all that may be open."""
        axes = (set() if self.batch else {0}) | (set(self.open if one.open is None else one.open) if opened else set())
        return tuple(None if axis in axes else n for axis, n in enumerate(one.shape))

    def symbols(self, make: Callable, opened: bool = False) -> tuple[list[Any], dict[str, Any]]:
        """Arguments of a call as symbolic tensors, `make(shape, dtype)`."""
        return self.arguments(lambda one: make(self.shape(one, opened), one.dtype))


def row(name: str, *inputs: Any, label: str = "", call: dict[str, Any] | None = None,
        open: tuple[int, ...] = (), random: bool = False, trains: bool = True,
        keras: bool | str = True, full: bool = True, batch: bool = False,
        astray: tuple[str, ...] = (), **args: Any) -> Row:
    """A row; shapes stand for floats of that shape."""
    given = tuple(_inputs(value) for value in inputs)
    further = {key: _inputs(v) if isinstance(v, list) else v for key, v in (call or {}).items()}
    return Row(name, given, args, further, label, open, random, trains, keras, full, batch,
               astray)


def _inputs(value: Any) -> Any:
    if isinstance(value, tuple):
        return In(value)
    if isinstance(value, list):
        return [_inputs(item) for item in value]
    return value


def fill(layer: Any, seed: int = 1) -> None:
    """Weights that are neither zeros nor ones, positive where they are variances."""
    rng = np.random.default_rng(seed)
    for variable in layer.weights:
        value = rng.normal(size=tuple(variable.shape)) * 0.5 + 0.1
        if "variance" in variable.path or "gamma" in variable.path:
            value = np.abs(value) + 0.4
        if "float" in str(variable.dtype):
            variable.assign(value.astype("float32"))


def arrays(outputs: Any) -> list[np.ndarray]:
    """Outputs as NumPy arrays, bfloat16 as float32."""
    return [
        np.asarray(x, "float32") if "bfloat16" in str(x.dtype) else np.asarray(x)
        for x in tree.leaves(outputs)
    ]
