"""`OptaxOptimizer`: an `optax` transformation in the place of an optimizer.

optax is not imported: a transformation is known by its two functions. Its state is a tree
made by optax; the leaves are kept in variables, so that they are saved, restored and handed
to compiled steps like those of every other optimizer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from highlevel_backend import canonical_name, current_backend

from highlevel.optimizers.optimizer import Optimizer
from highlevel.optimizers.state import constant
from highlevel.variable import Variable

__all__ = ["OptaxOptimizer", "is_transformation"]


def is_transformation(value: Any) -> bool:
    """Whether `value` has what an `optax.GradientTransformation` has."""
    return (
        isinstance(value, tuple) and callable(getattr(value, "init", None))
        and callable(getattr(value, "update", None))
    )


class OptaxOptimizer(Optimizer):
    """Makes updates by an `optax.GradientTransformation`; `compile` wraps one by itself.

    Learning rate, clipping and decay are the transformation's own. It runs on the JAX
    backend, in which optax is written.

    Args:
        transformation: such as `optax.adam(1e-3)` or an `optax.chain`.
        name: made up where None.

    Raises:
        TypeError: it is no transformation.
        RuntimeError: when built on another backend.
    """

    def __init__(self, transformation: Any, name: str | None = None) -> None:
        if not is_transformation(transformation):
            raise TypeError(
                "OptaxOptimizer takes an `optax.GradientTransformation`, such as "
                f"`optax.adam(1e-3)`; got {transformation!r}."
            )
        super().__init__(learning_rate=0.0, name=name)
        self.transformation = transformation
        self._state: list[Variable] = []
        self._rebuild: Any = None

    @property
    def learning_rate(self) -> Any:
        """The transformation holds it; it cannot be read or set here.

        Raises:
            AttributeError: always; the message says what to do.
        """
        raise AttributeError(
            f"The learning rate of '{self.name}' is part of its optax transformation. Make it "
            "with a schedule, or with `optax.inject_hyperparams`."
        )

    def build(self, var_list: Iterable[Variable]) -> None:
        if self.built:
            return
        backend = current_backend()
        flatten = backend.flatten_registered
        if flatten is None:
            raise RuntimeError(
                f"An optax transformation runs on the JAX backend only; the current one is "
                f"'{backend.name}'. Use `with hl.use_backend(\"jax\"):`, or one of "
                "`highlevel.optimizers`, which run on every backend."
            )
        variables = list(var_list)
        super().build(variables)
        first = self.transformation.init([v._own_value() for v in variables])
        leaves, self._rebuild = flatten(first)
        self._state = []
        for i, leaf in enumerate(leaves):
            leaf = backend.asarray(leaf)
            variable = self.add_variable(
                tuple(leaf.shape), constant(0), canonical_name(leaf.dtype), name=f"optax_{i}")
            variable.assign(leaf)
            self._state.append(variable)

    def extend(self, variables: Iterable[Variable]) -> None:
        """See `Optimizer.extend`.

        Raises:
            RuntimeError: always: optax's state is made for one set of variables.
        """
        raise RuntimeError(
            f"'{self.name}' was built for other variables, and the state of an optax "
            "transformation cannot be extended. Call `compile` again with a new one."
        )

    def _compilable(self, grads: Sequence) -> bool:
        # None among gradients would change the tree that the state was made for.
        return all(g is not None for g in grads) and not any(
            current_backend().is_abstract(g) for g in grads)

    def _pure(
        self, places: list[int], values: list, grads: Sequence, state: list, rate: Any
    ) -> tuple[list, list]:
        flatten = current_backend().flatten_registered
        if self._rebuild is None or flatten is None:
            raise RuntimeError(
                f"'{self.name}' holds an optax transformation, which runs on the JAX backend only."
            )
        if places != list(range(len(self._trainable_variables))):
            raise ValueError(
                f"'{self.name}' updates all of its {len(self._trainable_variables)} variables at "
                f"once; it was given {len(places)}. Call `compile` again after freezing layers."
            )
        backend = current_backend()
        xp = backend.xp
        grads = [
            xp.zeros_like(value) if g is None else backend.asarray(g, variable.dtype)
            for g, value, variable in zip(grads, values, self._trainable_variables)
        ]
        kept = len(state) - len(self._state)
        updates, after = self.transformation.update(
            list(grads), self._rebuild(state[kept:]), list(values))
        leaves, _ = flatten(after)
        new = [
            backend.asarray(value + backend.cast(update, variable.dtype), variable.dtype)
            for value, update, variable in zip(values, updates, self._trainable_variables)
        ]
        new = [
            backend.cast(v.constraint(value), v.dtype) if v.constraint is not None else value
            for v, value in zip(self._trainable_variables, new)
        ]
        own = list(state[:kept])
        own[0] = backend.asarray(state[0] + 1, "int32")
        after_state = [
            backend.cast(backend.asarray(leaf), variable.dtype)
            for leaf, variable in zip(leaves, self._state)
        ]
        return new, own + after_state

    def get_config(self) -> dict[str, Any]:
        """An optax transformation is made of functions, which no config can hold.

        Raises:
            NotImplementedError: always; the message says what to do.
        """
        raise NotImplementedError(
            f"'{self.name}' is an optax transformation, which cannot be written into a config. "
            "Save the weights, or compile the loaded model with the transformation again."
        )
