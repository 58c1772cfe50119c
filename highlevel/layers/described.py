"""`DescribedLayer`: a layer whose config is a list of its attributes' names."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, ClassVar

from highlevel_backend import is_float, tree

from highlevel import activations, constraints, initializers, regularizers
from highlevel.layers.layer import Layer
from highlevel.serialization import serialize_keras_object
from highlevel.symbolic import SymbolicTensor
from highlevel.variable import Variable

__all__ = ["DescribedLayer", "ShapeKeepingLayer", "known_length", "positive", "sizes"]

_PLAIN = (bool, int, float, str, tuple, list)


class DescribedLayer(Layer):
    """Base of the built-in layers: says its config as attribute names.

    Attributes:
        _fields: names that are constructor arguments and attributes at once.
    """

    _fields: ClassVar[tuple[str, ...]] = ()

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        config = super().get_config()
        for name in self._fields:
            config[name] = _written(name, getattr(self, name))
        return config

    def _set_weight_options(
        self, name: str, initializer: Any, regularizer: Any = None, constraint: Any = None
    ) -> None:
        """Keep how the weight `name` is made, as the attributes `<name>_initializer` ..."""
        setattr(self, f"{name}_initializer", initializers.get(initializer))
        for option, value, module in (
            ("regularizer", regularizer, regularizers), ("constraint", constraint, constraints),
        ):
            setattr(self, f"{name}_{option}", None if value is None else module.get(value))

    def _add(
        self, name: str, shape: tuple[int, ...], options: str | None = None, **kwargs: Any
    ) -> Variable:
        """`add_weight`, made as `_set_weight_options(options or name, ...)` said."""
        options = options or name
        return self.add_weight(
            shape=shape,
            name=name,
            initializer=getattr(self, f"{options}_initializer"),
            regularizer=getattr(self, f"{options}_regularizer"),
            constraint=getattr(self, f"{options}_constraint"),
            **kwargs,
        )

    def _set_activation(self, activation: Any) -> None:
        self.activation = activations.get(activation)

    @property
    def _activate(self) -> Callable | None:
        """The activation as it is set now, None where nothing is to be applied."""
        return None if self.activation is activations.linear else self.activation

    def _refuse(self, **options: Any) -> None:
        """Arguments that the contract names and that are not offered yet.

        Raises:
            ValueError: one of them is not None.
        """
        for name, value in options.items():
            if value is not None:
                raise ValueError(
                    f"{type(self).__name__} '{self.name}': `{name}={value!r}` is not supported "
                    "yet. Leave the argument out."
                )

    def _kept_dtype(self, x: Any) -> str:
        """dtype of an output that is the input's entries: integers stay integers."""
        return self.compute_dtype if self.autocast and is_float(x.dtype) else x.dtype


class ShapeKeepingLayer(DescribedLayer):
    """Base of layers whose output has the shape and the kind of dtype of the input."""

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The input's shape."""
        return input_shape

    def compute_output_spec(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Symbolic tensors like the inputs."""
        return tree.map_leaves(
            lambda x: SymbolicTensor.of(tuple(x.shape), self._kept_dtype(x)), inputs
        )


def _written(name: str, value: Any) -> Any:
    if value is None or isinstance(value, _PLAIN):
        return value
    if name.endswith("activation"):
        return activations.serialize(value)
    return serialize_keras_object(value)


def positive(layer: Layer, name: str, value: Any) -> int:
    """A constructor argument that must be a positive integer.

    Raises:
        ValueError: it is not.
    """
    try:
        number = operator.index(value)
    except TypeError:
        number = 0
    if number <= 0 or isinstance(value, bool):
        raise ValueError(
            f"{type(layer).__name__} '{layer.name}': `{name}` must be a positive integer; got "
            f"{value!r}."
        )
    return number


def sizes(
    layer: Layer, name: str, value: Any, rank: int, least: int = 1
) -> tuple[int, ...]:
    """A constructor argument with one integer per spatial axis, or one for all.

    Raises:
        ValueError: another number of entries, or one that is no integer of at least `least`.
    """
    try:
        entries = (operator.index(value),) * rank
    except TypeError:
        try:
            entries = tuple(operator.index(entry) for entry in value)
        except TypeError:
            entries = ()
    if len(entries) != rank or min(entries, default=0) < least:
        many = f"an integer or {rank} integers" if rank > 1 else "an integer"
        raise ValueError(
            f"{type(layer).__name__} '{layer.name}': `{name}` must be {many}, at least {least}; "
            f"got {value!r}."
        )
    return entries


def known_length(layer: Layer, shape: Any, axis: int) -> int:
    """The length of an axis that weights are sized by.

    Raises:
        ValueError: it is unknown, or there is no such axis.
    """
    try:
        length = shape[axis]
    except (IndexError, TypeError):
        raise ValueError(
            f"{type(layer).__name__} '{layer.name}' cannot be built for the input shape {shape!r}: "
            f"it has no axis {axis}."
        ) from None
    if length is None:
        raise ValueError(
            f"{type(layer).__name__} '{layer.name}' sizes its weights by axis {axis} of its "
            f"input, which is unknown in {tuple(shape)}. Give that length in `Input(shape=...)`."
        )
    return length
