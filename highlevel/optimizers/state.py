"""The stateful half of an optimizer: hyperparameters, variables, configs and saving."""

from __future__ import annotations

import re
import warnings
import weakref
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from typing import Any

import numpy as np
from highlevel_backend import current_backend

from highlevel import serialization
from highlevel.inspection import sheets
from highlevel.naming import auto_name, name_scope
from highlevel.optimizers.schedules.schedule import LearningRateSchedule
from highlevel.variable import Variable

__all__ = ["OptimizerState", "constant", "state_kept_for"]

LearningRate = float | Variable | LearningRateSchedule | Callable[[], Any]


def constant(number: float) -> Callable:
    """An initializer that fills with one number; what slots start from."""

    def fill(shape: Sequence[int], dtype: str | None = None) -> Any:
        backend = current_backend()
        xp = backend.xp
        # Zeros are not written before they are looked at.
        filled = xp.full(shape, number, "float32") if number else xp.zeros(shape, "float32")
        return backend.cast(filled, dtype or "float32")

    return fill


#: identity of a variable → the optimizer that keeps state for it, and the variable alive
_kept_by: weakref.WeakValueDictionary[int, OptimizerState] = weakref.WeakValueDictionary()


def state_kept_for(variables: Iterable[Variable]) -> list[Variable]:
    """The state that optimizers keep for some variables alone."""
    wanted = {id(variable) for variable in variables}
    owners = {id(kept): kept for key in wanted if (kept := _kept_by.get(key)) is not None}
    return [
        state for owner in owners.values() for variable, slots in owner.state_by_variable()
        if id(variable) in wanted for state in slots
    ]


#: public attributes that compiled programs take as arguments
_NOT_CONSTANT = frozenset(("built", "iterations", "learning_rate", "name"))
_INITIALIZERS = {"zeros": constant(0.0), "ones": constant(1.0)}


