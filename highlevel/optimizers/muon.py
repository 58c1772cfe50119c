"""Muon."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from highlevel_backend import current_backend

from highlevel.optimizers.optimizer import RuleOptimizer
from highlevel.optimizers.state import LearningRate
from highlevel.variable import Variable

__all__ = ["Muon"]


class Muon(RuleOptimizer):
    r"""Steps by the orthogonal matrix nearest to the gradient's running sum.

    For matrices: $m \leftarrow \mu m + g$, $w \leftarrow w - \eta\, s\, O(m)$, where $O$ makes
    all singular values nearly 1 by Newton-Schulz iterations and $s$ fits the size to the
    matrix (`lr_adjust`). All other variables (vectors, kernels of convolutions, embeddings)
    take Adam's steps.

    Args:
        learning_rate: the rate $\eta$ of both rules.
        adam_beta_1, adam_beta_2: decays of Adam's means.
        adam_weight_decay: weight decay of the variables that Adam updates.
        epsilon: keeps Adam's division finite.
        weight_decay: of the matrices.
        clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name:
            see `Optimizer`.
        exclude_layers: regular expressions; variables whose path they are found in are
            left to Adam.
        exclude_embeddings: leave variables with "embedding" in their path to Adam.
        muon_a, muon_b, muon_c: coefficients of the iteration.
        adam_lr_ratio: Adam's rate in units of `learning_rate`.
        momentum: $\mu$.
        ns_steps: number of iterations.
        nesterov: look ahead along the momentum.
        rms_rate: root mean square of a step in units of $\eta$; None for Muon's original
            scaling by the ratio of rows to columns.

    References:
        Jordan et al., 2024, https://kellerjordan.github.io/posts/muon; Liu et al., 2025,
        "Muon is Scalable for LLM Training", https://arxiv.org/abs/2502.16982.

    >>> import numpy as np
    >>> from highlevel.variable import Variable
    >>> bias = Variable(np.ones(1, "float32"), name="bias")
    >>> Muon(learning_rate=0.1, adam_weight_decay=0.0).apply([np.array([3.0])], [bias])
    >>> round(float(bias.numpy()[0]), 4)
    0.9
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        adam_beta_1: float = 0.9,
        adam_beta_2: float = 0.999,
        adam_weight_decay: float | None = 0.004,
        epsilon: float = 1e-7,
        weight_decay: float | None = 0.004,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        exclude_layers: Sequence[str] | None = None,
        exclude_embeddings: bool = True,
        muon_a: float = 3.4445,
        muon_b: float = -4.775,
        muon_c: float = 2.0315,
        adam_lr_ratio: float = 1,
        momentum: float = 0.95,
        ns_steps: int = 5,
        nesterov: bool = True,
        rms_rate: float | None = 0.2,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema,
            ema_momentum, ema_overwrite_frequency, loss_scale_factor,
            gradient_accumulation_steps, name, **kwargs,
        )
        self.adam_beta_1 = adam_beta_1
        self.adam_beta_2 = adam_beta_2
        self.adam_weight_decay = adam_weight_decay
        self.epsilon = epsilon
        self.exclude_layers = list(exclude_layers or ())
        self.exclude_embeddings = exclude_embeddings
        self.muon_a = muon_a
        self.muon_b = muon_b
        self.muon_c = muon_c
        self.adam_lr_ratio = adam_lr_ratio
        self.momentum = momentum
        self.ns_steps = ns_steps
        self.nesterov = nesterov
        self.rms_rate = rms_rate

    def _takes_adam(self, variable: Variable) -> bool:
        if len(variable.shape) != 2:
            return True
        if self.exclude_embeddings and "embedding" in variable.path.lower():
            return True
        return any(re.search(pattern, variable.path) for pattern in self.exclude_layers)

    def slot_names(self) -> list[tuple[str, ...]]:
        return [("momentum", "velocity")]

    def has_slot(self, name: str, variable: Variable) -> bool:
        return name == "momentum" or self._takes_adam(variable)

    def begin(self, learning_rate: Any, step: Any, shared: Any) -> tuple:
        xp = current_backend().xp
        correction = xp.sqrt(1 - self.adam_beta_2**step) / (1 - self.adam_beta_1**step)
        return (learning_rate, learning_rate * self.adam_lr_ratio * correction), shared

    def rule_for(self, place: int) -> Callable:
        adam = self._takes_adam(self._trainable_variables[place])
        return self._adam_rule if adam else self._muon_rule

    def rule(self, gradient: Any, value: Any, slots: Any, scalars: tuple) -> Any:
        rule = self._adam_rule if len(slots) == 2 else self._muon_rule
        return rule(gradient, value, slots, scalars)

    def _adam_rule(self, gradient: Any, value: Any, slots: Any, scalars: tuple) -> Any:
        _, rate = scalars
        momentum = slots[0] + (gradient - slots[0]) * (1 - self.adam_beta_1)
        velocity = slots[1] + (gradient * gradient - slots[1]) * (1 - self.adam_beta_2)
        root = current_backend().xp.sqrt(velocity)
        return value - rate * momentum / (root + self.epsilon), (momentum, velocity)

    def _muon_rule(self, gradient: Any, value: Any, slots: Any, scalars: tuple) -> Any:
        rate, _ = scalars
        momentum = self.momentum * slots[0] + gradient
        ahead = gradient + self.momentum * momentum if self.nesterov else momentum
        step = self.lr_adjust(self.zeropower_via_newtonschulz5(ahead, self.ns_steps))
        return value - rate * step, (momentum,)

    def _decay_of(self, variable: Variable) -> float | None:
        if variable.weight_decay is None and self._takes_adam(variable):
            return self.adam_weight_decay if self._use_weight_decay(variable) else None
        return super()._decay_of(variable)

    def lr_adjust(self, x: Any) -> Any:
        """An orthogonal step scaled to fit its matrix.

        Args:
            x: `(rows, columns)`.

        Returns:
            `x` times `rms_rate * sqrt(max(rows, columns))`, which makes the root mean square
            of its entries `rms_rate`; with `rms_rate=None` times
            `sqrt(max(1, rows / columns))`.
        """
        rows, columns = x.shape[0], x.shape[1]
        if self.rms_rate is not None:
            return x * (self.rms_rate * max(rows, columns) ** 0.5)
        return x * max(1.0, rows / columns) ** 0.5

    def transpose_last_axis(self, X: Any) -> Any:
        """`X` with its last two axes exchanged."""
        return current_backend().xp.swapaxes(X, -1, -2)

    def zeropower_via_newtonschulz5(self, x: Any, steps: int) -> Any:
        """A matrix with the singular vectors of `x` and singular values near 1.

        Args:
            x: `(..., rows, columns)`.
            steps: number of iterations of a polynomial of degree five.

        Returns:
            Array of the shape of `x`.

        Raises:
            ValueError: `x` has fewer than two axes.
        """
        if len(x.shape) < 2:
            raise ValueError(f"Muon's steps need matrices; got an array of shape {x.shape}.")
        xp = current_backend().xp
        tall = x.shape[-2] > x.shape[-1]
        if tall:
            x = self.transpose_last_axis(x)
        x = x / (xp.sqrt(xp.sum(x * x, axis=(-2, -1), keepdims=True)) + 1e-7)
        for _ in range(steps):
            a = xp.matmul(x, self.transpose_last_axis(x))
            b = self.muon_b * a + self.muon_c * xp.matmul(a, a)
            x = self.muon_a * x + xp.matmul(b, x)
        return self.transpose_last_axis(x) if tall else x

    def get_config(self) -> dict[str, Any]:
        names = (
            "adam_beta_1", "adam_beta_2", "adam_weight_decay", "epsilon", "exclude_layers",
            "exclude_embeddings", "muon_a", "muon_b", "muon_c", "adam_lr_ratio", "momentum",
            "ns_steps", "nesterov", "rms_rate",
        )
        return super().get_config() | {name: getattr(self, name) for name in names}
