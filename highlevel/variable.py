"""`Variable`: a named array that training changes, and that exists only when needed.

Life of a variable: it is made with an initializer and a shape, *pending*: nothing is
allocated. The first read (or `materialize`) computes the value, or the first assignment
sets it. The array belongs to the backend that made it; read under another backend it is
converted once, and the converted array is kept until the variable changes.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from highlevel_backend import (
    Backend,
    canonical_name,
    current_backend,
    is_float,
    load_backend,
    use_backend,
)

from highlevel import config
from highlevel._typing import ArrayOperators
from highlevel.inspection import sheets
from highlevel.naming import current_path, unique_name
from highlevel.state import active_distribution, autocast_dtype, current_scope

__all__ = ["KeptArrays", "Variable", "materialize", "overwrite", "plain", "raw_values"]

_REFLECTED = [
    "add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor",
]
_OPERATORS = [*_REFLECTED, "lshift", "rshift", "lt", "le", "gt", "ge", "eq", "ne"]


class KeptArrays:
    """The arrays of some variables, at hand for one call after another.

    Reading variables one by one takes time at every call of a compiled program. What is kept
    here is dropped when any variable of the process gets another value, so that nothing lives
    longer because of it.
    """

    __slots__ = ("__weakref__", "_arrays", "_assignments")

    #: assignments to variables so far
    assignments = 0
    _holders: list[weakref.ref[KeptArrays]] = []

    def __init__(self) -> None:
        self._arrays: Any = None
        self._assignments = -1

    def get(self) -> Any:
        """What was kept, if no variable has got another value since; else None."""
        return self._arrays if self._assignments == KeptArrays.assignments else None

    def keep(self, arrays: Any, since: int) -> None:
        """Keep what was read from variables.

        Args:
            arrays: any structure of them.
            since: `assignments` as it was before they were read.
        """
        KeptArrays._holders.append(weakref.ref(self))
        self._arrays, self._assignments = arrays, since

    @staticmethod
    def note_assignment() -> None:
        """Say that a variable has got another value."""
        KeptArrays.assignments += 1
        holders = KeptArrays._holders
        if holders:
            KeptArrays._holders = []
            for reference in holders:
                holder = reference()
                if holder is not None:
                    holder._arrays = None


class Variable(ArrayOperators):
    """An array with a name, a path and a value that can be assigned.

    Args:
        initializer: the first value (anything that becomes an array), or a callable
            `(shape, dtype) -> array`, called when the value is first needed.
        shape: shape, needed with a callable.
        dtype: dtype name; by default the value's, or `config.floatx()`.
        trainable: whether training changes it by gradients.
        autocast: whether layers under a mixed policy read it in their compute dtype.
        aggregation, synchronization, layout: kept for distribution.
        name: last part of the path; made up where None.
        regularizer, constraint: callables applied by training.

    Attributes:
        path: names of the scopes it was made in and its own, joined by `/`.

    Raises:
        ValueError: a callable initializer without a shape; a shape with unknown dimensions.

    >>> import numpy as np
    >>> v = Variable(np.zeros((2, 3), "float32"), name="w")
    >>> v.shape, v.dtype, v.path
    ((2, 3), 'float32', 'w')
    """

    __hash__ = object.__hash__
    #: factor of the learning rate, and weight decay instead of the optimizer's (None: its own)
    learning_rate_multiplier: float = 1.0
    weight_decay: float | None = None
    #: whether layers use the entries along the first axis one after the other, as `Repeat` does
    used_by_parts: bool = False
    # NumPy hands `array + variable` over to us instead of making an object array.
    __array_priority__ = 1000

    def __init__(
        self,
        initializer: Any,
        shape: Sequence[int] | None = None,
        dtype: str | None = None,
        trainable: bool = True,
        autocast: bool = True,
        aggregation: str = "none",
        synchronization: str = "auto",
        name: str | None = None,
        layout: Any = None,
        *,
        regularizer: Callable | None = None,
        constraint: Callable | None = None,
        overwrite_with_gradient: bool = False,
    ) -> None:
        self.name = name or unique_name("variable")
        if "/" in self.name:
            raise ValueError(f"The name of a Variable cannot contain '/'; got {self.name!r}.")
        scope = current_path()
        self.path = f"{scope}/{self.name}" if scope else self.name
        self.trainable = trainable
        #: whether `trainable = True` on its layer makes it trainable (again)
        self.born_trainable = trainable
        self.autocast = autocast
        self.aggregation = aggregation
        self.synchronization = synchronization
        self.regularizer = regularizer
        self.constraint = constraint
        self.overwrite_with_gradient = overwrite_with_gradient
        self.layout = layout
        #: counts the assignments; what is derived from the value can be kept by it
        self.version = 0
        self._value: Any = None
        self._home: Backend | None = None  # the backend `_value` belongs to
        self._converted: tuple[Backend, Any] | None = None
        self._pending: Callable | None = None
        if callable(initializer):
            if shape is None:
                raise ValueError(
                    f"Variable '{self.path}' has a callable initializer and needs `shape`."
                )
            self.shape = _full_shape(shape, self.path)
            self.dtype = canonical_name(dtype) if dtype is not None else config.floatx()
            self._pending = initializer
            if getattr(initializer, "draws_from_state", False):
                self._materialize()  # its random numbers depend on when it is called
        else:
            if isinstance(initializer, Variable):
                initializer = initializer.value
            backend = current_backend()
            name = canonical_name(dtype) if dtype is not None else _dtype_of_value(initializer)
            value = _own_copy(backend.asarray(initializer, name), initializer)
            self.shape = tuple(value.shape)
            self.dtype = canonical_name(value.dtype)
            if shape is not None and tuple(shape) != self.shape:
                raise ValueError(
                    f"Variable '{self.path}' was given `shape={tuple(shape)}` and a value of "
                    f"shape {self.shape}; leave `shape` out or make them agree."
                )
            self._value, self._home = value, backend
        self._floating = is_float(self.dtype)

    # ----------------------------------------------------------------- value

    @property
    def value(self) -> Any:
        """The array in the current backend; inside a compiled step its traced value."""
        scope = current_scope.get()
        if scope is not None:
            found = scope.read(self)
            if found is None:
                found = self.raw_value()
        else:
            found = self.raw_value()
        if self.autocast and self._floating:
            dtype = autocast_dtype.get()
            if dtype is not None and dtype != self.dtype:
                return current_backend().cast(found, dtype)
        return found

    def raw_value(self) -> Any:
        """The stored array in the current backend, past any scope and autocast."""
        backend = current_backend()
        if self._home is backend:
            return self._value
        if self._pending is not None:
            distribution = active_distribution()
            if distribution is not None and current_scope.get() is None:
                distribution.place([self])
                return self._value
            self._materialize()
        if self._converted is not None and self._converted[0] is backend:
            return self._converted[1]
        home = self._home
        if home is backend:
            return self._value
        assert home is not None  # noqa: S101 - a value has a home
        value = backend.asarray(home.to_numpy(self._value), self.dtype)
        if not backend.is_abstract(value):
            if self._initialised_on_host:
                # The host's copy has served: it is not kept beside the device's.
                self._value, self._home, self._initialised_on_host = value, backend, False
            else:
                self._converted = (backend, value)
            KeptArrays.note_assignment()  # it is held in another way now
        return value

    _initialised_on_host = False

    @property
    def is_pending(self) -> bool:
        """Whether the value has not been computed yet."""
        return self._pending is not None

    def held(self) -> list[tuple[Backend, Any]]:
        """The arrays it keeps, with their backends: its value, and a copy for another backend."""
        own = [] if self._value is None or self._home is None else [(self._home, self._value)]
        return own if self._converted is None else [*own, self._converted]

    def _materialize(self) -> None:
        """Compute the pending value, on the host: free of any trace around this call."""
        if self._pending is None:
            return
        initializer, self._pending = self._pending, None
        token = current_scope.set(None)
        try:
            with use_backend("numpy") as host:
                value = initializer(self.shape, dtype=self.dtype)
                value = host.asarray(plain(value), self.dtype)
            if tuple(value.shape) != self.shape:
                raise ValueError(
                    f"The initializer of variable '{self.path}' returned the shape "
                    f"{tuple(value.shape)}, not {self.shape}."
                )
        except BaseException:
            self._pending = initializer
            raise
        finally:
            current_scope.reset(token)
        self._value, self._home, self._initialised_on_host = value, host, True

    def computed_value(self) -> Any:
        """What the pending initializer gives, in the current backend; nothing is stored."""
        if self._pending is None:
            return self.raw_value()
        value = self._pending(self.shape, dtype=self.dtype)
        return current_backend().asarray(plain(value), self.dtype)

    def assign(self, value: Any) -> Any:
        """Set the value, cast to the variable's dtype.

        Args:
            value: array of the variable's shape.

        Returns:
            The array that was stored.

        Raises:
            ValueError: another shape.
            RuntimeError: a traced value outside the state of a compiled function.
        """
        return self.store(self.fitted(value))

    def fitted(self, value: Any, adopted: bool = False) -> Any:
        """`value` as this variable would keep it: in its dtype, where its layout says.

        Args:
            value: array of the variable's shape.
            adopted: the caller gives the memory of a NumPy array up; else it is not shared.

        Raises:
            ValueError: another shape.
        """
        backend = current_backend()
        distribution = active_distribution()
        given = value = plain(value)
        fits = (
            isinstance(value, np.ndarray) and value.shape == self.shape
            and value.dtype.name == self.dtype
        )
        if distribution is not None and fits:
            # Part by part from the host: no one device may have room for all of it.
            value = backend.shard(value, distribution.fitting(self).backend_layout)
        elif adopted and fits:
            value = backend.adopt(value)
        value = backend.asarray(value, None)
        if tuple(value.shape) != self.shape:
            raise ValueError(
                f"Variable '{self.path}' has the shape {self.shape} and cannot be assigned a "
                f"value of shape {tuple(value.shape)}."
            )
        value = backend.cast(value, self.dtype)
        return value if adopted else _own_copy(value, given)

    def store(self, value: Any) -> Any:
        """Set the value to what `fitted` returned.

        Raises:
            RuntimeError: a traced value outside the state of a compiled function.
        """
        backend = current_backend()
        distribution = active_distribution()
        scope = current_scope.get()
        if scope is not None:
            scope.add_update((self, value))
        else:
            if backend.is_abstract(value):
                raise RuntimeError(
                    f"Variable '{self.path}' was assigned a traced value: it would outlive the "
                    "compiled function that made it. Return the value from the function, or "
                    "run the assignment inside `hl.StatelessScope` and return its updates."
                )
            if distribution is not None:
                value = backend.shard(value, distribution.fitting(self).backend_layout)
            self.set_raw(value, backend)
        return value

    def set_raw(self, value: Any, backend: Backend) -> None:
        """Store an array of `backend` of the right shape and dtype, unchecked.

        For writing back the results of a compiled step.
        """
        self._value = value
        self._home = backend
        self._converted = None
        self._pending = None
        self._initialised_on_host = False
        self.version += 1
        KeptArrays.note_assignment()

    def assign_add(self, value: Any) -> Any:
        """Add to the value; returns the new array."""
        return self.store(self.fitted(self._own_value() + self._like(value), adopted=True))

    def assign_sub(self, value: Any) -> Any:
        """Subtract from the value; returns the new array."""
        return self.store(self.fitted(self._own_value() - self._like(value), adopted=True))

    def _own_value(self) -> Any:
        """The value in the variable's own dtype, whatever autocasting is in force."""
        scope = current_scope.get()
        found = scope.read(self) if scope is not None else None
        return self.raw_value() if found is None else found

    def _like(self, value: Any) -> Any:
        return current_backend().asarray(plain(value), self.dtype)

    def numpy(self) -> np.ndarray:
        """The value as a NumPy array of the caller's own; `np.asarray(variable)` makes no copy."""
        return np.array(current_backend().to_numpy(self.value))

    # ----------------------------------------------------------- array-likeness

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of entries."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes the value takes, or will take once it exists."""
        return self.size * _itemsize(self.dtype)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        value = current_backend().to_numpy(self.value)
        if dtype is not None and value.dtype != dtype:
            return value.astype(dtype)
        return np.array(value) if copy else value

    def __jax_array__(self) -> Any:
        return self.value

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return getattr(ufunc, method)(*map(plain, inputs), **kwargs)

    def __getitem__(self, index: Any) -> Any:
        return self.value[index]

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError(f"Variable '{self.path}' is a scalar and has no len().")
        return self.shape[0]

    def __iter__(self) -> Any:
        return iter(self.value)

    def __bool__(self) -> bool:
        return bool(self.value)

    def __float__(self) -> float:
        return float(self.value)

    def __int__(self) -> int:
        return int(self.value)

    def __neg__(self) -> Any:
        return -self.value

    def __pos__(self) -> Any:
        return self.value

    def __abs__(self) -> Any:
        return abs(self.value)

    def __invert__(self) -> Any:
        return ~self.value

    def __repr__(self) -> str:
        state = ", pending" if self.is_pending else ""
        return (
            f"<Variable path={self.path}, shape={self.shape}, dtype={self.dtype}"
            f"{'' if self.trainable else ', not trainable'}{state}>"
        )

    def __str__(self) -> str:
        return repr(self)

    def _repr_html_(self) -> str:
        return sheets.of_variable(self)


