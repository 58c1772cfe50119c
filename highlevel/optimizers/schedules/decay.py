"""Schedules that lower the learning rate by a power, a fraction or in stairs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from highlevel_backend import current_backend

from highlevel.optimizers.schedules.schedule import LearningRateSchedule, as_float, check_positive

__all__ = ["ExponentialDecay", "InverseTimeDecay", "PiecewiseConstantDecay", "PolynomialDecay"]


class _RateDecay(LearningRateSchedule):
    """What exponential and inverse-time decay have in common: their arguments."""

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        decay_rate: float,
        staircase: bool,
        name: str,
    ) -> None:
        check_positive(type(self).__name__, decay_steps=decay_steps)
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.decay_rate = decay_rate
        self.staircase = staircase
        self.name = name

    def _progress(self, step: Any) -> Any:
        """Steps done in units of `decay_steps`, whole ones where in stairs."""
        progress = as_float(step) / self.decay_steps
        return current_backend().xp.floor(progress) if self.staircase else progress

    def get_config(self) -> dict[str, Any]:
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "decay_rate": self.decay_rate,
            "staircase": self.staircase,
            "name": self.name,
        }


class ExponentialDecay(_RateDecay):
    """Multiplied by `decay_rate` every `decay_steps` steps.

    `initial_learning_rate * decay_rate ** (step / decay_steps)`

    Args:
        initial_learning_rate: the rate at step 0.
        decay_steps: steps for one factor of `decay_rate`, above 0.
        decay_rate: the factor.
        staircase: round `step / decay_steps` down, so that the rate falls in stairs.
        name: kept in the config.

    Returns:
        When called with a step, a float32 scalar array.

    Raises:
        ValueError: `decay_steps` is not above 0.

    >>> schedule = ExponentialDecay(0.1, decay_steps=10, decay_rate=0.5)
    >>> round(float(schedule(20)), 4)
    0.025
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
        name: str = "ExponentialDecay",
    ) -> None:
        super().__init__(initial_learning_rate, decay_steps, decay_rate, staircase, name)

    def __call__(self, step: Any) -> Any:
        power = current_backend().xp.power(as_float(self.decay_rate), self._progress(step))
        return self.initial_learning_rate * power


class InverseTimeDecay(_RateDecay):
    """Divided by a number that grows linearly with the step.

    `initial_learning_rate / (1 + decay_rate * step / decay_steps)`

    Args:
        initial_learning_rate: the rate at step 0.
        decay_steps: steps after which the divisor has grown by `decay_rate`, above 0.
        decay_rate: growth of the divisor.
        staircase: round `step / decay_steps` down.
        name: kept in the config.

    Returns:
        When called with a step, a float32 scalar array.

    Raises:
        ValueError: `decay_steps` is not above 0.

    >>> round(float(InverseTimeDecay(0.1, decay_steps=1, decay_rate=0.5)(2)), 4)
    0.05
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
        name: str = "InverseTimeDecay",
    ) -> None:
        super().__init__(initial_learning_rate, decay_steps, decay_rate, staircase, name)

    def __call__(self, step: Any) -> Any:
        return self.initial_learning_rate / (1 + self.decay_rate * self._progress(step))


class PiecewiseConstantDecay(LearningRateSchedule):
    """Constant between given steps.

    Args:
        boundaries: steps, increasing; a boundary is the last step with the value before it.
        values: one more than `boundaries`; `values[0]` holds up to `boundaries[0]`.
        name: kept in the config.

    Returns:
        When called with a step, a float32 scalar array.

    Raises:
        ValueError: the lengths do not fit.

    >>> schedule = PiecewiseConstantDecay([100, 200], [1.0, 0.5, 0.1])
    >>> [round(float(schedule(step)), 2) for step in (100, 101, 201)]
    [1.0, 0.5, 0.1]
    """

    def __init__(
        self,
        boundaries: Sequence[float],
        values: Sequence[float],
        name: str = "PiecewiseConstant",
    ) -> None:
        if len(boundaries) != len(values) - 1:
            raise ValueError(
                "PiecewiseConstantDecay needs one value more than boundaries. Received: "
                f"boundaries={boundaries} (length {len(boundaries)}) and values={values} "
                f"(length {len(values)})."
            )
        self.boundaries = boundaries
        self.values = values
        self.name = name

    def __call__(self, step: Any) -> Any:
        xp = current_backend().xp
        step = current_backend().asarray(step)
        rate = as_float(self.values[0])
        for boundary, value in zip(self.boundaries, self.values[1:]):
            rate = xp.where(step > boundary, as_float(value), rate)
        return rate

    def get_config(self) -> dict[str, Any]:
        return {"boundaries": self.boundaries, "values": self.values, "name": self.name}


class PolynomialDecay(LearningRateSchedule):
    """From one rate to another along a polynomial.

    `(initial - end) * (1 - step / decay_steps) ** power + end`, and `end` afterwards.

    Args:
        initial_learning_rate: the rate at step 0.
        decay_steps: steps until `end_learning_rate`, above 0.
        end_learning_rate: the least rate.
        power: of the polynomial; 1 is a straight line.
        cycle: after `decay_steps`, rise again and decay over twice, three times, ... as
            many steps.
        name: kept in the config.

    Returns:
        When called with a step, a float32 scalar array.

    Raises:
        ValueError: `decay_steps` is not above 0.

    >>> round(float(PolynomialDecay(0.1, decay_steps=10, end_learning_rate=0.0)(5)), 4)
    0.05
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ) -> None:
        check_positive(type(self).__name__, decay_steps=decay_steps)
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.end_learning_rate = end_learning_rate
        self.power = power
        self.cycle = cycle
        self.name = name

    def __call__(self, step: Any) -> Any:
        xp = current_backend().xp
        step = as_float(step)
        length = as_float(self.decay_steps)
        if self.cycle:
            length = length * xp.maximum(xp.ceil(step / length), 1)
        else:
            step = xp.minimum(step, length)
        left = xp.power(1 - step / length, as_float(self.power))
        span = self.initial_learning_rate - self.end_learning_rate
        return span * left + self.end_learning_rate

    def get_config(self) -> dict[str, Any]:
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "end_learning_rate": self.end_learning_rate,
            "power": self.power,
            "cycle": self.cycle,
            "name": self.name,
        }
