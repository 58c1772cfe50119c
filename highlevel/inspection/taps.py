"""Seeing the calls of layers: what went in, what came out, at which path.

A `Tap` is the observer of a `CallContext`. It can also add a *shift* to an output, zeros
that a gradient is taken by: that is the gradient of the output.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from highlevel_backend import ArraySpec, canonical_name, current_backend, is_float, tree

from highlevel.layers.layer import CallContext, Layer, call_context
from highlevel.masking import get_mask, set_mask
from highlevel.naming import current_path

__all__ = ["Call", "Shifts", "Tap", "arrays_of", "inputs_of", "observing", "places_of", "zeros"]

#: `(number of the call, number of the array among its outputs)` → zeros of its shape
Shifts = dict[tuple[int, int], Any]


@dataclass(eq=False)
class Call:
    """One call of one layer.

    Attributes:
        layer: what was called.
        path: the names on the way to it, beginning below the model; of a layer's second call
            with `#2` behind it, and so on.
        inputs: the arrays among its arguments; `outputs`: those it returned. Trees, with None
            where something else stood.
    """

    layer: Layer
    path: str
    inputs: Any
    outputs: Any


@dataclass(eq=False)
class Tap:
    """Keeps what layers were called with and returned, in the order in which calls ended.

    Of calls inside of loops (a cell's, of a recurrent layer) the paths alone are kept: their
    values live within the loop.

    Args:
        wanted: function of the path that says which calls to keep; all of them where None.
        shifts: added to outputs.
    """

    wanted: Callable[[str], bool] | None = None
    shifts: Shifts | None = None
    calls: list[Call] = field(default_factory=list)
    #: paths of the layers called inside of loops, each once
    looped: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._above = current_path()
        self._nesting = current_backend().nesting()
        self._counts: dict[str, int] = {}

    def __call__(self, layer: Layer, args: tuple, kwargs: dict, outputs: Any) -> Any:
        whole = f"{current_path()}/{layer.name}".removeprefix(f"{self._above}/")
        _, slash, path = whole.lstrip("/").partition("/")
        if not slash:  # the model itself
            return None
        backend = current_backend()
        if backend.nesting() != self._nesting:
            if path not in self.looped:
                self.looped.append(path)
            return None
        count = self._counts[path] = self._counts.get(path, 0) + 1
        if self.wanted is not None and not self.wanted(path):
            return None
        if self.shifts is not None:
            outputs = self._shifted(outputs)
        self.calls.append(Call(
            layer, path if count == 1 else f"{path}#{count}", inputs_of(args, kwargs),
            arrays_of(outputs),
        ))
        return outputs

    def _shifted(self, outputs: Any) -> Any:
        backend, shifts = current_backend(), self.shifts or {}
        leaves, definition = tree.flatten(outputs)
        at = 0  # counts arrays alone, as `places_of` does
        for i, leaf in enumerate(leaves):
            if not backend.is_array(leaf):
                continue
            by = shifts.get((len(self.calls), at))
            at += 1
            if by is not None:
                leaves[i] = leaf + by
                set_mask(leaves[i], get_mask(leaf))
        return tree.unflatten(definition, leaves)


def places_of(outputs: list[Any]) -> dict[tuple[int, int], ArraySpec]:
    """Where gradients of outputs can be taken: shape and dtype of each floating array.

    Args:
        outputs: those of the calls in their order, trees of arrays or `ArraySpec`s.
    """
    backend = current_backend()
    return {
        (number, at): ArraySpec(tuple(leaf.shape), canonical_name(leaf.dtype))
        for number, tree_of in enumerate(outputs)
        for at, leaf in enumerate(tree.leaves(tree_of))
        if (isinstance(leaf, ArraySpec) or backend.is_array(leaf))
        and is_float(canonical_name(leaf.dtype))
    }


def zeros(spec: ArraySpec) -> Any:
    """An array of zeros of a shape and dtype."""
    backend = current_backend()
    return backend.cast(backend.xp.zeros(spec.shape), spec.dtype)


@contextmanager
def observing(observer: Callable | None, training: bool | None) -> Iterator[None]:
    """Calls within the block are parts of one call, seen by an observer.

    Args:
        observer: `(layer, args, kwargs, outputs) -> other outputs or None`.
        training: whether it is a training call.
    """
    token = call_context.set(CallContext(training, observer))
    try:
        yield
    finally:
        call_context.reset(token)


def inputs_of(args: tuple, kwargs: dict) -> Any:
    """The arrays of a call's arguments: that of a single one as it is, else tuple and dict."""
    named = {name: found for name, value in kwargs.items()
             if tree.leaves(found := arrays_of(value))}
    found = arrays_of(args)
    if named:
        return found, named
    return found[0] if len(found) == 1 else found


def arrays_of(structure: Any) -> Any:
    """A tree with None in the place of all that is no array of the current backend."""
    backend = current_backend()
    return tree.map_leaves(lambda leaf: leaf if backend.is_array(leaf) else None, structure)
