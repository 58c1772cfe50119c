"""State as plain Python values with arrays among them: into JSON and a file of arrays, and back."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["is_plain", "join_arrays", "split_arrays"]

_PLAIN = (bool, int, float, str, type(None))


def is_plain(value: Any) -> bool:
    """Whether `split_arrays` can take a value apart and `join_arrays` put it together."""
    if isinstance(value, (*_PLAIN, np.ndarray, np.generic)):
        return not (isinstance(value, np.ndarray) and value.dtype.kind == "O")
    if isinstance(value, (list, tuple)):
        return all(map(is_plain, value))
    if isinstance(value, dict):
        return all(isinstance(k, str) for k in value) and all(map(is_plain, value.values()))
    return False


def split_arrays(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    """A plain value with its arrays taken out into `arrays`, ready for JSON."""
    if isinstance(value, (np.ndarray, np.generic)):
        key = str(len(arrays))
        arrays[key] = np.asarray(value)
        return {"array": key, "scalar": isinstance(value, np.generic)}
    if isinstance(value, tuple):
        return {"tuple": [split_arrays(item, arrays) for item in value]}
    if isinstance(value, list):
        return [split_arrays(item, arrays) for item in value]
    if isinstance(value, dict):
        return {"dict": [[k, split_arrays(item, arrays)] for k, item in value.items()]}
    return value


def join_arrays(value: Any, arrays: Any) -> Any:
    """What `split_arrays` took apart."""
    if isinstance(value, list):
        return [join_arrays(item, arrays) for item in value]
    if isinstance(value, dict):
        if "array" in value:
            found = arrays[value["array"]]
            return found[()] if value["scalar"] else found
        if "tuple" in value:
            return tuple(join_arrays(item, arrays) for item in value["tuple"])
        return {k: join_arrays(item, arrays) for k, item in value["dict"]}
    return value
