"""Optimizers by name, and to and from configs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from highlevel import serialization
from highlevel.optimizers.adadelta import Adadelta
from highlevel.optimizers.adafactor import Adafactor
from highlevel.optimizers.adagrad import Adagrad
from highlevel.optimizers.adam import Adam, AdamW
from highlevel.optimizers.adamax import Adamax
from highlevel.optimizers.ftrl import Ftrl
from highlevel.optimizers.lamb import Lamb
from highlevel.optimizers.lion import Lion
from highlevel.optimizers.loss_scale import LossScaleOptimizer
from highlevel.optimizers.multi import MultiOptimizer
from highlevel.optimizers.muon import Muon
from highlevel.optimizers.nadam import Nadam
from highlevel.optimizers.optax_adapter import OptaxOptimizer, is_transformation
from highlevel.optimizers.optimizer import Optimizer
from highlevel.optimizers.rmsprop import RMSprop
from highlevel.optimizers.schedule_free import ScheduleFreeAdamW
from highlevel.optimizers.sgd import SGD

__all__ = ["OPTIMIZERS", "deserialize", "get", "serialize"]

OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {
    cls.__name__: cls
    for cls in (
        SGD,
        Adam,
        AdamW,
        RMSprop,
        Adadelta,
        Adafactor,
        Adagrad,
        Adamax,
        Ftrl,
        Lamb,
        Lion,
        LossScaleOptimizer,
        MultiOptimizer,
        Muon,
        Nadam,
        ScheduleFreeAdamW,
    )
}
_BY_LOWER_CASE = {name.lower(): cls for name, cls in OPTIMIZERS.items()}


def serialize(optimizer: Optimizer) -> dict[str, Any]:
    """The config of an optimizer, from which `deserialize` makes an equal one.

    >>> serialize(SGD(0.5))["class_name"]
    'SGD'
    """
    return serialization.serialize_keras_object(optimizer)


def deserialize(
    config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
) -> Optimizer:
    """An optimizer from its config; without its state.

    Args:
        config: what `serialize` returned, or `{"class_name": ..., "config": ...}`; the
            names of built-in classes may be in lower case.
        custom_objects: name → class, for classes of your own.

    Raises:
        TypeError: no such class.
    """
    name = config.get("class_name", "")
    found = _BY_LOWER_CASE.get(str(name).lower())
    own = name in (custom_objects or {}) or config.get("registered_name") not in (None, name)
    if found is not None and not own:
        config = {"module": "keras.optimizers", **config, "class_name": found.__name__}
    return serialization.deserialize_keras_object(config, custom_objects)


def get(identifier: Any) -> Optimizer:
    """An optimizer from a name, config or optimizer.

    Args:
        identifier: a class's name in any case ("adam"), a config, an optimizer, which is
            returned as it is, or an `optax` transformation.

    Raises:
        ValueError: nothing of that name is known; the message names the nearest.

    >>> type(get("rmsprop")).__name__
    'RMSprop'
    """
    if isinstance(identifier, Optimizer):
        return identifier
    if is_transformation(identifier):
        return OptaxOptimizer(identifier)
    if isinstance(identifier, Mapping):
        return deserialize(identifier)
    if isinstance(identifier, type) and issubclass(identifier, Optimizer):
        return cast(Callable[[], Optimizer], identifier)()
    if isinstance(identifier, str):
        found = _BY_LOWER_CASE.get(identifier.lower())
        if found is not None:
            return found()
        custom = serialization.get_registered_object(identifier)
        if custom is not None:
            return custom()
        import difflib

        near = difflib.get_close_matches(identifier.lower(), _BY_LOWER_CASE, n=1)
        hint = (
            f" Did you mean {_BY_LOWER_CASE[near[0]].__name__!r}?"
            if near
            else f" Known: {', '.join(OPTIMIZERS)}."
        )
        raise ValueError(f"Could not interpret optimizer identifier: {identifier!r}.{hint}")
    raise ValueError(
        "An optimizer is given as a name, a config or an Optimizer object. "
        f"Received: {identifier!r} of type {type(identifier).__name__}."
    )
