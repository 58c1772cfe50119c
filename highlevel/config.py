"""Settings of the process: default float dtype, fuzz factor, image layout, tracebacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from highlevel_backend import canonical_name, get_backend, is_float

from highlevel._lazy import lazy_package

if TYPE_CHECKING:
    from highlevel_backend.registry import set_backend as set_backend

    from highlevel.dtype_policies import dtype_policy as dtype_policy
    from highlevel.dtype_policies import set_dtype_policy as set_dtype_policy
    from highlevel.serialization import (
        enable_unsafe_deserialization as enable_unsafe_deserialization,
    )

__all__ = [
    "backend",
    "disable_traceback_filtering",
    "enable_traceback_filtering",
    "epsilon",
    "floatx",
    "image_data_format",
    "is_traceback_filtering_enabled",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
    "standardize_data_format",
]

_floatx = "float32"
_epsilon = 1e-7
_image_data_format = "channels_last"
_traceback_filtering = True


def backend() -> str:
    """Name of the backend in force here.

    >>> from highlevel_backend import use_backend
    >>> with use_backend("numpy"):
    ...     backend()
    'numpy'
    """
    return get_backend()


def floatx() -> str:
    """The default float dtype, `"float32"` unless `set_floatx` changed it."""
    return _floatx


def set_floatx(value: str) -> None:
    """Set the default float dtype.

    Raises:
        ValueError: not one of bfloat16, float16, float32, float64.
    """
    global _floatx
    name = canonical_name(value)
    if not is_float(name) or name.startswith("float8"):
        raise ValueError(
            f"`floatx` must be one of bfloat16, float16, float32, float64; got {value!r}."
        )
    _floatx = name


def epsilon() -> float:
    """The small number that keeps divisions and logarithms finite, 1e-7 by default."""
    return _epsilon


def set_epsilon(value: float) -> None:
    """Set the number that `epsilon` gives."""
    global _epsilon
    _epsilon = float(value)


def image_data_format() -> str:
    """`"channels_last"` or `"channels_first"`, the default of image layers."""
    return _image_data_format


def set_image_data_format(data_format: str) -> None:
    """Set the default that `image_data_format` gives.

    Raises:
        ValueError: neither channels_last nor channels_first.
    """
    global _image_data_format
    _image_data_format = standardize_data_format(data_format)


def standardize_data_format(data_format: str | None) -> str:
    """`data_format` in lower case, or the default for None.

    Raises:
        ValueError: neither channels_last nor channels_first.
    """
    if data_format is None:
        return _image_data_format
    name = str(data_format).lower()
    if name not in ("channels_first", "channels_last"):
        raise ValueError(
            "`data_format` must be 'channels_last' or 'channels_first'; "
            f"got {data_format!r}."
        )
    return name


def enable_traceback_filtering() -> None:
    """Show only the caller's own frames in tracebacks (the default)."""
    global _traceback_filtering
    _traceback_filtering = True


def disable_traceback_filtering() -> None:
    """Show every frame in tracebacks, this library's included."""
    global _traceback_filtering
    _traceback_filtering = False


def is_traceback_filtering_enabled() -> bool:
    """Whether tracebacks show only the caller's own frames."""
    return _traceback_filtering


# What other modules hold and the contract offers here; they stand beside or above this one.
__getattr__, _, _ = lazy_package(
    __name__,
    {
        "highlevel.dtype_policies": "dtype_policy set_dtype_policy",
        "highlevel.serialization": "enable_unsafe_deserialization",
        "highlevel_backend.registry": "set_backend",
    },
)
