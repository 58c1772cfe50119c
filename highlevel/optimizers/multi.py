"""Different optimizers for different variables of one model."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from typing import Any

from highlevel import serialization
from highlevel.optimizers.optimizer import Optimizer
from highlevel.variable import Variable

__all__ = ["MultiOptimizer", "OptimizerMap"]


class OptimizerMap(MutableMapping):
    """Which optimizer a variable takes, by regular expressions of its path.

    Args:
        default_optimizer: for paths that no pattern matches.
        optimizer_map: pattern → optimizer; a pattern must match the whole path.

    Raises:
        TypeError: `default_optimizer` is no optimizer.
        ValueError: a key is no string, or a value no optimizer.

    >>> from highlevel.optimizers.sgd import SGD
    >>> chosen = OptimizerMap(SGD(0.1), {"encoder/.*": SGD(0.01)})
    >>> round(float(chosen["encoder/kernel"].learning_rate), 2)
    0.01
    """

    def __init__(
        self, default_optimizer: Optimizer, optimizer_map: Mapping[str, Optimizer] | None = None
    ) -> None:
        if not isinstance(default_optimizer, Optimizer):
            raise TypeError(
                "`default_optimizer` of OptimizerMap must be an Optimizer object. "
                f"Received: {default_optimizer!r}."
            )
        self._default = default_optimizer
        self._map: dict[str, Optimizer] = {}
        for key, optimizer in (optimizer_map or {}).items():
            self[key] = optimizer

    @property
    def default_optimizer(self) -> Optimizer:
        """The optimizer of paths that no pattern matches."""
        return self._default

    def __getitem__(self, key: str) -> Optimizer:
        found = self._map.get(key)
        if found is not None:
            return found
        matches = [pattern for pattern in self._map if re.fullmatch(pattern, key)]
        if len(matches) > 1:
            raise ValueError(
                f"The path '{key}' matches more than one pattern of the OptimizerMap: "
                f"{', '.join(map(repr, matches))}. Make the patterns exclude each other."
            )
        return self._map[matches[0]] if matches else self._default

    def __setitem__(self, key: str, optimizer: Optimizer) -> None:
        if not isinstance(key, str):
            raise ValueError(f"A key of an OptimizerMap must be a string. Received: {key!r}.")
        if key in self._map:
            raise ValueError(
                f"{key!r} is in the OptimizerMap already, for {self._map[key]!r}. Delete it first."
            )
        if not isinstance(optimizer, Optimizer):
            raise ValueError(
                f"A value of an OptimizerMap must be an Optimizer object. Received: {optimizer!r}."
            )
        self._map[key] = optimizer

    def __delitem__(self, key: str) -> None:
        del self._map[key]

    def __contains__(self, key: object) -> bool:
        return key in self._map

    def __len__(self) -> int:
        return len(self._map)

    def __iter__(self) -> Iterator[str]:
        return iter(self._map)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, as plain values."""
        serialize = serialization.serialize_keras_object
        return {
            "default_optimizer": serialize(self._default),
            "optimizer_map": {key: serialize(value) for key, value in self._map.items()},
        }

    @classmethod
    def from_config(
        cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> OptimizerMap:
        """A map made from what `get_config` returned."""

        def read(value: Any) -> Any:
            if isinstance(value, Optimizer):
                return value
            return serialization.deserialize_keras_object(value, custom_objects)

        return cls(
            read(config["default_optimizer"]),
            {key: read(value) for key, value in (config.get("optimizer_map") or {}).items()},
        )


class MultiOptimizer(Optimizer):
    """Updates each variable by the optimizer that a map names for its path.

    Args:
        optimizer_map: an `OptimizerMap`.
        loss_scale_factor: `scale_loss` multiplies the loss by it.
        name: made up where None.

    Raises:
        TypeError: `optimizer_map` is no OptimizerMap.

    >>> import numpy as np
    >>> from highlevel.optimizers.sgd import SGD
    >>> kernel = Variable(np.ones(1, "float32"), name="kernel")
    >>> bias = Variable(np.ones(1, "float32"), name="bias")
    >>> optimizer = MultiOptimizer(OptimizerMap(SGD(0.5), {"bias": SGD(0.25)}))
    >>> optimizer.apply([np.ones(1), np.ones(1)], [kernel, bias])
    >>> float(kernel.numpy()[0]), float(bias.numpy()[0])
    (0.5, 0.75)
    """

    def __init__(
        self,
        optimizer_map: OptimizerMap,
        loss_scale_factor: float | None = None,
        name: str | None = None,
    ) -> None:
        if not isinstance(optimizer_map, OptimizerMap):
            raise TypeError(
                "`optimizer_map` of MultiOptimizer must be an OptimizerMap. Received: "
                f"{optimizer_map!r}."
            )
        super().__init__(learning_rate=0.0, loss_scale_factor=loss_scale_factor, name=name)
        self.optimizer_map = optimizer_map
        self._parts: list[tuple[Optimizer, list[int]]] = []

    @property
    def loss_scale_factor(self) -> float | None:
        """What the loss is multiplied by."""
        return self._loss_scale_factor

    @loss_scale_factor.setter
    def loss_scale_factor(self, factor: float | None) -> None:
        self._loss_scale_factor = factor

    def state_by_variable(self) -> list[tuple[Variable, list[Variable]]]:
        """That of all optimizers."""
        return [pair for optimizer in self.optimizers for pair in optimizer.state_by_variable()]

    @property
    def optimizers(self) -> list[Optimizer]:
        """The optimizers of the map in its order, the default one last; each once."""
        return list(dict.fromkeys([*self.optimizer_map.values(), self.optimizer_map._default]))

    @property
    def learning_rate(self) -> Any:
        raise AttributeError(
            f"The MultiOptimizer '{self.name}' has no learning rate of its own. Read it from one "
            "of its `optimizers`."
        )

    @learning_rate.setter
    def learning_rate(self, learning_rate: Any) -> None:
        raise AttributeError(
            f"The MultiOptimizer '{self.name}' has no learning rate of its own. Set it on one of "
            "its `optimizers`."
        )

    def build(self, var_list: Iterable[Variable]) -> None:
        if self.built:
            return
        variables = list(var_list)
        by_optimizer: dict[Optimizer, list[int]] = {o: [] for o in self.optimizers}
        for i, variable in enumerate(variables):
            by_optimizer[self.optimizer_map[variable.path]].append(i)
        for optimizer, places in by_optimizer.items():
            optimizer.build([variables[p] for p in places])
        self._parts = list(by_optimizer.items())
        super().build(variables)

    def extend(self, variables: Iterable[Variable]) -> None:
        """See `Optimizer.extend`."""
        variables = list(variables)
        for optimizer in self.optimizers:
            optimizer.extend([
                v for v in variables if self.optimizer_map[v.path] is optimizer
            ])
        super().extend(variables)

    @property
    def variables(self) -> list[Variable]:
        return [*self._variables, *(v for o in self.optimizers for v in o.variables)]

    @property
    def revision(self) -> int:
        return self._revision + sum(o.revision for o in self.optimizers)

    def finalize_variable_values(self, var_list: Iterable[Variable]) -> None:
        wanted = list(var_list)
        for optimizer, _ in self._parts:
            optimizer.finalize_variable_values([v for v in wanted if v in optimizer._index])

    def exclude_from_weight_decay(self, var_list: Any = None, var_names: Any = None) -> None:
        for optimizer in self.optimizers:
            optimizer.exclude_from_weight_decay(var_list, var_names)

    def _compilable(self, grads: Sequence) -> bool:
        return all(o._compilable(grads) for o in self.optimizers) and super()._compilable(grads)

    def _rate_outside(self) -> Any:
        return [o._rate_outside() for o in self.optimizers]

    def _pure(
        self, places: list[int], values: list, grads: Sequence, state: list, rate: Any
    ) -> tuple[list, list]:
        values, new = list(values), list(state[: len(self._variables)])
        factor = self.loss_scale_factor
        if factor is not None:
            grads = [g if g is None else g / factor for g in grads]
        self._prepare(places, grads)  # says which have no gradient, for all parts at once
        at = {place: i for i, place in enumerate(places)}
        start = len(new)
        for k, (optimizer, members) in enumerate(self._parts):
            size = len(optimizer.variables)
            own = list(state[start : start + size])
            start += size
            inner = [j for j, p in enumerate(members) if p in at and grads[at[p]] is not None]
            if inner:
                positions = [at[members[j]] for j in inner]
                updated, own = optimizer._pure(
                    inner, [values[i] for i in positions], [grads[i] for i in positions], own,
                    None if rate is None else rate[k],
                )
                for i, value in zip(positions, updated):
                    values[i] = value
            new += own
        new[0] = new[0] + 1
        return values, new

    def get_config(self) -> dict[str, Any]:
        return {
            "optimizer_map": serialization.serialize_keras_object(self.optimizer_map),
            "loss_scale_factor": self.loss_scale_factor,
            "name": self.name,
        }

    @classmethod
    def from_config(
        cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> MultiOptimizer:
        config = dict(config)
        if not isinstance(config["optimizer_map"], OptimizerMap):
            config["optimizer_map"] = serialization.deserialize_keras_object(
                config["optimizer_map"], custom_objects
            )
        return cls(**config)
