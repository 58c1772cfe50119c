"""`Layer`: a callable with variables, on arrays and on symbolic tensors alike.

Life of a layer: made by its constructor (no variables yet), *built* when the shapes of
its inputs are first known (`build` makes the variables, pending), then called. Nothing
is registered when an attribute is set: sublayers, variables, metrics and seed generators
are found by looking through the layer's attributes, in the order they were set, in
lists, tuples and dicts too (`tracking.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import numpy as np
from highlevel_backend import canonical_name, current_backend, is_float, tree

from highlevel import (
    activations,
    constraints,
    dtype_policies,
    initializers,
    inspection,
    regularizers,
)
from highlevel.config import is_traceback_filtering_enabled
from highlevel.errors import add_note, describe, hide_frames
from highlevel.inspection import sheets
from highlevel.layers import tracking
from highlevel.layers.call_info import CallInfo, call_info
from highlevel.layers.config import LayerConfig
from highlevel.layers.debugging import Debugging, debugging
from highlevel.layers.input_spec import check_inputs
from highlevel.layers.mask_flow import MaskFlow, without_masked
from highlevel.layers.training_settings import TrainingSettings
from highlevel.masking import (
    MaskScope,
    any_masks,
    get_mask,
    get_masks,
    mask_scope,
    set_mask,
)
from highlevel.naming import _path
from highlevel.rematerialization import (
    current_remat_scope,
    evaluating_abstractly,
    recompute,
    recomputing,
    remat,
)
from highlevel.state import StatelessScope, active_distribution, autocast_dtype, current_scope
from highlevel.symbolic import (
    Node,
    SymbolicTensor,
    any_symbolic,
    evaluate_abstractly,
)
from highlevel.variable import Variable

__all__ = [
    "CallContext",
    "Layer",
    "any_losses",
    "built_on_request",
    "call_context",
    "current_context",
    "eager_losses",
    "holds_strings",
    "is_shape",
    "symbolic_tensors",
]


class CallContext:
    """What nested calls share.

    Attributes:
        training: whether the outer call is a training one; None if nobody said.
        observer: called with `(layer, args, kwargs, outputs)` after every layer's call; what
            it returns, unless None, takes the outputs' place.
        mode: the debug mode that is on, None nearly always.
    """

    __slots__ = ("mode", "observer", "training")

    def __init__(self, training: bool | None = None, observer: Callable | None = None) -> None:
        self.training = training
        self.observer = observer
        self.mode = debugging.get()


#: how many losses layers have kept from calls outside of compiled programs
eager_losses = [0]
#: whether anything has ever kept a loss; most processes have none to look for
any_losses = [False]

call_context: ContextVar[CallContext | None] = ContextVar("highlevel_call", default=None)


def current_context() -> CallContext:
    """What the calls around share; a new one where there are none."""
    return call_context.get() or CallContext()


tracking.in_call = lambda: call_context.get() is not None


class figure:
    """A property that a subclass's objects may set as an attribute of their own."""

    def __init__(self, function: Callable) -> None:
        self._function = function
        self.__doc__ = function.__doc__

    def __get__(self, layer: Any, owner: Any = None) -> Any:
        return self if layer is None else self._function(layer)


