"""Schedules to and from configs."""

from __future__ import annotations

from typing import Any

from highlevel import serialization
from highlevel.optimizers.schedules.cosine import CosineDecay, CosineDecayRestarts
from highlevel.optimizers.schedules.decay import (
    ExponentialDecay,
    InverseTimeDecay,
    PiecewiseConstantDecay,
    PolynomialDecay,
)
from highlevel.optimizers.schedules.schedule import LearningRateSchedule

__all__ = ["SCHEDULES", "deserialize", "serialize"]

SCHEDULES: dict[str, type[LearningRateSchedule]] = {
    cls.__name__: cls
    for cls in (
        CosineDecay,
        CosineDecayRestarts,
        ExponentialDecay,
        InverseTimeDecay,
        PiecewiseConstantDecay,
        PolynomialDecay,
    )
}


def serialize(learning_rate_schedule: LearningRateSchedule) -> dict[str, Any]:
    """The config of a schedule, from which `deserialize` makes an equal one."""
    return serialization.serialize_keras_object(learning_rate_schedule)


def deserialize(
    config: dict[str, Any], custom_objects: dict[str, Any] | None = None
) -> LearningRateSchedule:
    """A schedule from its config.

    Args:
        config: what `serialize` returned, or `{"class_name": ..., "config": ...}`.
        custom_objects: name → class, for classes of your own.

    Raises:
        TypeError: no such class.
    """
    if config.get("class_name") in SCHEDULES:
        config = {"module": "keras.optimizers.schedules", **config}
    return serialization.deserialize_keras_object(config, custom_objects)
