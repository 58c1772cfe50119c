"""Schedules along half a cosine wave."""

from __future__ import annotations

import math
from typing import Any

from highlevel_backend import current_backend

from highlevel.optimizers.schedules.schedule import LearningRateSchedule, as_float, check_positive

__all__ = ["CosineDecay", "CosineDecayRestarts"]


def _half_wave(progress: Any) -> Any:
    """1 at progress 0, 0 at progress 1, along a cosine."""
    return 0.5 * (1 + current_backend().xp.cos(math.pi * progress))


class CosineDecay(LearningRateSchedule):
    """Falls along half a cosine wave, after an optional linear warm-up.

    Args:
        initial_learning_rate: the rate at step 0.
        decay_steps: steps of the fall, above 0.
        alpha: the least rate, as a fraction of the highest.
        name: kept in the config.
        warmup_target: the rate that the warm-up reaches, and the decay starts from; None
            for no warm-up.
        warmup_steps: steps of the warm-up.

    Returns:
        When called with a step, a float32 scalar array.

    Raises:
        ValueError: `decay_steps` is not above 0.

    References:
        Loshchilov & Hutter, 2016, "SGDR: Stochastic Gradient Descent with Warm Restarts",
        https://arxiv.org/abs/1608.03983.

    >>> schedule = CosineDecay(0.0, 100, warmup_target=0.1, warmup_steps=10)
    >>> [round(float(schedule(step)), 3) for step in (0, 5, 10, 60, 110)]
    [0.0, 0.05, 0.1, 0.05, 0.0]
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: int = 0,
    ) -> None:
        check_positive(type(self).__name__, decay_steps=decay_steps)
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.alpha = alpha
        self.name = name
        self.warmup_steps = warmup_steps
        self.warmup_target = warmup_target

    def __call__(self, step: Any) -> Any:
        xp = current_backend().xp
        step = as_float(step)
        start = self.warmup_target
        if start is None:
            return self._decayed(self.initial_learning_rate, step)
        if not self.warmup_steps:
            return self._decayed(start, step)
        rise = (start - self.initial_learning_rate) * (step / self.warmup_steps)
        return xp.where(
            step < self.warmup_steps,
            self.initial_learning_rate + rise,
            self._decayed(start, step - self.warmup_steps),
        )

    def _decayed(self, start: float, step: Any) -> Any:
        progress = current_backend().xp.clip(step, 0, self.decay_steps) / self.decay_steps
        return start * ((1 - self.alpha) * _half_wave(progress) + self.alpha)

    def get_config(self) -> dict[str, Any]:
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "alpha": self.alpha,
            "name": self.name,
            "warmup_target": self.warmup_target,
            "warmup_steps": self.warmup_steps,
        }


class CosineDecayRestarts(LearningRateSchedule):
    """Falls along half a cosine wave again and again, each time from a lower rate.

    Args:
        initial_learning_rate: the rate at step 0.
        first_decay_steps: steps of the first fall, above 0.
        t_mul: each fall takes this many times the steps of the one before.
        m_mul: each fall starts at this fraction of the rate of the one before.
        alpha: the least rate, as a fraction of `initial_learning_rate`.
        name: kept in the config.

    Returns:
        When called with a step, a float32 scalar array.

    Raises:
        ValueError: `first_decay_steps` is not above 0.

    References:
        Loshchilov & Hutter, 2016, https://arxiv.org/abs/1608.03983.

    >>> schedule = CosineDecayRestarts(0.1, first_decay_steps=10)
    >>> [round(float(schedule(step)), 3) for step in (0, 5, 10, 20, 30)]
    [0.1, 0.05, 0.1, 0.05, 0.1]
    """

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: int,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str = "SGDRDecay",
    ) -> None:
        check_positive(type(self).__name__, first_decay_steps=first_decay_steps)
        self.initial_learning_rate = initial_learning_rate
        self.first_decay_steps = first_decay_steps
        self._t_mul = t_mul
        self._m_mul = m_mul
        self.alpha = alpha
        self.name = name

    def __call__(self, step: Any) -> Any:
        xp = current_backend().xp
        done = as_float(step) / self.first_decay_steps  # in units of the first fall
        if self._t_mul == 1.0:
            round_number = xp.floor(done)
            progress = done - round_number
        else:
            # Falls before the n-th take (1 - t^n) / (1 - t) units together.
            t = as_float(self._t_mul)
            round_number = xp.floor(xp.log(1 - done * (1 - t)) / math.log(self._t_mul))
            before = (1 - xp.power(t, round_number)) / (1 - t)
            progress = (done - before) / xp.power(t, round_number)
        height = xp.power(as_float(self._m_mul), round_number)
        wave = (1 - self.alpha) * height * _half_wave(progress) + self.alpha
        return self.initial_learning_rate * wave

    def get_config(self) -> dict[str, Any]:
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "first_decay_steps": self.first_decay_steps,
            "t_mul": self._t_mul,
            "m_mul": self._m_mul,
            "alpha": self.alpha,
            "name": self.name,
        }
