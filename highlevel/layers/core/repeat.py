"""`Repeat`: equal blocks one after the other, compiled once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from highlevel_backend import current_backend

from highlevel import ops
from highlevel.layers.core.wrapper import Wrapper
from highlevel.layers.described import positive
from highlevel.layers.layer import CallContext, Layer, call_context
from highlevel.masking import set_mask
from highlevel.naming import kept_names
from highlevel.state import StatelessScope, active_distribution
from highlevel.variable import Variable

__all__ = ["Repeat"]


class Repeat(Wrapper):
    """A block several times in a row, each time with weights of its own, compiled once.

    What `times` equal blocks in a row compute is computed by one loop over weights that lie in
    one array per weight, `(times, *shape of the block's weight)`. The program has the block once,
    however often it is repeated, so that deep models compile in the time of shallow ones, and the
    optimizer updates one array in place of many.

    Each block begins with weights of its own, as layers made from the block's config would; those
    whose initializers have a seed begin alike. Regularizers and constraints act on each block's
    weight. States (moving averages, seeds) are each block's own too. Optimizers that look at a
    weight's shape or norm (Adafactor, LAMB, Muon) see the blocks' weights as one.

    Args:
        layer: the block: a layer or model with one input and an output of the same shape, such as
            `Sequential([...])`. It is a pattern; its own weights are not used.
        times: how many blocks.

    Call arguments:
        inputs: array of the block's input shape.
        training: handed to the blocks.
        mask: set on each block's input, and kept for the output.

    Returns:
        Array of the inputs' shape.

    Raises:
        ValueError: the block changes the shape, holds metrics, or runs on the host; `times` is no
            positive integer.

    >>> import highlevel as hl
    >>> block = hl.Sequential([hl.layers.Dense(8, activation="relu"), hl.layers.Dense(4)])
    >>> deep = hl.layers.Repeat(block, 50)
    >>> deep(hl.ops.ones((2, 4))).shape
    (2, 4)
    >>> [weight.shape for weight in deep.weights]
    [(50, 4, 8), (50, 8), (50, 8, 4), (50, 4)]
    """

    _fields = ("layer", "times")

    def __init__(self, layer: Layer, times: int, **kwargs: Any) -> None:
        super().__init__(layer, **kwargs)
        self.times = positive(self, "times", times)
        self.supports_masking = True

    @property
    def layer(self) -> Any:
        """The block that is repeated, as a pattern."""
        return self._untracked["layer"]

    @layer.setter
    def layer(self, value: Layer) -> None:
        # Not found when weights are looked for: the pattern's own are none of this layer's.
        self._untracked: dict[str, Any] = {"layer": value}

    def _walk(self, recursive: bool, include_self: bool, _seen: set | None) -> Any:
        # What is compiled depends on the pattern's attributes.
        seen = _seen if _seen is not None else set()
        if id(self) in seen:
            return
        yield from super()._walk(recursive, include_self, seen)
        if recursive:
            yield from self.layer._walk(True, True, seen)

    @property
    def trainable(self) -> bool:
        """Whether training changes the variables; settable, for all blocks alike."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        Wrapper.trainable.fset(self, value)  # type: ignore[attr-defined]
        self.layer.trainable = value

    # ------------------------------------------------------------------ building

    def build(self, input_shape: Any) -> None:
        """Make the weights of all blocks, one array for each weight of the block."""
        with kept_names():
            blocks = [type(self.layer).from_config(self.layer.get_config())
                      for _ in range(self.times)]
            for block in (self.layer, *blocks):
                if not block.built:
                    block.build(input_shape)
                    block.built = True
        self._refuse_blocks(input_shape)
        weights = self.layer.weights
        own = set(weights)
        prefix = f"{self.layer.name}/"
        columns = zip(*(block.variables for block in blocks))
        states: list[Variable] = []
        for variable, column in zip(self.layer.variables, columns, strict=True):
            path = variable.path.rpartition(prefix)[2]
            stacked = self.add_weight(
                shape=(self.times, *variable.shape),
                initializer=_stacked(column),
                dtype=variable.dtype,
                trainable=variable.trainable,
                autocast=variable.autocast,
                regularizer=_summed(variable.regularizer),
                constraint=_each(variable.constraint),
                name=path.replace("/", "_"),
            )
            stacked.used_by_parts = True
            if variable not in own:  # of seeds: no weight, but a state
                self._own_variables.pop()
                states.append(stacked)
        self._carried = states
        self._untracked["stacks"] = [*self._own_variables, *states]

    def stacked(self) -> list[tuple[Variable, Variable]]:
        """Each variable of the pattern with the one that holds all blocks' values of it."""
        weights = self.layer.weights
        own = set(weights)
        pattern = [*weights, *[v for v in self.layer.variables if v not in own]]
        return list(zip(pattern, self._untracked["stacks"]))

    def _refuse_blocks(self, input_shape: Any) -> None:
        block = self.layer
        what = f"Repeat '{self.name}' cannot repeat {type(block).__name__} '{block.name}'"
        shape = block.compute_output_shape(input_shape)
        if tuple(shape) != tuple(input_shape):
            raise ValueError(
                f"{what}: it makes the shape {tuple(shape)} of {tuple(input_shape)}, so its output "
                "cannot be the next block's input. Change the shape before or after the repetition."
            )
        if block.metrics:
            raise ValueError(f"{what}: it holds metrics. Keep them outside of the repetition.")
        if any(layer.runs_on_host or (layer.accepts_strings and not hasattr(layer, "layers"))
               for layer in block._flatten_layers()):
            raise ValueError(f"{what}: it has layers that run on the host.")

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The input's shape."""
        return input_shape

    # ------------------------------------------------------------------ the call

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """What the blocks make of the inputs, one after the other."""
        pattern = [variable for variable, _ in self.stacked()]
        kept = [i for i, v in enumerate(pattern) if not v.trainable]
        changed: set[int] = set()
        distribution = active_distribution()

        def body(x: Any, values: list) -> tuple[Any, tuple]:
            if distribution is not None:
                values = distribution.gathered(stacks, values, part=True)
            # A context of its own: what would watch the blocks sees the values of a loop.
            token = call_context.set(CallContext(training))
            try:
                with StatelessScope(zip(pattern, values), collect_losses=True) as scope:
                    if mask is not None:
                        set_mask(x, mask)
                    out = self.layer(x)
            finally:
                call_context.reset(token)
            changed.update(i for i in kept if pattern[i] in scope.updates)
            losses = [ops.sum(ops.cast(loss, "float32")) for loss in scope.losses]
            return out, ([scope.values[pattern[i]] for i in kept], losses)

        stacks = self._untracked["stacks"]
        backend = current_backend()
        one = body
        if distribution is not None and distribution.gathers(stacks):
            one = backend.gathering_anew(body)
        out, (states, losses) = backend.scan(
            one, inputs, [stack._own_value() for stack in stacks], length=self.times
        )
        for i, value in zip(kept, states):
            if i in changed:
                stacks[i].assign(value)
        for loss in losses:
            self.add_loss(ops.sum(loss))
        return out


def _stacked(variables: tuple[Variable, ...]) -> Callable:
    """An initializer that gives what those of the blocks' variables give."""

    def initializer(shape: Any, dtype: str | None = None) -> Any:
        xp = current_backend().xp
        return xp.stack([variable.computed_value() for variable in variables])

    return initializer


def _summed(regularizer: Any) -> Any:
    """A regularizer of each block's weight, as one of all."""
    if regularizer is None:
        return None
    return lambda stack: sum(regularizer(stack[i]) for i in range(stack.shape[0]))


def _each(constraint: Any) -> Any:
    """A constraint on each block's weight, as one on all."""
    if constraint is None:
        return None
    return lambda stack: ops.stack([constraint(stack[i]) for i in range(stack.shape[0])])