def _initializer(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if value not in _INITIALIZERS:
        raise ValueError(
            f"An optimizer variable's initializer is 'zeros', 'ones' or a callable "
            f"`(shape, dtype) -> array`; got {value!r}. Pass the initializer object instead "
            "of its name."
        )
    return _INITIALIZERS[value]


class OptimizerState:
    """Hyperparameters and variables common to all optimizers. See `Optimizer`."""

    def __init__(
        self,
        learning_rate: LearningRate,
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
        self._revision = 0
        self.name = name or auto_name(type(self))
        self._check(clipnorm, clipvalue, global_clipnorm, kwargs)
        if use_ema:
            self._check_ema(ema_momentum, ema_overwrite_frequency)
        if gradient_accumulation_steps is not None and gradient_accumulation_steps < 2:
            raise ValueError(
                f"`gradient_accumulation_steps` of {self.name} must be an integer >= 2, or None "
                f"to update at every step. Received: {gradient_accumulation_steps}."
            )
        self.weight_decay = weight_decay
        self.clipnorm = clipnorm
        self.clipvalue = clipvalue
        self.global_clipnorm = global_clipnorm
        self.use_ema = use_ema
        self.ema_momentum = ema_momentum
        self.ema_overwrite_frequency = ema_overwrite_frequency if use_ema else None
        self.loss_scale_factor = loss_scale_factor
        self.gradient_accumulation_steps = gradient_accumulation_steps

        self.built = False
        self._variables: list[Variable] = []
        self._trainable_variables: list[Variable] = []
        self._index: dict[Variable, int] = {}
        self._excluded: list[Variable | str] = []
        self._averages: list[Variable] = []
        self._accumulators: list[Variable] = []
        #: per trainable variable, the state that its rule takes
        self._slots: list[list[Variable]] = []
        #: state common to all variables that the rule takes
        self._shared: list[Variable] = []

        with name_scope(self.name):
            self._iterations = Variable(
                constant(0), shape=(), name="iteration", dtype="int32", trainable=False,
                autocast=False, aggregation="only_first_replica",
            )
        self._variables.append(self._iterations)
        self._learning_rate: Any = None
        self._set_learning_rate(learning_rate)

    def __setattr__(self, name: str, value: Any) -> None:
        # Public attributes are hyperparameters, constants of the programs compiled so far.
        object.__setattr__(self, name, value)
        if name[0] != "_" and name not in _NOT_CONSTANT:
            self._changed()

    def _changed(self) -> None:
        object.__setattr__(self, "_revision", self._revision + 1)
        object.__setattr__(self, "_programs", {})

    @property
    def revision(self) -> int:
        """Grows when a hyperparameter changes that a compiled step holds as a constant."""
        return self._revision

    # ---------------------------------------------------------------- checks

    def _check(
        self, clipnorm: Any, clipvalue: Any, global_clipnorm: Any, kwargs: dict[str, Any]
    ) -> None:
        if kwargs.pop("decay", None) is not None:
            warnings.warn(
                f"{type(self).__name__} ignores the argument `decay`. Pass a schedule as "
                "`learning_rate`, such as `schedules.InverseTimeDecay`.",
                stacklevel=4,
            )
        if kwargs:
            import difflib
            import inspect

            known = [
                parameter
                for cls in type(self).__mro__
                if "__init__" in vars(cls)
                for parameter in inspect.signature(cls.__init__).parameters
                if parameter not in ("self", "args", "kwargs")
            ]
            hints = []
            for unknown in kwargs:
                near = difflib.get_close_matches(unknown, known, n=1)
                hints.append(f" Did you mean `{near[0]}`?" if near else "")
            raise ValueError(
                f"Argument(s) of {type(self).__name__} not recognized: {kwargs}.{''.join(hints)}"
            )
        given = {
            name: value
            for name, value in (
                ("clipnorm", clipnorm),
                ("clipvalue", clipvalue),
                ("global_clipnorm", global_clipnorm),
            )
            if value is not None
        }
        if len(given) > 1:
            raise ValueError(
                f"{type(self).__name__} takes only one of `clipnorm`, `clipvalue` and "
                f"`global_clipnorm`. Received: {', '.join(f'{k}={v}' for k, v in given.items())}."
            )

    def _check_ema(self, momentum: float, frequency: int | None) -> None:
        if not 0 <= momentum <= 1:
            raise ValueError(
                f"`ema_momentum` of {self.name} must be in the range [0, 1]. "
                f"Received: ema_momentum={momentum}."
            )
        if frequency is not None and (not isinstance(frequency, int) or frequency < 1):
            raise ValueError(
                f"`ema_overwrite_frequency` of {self.name} must be an integer >= 1 or None. "
                f"Received: ema_overwrite_frequency={frequency}."
            )

    # --------------------------------------------------------- learning rate

    @property
    def learning_rate(self) -> Any:
        """The learning rate: a variable, or a schedule's value at the current step.

        Assigning a number sets the variable and recompiles nothing.
        """
        if isinstance(self._learning_rate, Variable):
            return self._learning_rate
        if isinstance(self._learning_rate, LearningRateSchedule):
            return self._learning_rate(self._iterations.value)
        return self._learning_rate()

    @learning_rate.setter
    def learning_rate(self, learning_rate: LearningRate) -> None:
        current = self._learning_rate
        plain = not isinstance(learning_rate, (Variable, LearningRateSchedule)) and not callable(
            learning_rate
        )
        if plain and isinstance(current, Variable):
            current.assign(_number(self.name, learning_rate))
            return
        if plain and isinstance(current, LearningRateSchedule):
            raise TypeError(
                f"The learning rate of the optimizer '{self.name}' follows the schedule "
                f"{current!r} and cannot be set to {learning_rate!r}. Make the optimizer with a "
                "float as `learning_rate`, or assign another schedule."
            )
        self._set_learning_rate(learning_rate)

    def _set_learning_rate(self, learning_rate: Any) -> None:
        if not isinstance(learning_rate, (Variable, LearningRateSchedule)) and not callable(
            learning_rate
        ):
            number = _number(self.name, learning_rate)
            with name_scope(self.name):
                learning_rate = Variable(
                    constant(number), shape=(), name="learning_rate", dtype="float32",
                    trainable=False, autocast=False, aggregation="only_first_replica",
                )
        if isinstance(self._learning_rate, Variable):
            old = self._learning_rate
            self._variables = [v for v in self._variables if v is not old]
        if isinstance(learning_rate, Variable):
            self._variables.insert(1, learning_rate)
        self._learning_rate = learning_rate
        self._changed()

    @property
    def iterations(self) -> Any:
        """Number of updates done: the variable, or a fraction of it with accumulation."""
        if self.gradient_accumulation_steps:
            return self._iterations.value // self.gradient_accumulation_steps
        return self._iterations

    @iterations.setter
    def iterations(self, variable: Variable) -> None:
        if self.built:
            raise RuntimeError(
                f"The optimizer '{self.name}' is built: its `iterations` cannot be another "
                "variable now. Assign a number with `optimizer.iterations.assign(...)`."
            )
        self._variables[0] = self._iterations = variable

    # ------------------------------------------------------------- variables

    @property
    def variables(self) -> list[Variable]:
        """All state, in the order in which it is saved."""
        return list(self._variables)

    def state_by_variable(self) -> list[tuple[Variable, list[Variable]]]:
        """Each trainable variable with the state that belongs to it alone."""
        return [
            (variable, [*slots, *self._averages[i : i + 1], *self._accumulators[i : i + 1]])
            for i, (variable, slots) in enumerate(zip(self._trainable_variables, self._slots))
        ]

    def build(self, variables: Iterable[Variable]) -> None:
        """Make the state for a list of trainable variables; nothing is allocated yet.

        Args:
            variables: the trainable variables that this optimizer will update.
        """
        if self.built:
            return
        variables = list(variables)
        self._trainable_variables = variables
        self._index = {variable: i for i, variable in enumerate(variables)}
        if self.use_ema:
            self._averages = self.add_optimizer_variables(variables, "average")
        if self.gradient_accumulation_steps:
            self._accumulators = self.add_optimizer_variables(
                variables, "gradient_accumulator"
            )
        self._slots = [[] for _ in variables]
        for group in self.slot_names():
            for variable, slots in zip(variables, self._slots):
                for name in group:
                    if self.has_slot(name, variable):
                        start = self.slot_initializer(name, variable)
                        slots.append(self.add_variable_from_reference(variable, name, start))
        for variable in variables:
            _kept_by[id(variable)] = self
        self.built = True

    def extend(self, variables: Iterable[Variable]) -> None:
        """Make the state for another list of variables, and keep that of those known before.

        Args:
            variables: all trainable variables from now on; in the order of saved files.
        """
        if not self.built:
            return self.build(variables)
        kept = 1 + isinstance(self._learning_rate, Variable)
        before: dict[str, list[Variable]] = {}
        for variable in self._variables[kept:]:
            before.setdefault(variable.path, []).append(variable)
        self._variables = self._variables[:kept]
        self._averages, self._accumulators, self._slots, self._shared = [], [], [], []
        self.built = False
        self.build(variables)
        for variable in self._variables[kept:]:
            known = before.get(variable.path)
            if known and known[0].shape == variable.shape:
                old = known.pop(0)
                if not old.is_pending:
                    variable.assign(old.raw_value())
        self._changed()

    def slot_names(self) -> Sequence[Sequence[str]]:
        """Names of the state per variable that `rule` takes.

        Each group is made variable by variable, one group after the other; that is the
        order of `variables` and of saved files.
        """
        return ()

    def has_slot(self, name: str, variable: Variable) -> bool:
        """Whether a variable has a slot of `slot_names`; all do by default."""
        return True

    def slot_initializer(self, name: str, variable: Variable) -> Any:
        """Initializer of a slot; zeros by default."""
        return "zeros"

    def add_variable(
        self,
        shape: Sequence[int],
        initializer: Any = "zeros",
        dtype: str | None = None,
        aggregation: str = "none",
        layout: Any = None,
        name: str | None = None,
    ) -> Variable:
        """Add a variable to the optimizer's state.

        Args:
            shape: its shape.
            initializer: "zeros", "ones", or a callable `(shape, dtype) -> array`.
            dtype: dtype name; float32 by default.
            aggregation, layout: kept for distribution.
            name: last part of its path.

        Returns:
            The variable, pending.
        """
        with name_scope(self.name):
            variable = Variable(
                _initializer(initializer), shape=shape, dtype=dtype, trainable=False,
                autocast=False, aggregation=aggregation, layout=layout, name=name,
            )
        self._variables.append(variable)
        return variable

    def add_variable_from_reference(
        self, reference_variable: Variable, name: str | None = None, initializer: Any = "zeros"
    ) -> Variable:
        """Add a variable with the shape and dtype of a trainable one.

        Args:
            reference_variable: the trainable variable.
            name: what it holds, such as "momentum"; its name becomes
                `<path of the reference>_momentum`.
            initializer: "zeros", "ones", a callable, or the first value itself.

        Returns:
            The variable, pending unless a value was given.
        """
        prefix = getattr(reference_variable, "path", reference_variable.name).replace("/", "_")
        with name_scope(self.name):
            variable = Variable(
                _initializer(initializer),
                shape=reference_variable.shape, dtype=reference_variable.dtype,
                trainable=False, autocast=False,
                layout=getattr(reference_variable, "layout", None),
                name=f"{prefix}_{name}" if name else prefix,
            )
        self._variables.append(variable)
        return variable

    def add_optimizer_variables(
        self,
        trainable_variables: Iterable[Variable],
        name: str | Sequence[str],
        initializer: Any = "zeros",
    ) -> Any:
        """Add one variable per trainable variable.

        Args:
            trainable_variables: the references.
            name: what the variables hold, or a list of several names.
            initializer: for all, or a list with one per name.

        Returns:
            List of variables; with a list of names, a tuple of lists.
        """
        if isinstance(name, str):
            return [
                self.add_variable_from_reference(variable, name, initializer)
                for variable in trainable_variables
            ]
        initializers = [initializer] * len(name) if isinstance(initializer, str) else initializer
        columns: tuple[list[Variable], ...] = tuple([] for _ in name)
        for variable in trainable_variables:
            for column, part, start in zip(columns, name, initializers):
                column.append(self.add_variable_from_reference(variable, part, start))
        return columns

    def _get_variable_index(self, variable: Variable) -> int:
        """Position of a trainable variable in the list that the optimizer was built for.

        Raises:
            ValueError: it was not in the list.
        """
        index = self._index.get(variable)
        if index is None:
            raise ValueError(
                f"Unknown variable '{variable.path}': the optimizer '{self.name}' was built for "
                f"{len(self._index)} other variables and has no state for this one. Make a new "
                "optimizer (call `compile` again) after adding layers or changing which are "
                "trainable, or build it with all of them: `optimizer.build(variables)`."
            )
        return index

    def assign(self, variable: Variable, value: Any) -> None:
        """Set a variable; for `update_step`."""
        variable.assign(value)

    def assign_add(self, variable: Variable, value: Any) -> None:
        """Add to a variable; for `update_step`."""
        variable.assign_add(value)

    def assign_sub(self, variable: Variable, value: Any) -> None:
        """Subtract from a variable; for `update_step`."""
        variable.assign_sub(value)

    # ---------------------------------------------------------- weight decay

    def exclude_from_weight_decay(
        self,
        var_list: Iterable[Variable] | None = None,
        var_names: Iterable[str] | None = None,
    ) -> None:
        """Leave variables out of weight decay.

        Args:
            var_list: variables.
            var_names: regular expressions searched for in the variables' names.
        """
        self._excluded = [*(var_list or ()), *(var_names or ())]
        self._changed()

    def _use_weight_decay(self, variable: Variable) -> bool:
        return not any(
            re.search(excluded, variable.name) is not None
            if isinstance(excluded, str)
            else excluded is variable
            for excluded in self._excluded
        )

    # ----------------------------------------------------- configs and files

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, as plain values."""
        rate = self._learning_rate
        if isinstance(rate, Variable):
            rate = float(rate.numpy())
        else:
            rate = serialization.serialize_keras_object(rate)
        return {
            "name": self.name,
            "learning_rate": rate,
            "weight_decay": self.weight_decay,
            "clipnorm": self.clipnorm,
            "global_clipnorm": self.global_clipnorm,
            "clipvalue": self.clipvalue,
            "use_ema": self.use_ema,
            "ema_momentum": self.ema_momentum,
            "ema_overwrite_frequency": self.ema_overwrite_frequency,
            "loss_scale_factor": self.loss_scale_factor,
            "gradient_accumulation_steps": self.gradient_accumulation_steps,
        }

    @classmethod
    def from_config(
        cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Any:
        """An optimizer made from what `get_config` returned; its state is not in there."""
        config = dict(config)
        if isinstance(config.get("learning_rate"), dict):
            config["learning_rate"] = serialization.deserialize_keras_object(
                config["learning_rate"], custom_objects=custom_objects
            )
        return cls(**config)

    def save_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """Put the state into `store` as NumPy arrays under "0", "1", ..."""
        for i, variable in enumerate(self.variables):
            store[str(i)] = np.asarray(variable)

    def load_own_variables(self, store: Mapping[str, Any]) -> None:
        """Take the state from what `save_own_variables` filled; warns where it does not fit."""
        variables = self.variables
        if len(store.keys()) != len(variables):
            built = "" if self.built else " It is not built: call `optimizer.build` first."
            warnings.warn(
                f"Skipping variable loading for optimizer '{self.name}', because it has "
                f"{len(variables)} variables whereas the saved optimizer has "
                f"{len(store.keys())} variables.{built}",
                stacklevel=2,
            )
            return
        for i, variable in enumerate(variables):
            variable.assign(np.asarray(store[str(i)]))

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Set all state.

        Args:
            weights: arrays, one for each of `variables`.

        Raises:
            ValueError: another number of arrays, or another shape.
        """
        variables = self.variables
        weights = list(weights)
        if len(weights) != len(variables):
            raise ValueError(
                f"The optimizer '{self.name}' has {len(variables)} variables and cannot take "
                f"{len(weights)} weights. Build it for the same trainable variables first."
            )
        for variable, weight in zip(variables, weights):
            variable.assign(np.asarray(weight) if not hasattr(weight, "shape") else weight)

    def __repr__(self) -> str:
        state = f"{len(self._trainable_variables)} variables" if self.built else "not built"
        return f"<{type(self).__name__} name={self.name}, {state}>"

    def _repr_html_(self) -> str:
        return sheets.of_optimizer(self)


def _number(name: str, learning_rate: Any) -> Any:
    """A learning rate that is not a schedule as a number or scalar array."""
    if not isinstance(learning_rate, (str, bytes)):
        try:
            if np.ndim(learning_rate) == 0:
                return float(learning_rate)
        except (TypeError, ValueError):
            pass
    raise ValueError(
        f"The learning rate of the optimizer '{name}' must be a number, a LearningRateSchedule "
        f"or a callable without arguments that returns a number. Received: {learning_rate!r}."
    )
