"""Adadelta."""

from __future__ import annotations

from typing import Any

from highlevel_backend import current_backend

from highlevel.optimizers.optimizer import RuleOptimizer
from highlevel.optimizers.state import LearningRate

__all__ = ["Adadelta"]


class Adadelta(RuleOptimizer):
    r"""Steps as large as the root of the mean square of the steps so far.

    $a \leftarrow \rho a + (1-\rho) g^2$, $\Delta = g \sqrt{d + \epsilon} / \sqrt{a + \epsilon}$,
    $d \leftarrow \rho d + (1-\rho) \Delta^2$, $w \leftarrow w - \eta \Delta$

    Args:
        learning_rate: the rate $\eta$.
        rho: decay $\rho$ of both mean squares.
        epsilon: $\epsilon$, which also gives the size of the first step.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name:
            see `Optimizer`.

    References:
        Zeiler, 2012, "ADADELTA: An Adaptive Learning Rate Method",
        https://arxiv.org/abs/1212.5701.

    >>> import numpy as np
    >>> from highlevel.variable import Variable
    >>> weight = Variable(np.ones(1, "float32"), name="weight")
    >>> Adadelta(1.0, rho=0.75, epsilon=1.0).apply([np.array([0.0])], [weight])
    >>> round(float(weight.numpy()[0]), 4)
    1.0
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        rho: float = 0.95,
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
        self.rho = rho
        self.epsilon = epsilon

    def slot_names(self) -> list[tuple[str, ...]]:
        return [("accumulated_grad", "accumulated_delta_var")]

    def rule(self, gradient: Any, value: Any, slots: Any, scalars: tuple) -> Any:
        xp = current_backend().xp
        (rate,) = scalars
        rest = 1 - self.rho
        squares = self.rho * slots[0] + rest * (gradient * gradient)
        step = gradient * xp.sqrt(slots[1] + self.epsilon) / xp.sqrt(squares + self.epsilon)
        steps = self.rho * slots[1] + rest * (step * step)
        return value - rate * step, (squares, steps)

    def update_step(self, grad: Any, variable: Any, learning_rate: Any) -> None:
        super().update_step(grad, variable, learning_rate)

    vars(update_step)["_runs_rule"] = True

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "rho": self.rho,
            "epsilon": self.epsilon,
        }
