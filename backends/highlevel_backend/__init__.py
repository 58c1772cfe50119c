"""Everything a backend knows about `highlevel`, and all it may import.

A backend is one object that subclasses :class:`Backend`; a separate package offers it
through the entry-point group ``highlevel.backends``. See ``docs/backends.md``.
"""

from highlevel_backend.dtypes import (
    DTYPES,
    canonical_name,
    is_float,
    is_integer,
    result_dtype,
)
from highlevel_backend.interface import ArraySpec, Backend, Origin
from highlevel_backend.registry import (
    BackendNotFoundError,
    available_backends,
    current_backend,
    get_backend,
    load_backend,
    register_backend,
    set_backend,
    use_backend,
)

__all__ = [
    "DTYPES",
    "ArraySpec",
    "Backend",
    "BackendNotFoundError",
    "Origin",
    "available_backends",
    "canonical_name",
    "current_backend",
    "get_backend",
    "is_float",
    "is_integer",
    "load_backend",
    "register_backend",
    "result_dtype",
    "set_backend",
    "use_backend",
]
