"""The one table of dtype names and of what two dtypes promote to.

The rules are the contract's: a lattice in which integers never widen a float
(`int64 + float16` is `float16`), and in which Python scalars are weak, so that
`float16 + 1.0` stays `float16`. They are those of JAX's type promotion, with 64-bit
floats reached only from 64-bit floats.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any

__all__ = ["DTYPES", "canonical_name", "is_float", "is_integer", "result_dtype"]

BOOLS = ("bool",)
UNSIGNED = ("uint8", "uint16", "uint32", "uint64")
SIGNED = ("int8", "int16", "int32", "int64")
FLOATS = ("float8_e4m3fn", "float8_e5m2", "bfloat16", "float16", "float32", "float64")
COMPLEX = ("complex64", "complex128")
DTYPES = BOOLS + UNSIGNED + SIGNED + FLOATS + COMPLEX + ("string",)

# Weak types: those of Python's own scalars.
_WEAK = {"int": "int*", "float": "float*", "complex": "complex*"}

# Each dtype's immediate successors in the promotion lattice.
_ABOVE: dict[str, tuple[str, ...]] = {
    "bool": ("int*",),
    "int*": ("uint8", "int8"),
    "uint8": ("uint16", "int16"),
    "uint16": ("uint32", "int32"),
    "uint32": ("uint64", "int64"),
    "uint64": ("float*",),
    "int8": ("int16",),
    "int16": ("int32",),
    "int32": ("int64",),
    "int64": ("float*",),
    "float*": ("float8_e4m3fn", "float8_e5m2", "bfloat16", "float16", "complex*"),
    "float8_e4m3fn": (),
    "float8_e5m2": (),
    "bfloat16": ("float32",),
    "float16": ("float32",),
    "float32": ("float64", "complex64"),
    "float64": ("complex128",),
    "complex*": ("complex64",),
    "complex64": ("complex128",),
    "complex128": (),
}


@cache
def _reachable(name: str) -> frozenset[str]:
    found = {name}
    for above in _ABOVE[name]:
        found |= _reachable(above)
    return frozenset(found)


@cache
def _join(names: frozenset[str]) -> str:
    common = frozenset.intersection(*(_reachable(name) for name in names))
    for candidate in common:
        if common <= _reachable(candidate):
            return candidate
    raise ValueError(
        f"The dtypes {', '.join(sorted(names))} have no common type. "
        "Cast one of them with `ops.cast` first."
    )


def canonical_name(dtype: Any) -> str:
    """The name of a dtype given as name, NumPy dtype, scalar type or Python type.

    Raises:
        ValueError: nothing of that name is known.

    >>> canonical_name(float), canonical_name("int32")
    ('float32', 'int32')
    """
    try:
        return _names[dtype]
    except (KeyError, TypeError):
        pass
    name = _find_name(dtype)
    _names[dtype] = name
    return name


#: what was asked before; a dtype object's own `.name` costs a microsecond
_names: dict[Any, str] = {}


def _find_name(dtype: Any) -> str:
    if isinstance(dtype, str):
        name = dtype
    elif dtype is bool:
        name = "bool"
    elif dtype is int:
        name = "int32"
    elif dtype is float:
        name = "float32"
    elif dtype is complex:
        name = "complex64"
    elif dtype is str:
        name = "string"
    else:
        name = getattr(dtype, "name", None) or getattr(dtype, "__name__", None) or str(dtype)
        if name.startswith("str"):
            name = "string"
    if name in _KNOWN:
        return name
    import difflib  # only where it fails

    near = difflib.get_close_matches(name, DTYPES, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else f" Known: {', '.join(DTYPES)}."
    raise ValueError(f"Unknown dtype {dtype!r}.{hint}")


_KNOWN = frozenset(DTYPES)
_WIDE = frozenset(("int64", "uint64"))
_FLOATS = frozenset(FLOATS)
_INTEGERS = frozenset(UNSIGNED + SIGNED)


def is_float(name: str) -> bool:
    """Whether the named dtype is a real floating type."""
    return name in _FLOATS


def is_integer(name: str) -> bool:
    """Whether the named dtype is an integer type (bool is not)."""
    return name in _INTEGERS


@lru_cache(maxsize=4096)
def result_dtype(*names: str, float_default: str = "float32") -> str:
    """What values of these dtypes promote to.

    Args:
        names: dtype names; `"int"`, `"float"` and `"complex"` stand for Python scalars.
        float_default: what a Python float alone becomes.

    Returns:
        A dtype name.

    >>> result_dtype("int32", "float16"), result_dtype("bfloat16", "float")
    ('float16', 'bfloat16')
    """
    if not names:
        return float_default
    joined = _join(frozenset(_WEAK.get(name, name) for name in names))
    if joined == "int*" or (joined in ("int64", "uint64") and joined not in names
                            and not _WIDE.intersection(names)):
        return "int32"  # nothing 64 bits wide comes of narrower integers
    if joined == "float*":
        return float_default
    if joined == "complex*":
        return "complex128" if float_default == "float64" else "complex64"
    return joined
