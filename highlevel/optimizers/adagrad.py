"""Adagrad."""

from __future__ import annotations

from typing import Any

from highlevel_backend import current_backend

from highlevel.optimizers.optimizer import RuleOptimizer
from highlevel.optimizers.rows import takes_rows
from highlevel.optimizers.state import LearningRate, constant

__all__ = ["Adagrad"]


class Adagrad(RuleOptimizer):
    r"""Divides the gradient by the root of the sum of all its squares so far.

    $a \leftarrow a + g^2$, $w \leftarrow w - \eta g / \sqrt{a + \epsilon}$

    Args:
        learning_rate: the rate $\eta$.
        initial_accumulator_value: what $a$ starts from, not negative.
        epsilon: $\epsilon$, keeps the division finite.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name:
            see `Optimizer`.

    References:
        Duchi et al., 2011, "Adaptive Subgradient Methods for Online Learning and Stochastic
        Optimization", https://jmlr.org/papers/v12/duchi11a.html.

    >>> import numpy as np
    >>> from highlevel.variable import Variable
    >>> weight = Variable(np.ones(1, "float32"), name="weight")
    >>> Adagrad(0.1, initial_accumulator_value=0.0).apply([np.array([4.0])], [weight])
    >>> round(float(weight.numpy()[0]), 4)
    0.9
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
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
        self.initial_accumulator_value = initial_accumulator_value
        self.epsilon = epsilon

    def slot_names(self) -> list[tuple[str, ...]]:
        return [("accumulator",)]

    def slot_initializer(self, name: str, variable: Any) -> Any:
        return constant(self.initial_accumulator_value)

    @takes_rows(16)
    def rule(self, gradient: Any, value: Any, slots: Any, scalars: tuple) -> Any:
        (rate,) = scalars
        total = slots[0] + gradient * gradient
        root = current_backend().xp.sqrt(total + self.epsilon)
        return value - rate * gradient / root, (total,)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "initial_accumulator_value": self.initial_accumulator_value,
            "epsilon": self.epsilon,
        }
