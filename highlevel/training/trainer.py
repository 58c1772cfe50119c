"""`Trainer`: what a model can do once it is compiled.

The methods a user calls or overrides; the loops stand in `loop.py`, the compiled steps in
`program.py`, the matching of losses and metrics to outputs in `routing.py`.
"""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
from highlevel_backend import canonical_name, current_backend, tree

from highlevel import metrics as metrics_module
from highlevel import ops
from highlevel import optimizers as optimizers_module
from highlevel.compilations import Compilations, Ledger
from highlevel.errors import describe, public
from highlevel.inspection.watch import MEASURED
from highlevel.layers.debugging import debugging
from highlevel.layers.tracking import Finds
from highlevel.masking import masks_by_place, set_masks_by_place
from highlevel.serialization import deserialize_keras_object, serialize_keras_object
from highlevel.state import AbstractScope, StatelessScope, active_distribution
from highlevel.symbolic import SymbolicTensor, evaluate_abstractly
from highlevel.training import loop
from highlevel.training.data.host import through_host
from highlevel.training.data.sources import (
    ArraySource,
    make_source,
    unpack_x_y_sample_weight,
)
from highlevel.training.program import Program, step_remedy
from highlevel.training.routing import LossRouting, MetricRouting
from highlevel.training.routing_report import CompiledRouting, check_names, compiled_routing
from highlevel.training.rows import evaluates_by_rows
from highlevel.training.shortcuts import BatchShortcut
from highlevel.training.state_tree import state_tree, take_state_tree

if TYPE_CHECKING:
    from highlevel.layers.layer import Layer as _Base  # what a model is besides
else:
    _Base = object

__all__ = ["Trainer", "one_batch"]


class TrainerState:
    """What `compile` was given and what came of it; no part of the model's own state."""

    def __init__(self) -> None:
        self.config: dict[str, Any] | None = None
        self.losses: LossRouting | None = None
        self.metrics: MetricRouting | None = None
        self.loss_tracker: Any = None
        self.programs: dict[Any, Program] = {}
        #: what was found of the model's layers for the loops
        self.finds = Finds()
        self.run_eagerly = False
        self.steps_per_execution: int | str = 1
        #: whether training steps also return the gradients
        self.gives_gradients = False
        self.jit_compile: Any = "auto"
        #: the `fit` that runs or ran last
        self.run: Any = None
        #: looks for steps that are not finite, in a `fit` with `TerminateOnNaN`
        self.watch: Any = None
        self.spare_watch: Any = None
        #: measures layers, in a `fit` with `watch=`; those made so far, by what they measure
        self.measuring: Any = None
        self.gauges: dict[tuple, Any] = {}
        #: which rows of the batch count, in a step of evaluation; None for all
        self.rows: Any = None
        #: why programs that were compiled before have to be compiled again
        self.cause: str | None = None

    @contextmanager
    def only(self, rows: Any) -> Iterator[None]:
        """Within the block some rows of the batch do not count."""
        parts = [part for part in (self, self.losses, self.metrics) if part is not None]
        for part in parts:
            part.rows = rows
        try:
            yield
        finally:
            for part in parts:
                part.rows = None


