"""Adafactor."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from highlevel_backend import current_backend

from highlevel.optimizers.optimizer import RuleOptimizer
from highlevel.optimizers.state import LearningRate
from highlevel.variable import Variable

__all__ = ["Adafactor"]


class Adafactor(RuleOptimizer):
    r"""Adam's scaling with the mean squares of a matrix kept as row and column sums only.

    Needs memory for one row and one column per matrix instead of two matrices.

    Args:
        learning_rate: the rate $\eta$.
        beta_2_decay: $c$ in the decay $1 - t^c$ of the mean squares.
        epsilon_1: added to the squared gradient.
        epsilon_2: least size of the weights that steps are relative to.
        clip_threshold: highest root mean square of a step.
        relative_step: limit the rate to $1/\sqrt t$.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name:
            see `Optimizer`.

    References:
        Shazeer & Stern, 2018, "Adafactor: Adaptive Learning Rates with Sublinear Memory
        Cost", https://arxiv.org/abs/1804.04235.

    >>> import numpy as np
    >>> from highlevel.variable import Variable
    >>> weight = Variable(np.ones(1, "float32"), name="weight")
    >>> Adafactor(0.5).apply([np.array([4.0])], [weight])
    >>> round(float(weight.numpy()[0]), 4)
    0.5
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        beta_2_decay: float = -0.8,
        epsilon_1: float = 1e-30,
        epsilon_2: float = 1e-3,
        clip_threshold: float = 1.0,
        relative_step: bool = True,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema,
            ema_momentum, ema_overwrite_frequency, loss_scale_factor,
            gradient_accumulation_steps, name, **kwargs,
        )
        self.beta_2_decay = beta_2_decay
        self.epsilon_1 = epsilon_1
        self.epsilon_2 = epsilon_2
        self.clip_threshold = clip_threshold
        self.relative_step = relative_step

    def build(self, var_list: Iterable[Variable]) -> None:
        if self.built:
            return
        super().build(var_list)
        for variable, slots in zip(self._trainable_variables, self._slots):
            name = variable.name
            shape = variable.shape
            if len(shape) < 2:  # placeholders that keep the order of saved state
                slots += [self.add_variable((), "zeros", "int32", name=name) for _ in range(2)]
            else:
                for kept in (shape[:-1], shape[:-2] + shape[-1:]):
                    slots.append(self.add_variable(kept, "zeros", variable.dtype, name=name))
            slots.append(self.add_variable_from_reference(variable, "velocity"))

    def begin(self, learning_rate: Any, step: Any, shared: Any) -> tuple:
        xp = current_backend().xp
        if self.relative_step:
            learning_rate = xp.minimum(learning_rate, 1 / xp.sqrt(step))
        return (learning_rate, 1 - xp.power(step, self.beta_2_decay)), shared

    def rule(self, gradient: Any, value: Any, slots: Any, scalars: tuple) -> Any:
        xp = current_backend().xp
        rate, decay = scalars
        rows, columns, _ = slots
        size = xp.maximum(_root_mean_square(value), self.epsilon_2)
        squares = gradient * gradient + self.epsilon_1
        if gradient.ndim >= 2:
            rows = decay * rows + (1 - decay) * xp.mean(squares, axis=-1)
            columns = decay * columns + (1 - decay) * xp.mean(squares, axis=-2)
            share = rows / xp.mean(rows, axis=-1, keepdims=True)
            velocity = share[..., None] * columns[..., None, :]
        else:
            velocity = decay * slots[2] + (1 - decay) * squares
        step = gradient / xp.sqrt(velocity)
        step = step / xp.maximum(1, _root_mean_square(step) / self.clip_threshold)
        return value - rate * size * step, (rows, columns, velocity)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "beta_2_decay": self.beta_2_decay,
            "epsilon_1": self.epsilon_1,
            "epsilon_2": self.epsilon_2,
            "clip_threshold": self.clip_threshold,
            "relative_step": self.relative_step,
        }


def _root_mean_square(x: Any) -> Any:
    xp = current_backend().xp
    return xp.sqrt(xp.mean(x * x))
