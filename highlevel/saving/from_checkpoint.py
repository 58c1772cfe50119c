"""Models and weights out of directories of checkpoints."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from highlevel.saving.checkpoint_state import layouts_for, put_assets, put_state
from highlevel.saving.checkpoints import read_checkpoint
from highlevel.saving.errors import FileError, reading
from highlevel.saving.report import LoadReport
from highlevel.serialization import deserialize_keras_object

__all__ = ["load_checkpoint_model", "load_checkpoint_weights"]


def load_checkpoint_model(
    path: str, custom_objects: Mapping[str, Any] | None, compile: bool, safe_mode: bool
) -> tuple[Any, LoadReport]:
    """The model of a checkpoint, or of the latest one in a directory; see `load_model`."""
    place, checkpoint = read_checkpoint(path)
    if checkpoint.config is None:
        raise FileError(
            f"The checkpoint '{place}' holds no model, only the values of its variables. Make the "
            "model, then `model.load_weights(path)`."
        )
    with reading(place):
        config = json.loads(checkpoint.config)
        if not isinstance(config, dict) or "class_name" not in config:
            raise FileError(f"The config in '{place}' does not describe a model.")
        if not compile:
            config.pop("compile_config", None)
        model = deserialize_keras_object(config, custom_objects, safe_mode=safe_mode)
        put_assets(model, checkpoint, place)
        report = put_state(model, checkpoint, place)
    return model, report


def load_checkpoint_weights(model: Any, path: str) -> LoadReport:
    """Put the state of a checkpoint, or of the latest in a directory, into a model."""
    place, checkpoint = read_checkpoint(path, layouts_for(model))
    with reading(place):
        return put_state(model, checkpoint, place)
