"""The contract's `backend` namespace: names, dtypes, and the state of the session."""

from __future__ import annotations

from typing import Any

from highlevel_backend import canonical_name, is_float, is_integer, result_dtype

from highlevel import config
from highlevel.config import (
    backend,
    epsilon,
    floatx,
    image_data_format,
    set_epsilon,
    set_floatx,
    set_image_data_format,
)
from highlevel.naming import reset_names
from highlevel.symbolic import SymbolicTensor

__all__ = [
    "backend", "clear_session", "epsilon", "floatx", "get_uid", "image_data_format",
    "is_float_dtype", "is_int_dtype", "is_keras_tensor", "result_type", "set_epsilon", "set_floatx",
    "set_image_data_format", "standardize_dtype",
]

_uids: dict[str, int] = {}


def get_uid(prefix: str = "") -> int:
    """A number, counting from 1, for each prefix.

    >>> get_uid("a_prefix"), get_uid("a_prefix")
    (1, 2)
    """
    _uids[prefix] = _uids.get(prefix, 0) + 1
    return _uids[prefix]


def clear_session(free_memory: bool = True) -> None:
    """Start automatic names anew.

    Args:
        free_memory: also collect garbage.
    """
    _uids.clear()
    reset_names()
    if free_memory:
        import gc

        gc.collect()


def is_float_dtype(dtype: Any) -> bool:
    """Whether a dtype is floating."""
    return is_float(canonical_name(dtype))


def is_int_dtype(dtype: Any) -> bool:
    """Whether a dtype is an integer type."""
    return is_integer(canonical_name(dtype))


def standardize_dtype(dtype: Any) -> str:
    """The name of a dtype; `floatx` for None.

    >>> standardize_dtype(bool), standardize_dtype("int")
    ('bool', 'int32')
    """
    if dtype is None:
        return config.floatx()
    return "int32" if dtype == "int" else canonical_name(dtype)


def is_keras_tensor(x: Any) -> bool:
    """Whether `x` is a symbolic tensor, one that a graph of layers will compute.

    >>> is_keras_tensor(SymbolicTensor((2,))), is_keras_tensor(1.0)
    (True, False)
    """
    return isinstance(x, SymbolicTensor)


def result_type(*dtypes: Any) -> str:
    """What dtypes promote to.

    >>> result_type("int32", "float16")
    'float16'
    """
    names = [{int: "int", float: "float", bool: "bool"}.get(d) or canonical_name(d)
             for d in dtypes]
    return result_dtype(*names, float_default=config.floatx())
