"""`FlaxLayer`: a Flax module as a layer."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from highlevel.layers.interop.jax_layer import JaxLayer
from highlevel.layers.layer import Layer
from highlevel.serialization import deserialize_keras_object, serialize_keras_object

__all__ = ["FlaxLayer"]


class FlaxLayer(JaxLayer):
    """A module of `flax.linen` as a layer; needs Flax (`pip install "highlevel[flax]"`).

    The module's collection "params" becomes the layer's trainable weights, every other
    collection its non-trainable ones, changed by the call as the module changes them. Any
    stream of random numbers that the module asks for is given in training.

    Args:
        module: a `flax.linen.Module`. For saving, its class needs `get_config` and
            `from_config`.
        method: the method to call, `__call__` by default; or a function
            `(module, inputs, training) -> outputs`. The parameter for the inputs comes
            first; `training` may be left out.
        variables: first values of the module's variables, as `module.init` returns them;
            made by it when the layer is built where None.

    Call arguments:
        inputs: array, or a tree of arrays.
        training: handed to the method.

    Returns:
        The module's outputs.

    Raises:
        ImportError: Flax is not installed.
        ValueError: `module` is no module of Flax.

    Example:

        class Net(flax.linen.Module):
            @flax.linen.compact
            def __call__(self, inputs, training):
                x = flax.linen.relu(flax.linen.Dense(16)(inputs))
                x = flax.linen.Dropout(0.5, deterministic=not training)(x)
                return flax.linen.Dense(1)(x)

        model = highlevel.Sequential([highlevel.Input((8,)), FlaxLayer(Net())])
    """

    def __init__(
        self, module: Any, method: Any = None, variables: Any = None, **kwargs: Any
    ) -> None:
        linen = _linen()
        if not isinstance(module, linen.Module):
            raise ValueError(
                f"FlaxLayer takes an object of `flax.linen.Module`; got {module!r} of type "
                f"{type(module).__name__}."
            )
        function = getattr(type(module), method) if isinstance(method, str) else method
        function = type(module).__call__ if function is None else function
        takes_training = "training" in inspect.signature(function).parameters
        self.module = module
        self.method = method
        params, state = _split(variables) if variables is not None else (None, None)
        super().__init__(
            *_functions(module, function, takes_training), params=params, state=state, **kwargs)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer.

        Raises:
            TypeError: the module's class has no `get_config`.
        """
        # The functions of the base class follow from the module.
        config = Layer.get_config(self) | {"seed": self.seed}
        try:
            config["module"] = serialize_keras_object(self.module)
        except TypeError:
            raise TypeError(
                f"FlaxLayer '{self.name}' cannot be written: {type(self.module).__name__} has no "
                "`get_config`. Give the class `get_config` and `from_config`, and register it "
                "with `highlevel.saving.register_keras_serializable`; or save the weights alone."
            ) from None
        method = self.method
        config["method"] = method if isinstance(method, str) else serialize_keras_object(method)
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """The layer that `get_config` described.

        Args:
            custom_objects: name → class or function, for those that are not registered.
        """
        config = dict(config)
        for name in ("module", "method", "dtype"):
            if isinstance(config.get(name), dict):
                config[name] = deserialize_keras_object(
                    config[name], custom_objects=custom_objects)
        return cls(**config)


def _linen() -> Any:
    try:
        from flax import linen  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise ImportError(
            "FlaxLayer needs Flax, which is not installed. Install it with "
            "`pip install \"highlevel[flax]\"`."
        ) from error
    return linen


def _split(variables: Any) -> tuple[Any, Any]:
    """Parameters and everything else of a module's variables."""
    rest = {name: value for name, value in variables.items() if name != "params"}
    return variables.get("params", {}), rest


def _functions(
    module: Any, method: Callable, takes_training: bool
) -> tuple[Callable, Callable]:
    """`call_fn` and `init_fn` of a module."""
    from flax.core import DenyList  # pyright: ignore[reportMissingImports]

    def options(training: bool) -> dict[str, Any]:
        return {"method": method, **({"training": training} if takes_training else {})}

    def call(params: Any, state: Any, rng: Any, inputs: Any, training: bool) -> Any:
        outputs, changed = module.apply(
            {"params": params, **state}, inputs, rngs=rng, mutable=DenyList(["params"]),
            **options(training),
        )
        # What a module only shows ("intermediates") is not kept.
        return outputs, {name: changed.get(name, value) for name, value in state.items()}

    def init(rng: Any, inputs: Any) -> Any:
        params, state = _split(module.init(rng, inputs, **options(True)))
        return params, {name: v for name, v in state.items() if name != "intermediates"}

    return call, init
