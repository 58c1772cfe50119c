"""`Bidirectional`: a recurrent layer forwards, and another one backwards in time."""

from __future__ import annotations

from typing import Any

from highlevel_backend import current_backend

from highlevel.layers.config import without_build
from highlevel.layers.described import DescribedLayer
from highlevel.layers.input_spec import InputSpec
from highlevel.layers.layer import Layer
from highlevel.serialization import deserialize_keras_object, serialize_keras_object
from highlevel.symbolic import SymbolicTensor

__all__ = ["Bidirectional"]

_MODES = ("sum", "mul", "ave", "concat", None)
_SHARED = ("stateful", "return_sequences", "return_state")


class Bidirectional(DescribedLayer):
    """Runs a recurrent layer forwards and a copy of it backwards over a sequence.

    The layer given is a template: both directions are new layers made from its config,
    named `forward_<name>` and `backward_<name>`.

    Args:
        layer: `LSTM`, `GRU`, `RNN` or any layer with `go_backwards`, `return_sequences`
            and `return_state`.
        merge_mode: how the two outputs are joined: "sum", "mul", "ave", "concat", or None
            for both, one after the other.
        weights: first values of the weights, set after building.
        backward_layer: layer for the way back, with `go_backwards` the other way round.

    Call arguments:
        sequences: `(batch, steps, ...)`.
        initial_state: states of the forward layer, then those of the backward layer.
        mask: `(batch, steps)` boolean.
        training: handed to both layers.

    Returns:
        The joined output; with `return_state` a tuple of that and all states.

    Raises:
        ValueError: an unknown `merge_mode`; layers that do not go opposite ways, or that
            differ in what they return.

    >>> import highlevel as hl
    >>> layer = hl.layers.Bidirectional(hl.layers.LSTM(4, return_sequences=True))
    >>> layer(hl.ops.ones((2, 5, 3))).shape
    (2, 5, 8)
    """

    _fields = ("merge_mode",)

    def __init__(
        self,
        layer: Any,
        merge_mode: str | None = "concat",
        weights: Any = None,
        backward_layer: Any = None,
        **kwargs: Any,
    ) -> None:
        for given in (layer, backward_layer):
            missing = [] if given is None else [
                name for name in ("go_backwards", *_SHARED) if not hasattr(given, name)]
            if missing or not isinstance(given, (Layer, type(None))):
                raise ValueError(
                    "Bidirectional takes recurrent layers (LSTM, GRU, RNN, ...); "
                    f"{given!r} of type {type(given).__name__} has no "
                    f"{', '.join(map(repr, missing))}."
                )
        if merge_mode not in _MODES:
            raise ValueError(
                f"`merge_mode` of Bidirectional must be one of {_MODES}; got {merge_mode!r}."
            )
        kwargs.setdefault("dtype", layer.dtype_policy)
        super().__init__(**kwargs)
        self.forward_layer = _copy(layer, f"forward_{layer.name}")
        if backward_layer is None:
            self.backward_layer = _copy(
                layer, f"backward_{layer.name}", go_backwards=not layer.go_backwards)
        else:
            self.backward_layer = backward_layer
        self._check_pair()
        if layer.return_sequences:
            # Masked steps must not repeat the last output: each direction has another last one.
            self.forward_layer.zero_output_for_mask = True
            self.backward_layer.zero_output_for_mask = True
        self.merge_mode = merge_mode
        self.stateful = layer.stateful
        self.return_sequences = layer.return_sequences
        self.return_state = layer.return_state
        self.supports_masking = True
        self._first_weights = weights
        self.input_spec = getattr(layer, "input_spec", None) or InputSpec(min_ndim=3)

    def _check_pair(self) -> None:
        forward, backward = self.forward_layer, self.backward_layer
        if forward.go_backwards == backward.go_backwards:
            raise ValueError(
                f"Bidirectional '{self.name}' needs layers that go opposite ways, but both have "
                f"`go_backwards={forward.go_backwards}`. Set it on the backward layer."
            )
        for name in _SHARED:
            one, other = getattr(forward, name), getattr(backward, name)
            if one != other:
                raise ValueError(
                    f"The two layers of Bidirectional '{self.name}' must agree in `{name}`; the "
                    f"forward layer has {one!r}, the backward layer {other!r}."
                )

    @property
    def go_backwards(self) -> bool:
        """Whether the forward layer goes from the last time step to the first."""
        return self.forward_layer.go_backwards

    # ------------------------------------------------------------------- shapes

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        """Build both directions."""
        for layer in (self.forward_layer, self.backward_layer):
            if not layer.built:
                layer.build(sequences_shape)
        if self._first_weights is not None:
            self.set_weights(self._first_weights)
            self._first_weights = None

    def compute_output_shape(self, sequences_shape: Any, initial_state_shape: Any = None) -> Any:
        """Shape of the joined output (two with `merge_mode=None`), then of the states."""
        shape = self.forward_layer.compute_output_shape(sequences_shape)
        states: tuple = ()
        if self.return_state:
            back = self.backward_layer.compute_output_shape(sequences_shape)
            shape, states = shape[0], (*shape[1:], *back[1:])
        if self.merge_mode == "concat":
            # One of the two lengths may be the other layer's.
            back = self.backward_layer.compute_output_shape(sequences_shape)
            back = back[0] if self.return_state else back
            shape = (*shape[:-1], shape[-1] + back[-1])
        outputs = (shape, shape) if self.merge_mode is None else (shape,)
        return (*outputs, *states) if len(outputs) > 1 or states else shape

    def compute_output_spec(
        self, sequences: Any, initial_state: Any = None, mask: Any = None,
        training: bool | None = None,
    ) -> Any:
        shapes = self.compute_output_shape(sequences.shape)
        return _tensors(shapes, self.compute_dtype)

    def compute_mask(self, _: Any, mask: Any) -> Any:
        """The mask for the outputs with `return_sequences`; states have none."""
        mask = mask[0] if isinstance(mask, (list, tuple)) else mask
        output = mask if self.return_sequences else None
        several = self.merge_mode is None
        if not self.return_state:
            return (output, output) if several else output
        states = _count(self.forward_layer) + _count(self.backward_layer)
        return [output] * (2 if several else 1) + [None] * states

    # ------------------------------------------------------------------- states

    @property
    def states(self) -> Any:
        """States kept between batches: the forward layer's, then the backward layer's."""
        forward, backward = self.forward_layer.states, self.backward_layer.states
        if not forward or not backward:
            return None
        return tuple(forward) + tuple(backward)

    def reset_state(self) -> None:
        """Set the states kept between batches to zero."""
        self.forward_layer.reset_state()
        self.backward_layer.reset_state()

    def reset_states(self) -> None:
        """The same as `reset_state`."""
        self.reset_state()

    # --------------------------------------------------------------------- call

    def call(
        self, sequences: Any, initial_state: Any = None, mask: Any = None,
        training: bool | None = None,
    ) -> Any:
        forward_state = backward_state = None
        if initial_state is not None:
            half, odd = divmod(len(initial_state), 2)
            if odd:
                raise ValueError(
                    f"Bidirectional '{self.name}' needs the states of both directions in "
                    f"`initial_state`: an even number; got {len(initial_state)}."
                )
            forward_state, backward_state = initial_state[:half], initial_state[half:]
        y = self.forward_layer(
            sequences, initial_state=forward_state, mask=mask, training=training)
        z = self.backward_layer(
            sequences, initial_state=backward_state, mask=mask, training=training)
        states: tuple[Any, ...] = ()
        if self.return_state:
            states = (*y[1:], *z[1:])
            y, z = y[0], z[0]
        xp = current_backend().xp
        if self.return_sequences:
            z = xp.flip(z, axis=1)
        if self.merge_mode == "concat":
            outputs: tuple[Any, ...] = (xp.concatenate([y, z], axis=-1),)
        elif self.merge_mode == "sum":
            outputs = (y + z,)
        elif self.merge_mode == "ave":
            outputs = ((y + z) / 2,)
        elif self.merge_mode == "mul":
            outputs = (y * z,)
        else:
            outputs = (y, z)
        joined = [*outputs, *states]
        return tuple(joined) if len(joined) > 1 else joined[0]

    # ------------------------------------------------------------------- config

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        config = super().get_config()
        config["layer"] = serialize_keras_object(self.forward_layer)
        config["backward_layer"] = serialize_keras_object(self.backward_layer)
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """The layer that `get_config` described.

        Args:
            custom_objects: name → class, for layers of another's making.
        """
        config = dict(config)
        for key in ("layer", "backward_layer"):
            if isinstance(config.get(key), dict):
                config[key] = deserialize_keras_object(
                    without_build(config[key]), custom_objects=custom_objects)
        layer = config["layer"]
        layer.name = layer.name.removeprefix("forward_")
        return super().from_config(config)


def _copy(layer: Any, name: str, **changes: Any) -> Any:
    config = {**layer.get_config(), "name": name, **changes}
    return type(layer).from_config(config)


def _count(layer: Any) -> int:
    size = layer.state_size
    return len(size) if isinstance(size, (list, tuple)) else 1


def _tensors(shapes: Any, dtype: str) -> Any:
    if isinstance(shapes, tuple) and all(n is None or isinstance(n, int) for n in shapes):
        return SymbolicTensor.of(shapes, dtype)
    return type(shapes)(_tensors(shape, dtype) for shape in shapes)
