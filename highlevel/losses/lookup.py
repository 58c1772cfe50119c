"""`losses.get`, `serialize`, `deserialize`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from highlevel import serialization
from highlevel.losses import crossentropies, hinges, probabilistic, regression, structured
from highlevel.losses.base import FunctionLoss, Loss
from highlevel.serialization.lookup import from_config, lookup

__all__ = ["ALIASES", "deserialize", "get", "serialize"]

_MODULES = (regression, hinges, probabilistic, crossentropies, structured)
ALIASES = {
    "mse": "mean_squared_error",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "msle": "mean_squared_logarithmic_error",
    "bce": "binary_crossentropy",
    "kld": "kl_divergence",
    # Names of earlier versions of Keras.
    "logcosh": "log_cosh",
    "huber_loss": "huber",
    "kullback_leibler_divergence": "kl_divergence",
}
KNOWN: dict[str, Any] = {
    name: getattr(module, name) for module in _MODULES for name in module.__all__
} | {"Loss": Loss, "LossFunctionWrapper": FunctionLoss}
KNOWN |= {alias: KNOWN[name] for alias, name in ALIASES.items()}
KNOWN |= {alias.upper(): KNOWN[alias] for alias in ALIASES if len(alias) <= 4}


def serialize(loss: Any) -> Any:
    """The configuration of a loss, as `deserialize` reads it."""
    return serialization.serialize_keras_object(loss)


def deserialize(name: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The loss of a configuration or name.

    Raises:
        ValueError, TypeError: it names nothing known.
    """
    return from_config(name, "loss", KNOWN, "losses", custom_objects)


def get(identifier: Any) -> Callable | None:
    """The loss that an identifier stands for.

    Args:
        identifier: name of a function (`"mse"`, `"mean_squared_error"`) or class
            (`"MeanSquaredError"`), configuration, class, callable, or None.

    Returns:
        A function or `Loss`, or None for None.

    Raises:
        ValueError: the identifier stands for nothing.

    >>> import highlevel as hl
    >>> hl.losses.get("mse").__name__
    'mean_squared_error'
    """
    return lookup(identifier, "loss", KNOWN, "losses")
