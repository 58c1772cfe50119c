"""LAMB."""

from __future__ import annotations

from typing import Any

from highlevel_backend import canonical_name, current_backend

from highlevel.optimizers.adam import Moments
from highlevel.optimizers.state import LearningRate
from highlevel.optimizers.transforms import global_norm

__all__ = ["Lamb"]


class Lamb(Moments):
    r"""Adam whose step is as large, relative to each layer, as the layer's weights.

    $r = \hat m / (\sqrt{\hat v} + \epsilon)$, $w \leftarrow w - \eta \frac{|w|}{|r|} r$

    Args:
        learning_rate: the rate $\eta$.
        beta_1: decay of the mean $m$.
        beta_2: decay of the mean square $v$.
        epsilon: $\epsilon$, keeps the division finite.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name:
            see `Optimizer`.

    References:
        You et al., 2019, "Large Batch Optimization for Deep Learning: Training BERT in 76
        minutes", https://arxiv.org/abs/1904.00962.

    >>> import numpy as np
    >>> from highlevel.variable import Variable
    >>> weight = Variable(np.ones(1, "float32"), name="weight")
    >>> Lamb(0.1).apply([np.array([4.0])], [weight])
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

    def begin(self, learning_rate: Any, step: Any, shared: Any) -> tuple:
        return (learning_rate, 1 - self.beta_1**step, 1 - self.beta_2**step), shared

    def rule(self, gradient: Any, value: Any, slots: Any, scalars: tuple) -> Any:
        backend = current_backend()
        xp = backend.xp
        rate, of_momentum, of_velocity = scalars
        momentum, velocity = self._means(gradient, *slots)
        root = xp.sqrt(velocity / of_velocity)
        step = momentum / of_momentum / (root + self.epsilon)
        weights, length = global_norm([value]), global_norm([step])
        # Where one of the norms is 0 there is no ratio to keep.
        usable = (weights > 0) & (length > 0)
        ratio = xp.where(usable, weights / xp.where(usable, length, 1), 1)
        ratio = backend.cast(ratio, canonical_name(value.dtype))
        return value - ratio * rate * step, (momentum, velocity)
