"""RMSprop."""

from __future__ import annotations

from typing import Any

from highlevel_backend import current_backend

from highlevel.optimizers.optimizer import RuleOptimizer
from highlevel.optimizers.rows import takes_rows
from highlevel.optimizers.state import LearningRate

__all__ = ["RMSprop"]


class RMSprop(RuleOptimizer):
    r"""Divides the gradient by the root of its running mean square.

    $v \leftarrow \rho v + (1-\rho) g^2$, $w \leftarrow w - \eta g / \sqrt{v + \epsilon}$

    Args:
        learning_rate: the rate $\eta$.
        rho: decay $\rho$ of the mean square.
        momentum: with a number above 0 the steps are summed with this decay.
        epsilon: $\epsilon$, keeps the division finite.
        centered: divide by the root of the variance (mean square less squared mean).
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name:
            see `Optimizer`.

    References:
        Hinton, 2012, lecture 6e of "Neural Networks for Machine Learning",
        https://www.cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf.

    >>> import numpy as np
    >>> from highlevel.variable import Variable
    >>> weight = Variable(np.ones(1, "float32"), name="weight")
    >>> RMSprop(learning_rate=0.1, rho=0.75).apply([np.array([2.0])], [weight])
    >>> round(float(weight.numpy()[0]), 4)
    0.8
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
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
        self.momentum = momentum
        self.epsilon = epsilon
        self.centered = centered

    def slot_names(self) -> list[tuple[str, ...]]:
        names: list[tuple[str, ...]] = [("velocity",)]
        if self.momentum > 0:
            names.append(("momentum",))
        if self.centered:
            names.append(("average_gradient",))
        return names

    @takes_rows(16)
    def rule(self, gradient: Any, value: Any, slots: Any, scalars: tuple) -> Any:
        (rate,) = scalars
        rest = list(slots)
        velocity = self.rho * rest.pop(0) + (1 - self.rho) * (gradient * gradient)
        momentum = rest.pop(0) if self.momentum > 0 else None
        new = [velocity]
        variance = velocity
        if self.centered:
            mean = self.rho * rest.pop(0) + (1 - self.rho) * gradient
            variance = velocity - mean * mean
        step = rate * gradient / current_backend().xp.sqrt(variance + self.epsilon)
        if momentum is not None:
            step = self.momentum * momentum + step
            new.append(step)
        if self.centered:
            new.append(mean)
        return value - step, new

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "rho": self.rho,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
            "centered": self.centered,
        }
