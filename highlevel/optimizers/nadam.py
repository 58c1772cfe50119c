"""Nadam."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from highlevel_backend import current_backend

from highlevel.optimizers.adam import Moments
from highlevel.optimizers.optimizer import compute_dtype
from highlevel.optimizers.rows import takes_rows
from highlevel.optimizers.state import LearningRate
from highlevel.variable import Variable

__all__ = ["Nadam"]


class Nadam(Moments):
    r"""Adam with Nesterov's momentum.

    With $u_t = \beta_1 (1 - 0.96^t / 2)$ and $U_t = u_1 \cdots u_t$,
    $\hat m = \frac{u_{t+1} m}{1 - U_{t+1}} + \frac{(1-u_t) g}{1 - U_t}$,
    $\hat v = \frac{v}{1-\beta_2^t}$, $w \leftarrow w - \eta \hat m / (\sqrt{\hat v} + \epsilon)$

    Args:
        learning_rate: the rate $\eta$.
        beta_1: decay $\beta_1$ of the mean $m$.
        beta_2: decay $\beta_2$ of the mean square $v$.
        epsilon: $\epsilon$, keeps the division finite.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name:
            see `Optimizer`.

    References:
        Dozat, 2015, "Incorporating Nesterov Momentum into Adam",
        http://cs229.stanford.edu/proj2015/054_report.pdf.

    >>> import numpy as np
    >>> from highlevel.variable import Variable
    >>> weight = Variable(np.ones(1, "float32"), name="weight")
    >>> Nadam(0.1).apply([np.array([0.0])], [weight])
    >>> round(float(weight.numpy()[0]), 4)
    1.0
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

    def build(self, var_list: Iterable[Variable]) -> None:
        if self.built:
            return
        super().build(var_list)
        # The product of all momentum factors so far.
        dtype = compute_dtype(self._trainable_variables)
        self._shared = [self.add_variable((), "ones", dtype, name="momentum_product")]

    def begin(self, learning_rate: Any, step: Any, shared: Any) -> tuple:
        factor = self.beta_1 * (1 - 0.5 * 0.96**step)
        following = self.beta_1 * (1 - 0.5 * 0.96 ** (step + 1))
        product = shared[0] * factor
        scalars = (
            learning_rate,
            following / (1 - product * following),
            (1 - factor) / (1 - product),
            # 1 - beta_2**step, whose first steps would lose four digits in float32
            -current_backend().xp.expm1(step * math.log(self.beta_2 or 1e-300)),
        )
        return scalars, (product,)

    @takes_rows(32)
    def rule(self, gradient: Any, value: Any, slots: Any, scalars: tuple) -> Any:
        rate, of_momentum, of_gradient, correction = scalars
        momentum, velocity = self._means(gradient, *slots)
        direction = of_momentum * momentum + of_gradient * gradient
        root = current_backend().xp.sqrt(velocity / correction)
        return value - rate * direction / (root + self.epsilon), (momentum, velocity)