def _operator(name: str) -> Callable:
    import operator

    function = getattr(operator, {"and": "and_", "or": "or_"}.get(name, name))

    def apply(self: Variable, other: Any) -> Any:
        return function(self.value, _operand(self, other))

    return apply


def _reflected(name: str) -> Callable:
    import operator

    function = getattr(operator, {"and": "and_", "or": "or_"}.get(name, name))

    def apply(self: Variable, other: Any) -> Any:
        return function(_operand(self, other), self.value)

    return apply


for _name in _OPERATORS:
    setattr(Variable, f"__{_name}__", _operator(_name))
for _name in _REFLECTED:
    setattr(Variable, f"__r{_name}__", _reflected(_name))


def _operand(variable: Variable, other: Any) -> Any:
    """The other side of an operator, in this backend; integers do not widen a float."""
    other = plain(other)
    if isinstance(other, (int, float, complex)):
        return other
    backend = current_backend()
    array = backend.asarray(other) if not backend.is_array(other) else other
    if variable._floating and not is_float(canonical_name(array.dtype)):
        return backend.cast(array, canonical_name(variable.value.dtype))
    return array


def plain(value: Any) -> Any:
    """The value of a `Variable`; anything else as it is."""
    return value.value if isinstance(value, Variable) else value


def _own_copy(value: Any, given: Any) -> Any:
    """`value`, copied where it is memory that the caller holds as well and may change."""
    if (
        type(value) is np.ndarray and isinstance(given, np.ndarray)
        and np.may_share_memory(value, given)
    ):
        return value.copy()
    return value