class Layer(TrainingSettings, MaskFlow, LayerConfig):
    """Base class of all layers and models.

    A subclass makes its variables in `build(input_shape)` (or sublayers in `__init__`)
    and computes in `call(inputs, ...)`, with functions of `highlevel.ops`, `numpy` on the
    NumPy backend or `jax` on the JAX backend.

    Args:
        activity_regularizer: regularizer of the output, added to the loss.
        trainable: whether training changes its variables.
        dtype: dtype name, policy name (`"mixed_bfloat16"`) or `DTypePolicy`.
        autocast: cast floating inputs to the compute dtype.
        name: unique within a model; made from the class name where None.

    Raises:
        ValueError: unknown arguments.

    >>> import highlevel as hl
    >>> class Scale(hl.layers.Layer):
    ...     def build(self, input_shape):
    ...         self.factor = self.add_weight((input_shape[-1],), "ones", name="factor")
    ...     def call(self, inputs):
    ...         return inputs * self.factor
    >>> layer = Scale()
    >>> layer(hl.ops.ones((2, 3))).shape
    (2, 3)
    >>> [w.path for w in layer.weights]
    ['scale/factor']
    """

    #: names of the backend's primitives that `call` is made of, where that matters for training:
    #: see `Backend.slow_in_loops`
    primitives: tuple[str, ...] = ()
    #: whether it works on strings or 64-bit integers, in NumPy whatever the backend
    runs_on_host = False
    #: whether `call` takes strings
    accepts_strings = False

    activity_regularizer: Any
    autocast: bool
    _first_input_shape: tuple | None
    _dtype_policy: Any
    _supports_masking: bool
    _input_spec: Any
    _path: str | None
    _own_variables: list[Variable]
    _loss_values: list[Any]
    #: symbolic inputs and outputs of the first call that was not part of a graph
    _observed: tuple[Any, Any] | None
    _build_shapes: dict[str, Any] | None
    #: whether `call` runs layers and ops of a graph, which follow masks themselves
    _runs_graph = False
    #: whether a `RematScope` computes its call again as one; models leave that to their layers
    _recomputes_whole = True

    def __init__(
        self,
        *,
        activity_regularizer: Any = None,
        trainable: bool = True,
        dtype: Any = None,
        autocast: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name)
        first_input_shape = _legacy_input_shape(kwargs) if kwargs else None
        if kwargs:
            raise ValueError(
                f"{type(self).__name__} '{self.name}' does not know the argument"
                f"{'s' if len(kwargs) > 1 else ''} {', '.join(map(repr, kwargs))}. "
                f"{self._known_arguments(next(iter(kwargs)))}"
            )
        # At once and past `__setattr__`: nothing can depend on a layer that is being made.
        self.__dict__.update(
            activity_regularizer=(
                regularizers.get(activity_regularizer) if activity_regularizer is not None else None
            ),
            _first_input_shape=first_input_shape,
            _dtype_policy=dtype_policies.get(dtype),
            autocast=autocast,
            _trainable=trainable,
            built=False,
            _supports_masking=call_info(type(self), Layer).makes_mask,
            _input_spec=None,
            _path=None,
            _own_variables=[],
            _loss_values=[],
            _observed=None,
            _build_shapes=None,
        )

    # ------------------------------------------------------------ for subclasses

    def build(self, input_shape: Any) -> None:
        """Make the variables; called once, before the first call.

        Args:
            input_shape: shape of the first argument of `call` (a list or dict of shapes
                for several), `None` for unknown dimensions. A `build` with parameters
                named `<argument>_shape` gets the shapes of those arguments.
        """
        self.built = True

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the outputs; to be written by the subclass.

        Raises:
            NotImplementedError: the subclass has no `call`.
        """
        raise NotImplementedError(
            f"{type(self).__name__} '{self.name}' has no `call` method; write "
            "`def call(self, inputs): ...`."
        )

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """The mask of the outputs; by default that of the inputs."""
        return previous_mask

    def add_weight(
        self,
        shape: Any = None,
        initializer: Any = None,
        dtype: str | None = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        aggregation: str = "none",
        overwrite_with_gradient: bool = False,
        name: str | None = None,
    ) -> Variable:
        """Make a variable of this layer; its value is computed when first needed.

        Args:
            shape: tuple of integers; `()` by default.
            initializer: name, initializer or callable `(shape, dtype) -> array`;
                Glorot uniform for floats and zeros for other dtypes by default.
            dtype: dtype name; the layer's variable dtype by default.
            trainable: whether training changes it.
            autocast: whether it is read in the compute dtype during `call`.
            regularizer: added to the loss, a function of the value.
            constraint: applied to the value after each update.
            aggregation: kept for distribution.
            overwrite_with_gradient: training replaces the value by its gradient.
            name: last part of the variable's path.

        Returns:
            The `Variable`.
        """
        dtype = canonical_name(dtype) if dtype is not None else self.variable_dtype
        if initializer is None:
            initializer = "glorot_uniform" if is_float(dtype) else "zeros"
        path = current_path_of(self)
        token = _path.set(path)
        try:
            variable = Variable(
                initializers.get(initializer),
                shape=() if shape is None else shape,
                dtype=dtype,
                trainable=trainable and self._trainable,
                autocast=autocast,
                aggregation=aggregation,
                name=name,
                regularizer=regularizers.get(regularizer) if regularizer is not None else None,
                constraint=_get_constraint(constraint),
                overwrite_with_gradient=overwrite_with_gradient,
            )
        finally:
            _path.reset(token)
        variable.born_trainable = trainable
        self._apply_settings(variable)
        self._own_variables.append(variable)
        return variable

    def add_variable(
        self,
        shape: Any,
        initializer: Any,
        dtype: str | None = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        name: str | None = None,
    ) -> Variable:
        """`add_weight` for what is no weight, such as a state; shape and initializer are due."""
        return self.add_weight(
            shape=shape, initializer=initializer, dtype=dtype, trainable=trainable,
            autocast=autocast, regularizer=regularizer, constraint=constraint, name=name,
        )

    def add_metric(self, *args: Any, **kwargs: Any) -> Any:
        """Not offered; kept to say what to do instead.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError(
            f"{type(self).__name__} '{self.name}': `add_metric` does not exist any more. Give "
            "metrics to `compile(metrics=[...])`, or make one in the constructor "
            "(`self.count = hl.metrics.Mean()`) and call its `update_state` in `call`."
        )

    def add_loss(self, loss: Any) -> None:
        """Add a scalar (or several) to the training loss, computed during `call`."""
        scope = current_scope.get()
        for value in tree.leaves(loss):
            if callable(value):
                value = value()
            if scope is not None and scope.collect_losses:
                scope.add_loss_of(self, value)
            else:
                self._loss_values.append(value)
                eager_losses[0] += 1
                any_losses[0] = True

    def stateless_call(
        self,
        trainable_variables: Any,
        non_trainable_variables: Any,
        *args: Any,
        return_losses: bool = False,
        **kwargs: Any,
    ) -> tuple:
        """Call the layer as a pure function of its state.

        Args:
            trainable_variables: values in the order of `self.trainable_variables`.
            non_trainable_variables: values in the order of `self.non_trainable_variables`.
            *args, **kwargs: arguments of the call.
            return_losses: also return the list of losses.

        Returns:
            `(outputs, non_trainable_variables)`, the latter as the call left them; with
            `return_losses` `(outputs, non_trainable_variables, losses)`.

        Raises:
            ValueError: the layer is not built, or the number of values differs.
        """
        if not self.built:
            raise ValueError(
                f"{type(self).__name__} '{self.name}' has no variables yet: call it once on "
                "data, or `build(input_shape)` it, before `stateless_call`."
            )
        trainable, others = self.trainable_variables, self.non_trainable_variables
        for what, own, given in (
            ("trainable_variables", trainable, trainable_variables),
            ("non_trainable_variables", others, non_trainable_variables),
        ):
            if len(own) != len(given):
                raise ValueError(
                    f"`{what}` of '{self.name}' has {len(own)} entries, but {len(given)} "
                    "values were given."
                )
        mapping = [*zip(trainable, trainable_variables), *zip(others, non_trainable_variables)]
        with StatelessScope(mapping, collect_losses=return_losses) as scope:
            outputs = self(*args, **kwargs)
            if return_losses:
                losses = self.losses
        after = [scope.values[variable] for variable in others]
        return (outputs, after, losses) if return_losses else (outputs, after)

    # ------------------------------------------------------------------ the call

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        context = call_context.get()
        if context is not None:
            return self._call_inside(context, args, kwargs)
        token = call_context.set(CallContext())
        try:
            return self._call_outermost(args, kwargs)
        except Exception as error:
            if is_traceback_filtering_enabled():
                remedy = current_backend().explain(error)
                if remedy:
                    add_note(error, remedy)
                hide_frames(error)
            raise
        finally:
            call_context.reset(token)

    def _call_outermost(self, args: tuple, kwargs: dict) -> Any:
        """The call that is not part of another one; models compile it."""
        if any_losses[0] and (self._loss_values or self._has_sublayers):
            self._clear_losses()
        return self._call_inside(current_context(), args, kwargs)

    def _call_inside(self, context: CallContext, args: tuple, kwargs: dict) -> Any:
        info = call_info(type(self), Layer)
        try:
            args, kwargs, symbolic = self._take_inputs(args, kwargs)
            outer_training = context.training
            training = kwargs.pop("training", None)
            if training is None and "training" in info.names[: len(args)]:
                training = args[info.names.index("training")]
                if training is None:
                    args = args[: info.names.index("training")]
            elif training is not None and info.takes_training:
                kwargs["training"] = training
            given = (args, dict(kwargs)) if symbolic else None
            if training is None:
                training = outer_training
                if training is None:
                    training = info.training_default
                if info.takes_training and training is not None and (
                    "training" not in info.names[: len(args)]
                ):
                    kwargs["training"] = training
            if self._remat_scope is None and (symbolic or not self.built):
                self._remat_scope = current_remat_scope()
            masks = self._put_masks(info, args, kwargs) if not symbolic else None
            outer_path = _path.get()
            if self._path is None:
                self._path = f"{outer_path}/{self.name}" if outer_path else self.name
            if symbolic:
                masks = self._put_masks(info, args, kwargs)
            path_token = _path.set(
                f"{outer_path}/{self.name}" if outer_path else self.name
            )
            context.training = training
            outer_scope = mask_scope.get()
            own_scope = scope_token = None
            if info.foreign or self._runs_graph:
                own_scope = MaskScope(self.path if info.foreign else None, self._mask_end_told)
                scope_token = mask_scope.set(own_scope)
            elif outer_scope is not None and (symbolic or any_masks()):
                scope_token = mask_scope.set(None)
            policy = self._dtype_policy
            if policy.by_path:
                policy = self._policy
            wanted = policy.compute_dtype
            if not self.autocast or wanted == policy.variable_dtype:
                wanted = None
            cast_token = autocast_dtype.set(wanted) if autocast_dtype.get() != wanted else None
            try:
                if not self.built:
                    if self._input_spec is not None and args:
                        check_inputs(self._input_spec, args[0], self)
                    self._build_for(info, args, kwargs)
                if self._input_spec is not None and args:
                    check_inputs(self._input_spec, args[0], self)
                if context.mode is not None and not symbolic:
                    _tell(context.mode, "before", self, args, kwargs)
                if symbolic:
                    outputs = self._infer(info, args, kwargs)
                elif self._remat_scope is None:
                    outputs = self.call(*args, **kwargs)
                else:
                    outputs = self.rematerialized_call(self.call, *args, **kwargs)(
                        *args, **kwargs)
            finally:
                if scope_token is not None:
                    mask_scope.reset(scope_token)
                if cast_token is not None:
                    autocast_dtype.reset(cast_token)
                context.training = outer_training
                _path.reset(path_token)
        except Exception as error:
            if not self.accepts_strings and getattr(error, "_in_layer", None) is None:
                self._refuse_strings(args, error)
            self._note(error, args, kwargs)
            raise
        distribution = active_distribution()
        if distribution is not None and not symbolic:
            outputs = distribution.laid_out(f"{self._path}/output", outputs)
        if given is not None:
            Node(self, given[0], given[1], outputs)
        if (
            masks is not None or (self._supports_masking and info.makes_mask) or any_masks()
            or (own_scope is not None and (symbolic or own_scope.ended or own_scope.unread))
        ):
            self._set_output_masks(info, args, kwargs, outputs, masks, own_scope)
        if given is None and self.activity_regularizer is not None:
            for value in tree.leaves(outputs):
                batch = value.shape[0] if value.ndim else 1
                counted = without_masked(value)
                self.add_loss(self.activity_regularizer(counted) / max(batch, 1))
        if context.mode is not None and not symbolic:
            _tell(context.mode, "after", self, args, kwargs, outputs)
        if context.observer is not None:
            seen = context.observer(self, args, kwargs, outputs)
            outputs = outputs if seen is None else seen
        return outputs

    def rematerialized_call(self, layer_call: Callable, *args: Any, **kwargs: Any) -> Callable:
        """`layer_call` as the `RematScope` says in which this layer was made.

        Args:
            layer_call: function to change, often `self.call`.
            *args, **kwargs: what it will be called with.

        Returns:
            A function of the same arguments that keeps no intermediate values (or none of
            the activation function) for the gradient, or `layer_call` itself where the
            scope does not want that.
        """
        context = current_context()
        scope = self._remat_scope
        if scope is None or context.observer is not None or recomputing.get():
            return layer_call
        if scope.mode == "activations":
            return self._recomputing_activation(layer_call)
        named = scope.mode == "list_of_layers"
        if self._recomputes_whole and (self.runs_on_host or self.accepts_strings):
            return layer_call
        if not (self._recomputes_whole or named):
            return layer_call
        if not self._is_recomputed(layer_call, args, kwargs):
            return layer_call
        training = context.training

        def call(*args: Any, **kwargs: Any) -> Any:
            # The second run comes when the calls around are over: it needs a context of its own.
            token = call_context.set(CallContext(training))
            try:
                return layer_call(*args, **kwargs)
            finally:
                call_context.reset(token)

        return lambda *args, **kwargs: recompute(call, args, kwargs)

    def _recomputing_activation(self, layer_call: Callable) -> Callable:
        """`layer_call` in which `self.activation` is computed again for the gradient."""
        own = self.__dict__
        function = own.get("activation")
        if not callable(function) or function is activations.linear:
            return layer_call

        def call(*args: Any, **kwargs: Any) -> Any:
            own["activation"] = remat(function)
            try:
                return layer_call(*args, **kwargs)
            finally:
                own["activation"] = function

        return call

    def _take_inputs(self, args: tuple, kwargs: dict) -> tuple[tuple, dict, bool]:
        """Arguments as arrays of the current backend in the compute dtype."""
        backend = current_backend()
        dtype = self.input_dtype if self.autocast else None
        converted = tuple([_as_input(value, backend, dtype) for value in args])
        if kwargs:
            kwargs = {name: _as_input(v, backend, dtype) for name, v in kwargs.items()}
        return converted, kwargs, any_symbolic(converted, kwargs)

    # ------------------------------------------------------------------ building

    def _build_for(self, info: CallInfo, args: tuple, kwargs: dict) -> None:
        """Build for the shapes of the arguments of a call."""
        shapes: dict[str, Any] = {}
        for index, value in enumerate(args):
            if index < len(info.names):
                shape = _shapes(value)
                if shape is not None:
                    shapes[info.names[index]] = shape
        for name, value in kwargs.items():
            if name != "training" and not name.endswith("mask"):
                shape = _shapes(value)
                if shape is not None:
                    shapes[name] = shape
        if info.own_build:
            names = info.build_names
            if len(names) == 1 or (names and f"{names[0]}" == "input_shape"):
                self._run_build(next(iter(shapes.values()), None))
                self._build_shapes = {"input_shape": next(iter(shapes.values()), None)}
            elif names:
                known = {f"{name}_shape": shape for name, shape in shapes.items()}
                chosen = {name: known[name] for name in names if name in known}
                self._run_build(**chosen)
                self._build_shapes = chosen
            else:
                self._run_build()
        else:
            self.built = True
            self._build_shapes = (
                {"input_shape": next(iter(shapes.values()))} if len(shapes) == 1
                else {f"{name}_shape": shape for name, shape in shapes.items()}
            )

    def _run_build(self, *shapes: Any, **named: Any) -> None:
        self.build(*shapes, **named)
        self.built = True

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        build = cls.__dict__.get("build")
        if build is not None and not getattr(build, "_scoped", False):
            type.__setattr__(cls, "build", _scoped_build(build))

    def _infer(self, info: CallInfo, args: tuple, kwargs: dict) -> Any:
        """Symbolic outputs of a call on symbolic inputs."""
        if not self.accepts_strings:
            self._refuse_strings(args, None)
        if info.output_rule == "shape" and not any(
            type(v) is SymbolicTensor for name, v in kwargs.items() if "mask" not in name
        ):
            inputs = args[0]
            if len(args) == 1 or not any_symbolic(args[1:], {}):
                shape = self.compute_output_shape(_shapes(inputs))
                return symbolic_tensors(shape, self.compute_dtype)
        if info.output_rule == "spec":
            return self.compute_output_spec(*args, **kwargs)
        if info.foreign and get_masks(args[:1]) is not None:
            return self._infer_following(args, kwargs)
        return evaluate_abstractly(self.call, args, kwargs)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Symbolic outputs for symbolic inputs, without a node in the graph."""
        info = call_info(type(self), Layer)
        if info.output_rule == "shape":
            return symbolic_tensors(self.compute_output_shape(_shapes(args[0])), self.compute_dtype)
        return evaluate_abstractly(self.call, args, kwargs)

    def symbolic_call(self, *args: Any, **kwargs: Any) -> Any:
        """Symbolic outputs for symbolic inputs; as `compute_output_spec`, once built."""
        return self.compute_output_spec(*args, **kwargs)

    def compute_output_shape(self, *args: Any, **kwargs: Any) -> Any:
        """Shape of the outputs for the shape of the inputs.

        Args:
            input_shape: tuple with `None` for unknown dimensions, or a tree of them.

        Returns:
            A tuple, or a tree of tuples.
        """
        shapes = args[0] if args else next(iter(kwargs.values()))
        inputs = symbolic_tensors(shapes, self.compute_dtype)
        token = call_context.set(CallContext())
        try:
            if not self.built:
                info = call_info(type(self), Layer)
                self._build_for(info, (inputs,), {})
            outputs = evaluate_abstractly(self.call, (inputs,), {})
        finally:
            call_context.reset(token)
        return tree.map_leaves(lambda t: t.shape, outputs)

    # ---------------------------------------------------------------- properties

    @property
    def path(self) -> str:
        """Names of the layers it was built in and its own, joined by `/`."""
        return self._path if self._path is not None else self.name

    @property
    def input_spec(self) -> Any:
        """The `InputSpec` (or a tree of them) that inputs are held against; settable."""
        return self._input_spec

    @input_spec.setter
    def input_spec(self, value: Any) -> None:
        self._input_spec = value

    @property
    def dtype_policy(self) -> Any:
        """The `DTypePolicy` in force."""
        return self._dtype_policy

    @dtype_policy.setter
    def dtype_policy(self, value: Any) -> None:
        self._dtype_policy = dtype_policies.get(value)

    @property
    def dtype(self) -> str:
        """dtype of the variables, as `variable_dtype`."""
        return self.variable_dtype

    @property
    def _policy(self) -> Any:
        """The policy of this layer itself: of a map, the entry of the layer's path."""
        policy = self._dtype_policy
        return policy[self._path] if policy.by_path and self._path else policy

    @property
    def variable_dtype(self) -> str:
        """dtype of the variables."""
        return self._policy.variable_dtype

    @property
    def compute_dtype(self) -> str:
        """dtype of the computation and of the outputs."""
        return self._policy.compute_dtype

    @property
    def input_dtype(self) -> str:
        """dtype that floating inputs are cast to."""
        return self._policy.compute_dtype

    @figure
    def parameters(self) -> int:
        """Number of entries of all weights."""
        return sum(v.size for v in self.weights)

    @figure
    def flops(self) -> float | None:
        """Arithmetic operations of a call on one sample, from shapes alone.

        A multiplication with an addition counts as two. None before the inputs are known, or
        where a length is only known from data; `model.plan(batch_size, x=batch)` takes that.
        """
        return inspection.flops_of_layer(self)

    @figure
    def memory(self) -> inspection.LayerMemory:
        """Bytes of the weights, and of the outputs for one sample, from shapes alone."""
        return inspection.memory_of_layer(self)

    @property
    def losses(self) -> list[Any]:
        """Scalars added by `add_loss` in the last call, then the weights' regularization."""
        scope = current_scope.get()
        if scope is not None and scope.collect_losses:
            collected = list(scope.losses)
        else:
            collected = [
                value for layer in self._flatten_layers() for value in layer._loss_values
            ]
        for variable in self.trainable_variables:
            if variable.regularizer is not None:
                collected.append(variable.regularizer(variable.value))
        return collected

    def _clear_losses(self) -> None:
        for layer in self._flatten_layers():
            if layer._loss_values:
                layer._loss_values = []

    def _end_without_graph(self, what: str) -> Any:
        if self._observed is not None:
            return self._observed[0 if what == "input" else 1]
        raise AttributeError(
            f"The layer '{self.path}' ({type(self).__name__}) has never been called and has no "
            f"`{what}` yet. Call the model on data once, or build it with `Input`."
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.path}, built={self.built}>"

    def __str__(self) -> str:
        return repr(self)

    def _repr_html_(self) -> str:
        return sheets.of_layer(self)

    # -------------------------------------------------------------------- errors

    def _refuse_strings(self, args: tuple, cause: Exception | None) -> None:
        """Raise the error for strings among the arguments of a layer that takes none."""
        for value in tree.leaves(args[:1]):
            if type(value) is str or holds_strings(value):
                error = TypeError(
                    f"{type(self).__name__} '{self.path}' takes numbers; it was called with "
                    f"strings: {describe(value)}. Turn them into numbers first: "
                    "`TextVectorization` for texts, `StringLookup` or `Hashing` for categories."
                )
                self._note(error, (), {})
                raise error from cause

    def _note(self, error: Exception, args: tuple, kwargs: dict) -> None:
        """Tell, once, in which layer's call an error came up."""
        if getattr(error, "_in_layer", None) is not None:
            return
        vars(error)["_in_layer"] = self
        shown = [describe(value) for value in args]
        shown += [f"{name}={describe(value)}" for name, value in kwargs.items()]
        add_note(
            error,
            f"In layer '{self.path}' ({type(self).__name__}), called with {', '.join(shown)}.",
        )


