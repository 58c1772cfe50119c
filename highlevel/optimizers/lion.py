"""Lion."""

from __future__ import annotations

from typing import Any

from highlevel_backend import current_backend

from highlevel.optimizers.optimizer import RuleOptimizer
from highlevel.optimizers.state import LearningRate

__all__ = ["Lion"]


class Lion(RuleOptimizer):
    r"""Steps of one size, in the direction of the sign of the mean gradient.

    $w \leftarrow w - \eta\,\mathrm{sign}(\beta_1 m + (1-\beta_1) g)$,
    $m \leftarrow \beta_2 m + (1-\beta_2) g$

    Args:
        learning_rate: the rate $\eta$.
        beta_1: weight $\beta_1$ in `(0, 1]` of the mean in the step.
        beta_2: decay $\beta_2$ of the mean.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name:
            see `Optimizer`.

    References:
        Chen et al., 2023, "Symbolic Discovery of Optimization Algorithms",
        https://arxiv.org/abs/2302.06675.

    >>> import numpy as np
    >>> from highlevel.variable import Variable
    >>> weight = Variable(np.ones(1, "float32"), name="weight")
    >>> Lion(0.1).apply([np.array([4.0])], [weight])
    >>> round(float(weight.numpy()[0]), 4)
    0.9
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
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
        self.beta_1 = beta_1
        self.beta_2 = beta_2

    def slot_names(self) -> list[tuple[str, ...]]:
        return [("momentum",)]

    def rule(self, gradient: Any, value: Any, slots: Any, scalars: tuple) -> Any:
        (rate,) = scalars
        (momentum,) = slots
        blend = self.beta_1 * momentum + (1 - self.beta_1) * gradient
        momentum = self.beta_2 * momentum + (1 - self.beta_2) * gradient
        return value - rate * current_backend().xp.sign(blend), (momentum,)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
        }
