"""`Model`: a layer that can be compiled, trained, saved and looked into."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Collection
from typing import Any, Self

from highlevel_backend import current_backend, tree, use_backend

from highlevel import inspection
from highlevel.errors import public
from highlevel.inspection.summary import Summary, print_summary
from highlevel.layers.layer import (
    CallContext,
    Layer,
    built_on_request,
    call_context,
    current_context,
    holds_strings,
    symbolic_tensors,
)
from highlevel.masking import masks_by_place, warn_user
from highlevel.models.calls import CallProgram, Shortcut
from highlevel.models.host_part import as_data, is_prepared
from highlevel.models.layer_list import LayerList
from highlevel.saving import LoadReport, load_weights, save_model, save_weights
from highlevel.serialization import serialize_keras_object
from highlevel.state import active_distribution, current_scope
from highlevel.symbolic import SymbolicTensor, any_symbolic, evaluate_abstractly
from highlevel.training.trainer import Trainer

__all__ = ["Model"]


class Model(Trainer, Layer):
    """A model: layers, how they are called, and the methods to train and save them.

    Three ways to make one: `Model(inputs, outputs)` from symbolic tensors, `Sequential`,
    or a subclass with layers in `__init__` and a `call`.

    Args:
        inputs, outputs: symbolic tensors of a functional model; see `Functional`.
        name: of the model.

    >>> import highlevel as hl
    >>> class Net(hl.Model):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.dense = hl.layers.Dense(2)
    ...     def call(self, x):
    ...         return self.dense(x)
    >>> net = Net()
    >>> net(hl.ops.ones((3, 4))).shape
    (3, 2)
    >>> net.layers[0].output.shape
    (None, 2)
    """

    _recomputes_whole = False

    #: set by `functional.py`, which stands above this module
    _functional_class: Any = None
    accepts_strings = True  # one of its layers may
    #: how its graph is cut into host and device, None where nothing needs the host
    _host_part: Any = None
    _take_values: Any  # of `Functional`, the only ones with a host part
    #: whether layers of its graph run on the host; see `host_part.py`
    _prepares_inputs = False

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        if cls is Model and (args or "inputs" in kwargs):
            # Not made by calling the class: Python calls `__init__` on what comes from here.
            return cls._functional_class.__new__(cls._functional_class, *args, **kwargs)
        return super().__new__(cls, *args, **kwargs)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if args or "inputs" in kwargs:
            self._become_functional(args, kwargs)
            return
        Trainer.__init__(self)
        Layer.__init__(self, **kwargs)

    def _become_functional(self, args: tuple, kwargs: dict) -> None:
        """`super().__init__(inputs=..., outputs=...)` in a subclass of `Model`."""
        cls, functional = type(self), self._functional_class
        if issubclass(cls, functional):
            raise TypeError("A functional model takes `inputs`, `outputs` and `name`.")
        self.__class__ = type(cls.__name__, (cls, functional), {
            "__module__": cls.__module__, "__qualname__": cls.__qualname__,
            "__doc__": cls.__doc__,
        })
        functional.__init__(self, *args, **kwargs)

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the outputs; to be written by the subclass."""
        raise NotImplementedError(
            f"Model '{self.name}' ({type(self).__name__}) has no `call` method; write "
            "`def call(self, inputs): ...`, or make it from `inputs` and `outputs`."
        )

    # ---------------------------------------------------------------- the layers

    @property
    def layers(self) -> Any:
        """Direct sublayers, by position, name or path: `model.layers["dense"]`; see `LayerList`."""
        return self._named_layers(self._sublayers())

    def _named_layers(self, layers: list) -> LayerList:
        return LayerList(layers, self)

    @public
    def get_layer(self, name: str | None = None, index: int | None = None) -> Any:
        """A layer by name or by position.

        Raises:
            ValueError: there is none; suggests the nearest name.
        """
        if (name is None) == (index is None):
            raise ValueError("`get_layer` takes either a `name` or an `index`.")
        layers = self.layers
        if index is not None:
            if not -len(layers) <= index < len(layers):
                raise ValueError(
                    f"Model '{self.name}' has {len(layers)} layers; there is none at {index}."
                )
            return layers[index]
        try:
            return layers[name]
        except KeyError as error:
            raise ValueError(f"Model '{self.name}': {error.args[0]}") from None

    @property
    def input_shape(self) -> Any:
        """Shapes of the inputs in their structure."""
        return tree.map_leaves(lambda t: t.shape, self.input)

    @property
    def output_shape(self) -> Any:
        """Shapes of the outputs in their structure."""
        return tree.map_leaves(lambda t: t.shape, self.output)

    # ------------------------------------------------------------------ the call

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        quick = self.__dict__.get("_quick")
        if quick and len(args) == 1 and call_context.get() is None:
            x, training = args[0], kwargs.get("training")
            shortcut = quick.get((type(x), training, len(kwargs))) if (
                training is None or training is True or training is False
            ) else None
            if shortcut is not None and shortcut.fits(x):
                try:
                    return shortcut(x)
                except Exception:  # such as an array of another shape: the long way tells
                    shortcut = None
        return super().__call__(*args, **kwargs)

    def _call_outermost(self, args: tuple, kwargs: dict) -> Any:
        """Outside any other call: through a compiled program where the backend has them."""
        backend = current_backend()
        if current_scope.get() is not None or any_symbolic(args, kwargs):
            return super()._call_outermost(args, kwargs)
        given = args
        if self._prepares_inputs and args:
            args = (self._host_side(args[0]), *args[1:])
        args, kwargs, _ = self._take_inputs(args, kwargs)
        leaves, definition = tree.flatten((args, kwargs))
        arrays = [leaf for leaf in leaves if backend.is_array(leaf)]
        if any(backend.is_abstract(array) for array in arrays):
            return super()._call_outermost(args, kwargs)
        self._prepare_call(args, kwargs)
        if not backend.compiles or self.run_eagerly or self._calls_eagerly or not arrays:
            return super()._call_outermost(args, kwargs)
        places = tuple([i for i, leaf in enumerate(leaves) if backend.is_array(leaf)])
        rest = tuple([None if i in places else leaf for i, leaf in enumerate(leaves)])
        masks = masks_by_place(arrays)
        distribution = active_distribution()
        try:
            key = (backend.name, distribution, definition, places, rest, tuple(masks))
            program = self._call_programs.get(key)
        except TypeError:  # an argument that cannot be a key
            return super()._call_outermost(args, kwargs)
        if program is None or program.stale(self):
            cause = program.why_stale(self) if program is not None else None
            program = self._call_programs[key] = CallProgram(
                self, definition, places, rest, tuple(masks), cause
            )
        try:
            outputs = program([*arrays, *masks.values()])
        except Exception as error:
            remedy = backend.explain(error)
            if remedy is None:
                raise
            self._calls_eagerly = True
            self._quick.clear()
            warn_user(
                f"Model '{self.name}' cannot be compiled and is called step by step from now "
                f"on: {type(error).__name__}. {remedy}"
            )
            return super()._call_outermost(args, kwargs)
        if (
            len(given) == 1 and not kwargs.keys() - {"training"} and not masks
            and distribution is None and not self._prepares_inputs
            and Shortcut.leads(given[0], args[0], arrays, backend)
        ):
            x = given[0]
            self._quick[type(x), kwargs.get("training"), len(kwargs)] = Shortcut(
                program, x, args[0]
            )
        return outputs

    # ------------------------------------------------------- layers that need the host

    def _program_of_call(self, x: Any, training: bool | None) -> tuple[Any, Any]:
        """The program that `model(x)` runs, and the arrays that it is handed."""
        backend = current_backend()
        if self._prepares_inputs:
            x = self._host_side(x)
        kwargs = {} if training is None else {"training": training}
        args, kwargs, _ = self._take_inputs((x,), kwargs)
        self._prepare_call(args, kwargs)
        leaves, definition = tree.flatten((args, kwargs))
        places = tuple([i for i, leaf in enumerate(leaves) if backend.is_array(leaf)])
        rest = tuple([None if i in places else leaf for i, leaf in enumerate(leaves)])
        arrays = [leaves[i] for i in places]
        masks = masks_by_place(arrays)
        program = CallProgram(self, definition, places, rest, tuple(masks), None)
        return program, [*arrays, *masks.values()]

    def _host_side(self, inputs: Any) -> Any:
        """What the compiled program takes for inputs: what the host's layers make of them."""
        backend = current_backend()
        if is_prepared(inputs) or any(
            type(leaf) is SymbolicTensor or (backend.is_array(leaf) and backend.is_abstract(leaf))
            for leaf in tree.leaves(inputs)
        ):
            return inputs
        data = as_data(inputs)
        with use_backend("numpy"):
            values = self._take_values(data, wide=True)
        if self._host_part is None or self._host_part.reason is not None:
            self._call_step_by_step()
            return data
        return self._host_part.prepare(values)

    def _refuses_programs(self, inputs: Any) -> bool:
        """Whether inputs are strings, which a model without a graph cannot be cut for."""
        return any(holds_strings(leaf) for leaf in tree.leaves(inputs))

    def _call_step_by_step(self) -> None:
        """No compiled program from now on, for layers in the middle run on the host."""
        if not current_backend().compiles or self.run_eagerly:
            return
        part = self._host_part
        why = part.reason if part is not None else (
            "it is given strings, and is no functional or Sequential model whose first layers "
            "take them"
        )
        warnings.warn(
            f"Model '{self.name}' cannot be compiled and runs step by step from now on: {why}. "
            "To have it compiled, give it an `Input(shape, dtype='string')` followed by "
            "`TextVectorization`, `StringLookup` or `Hashing`; or do that part in the data "
            "pipeline.",
            stacklevel=4,
        )
        self.run_eagerly = True

    def _prepare_call(self, args: tuple, kwargs: dict) -> None:
        """Before the first call: make the variables, and note every layer's ends."""
        if self._prepared:
            return
        self._prepared = True
        if self._ends_known():
            return
        log: list[tuple[Layer, Any, Any]] = []

        def observer(layer: Layer, args: tuple, kwargs: dict, outputs: Any) -> None:
            log.append((layer, args[0] if args else None, outputs))

        backend = current_backend()
        batch = _batch_size(args, backend)

        def ends() -> list[tuple[Any, Any]]:
            return [(_arrays_only(i, backend), _arrays_only(o, backend)) for _, i, o in log]

        def run(*args: Any, **kwargs: Any) -> Any:
            log.clear()
            context = call_context.get()
            token = call_context.set(CallContext(context.training if context else None, observer))
            try:
                outputs = self._call_inside(current_context(), args, kwargs)
            finally:
                call_context.reset(token)
            return outputs, ends()

        if backend.compiles and not self.run_eagerly:
            for unknown in ((batch, None), (None, None)):
                symbolic = tree.map_leaves(
                    lambda leaf, b=unknown[0]: _stand_in(leaf, b, backend), (args, kwargs)
                )
                try:
                    _, found = evaluate_abstractly(run, *symbolic)
                except Exception as error:
                    if backend.explain(error) is None and unknown[0] is not None:
                        continue  # perhaps it needs to know the batch size
                    if backend.explain(error) is None:
                        self._prepared = False
                        raise
                    return  # needs values: the call itself will say so
                self._keep_ends([layer for layer, _, _ in log], found)
                return
        else:
            self._observe_next = (observer, log, ends, batch)

    def _keep_ends(self, layers: list[Layer], found: list) -> None:
        for layer, (inputs, outputs) in zip(layers, found):
            if layer._observed is None and not layer._inbound_nodes:
                layer._observed = (inputs, outputs)

    _observe_next: Any = None

    def _call_inside(self, context: CallContext, args: tuple, kwargs: dict) -> Any:
        pending, self._observe_next = self._observe_next, None
        if pending is None:
            return super()._call_inside(context, args, kwargs)
        observer, log, _, batch = pending
        context.observer, outer = observer, context.observer
        try:
            outputs = super()._call_inside(context, args, kwargs)
        finally:
            context.observer = outer
        backend = current_backend()
        found = [
            tuple(
                tree.map_leaves(
                    lambda leaf: _stand_in(leaf, batch, backend), _arrays_only(end, backend)
                )
                for end in (inputs, results)
            )
            for _, inputs, results in log
        ]
        self._keep_ends([layer for layer, _, _ in log], found)
        return outputs

    def _ends_known(self) -> bool:
        """Whether the model and all its layers are built and know their ends."""
        return bool(self._inbound_nodes) or hasattr(self, "_graph")

    @property
    def _prepared(self) -> bool:
        return self.__dict__.get("_prepared_call", False)

    @_prepared.setter
    def _prepared(self, value: bool) -> None:
        self.__dict__["_prepared_call"] = value

    @built_on_request
    def build(self, input_shape: Any) -> None:
        """Make the variables for inputs of a shape.

        Args:
            input_shape: shape with `None` for unknown dimensions; a list or dict of shapes
                for several inputs.

        Raises:
            ValueError: the model's `call` cannot run on arrays of that shape.
        """
        if self.built:
            return
        if type(self).call is Model.call:
            self.built = True
            return
        inputs = symbolic_tensors(input_shape, self.compute_dtype)
        log: list[tuple[Layer, Any, Any]] = []
        backend = current_backend()

        def run(inputs: Any) -> Any:
            log.clear()
            token = call_context.set(CallContext(
                None, lambda layer, a, k, o: log.append((layer, a[0] if a else None, o))
            ))
            try:
                outputs = self._call_inside(current_context(), (inputs,), {})
            finally:
                call_context.reset(token)
            return outputs, [
                (_arrays_only(i, backend), _arrays_only(o, backend)) for _, i, o in log
            ]

        self.built = True  # the call below must not build again
        try:
            _, found = evaluate_abstractly(run, (inputs,), {})
        except Exception as error:
            self.built = False
            error.add_note(
                f"While building model '{self.name}' for inputs of shape {input_shape}. If its "
                "inputs are not floating arrays of one argument, call it on data instead."
            )
            raise
        self._keep_ends([layer for layer, _, _ in log], found)
        self._prepared = True

    # ------------------------------------------------------------------- looking in

    @public
    def trace(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        training: bool | None = None,
        gradients: bool | None = None,
    ) -> inspection.Trace:
        """Run the model once and keep what every layer took and gave.

        One program on a backend that compiles. The model is left as it was.

        Args:
            x: inputs, of one batch.
            y: targets; with them the loss's gradients by outputs and weights are kept too.
            sample_weight: factor of each sample's loss.
            training: whether the layers act as in training; True with gradients, else False.
            gradients: whether to take gradients; True where there are targets.

        Returns:
            A `Trace`: `trace["block/conv"].output`, `.output_gradient`, `.weight_gradients`,
            `.statistics`; it prints as a table that marks what is wrong.

        Raises:
            RuntimeError: gradients are asked for, and the model is not compiled.

        >>> import highlevel as hl
        >>> x = hl.Input((3,))
        >>> model = hl.Model(x, hl.layers.Dense(2, name="head", kernel_initializer="ones")(x))
        >>> model.trace(hl.ops.ones((4, 3)))["head"].statistics.mean
        3.0
        """
        return inspection.trace_model(self, x, y, sample_weight, training, gradients)

    @public
    def replay(self, step: int | None = None, epoch: int | None = None) -> inspection.Replay:
        """Take a step of the last `fit` again, on the NumPy backend, where it can be looked into.

        The very step: its batch, its random numbers, and the variables from before it. `print`
        and `pdb` work in the layers. The model stays as it is.

        Args:
            step: number of the step since the beginning of the `fit`, or within `epoch`, from
                0. By default the one that failed: with an error, or, where `TerminateOnNaN`
                watched, with numbers that are not finite.
            epoch: the epoch, from 0.

        Returns:
            A `Replay`: `.loss`, `.logs`, `.first_nonfinite()`.

        Raises:
            RuntimeError: there was no `fit`, or the step cannot be found again.
            ValueError: there is no such step, or none failed and none was named.
        """
        return inspection.replay_step(self, step, epoch)

    @public
    def plan(
        self, batch_size: int = 32, x: Any = None, y: Any = None, compile: bool = False
    ) -> inspection.Plan:
        """What the model takes in memory and arithmetic, from shapes alone.

        Nothing is allocated: weights that nobody has asked for stay pending. Weights and
        optimizer's state are exact; the peak is a model of what the compiler does.

        Args:
            batch_size: rows of a batch.
            x: inputs whose shapes to take (arrays, or symbolic tensors), where the model does not
                know its inputs or leaves a length open; the number of rows does not matter.
            y: targets whose shapes to take; by default the outputs', or class numbers for sparse
                losses.
            compile: ask the compiler for the peak of the training step, which takes as long
                as compiling it does.

        Returns:
            A `Plan`: totals, and a row per call of a layer; it prints as tables.

        Raises:
            ValueError: the shapes of inputs or targets are not known.

        >>> import highlevel as hl
        >>> model = hl.Sequential([hl.Input((784,)), hl.layers.Dense(10, name="head")])
        >>> plan = model.plan(batch_size=32)
        >>> plan.parameters, plan.weights, plan["head"].activations
        (7850, 31400, 1280)
        >>> int(plan.flops) == 32 * (2 * 784 * 10 + 10)
        True
        """
        return inspection.plan_model(self, batch_size, x, y, compile)

    @public
    def compiled_program(
        self, x: Any, y: Any = None, sample_weight: Any = None, training: bool | None = None
    ) -> inspection.CompiledProgram:
        """The program that `model(x)` runs; with targets, that of a step of training.

        It is traced and compiled for this, and not run. (`model.compiled` says whether `compile`
        was called, as in Keras.)

        Args:
            x: inputs of one batch; their shapes count.
            y: targets, for the step of training.
            sample_weight: factor of each sample's loss.
            training: whether the layers of a call act as in training.

        Returns:
            A `CompiledProgram`: `.operations`, `.jaxpr`, `.stablehlo`, `.optimized`, `.cost`,
            `.memory`, `.seconds`. On NumPy, which does not compile, the operations of a run.

        Raises:
            RuntimeError: targets, and the model is not compiled for training.
            NotImplementedError: targets, on a backend that does not compile.

        >>> import highlevel as hl
        >>> model = hl.Sequential([hl.Input((3,)), hl.layers.Dense(2, use_bias=False)])
        >>> with hl.use_backend("numpy"):
        ...     print(model.compiled_program(hl.ops.ones((4, 3))).texts["operations"])
        float32[4,2] = matmul(float32[4,3], float32[3,2])
        """
        return inspection.compiled_program(self, x, y, sample_weight, training)

    @public
    def profile(self, x: Any, training: bool = False, runs: int = 10) -> inspection.Profile:
        """How long a call takes, as a whole and layer by layer; measured.

        On a backend that compiles each call of a layer is run by itself, as a program of its
        own, and waited for. Within the whole program the compiler joins what lies side by side,
        so that the whole may take less than its layers together. Elsewhere the calls are timed
        within the whole.

        Args:
            x: inputs of one batch.
            training: whether the layers act as in training.
            runs: how often each is run at most; the shortest time counts.

        Returns:
            A `Profile`: `.layers`, `.seconds`, `.rate`, `.compile_seconds`, `.peak`; it prints as
            a table.
        """
        return inspection.profile_model(self, x, training, runs)

    @public
    def compare_backends(
        self,
        x: Any,
        y: Any = None,
        backends: tuple[str, str] = ("numpy", "jax"),
        tolerance: float = 1e-3,
        training: bool = False,
    ) -> inspection.Comparison:
        """Run the model on two backends and compare every layer's outputs.

        Args:
            x: inputs, of one batch.
            y: targets; with them the gradients of outputs are compared too.
            backends: names of the two.
            tolerance: share of a layer's largest value from which it is said to depart.
            training: whether the layers act as in training.

        Returns:
            A `Comparison`: `.first` is the first layer that departs, `comparison["conv"]` the
            difference at a path; it prints as a table.

        Raises:
            ValueError: not two backends.
        """
        return inspection.compare_backends(self, x, y, backends, tolerance, training)

    @public
    def precision_report(
        self, x: Any, dtype: str = "float16", training: bool = False
    ) -> inspection.PrecisionReport:
        """What every layer loses in half precision, and which overflows first.

        The model is run in float32, then with all layers under the mixed policy of `dtype`,
        their variables in float32. It is left as it was.

        Args:
            x: inputs, of one batch.
            dtype: `"float16"` or `"bfloat16"`.
            training: whether the layers act as in training.

        Returns:
            A `PrecisionReport`: `.first_overflow`, `report["conv"].error`; it prints as a table.

        Raises:
            ValueError: another dtype.
        """
        return inspection.precision_report(self, x, dtype, training)

    # ------------------------------------------------------------- configuration

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """The model that `get_config` described."""
        if cls is Model and "layers" in config and "input_layers" in config:
            return cls._functional_class.from_config(config, custom_objects)
        return super().from_config(config)

    def to_json(self, **kwargs: Any) -> str:
        """The model's configuration, without weights, as JSON; see `models.model_from_json`."""
        return json.dumps(serialize_keras_object(self), **kwargs)

    # --------------------------------------------------------------------- files

    @public
    def save(
        self, filepath: Any, overwrite: bool = True, zipped: bool | None = None, **kwargs: Any
    ) -> None:
        """Write the whole model: architecture, weights, compilation, optimizer state.

        Args:
            filepath: path ending in `.keras`.
            overwrite: replace an existing file.
            zipped: kept for the contract.

        Raises:
            ValueError: another ending.
            FileExistsError: the file exists and `overwrite` is False.
        """
        save_model(self, filepath, overwrite=overwrite, zipped=zipped, **kwargs)

    @public
    def save_weights(
        self,
        filepath: Any,
        overwrite: bool = True,
        max_shard_size: float | None = None,
        **kwargs: Any,
    ) -> None:
        """Write the weights alone, to a path ending in `.weights.h5` or `.safetensors`.

        Args:
            filepath: path; with `max_shard_size` it ends in `.weights.json`.
            overwrite: replace an existing file.
            max_shard_size: split into files of at most so many gigabytes.
        """
        save_weights(self, filepath, overwrite=overwrite, max_shard_size=max_shard_size, **kwargs)

    @public
    def load_weights(
        self, filepath: Any, skip_mismatch: bool = False, **kwargs: Any
    ) -> LoadReport:
        """Read weights written by `save_weights` or from a `.keras` file.

        Args:
            filepath: the file; see `saving.load_weights`.
            skip_mismatch: leave layers whose weights do not fit as they are.
            strict, rename, objects_to_skip, by_name: as `saving.load_weights` takes them.

        Returns:
            A report: what was loaded, missing, differing, unused.

        Raises:
            ValueError: weights are missing or of another shape; nothing is changed then.
        """
        return load_weights(self, filepath, skip_mismatch=skip_mismatch, **kwargs)

    def summary(
        self,
        line_length: int | None = None,
        positions: Any = None,
        print_fn: Callable | None = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: Any = None,
    ) -> None:
        """Print a table of the layers: names, output shapes, parameters, connections.

        Nothing is allocated for it. In notebooks it is HTML, where models inside open.

        Args:
            line_length: width in characters.
            positions: kept for the contract.
            print_fn: called with the text instead of printing it.
            expand_nested: show the layers of models inside this one.
            show_trainable: add a column.
            layer_range: `[first, last]` patterns of layer names to show.
        """
        print_summary(
            self, line_length=line_length, positions=positions, print_fn=print_fn,
            expand_nested=expand_nested, show_trainable=show_trainable, layer_range=layer_range,
        )

    def _repr_html_(self) -> str:
        return Summary(self)._repr_html_()

    def plot(
        self,
        show_shapes: bool = True,
        show_dtype: bool = False,
        show_layer_names: bool = True,
        rankdir: str = "TB",
        expand_nested: bool | str | Collection[str] = False,
        show_layer_activations: bool = False,
        show_trainable: bool = False,
        show_parameters: bool = True,
        dpi: float = 200,
    ) -> inspection.Drawing:
        """Draw the graph: a box for every call of a layer or op. Nothing is allocated for it.

        Args:
            show_shapes, show_dtype: of the outputs.
            show_layer_names: names beside what the layers are.
            rankdir: direction of the lines: `"TB"` is downwards, `"BT"`, `"LR"`, `"RL"`.
            expand_nested: draw out the models inside; or names, paths or patterns of them of
                those that are.
            show_layer_activations: names of activations.
            show_trainable: whether weights are trained.
            show_parameters: how many entries a layer's weights have.
            dpi: resolution of pictures of pixels.

        Returns:
            A `Drawing`, which shows itself in notebooks; `.save("model.svg")` writes it.

        Raises:
            ValueError: another direction.

        >>> import highlevel as hl
        >>> model = hl.Sequential([hl.Input((4,)), hl.layers.Dense(2)], name="net")
        >>> model.plot(rankdir="LR").svg.count('<rect class="b"')
        2
        """
        return inspection.draw_model(
            self, show_shapes, show_dtype, show_layer_names, rankdir, expand_nested,
            show_layer_activations, show_trainable, show_parameters, dpi,
        )


def _batch_size(args: tuple, backend: Any) -> int | None:
    """The length of the first axis that all arrays of a call share, or None."""
    lengths = {
        leaf.shape[0] if leaf.ndim else None
        for leaf in tree.leaves(args) if backend.is_array(leaf)
    }
    return lengths.pop() if len(lengths) == 1 else None


def _stand_in(leaf: Any, batch: int | None, backend: Any) -> Any:
    """A symbolic tensor for an array, its first axis unknown where it is the batch."""
    if not backend.is_array(leaf):
        return leaf
    shape = tuple(leaf.shape)
    if batch is not None and shape and shape[0] == batch:
        shape = (None, *shape[1:])
    return SymbolicTensor(shape, "string" if holds_strings(leaf) else str(leaf.dtype))


def _arrays_only(structure: Any, backend: Any) -> Any:
    return tree.map_leaves(lambda leaf: leaf if backend.is_array(leaf) else None, structure)
