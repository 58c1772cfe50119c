"""`Metric`: a number gathered over batches, its state in variables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from highlevel_backend import current_backend

from highlevel import config, dtype_policies, initializers
from highlevel.errors import add_note, describe
from highlevel.naming import auto_name, name_scope
from highlevel.state import StatelessScope
from highlevel.variable import Variable

__all__ = ["Metric"]


class Metric:
    """Base class of metrics: subclass it and define `update_state` and `result`.

    What is gathered lives in variables made by `add_variable`, on the device; so a metric
    works in a compiled step, and can be updated without side effects by
    `stateless_update_state`.

    Args:
        dtype: dtype name or policy of the state and the result; the current policy's
            where None.
        name: name; made from the class's where None.

    >>> import highlevel as hl
    >>> class Largest(hl.metrics.Metric):
    ...     def __init__(self, **kwargs):
    ...         super().__init__(**kwargs)
    ...         self.most = self.add_variable((), "zeros", name="most")
    ...     def update_state(self, values, sample_weight=None):
    ...         self.most.assign(hl.ops.maximum(self.most, hl.ops.max(values)))
    ...     def result(self):
    ...         return self.most.value
    >>> metric = Largest()
    >>> float(metric([1.0, 3.0])), float(metric([2.0]))
    (3.0, 3.0)
    """

    #: `"up"` where more is better, `"down"` where less is, None where neither
    _direction: str | None = None
    #: whether an entry of weight 0 is as if it were not there
    _leaves_out_weight_0 = False

    def __init__(self, dtype: Any = None, name: str | None = None) -> None:
        self.name = auto_name(type(self)) if name is None else name
        self._dtype_policy = dtype_policies.get(dtype or config.floatx())
        self._dtype = self._dtype_policy.compute_dtype

    # Lists made on demand: a subclass may set attributes before it calls our `__init__`.
    def _list(self, name: str) -> list:
        found = self.__dict__.get(name)
        if found is None:
            found = self.__dict__[name] = []
        return found

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Variable):
            own = self._list("_variables")
            if all(value is not known for known in own):
                own.append(value)
        elif isinstance(value, Metric):
            own = self._list("_metrics")
            if all(value is not known for known in own):
                own.append(value)
        object.__setattr__(self, name, value)

    @property
    def dtype(self) -> str:
        """dtype name of the state and the result."""
        return self._dtype

    @property
    def variables(self) -> list[Variable]:
        """The state: own variables in the order they were made, then those of metrics in it."""
        result = list(self._list("_variables"))
        for metric in self._list("_metrics"):
            result += metric.variables
        return result

    def add_variable(
        self,
        shape: Sequence[int],
        initializer: Any,
        dtype: str | None = None,
        aggregation: str = "sum",
        name: str | None = None,
    ) -> Variable:
        """A variable of the state.

        Args:
            shape: shape.
            initializer: name, initializer or callable; "zeros" is what `reset_state` sets.
            dtype: dtype name; the metric's where None.
            aggregation: how replicas' values become one; kept for distribution.
            name: last part of the variable's path.
        """
        with name_scope(self.name):
            variable = Variable(
                initializers.get(initializer) or initializers.Zeros(),
                shape=tuple(shape), dtype=dtype or self.dtype, trainable=False, autocast=False,
                aggregation=aggregation, name=name,
            )
        self._list("_variables").append(variable)
        return variable

    def add_weight(
        self,
        shape: Sequence[int] = (),
        initializer: Any = None,
        dtype: str | None = None,
        name: str | None = None,
    ) -> Variable:
        """`add_variable` under its name of Keras 2."""
        return self.add_variable(
            shape, "zeros" if initializer is None else initializer, dtype=dtype, name=name
        )

    def reset_state(self) -> None:
        """Set all variables to 0."""
        xp = current_backend().xp
        for variable in self.variables:
            variable.assign(xp.zeros(variable.shape))

    def merge_state(self, others: Sequence[Any]) -> None:
        """Add what other metrics of the same kind have gathered, in other batches or processes.

        Args:
            others: metrics, or, from another process, lists of the values of their `variables`
                as arrays.

        Raises:
            ValueError: another kind or other shapes, or a state that is no sum (a subclass with
                such a state defines its own `merge_state`).

        >>> import highlevel as hl
        >>> here, there = hl.metrics.Mean(), hl.metrics.Mean()
        >>> here.update_state([1.0, 2.0]), there.update_state([6.0])
        (None, None)
        >>> here.merge_state([there])
        >>> float(here.result())
        3.0
        """
        own = self.variables
        odd = [v.name for v in own if v.aggregation != "sum"]
        if odd:
            raise ValueError(
                f"The state {', '.join(odd)} of metric '{self.name}' is no sum: "
                f"{type(self).__name__} has to define `merge_state` itself."
            )
        for other in others:
            known = isinstance(other, Metric)
            values = [v.value for v in other.variables] if known else list(other)
            same = not known or type(other) is type(self)
            if not same or [tuple(x.shape) for x in values] != [v.shape for v in own]:
                shapes = ", ".join(str(tuple(x.shape)) for x in values) or "none yet"
                ours = ", ".join(str(v.shape) for v in own) or "none yet"
                raise ValueError(
                    f"Metric '{self.name}' ({type(self).__name__}, state of shapes {ours}) cannot "
                    f"take the state of {type(other).__name__} (shapes {shapes})."
                )
            for variable, value in zip(own, values):
                variable.assign(variable.value + current_backend().asarray(value, variable.dtype))

    def update_state(self, *args: Any, **kwargs: Any) -> Any:
        """Gather one batch."""
        raise NotImplementedError(
            f"{type(self).__name__} is a Metric without `update_state`; define it."
        )

    def result(self) -> Any:
        """The number of what was gathered, a scalar array as a rule."""
        raise NotImplementedError(f"{type(self).__name__} is a Metric without `result`; define it.")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Gather one batch, and the number so far."""
        try:
            self.update_state(*args, **kwargs)
        except (ValueError, TypeError) as error:
            add_note(
                error,
                f"In the metric '{self.name}' ({type(self).__name__}) of "
                + ", ".join(map(describe, args)) + ".",
            )
            raise
        return self.result()

    # --------------------------------------------------------------- stateless

    def _scope(self, metric_variables: Sequence[Any]) -> tuple[list[Variable], StatelessScope]:
        own = self.variables
        if len(metric_variables) != len(own):
            names = ", ".join(variable.name for variable in own)
            raise ValueError(
                f"Metric '{self.name}' has {len(own)} variables ({names}); "
                f"`metric_variables` holds {len(metric_variables)} values."
            )
        return own, StatelessScope(zip(own, metric_variables))

    def stateless_update_state(self, metric_variables: Sequence[Any], *args: Any,
                               **kwargs: Any) -> list[Any]:
        """`update_state` as a pure function.

        Args:
            metric_variables: values of `variables`.
            args, kwargs: what `update_state` takes.

        Returns:
            The new values.

        Raises:
            ValueError: another number of values.
        """
        build = getattr(self, "build", None)
        if build is not None and not getattr(self, "_built", True):
            build(*args)  # makes the variables that depend on the batch's shape
        own, scope = self._scope(metric_variables)
        with scope:
            self.update_state(*args, **kwargs)
        return [scope.get_current_value(variable) for variable in own]

    def stateless_result(self, metric_variables: Sequence[Any]) -> Any:
        """`result` as a pure function.

        Args:
            metric_variables: values of `variables`.

        Raises:
            ValueError: another number of values.
        """
        _, scope = self._scope(metric_variables)
        with scope:
            return self.result()

    def stateless_reset_state(self) -> list[Any]:
        """The values that `reset_state` sets."""
        own = self.variables
        with StatelessScope() as scope:
            self.reset_state()
        return [scope.get_current_value(variable) for variable in own]

    # ------------------------------------------------------------------ config

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, as JSON can hold them."""
        return {"name": self.name, "dtype": self.dtype}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Metric:
        """A metric with the arguments of a config; nothing gathered yet."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"

    def __str__(self) -> str:
        return repr(self)
