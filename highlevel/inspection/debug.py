"""Debug modes, in one line each: what is looked at in every layer while a block lasts.

    with hl.inspection.guard():            # numbers that are not finite, or huge
        model.fit(x, y)
    with hl.inspection.checked_kernels():  # kernels against their definitions
        model(x)
    with hl.inspection.hooks(after=look):  # a function of yours around every call
        model(x)

They work in compiled programs too, which are compiled anew for them.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
from highlevel_backend import canonical_name, current_backend, is_float, tree

from highlevel.inspection.tables import readable_number
from highlevel.inspection.taps import arrays_of
from highlevel.layers.debugging import Debugging, debugging
from highlevel.layers.layer import Layer
from highlevel.layers.recurrent.sequences import gru_sequence, lstm_sequence, simple_rnn_sequence
from highlevel.layers.tracking import note_change
from highlevel.naming import current_path
from highlevel.ops.nn.attention import dot_product_attention

__all__ = ["checked_kernels", "guard", "hooks"]

#: definitions of kernels that are no op's own: the caller looks whether there is one
_DEFINITIONS: dict[str, Callable] = {
    "lstm_sequence": lstm_sequence,
    "gru_sequence": gru_sequence,
    "simple_rnn_sequence": simple_rnn_sequence,
    "flash_attention": partial(dot_product_attention, flash_attention=False),
}


@contextmanager
def guard(limit: float = 1e8) -> Iterator[_Guard]:
    """Within the block, a layer that returns NaN, infinity or a huge number raises an error.

    Step by step, and on NumPy, in the layer itself. A compiled program runs to its end; `fit`
    then stops at the next look, the block at its end.

    Args:
        limit: greatest magnitude that is let pass.

    Raises:
        FloatingPointError: names the layer's path and what came out of it.

    >>> import highlevel as hl
    >>> layer = hl.layers.Rescaling(1e9, name="large")
    >>> with guard():
    ...     layer(hl.ops.ones((2, 3)))
    Traceback (most recent call last):
    FloatingPointError: Rescaling 'large' returned numbers up to 1e+09, beyond the limit of 1e+08.
    """
    with _on(_Guard(limit)) as mode:
        yield mode


class _Guard(Debugging):
    """Looks at the outputs of every layer."""

    def __init__(self, limit: float) -> None:
        self.limit = float(limit)
        self.found: list[str] = []

    def after(self, layer: Any, args: tuple, kwargs: dict, outputs: Any) -> None:  # type: ignore[override]
        backend = current_backend()
        xp = backend.xp
        name = f"{type(layer).__name__} '{_path(layer)}'"
        for leaf in tree.leaves(arrays_of(outputs)):
            if not is_float(canonical_name(leaf.dtype)):
                continue
            values = backend.cast(backend.stop_gradient(leaf), "float32")
            finite = xp.isfinite(values)
            largest = xp.max(xp.where(finite, xp.abs(values), 0.0), initial=0.0)
            bad = xp.sum(xp.logical_not(finite))
            if backend.is_abstract(leaf):
                backend.tell(partial(self._look, name, int(leaf.size)), bad, largest)
            else:
                self._look(name, int(leaf.size), backend.to_numpy(bad), backend.to_numpy(largest))
                self.check()

    def _look(self, name: str, size: int, bad: Any, largest: Any) -> None:
        if bad:
            self.found.append(f"{name} returned {int(bad)} numbers of {size} that are not finite.")
        elif largest > self.limit:
            self.found.append(
                f"{name} returned numbers up to {readable_number(float(largest))}, beyond the "
                f"limit of {readable_number(self.limit)}."
            )

    def check(self) -> None:
        super().check()
        if self.found:
            found, self.found = self.found[0], []
            raise FloatingPointError(found)


@contextmanager
def checked_kernels(tolerance: float = 1e-3) -> Iterator[_Kernels]:
    """Within the block, every kernel of the backend is held against its definition.

    Both are computed each time; what differs is told by a warning, once per kernel and layer,
    and kept in the object that the block gives: `.differences`, `(kernel, layer's path)` → the
    largest difference, of all kernels that ran. The definition of dropout's masks is another
    stream of random numbers and is left out.

    Args:
        tolerance: greatest difference, relative to the largest value of the definition.

    >>> import highlevel as hl
    >>> with hl.use_backend("numpy"), checked_kernels() as found:
    ...     _ = hl.layers.LSTM(3, name="lstm")(hl.ops.ones((2, 4, 3)))
    >>> [(path, difference < 1e-5) for (_, path), difference in found.differences.items()]
    [('lstm', True)]
    """
    backend = current_backend()
    mode = _Kernels(tolerance)
    own = vars(backend).get("kernels")  # of the object itself; else they are the class's
    backend.kernels = _Checked(backend.kernels, mode)
    try:
        with _on(mode):
            yield mode
    finally:
        del backend.kernels
        if own is not None:
            backend.kernels = own


class _Kernels(Debugging):
    """Gathers how far kernels are from their definitions."""

    def __init__(self, tolerance: float) -> None:
        self.tolerance = tolerance
        self.differences: dict[tuple[str, str], float] = {}

    def compare(self, name: str, result: Any, expected: Any) -> None:
        """Note the difference between what a kernel and its definition returned."""
        backend = current_backend()
        xp = backend.xp
        path = current_path()
        for one, other in zip(tree.leaves(result), tree.leaves(expected)):
            if not backend.is_array(one) or not is_float(canonical_name(one.dtype)):
                continue
            one, other = (
                backend.cast(backend.stop_gradient(a), "float32") for a in (one, other))
            off = xp.max(xp.abs(one - other), initial=0.0)
            scale = xp.max(xp.abs(other), initial=0.0)
            backend.tell(partial(self._note, name, path), off, scale)

    def _note(self, name: str, path: str, off: Any, scale: Any) -> None:
        off = float(off) / (float(scale) or 1.0)
        before = self.differences.get((name, path))
        self.differences[name, path] = off if before is None else max(before, off)
        if not off <= self.tolerance and (before is None or before <= self.tolerance):
            warnings.warn(
                f"The kernel '{name}' differs from its definition by {readable_number(off)} of the "
                f"largest value{f', in {path!r}' if path else ''}.",
                stacklevel=2,
            )


class _Checked(Mapping):
    """A backend's kernels, each run with the definition it stands for."""

    def __init__(self, kernels: Mapping[str, Callable], mode: _Kernels) -> None:
        self._kernels = kernels
        self._mode = mode

    def __getitem__(self, name: str) -> Callable:
        return self._kernels[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._kernels)

    def __len__(self) -> int:
        return len(self._kernels)

    def get(self, name: str, reference: Any = None) -> Any:
        """The kernel, which compares itself with what runs where there is none."""
        kernel = self._kernels.get(name)
        reference = reference or _DEFINITIONS.get(name)
        if kernel is None or reference is None:
            return kernel or reference

        def run(*args: Any, **kwargs: Any) -> Any:
            result = kernel(*args, **kwargs)
            if result is not NotImplemented:
                self._mode.compare(name, result, reference(*args, **kwargs))
            return result

        return run