class Trainer(_Base):
    """Compiling, training, evaluating and predicting; a base class of `Model`."""

    optimizer: Any
    history: Any
    stop_training: bool
    if TYPE_CHECKING:
        output_names: list[str]
        _prepare_call: Callable[[tuple, dict], None]
        _prepares_inputs: bool
        _host_side: Callable[[Any], Any]
        _refuses_programs: Callable[[Any], bool]
        _call_step_by_step: Callable[[], None]

    def __init__(self) -> None:
        self._trainer = TrainerState()
        self._call_programs: dict = {}
        self._calls_eagerly = False
        self._quick: dict = {}
        self._compiled_programs = Ledger()
        self.optimizer = None
        self.history = None
        self.stop_training = False

    # ------------------------------------------------------------------- compile

    @public
    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int | str = 1,
        jit_compile: Any = "auto",
        auto_scale_loss: bool = True,
    ) -> None:
        """Say how the model is trained.

        Args:
            optimizer: name, `Optimizer`, or `optax` transformation (JAX backend).
            loss: name, function or `Loss`; a list or dict of them by output.
            loss_weights: factors of the losses, a list or dict by output.
            metrics: list of names, functions or `Metric`s; a list of lists or a dict by
                output. `"accuracy"` becomes the kind that fits the shapes.
            weighted_metrics: the same, computed with sample and class weights.
            run_eagerly: run step by step in Python instead of compiled.
            steps_per_execution: batches between two calls of batch callbacks; "auto" finds the
                number from the time that steps take.
            jit_compile: kept for the contract; the backend compiles where it can.
            auto_scale_loss: scale the loss under the policy `mixed_float16`.

        Raises:
            ValueError: an unknown name, with the likely one; a bad number of steps.
        """
        found = optimizers_module.get(optimizer)
        if (
            auto_scale_loss and self.dtype_policy.name == "mixed_float16"
            and not isinstance(found, optimizers_module.LossScaleOptimizer)
        ):
            found = optimizers_module.LossScaleOptimizer(found, name="loss_scale_optimizer")
        _check_steps(steps_per_execution)
        if run_eagerly and jit_compile is True:
            raise ValueError("`jit_compile=True` and `run_eagerly=True` exclude each other.")
        names = self._names_of_outputs()
        state = TrainerState()
        state.losses = LossRouting(loss, loss_weights, names) if loss is not None else None
        if metrics is not None or weighted_metrics is not None:
            state.metrics = MetricRouting(metrics, weighted_metrics, names)
        outputs = self._known_outputs()
        if outputs is not None:
            check_names(state.losses, state.metrics, names, outputs)
        state.loss_tracker = metrics_module.Mean(name="loss")
        state.run_eagerly = run_eagerly
        state.steps_per_execution = steps_per_execution
        state.jit_compile = jit_compile
        state.config = {
            "optimizer": optimizer, "loss": loss, "loss_weights": loss_weights,
            "metrics": metrics, "weighted_metrics": weighted_metrics,
            "run_eagerly": run_eagerly, "steps_per_execution": steps_per_execution,
            "jit_compile": jit_compile,
        }
        state.cause = "`compile` was called"
        self._trainer = state
        self.optimizer = found
        self.stop_training = False
        self._calls_eagerly = False
        self._quick.clear()

    def _names_of_outputs(self) -> list[str] | None:
        try:
            return list(self.output_names)
        except (AttributeError, IndexError):
            return None

    def _known_outputs(self) -> Any:
        """The tree of symbolic outputs, where the model has a graph."""
        try:
            return self.output
        except AttributeError:
            return None

    def compiled_routing(self) -> CompiledRouting:
        """Which target, output and weight goes to each loss and metric.

        What depends on the shapes of targets (`"accuracy"`) or on outputs that are not known
        yet (a subclass of `Model`) is settled by the first batch.

        Returns:
            A list of `Route`s that prints as a table; `to_dicts()` gives plain values.

        Raises:
            RuntimeError: not compiled.

        >>> import highlevel as hl
        >>> x = hl.Input((2,), name="x")
        >>> size = hl.layers.Dense(1, name="size")(x)
        >>> kind = hl.layers.Dense(3, name="kind")(x)
        >>> model = hl.Model(x, {"size": size, "kind": kind}, name="both")
        >>> model.compile(loss={"size": "mse", "kind": "hinge"}, loss_weights={"size": 0.5})
        >>> model.compiled_routing()
        Losses and metrics of model 'both'
                name       output  target     function  weight  sample weights
          loss  kind_loss  kind    y['kind']  hinge     -       sample_weight['kind']
          loss  size_loss  size    y['size']  mse       0.5     sample_weight['size']
          What depends on shapes is settled by the first batch.
        """
        self._need_compiled("compiled_routing")
        state = self._trainer
        return compiled_routing(
            self, state.losses, state.metrics, self._names_of_outputs(), self._known_outputs(),
            super().metrics,
        )

    @property
    def compiled(self) -> bool:
        """Whether `compile` was called."""
        return self._trainer.config is not None

    @property
    def loss(self) -> Any:
        """The loss given to `compile`."""
        return self._trainer.config["loss"] if self._trainer.config else None

    @property
    def run_eagerly(self) -> bool:
        """Whether steps run in Python instead of compiled; settable."""
        return self._trainer.run_eagerly

    @run_eagerly.setter
    def run_eagerly(self, value: bool) -> None:
        self._trainer.run_eagerly = bool(value)
        self._trainer.programs.clear()
        self._trainer.cause = "`run_eagerly` was set"
        self._quick.clear()

    @property
    def jit_compile(self) -> Any:
        """Whether steps are compiled."""
        return current_backend().compiles and not self._trainer.run_eagerly

    @jit_compile.setter
    def jit_compile(self, value: Any) -> None:
        self._trainer.jit_compile = value

    @property
    def steps_per_execution(self) -> int | str:
        """Batches between two calls of batch callbacks, or "auto"; settable."""
        return self._trainer.steps_per_execution

    @steps_per_execution.setter
    def steps_per_execution(self, value: int | str) -> None:
        _check_steps(value)
        self._trainer.steps_per_execution = value

    @property
    def metrics(self) -> list[Any]:
        """The loss's mean, metrics of layers, and those given to `compile`."""
        state = self._trainer
        found = [state.loss_tracker] if state.loss_tracker is not None else []
        found += super().metrics
        if state.metrics is not None:
            found += state.metrics.metrics
        if state.losses is not None:
            found += state.losses.metrics
        return list(dict.fromkeys(found))

    @property
    def metrics_names(self) -> list[str]:
        """Names as they stand in the logs, the loss first."""
        state = self._trainer
        if state.loss_tracker is None:
            return []
        names = ["loss"]
        if state.losses is not None:
            names += [m.name for m in state.losses.metrics]
        names += [m.name for m in super().metrics]
        if state.metrics is not None:
            names += state.metrics.labels()
        return names

    def reset_metrics(self) -> None:
        """Start all metrics anew."""
        for metric in self.metrics:
            metric.reset_state()

    def get_metrics_result(self) -> dict[str, Any]:
        """Name → current result of every metric, the loss first."""
        state = self._trainer
        results: dict[str, Any] = {}
        routed = set(state.metrics.metrics) if state.metrics is not None else set()
        for metric in self.metrics:
            if metric in routed:
                continue
            value = metric.result()
            results |= value if isinstance(value, dict) else {metric.name: value}
        if state.metrics is not None:
            results |= state.metrics.result()
        return results

    # ------------------------------------------------- what a subclass may override

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """The scalar that training makes small.

        Args:
            x: inputs. y: targets. y_pred: outputs. sample_weight: weights per sample.
            training: whether this is a training step.

        Returns:
            The compiled losses plus what layers added (regularization, `add_loss`).

        Raises:
            ValueError: there is nothing to make small.
        """
        routing = self._trainer.losses
        total = routing(y, y_pred, sample_weight) if routing is not None else None
        for value in self.losses:
            value = ops.sum(ops.cast(value, "float32"))
            total = value if total is None else total + value
        if total is None:
            raise ValueError(
                f"Model '{self.name}' has no loss: give `compile` one, "
                "or `add_loss` in a layer, or override `compute_loss`."
            )
        return total

    def compute_metrics(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None
    ) -> dict[str, Any]:
        """Update the compiled metrics with a batch; returns all results by name."""
        routing = self._trainer.metrics
        if routing is not None:
            routing.update_state(y, y_pred, sample_weight)
        return self.get_metrics_result()

    def compute_loss_and_updates(
        self,
        trainable_variables: list,
        non_trainable_variables: list,
        metrics_variables: list,
        x: Any,
        y: Any,
        sample_weight: Any,
        training: bool = False,
        optimizer_variables: list | None = None,
    ) -> tuple[Any, tuple]:
        """The loss as a pure function of the state.

        Returns:
            `(loss, (unscaled_loss, y_pred, non_trainable_variables, metrics_variables))`;
            `loss` is multiplied by the optimizer's loss scale in training.
        """
        trainable, others = self.trainable_variables, self.non_trainable_variables
        metrics = self.metrics_variables
        distribution = active_distribution()
        if distribution is not None:
            trainable_variables = distribution.gathered(trainable, trainable_variables)
            non_trainable_variables = distribution.gathered(others, non_trainable_variables)
        mapping = [
            *zip(trainable, trainable_variables),
            *zip(others, non_trainable_variables),
            *zip(metrics, metrics_variables),
        ]
        if optimizer_variables is not None and self.optimizer is not None:
            mapping += zip(self.optimizer.variables, optimizer_variables)
        with StatelessScope(mapping, collect_losses=True) as scope:
            y_pred = self(x, training=training)
            loss = self.compute_loss(
                x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=training
            )
            unscaled = loss
            if training and self.optimizer is not None:
                loss = self.optimizer.scale_loss(loss)
        values = scope.values
        return loss, (
            unscaled, y_pred, [values[v] for v in others], [values[v] for v in metrics]
        )

    @property
    def metrics_variables(self) -> list[Any]:
        """Variables of all metrics."""
        return [v for metric in self.metrics for v in metric.variables]

    def train_step(self, state: tuple, data: Any) -> tuple[dict, tuple]:
        """One step of training, pure.

        A subclass may write this one, `train_step(self, state, data)`, or
        `train_step(self, data)`, which works with variables, metrics and optimizer as
        objects and returns the logs.

        Args:
            state: `(trainable_variables, non_trainable_variables, optimizer_variables,
                metrics_variables)`, lists of arrays.
            data: `x`, `(x, y)` or `(x, y, sample_weight)`.

        Returns:
            `(logs, state)`.
        """
        trainable, others, slots, metrics = state
        x, y, sample_weight = unpack_x_y_sample_weight(data)

        gauges = self._trainer.measuring

        def loss_and_masks(values: list) -> tuple[Any, tuple]:
            with nullcontext() if gauges is None else gauges.seeing() as seen:
                total, aux = self.compute_loss_and_updates(
                    values, others, metrics, x, y, sample_weight, training=True,
                    optimizer_variables=slots,
                )
            return total, (aux, masks_by_place(aux[1]), seen)

        (_, (aux, masks, seen)), gradients = current_backend().value_and_grad(
            loss_and_masks, has_aux=True)(list(trainable))
        distribution = active_distribution()
        if distribution is not None:
            # Before the optimizer: else its state is what the compiler sends around.
            gradients = distribution.constrain(self.trainable_variables, gradients)
        loss, y_pred, others, metrics = aux
        set_masks_by_place(y_pred, masks)  # the arrays are others outside of the gradient
        shown = self._trainer.gives_gradients or gauges is not None
        found = self._shown_gradients(gradients, slots) if shown else {}
        trainable, slots = self._apply_gradients(gradients, trainable, slots)
        logs, metrics = self._update_metrics(metrics, others, x, y, y_pred, sample_weight, loss)
        if self._trainer.gives_gradients:
            logs = {**logs, loop.GRADIENTS: found}
        if gauges is not None:
            after = {id(v): value for variables, values in (
                (self.trainable_variables, trainable), (self.non_trainable_variables, others)
            ) for v, value in zip(variables, values)}
            logs = {**logs, MEASURED: gauges.measurements(seen, found, after)}
        return logs, (trainable, others, slots, metrics)

    def test_step(self, state: tuple, data: Any) -> tuple[dict, tuple]:
        """One step of evaluation, pure; may be overridden as `train_step` may.

        Args:
            state: `(trainable_variables, non_trainable_variables, metrics_variables)`.
            data: as in `train_step`.
        """
        trainable, others, metrics = state
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        _, (loss, y_pred, others, metrics) = self.compute_loss_and_updates(
            trainable, others, metrics, x, y, sample_weight, training=False
        )
        logs, metrics = self._update_metrics(metrics, others, x, y, y_pred, sample_weight, loss)
        return logs, (trainable, others, metrics)

    def predict_step(self, state: tuple, data: Any) -> tuple[Any, list]:
        """One step of prediction, pure: `(outputs, non_trainable_variables)`."""
        trainable, others = state
        x, _, _ = unpack_x_y_sample_weight(data)
        outputs, others = self.stateless_call(trainable, others, x, training=False)
        return outputs, others

    def _watch_gradients(self, function: Any) -> None:
        """Say whether the training steps from now on return gradients too."""
        if function is not None and not self._steps_plainly():
            raise ValueError(
                f"`on_gradients` works with the training step of `Model`; '{self.name}' has its "
                "own `train_step`, which holds the gradients itself."
            )
        self._trainer.gives_gradients = function is not None

    def _measure_with(self, gauges: Any) -> None:
        """Say whether, and with what, the training steps from now on measure layers."""
        if gauges is not None and not self._steps_plainly():
            raise ValueError(
                f"`watch` works with the training step of `Model`; '{self.name}' has its own "
                "`train_step`. `model.trace(x)` shows its layers."
            )
        self._trainer.measuring = gauges

    def _shown_gradients(self, gradients: list, slots: list) -> dict[str, Any]:
        """Path of the variable → its gradient, a loss scale taken out."""
        scale = self.optimizer.stateless_scale_loss(slots, current_backend().asarray(1.0))
        return {
            variable.path: gradient / current_backend().cast(scale, canonical_name(gradient.dtype))
            for variable, gradient in zip(self.trainable_variables, gradients)
            if gradient is not None
        }

    def _apply_gradients(self, gradients: list, values: list, slots: list) -> tuple[list, list]:
        """One update of the variables that are trainable now: some of the optimizer's."""
        variables, own = self.trainable_variables, self.optimizer.variables
        with StatelessScope([*zip(variables, values), *zip(own, slots)]) as scope:
            self.optimizer.apply(gradients, variables)
        return [scope.values[v] for v in variables], [scope.values[v] for v in own]

    def _update_metrics(
        self, values: list, others: list, x: Any, y: Any, y_pred: Any, weight: Any, loss: Any
    ) -> tuple[dict, list]:
        variables = self.metrics_variables
        with StatelessScope(zip(variables, values)) as scope:
            batch = next(iter(tree.leaves(x))).shape[0]
            if self._trainer.rows is not None:
                batch = ops.sum(ops.cast(self._trainer.rows, "float32"))
            self._trainer.loss_tracker.update_state(loss, sample_weight=batch)
            logs = self.compute_metrics(x, y, y_pred, weight)
        return logs, [scope.values[v] for v in variables]

    def get_state_tree(self, value_format: str = "backend_tensor") -> dict[str, Any]:
        """All variables as nested dicts, by the parts of their paths.

        Args:
            value_format: "backend_tensor" or "numpy_array".

        Returns:
            Dict with `trainable_variables`, `non_trainable_variables`,
            `optimizer_variables` and `metrics_variables`.

        Raises:
            ValueError: another format, or two variables of one path.
        """
        return state_tree(self, value_format)

    def set_state_tree(self, state_tree: dict[str, Any]) -> None:
        """Set the variables that a tree holds, in the form that `get_state_tree` returns.

        Args:
            state_tree: such a tree, or a part of it.

        Raises:
            ValueError: a name that is not in the model, with the likely one; nothing is set.
        """
        take_state_tree(self, state_tree)

    def jax_state_sync(self) -> None:
        """Kept for the contract: variables are current after every step."""

    def stateless_compute_loss(
        self,
        trainable_variables: list,
        non_trainable_variables: list,
        metrics_variables: list,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> tuple[Any, tuple]:
        """`compute_loss` as a pure function of the state.

        Returns:
            `(loss, (trainable_variables, non_trainable_variables, metrics_variables))`.
        """
        groups = (self.trainable_variables, self.non_trainable_variables, self.metrics_variables)
        values = (trainable_variables, non_trainable_variables, metrics_variables)
        mapping = [pair for group in zip(groups, values) for pair in zip(*group)]
        with StatelessScope(mapping, collect_losses=True) as scope:
            loss = self.compute_loss(x, y, y_pred, sample_weight, training)
        return loss, tuple([scope.values[v] for v in group] for group in groups)

    # ------------------------------------------------------------------ programs

    def _program(
        self, mode: str, by_rows: bool = False, watched: str | None = None
    ) -> Program:
        """The compiled step of a mode, made anew when the model has changed.

        Args:
            mode: "train", "test" or "predict".
            by_rows: the step is told which rows of a batch count; see `rows.py`.
            watched: "careful" or "quick", for a step that looks for numbers that are not
                finite; see `watch.py`.
        """
        # The revision grows when a number that the optimizer's program holds changes.
        revision = getattr(self.optimizer, "revision", 0) if mode == "train" else 0
        shown = mode == "train" and (self._trainer.gives_gradients, self._trainer.measuring)
        key = (mode, current_backend().name, revision, watched, shown, by_rows)
        program = self._trainer.programs.get(key)
        if program is None:
            cause = self._cause(key)
        elif program.stale(lambda: self._structure_for(mode)):
            cause = program.why_stale(self._structure_for(mode))
        else:
            return program
        program = self._trainer.programs[key] = self._make_program(mode, by_rows, watched, cause)
        return program

    def _cause(self, key: tuple) -> str | None:
        """Why there is to be a program of a new key, where there are others of its mode."""
        like = [other for other in self._trainer.programs if other[:2] == key[:2]]
        if not like:
            return self._trainer.cause
        for place, cause in (
            (2, "a number that the optimizer's program holds was set"),
            (3, "the training looks for steps that are not finite, or no longer does"),
            (4, "the training returns gradients or measures layers, or no longer does"),
            (5, "batches are filled up with rows that do not count, or no longer are"),
        ):
            if all(other[place] != key[place] for other in like):
                return cause
        return None

    @property
    def compilations(self) -> Compilations:
        """Every program compiled for this model, oldest first: what for, why, how long it took.

        A list of `CompiledProgram`s with `purpose`, `why`, `seconds`, `cached` (whether it came
        from the cache on disk) and `backend`; prints one a line.

        >>> import highlevel as hl
        >>> model = hl.Sequential([hl.Input((3,)), hl.layers.Dense(2)])
        >>> with hl.use_backend("jax"):
        ...     _ = model(hl.ops.ones((4, 3))), model(hl.ops.ones((4, 3)))
        >>> [(program.purpose, program.why) for program in model.compilations]
        [('call', 'the first of its kind')]
        """
        return Compilations(self._compiled_programs.entries)

    def _extend_optimizer(self) -> None:
        """Give the optimizer state for variables that became trainable after it was built."""
        known = self.optimizer._index
        now = self.trainable_variables
        if all(v in known for v in now):
            return
        wanted = dict.fromkeys(now)
        here = [v for v in self.weights if v in wanted or v in known]
        self.optimizer.extend(dict.fromkeys([*here, *known]))

    def _structure_for(self, mode: str) -> list:
        parts = self.structure()
        parts += [self.optimizer, *self.metrics]
        return parts

    def _make_program(
        self, mode: str, by_rows: bool = False, watched: str | None = None,
        cause: str | None = None,
    ) -> Program:
        trainable = self.trainable_variables
        others = self.non_trainable_variables
        step_method: Any = getattr(self, f"{mode}_step")
        if mode == "train":
            self._extend_optimizer()
            distribution = active_distribution()
            if distribution is not None:
                for variable, state in self.optimizer.state_by_variable():
                    distribution.follow(variable, state)
            slots, metrics = list(self.optimizer.variables), self.metrics_variables
            fixed: tuple = ()
            carried: tuple = (trainable, others, slots, metrics)
        elif mode == "test":
            metrics = self.metrics_variables
            fixed, carried = (trainable,), (others, metrics)
        else:
            metrics = []
            fixed, carried = (trainable,), (others,)
        own = getattr(type(self), f"{mode}_step") is getattr(Trainer, f"{mode}_step")
        object_style = not own and _takes_data_only(step_method)

        def step(fixed: tuple, carried: tuple, data: Any) -> tuple[Any, tuple]:
            if object_style:
                variables = [v for group in (*fixed_variables, *carried_variables) for v in group]
                values = [v for group in (*fixed, *carried) for v in group]
                with StatelessScope(zip(variables, values), collect_losses=True) as scope:
                    result = step_method(_as_given(data))
                return result, tuple([scope.values[v] for v in group]
                                     for group in carried_variables)
            if mode == "train":
                return step_method(carried, _as_given(data))
            result, after = step_method((*fixed, *carried), _as_given(data))
            return result, (after,) if mode == "predict" else tuple(after[1:])

        def results(carried: tuple) -> dict:
            with StatelessScope(zip(metrics, carried[-1])):
                return self.get_metrics_result()

        plain_logs = own and mode != "predict" and not (
            mode == "train" and self._trainer.gives_gradients
        ) and (
            type(self).compute_metrics is Trainer.compute_metrics
            and type(self).get_metrics_result is Trainer.get_metrics_result
        )
        fixed_variables, carried_variables = fixed, carried
        finish: Any = results if plain_logs else None
        watch = self._trainer.watch
        look: Any = None
        if watched == "careful":
            compiled = current_backend().compiles and not self.run_eagerly
            step, finish = watch.careful(step, finish, compiled)
        elif watched == "quick":
            step, finish, look = watch.quick(step, finish)
        if watched:
            carried = (*carried, [watch.counter])
        gauges = self._trainer.measuring if mode == "train" else None
        if gauges is not None:
            step, finish = gauges.measured(step, finish)
            carried = (*carried, gauges.variables)
        plain_step = step

        def step_by_rows(fixed: tuple, carried: tuple, data: Any) -> tuple[Any, tuple]:
            batch, rows = data
            with self._trainer.only(rows):
                return plain_step(fixed, carried, batch)

        notes = self._notes(mode, cause, lambda block, place: program.names(block, place))
        program = Program(
            step_by_rows if by_rows else step, finish, fixed, carried, self._structure_for(mode),
            compiled=not self.run_eagerly, by_rows=by_rows, notes=notes, reads=mode == "predict",
            look=look,
            primitives=[name for layer in self._flatten_layers() for name in layer.primitives],
            plannable=own and not watched and gauges is None and debugging.get() is None
            and not (mode == "train" and self._trainer.gives_gradients),
        )
        return program

    def _notes(
        self, mode: str, cause: str | None, names: Callable[[bool, tuple], str]
    ) -> tuple:
        """What notes the programs of a mode in the ledger: of a step, of a block of steps."""
        ledger = self._compiled_programs
        ledger.owner = self.name
        purpose = {"train": "training step", "test": "evaluation step"}.get(mode, "prediction")
        # A cause is a cause only for what was there before.
        before = {program.purpose for program in ledger.entries}
        return tuple([
            ledger.noting(
                what, functools.partial(names, block), None, cause if what in before else None,
                remedy,
            )
            for block, what, remedy in (
                (False, purpose, step_remedy if mode != "predict" else None),
                (True, f"{purpose}s over data on the device", None),
            )
        ])

    def _evaluates_by_rows(self, batch: Any) -> bool:
        """Whether `evaluate` may fill a batch up with rows that do not count."""
        own = any(
            getattr(type(self), name) is not getattr(Trainer, name)
            for name in ("test_step", "compute_loss", "compute_metrics", "get_metrics_result",
                         "compute_loss_and_updates")
        )
        return not own and not self.run_eagerly and current_backend().compiles and (
            evaluates_by_rows(self, batch)
        )

    def _make_ready(self, batch: Any, training: bool, for_predict: bool = False) -> None:
        """Before the first step: variables of the model, metrics and optimizer, pending."""
        x, y, sample_weight = batch
        backend = current_backend()
        if not getattr(self, "_prepared", True) and not (training and self._steps_by_itself()):
            converted = tree.map_leaves(
                lambda leaf: backend.asarray(leaf) if _numeric(leaf) else leaf, x
            )
            if training or for_predict or not self.built:
                self._build_from_data(converted)
        if for_predict:
            return
        state = self._trainer
        unbuilt = (
            (state.losses is not None and state.losses.names is None)
            or (state.metrics is not None and not state.metrics.built)
        )
        if unbuilt:
            self._build_metrics(x, y, sample_weight)
        if training and self.optimizer is not None and not self.optimizer.built:
            self.optimizer.build(self.trainable_variables)

    def _steps_plainly(self) -> bool:
        """Whether a step of training is that of the library."""
        return type(self).train_step is Trainer.train_step

    def _steps_by_itself(self) -> bool:
        """Whether a `train_step` of the subclass needs no call of the model on the inputs.

        It may use the layers as it likes (the inputs of an adversarial network's `call` are
        noise, not data), once they are all built.
        """
        return not self._steps_plainly() and all(
            layer.built for layer in self._flatten_layers(include_self=False)
        )

    def _build_from_data(self, x: Any) -> None:
        args, kwargs, _ = self._take_inputs((x,), {"training": False})
        self._prepare_call(args, kwargs)
        if not self.built:
            self(x, training=False)

    def _build_metrics(self, x: Any, y: Any, sample_weight: Any) -> None:
        """Run losses and metrics once, so that they make their variables.

        Abstractly where a program will be compiled; else on the values of the batch.
        """
        if not current_backend().compiles or self.run_eagerly:
            x, y, sample_weight = loop.on_device((x, y, sample_weight))
            with StatelessScope():  # states that layers carry must not advance for this
                outputs = self(x, training=False)
            self._run_metrics(y, outputs, sample_weight)
            self.reset_metrics()
            return
        data = tree.map_leaves(_symbol, (x, y, sample_weight))
        try:
            known = tree.map_leaves(
                lambda t: SymbolicTensor((_rows(data), *t.shape[1:]), t.dtype),
                self.output,
            )
        except AttributeError:
            known = None
        if known is not None and any(None in t.shape for t in tree.leaves(known)):
            known = None  # an axis open in the model has its length from the data

        def run(x: Any, y: Any, weight: Any, y_pred: Any) -> Any:
            with AbstractScope(collect_losses=True):
                if y_pred is None:
                    y_pred = self(x, training=False)
                self._run_metrics(y, y_pred, weight)
            return ()

        evaluate_abstractly(run, (*data, known), {})

    def _run_metrics(self, y: Any, y_pred: Any, weight: Any) -> None:
        state = self._trainer
        if state.losses is not None:
            state.losses(y, y_pred, weight)
        if state.metrics is not None:
            state.metrics.update_state(y, y_pred, weight)

    # ------------------------------------------------------------ fit and friends

    @public
    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: Any = True,
        class_weight: dict[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: Any = 1,
        on_gradients: Callable[[int, dict[str, Any]], None] | None = None,
        watch: Any = None,
    ) -> Any:
        """Train the model.

        Args:
            x: inputs: an array of shape `(samples, ...)`, a list or dict of them, a table
                (pandas, polars), or an iterable of batches (generator, `PyDataset`, torch
                `DataLoader`, `tf.data.Dataset`) that yields `(x, y)` or `(x, y, weights)`.
            y: targets, in the structure of the outputs.
            batch_size: samples per step, 32 by default.
            epochs: the epoch to stop after.
            verbose: 0 silent, 1 a live bar, 2 a line per epoch, "auto" 1 (2 where
                `config.disable_interactive_logging` was called).
            callbacks: list of `Callback`s.
            validation_split: fraction of the arrays, from the end, to validate on.
            validation_data: `(x, y)`, `(x, y, weights)` or an iterable of batches.
            shuffle: a new order of the samples in every epoch.
            class_weight: class → factor of its samples' loss.
            sample_weight: factor of each sample's loss.
            initial_epoch: the epoch to begin with.
            steps_per_epoch: batches per epoch; all by default.
            validation_steps: batches to validate on; all by default.
            validation_batch_size: `batch_size` by default.
            validation_freq: validate every so many epochs, or at those listed.
            on_gradients: called after every batch with its number in the epoch and a dict:
                path of each trainable variable → its gradient before clipping, an array on the
                device. Steps then run one by one; without it nothing is kept.
            watch: pattern of layers' paths (`"block3/*"`), a list of them, or an
                `inspection.Watch`: outputs, gradients and weights of these layers are measured
                within the step, and told in `history.watched` and to TensorBoard.

        Returns:
            `History`: `.history` is a dict of lists, a value per epoch.

        Raises:
            RuntimeError: not compiled.
            ValueError: data that does not fit; names what and where.
        """
        return loop.fit(
            self, x=x, y=y, batch_size=batch_size, epochs=epochs, verbose=verbose,
            callbacks=callbacks, validation_split=validation_split,
            validation_data=validation_data, shuffle=shuffle, class_weight=class_weight,
            sample_weight=sample_weight, initial_epoch=initial_epoch,
            steps_per_epoch=steps_per_epoch, validation_steps=validation_steps,
            validation_batch_size=validation_batch_size, validation_freq=validation_freq,
            on_gradients=on_gradients, watch=watch,
        )

    @public
    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Loss and metrics on data.

        Args:
            x, y, batch_size, verbose, sample_weight, callbacks: as in `fit`.
            steps: number of batches; all by default.
            return_dict: return a dict by name instead of a list.

        Returns:
            The loss, or a list `[loss, metric, ...]` in the order of `metrics_names`, or a
            dict; Python floats.

        Raises:
            RuntimeError: not compiled.
        """
        if kwargs:
            raise TypeError(f"`evaluate` does not know {', '.join(map(repr, kwargs))}.")
        source = make_source(x, y, sample_weight, batch_size, steps, what="evaluate")
        logs = loop.evaluate(
            self, through_host(self, source), verbose=verbose, steps=steps, callbacks=callbacks)
        return logs if return_dict else _in_order(logs)

    @public
    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: int | None = None,
        callbacks: Any = None,
    ) -> Any:
        """The model's outputs for data, batch by batch.

        Args:
            x, batch_size, verbose, callbacks: as in `fit`.
            steps: number of batches; all by default.

        Returns:
            NumPy array of shape `(samples, ...)`, or a tree of them.
        """
        plain = verbose == 0 and steps is None and not callbacks
        if plain and (shortcut := self._quick.get("few")) and type(batch_size) in _SIZES:
            given = (x, None, None)
            if shortcut.fits(self, given):
                outputs = shortcut.predict(x, 32 if batch_size is None else batch_size)
                if outputs is not None:
                    return outputs
        source = make_source(x, None, None, batch_size, steps, what="predict")
        source = through_host(self, source)
        outputs = loop.predict(self, source, verbose=verbose, steps=steps, callbacks=callbacks)
        if plain and isinstance(source, ArraySource):
            program, given = self._program("predict"), (x, None, None)
            if BatchShortcut.leads(self, program, given):
                self._quick["few"] = BatchShortcut(self, program, given, any_rows=True)
        return outputs

    @public
    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: dict[int, float] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """One training step on one batch; returns loss and metrics so far, as `evaluate`."""
        self._need_compiled("train_on_batch")
        logs = self._on_batch("train", (x, y, sample_weight), class_weight)
        return logs if return_dict else _in_order(logs)

    @public
    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """Loss and metrics so far, with one more batch; as `evaluate`."""
        self._need_compiled("test_on_batch")
        logs = self._on_batch("test", (x, y, sample_weight))
        return logs if return_dict else _in_order(logs)

    @public
    def predict_on_batch(self, x: Any) -> Any:
        """The outputs for one batch, as NumPy arrays of the caller's own."""
        outputs = self._on_batch("predict", (x, None, None))
        to_numpy = current_backend().to_numpy
        return tree.map_leaves(lambda leaf: np.array(to_numpy(leaf)), outputs)

    def _on_batch(self, mode: str, given: tuple, class_weight: Any = None) -> Any:
        """One compiled step of a mode on a batch: its logs as floats, or its outputs."""
        self._trainer.gives_gradients, self._trainer.measuring = False, None
        shortcut = self._quick.get(mode)
        if shortcut is not None and class_weight is None and shortcut.fits(self, given):
            result = shortcut.run(given)
            return result if mode == "predict" else loop.in_order(shortcut.names, result)
        x, y, sample_weight = given
        batch = self._through_host(one_batch(x, y, sample_weight, class_weight))
        self._make_ready(batch, training=mode == "train", for_predict=mode == "predict")
        program = self._program(mode)
        result = program.run(loop.on_device(batch))
        if class_weight is None and BatchShortcut.leads(self, program, given):
            shortcut = self._quick[mode] = BatchShortcut(self, program, given)
        if mode == "predict":
            return result
        logs = loop.to_floats(self, result)
        if shortcut is not None:
            shortcut.names = list(logs)
        return logs

    def _through_host(self, batch: tuple) -> tuple:
        """A batch with the inputs that the compiled step takes."""
        x, y, sample_weight = batch
        if self._prepares_inputs:
            x = self._host_side(x)
        elif self._refuses_programs(x):
            self._call_step_by_step()
        return x, y, sample_weight

    def _need_compiled(self, method: str) -> None:
        if not self.compiled:
            raise RuntimeError(
                f"Model '{self.name}' is not compiled. Call "
                "`model.compile(optimizer=..., loss=...)` before "
                f"`model.{method}(...)`."
            )

    # ------------------------------------------------------- config and functions

    def get_compile_config(self) -> dict[str, Any] | None:
        """What `compile` was given, as a config."""
        given = self._trainer.config
        if given is None:
            return None
        config = {}
        for name, value in given.items():
            try:
                config[name] = serialize_keras_object(
                    self.optimizer if name == "optimizer" else value
                )
            except Exception as error:
                warnings.warn(
                    f"The `{name}` that model '{self.name}' was compiled with "
                    f"cannot be written into its config ({error}); after loading, compile "
                    "it again.",
                    stacklevel=2,
                )
                return None
        if config["jit_compile"] == "auto":
            config["jit_compile"] = True
        return config

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compile as `get_compile_config` described."""
        given: dict[str, Any] = {
            name: deserialize_keras_object(value) if value is not None else None
            for name, value in config.items()
        }
        if given.get("jit_compile") is True:
            given["jit_compile"] = "auto"
        self.compile(**given)
        if self.optimizer is not None and self.built:
            self.optimizer.build(self.trainable_variables)

    def make_train_function(self, force: bool = False) -> Any:
        """The function that `fit` runs on a batch; see `train_function`."""
        return self._make_function("train", force)

    def make_test_function(self, force: bool = False) -> Any:
        """The function that `evaluate` runs on a batch."""
        return self._make_function("test", force)

    def make_predict_function(self, force: bool = False) -> Any:
        """The function that `predict` runs on a batch."""
        return self._make_function("predict", force)

    def _make_function(self, mode: str, force: bool) -> Any:
        if force:
            self._trainer.programs = {
                key: program for key, program in self._trainer.programs.items()
                if key[:2] != (mode, current_backend().name)
            }
            self._trainer.cause = f"`make_{mode}_function(force=True)` was called"

        def function(data: Any) -> Any:
            batch = self._through_host(unpack_x_y_sample_weight(data))
            self._make_ready(batch, mode == "train", for_predict=mode == "predict")
            self._trainer.gives_gradients, self._trainer.measuring = False, None
            return self._program(mode).run(loop.on_device(batch))

        return function

    def train_function(self) -> Any:
        """A function `batch -> logs` that does one compiled training step on the model."""
        self._need_compiled("train_function")
        return self.make_train_function()


#: types that a batch size may be of
_SIZES = (int, type(None))


def _check_steps(value: Any) -> None:
    if value == "auto" or (isinstance(value, int) and not isinstance(value, bool) and value > 0):
        return
    raise ValueError(f'`steps_per_execution` must be a positive integer or "auto"; got {value!r}.')


def _takes_data_only(method: Any) -> bool:
    return len(inspect.signature(method).parameters) == 1


def _as_given(data: Any) -> Any:
    """`(x, y, None)` as the dataset gave it."""
    x, y, weight = data
    if weight is not None:
        return x, y, weight
    return (x, y) if y is not None else (x,)


def one_batch(x: Any, y: Any, sample_weight: Any, class_weight: Any) -> tuple:
    source = make_source(
        x, y, sample_weight, batch_size=2**31 - 1, class_weight=class_weight, what="on_batch"
    )
    if not isinstance(source, ArraySource):
        raise TypeError(f"A batch must be arrays; got {describe(x)}.")
    return source.data


def _in_order(logs: dict[str, float]) -> Any:
    values = list(logs.values())
    return values[0] if len(values) == 1 else values


def _numeric(leaf: Any) -> bool:
    return hasattr(leaf, "dtype") and getattr(leaf.dtype, "kind", "f") not in "OUST"


def _symbol(leaf: Any) -> Any:
    if not _numeric(leaf):
        return leaf
    dtype = canonical_name(leaf.dtype)
    return SymbolicTensor(leaf.shape, {"int64": "int32", "float64": "float32"}.get(dtype, dtype))


def _rows(data: Any) -> int | None:
    """Rows of the first array of a batch."""
    return tree.leaves(data[0])[0].shape[0]
