"""What a checkpoint takes from a model."""

from __future__ import annotations

import json
import warnings
from typing import Any

from highlevel.saving.checkpoint_state import GROUPS, Checkpoint, by_path, variables_of
from highlevel.saving.model_files import _assets_of, _refuse_lambdas
from highlevel.serialization import serialize_keras_object
from highlevel.state import active_distribution

__all__ = ["take_state"]


def take_state(model: Any, weights_only: bool = False) -> Checkpoint:
    """The present state of a model, its arrays where they are.

    Args:
        model: a built model.
        weights_only: leave out optimizer, metrics, config and assets.
    """
    groups = GROUPS[:2] if weights_only else GROUPS
    variables = variables_of(model)
    distribution = active_distribution()
    if distribution is not None:  # what no step has used yet lies on one device alone
        distribution.place([v for group in groups for v in variables[group]])
    found = Checkpoint({
        group: {path: v.raw_value() for path, v in by_path(variables[group]).items()}
        for group in groups
    })
    if weights_only:
        return found
    try:
        config = serialize_keras_object(model)
        _refuse_lambdas(config, model)
        found.config = json.dumps(config)
    except Exception as error:
        warnings.warn(
            f"The checkpoint holds the state of model '{model.name}', but not the model itself, "
            f"which no file can hold: {error} It can be loaded into a model made by your code, "
            "with `load_weights`, not by `load_model`.",
            stacklevel=5,
        )
    with _assets_of(model) as assets:
        for name, source in assets.items():
            with open(source, "rb") as file:
                found.assets[name.removeprefix("assets/")] = file.read()
    return found