def _full_shape(shape: Any, path: str) -> tuple[int, ...]:
    try:
        entries = (shape,) if isinstance(shape, int) else tuple(shape)
        full = tuple([int(entry) for entry in entries])
    except TypeError:
        raise ValueError(
            f"Variable '{path}' needs a shape of integers, all known; got {shape!r}."
        ) from None
    if full and min(full) < 0:
        raise ValueError(f"Variable '{path}' cannot have the negative dimension in {full}.")
    return full


def _dtype_of_value(value: Any) -> str | None:
    """dtype that a plain Python value takes; arrays keep theirs."""
    if isinstance(value, float):
        return config.floatx()
    if isinstance(value, (list, tuple)):
        array = np.asarray(value)
        if array.dtype.kind == "f":
            return config.floatx()
        if array.dtype.kind in "iu":
            return "int32"
    return None


def _itemsize(dtype: str) -> int:
    if dtype in ("bool", "int8", "uint8") or dtype.startswith("float8"):
        return 1
    if dtype in ("bfloat16", "float16", "int16", "uint16"):
        return 2
    if dtype in ("float64", "int64", "uint64", "complex64"):
        return 8
    return 16 if dtype == "complex128" else 4


def raw_values(variables: Iterable[Variable]) -> list[Any]:
    """`raw_value` of each."""
    backend = current_backend()
    return [v._value if v._home is backend else v.raw_value() for v in variables]


def overwrite(variables: Iterable[Variable], values: Iterable[Any], backend: Backend) -> None:
    """`set_raw` for many. The caller notes the assignment; see `KeptArrays`."""
    for variable, value in zip(variables, values):
        variable._value = value
        variable._home = backend
        variable._converted = variable._pending = None
        variable._initialised_on_host = False
        variable.version += 1


def materialize(variables: Iterable[Variable]) -> None:
    """Compute the values of all that are pending, and move them to the current backend."""
    load_backend("numpy")
    for variable in variables:
        variable.raw_value()
