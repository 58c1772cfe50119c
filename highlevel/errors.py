"""How errors reach the user: unchanged, with notes, and without frames of ours.

An exception keeps its class, its message and its object. What is known where it passes
(layer path, shapes, epoch) is added with `add_note`; at the edge of the library the
frames that are not the user's are taken out of its traceback, so that the last one shown
is a line of the user's own. `config.disable_traceback_filtering()` keeps them all.
"""

from __future__ import annotations

import functools
import os
import sys
import sysconfig
import types
from collections.abc import Callable
from typing import Any, TypeVar, cast

from highlevel_backend import current_backend, tree

from highlevel import config

__all__ = ["add_note", "describe", "hide_frames", "passes_user_code", "public", "suggest"]

F = TypeVar("F", bound=Callable)

_PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep
_SITE = {sysconfig.get_paths()[key] for key in ("purelib", "platlib")}
_STANDARD = tuple(sysconfig.get_paths()[key] + os.sep for key in ("stdlib", "platstdlib"))
_LIBRARIES = ("jax", "jaxlib", "numpy", "optax")


def _is_ours(filename: str) -> bool:
    if filename.startswith(_PACKAGE) or filename.startswith("<frozen"):
        return True
    backends = os.sep + "highlevel_"
    if backends in filename and any(
        f"{backends}{name}{os.sep}" in filename for name in ("backend", "numpy", "jax")
    ):
        return True
    return any(
        filename.startswith(os.path.join(site, library) + os.sep)
        for site in _SITE for library in _LIBRARIES
    ) or filename.endswith(("contextlib.py", "functools.py"))


def hide_frames(error: BaseException) -> None:
    """Take the frames of this library and of the array libraries out of a traceback."""
    kept = []
    trace = error.__traceback__
    while trace is not None:
        if not _is_ours(trace.tb_frame.f_code.co_filename):
            kept.append(trace)
        trace = trace.tb_next
    chain = None
    for trace in reversed(kept):
        chain = types.TracebackType(chain, trace.tb_frame, trace.tb_lasti, trace.tb_lineno)
    error.__traceback__ = chain


def passes_user_code(error: BaseException) -> bool:
    """Whether an error was raised in, or below, code that the user wrote.

    The frame that catches it, and those of installed packages, do not count.
    """
    trace = error.__traceback__
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if not (
            _is_ours(name) or name.startswith((*_STANDARD, "<__array_function__"))
            or name.endswith((".pyx", ".pxd", ".pxi"))  # of compiled packages
            or any(name.startswith(site + os.sep) for site in _SITE)
        ):
            return True
        trace = trace.tb_next
    return False


def public(function: F) -> F:
    """Decorator of the library's entry points: errors leave with the user's frames only.

    Only the outermost entry point filters; a bare `raise` does not add its own frame. Which one
    that is, is asked when there is an error: calls without one pay nothing for it.
    """

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except Exception as error:
            if not config.is_traceback_filtering_enabled() or _within_another():
                raise
            remedy = current_backend().explain(error)
            if remedy:
                add_note(error, remedy)
            hide_frames(error)
            for linked in (error.__cause__, error.__context__):
                if linked is not None:
                    hide_frames(linked)
            raise

    return cast(F, wrapper)


def _within_another() -> bool:
    """Whether the entry point that calls this was itself called by one, however far up."""
    frame = sys._getframe(1)
    own = frame.f_code  # the same for all that `public` has made
    above = frame.f_back
    while above is not None and above.f_code is not own:
        above = above.f_back
    return above is not None


def add_note(error: BaseException, note: str) -> None:
    """Add a note to an exception, once."""
    if note not in getattr(error, "__notes__", ()):
        error.add_note(note)


def describe(value: Any) -> str:
    """Shapes and dtypes of a tree of arrays, in one line.

    >>> import numpy as np
    >>> describe([np.zeros((2, 3), "float32"), 1])
    '[float32(2, 3), 1]'
    """
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k!r}: {describe(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        inner = ", ".join(describe(item) for item in value)
        return f"[{inner}]" if isinstance(value, list) else f"({inner})"
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    if shape is not None and dtype is not None:
        return f"{getattr(dtype, 'name', dtype)}{tuple(shape)}"
    text = repr(value)
    return text if len(text) < 40 else text[:37] + "..."


def suggest(name: str, known: Any) -> str:
    """`" Did you mean 'x'?"` for the nearest of the known names, or nothing."""
    import difflib

    near = difflib.get_close_matches(str(name), [str(k) for k in known], n=1)
    return f" Did you mean {near[0]!r}?" if near else ""


def leaves_shapes(structure: Any) -> list[tuple]:
    """Shapes of a tree's arrays."""
    return [tuple(leaf.shape) for leaf in tree.leaves(structure) if hasattr(leaf, "shape")]