def _tell(mode: Debugging | None, when: str, *found: Any) -> None:
    """Call what debug modes do, the outermost first; not where only shapes are wanted."""
    if mode is None or evaluating_abstractly():
        return
    _tell(mode.outer, when, *found)
    function = getattr(mode, when)
    if function is not None:
        function(*found)


def holds_strings(value: Any) -> bool:
    """Whether an array, or a symbolic tensor, is of strings."""
    dtype = getattr(value, "dtype", None)
    if type(dtype) is str:
        return dtype == "string"
    kind = getattr(dtype, "kind", "f")
    if kind == "O":
        flat = np.asarray(value).reshape(-1)
        return flat.size > 0 and isinstance(flat[0], (str, bytes))
    return kind in "UST"


def _get_constraint(constraint: Any) -> Any:
    if constraint is None:
        return None
    return constraints.get(constraint)


def current_path_of(layer: Layer) -> str:
    """Where a layer's variables are made: the scope of the call that builds it."""
    path = _path.get()
    if path == layer.name or path.endswith("/" + layer.name):
        return path
    return f"{path}/{layer.name}" if path else layer.name


def built_on_request(build: Callable) -> Callable:
    """Mark a `build` that a call need not run: the call makes the variables by itself."""
    vars(build).update(only_on_request=True, _scoped=True)
    return build