@contextmanager
def hooks(
    before: Callable[[Layer, tuple, dict], None] | None = None,
    after: Callable[[Layer, tuple, dict, Any], None] | None = None,
    values: bool = False,
) -> Iterator[None]:
    """Within the block, functions of yours are called around every call of a layer.

    Args:
        before: called with `(layer, args, kwargs)`.
        after: called with `(layer, args, kwargs, outputs)`.
        values: give NumPy arrays, each time a compiled program runs, instead of the traced
            arrays, once, when it is compiled.

    >>> import highlevel as hl
    >>> layer = hl.layers.ReLU(name="act")
    >>> with hooks(after=lambda layer, args, kwargs, outputs: print(layer.path, outputs)):
    ...     _ = layer(hl.ops.array([-1.0, 2.0]))
    act [0. 2.]
    """
    with _on(_Hooks(before, after, values)):
        yield


class _Hooks(Debugging):
    """Calls functions of the user's."""

    def __init__(self, before: Any, after: Any, values: bool) -> None:
        self.before = _with_values(before) if values and before else before
        self.after = _with_values(after) if values and after else after


def _with_values(function: Callable) -> Callable:
    def run(layer: Layer, *found: Any) -> None:
        backend = current_backend()
        leaves, definition = tree.flatten(found)
        places = [i for i, leaf in enumerate(leaves) if backend.is_array(leaf)]

        def tell(*arrays: np.ndarray) -> None:
            filled = list(leaves)
            for place, array in zip(places, arrays):
                filled[place] = array
            function(layer, *tree.unflatten(definition, filled))

        backend.tell(tell, *(backend.stop_gradient(leaves[i]) for i in places))

    return run


@contextmanager
def _on(mode: Any) -> Iterator[Any]:
    """A debug mode in force, inside those that are on."""
    mode.outer = debugging.get()
    token = debugging.set(mode)
    note_change()  # what is compiled goes without it
    try:
        yield mode
        current_backend().told()
        mode.check()
    finally:
        debugging.reset(token)
        note_change()


def _path(layer: Layer) -> str:
    path = current_path()
    return f"{path}/{layer.name}" if path else layer.name
