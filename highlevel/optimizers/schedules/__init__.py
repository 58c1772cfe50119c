"""Learning rates that depend on the step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from highlevel._lazy import lazy_package

if TYPE_CHECKING:
    from highlevel.optimizers.schedules.cosine import CosineDecay as CosineDecay
    from highlevel.optimizers.schedules.cosine import CosineDecayRestarts as CosineDecayRestarts
    from highlevel.optimizers.schedules.decay import ExponentialDecay as ExponentialDecay
    from highlevel.optimizers.schedules.decay import InverseTimeDecay as InverseTimeDecay
    from highlevel.optimizers.schedules.decay import (
        PiecewiseConstantDecay as PiecewiseConstantDecay,
    )
    from highlevel.optimizers.schedules.decay import PolynomialDecay as PolynomialDecay
    from highlevel.optimizers.schedules.registry import deserialize as deserialize
    from highlevel.optimizers.schedules.registry import serialize as serialize
    from highlevel.optimizers.schedules.schedule import (
        LearningRateSchedule as LearningRateSchedule,
    )

__getattr__, __dir__, __all__ = lazy_package(
    __name__,
    {
        "highlevel.optimizers.schedules.cosine": "CosineDecay CosineDecayRestarts",
        "highlevel.optimizers.schedules.decay": (
            "ExponentialDecay InverseTimeDecay PiecewiseConstantDecay PolynomialDecay"
        ),
        "highlevel.optimizers.schedules.registry": "deserialize serialize",
        "highlevel.optimizers.schedules.schedule": "LearningRateSchedule",
    },
)
