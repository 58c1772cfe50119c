"""How layers describe themselves: constructor arguments, shapes they were built with."""

from __future__ import annotations

import inspect
import numbers
from collections.abc import Mapping, MutableMapping
from typing import TYPE_CHECKING, Any

import numpy as np

from highlevel import dtype_policies
from highlevel.operation import Operation
from highlevel.serialization import deserialize_keras_object, serialize_keras_object

__all__ = ["LayerConfig", "without_build"]


class LayerConfig(Operation):
    """`get_config` / `from_config` of layers."""

    # set by `Layer` and `Tracked`
    built: bool
    trainable: bool
    activity_regularizer: Any
    _dtype_policy: Any
    _build_shapes: dict[str, Any] | None
    if TYPE_CHECKING:
        build: Any
        _direct_variables: Any

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer.

        A subclass whose constructor stores what it was given need not write one: the
        arguments of the call that made it are taken.

        Raises:
            NotImplementedError: an argument cannot be written; names it.
        """
        config: dict[str, Any] = {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": dtype_policies.serialize(self._dtype_policy),
        }
        if self.activity_regularizer is not None:
            config["activity_regularizer"] = serialize_keras_object(
                self.activity_regularizer)
        if type(self).get_config is LayerConfig.get_config:
            config |= self._constructor_arguments()
        return config

    def _automatic_config(self) -> dict[str, Any]:
        """The base config and the arguments the object was made with."""
        return LayerConfig.get_config(self) | self._constructor_arguments()

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """The layer that `get_config` described.

        Raises:
            TypeError: an entry is no argument of the constructor.
        """
        config = dict(config)
        if isinstance(config.get("dtype"), dict):
            config["dtype"] = deserialize_keras_object(config["dtype"])
        known = inspect.signature(cls.__init__).parameters
        if cls.get_config is LayerConfig.get_config:
            config = {
                key: deserialize_keras_object(value) if isinstance(value, dict)
                and "class_name" in value else value
                for key, value in config.items()
            }
            if not any(p.kind is p.VAR_KEYWORD for p in known.values()):
                config = {k: v for k, v in config.items() if k in known}
        try:
            return cls(**config)
        except TypeError as error:
            error.add_note(
                f"{cls.__name__} could not be made from its config {config!r}: its `get_config` "
                "and its constructor disagree."
            )
            raise

    def get_build_config(self) -> dict[str, Any] | None:
        """The shapes the layer was built with, None if it was not."""
        shapes = self._build_shapes
        if not shapes:
            return None
        shapes = {name: _plain_shapes(shape) for name, shape in shapes.items()}
        if len(shapes) == 1:
            return {"input_shape": next(iter(shapes.values()))}
        return {"shapes_dict": dict(shapes)}

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Build for the shapes that `get_build_config` gave."""
        if not config or self.built:
            return
        if "input_shape" in config:
            shape = config["input_shape"]
            self.build(_as_shapes(shape))
        elif "shapes_dict" in config:
            self.build(**{k: _as_shapes(v) for k, v in config["shapes_dict"].items()})
        else:
            self.build(**{k: _as_shapes(v) for k, v in config.items()})

    def save_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """Put the layer's own variables, its sublayers' not, into `store` under "0", "1", ...

        Override it, with `load_own_variables`, to keep them in another form in files.
        """
        for index, variable in enumerate(self._direct_variables()):
            store[str(index)] = np.asarray(variable)

    def load_own_variables(self, store: Mapping[str, Any]) -> None:
        """Take the layer's own variables from what `save_own_variables` filled.

        Raises:
            ValueError: another number of variables.
        """
        variables = self._direct_variables()
        if len(store) != len(variables):
            raise ValueError(
                f"{type(self).__name__} '{self.name}' has {len(variables)} variables, but "
                f"{len(store)} were saved."
            )
        for index, variable in enumerate(variables):
            variable.assign(store[str(index)])

    # Files keep these plain: `saving` may check shapes before it reads any value.
    vars(save_own_variables)["plain_order"] = vars(load_own_variables)["plain_order"] = True


def _plain_shapes(value: Any) -> Any:
    """Shapes without the symbols that stand for unknown dimensions in a trace."""
    if isinstance(value, dict):
        return {key: _plain_shapes(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        items = [_plain_shapes(item) for item in value]
        return items if isinstance(value, list) else tuple(items)
    return int(value) if isinstance(value, numbers.Integral) else None


def without_build(config: dict[str, Any]) -> dict[str, Any]:
    """The stored form of a layer inside a layer, without the shapes it was built with.

    It is built where it is used, so that its weights get their paths from there.
    """
    return {key: value for key, value in config.items() if key != "build_config"}


def _as_shapes(value: Any) -> Any:
    """Shapes read from JSON, where tuples have become lists."""
    if isinstance(value, dict):
        return {key: _as_shapes(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        if all(item is None or isinstance(item, int) for item in value):
            return tuple(value)
        return [_as_shapes(item) for item in value]
    return value
