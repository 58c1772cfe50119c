"""FTRL."""

from __future__ import annotations

from typing import Any

from highlevel_backend import current_backend

from highlevel.optimizers.optimizer import RuleOptimizer
from highlevel.optimizers.state import LearningRate, constant

__all__ = ["Ftrl"]


class Ftrl(RuleOptimizer):
    r"""Follow the regularized leader: sparse weights by L1 and L2 penalties kept in the rule.

    With $p$ the power, $n \leftarrow n + g^2$,
    $z \leftarrow z + g' - \frac{n_t^{-p} - n_{t-1}^{-p}}{\eta} w$ where
    $g' = g + 2 \lambda_s w$, and
    $w \leftarrow \frac{\mathrm{clip}(z, -\lambda_1, \lambda_1) - z}{n^{-p}/\eta + 2\lambda_2'}$,
    $\lambda_2' = \lambda_2 + \frac{\beta}{2\eta}$.

    Args:
        learning_rate: the rate $\eta$.
        learning_rate_power: $p$, at most 0; 0 for a fixed rate.
        initial_accumulator_value: what $n$ starts from, not negative.
        l1_regularization_strength: $\lambda_1$, not negative.
        l2_regularization_strength: $\lambda_2$, not negative.
        l2_shrinkage_regularization_strength: $\lambda_s$, a penalty on the size of weights only.
        beta: $\beta$ of the paper.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name:
            see `Optimizer`.

    References:
        McMahan et al., 2013, "Ad Click Prediction: a View from the Trenches",
        https://research.google/pubs/ad-click-prediction-a-view-from-the-trenches/.

    >>> import numpy as np
    >>> from highlevel.variable import Variable
    >>> weight = Variable(np.ones(1, "float32"), name="weight")
    >>> Ftrl(0.1, l1_regularization_strength=9.0).apply([np.array([1.0])], [weight])
    >>> round(float(weight.numpy()[0]), 4)
    0.0
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        l2_shrinkage_regularization_strength: float = 0.0,
        beta: float = 0.0,
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
        self.learning_rate_power = learning_rate_power
        self.initial_accumulator_value = initial_accumulator_value
        self.l1_regularization_strength = l1_regularization_strength
        self.l2_regularization_strength = l2_regularization_strength
        self.l2_shrinkage_regularization_strength = l2_shrinkage_regularization_strength
        self.beta = beta

    def slot_names(self) -> list[tuple[str, ...]]:
        return [("accumulator", "linear")]

    def slot_initializer(self, name: str, variable: Any) -> Any:
        return constant(self.initial_accumulator_value) if name == "accumulator" else "zeros"

    def rule(self, gradient: Any, value: Any, slots: Any, scalars: tuple) -> Any:
        xp = current_backend().xp
        (rate,) = scalars
        before, linear = slots
        after = before + gradient * gradient
        shrunk = gradient + 2 * self.l2_shrinkage_regularization_strength * value
        scale = xp.power(after, -self.learning_rate_power)
        linear = linear + shrunk
        linear = linear - (scale - xp.power(before, -self.learning_rate_power)) / rate * value
        l1 = self.l1_regularization_strength
        l2 = self.l2_regularization_strength + self.beta / (2 * rate)
        value = (xp.clip(linear, -l1, l1) - linear) / (scale / rate + 2 * l2)
        return value, (after, linear)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "learning_rate_power": self.learning_rate_power,
            "initial_accumulator_value": self.initial_accumulator_value,
            "l1_regularization_strength": self.l1_regularization_strength,
            "l2_regularization_strength": self.l2_regularization_strength,
            "l2_shrinkage_regularization_strength": self.l2_shrinkage_regularization_strength,
            "beta": self.beta,
        }
