"""`JaxLayer`: a layer made of pure functions of parameters, state and inputs."""

from __future__ import annotations

import contextvars
import inspect
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from highlevel_backend import canonical_name, current_backend, is_float, tree

from highlevel.errors import add_note, suggest
from highlevel.layers.layer import Layer, is_shape
from highlevel.random.seed_generator import SeedGenerator, make_default_seed
from highlevel.serialization import deserialize_keras_object, serialize_keras_object
from highlevel.state import current_scope

__all__ = ["JaxLayer"]

_CALL_NAMES = ("params", "state", "rng", "inputs", "training")
_INIT_NAMES = ("rng", "inputs", "training")
_SPEC = "__array__"


class JaxLayer(Layer):
    """A model of JAX, Haiku, Equinox, ...: two pure functions, made a layer.

    The functions are recognised by the names of their parameters. `params` and `state` are
    dicts, lists and tuples of arrays in any nesting; each array becomes a weight of the
    layer, trainable for `params` and not for `state`.

    Under a backend other than JAX's the functions are called with that backend's arrays.
    Functions of JAX take those too, so inference works; for training there, `call_fn` must
    be written with that backend's functions or with operators.

    Args:
        call_fn: `(params, state, rng, inputs, training) -> outputs`; all but `inputs` may
            be left out. With `state` it returns `(outputs, new state)`. `rng` is a key of
            shape `(2,)`, uint32, in training, and None otherwise.
        init_fn: `(rng, inputs, training) -> params`, or `-> (params, state)` where
            `call_fn` takes `state`; `training` may be left out and is True. It is called
            once, when the layer is built, with ones of the inputs' shapes, unknown
            lengths being 1.
        params: the first values of the parameters, instead of `init_fn`'s.
        state: the first values of the state, instead of `init_fn`'s.
        seed: integer that the keys come from; made up where None.
        native_serialization_platforms: accepted for the contract; has no effect.

    Call arguments:
        inputs: array, or a tree of arrays.
        training: handed to `call_fn`.

    Returns:
        The outputs of `call_fn`.

    Raises:
        ValueError: parameters of other names; nothing to make the parameters of.
        TypeError: a gradient is asked of another library's functions.

    >>> import highlevel as hl
    >>> def init(rng, inputs):
    ...     return {"scale": hl.ops.ones(inputs.shape[-1:])}
    >>> def call(params, inputs):
    ...     return inputs * params["scale"]
    >>> layer = hl.layers.JaxLayer(call, init, name="scaling")
    >>> layer(hl.ops.ones((2, 3))).shape, [w.path for w in layer.weights]
    ((2, 3), ['scaling/scale'])
    """

    def __init__(
        self,
        call_fn: Callable,
        init_fn: Callable | None = None,
        params: Any = None,
        state: Any = None,
        seed: int | None = None,
        native_serialization_platforms: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._takes = self._parameters("call_fn", call_fn, _CALL_NAMES, ("inputs",))
        if init_fn is not None:
            self._init_takes = self._parameters(
                "init_fn", init_fn, _INIT_NAMES, ("rng", "inputs"))
        given = params is not None or state is not None
        needed = "params" in self._takes or "state" in self._takes
        if needed and init_fn is None and not given:
            raise ValueError(
                f"{type(self).__name__} '{self.name}': `call_fn` takes "
                f"{' and '.join(n for n in self._takes if n in ('params', 'state'))}, but there "
                "is nothing to make them of. Give `init_fn`, or `params` and `state`."
            )
        self.call_fn = call_fn
        self.init_fn = init_fn
        self.seed = seed
        self._first_seed = make_default_seed() if seed is None else seed
        self.seed_generator = SeedGenerator(self._first_seed)
        self.native_serialization_platforms = native_serialization_platforms
        self._untracked = {"params": _plain_tree(params), "state": _plain_tree(state)}
        self._input_dtypes: Any = None
        #: trees of variables, once built
        self.params: Any = None
        self.state: Any = None

    def _parameters(
        self, argument: str, function: Any, known: tuple[str, ...], needed: tuple[str, ...]
    ) -> list[str]:
        """Names of a function's parameters that the layer fills."""
        owner = f"{type(self).__name__} '{self.name}'"
        if not callable(function):
            raise ValueError(f"{owner}: `{argument}` must be a function; got {function!r}.")
        parameters = inspect.signature(function).parameters.values()
        names = [p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
        for parameter in parameters:
            optional = parameter.default is not parameter.empty or parameter.name not in names
            if parameter.name not in known and not optional:
                raise ValueError(
                    f"{owner}: `{argument}` has the parameter `{parameter.name}`, for which there "
                    f"is no value. {suggest(parameter.name, known).strip()} It may have "
                    f"{', '.join(known)}, by these names; wrap it in a function that has."
                )
        missing = [name for name in needed if name not in names]
        if missing:
            raise ValueError(
                f"{owner}: `{argument}` has no parameter {', '.join(map(repr, missing))}; it has "
                f"{', '.join(names) or 'none'}. Wrap it in a function with the names "
                f"{', '.join(known)}, of which {', '.join(needed)} must be there."
            )
        return [name for name in known if name in names]

    # ------------------------------------------------------------------ building

    def build(self, input_shape: Any) -> None:
        """Make the variables, of the values given or of what `init_fn` returns."""
        params, state = self._untracked["params"], self._untracked["state"]
        if params is None and state is None and self.init_fn is not None:
            made = self._initialised(self.init_fn, input_shape)
            if "state" in self._takes:
                params, state = self._pair(made, "init_fn", "(params, state)")
            else:
                params = made
        if "params" in self._takes:
            self.params = self._variables("params", params, trainable=True)
        if "state" in self._takes:
            self.state = self._variables("state", state, trainable=False)

    def _build_for(self, info: Any, args: tuple, kwargs: dict) -> None:
        # `build` is told shapes; some models are made for integers.
        self._input_dtypes = tree.map_leaves(
            lambda x: canonical_name(x.dtype), args[0] if args else kwargs["inputs"])
        super()._build_for(info, args, kwargs)

    def get_build_config(self) -> dict[str, Any] | None:
        """The shapes and the dtypes that the layer was built for."""
        config = super().get_build_config()
        if config and self._input_dtypes is not None:
            config = {**config, "input_dtype": self._input_dtypes}
        return config

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Build for the shapes and dtypes that `get_build_config` gave."""
        config = dict(config or {})
        self._input_dtypes = config.pop("input_dtype", None)
        super().build_from_config(config)

    def _initialised(self, init_fn: Callable, input_shape: Any) -> Any:
        """What `init_fn` returns for inputs of a shape."""
        shapes, definition = tree.flatten(input_shape, is_leaf=is_shape)
        dtypes = tree.leaves(self._input_dtypes) or [self.compute_dtype] * len(shapes)

        def run() -> Any:
            backend = current_backend()
            current_scope.set(None)
            ones = [
                backend.asarray(np.ones([1 if n is None else n for n in shape]), dtype)
                for shape, dtype in zip(shapes, dtypes)
            ]
            values = {
                # The stream of keys counts upwards from 0 and does not come to this one.
                "rng": backend.asarray(
                    np.array([self._first_seed, 2**32 - 1], np.uint32)),
                "inputs": tree.unflatten(definition, ones),
                "training": True,
            }
            return init_fn(**{name: values[name] for name in self._init_takes})

        # The layer may be built within a trace, whose values no variable can hold. Traces
        # belong to a thread: in another one the values are computed at once.
        with ThreadPoolExecutor(1) as pool:
            return _plain_tree(pool.submit(contextvars.copy_context().run, run).result())

    def _variables(self, what: str, values: Any, trainable: bool) -> Any:
        if values is None:
            raise ValueError(
                f"{type(self).__name__} '{self.name}': `call_fn` takes `{what}`, but no `{what}` "
                "was given beside the other. Give both, or `init_fn` and neither."
            )

        def make(path: tuple, value: Any) -> Any:
            name = ".".join(map(str, path)).replace("/", ".") or what
            try:
                array = value if isinstance(value, _Spec) else np.asarray(value)
                dtype = canonical_name(array.dtype)
            except (TypeError, ValueError):
                raise ValueError(
                    f"{type(self).__name__} '{self.name}': the entry '{name}' of `{what}` is no "
                    f"array, but {value!r}. `{what}` must be dicts, lists and tuples of arrays."
                ) from None
            return self.add_weight(
                tuple(array.shape), _Given(array), trainable=trainable, autocast=trainable,
                dtype=self.variable_dtype if is_float(dtype) else dtype, name=name,
            )

        pairs = tree.flatten_with_path(values)
        _, definition = tree.flatten(values)
        return tree.unflatten(definition, [make(path, value) for path, value in pairs])

    def _pair(self, value: Any, argument: str, wanted: str) -> Any:
        if not isinstance(value, (tuple, list)) or len(value) != 2:
            raise ValueError(
                f"{type(self).__name__} '{self.name}': `call_fn` takes `state`, so `{argument}` "
                f"must return the pair {wanted}; it returned {type(value).__name__}"
                + (f" of {len(value)}." if isinstance(value, (tuple, list)) else ".")
            )
        return value

    # ---------------------------------------------------------------------- call

    def call(self, inputs: Any, training: bool | None = False) -> Any:
        """What `call_fn` returns; the new state is kept."""
        arguments: dict[str, Any] = {"inputs": inputs}
        for name in ("params", "state"):
            if name in self._takes:
                arguments[name] = tree.map_leaves(lambda v: v.value, getattr(self, name))
        if "rng" in self._takes:
            arguments["rng"] = self.seed_generator.next() if training else None
        if "training" in self._takes:
            arguments["training"] = bool(training)
        recording = _recorded(arguments)
        try:
            outputs = self.call_fn(**arguments)
        except Exception as error:
            if recording:
                add_note(error, self._no_gradient())
            raise
        if "state" in self._takes:
            outputs, state = self._pair(outputs, "call_fn", "(outputs, new state)")
            self._keep(_plain_tree(state))
        return tree.map_leaves(lambda leaf: self._own(leaf, recording), outputs)

    def _own(self, value: Any, recording: bool) -> Any:
        """An output as an array of the backend in force."""
        backend = current_backend()
        if backend.is_array(value):
            return value
        if recording and not isinstance(value, (bool, int, float)):
            raise TypeError(self._no_gradient())
        return backend.asarray(value)

    def _no_gradient(self) -> str:
        return (
            f"{type(self).__name__} '{self.name}' is being trained under the backend "
            f"'{current_backend().name}', which cannot take gradients of another library's "
            "functions. Train under that library's backend "
            "(`with highlevel.use_backend(\"jax\"):`), or write `call_fn` with "
            "`highlevel.ops` or with operators."
        )

    def _keep(self, state: Any) -> None:
        variables, definition = tree.flatten(self.state)
        values, found = tree.flatten(state)
        if found != definition:
            raise ValueError(
                f"{type(self).__name__} '{self.name}': `call_fn` returned a state of another "
                "structure than it was given: "
                f"{[_dotted(path) for path, _ in tree.flatten_with_path(state)]} instead of "
                f"{[_dotted(path) for path, _ in tree.flatten_with_path(self.state)]}."
            )
        for variable, value in zip(variables, values):
            variable.assign(value)

    # -------------------------------------------------------------------- config

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer.

        Functions are written by name. Without `init_fn` the shapes of parameters and state
        are written too, so that a layer made from the config can take saved weights.
        """
        config = super().get_config()
        config["call_fn"] = serialize_keras_object(self.call_fn)
        config["init_fn"] = serialize_keras_object(self.init_fn)
        config["seed"] = self.seed
        config["native_serialization_platforms"] = self.native_serialization_platforms
        if self.init_fn is None:
            for name, value in self._untracked.items():
                if value is not None:
                    config[name] = _written(value)
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """The layer that `get_config` described.

        Args:
            custom_objects: name → function, for functions that are not registered.
        """
        config = dict(config)
        for name in ("call_fn", "init_fn"):
            if isinstance(config.get(name), dict):
                config[name] = deserialize_keras_object(
                    config[name], custom_objects=custom_objects)
        for name in ("params", "state"):
            if name in config:
                config[name] = _read(config[name])
        return super().from_config(config)


class _Given:
    """Initializer that gives a value; zeros for one of which only the shape is known."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        return np.zeros(shape) if isinstance(self.value, _Spec) else self.value


class _Spec:
    """Stands for an array that a file of weights will bring."""

    __slots__ = ("dtype", "shape")

    def __init__(self, shape: Any, dtype: str) -> None:
        self.shape, self.dtype = tuple(shape), dtype



def _dotted(path: tuple) -> str:
    return ".".join(map(str, path))


def _recorded(arguments: Any) -> bool:
    """Whether a gradient is being recorded through arrays that wrap the backend's own."""
    backend = current_backend()
    if backend.compiles:
        return False
    own = (type(backend.asarray(0.0)), np.generic)
    return any(
        backend.is_array(leaf) and not isinstance(leaf, own) for leaf in tree.leaves(arguments)
    )


def _plain_tree(value: Any) -> Any:
    """A tree in which other libraries' mappings are dicts."""
    if isinstance(value, Mapping):
        return {key: _plain_tree(item) for key, item in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*[_plain_tree(item) for item in value])
    if isinstance(value, (list, tuple)):
        return type(value)([_plain_tree(item) for item in value])
    return value


def _written(value: Any) -> Any:
    """A tree of arrays as plain values: shapes and dtypes in place of entries."""
    if value is None:
        return None
    if isinstance(value, dict):
        return {str(key): _written(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return {"__tuple__": [_written(item) for item in value]}
    if isinstance(value, list):
        return [_written(item) for item in value]
    array = value if isinstance(value, _Spec) else np.asarray(value)
    return {_SPEC: {"shape": list(array.shape), "dtype": canonical_name(array.dtype)}}


def _read(value: Any) -> Any:
    if isinstance(value, dict):
        if set(value) == {_SPEC}:
            return _Spec(**value[_SPEC])
        if set(value) == {"__tuple__"}:
            return tuple(_read(item) for item in value["__tuple__"])
        return {key: _read(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_read(item) for item in value]
    return value
