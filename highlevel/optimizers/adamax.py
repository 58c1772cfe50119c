"""Adamax."""

from __future__ import annotations

from typing import Any

from highlevel_backend import current_backend

from highlevel.optimizers.adam import Moments
from highlevel.optimizers.state import LearningRate

__all__ = ["Adamax"]


class Adamax(Moments):
    r"""Adam with the largest gradient (decaying) in place of the root of the mean square.

    $m \leftarrow \beta_1 m + (1-\beta_1) g$, $u \leftarrow \max(\beta_2 u, |g|)$,
    $w \leftarrow w - \frac{\eta}{1-\beta_1^t} \frac{m}{u + \epsilon}$

    Args:
        learning_rate: the rate $\eta$.
        beta_1: decay $\beta_1$ of the mean.
        beta_2: decay $\beta_2$ of the largest gradient.
        epsilon: $\epsilon$, keeps the division finite.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name:
            see `Optimizer`.

    References:
        Kingma & Ba, 2014, section 7.1, https://arxiv.org/abs/1412.6980.

    >>> import numpy as np
    >>> from highlevel.variable import Variable
    >>> weight = Variable(np.ones(1, "float32"), name="weight")
    >>> Adamax(0.1).apply([np.array([4.0])], [weight])
    >>> round(float(weight.numpy()[0]), 4)
    0.9
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
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
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def slot_names(self) -> list[tuple[str, ...]]:
        return [("momentum", "norm")]

    def begin(self, learning_rate: Any, step: Any, shared: Any) -> tuple:
        return (learning_rate / (1 - self.beta_1**step),), shared

    def rule(self, gradient: Any, value: Any, slots: Any, scalars: tuple) -> Any:
        xp = current_backend().xp
        (rate,) = scalars
        momentum = slots[0] + (gradient - slots[0]) * (1 - self.beta_1)
        norm = xp.maximum(self.beta_2 * slots[1], xp.abs(gradient))
        return value - rate * momentum / (norm + self.epsilon), (momentum, norm)
