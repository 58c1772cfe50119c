"""`metrics.get`, `serialize`, `deserialize`, and what "accuracy" means."""

from __future__ import annotations

from typing import Any

from highlevel import serialization
from highlevel.errors import suggest
from highlevel.losses.lookup import ALIASES
from highlevel.losses.lookup import KNOWN as LOSSES
from highlevel.metrics import (
    accuracies,
    confusion,
    correlations,
    curves,
    f_scores,
    overlaps,
    reducing,
    wrapped,
)
from highlevel.metrics.base import Metric
from highlevel.naming import snake_case
from highlevel.serialization.lookup import from_config, lookup

__all__ = ["deserialize", "get", "resolve_accuracy", "serialize"]

_MODULES = (accuracies, confusion, correlations, curves, f_scores, overlaps, reducing, wrapped)
_CLASSES = [
    getattr(module, name) for module in _MODULES for name in module.__all__ if name[0].isupper()
] + [Metric]
KNOWN: dict[str, Any] = {cls.__name__: cls for cls in _CLASSES}
KNOWN |= {snake_case(cls.__name__): cls for cls in _CLASSES}
KNOWN |= {"fbeta_score": f_scores.FBetaScore, "logcosh": wrapped.LogCoshError}
# Short names mean classes where there are any.
KNOWN |= {alias: KNOWN[name] for alias, name in ALIASES.items() if name in KNOWN}
KNOWN |= {alias.upper(): KNOWN[alias] for alias in ALIASES if len(alias) <= 4}


def serialize(metric: Any) -> Any:
    """The configuration of a metric, as `deserialize` reads it."""
    return serialization.serialize_keras_object(metric)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The metric of a configuration or name.

    Raises:
        ValueError, TypeError: it names nothing known.
    """
    return from_config(config, "metric", KNOWN, "metrics", custom_objects)


def get(identifier: Any) -> Any:
    """The metric that an identifier stands for.

    Args:
        identifier: name (`"mse"`, `"binary_accuracy"`, `"AUC"`), configuration, class,
            callable, or None.

    Returns:
        A `Metric` or a function, or None for None.

    Raises:
        ValueError: the identifier stands for nothing.

    >>> import highlevel as hl
    >>> hl.metrics.get("mse")
    <MeanSquaredError name=mean_squared_error>
    """
    if isinstance(identifier, str) and identifier not in KNOWN:
        function = LOSSES.get(identifier)
        if function is not None and not isinstance(function, type):
            return function
    return lookup(identifier, "metric", KNOWN, "metrics")


def resolve_accuracy(name: str, y_true: Any, y_pred: Any) -> type:
    """The class that `"accuracy"` or `"crossentropy"` means for targets and predictions.

    Args:
        name: `"accuracy"` or `"acc"`; `"crossentropy"` or `"ce"`.
        y_true, y_pred: arrays or symbolic tensors, of whom only the shapes matter.

    Returns:
        A metric class: binary for a single output, sparse for integer labels,
        categorical otherwise.

    Raises:
        ValueError: another name.
    """
    kinds = {
        "accuracy": (
            accuracies.BinaryAccuracy, accuracies.SparseCategoricalAccuracy,
            accuracies.CategoricalAccuracy,
        ),
        "crossentropy": (
            wrapped.BinaryCrossentropy, wrapped.SparseCategoricalCrossentropy,
            wrapped.CategoricalCrossentropy,
        ),
    }
    kinds |= {"acc": kinds["accuracy"], "ce": kinds["crossentropy"]}
    if name not in kinds:
        raise ValueError(
            f"`resolve_accuracy` knows {', '.join(map(repr, kinds))}; got {name!r}."
            + suggest(name, kinds)
        )
    binary, sparse, categorical = kinds[name]
    true, pred = tuple(y_true.shape), tuple(y_pred.shape)
    if len(pred) < 2 or pred[-1] == 1:
        return binary
    if len(true) < len(pred) or (true[-1] == 1 and pred[-1] != 1):
        return sparse
    return categorical
