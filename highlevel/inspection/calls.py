"""The calls of layers in a run that computes nothing: shapes, and what each call computes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from highlevel_backend import ArraySpec, canonical_name, current_backend, tree
from highlevel_backend.operations import Operations, nbytes

from highlevel.errors import suggest
from highlevel.inspection.taps import Tap, observing
from highlevel.layers.layer import Layer, holds_strings
from highlevel.state import StatelessScope
from highlevel.variable import Variable

__all__ = [
    "LayerRun", "by_path", "followed", "operations_of", "refuse_strings",
    "spec_of_array", "specs_of", "text_of_shapes",
]


@dataclass(eq=False)
class LayerRun:
    """One call of one layer, in shapes.

    Attributes:
        layer, path: the layer, and the names on the way to it, `#2` for its second call.
        args, kwargs: what it was called with, an `ArraySpec` for each array.
        outputs: `ArraySpec`s of what it returned, flat.
        inner: whether no call of another layer happened within it, loops aside.
    """

    layer: Layer
    path: str
    args: tuple
    kwargs: dict[str, Any]
    outputs: list[ArraySpec]
    inner: bool

    @property
    def outermost(self) -> bool:
        """Whether it is a call by the model itself; those make up the whole."""
        return "/" not in self.path

    @property
    def output_bytes(self) -> int:
        """Bytes of what it returned."""
        return sum(map(nbytes, self.outputs))


class _Calls(Tap):
    """Writes calls down as `LayerRun`s."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.runs: list[LayerRun] = []

    def __call__(self, layer: Layer, args: tuple, kwargs: dict, outputs: Any) -> Any:
        before = len(self.calls)
        result = super().__call__(layer, args, kwargs, outputs)
        if len(self.calls) > before:
            path = self.calls[-1].path
            below = f"{path.partition('#')[0]}/"
            inner = not any(run.path.startswith(below) for run in self.runs)
            self.runs.append(LayerRun(
                layer, path, specs_of(args), specs_of(kwargs),
                [leaf for leaf in tree.leaves(specs_of(outputs)) if isinstance(leaf, ArraySpec)],
                inner))
        return result


def by_path(name: str, parts: Sequence[Any], path: str) -> Any:
    """What belongs to the call at a path, among things with a `path`.

    Raises:
        KeyError: no call has that path; names the likely one.
    """
    for part in parts:
        if part.path == path:
            return part
    paths = [part.path for part in parts]
    raise KeyError(f"No layer of '{name}' is called at {path!r}.{suggest(path, paths)}")


def refuse_strings(model: Any, inputs: Any) -> None:
    """Raise where inputs are strings, which layers on the host take.

    Raises:
        ValueError: they are.
    """
    for leaf in tree.leaves(inputs):
        if getattr(leaf, "dtype", None) == "string" or holds_strings(leaf):
            raise ValueError(
                f"Model '{model.name}' takes strings, which its first layers turn into numbers on "
                "the host; that part cannot be planned or profiled. Ask the part behind them: "
                "`hl.Model(layer.output, model.output)` from the last of these layers on."
            )


def spec_of_array(value: Any) -> ArraySpec:
    """Shape and dtype of an array."""
    return ArraySpec(tuple(value.shape), canonical_name(value.dtype))


def specs_of(structure: Any) -> Any:
    """A tree with an `ArraySpec` in the place of each array of the current backend."""
    backend = current_backend()
    return tree.map_leaves(
        lambda leaf: spec_of_array(leaf) if backend.is_array(leaf) else leaf, structure)


def operations_of(
    call: Callable, variables: Sequence[Variable], args: tuple, kwargs: dict[str, Any]
) -> Operations:
    """What `call(*args, **kwargs)` computes from arrays and variables; nothing is allocated.

    Args:
        call: a layer, or any function.
        variables: all that it reads.
        args, kwargs: trees with `ArraySpec`s in the places of arrays.
    """
    leaves, definition = tree.flatten((args, kwargs))
    places = [i for i, leaf in enumerate(leaves) if isinstance(leaf, ArraySpec)]

    def run(values: list, arrays: list) -> Any:
        filled = list(leaves)
        for place, array in zip(places, arrays):
            filled[place] = array
        inner_args, inner_kwargs = tree.unflatten(definition, filled)
        with StatelessScope(zip(variables, values), collect_losses=True):
            return call(*inner_args, **inner_kwargs)

    return current_backend().operations(
        run, [ArraySpec(v.shape, v.dtype) for v in variables], [leaves[i] for i in places])


def followed(
    model: Any, args: tuple, kwargs: dict[str, Any], training: bool
) -> tuple[list[LayerRun], Operations]:
    """A model's call in shapes: the calls of its layers, and all that is computed.

    Args:
        model: a built model.
        args, kwargs: trees with `ArraySpec`s in the places of arrays.
        training: whether layers act as in training.
    """
    runs: list[LayerRun] = []

    def call(*args: Any, **kwargs: Any) -> Any:
        calls = _Calls()
        with observing(calls, training):
            outputs = model(*args, **kwargs)
        runs[:] = calls.runs
        return outputs

    found = operations_of(call, model.variables, args, kwargs)
    return runs, found


def text_of_shapes(specs: Sequence[ArraySpec]) -> str:
    """Shapes as they stand in tables."""
    return ", ".join(str(tuple(spec.shape)) for spec in specs) or "-"
