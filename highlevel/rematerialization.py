"""`RematScope` and `remat`: compute intermediate values again for the gradient, not keep them.

A backend's `remat` takes pure functions: it may run them once more when the gradient is
computed. What is handed to it here is made pure: it runs inside a scope that collects what
the function assigns (statistics, seeds) and the losses that layers add; they leave as
outputs and are applied once, outside. The second run reads what the first one read, so
that the same random numbers are drawn.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any

from highlevel_backend import ArraySpec, current_backend, tree

from highlevel.errors import public
from highlevel.masking import masks_by_place, set_masks_by_place
from highlevel.state import AbstractScope, StatelessScope, current_scope
from highlevel.symbolic import any_symbolic

__all__ = [
    "RematScope", "current_remat_scope", "evaluating_abstractly", "output_size", "recompute",
    "recomputing", "remat",
]

MODES = ("full", "activations", "larger_than", "list_of_layers", None)

_scope: ContextVar[RematScope | None] = ContextVar("highlevel_remat", default=None)
#: whether the code runs inside a call that is computed again as a whole
recomputing: ContextVar[bool] = ContextVar("highlevel_recomputing", default=False)


class RematScope:
    """Layers made within the block compute their values again in the backward pass.

    Training takes less memory and more time; results and gradients are the same. A layer
    keeps the scope it was made in, or else that of its first call. The innermost scope
    counts. Layers inside of a layer that is computed again are part of it, and a model made
    in the scope leaves it to its layers, unless `layer_names` has the model's own name.
    Files and configs do not hold the scope.

    Args:
        mode: which layers: `"full"`, all of them; `"activations"`, the activation function
            alone of those with one; `"larger_than"`, those with larger outputs;
            `"list_of_layers"`, those named; None, none, for a block within another.
        output_size_threshold: number of entries of all outputs, batch included, above
            which `"larger_than"` acts.
        layer_names: names for `"list_of_layers"`.

    Raises:
        ValueError: no such mode.

    Source: [Chen et al., 2016](https://arxiv.org/abs/1604.06174).

    >>> import highlevel as hl
    >>> with hl.RematScope(mode="full"):
    ...     block = hl.layers.Dense(4, activation="gelu")
    >>> block(hl.ops.ones((2, 3))).shape
    (2, 4)
    """

    def __init__(
        self,
        mode: str | None = "full",
        output_size_threshold: int = 1024,
        layer_names: Sequence[str] | None = None,
    ) -> None:
        if mode not in MODES:
            raise ValueError(
                f"RematScope: `mode` must be one of {', '.join(map(repr, MODES))}; got {mode!r}."
            )
        if isinstance(layer_names, str):
            raise ValueError(
                f"RematScope: `layer_names` must be a list of names; got the string "
                f"{layer_names!r}. Write `layer_names=[{layer_names!r}]`."
            )
        self.mode = mode
        self.output_size_threshold = output_size_threshold
        self.layer_names = list(layer_names or [])
        self._tokens: list = []

    def __enter__(self) -> RematScope:
        self._tokens.append(_scope.set(self))
        return self

    def __exit__(self, *exception: Any) -> None:
        _scope.reset(self._tokens.pop())

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_tokens": []}

    def __deepcopy__(self, memo: dict) -> RematScope:
        return RematScope(self.mode, self.output_size_threshold, self.layer_names)

    def __repr__(self) -> str:
        return f"<RematScope mode={self.mode!r}>"


def current_remat_scope() -> RematScope | None:
    """The innermost scope here, None outside of any."""
    return _scope.get()


def evaluating_abstractly() -> bool:
    """Whether only shapes are wanted here."""
    return isinstance(current_scope.get(), AbstractScope)


@public
def remat(f: Callable) -> Callable:
    """A function like `f` whose intermediate values are computed again for the gradient.

    Variables that `f` assigns and losses that layers add inside are taken care of.

    Args:
        f: function of arrays, or a layer.

    Returns:
        A function of the same arguments. It raises TypeError for symbolic tensors.

    >>> import highlevel as hl
    >>> class Growing(hl.layers.Layer):
    ...     def grow(self, x):
    ...         for _ in range(3):
    ...             x = x + hl.ops.sin(x)
    ...         return x
    ...     def call(self, inputs):
    ...         return hl.remat(self.grow)(inputs)
    >>> Growing()(hl.ops.zeros((2, 3))).shape
    (2, 3)
    """
    if not callable(f):
        raise TypeError(f"remat takes a function or a layer; got {f!r}.")
    name = getattr(f, "__name__", None) or getattr(f, "name", type(f).__name__)

    @functools.wraps(f, updated=())
    def recomputed(*args: Any, **kwargs: Any) -> Any:
        if any_symbolic(args, kwargs):
            raise TypeError(
                f"remat({name}) was called on symbolic tensors, and works on arrays: call it "
                "in the `call` of a layer, or make layers within `with hl.RematScope(): ...`."
            )
        return recompute(f, args, kwargs)

    return recomputed


class _CollectingScope(StatelessScope):
    """Collects what a call does, and remembers what it read for a second run.

    Args:
        read_before: variable → value at its first reading; filled by the first run.
    """

    def __init__(self, read_before: dict[Any, Any]) -> None:
        super().__init__(collect_losses=True)
        self.read_before = read_before
        self.owners: list[Any] = []

    def read(self, variable: Any) -> Any:
        value = self.values.get(variable)
        if value is None:
            value = self.read_before.get(variable)
        if value is None:
            value = self._outer.read(variable) if self._outer is not None else None
            if value is None:
                value = variable.raw_value()
            if not current_backend().is_abstract(value):  # a tracer may be of this run alone
                self.read_before[variable] = value
        return value

    def add_loss_of(self, layer: Any, loss: Any) -> None:
        self.owners.append(layer)
        self.losses.append(loss)

    def add_loss(self, loss: Any) -> None:
        self.add_loss_of(None, loss)


def recompute(function: Callable, args: tuple, kwargs: dict) -> Any:
    """`function(*args, **kwargs)`, computed again when the gradient is.

    Args:
        function: may read and assign variables, add losses and set masks.
        args, kwargs: closed over, not traced anew, so that arrays keep their masks.

    Returns:
        What the function returns; assignments, losses and masks are in force.
    """
    backend = current_backend()
    if evaluating_abstractly():
        return function(*args, **kwargs)
    read_before: dict[Any, Any] = {}
    first: list[Any] = []

    def pure() -> list:
        token = recomputing.set(True)
        try:
            scope = _CollectingScope(read_before)
            with scope:
                outputs = function(*args, **kwargs)
        finally:
            recomputing.reset(token)
        masks = masks_by_place(outputs)
        everything = (
            outputs, list(scope.updates.values()), scope.losses, list(masks.values()),
        )
        leaves, definition = tree.flatten(everything)
        places = [i for i, leaf in enumerate(leaves) if backend.is_array(leaf)]
        if not first:
            rest = [None if backend.is_array(leaf) else leaf for leaf in leaves]
            first.append((definition, places, rest, list(scope.updates), scope.owners,
                          list(masks)))
        return [leaves[place] for place in places]

    arrays = backend.remat(pure)()
    definition, places, leaves, variables, owners, masked = first[0]
    for place, array in zip(places, arrays):
        leaves[place] = array
    outputs, values, losses, masks = tree.unflatten(definition, leaves)
    for variable, value in zip(variables, values):
        variable.assign(value)
    outer = current_scope.get()
    for layer, loss in zip(owners, losses):
        if layer is not None:
            layer.add_loss(loss)
        elif outer is not None:
            outer.add_loss(loss)
    set_masks_by_place(outputs, dict(zip(masked, masks)))
    return outputs


def output_size(function: Callable, args: tuple, kwargs: dict) -> int:
    """How many entries `function(*args, **kwargs)` has in all, found without computing it."""
    backend = current_backend()
    leaves, definition = tree.flatten((args, kwargs))
    places = [i for i, leaf in enumerate(leaves) if backend.is_array(leaf)]

    def run(arrays: list) -> list:
        filled = list(leaves)
        for place, array in zip(places, arrays):
            filled[place] = array
        inner_args, inner_kwargs = tree.unflatten(definition, filled)
        with AbstractScope(collect_losses=True):
            outputs = function(*inner_args, **inner_kwargs)
        return [leaf for leaf in tree.leaves(outputs) if backend.is_array(leaf)]

    specs = [ArraySpec(tuple(leaves[i].shape), leaves[i].dtype.name) for i in places]
    return sum(math.prod(spec.shape) for spec in backend.eval_shape(run, specs))
