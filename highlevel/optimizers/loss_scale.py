"""Dynamic loss scaling, for gradients in float16."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from highlevel_backend import canonical_name, current_backend

from highlevel import serialization
from highlevel.optimizers.optimizer import Optimizer
from highlevel.optimizers.state import constant
from highlevel.variable import Variable

__all__ = ["LossScaleOptimizer"]


class LossScaleOptimizer(Optimizer):
    """Wraps an optimizer and scales the loss, so that small gradients survive float16.

    The loss is multiplied by a scale (`scale_loss`) and the gradients are divided by it.
    Steps whose gradients overflow are skipped and halve the scale; after
    `dynamic_growth_steps` good steps in a row it doubles.

    Args:
        inner_optimizer: the optimizer that makes the updates; its options (clipping, weight
            decay, averages) apply to the gradients after scaling back.
        initial_scale: the scale at first.
        dynamic_growth_steps: good steps until the scale doubles.
        name: made up where None.

    Raises:
        ValueError: an option that belongs on the inner optimizer, or an unknown one.

    >>> import numpy as np
    >>> from highlevel.optimizers.sgd import SGD
    >>> weight = Variable(np.ones(1, "float32"), name="weight")
    >>> optimizer = LossScaleOptimizer(SGD(1.0), initial_scale=8.0)
    >>> optimizer.apply([np.array([4.0])], [weight])  # gradient of a loss times 8
    >>> float(weight.numpy()[0])
    0.5
    """

    def __init__(
        self,
        inner_optimizer: Optimizer,
        initial_scale: float = 2.0**15,
        dynamic_growth_steps: int = 2000,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        if not isinstance(inner_optimizer, Optimizer):
            raise TypeError(
                "`inner_optimizer` of LossScaleOptimizer must be an Optimizer object. "
                f"Received: {inner_optimizer!r}."
            )
        for key in list(kwargs):
            if hasattr(inner_optimizer, key) and key != "learning_rate":
                raise ValueError(
                    f"LossScaleOptimizer does not support `{key}`. Instead, set `{key}` on the "
                    "`inner_optimizer`."
                )
        kwargs.pop("learning_rate", None)
        if kwargs:
            raise ValueError(
                f"LossScaleOptimizer does not support the arguments {', '.join(kwargs)}. It takes "
                "`inner_optimizer`, `initial_scale`, `dynamic_growth_steps` and `name`."
            )
        super().__init__(learning_rate=0.0, name=name)
        self.inner_optimizer = inner_optimizer
        self.initial_scale = initial_scale
        self.dynamic_growth_steps = dynamic_growth_steps

    def build(self, var_list: Iterable[Variable]) -> None:
        if self.built:
            return
        variables = list(var_list)
        self.step_counter = self.add_variable((), "zeros", "int32", name="step_counter")
        self.dynamic_scale = self.add_variable(
            (), constant(self.initial_scale), "float32", name="dynamic_scale"
        )
        self.inner_optimizer.build(variables)
        super().build(variables)

    def extend(self, variables: Iterable[Variable]) -> None:
        """See `Optimizer.extend`."""
        variables = list(variables)
        self.inner_optimizer.extend(variables)
        super().extend(variables)

    def state_by_variable(self) -> list[tuple[Variable, list[Variable]]]:
        """That of the wrapped optimizer."""
        return self.inner_optimizer.state_by_variable()

    @property
    def variables(self) -> list[Variable]:
        return [*self._variables, *self.inner_optimizer.variables]

    @property
    def revision(self) -> int:
        return self._revision + self.inner_optimizer.revision

    @property
    def iterations(self) -> Any:
        return self.inner_optimizer.iterations

    @iterations.setter
    def iterations(self, variable: Variable) -> None:
        self.inner_optimizer.iterations = variable

    @property
    def learning_rate(self) -> Any:
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, learning_rate: Any) -> None:
        self.inner_optimizer.learning_rate = learning_rate

    def check_finite(self, grads: Sequence[Any]) -> Any:
        """Whether all entries of all gradients are finite; a scalar boolean array."""
        xp = current_backend().xp
        finite = [xp.all(xp.isfinite(g)) for g in grads if g is not None]
        return xp.all(xp.stack(finite)) if finite else xp.asarray(True)

    def scale_loss(self, loss: Any) -> Any:
        scale = self.dynamic_scale.value if self.built else self.initial_scale
        return self.inner_optimizer.scale_loss(loss * scale)

    def finalize_variable_values(self, var_list: Iterable[Variable]) -> None:
        self.inner_optimizer.finalize_variable_values(var_list)

    def exclude_from_weight_decay(self, var_list: Any = None, var_names: Any = None) -> None:
        self.inner_optimizer.exclude_from_weight_decay(var_list, var_names)

    def _compilable(self, grads: Sequence) -> bool:
        return super()._compilable(grads) and self.inner_optimizer._compilable(grads)

    def _rate_outside(self) -> Any:
        return self.inner_optimizer._rate_outside()

    def _pure(
        self, places: list[int], values: list, grads: Sequence, state: list, rate: Any
    ) -> tuple[list, list]:
        backend = current_backend()
        own = len(self._variables)
        counter, scale = (
            next(i for i, v in enumerate(self._variables) if v is variable)
            for variable in (self.step_counter, self.dynamic_scale)
        )
        scaled = [
            g if g is None else backend.asarray(g, self._trainable_variables[p].dtype)
            for p, g in zip(places, grads)
        ]

        def update(values: list, scaled: list, state: list, rate: Any) -> tuple[list, list]:
            backend = current_backend()
            back = [g if g is None else _divide(g, state[scale]) for g in scaled]
            values, inner = self.inner_optimizer._pure(places, values, back, state[own:], rate)
            grown = state[counter] + 1 >= self.dynamic_growth_steps
            new = list(state[:own])
            new[counter] = backend.asarray(
                backend.xp.where(grown, 0, state[counter] + 1), "int32"
            )
            new[scale] = backend.asarray(
                backend.xp.where(grown, state[scale] * 2, state[scale]), "float32"
            )
            return values, new + inner

        def skip(values: list, scaled: list, state: list, rate: Any) -> tuple[list, list]:
            backend = current_backend()
            new = list(state)
            new[counter] = backend.xp.zeros_like(state[counter])
            new[scale] = backend.asarray(state[scale] / 2, "float32")
            return list(values), new

        return backend.cond(
            self.check_finite(scaled), update, skip, list(values), scaled, list(state), rate
        )

    def get_config(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "inner_optimizer": serialization.serialize_keras_object(self.inner_optimizer),
            "initial_scale": self.initial_scale,
            "dynamic_growth_steps": self.dynamic_growth_steps,
        }

    @classmethod
    def from_config(
        cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> LossScaleOptimizer:
        config = dict(config)
        inner = config.pop("inner_optimizer")
        if not isinstance(inner, Optimizer):
            inner = serialization.deserialize_keras_object(inner, custom_objects)
        return cls(inner, **config)


def _divide(gradient: Any, scale: Any) -> Any:
    return gradient / current_backend().cast(scale, canonical_name(gradient.dtype))
