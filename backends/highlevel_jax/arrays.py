"""Values into and out of JAX.

`asarray` and `cast` stand in the path of every operation, so each tests for the
commonest case first, by `type(x) is ...`, and does nothing else for it.
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from highlevel_backend import canonical_name
from jax.core import Tracer
from jax.experimental import multihost_utils

try:  # the class of concrete arrays; asking an array for it would start XLA's client
    from jax._src.array import ArrayImpl as CONCRETE
except ImportError:  # it has moved: the tests by `isinstance` that follow catch all
    from jax import Array as CONCRETE

try:
    from jax._src.core import trace_state_clean
except ImportError:  # it has moved: go without the shortcut it allows

    def trace_state_clean() -> bool:
        return False


__all__ = [
    "CONCRETE",
    "adopt",
    "asarray",
    "cast",
    "concrete_value",
    "host_array",
    "is_abstract",
    "is_array",
    "numpy_dtype",
    "to_numpy",
    "unshared",
]

_DTYPES: dict[str, np.dtype] = {}
# Dtypes that JAX has only where 64-bit values are switched on.
_WIDE = frozenset(["int64", "uint64", "float64", "complex128"])


def numpy_dtype(name: Any) -> np.dtype:
    """The dtype object of a name; 64-bit ones become 32-bit ones unless JAX has x64 on.

    Raises:
        ValueError: no dtype has that name.
        TypeError: the dtype is `"string"`.
    """
    if name in _WIDE:
        return jax.dtypes.canonicalize_dtype(name)
    found = _DTYPES.get(name)
    if found is None:
        full = canonical_name(name)
        if full == "string":
            raise TypeError(
                "JAX has no arrays of strings. Turn them into numbers first (a StringLookup, "
                "Hashing or TextVectorization layer does), or keep them in a NumPy array."
            )
        if full in _WIDE:
            return jax.dtypes.canonicalize_dtype(full)
        found = np.dtype(getattr(jnp, full) if full != "bool" else bool)
        if isinstance(name, str):
            _DTYPES[name] = found
    return found


def is_array(x: Any) -> bool:
    """Whether `x` is a JAX array, concrete or traced."""
    return type(x) is CONCRETE or isinstance(x, (Tracer, jax.Array))


def concrete_value(x: Any) -> Any:
    """`x` without the layers of tracing around a known value; None where it has none."""
    if isinstance(x, Tracer):
        return x.to_concrete_value()
    return x


def is_abstract(x: Any) -> bool:
    """Whether `x` is a tracer whose value is not known.

    While a gradient is taken outside a compiled function values are known.
    """
    return type(x) is not CONCRETE and isinstance(x, Tracer) and x.to_concrete_value() is None


def _strong(x: Any) -> Any:
    """`x` without JAX's weak type, which would let it take the other operand's dtype."""
    return jax.lax.convert_element_type(x, x.dtype) if x.weak_type else x


def asarray(x: Any, dtype: str | None = None) -> jax.Array:
    """`x` as a JAX array; see `Backend.asarray`.

    The memory of a NumPy array is copied, never shared.
    """
    if type(x) is CONCRETE or isinstance(x, Tracer):
        if dtype is None:
            return _strong(x)
        return cast(x, dtype)
    target = None if dtype is None else numpy_dtype(dtype)
    kind = type(x)
    if kind is float:
        return _from_host(np.asarray(x, target or np.float32))
    if kind is int:
        return _from_host(_from_integer(x, target))
    if kind is not np.ndarray:
        if isinstance(x, (list, tuple)):
            return _from_sequence(x, target)
        if isinstance(x, jax.Array):  # typed keys and array types of JAX's extensions
            return x if target is None else jnp.asarray(x, target)
        if hasattr(x, "__jax_array__"):
            return asarray(x.__jax_array__(), dtype)
        x = _through_numpy(x)
    return _from_host(host_array(x, target))


def _from_host(x: np.ndarray) -> jax.Array:
    """A host array on the default device.

    `jax.numpy.asarray` compiles a program for every new shape; a transfer needs none. In
    the midst of a trace it is left to `jax.numpy`, which makes it a constant.
    """
    if trace_state_clean():
        return jax.device_put(unshared(x), may_alias=False)
    return jnp.asarray(x)


def unshared(x: np.ndarray) -> np.ndarray:
    """`x`, or a copy where `jax.device_put` would go on using its memory.

    It does so on CPU with arrays that begin at a multiple of 64 bytes (one in four of
    NumPy's), whatever `may_alias` says (jax 0.10); a change of `x` would be seen.
    """
    return x.copy() if x.__array_interface__["data"][0] % 64 == 0 else x


def adopt(x: np.ndarray) -> jax.Array:
    """See `Backend.adopt`. A program that such an array is donated to does not write to it."""
    x = host_array(x, None)
    return jax.device_put(x) if trace_state_clean() else jnp.asarray(x)


def _from_integer(x: int, target: np.dtype | None) -> np.ndarray:
    try:
        return np.asarray(x, target or np.int32)
    except OverflowError as error:
        raise ValueError(
            f"The integer {x} does not fit {target or 'int32'}. "
            "Name a wider dtype, or make it a float."
        ) from error


def host_array(x: np.ndarray, target: np.dtype | None) -> np.ndarray:
    """`x` in a dtype that JAX has, converted on the host.

    Raises:
        TypeError: it holds objects, strings or times.
    """
    kind = x.dtype.kind
    if kind in "OSUMm":
        what = {"O": "objects", "M": "dates", "m": "time spans"}.get(kind, "strings")
        raise TypeError(
            f"An array of {what} (dtype {x.dtype}, shape {x.shape}) cannot become a JAX array. "
            "Give it numbers of one dtype, e.g. with `.astype('float32')`."
        )
    if target is None:
        target = jax.dtypes.canonicalize_dtype(x.dtype)
    return x if x.dtype == target else x.astype(target)


def _through_numpy(x: Any) -> np.ndarray:
    """Another library's array, number or buffer as a NumPy array."""
    if hasattr(x, "__array__") or isinstance(x, (np.generic, bool, complex)):
        return np.asarray(x)
    if hasattr(x, "__dlpack__"):
        return np.from_dlpack(x)
    return np.asarray(x)


def _from_sequence(x: list | tuple, target: np.dtype | None) -> jax.Array:
    scalars_only, has_jax = _survey(x)
    if has_jax:
        parts = [asarray(item) for item in x]
        shapes = {part.shape for part in parts}
        if len(shapes) > 1:
            raise ValueError(
                f"A list of arrays becomes one array only where all shapes agree, not {shapes}."
            )
        stacked = jnp.stack(parts)
        return stacked if target is None else stacked.astype(target)
    try:
        array = np.asarray(x)
    except ValueError as error:
        raise ValueError(
            f"A nested list of lengths that differ cannot become an array: {error}. "
            "Pad its rows to one length first."
        ) from error
    if scalars_only and target is None:
        # Lists of Python numbers have the dtypes of Python numbers, not NumPy's 64-bit ones.
        if array.dtype.kind == "f":
            target = np.dtype(np.float32)
        elif array.dtype.kind == "i":
            target = np.dtype(np.int32)
    if target is not None and target.kind in "iu" and array.dtype.kind in "iu" and array.size:
        limits = np.iinfo(target)
        if scalars_only and not limits.min <= array.min() <= array.max() <= limits.max:
            raise ValueError(
                f"The integers from {array.min()} to {array.max()} do not fit {target}. "
                "Name a wider dtype, or make them floats."
            )
    return _from_host(host_array(array, target))


def _survey(x: list | tuple) -> tuple[bool, bool]:
    """Whether nested lists hold Python numbers only, and whether any JAX array."""
    scalars_only, has_jax = True, False
    for item in x:
        kind = type(item)
        if kind is float or kind is int or kind is bool:
            continue
        if isinstance(item, (list, tuple)):
            inner_scalars, inner_jax = _survey(item)
            scalars_only &= inner_scalars
            has_jax |= inner_jax
        else:
            scalars_only = False
            has_jax |= is_array(item) or hasattr(item, "__jax_array__")
    return scalars_only, has_jax


@functools.cache
def many_processes() -> bool:
    """Whether this process is one of several; asked once there are arrays, it cannot change."""
    return jax.process_count() > 1


def to_numpy(x: Any) -> np.ndarray:
    """The values of `x`, waiting for them if need be.

    Raises:
        TypeError: `x` is traced and has no value.
    """
    if isinstance(x, Tracer):
        value = x.to_concrete_value()
        if value is None:
            raise jax.errors.TracerArrayConversionError(x)  # a TypeError
        x = value
    if (
        type(x) is CONCRETE and many_processes()
        and not x.is_fully_addressable and not x.is_fully_replicated
    ):
        # Other processes hold parts of it; each of them asks for the whole as well.
        return np.asarray(multihost_utils.process_allgather(x, tiled=True))
    return np.asarray(x)


def cast(x: Any, dtype: str) -> jax.Array:
    """`x` with another dtype, or `x` itself where it has that dtype."""
    target = numpy_dtype(dtype)
    if x.dtype == target:
        return _strong(x)
    if target.kind == "b":
        return x != 0
    if target.kind != "c" and x.dtype.kind == "c":
        x = x.real  # as NumPy does, without its warning
    return jax.lax.convert_element_type(x, target)
