"""Settings of the process: default float dtype, image layout, tracebacks, limits of loops."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from highlevel_backend import canonical_name, get_backend, is_float, registry

from highlevel._lazy import lazy_package

if TYPE_CHECKING:
    from highlevel.dtype_policies import dtype_policy as dtype_policy
    from highlevel.dtype_policies import set_dtype_policy as set_dtype_policy
    from highlevel.serialization import (
        enable_unsafe_deserialization as enable_unsafe_deserialization,
    )

__all__ = [
    "backend",
    "compilation_cache",
    "disable_flash_attention",
    "disable_interactive_logging",
    "disable_traceback_filtering",
    "enable_flash_attention",
    "enable_interactive_logging",
    "enable_traceback_filtering",
    "epsilon",
    "floatx",
    "image_data_format",
    "is_flash_attention_enabled",
    "is_interactive_logging_enabled",
    "is_traceback_filtering_enabled",
    "max_epochs",
    "max_steps_per_epoch",
    "set_backend",
    "set_compilation_cache",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
    "set_max_epochs",
    "set_max_steps_per_epoch",
    "standardize_data_format",
]

_floatx = "float32"
_epsilon = 1e-7
_image_data_format = "channels_last"
_traceback_filtering = True
_flash_attention: bool | None = None
_interactive_logging = True


def backend() -> str:
    """Name of the backend in force here.

    >>> from highlevel_backend import use_backend
    >>> with use_backend("numpy"):
    ...     backend()
    'numpy'
    """
    return get_backend()


def set_backend(backend: str) -> None:
    """Make a backend the default of the whole process; it is loaded at the next operation.

    Args:
        backend: name of an installed backend, or a backend object.

    Raises:
        BackendNotFoundError: no installed backend has that name.
    """
    registry.set_backend(backend)


def compilation_cache() -> str | None:
    """The directory that compiled programs are kept in, None where they are not.

    At the start: the environment variable `HIGHLEVEL_COMPILATION_CACHE`.
    """
    return registry.program_cache()


def set_compilation_cache(directory: str | os.PathLike | None) -> None:
    """Keep compiled programs on disk, so that another process need not compile them again.

    A program is found again where its operations, shapes, dtypes and compiler are the same.
    `model.compilations` tells which came from disk. The files are the backend's own; delete
    them whenever you like.

    Args:
        directory: made where there is none; several processes may share it. None: keep them
            no more.

    Raises:
        OSError: the directory cannot be made.

    >>> set_compilation_cache(None)
    >>> compilation_cache() is None
    True
    """
    registry.cache_programs(None if directory is None else os.fspath(directory))


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


def enable_flash_attention() -> None:
    """Let `ops.dot_product_attention` use the backend's flash attention where it can.

    That is the default, too; a call's own `flash_attention` argument comes first.
    """
    global _flash_attention
    _flash_attention = True


def disable_flash_attention() -> None:
    """Keep `ops.dot_product_attention` from using flash attention unless a call asks for it.

    A program compiled before keeps the kernels it was compiled with.
    """
    global _flash_attention
    _flash_attention = False


def is_flash_attention_enabled() -> bool | None:
    """Whether flash attention is on (True), off (False), or left to the backend (None)."""
    return _flash_attention


def enable_interactive_logging() -> None:
    """Write progress to standard output (the default)."""
    global _interactive_logging
    _interactive_logging = True


def disable_interactive_logging() -> None:
    """Write progress to the logger `"highlevel"` at level INFO, a line per epoch.

    `verbose="auto"` then means 2, a line without a bar.
    """
    global _interactive_logging
    _interactive_logging = False


def is_interactive_logging_enabled() -> bool:
    """Whether progress goes to standard output; otherwise it goes to a logger."""
    return _interactive_logging


def _limit(value: int | None, name: str) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not hasattr(value, "__index__") or int(value) < 1:
        raise ValueError(f"`{name}` must be a positive integer, or None for no limit; "
                         f"got {value!r}.")
    return int(value)


def _limit_from_environment(name: str) -> int | None:
    for variable in (f"HIGHLEVEL_{name}", f"KERAS_{name}"):
        text = os.environ.get(variable)
        if text:
            if not text.isdecimal():
                raise ValueError(
                    f"The environment variable {variable} must be a positive integer; got {text!r}."
                )
            return _limit(int(text), variable)
    return None


_max_epochs = _limit_from_environment("MAX_EPOCHS")
_max_steps_per_epoch = _limit_from_environment("MAX_STEPS_PER_EPOCH")


def max_epochs() -> int | None:
    """The epoch after which every `fit` stops, None for no limit.

    At the start: the environment variable `HIGHLEVEL_MAX_EPOCHS`, else `KERAS_MAX_EPOCHS`.
    """
    return _max_epochs


def set_max_epochs(max_epochs: int | None) -> None:
    """Limit the epochs of every `fit` (to try a program quickly); None takes the limit away.

    Raises:
        ValueError: not a positive integer.
    """
    global _max_epochs
    _max_epochs = _limit(max_epochs, "max_epochs")


def max_steps_per_epoch() -> int | None:
    """The most batches that an epoch, an `evaluate` or a `predict` takes, None for no limit.

    At the start: the environment variable `HIGHLEVEL_MAX_STEPS_PER_EPOCH`, else
    `KERAS_MAX_STEPS_PER_EPOCH`.
    """
    return _max_steps_per_epoch


def set_max_steps_per_epoch(max_steps_per_epoch: int | None) -> None:
    """Limit the batches of every epoch, `evaluate` and `predict`; None takes the limit away.

    Raises:
        ValueError: not a positive integer.
    """
    global _max_steps_per_epoch
    _max_steps_per_epoch = _limit(max_steps_per_epoch, "max_steps_per_epoch")


# What other modules hold and the contract offers here; they stand beside or above this one.
__getattr__, _, _ = lazy_package(
    __name__,
    {
        "highlevel.dtype_policies": "dtype_policy set_dtype_policy",
        "highlevel.serialization": "enable_unsafe_deserialization",
    },
)
