"""Distillation: a small model learns from a large one's outputs and features."""

from __future__ import annotations

from typing import TYPE_CHECKING

from highlevel._lazy import lazy_package

if TYPE_CHECKING:
    from highlevel.distillation.distiller import Distiller as Distiller
    from highlevel.distillation.losses import DistillationLoss as DistillationLoss
    from highlevel.distillation.losses import FeatureDistillation as FeatureDistillation
    from highlevel.distillation.losses import LogitsDistillation as LogitsDistillation

__getattr__, __dir__, __all__ = lazy_package(
    __name__,
    {
        "highlevel.distillation.distiller": "Distiller",
        "highlevel.distillation.losses": (
            "DistillationLoss FeatureDistillation LogitsDistillation"
        ),
    },
)
