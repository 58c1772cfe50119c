"""What counts as an array here, and how other things become one."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
from highlevel_backend import DTYPES, canonical_name
from numpy.dtypes import StringDType

from highlevel_numpy.recorded import FUNCTIONS, Recorded, strip
from highlevel_numpy.traced import Traced

__all__ = ["ARRAYS", "as_array", "cast", "dtype_name", "is_array", "numpy_dtype"]

_BY_NAME: dict[str, np.dtype] = {
    name: np.dtype(getattr(ml_dtypes, name, None) or getattr(np, name, None) or name)
    for name in DTYPES
    if name != "string"
}
_NAMES: dict[np.dtype, str] = {dtype: name for name, dtype in _BY_NAME.items()}
_INT32 = np.iinfo(np.int32)
#: the types of arrays here
ARRAYS = (np.ndarray, Recorded, np.generic, Traced)
_PYTHON = frozenset([bool, int, float, complex])


def numpy_dtype(name: str) -> np.dtype:
    """The NumPy dtype of that name, those of `ml_dtypes` included.

    Raises:
        ValueError: there is no such dtype.
    """
    found = _BY_NAME.get(name)
    return found if found is not None else _BY_NAME[canonical_name(name)]


def dtype_name(dtype: np.dtype) -> str:
    """The name of an array's dtype; `"string"` for text."""
    found = _NAMES.get(dtype)
    if found is not None:
        return found
    return "string" if dtype.kind in "UTSO" else canonical_name(dtype)


def is_array(x: Any) -> bool:
    """Whether `x` is an array, a NumPy scalar or a recorded array."""
    return isinstance(x, ARRAYS)


def cast(x: Any, dtype: str) -> Any:
    """`x` in another dtype, itself where it has that one."""
    if x.dtype is _BY_NAME.get(dtype):  # nearly always
        return x
    if dtype == "string":
        return np.asarray(strip(x)).astype(StringDType())
    wanted = numpy_dtype(dtype)
    if x.dtype == wanted:
        return x
    if type(x) is Recorded:
        return FUNCTIONS["astype"](x, wanted)
    if type(x) is Traced:
        return x.trace.call(cast, (x, dtype))
    if x.dtype.kind == "c" and wanted.kind not in "cb":
        x = x.real
    with np.errstate(all="ignore"):  # nan to integer, out of range: as every other backend
        return x.astype(wanted)


def _contains_recorded(x: Any) -> bool:
    if type(x) is Recorded or type(x) is Traced:
        return True
    return isinstance(x, (list, tuple)) and any(map(_contains_recorded, x))


def _only_python(x: Any) -> bool:
    """Whether a nested list holds nothing but Python's own numbers, whose type is weak."""
    kinds = set(map(type, x))
    if kinds <= _PYTHON:
        return True
    return kinds <= {*_PYTHON, list, tuple} and all(
        _only_python(item) for item in x if isinstance(item, (list, tuple))
    )


def _weak(x: np.ndarray) -> np.ndarray:
    """What Python's numbers become: 32 bits."""
    kind = x.dtype.kind
    if kind == "f":
        return x.astype(np.float32)
    if kind == "i" and (not x.size or (x.min() >= _INT32.min and x.max() <= _INT32.max)):
        return x.astype(np.int32)
    return x.astype(np.complex64) if kind == "c" else x


def _from_list(x: Any) -> Any:
    if _contains_recorded(x):
        return FUNCTIONS["array"]([item if is_array(item) else as_array(item) for item in x])
    try:
        result = np.array(x)
    except ValueError as error:
        raise ValueError(
            f"This {type(x).__name__} cannot be an array because it is ragged: its entries have "
            f"different shapes ({error}). Pad them to one shape first."
        ) from error
    return _weak(result) if _only_python(x) else result


def _from_object(x: Any) -> np.ndarray:
    if hasattr(x, "__array__"):
        result = np.asarray(x)
    elif hasattr(x, "__dlpack__"):
        result = np.from_dlpack(x)
    else:
        result = np.asarray(x)
    return result


def as_array(x: Any, dtype: str | None = None) -> Any:
    """See `Backend.asarray`."""
    kind = type(x)
    if dtype is None and (kind is Recorded or kind is np.ndarray) and x.dtype in _NAMES:
        return x
    if kind is Traced:
        same = as_array(x.value, dtype) is x.value
        return x if same else x.trace.call(as_array, (x, dtype))
    if kind is np.ndarray or kind is Recorded or isinstance(x, np.ndarray):
        result = x
    elif kind is float:
        if dtype is not None and dtype != "string":
            return np.asarray(x, _BY_NAME.get(dtype) or numpy_dtype(dtype))
        result = np.asarray(x, np.float32)
    elif kind is int or kind is complex:
        result = _weak(np.asarray(x))
    elif kind is bool or isinstance(x, np.generic):
        result = np.asarray(x)
    elif kind is list or kind is tuple or isinstance(x, (list, tuple)):
        result = _from_list(x)
    else:
        result = _from_object(x)
    if dtype == "string":
        return _text(result, x)
    if result.dtype.kind in "OUSTM" or (result.dtype.kind == "V" and result.dtype not in _NAMES):
        raise TypeError(
            f"A {type(x).__name__} with entries of dtype {result.dtype} cannot be an array of "
            "numbers. Turn the entries into numbers first, or ask for text with dtype='string'."
        )
    return result if dtype is None else cast(result, dtype)


def _text(result: Any, x: Any) -> np.ndarray:
    if isinstance(result, Recorded) or result.dtype.kind not in "OUST":
        raise TypeError(
            f"A {type(x).__name__} of dtype {result.dtype} is not text (dtype='string')."
        )
    return result
