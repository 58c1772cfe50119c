"""Adam, its variant with decoupled weight decay, and the bias correction they share."""

from __future__ import annotations

from typing import Any

from highlevel_backend import current_backend

from highlevel.optimizers.optimizer import RuleOptimizer
from highlevel.optimizers.rows import takes_rows, toward
from highlevel.optimizers.state import LearningRate

__all__ = ["Adam", "AdamW", "Moments"]


class Moments(RuleOptimizer):
    """What the optimizers with two moments share: their arguments, and the moments' update."""

    beta_1: float
    beta_2: float
    epsilon: float

    def _means(self, gradient: Any, momentum: Any, velocity: Any) -> tuple[Any, Any]:
        """The running means of the gradient and of its square."""
        momentum = toward(momentum, gradient, 1 - self.beta_1)
        velocity = toward(velocity, gradient * gradient, 1 - self.beta_2)
        return momentum, velocity

    def slot_names(self) -> list[tuple[str, ...]]:
        return [("momentum", "velocity")]

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
        }


class Adam(Moments):
    r"""Steps by the gradient's running mean, divided by the root of its running square.

    $m \leftarrow \beta_1 m + (1-\beta_1) g$, $v \leftarrow \beta_2 v + (1-\beta_2) g^2$,
    $w \leftarrow w - \eta \frac{\sqrt{1-\beta_2^t}}{1-\beta_1^t} \frac{m}{\sqrt v + \epsilon}$

    Args:
        learning_rate: the rate $\eta$.
        beta_1: decay $\beta_1$ of the mean.
        beta_2: decay $\beta_2$ of the mean square.
        epsilon: $\epsilon$, keeps the division finite ("epsilon hat" of the paper).
        amsgrad: divide by the highest mean square so far.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name:
            see `Optimizer`.

    References:
        Kingma & Ba, 2014, "Adam: A Method for Stochastic Optimization",
        https://arxiv.org/abs/1412.6980; Reddi et al., 2018, "On the Convergence of Adam and
        Beyond", https://openreview.net/forum?id=ryQu7f-RZ.

    >>> import numpy as np
    >>> from highlevel.variable import Variable
    >>> weight = Variable(np.ones(2, "float32"), name="weight")
    >>> Adam(learning_rate=0.1).apply([np.array([3.0, -4.0])], [weight])
    >>> [round(float(w), 4) for w in weight.numpy()]
    [0.9, 1.1]
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
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
        self.amsgrad = amsgrad

    def slot_names(self) -> list[tuple[str, ...]]:
        names = super().slot_names()
        return [*names, ("velocity_hat",)] if self.amsgrad else names

    def begin(self, learning_rate: Any, step: Any, shared: Any) -> tuple:
        xp = current_backend().xp
        rate = learning_rate * xp.sqrt(1 - self.beta_2**step) / (1 - self.beta_1**step)
        return (rate,), shared

    @takes_rows(32)
    def rule(self, gradient: Any, value: Any, slots: Any, scalars: tuple) -> Any:
        xp = current_backend().xp
        (rate,) = scalars
        momentum, velocity = self._means(gradient, slots[0], slots[1])
        new = (momentum, velocity)
        if self.amsgrad:
            velocity = xp.maximum(slots[2], velocity)
            new = (*new, velocity)
        return value - rate * momentum / (xp.sqrt(velocity) + self.epsilon), new

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"amsgrad": self.amsgrad}


class AdamW(Adam):
    r"""Adam with weight decay that does not pass through the moments.

    Before Adam's step, $w \leftarrow w - \eta \lambda w$.

    Args:
        learning_rate: the rate $\eta$.
        weight_decay: $\lambda$; see also `exclude_from_weight_decay`.
        beta_1, beta_2, epsilon, amsgrad: see `Adam`.
        clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name:
            see `Optimizer`.

    Raises:
        ValueError: `weight_decay` is None.

    References:
        Loshchilov & Hutter, 2017, "Decoupled Weight Decay Regularization",
        https://arxiv.org/abs/1711.05101.

    >>> import numpy as np
    >>> from highlevel.variable import Variable
    >>> weight = Variable(np.ones(1, "float32"), name="weight")
    >>> AdamW(learning_rate=0.1, weight_decay=0.5).apply([np.array([0.0])], [weight])
    >>> round(float(weight.numpy()[0]), 4)
    0.95
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        weight_decay: float | None = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
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
            learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay, clipnorm, clipvalue,
            global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency, loss_scale_factor,
            gradient_accumulation_steps, name, **kwargs,
        )
        if weight_decay is None:
            raise ValueError(
                "`weight_decay` of AdamW must be a number. Use Adam to train without it."
            )
