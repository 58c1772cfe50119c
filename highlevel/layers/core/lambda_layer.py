"""`Lambda`: a function as a layer."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from highlevel_backend import tree

from highlevel.layers.layer import Layer
from highlevel.serialization import deserialize_keras_object, serialize_keras_object
from highlevel.symbolic import SymbolicTensor, evaluate_abstractly

__all__ = ["Lambda"]


class Lambda(Layer):
    """Calls a function; for a step that needs no weights.

    A layer class of your own is easier to save: a file names a function by where it is
    defined, and code is never read from a file unless the loader is told to.

    Args:
        function: `(inputs, **arguments) -> outputs`; it gets `mask` and `training` too
            if it has parameters of these names.
        output_shape: shape without the batch axis, or a function of the input's shape;
            found by abstract evaluation where None.
        mask: mask of the output, or a function `(inputs, mask) -> mask`.
        arguments: further keyword arguments of the function.

    >>> import highlevel as hl
    >>> hl.layers.Lambda(lambda x, k: x * k, arguments={"k": 2.0})(hl.ops.ones((2,))).tolist()
    [2.0, 2.0]
    """

    def __init__(
        self,
        function: Callable,
        output_shape: Any = None,
        mask: Any = None,
        arguments: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not callable(function):
            raise ValueError(
                f"Lambda '{self.name}': `function` must be a function; got {function!r}."
            )
        self.function = function
        self.arguments = arguments or {}
        self._output_shape = tuple(output_shape) if isinstance(output_shape, list) else output_shape
        self.mask = mask
        self.supports_masking = mask is not None
        try:
            parameters = inspect.signature(function).parameters
        except (TypeError, ValueError):  # some builtins do not tell
            parameters = {}
        self._takes_mask = "mask" in parameters
        self._takes_training = "training" in parameters

    def call(self, inputs: Any, mask: Any = None, training: bool | None = None) -> Any:
        """What the function returns."""
        arguments = dict(self.arguments)
        if self._takes_mask:
            arguments["mask"] = mask
        if self._takes_training:
            arguments["training"] = training
        return self.function(inputs, **arguments)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """As `output_shape` says, or what the function makes of the shape."""
        given = self._output_shape
        if given is None:
            return super().compute_output_shape(input_shape)
        if callable(given):
            return given(input_shape)
        first = input_shape
        while isinstance(first, (list, tuple)) and first and isinstance(first[0], (list, tuple)):
            first = first[0]
        return (first[0], *given)

    def compute_output_spec(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """The symbolic output."""
        if self._output_shape is None:
            return evaluate_abstractly(self.call, (inputs, *args), kwargs)
        shape = self.compute_output_shape(tree.map_leaves(lambda x: tuple(x.shape), inputs))
        return SymbolicTensor.of(tuple(shape), self.compute_dtype)

    def _uses_masks(self, info: Any) -> bool:
        return self._takes_mask or self.mask is not None

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """As the argument `mask` says."""
        return self.mask(inputs, mask) if callable(self.mask) else self.mask

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        config = super().get_config()
        config["function"] = serialize_keras_object(self.function)
        if self._output_shape is not None:
            shape = self._output_shape
            config["output_shape"] = serialize_keras_object(shape) if callable(shape) else shape
        if self.mask is not None:
            config["mask"] = serialize_keras_object(self.mask)
        config["arguments"] = serialize_keras_object(self.arguments)
        return config

    @classmethod
    def from_config(
        cls,
        config: dict[str, Any],
        custom_objects: dict[str, Any] | None = None,
        safe_mode: bool | None = None,
    ) -> Lambda:
        """The layer that `get_config` described.

        Raises:
            ValueError: the function is stored as code and `safe_mode` is not False.
        """
        config = dict(config)
        options: dict[str, Any] = {} if safe_mode is None else {"safe_mode": safe_mode}
        for name in ("function", "output_shape", "mask"):
            value = config.get(name)
            if isinstance(value, dict) or (name != "output_shape" and isinstance(value, str)):
                config[name] = deserialize_keras_object(
                    value, custom_objects=custom_objects, **options
                )
        if "arguments" in config:
            config["arguments"] = deserialize_keras_object(
                config["arguments"], custom_objects=custom_objects
            )
        return cls(**config)