def _scoped_build(build: Callable) -> Callable:
    """`build` with the layer's name in the path, `built` set, also when called by hand."""
    import functools

    @functools.wraps(build)
    def wrapper(self: Layer, *args: Any, **kwargs: Any) -> Any:
        path = current_path_of(self)
        if self._path is None:
            self._path = path
        # A `build` may call its class's parent's with other shapes: the outermost one counts.
        shapes = self._build_shapes
        if shapes is None and (args or kwargs):
            shapes = dict(kwargs) or {"input_shape": args[0]}
        token = _path.set(path)
        try:
            result = build(self, *args, **kwargs)
        finally:
            _path.reset(token)
        self.built = True
        self._build_shapes = shapes
        return result

    vars(wrapper)["_scoped"] = True
    return wrapper


def _as_input(value: Any, backend: Any, dtype: str | None) -> Any:
    """An argument of a call as this backend's array, floats cast to `dtype`."""
    kind = type(value)
    if kind is SymbolicTensor or value is None or kind in _SCALARS:
        return value
    if backend.is_array(value):
        if dtype is not None and value.dtype != object:  # objects: strings
            name = canonical_name(value.dtype)
            if name != dtype and is_float(name):
                mask = get_mask(value)
                value = backend.cast(value, dtype)
                if mask is not None:
                    set_mask(value, mask)
        return value
    if kind is list or kind is tuple or kind is dict:
        return tree.map_leaves(lambda leaf: _as_input(leaf, backend, dtype), value)
    if isinstance(value, Variable):
        return _as_input(value.value, backend, dtype)
    if hasattr(value, "__array__") and hasattr(value, "shape") and hasattr(value, "dtype"):
        if getattr(value.dtype, "kind", "f") in "OUST":
            return value  # strings stay on the host
        mask = get_mask(value)
        value = _as_input(backend.asarray(value), backend, dtype)
        if mask is not None:
            set_mask(value, mask)
        return value
    return value


