"""Optimizers: how trainable variables change by their gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING

from highlevel._lazy import lazy_package

if TYPE_CHECKING:
    from highlevel.optimizers import schedules as schedules
    from highlevel.optimizers.adam import Adam as Adam
    from highlevel.optimizers.adam import AdamW as AdamW
    from highlevel.optimizers.optimizer import Optimizer as Optimizer
    from highlevel.optimizers.registry import deserialize as deserialize
    from highlevel.optimizers.registry import get as get
    from highlevel.optimizers.registry import serialize as serialize
    from highlevel.optimizers.rmsprop import RMSprop as RMSprop
    from highlevel.optimizers.sgd import SGD as SGD

__getattr__, __dir__, __all__ = lazy_package(
    __name__,
    {
        "highlevel.optimizers.schedules": "",
        "highlevel.optimizers.adam": "Adam AdamW",
        "highlevel.optimizers.optimizer": "Optimizer",
        "highlevel.optimizers.registry": "deserialize get serialize",
        "highlevel.optimizers.rmsprop": "RMSprop",
        "highlevel.optimizers.sgd": "SGD",
    },
)
