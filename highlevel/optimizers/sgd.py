"""Gradient descent, plain and with momentum."""

from __future__ import annotations

from typing import Any

from highlevel.optimizers.optimizer import Optimizer
from highlevel.optimizers.rows import takes_rows
from highlevel.optimizers.state import LearningRate

__all__ = ["SGD"]


class SGD(Optimizer):
    r"""Gradient descent with optional momentum.

    $w \leftarrow w - \eta g$; with momentum $v \leftarrow \mu v - \eta g$ and
    $w \leftarrow w + v$, or $w \leftarrow w + \mu v - \eta g$ with Nesterov's.

    Args:
        learning_rate: the rate $\eta$.
        momentum: $\mu$ in `[0, 1]`; 0 for none.
        nesterov: look ahead along the momentum.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name:
            see `Optimizer`.

    Raises:
        ValueError: `momentum` is not a number in `[0, 1]`.

    References:
        Sutskever et al., 2013, "On the importance of initialization and momentum in deep
        learning", https://proceedings.mlr.press/v28/sutskever13.html.

    >>> import numpy as np
    >>> from highlevel.variable import Variable
    >>> weight = Variable(np.ones(2, "float32"), name="weight")
    >>> SGD(learning_rate=0.5).apply([np.array([1.0, -1.0])], [weight])
    >>> weight.numpy().tolist()
    [0.5, 1.5]
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
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
        if not isinstance(momentum, (int, float)) or not 0 <= momentum <= 1:
            raise ValueError(
                f"`momentum` of SGD must be a number in [0, 1]. Received: momentum={momentum!r}."
            )
        self.momentum = momentum
        self.nesterov = nesterov

    def slot_names(self) -> list[tuple[str, ...]]:
        return [("momentum",)] if self.momentum else []

    @takes_rows(1)
    def rule(self, gradient: Any, value: Any, slots: Any, scalars: tuple) -> Any:
        (rate,) = scalars
        descent = rate * gradient
        if not slots:
            return value - descent, ()
        velocity = self.momentum * slots[0] - descent
        if self.nesterov:
            return value + self.momentum * velocity - descent, (velocity,)
        return value + velocity, (velocity,)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"momentum": self.momentum, "nesterov": self.nesterov}
