"""Keys made of keys, and distributions run as one program on compiling backends."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from highlevel_backend import Backend, canonical_name, current_backend, is_float, is_integer
from highlevel_backend.threefry import threefry_2x32

from highlevel import config
from highlevel.compilations import noting
from highlevel.variable import plain

__all__ = ["draw", "float_dtype", "full_shape", "integer_dtype", "split"]


def split(key: Any, count: int = 2) -> list[Any]:
    """Independent keys made of one.

    Args:
        key: `(2,)` uint32.
        count: how many.

    Returns:
        List of `(2,)` uint32 arrays: the two words that the cipher makes of the counters
        0, 1, ... under `key`.
    """
    backend = current_backend()
    low = backend.asarray(np.arange(count, dtype=np.uint32))
    first, second = threefry_2x32(backend, key, backend.xp.zeros_like(low), low)
    return [backend.xp.stack([first[i], second[i]]) for i in range(count)]


@functools.lru_cache(maxsize=512)
def _program(backend: Backend, function: Callable, static: tuple) -> Callable:
    program = functools.partial(function, **dict(static))
    return backend.compile(program, note=noting("random numbers"))


def draw(function: Callable, key: Any, *arrays: Any, **static: Any) -> Any:
    """`function(key, *arrays, **static)`, as one program where the backend compiles.

    Inside a compiled function (an abstract key) it is called as it is and becomes a part
    of that program.

    Args:
        function: of a key, arrays, and the hashable `static` arguments.
        arrays: arrays or numbers; other values of them do not compile anew.
    """
    backend = current_backend()
    if not backend.compiles or any(map(backend.is_abstract, (key, *arrays))):
        return function(key, *arrays, **static)
    return _program(backend, function, tuple(static.items()))(key, *arrays)


def full_shape(shape: Any) -> tuple[int, ...]:
    """A shape given as integer, list, tuple or array, as a tuple of integers.

    Raises:
        ValueError: an entry is negative or unknown.
    """
    entries = (shape,) if isinstance(shape, (int, np.integer)) else tuple(shape)
    if any(entry is None or entry < 0 for entry in entries):
        raise ValueError(
            f"A random function needs a shape of known, non-negative lengths; got {shape!r}."
        )
    return tuple(int(entry) for entry in entries)


def float_dtype(dtype: Any, name: str) -> str:
    """The floating dtype a distribution returns: the one given, else `config.floatx()`.

    Raises:
        ValueError: not a floating dtype.
    """
    found = config.floatx() if dtype is None else canonical_name(dtype)
    if not is_float(found):
        raise ValueError(
            f"`random.{name}` gives floating numbers: `dtype` must be a floating dtype; "
            f"got {dtype!r}." + (" Use `random.randint`." if is_integer(found) else "")
        )
    return _available(found)


def integer_dtype(dtype: Any, name: str) -> str:
    """The integer dtype a distribution returns.

    Raises:
        ValueError: not an integer dtype.
    """
    found = canonical_name(dtype)
    if not is_integer(found):
        raise ValueError(
            f"`random.{name}` gives integers: `dtype` must be an integer dtype; got {dtype!r}."
        )
    return _available(found)


@functools.lru_cache(maxsize=64)
def _offered(backend: Backend, dtype: str) -> str:
    return canonical_name(backend.asarray(np.zeros((), dtype), dtype).dtype)


def _available(dtype: str) -> str:
    """What the backend makes of a 64-bit dtype."""
    return _offered(current_backend(), dtype) if dtype.endswith("64") else dtype


def as_arrays(dtype: str, *values: Any) -> Sequence[Any]:
    """Values as arrays of one dtype in the current backend."""
    backend = current_backend()
    return [
        backend.asarray(plain(value), dtype) for value in values
    ]
