"""Remedies for the errors that JAX raises when Python looks at a traced value."""

from __future__ import annotations

import linecache
import os
import sys
from types import TracebackType

import jax

__all__ = ["explain"]

# What Python tried to do with the value, by the error that JAX raised.
_WANTED = {
    "TracerBoolConversionError": "a Python `if`, `while`, `and`, `or` or `bool()` asked whether "
    "an array is true",
    "TracerIntegerConversionError": "Python wanted an array as an integer (a shape, an axis, "
    "`range()` or a list's index)",
    "TracerArrayConversionError": "a NumPy function or `np.asarray` asked for an array's values",
    "ConcretizationTypeError": "Python asked for an array's value (`int()`, `float()`, `.item()`, "
    "or a shape or size that depends on values)",
    "NonConcreteBooleanIndexError": "an array was indexed with a mask, so that the result's shape "
    "depends on values",
}
_INSTEAD = {
    "TracerBoolConversionError": "`ops.where(condition, a, b)` or `ops.cond(condition, f, g)` in "
    "place of `if`, `ops.while_loop` in place of `while`, `ops.logical_and`/`logical_or` in place "
    "of `and`/`or`",
    "TracerIntegerConversionError": "sizes from `x.shape`, which are known, and `ops.take` or "
    "`ops.slice` for an index that is an array",
    "TracerArrayConversionError": "the function of the same name in `ops` in place of `np`",
    "ConcretizationTypeError": "arrays all the way, with `ops.cast` in place of `int()` and "
    "`float()`, and sizes from `x.shape`",
    "NonConcreteBooleanIndexError": "`ops.where(mask, x, 0)`, which keeps the shape, in place of "
    "`x[mask]`",
}

_KNOWN = (
    jax.errors.ConcretizationTypeError,  # with its subclass for booleans
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerIntegerConversionError,
    jax.errors.NonConcreteBooleanIndexError,
    jax.errors.UnexpectedTracerError,
)

# Frames of these packages are not the user's.
_LIBRARIES = ("jax", "jaxlib", "highlevel_jax", "highlevel_backend", "highlevel")


def _library_folders() -> tuple[str, ...]:
    loaded = (sys.modules.get(name) for name in _LIBRARIES)
    return tuple(
        os.path.join(folder, "") for module in loaded if module for folder in module.__path__
    )


def _user_line(traceback: TracebackType | None) -> str | None:
    """`file:line: code` of the innermost frame that is neither JAX's nor highlevel's."""
    libraries = _library_folders()
    found = None
    while traceback is not None:
        filename = traceback.tb_frame.f_code.co_filename
        if not filename.startswith(libraries):
            found = (filename, traceback.tb_lineno)
        traceback = traceback.tb_next
    if found is None:
        return None
    text = linecache.getline(*found).strip()
    return f"{found[0]}:{found[1]}" + (f": {text}" if text else "")


def explain(error: BaseException) -> str | None:
    """What to do about a JAX tracer error; None for any other error.

    JAX's own note that it has hidden its frames is taken off the error, whatever it is:
    frames are hidden at the edge of the library.

    Args:
        error: as caught, with its traceback: the line of the user's code is named.

    Returns:
        A few lines: what happened and where, and the two ways out.
    """
    notes = getattr(error, "__notes__", None)
    if notes:
        notes[:] = [note for note in notes if "removed its internal frames" not in note]
    kind = type(error).__name__
    known = isinstance(error, _KNOWN)
    # An array among the lengths of a shape is a plain TypeError.
    if not known and not (type(error) is TypeError and "concrete values" in str(error)):
        return None
    line = _user_line(error.__traceback__)
    where = f"\nIt happened at {line}" if line else ""
    if isinstance(error, jax.errors.UnexpectedTracerError):
        return (
            "An array of a function that was being compiled was kept (in an attribute, a global "
            "or a list) and used after the function had ended: it never had a value." + where + "\n"
            "Return it from the function, or keep it in a Variable with `assign`. To look at "
            'values on the way, run on NumPy: `with hl.use_backend("numpy"):`, or '
            "`run_eagerly=True`."
        )
    wanted = _WANTED.get(kind, _WANTED["ConcretizationTypeError"])
    instead = _INSTEAD.get(kind, _INSTEAD["ConcretizationTypeError"])
    kind = f" ({kind})" if known else ""
    return (
        f"{wanted[0].upper()}{wanted[1:]}. While a function is compiled its arrays have shapes "
        f"and dtypes but no values yet{kind}.{where}\n"
        f"Either use {instead};\n"
        'or run without compiling, where values exist: `with hl.use_backend("numpy"):`, or '
        "`run_eagerly=True`."
    )
