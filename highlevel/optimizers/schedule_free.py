"""Schedule-free AdamW."""

from __future__ import annotations

import math
from typing import Any

from highlevel_backend import current_backend

from highlevel.optimizers.adam import Moments
from highlevel.optimizers.state import LearningRate

__all__ = ["ScheduleFreeAdamW"]


class ScheduleFreeAdamW(Moments):
    r"""AdamW that needs no decaying learning rate: it averages its iterates instead.

    The trained weights $y = (1-\beta_1) z + \beta_1 x$ lie between a fast sequence $z$ (kept as
    state) and its running mean $x$: $z \leftarrow z - \eta g / (\sqrt{\hat v} + \epsilon)$,
    $x \leftarrow (1 - 1/t) x + z / t$.

    Args:
        learning_rate: the rate $\eta$.
        beta_1: weight $\beta_1$ of the mean in the trained weights, above 0.
        beta_2: decay of the mean square $v$.
        epsilon: $\epsilon$, keeps the division finite.
        warmup_steps: steps in which the rate rises linearly to $\eta$.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name:
            see `Optimizer`.

    References:
        Defazio et al., 2024, "The Road Less Scheduled", https://arxiv.org/abs/2405.15682.

    >>> import numpy as np
    >>> from highlevel.variable import Variable
    >>> weight = Variable(np.ones(1, "float32"), name="weight")
    >>> ScheduleFreeAdamW(0.1).apply([np.array([4.0])], [weight])
    >>> round(float(weight.numpy()[0]), 4)
    0.9
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.0025,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        warmup_steps: int = 0,
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
        self.epsilon = epsilon
        self.warmup_steps = warmup_steps

    def slot_initializer(self, name: str, variable: Any) -> Any:
        if name != "momentum":
            return "zeros"

        def first_value(shape: Any, dtype: str | None = None) -> Any:
            return variable.numpy()  # the fast sequence starts from the weights

        return first_value

    def begin(self, learning_rate: Any, step: Any, shared: Any) -> tuple:
        xp = current_backend().xp
        if self.warmup_steps > 0:
            learning_rate = learning_rate * xp.minimum(step / self.warmup_steps, 1)
        # 1 - beta_2**step, whose first steps would lose four digits in float32
        correction = -xp.expm1(step * math.log(self.beta_2 or 1e-300))
        return (learning_rate, correction, 1 / step), shared

    def rule(self, gradient: Any, value: Any, slots: Any, scalars: tuple) -> Any:
        rate, correction, share = scalars
        fast, velocity = slots
        _, velocity = self._means(gradient, gradient, velocity)
        mean = (value - (1 - self.beta_1) * fast) / self.beta_1
        root = current_backend().xp.sqrt(velocity / correction)
        fast = fast - rate * gradient / (root + self.epsilon)
        mean = mean + (fast - mean) * share
        return (1 - self.beta_1) * fast + self.beta_1 * mean, (fast, velocity)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
            "warmup_steps": self.warmup_steps,
        }
