"""`Optimizer`: the base class, with the update itself as a pure function of arrays.

An update takes the values of trainable variables, their gradients and the optimizer's
state, and returns new values and new state (`stateless_apply`). `apply` reads all of that
from the variables and writes the results back. In between each optimizer contributes only
its rule: how one value changes by one gradient.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from highlevel_backend import canonical_name, current_backend

from highlevel.compilations import noting
from highlevel.optimizers import transforms
from highlevel.optimizers.rows import gradient_for
from highlevel.optimizers.schedules.registry import SCHEDULES
from highlevel.optimizers.schedules.schedule import LearningRateSchedule
from highlevel.optimizers.state import OptimizerState
from highlevel.state import StatelessScope, current_scope
from highlevel.variable import Variable

__all__ = ["Optimizer", "RuleOptimizer", "compute_dtype"]

Array = Any
_BUILTIN_SCHEDULES = frozenset(SCHEDULES.values())


class Optimizer(OptimizerState):
    """Base class of optimizers.

    A new optimizer is a subclass that gives either `slot_names` and `rule` (a pure function
    of arrays, see there), or `build` and `update_step` (which assigns to variables).

    Args:
        learning_rate: number, `schedules.LearningRateSchedule`, or callable without
            arguments, called at every step.
        weight_decay: each step takes this fraction times the learning rate off the weights.
        clipnorm: highest norm of each gradient by itself.
        clipvalue: highest magnitude of the entries of gradients.
        global_clipnorm: highest norm of all gradients together.
        use_ema: keep an exponential moving average of each weight.
        ema_momentum: of the moving average.
        ema_overwrite_frequency: every so many updates the weights are set to their
            averages; None to do so only at the end of training.
        loss_scale_factor: `scale_loss` multiplies the loss by it, and the gradients are
            divided by it.
        gradient_accumulation_steps: update once in so many steps, by the mean of their
            gradients.
        name: made up from the class where None.

    Raises:
        ValueError: an unknown argument, more than one of the three clippings, or a number
            out of range.

    Example:

    >>> import numpy as np
    >>> from highlevel.variable import Variable
    >>> class Signed(Optimizer):
    ...     def rule(self, gradient, value, slots, scalars):
    ...         (rate,) = scalars
    ...         return value - rate * current_backend().xp.sign(gradient), ()
    >>> weight = Variable(np.ones(2, "float32"), name="weight")
    >>> Signed(learning_rate=0.5).apply([np.array([3.0, -4.0])], [weight])
    >>> weight.numpy().tolist()
    [0.5, 1.5]
    """

    _programs: dict

    # ------------------------------------------------------------------ rule

    def begin(
        self, learning_rate: Array, step: Array, shared: Sequence[Array]
    ) -> tuple[tuple[Array, ...], Sequence[Array]]:
        """What all variables' rules need at this step, computed once.

        Args:
            learning_rate: scalar array.
            step: number of this update, from 1, as a scalar array of the same dtype.
            shared: state common to all variables.

        Returns:
            `(scalars, shared)`: scalar arrays for `rule`, and the new common state.
        """
        return (learning_rate,), shared

    def rule(
        self, gradient: Array, value: Array, slots: Sequence[Array], scalars: tuple
    ) -> tuple[Array, Sequence[Array]]:
        """How one value changes by its gradient. A pure function.

        Args:
            gradient: array of the variable's shape and dtype.
            value: the variable's value.
            slots: its state, one array per name in `slot_names`.
            scalars: what `begin` returned, in the variable's dtype.

        Returns:
            `(new value, new slots)`.
        """
        raise NotImplementedError(
            f"The optimizer {type(self).__name__} must define either `rule` or `update_step`."
        )

    def update_step(
        self, gradient: Array, variable: Variable, learning_rate: Array
    ) -> None:
        """Change one variable by its gradient, through assignments.

        Args:
            gradient: array of the variable's shape and dtype.
            variable: the trainable variable.
            learning_rate: scalar array.
        """
        backend = current_backend()
        slots = self._slots[self._get_variable_index(variable)]
        dtype = compute_dtype([variable])
        # Common state advances once a step, not once a variable.
        scalars, _ = self.begin(
            backend.cast(backend.asarray(learning_rate), dtype),
            backend.cast(self._updates_done(self._iterations.value) + 1, dtype),
            [v.value for v in self._shared],
        )
        scalars = tuple(backend.cast(s, variable.dtype) for s in scalars)
        gradient = backend.cast(backend.asarray(gradient), variable.dtype)
        value, new = self.rule(gradient, variable.value, [s.value for s in slots], scalars)
        variable.assign(value)
        for slot, array in zip(slots, new):
            slot.assign(array)

    vars(update_step)["_runs_rule"] = True

    # ------------------------------------------------------------- the update

    def stateless_apply(
        self,
        optimizer_variables: Sequence[Array],
        grads: Sequence[Array],
        trainable_variables: Sequence[Array],
    ) -> tuple[list[Array], list[Array]]:
        """One update as a pure function; may be traced.

        Args:
            optimizer_variables: values of `variables`, in their order.
            grads: gradients, in the order of the variables the optimizer was built for.
            trainable_variables: values of those variables.

        Returns:
            `(new trainable values, new values of the optimizer's variables)`.

        Raises:
            ValueError: the optimizer is not built, or the lengths do not fit.
        """
        if not self.built:
            raise ValueError(
                f"The optimizer '{self.name}' must be built before `stateless_apply`: call "
                "`optimizer.build(trainable_variables)` first."
            )
        variables, own = self._trainable_variables, self.variables
        for label, given, expected in (
            ("optimizer_variables", optimizer_variables, own),
            ("trainable_variables", trainable_variables, variables),
            ("grads", grads, variables),
        ):
            if len(given) != len(expected):
                raise ValueError(
                    f"`{label}` of `stateless_apply` must have one entry for each of the "
                    f"{len(expected)} variables of '{self.name}'; it has {len(given)}."
                )
        if getattr(type(self).apply, "_pure", False):
            return self._pure(
                list(range(len(variables))), list(trainable_variables), grads,
                list(optimizer_variables), None,
            )
        mapping = [*zip(variables, trainable_variables), *zip(own, optimizer_variables)]
        with StatelessScope(mapping) as scope:
            self.apply(grads, variables)
        return (
            [scope.get_current_value(v) for v in variables],
            [scope.get_current_value(v) for v in own],
        )

    def pure_update(
        self, values: Sequence[Array], grads: Sequence[Array], slots: Sequence[Array]
    ) -> tuple[list[Array], list[Array]]:
        """`stateless_apply` with its arguments in the order values, gradients, state."""
        return self.stateless_apply(slots, grads, values)

    def apply(
        self, grads: Sequence[Array], trainable_variables: Sequence[Variable] | None = None
    ) -> None:
        """Update variables by gradients.

        On a backend that compiles this runs one compiled program.

        Args:
            grads: one array per variable; None where a variable has no gradient.
            trainable_variables: the variables; those it was built for by default.

        Raises:
            ValueError: not built and no variables given, a variable it was not built for,
                a gradient of another shape, or no gradient at all.
        """
        grads = list(grads)
        if trainable_variables is None:
            if not self.built:
                raise ValueError(
                    f"The optimizer '{self.name}' does not know which variables to update: pass "
                    "`trainable_variables`, or call `optimizer.build(variables)` first."
                )
            variables = self._trainable_variables
            places = list(range(len(variables)))
        else:
            variables = list(trainable_variables)
            if not self.built:
                self.build(variables)
            places = [self._get_variable_index(v) for v in variables]
        if len(grads) != len(variables):
            raise ValueError(
                f"The optimizer '{self.name}' got {len(grads)} gradients for "
                f"{len(variables)} variables."
            )
        if not variables:
            return
        self._run(grads, variables, places)

    vars(apply)["_pure"] = True

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Array, Variable]]) -> Variable:
        """`apply` for pairs of gradient and variable; returns the number of steps done."""
        pairs = list(grads_and_vars)
        self.apply([gradient for gradient, _ in pairs], [variable for _, variable in pairs])
        return self._iterations

    def _run(self, grads: list, variables: Sequence[Variable], places: list[int]) -> None:
        """Read the state, update, write back: compiled where nothing is being traced."""
        backend = current_backend()
        own = self.variables
        values = [v._own_value() for v in variables]
        state = [v._own_value() for v in own]
        rate = self._rate_outside()
        if backend.compiles and current_scope.get() is None and self._compilable(grads):
            key = (backend.name, tuple(places), self.revision)
            program = self._programs.get(key)
            if program is None:

                def update(values: list, grads: list, state: list, rate: Any) -> Any:
                    return self._pure(places, values, grads, state, rate)

                program = self._programs[key] = backend.compile(
                    update, note=noting("update by an optimizer")
                )
            grads = [g if g is None else backend.asarray(g) for g in grads]
            new_values, new_state = program(values, grads, state, rate)
            for variable, value in zip(variables, new_values):
                variable.set_raw(value, backend)
            for variable, value in zip(own, new_state):
                variable.set_raw(value, backend)
            return
        new_values, new_state = self._pure(places, values, grads, state, rate)
        handed_in = {id(g) for g in grads}
        for variable, value in zip((*variables, *own), (*new_values, *new_state)):
            # What the rules make is the optimizer's own; a gradient is its caller's.
            if id(value) in handed_in or tuple(value.shape) != variable.shape:
                variable.assign(value)
            else:
                variable.store(backend.cast(value, variable.dtype))

    def _compilable(self, grads: Sequence) -> bool:
        if not getattr(type(self).update_step, "_runs_rule", False):
            return False  # may branch on values
        is_abstract = current_backend().is_abstract
        return not any(g is not None and is_abstract(g) for g in grads)

    def _rate_outside(self) -> Array | None:
        """The learning rate, where it must be computed outside of a compiled program.

        A callable gives another number at each step; a schedule of somebody's own may
        branch on the step's value.
        """
        rate = self._learning_rate
        if isinstance(rate, Variable) or type(rate) in _BUILTIN_SCHEDULES:
            return None
        value = rate(self._iterations.value) if isinstance(rate, LearningRateSchedule) else rate()
        value = value.value if isinstance(value, Variable) else value
        return current_backend().asarray(value, "float32")

    def _pure(
        self,
        places: list[int],
        values: list[Array],
        grads: Sequence[Array],
        state: list[Array],
        rate: Array | None,
    ) -> tuple[list[Array], list[Array]]:
        """One update of the variables at `places`; see `stateless_apply`."""
        backend = current_backend()
        xp = backend.xp
        plan = self._plan()
        values, state = list(values), list(state)
        positions, kept = self._prepare(places, grads)
        step = state[0]
        if rate is None:
            rate = self._rate(state, plan)
        done = self._updates_done(step)

        if positions:
            now = [values[i] for i in positions]
            at = [places[i] for i in positions]
            every = self.gradient_accumulation_steps
            if every:
                slots = [plan.accumulators[p] for p in at]
                total = [state[s] + g for s, g in zip(slots, kept)]

                def update(now: list, state: list, total: list, rate: Array) -> tuple:
                    mean = [t / every for t in total]
                    now, state = self._update(at, now, mean, list(state), rate, done)
                    for s in slots:
                        state[s] = xp.zeros_like(state[s])
                    return now, state

                def wait(now: list, state: list, total: list, rate: Array) -> tuple:
                    state = list(state)
                    for s, t in zip(slots, total):
                        state[s] = t
                    return now, state

                now, state = backend.cond(
                    (step + 1) % every == 0, update, wait, now, state, total, rate
                )
                state = list(state)
            else:
                now, state = self._update(at, now, kept, state, rate, done)
            now = list(now)
            if self.use_ema:
                momentum = xp.where(done == 0, 0.0, self.ema_momentum)
                for i, p in enumerate(at):
                    slot = plan.averages[p]
                    state[slot] = average = transforms.moving_average(
                        state[slot], now[i], momentum
                    )
                    if self.ema_overwrite_frequency:
                        due = (done + 1) % self.ema_overwrite_frequency == 0
                        now[i] = xp.where(due, average, now[i])
            for i, value in zip(positions, now):
                values[i] = value
        for i, p in enumerate(places):
            variable = self._trainable_variables[p]
            if grads[i] is None:
                continue
            if variable.overwrite_with_gradient:
                values[i] = backend.asarray(grads[i], variable.dtype)
            if variable.constraint is not None:
                values[i] = backend.cast(variable.constraint(values[i]), variable.dtype)
        state[0] = backend.asarray(step + 1, "int32")
        return values, state

    def _prepare(self, places: list[int], grads: Sequence) -> tuple[list[int], list[Array]]:
        """Which of the gradients take part in the rule, and those in their variables' dtype."""
        backend = current_backend()
        scale = self.loss_scale_factor
        positions, kept, missing = [], [], []
        for i, (p, gradient) in enumerate(zip(places, grads)):
            variable = self._trainable_variables[p]
            if gradient is None:
                missing.append(variable.path)
                continue
            gradient = backend.asarray(gradient, variable.dtype)
            if tuple(gradient.shape) != variable.shape:
                raise ValueError(
                    f"The gradient for variable '{variable.path}' has the shape "
                    f"{tuple(gradient.shape)}; the variable has {variable.shape}."
                )
            if variable.overwrite_with_gradient:
                continue
            positions.append(i)
            kept.append(gradient if scale is None else gradient / scale)
        if missing:
            if len(missing) == len(places):
                raise ValueError(
                    f"No gradients provided for any variable of '{self.name}'. The loss does not "
                    "depend on them; check that it is computed from the model's outputs."
                )
            warnings.warn(
                f"Gradients do not exist for variables {missing} when minimizing the loss; they "
                "are left as they are. If you use `model.compile()`, did you pass a `loss` for "
                "each output?",
                stacklevel=4,
            )
        return positions, kept

    def _update(
        self, places: list[int], values: list, grads: list, state: list, rate: Array, done: Array
    ) -> tuple[list[Array], list[Array]]:
        """Clip, decay, and the rule, for values and gradients of the variables at `places`."""
        grads = self._clip(grads)
        values = self._decay(places, values, rate)
        if not getattr(type(self).update_step, "_runs_rule", False):
            return self._update_by_assignment(places, values, grads, state, rate)
        backend = current_backend()
        plan = self._plan()
        before = [state[s] for s in plan.shared]
        scalars, shared = self.begin(
            backend.cast(rate, plan.dtype), backend.cast(done + 1, plan.dtype), before
        )
        for s, array in zip(plan.shared, shared):
            state[s] = array
        by_kind = {(plan.dtype, 1.0): scalars}
        values = list(values)
        for i, (p, gradient) in enumerate(zip(places, grads)):
            variable = self._trainable_variables[p]
            dtype, factor = variable.dtype, variable.learning_rate_multiplier
            own = by_kind.get((dtype, factor))
            if own is None:
                own = scalars
                if factor != 1:
                    own, _ = self.begin(
                        backend.cast(rate * factor, plan.dtype),
                        backend.cast(done + 1, plan.dtype), before,
                    )
                own = by_kind[dtype, factor] = tuple(backend.cast(s, dtype) for s in own)
            slots = plan.slots[p]
            rule = self.rule_for(p)
            given = gradient_for(rule, gradient)
            value, new = rule(given, values[i], [state[s] for s in slots], own)
            values[i] = backend.cast(value, dtype)
            for s, array in zip(slots, new):
                state[s] = backend.cast(array, self._variables[s].dtype)
        return values, state

    def rule_for(self, place: int) -> Callable:
        """The rule of the trainable variable at a place; the same for all by default."""
        return self.rule

    def _update_by_assignment(
        self, places: list[int], values: list, grads: list, state: list, rate: Array
    ) -> tuple[list[Array], list[Array]]:
        """Run a subclass's `update_step`, its assignments collected by a scope."""
        variables = [self._trainable_variables[p] for p in places]
        own = self.variables
        with StatelessScope([*zip(variables, values), *zip(own, state)]) as scope:
            for gradient, variable in zip(grads, variables):
                factor = variable.learning_rate_multiplier
                self.update_step(gradient, variable, rate if factor == 1 else rate * factor)
        return [scope.values[v] for v in variables], [scope.values[v] for v in own]

    def _clip(self, grads: list) -> list:
        if self.clipnorm is not None and self.clipnorm > 0:
            return transforms.clip_by_norm(grads, self.clipnorm)
        if self.global_clipnorm is not None and self.global_clipnorm > 0:
            return transforms.clip_by_global_norm(grads, self.global_clipnorm)
        if self.clipvalue is not None and self.clipvalue > 0:
            return transforms.clip_by_value(grads, self.clipvalue)
        return grads

    def _decay(self, places: list[int], values: list, rate: Array) -> list:
        backend = current_backend()
        decayed = []
        for p, value in zip(places, values):
            variable = self._trainable_variables[p]
            part = self._decay_of(variable)
            if part:
                fraction = rate * (part * variable.learning_rate_multiplier)
                value = value - value * backend.cast(fraction, canonical_name(value.dtype))
            decayed.append(value)
        return decayed

    def _decay_of(self, variable: Variable) -> float | None:
        """The variable's own weight decay, else the optimizer's unless it is excluded."""
        if variable.weight_decay is not None:
            return variable.weight_decay
        return self.weight_decay if self._use_weight_decay(variable) else None

    def _updates_done(self, step: Array) -> Array:
        every = self.gradient_accumulation_steps
        return step // every if every else step

    def _rate(self, state: list, plan: _Plan) -> Array:
        """The learning rate as a scalar array, inside the pure update."""
        rate = self._learning_rate
        if isinstance(rate, Variable):
            return state[plan.rate]
        value = rate(state[0]) if isinstance(rate, LearningRateSchedule) else rate()
        value = value.value if isinstance(value, Variable) else value
        return current_backend().asarray(value, "float32")

    def _plan(self) -> _Plan:
        plan = self._programs.get("plan")
        if plan is None or plan.size != len(self._variables):
            plan = self._programs["plan"] = _Plan(self)
        return plan

    # ------------------------------------------------------- loss and average

    def scale_loss(self, loss: Array) -> Array:
        """The loss times `loss_scale_factor`; take its gradient, and `apply` scales back."""
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

    def stateless_scale_loss(self, optimizer_variables: Sequence[Array], loss: Array) -> Array:
        """`scale_loss` as a pure function, by the state given instead of the variables'."""
        with StatelessScope(zip(self.variables, optimizer_variables)):
            return self.scale_loss(loss)

    #: whether the moving averages stand in the model, its own weights in their place
    averages_in_model = False

    def finalize_variable_values(self, var_list: Iterable[Variable]) -> None:
        """Set variables to their moving averages (`use_ema`); for the end of training."""
        if not self.use_ema:
            return
        if self.averages_in_model:  # a callback has exchanged them
            for variable in var_list:
                index = self._get_variable_index(variable)
                self._averages[index].assign(variable._own_value())
            self.averages_in_model = False
            return
        self._overwrite_model_variables_with_average_value(var_list)

    def _overwrite_model_variables_with_average_value(self, variables: Iterable[Variable]) -> None:
        for variable in variables:
            variable.assign(self._averages[self._get_variable_index(variable)]._own_value())


class RuleOptimizer(Optimizer):
    """Base of the built-in optimizers whose `build` names its argument `var_list`."""

    def build(self, var_list: Iterable[Variable]) -> None:
        super().build(var_list)


class _Plan:
    """Positions of the state of each kind in `Optimizer.variables`."""

    __slots__ = ("accumulators", "averages", "dtype", "rate", "shared", "size", "slots")

    def __init__(self, optimizer: Optimizer) -> None:
        position = {variable: i for i, variable in enumerate(optimizer._variables)}
        self.size = len(optimizer._variables)
        self.slots = [[position[s] for s in slots] for slots in optimizer._slots]
        self.averages = [position[v] for v in optimizer._averages]
        self.accumulators = [position[v] for v in optimizer._accumulators]
        self.shared = [position[v] for v in optimizer._shared]
        rate = optimizer._learning_rate
        self.rate = position[rate] if isinstance(rate, Variable) else -1
        self.dtype = compute_dtype(optimizer._trainable_variables)


def compute_dtype(variables: Iterable[Variable]) -> str:
    """dtype of the scalars of a step: never narrower than float32."""
    return "float64" if any(v.dtype == "float64" for v in variables) else "float32"
