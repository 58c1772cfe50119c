"""Optimizers: how trainable variables change by their gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING

from highlevel._lazy import lazy_package

if TYPE_CHECKING:
    from highlevel.optimizers import schedules as schedules
    from highlevel.optimizers.adadelta import Adadelta as Adadelta
    from highlevel.optimizers.adafactor import Adafactor as Adafactor
    from highlevel.optimizers.adagrad import Adagrad as Adagrad
    from highlevel.optimizers.adam import Adam as Adam
    from highlevel.optimizers.adam import AdamW as AdamW
    from highlevel.optimizers.adamax import Adamax as Adamax
    from highlevel.optimizers.ftrl import Ftrl as Ftrl
    from highlevel.optimizers.lamb import Lamb as Lamb
    from highlevel.optimizers.lion import Lion as Lion
    from highlevel.optimizers.loss_scale import LossScaleOptimizer as LossScaleOptimizer
    from highlevel.optimizers.multi import MultiOptimizer as MultiOptimizer
    from highlevel.optimizers.multi import OptimizerMap as OptimizerMap
    from highlevel.optimizers.muon import Muon as Muon
    from highlevel.optimizers.nadam import Nadam as Nadam
    from highlevel.optimizers.optax_adapter import OptaxOptimizer as OptaxOptimizer
    from highlevel.optimizers.optimizer import Optimizer as Optimizer
    from highlevel.optimizers.registry import deserialize as deserialize
    from highlevel.optimizers.registry import get as get
    from highlevel.optimizers.registry import serialize as serialize
    from highlevel.optimizers.rmsprop import RMSprop as RMSprop
    from highlevel.optimizers.schedule_free import ScheduleFreeAdamW as ScheduleFreeAdamW
    from highlevel.optimizers.sgd import SGD as SGD

__getattr__, __dir__, __all__ = lazy_package(
    __name__,
    {
        "highlevel.optimizers.adadelta": "Adadelta",
        "highlevel.optimizers.adafactor": "Adafactor",
        "highlevel.optimizers.adagrad": "Adagrad",
        "highlevel.optimizers.adam": "Adam AdamW",
        "highlevel.optimizers.adamax": "Adamax",
        "highlevel.optimizers.ftrl": "Ftrl",
        "highlevel.optimizers.lamb": "Lamb",
        "highlevel.optimizers.lion": "Lion",
        "highlevel.optimizers.loss_scale": "LossScaleOptimizer",
        "highlevel.optimizers.multi": "MultiOptimizer OptimizerMap",
        "highlevel.optimizers.muon": "Muon",
        "highlevel.optimizers.nadam": "Nadam",
        "highlevel.optimizers.optax_adapter": "OptaxOptimizer",
        "highlevel.optimizers.optimizer": "Optimizer",
        "highlevel.optimizers.registry": "deserialize get serialize",
        "highlevel.optimizers.rmsprop": "RMSprop",
        "highlevel.optimizers.schedule_free": "ScheduleFreeAdamW",
        "highlevel.optimizers.sgd": "SGD",
    },
    submodules=("schedules",),
)