_SCALARS = frozenset((bool, int, float, complex, str))


def _shapes(value: Any) -> Any:
    """Shapes of a tree of arrays, in its structure; None where there is no array."""
    shape = getattr(value, "shape", None)
    if shape is not None:
        # A dimension that is a symbol of the backend's has no number: unknown.
        return tuple([d if d is None or isinstance(d, int) else None for d in shape])
    if type(value) is dict:
        return {name: _shapes(item) for name, item in value.items()}
    if type(value) in (list, tuple):
        inner = [_shapes(item) for item in value]
        if any(shape is not None for shape in inner):
            return inner if type(value) is list else tuple(inner)
    return None


def is_shape(value: Any) -> bool:
    """Whether a value is one shape, not a tree of shapes."""
    return type(value) in (tuple, list) and all(
        entry is None or isinstance(entry, int) for entry in value
    )


def symbolic_tensors(shapes: Any, dtype: str) -> Any:
    """New symbolic tensors for a tree of shapes."""
    if is_shape(shapes):
        return SymbolicTensor.of(tuple(shapes), dtype)
    if type(shapes) is dict:
        return {name: symbolic_tensors(shape, dtype) for name, shape in shapes.items()}
    return type(shapes)(symbolic_tensors(shape, dtype) for shape in shapes)


def _legacy_input_shape(kwargs: dict) -> tuple | None:
    """The shape, without batch, that `input_shape=` or `input_dim=` asks for."""
    if "input_shape" in kwargs:
        return tuple(kwargs.pop("input_shape"))
    if "input_dim" in kwargs:
        return (kwargs.pop("input_dim"),)
    return None
