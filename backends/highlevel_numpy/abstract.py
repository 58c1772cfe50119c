"""Shapes of results without the work: the function is run on stand-ins.

A stand-in (`standin.py`) takes no memory whatever its shape, and the common functions of
stand-ins compute nothing. Unknown dimensions get small lengths; a second run with other
lengths shows which dimensions of the result depend on them.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from highlevel_backend import ArraySpec
from highlevel_backend.tree import flatten, unflatten

from highlevel_numpy.arrays import as_array, dtype_name, is_array, numpy_dtype
from highlevel_numpy.recorded import strip
from highlevel_numpy.standin import stand_in

__all__ = ["eval_shape"]

# Lengths for an unknown (first axis, other axis), in two runs. All unknown axes but the
# first get the same, so that those which have to agree do. The two runs are far apart:
# after a stride of s, lengths that differ by less than s may look equal. Later attempts
# are for functions that need longer axes (windows), or lengths that divide (reshapes), or
# all unknown ones alike.
_ATTEMPTS = (
    ((2, 12), (6, 60)),
    ((24, 24), (120, 120)),
    ((2, 240), (6, 720)),
    ((240, 240), (720, 720)),
)


def eval_shape(function: Callable, *specs: Any) -> Any:
    """See `Backend.eval_shape`."""
    leaves, definition = flatten(specs)
    unknown = any(
        isinstance(spec, ArraySpec) and None in spec.shape for spec in leaves
    )
    first_error: Exception | None = None
    for attempt in _ATTEMPTS if unknown else _ATTEMPTS[:1]:
        for make in (stand_in, _regular):
            try:
                runs = [
                    _run(function, leaves, definition, lengths, make)
                    for lengths in (attempt if unknown else attempt[:1])
                ]
            except np.linalg.LinAlgError as error:
                first_error = first_error or error  # zeros are singular: once more
                continue
            except Exception as error:
                first_error = first_error or error
                break
            return _merge(*runs)
    if first_error is None:  # pragma: no cover - every attempt returns or raises
        raise RuntimeError("no attempt was made")
    raise first_error


def _run(
    function: Callable, leaves: list, definition: Any, lengths: tuple[int, int], make: Callable
) -> tuple[list, Any]:
    """The result's leaves as `(shape, dtype name)`, and its structure."""
    arguments = []
    for spec in leaves:
        if isinstance(spec, ArraySpec):
            shape = tuple(
                [lengths[min(i, 1)] if n is None else n for i, n in enumerate(spec.shape)]
            )
            spec = make(shape, numpy_dtype(spec.dtype))
        arguments.append(spec)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        result = function(*unflatten(definition, arguments))
    out, out_definition = flatten(result)
    out = [strip(x if is_array(x) else as_array(x)) for x in out]
    return [(x.shape, dtype_name(x.dtype)) for x in out], out_definition


def _regular(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Identity matrices: what decompositions and inverses take without complaint."""
    if len(shape) < 2:
        return np.broadcast_to(np.ones((), dtype), shape)
    return np.broadcast_to(np.eye(shape[-2], shape[-1]).astype(dtype), shape)


def _merge(first: tuple[list, Any], second: tuple[list, Any] | None = None) -> Any:
    leaves, definition = first
    others = leaves if second is None else second[0]
    specs = []
    for (shape, dtype), (other, _) in zip(leaves, others):
        if len(shape) != len(other):
            raise ValueError(
                "The number of axes of the result depends on an unknown dimension: "
                f"{len(shape)} or {len(other)}."
            )
        specs.append(
            ArraySpec(tuple([n if n == m else None for n, m in zip(shape, other)]), dtype)
        )
    return unflatten(definition, specs)
