"""Which backends there are and which one is current.

The choice, first match wins: a `use_backend` block around the call, `set_backend`, the
environment variable `HIGHLEVEL_BACKEND`, `"jax"` where its package can be imported,
else `"numpy"`. Nothing is loaded before the first use.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from highlevel_backend.interface import Backend

__all__ = [
    "BackendNotFoundError",
    "available_backends",
    "cache_programs",
    "current_backend",
    "get_backend",
    "load_backend",
    "loaded_backends",
    "register_backend",
    "set_backend",
    "use_backend",
]

ENTRY_POINT_GROUP = "highlevel.backends"
ENVIRONMENT_VARIABLE = "HIGHLEVEL_BACKEND"
CACHE_VARIABLE = "HIGHLEVEL_COMPILATION_CACHE"

_loaded: dict[str, Backend] = {}
_factories: dict[str, str] = {}
_context: ContextVar[Backend | None] = ContextVar("highlevel_backend", default=None)
_default: Backend | None = None
_cache: str | None = None  # where compiled programs are kept; None: as the environment says
_default_name: str | None = None  # chosen by set_backend, loaded at first use


class BackendNotFoundError(ValueError):
    """No installed backend has the name asked for, or it cannot be imported here."""


def _installed() -> dict[str, str]:
    """Name → object path (`package.module:object`) of every backend there is."""
    from importlib.metadata import entry_points  # some ms: only when a backend is looked up

    found = {point.name: point.value for point in entry_points(group=ENTRY_POINT_GROUP)}
    return found | _factories


def _importable(path: str) -> bool:
    try:
        return importlib.util.find_spec(path.partition(":")[0]) is not None
    except (ImportError, ValueError):
        return False


def available_backends() -> list[str]:
    """Names of the installed backends, sorted; none of them is loaded.

    >>> "numpy" in available_backends()
    True
    """
    return sorted(
        {name for name, path in _installed().items() if _importable(path)} | set(_loaded)
    )


def loaded_backends() -> list[Backend]:
    """The backends that were used so far in this process."""
    return list(dict.fromkeys(_loaded.values()))


def register_backend(name: str, backend: Backend | str) -> None:
    """Add a backend by hand, without an entry point.

    Args:
        name: what `use_backend` will take.
        backend: the object, or its path `"package.module:object"`, imported when first used.
    """
    if isinstance(backend, str):
        _factories[name] = backend
        _loaded.pop(name, None)
    else:
        _loaded[name] = backend


def load_backend(name: str | Backend) -> Backend:
    """The backend of that name, imported if it was not.

    Raises:
        BackendNotFoundError: not installed (the message lists those that are), or its
            array library cannot be imported.
    """
    if not isinstance(name, str):
        return name
    found = _loaded.get(name)
    if found is not None:
        return found
    path = _installed().get(name)
    if path is None:
        import difflib

        known = available_backends()
        near = difflib.get_close_matches(name, known, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise BackendNotFoundError(
            f"There is no backend {name!r}.{hint} Installed: {', '.join(known) or 'none'}. "
            f"Install a package that offers it (entry-point group {ENTRY_POINT_GROUP!r})."
        )
    module, _, attribute = path.partition(":")
    try:
        target = getattr(importlib.import_module(module), attribute or "backend")
    except ImportError as error:
        others = ", ".join(n for n in available_backends() if n != name)
        raise BackendNotFoundError(
            f"The backend {name!r} cannot be loaded: {error}. "
            f"Install what it needs, or choose another one of: {others}."
        ) from error
    backend = target() if isinstance(target, type) else target
    _loaded[name] = backend
    directory = program_cache()
    if directory:
        backend.cache_programs(directory)
    return backend


def program_cache() -> str | None:
    """The directory that compiled programs are kept in, None where they are not."""
    return (os.environ.get(CACHE_VARIABLE) if _cache is None else _cache) or None


def cache_programs(directory: str | None) -> None:
    """Keep compiled programs in a directory, for other processes, on backends that compile.

    Args:
        directory: made where there is none. None: keep them no more.
    """
    global _cache
    if directory:
        directory = os.path.abspath(os.path.expanduser(directory))
        os.makedirs(directory, exist_ok=True)
    _cache = directory or ""
    for backend in loaded_backends():
        backend.cache_programs(directory)


def _choose_default() -> Backend:
    global _default
    name = _default_name or os.environ.get(ENVIRONMENT_VARIABLE)
    if name:
        _default = load_backend(name)
        return _default
    try:
        _default = load_backend("jax")
    except BackendNotFoundError:
        _default = load_backend("numpy")
    return _default


def current_backend() -> Backend:
    """The backend object in force here: the innermost `use_backend`, else the default."""
    return _context.get() or _default or _choose_default()


def get_backend() -> str:
    """Name of the backend in force here.

    >>> with use_backend("numpy"):
    ...     get_backend()
    'numpy'
    """
    return current_backend().name


def set_backend(name: str | Backend) -> None:
    """Make a backend the default of the whole process; loaded at the next operation.

    Raises:
        BackendNotFoundError: no installed backend has that name.
    """
    global _default, _default_name
    if not isinstance(name, str):
        _default, _default_name = name, name.name
        return
    if name not in _loaded and name not in _installed():
        load_backend(name)  # raises with the list of those installed
    _default, _default_name = _loaded.get(name), name


def use_backend(name: str | Backend) -> AbstractContextManager[Backend]:
    """Run the block on another backend; per thread and per async task.

    Args:
        name: an installed backend's name, or a backend object.

    Returns:
        A context manager that gives the backend object.

    Raises:
        BackendNotFoundError: no installed backend has that name.
    """
    return _using(load_backend(name))


@contextmanager
def _using(backend: Backend) -> Iterator[Backend]:
    token = _context.set(backend)
    try:
        yield backend
    finally:
        _context.reset(token)
