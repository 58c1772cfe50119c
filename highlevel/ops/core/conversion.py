"""Values into arrays and back; what an array is."""

from __future__ import annotations

from typing import Any

import numpy as np
from highlevel_backend import current_backend

from highlevel.ops.dispatch import array, dtype_name, op, shape_of
from highlevel.ops.rules import of, promoted, unary
from highlevel.symbolic import SymbolicTensor

__all__ = [
    "cast",
    "convert_to_numpy",
    "convert_to_tensor",
    "dtype",
    "is_tensor",
    "shape",
    "stop_gradient",
    "view",
    "view_as_complex",
    "view_as_real",
]


def convert_to_tensor(x: Any, dtype: Any = None, sparse: Any = None, ragged: Any = None) -> Any:
    """`x` as an array of the current backend.

    Args:
        x: number, nested list, NumPy array, variable, array of any backend.
        dtype: dtype; without it Python floats become `floatx`, Python integers int32, and
            arrays keep theirs.
        sparse, ragged: only dense arrays exist; True is refused.

    Returns:
        The array; a symbolic tensor as it is (or cast).

    Raises:
        ValueError: `sparse` or `ragged` is True.
        TypeError: `x` cannot be an array.

    >>> convert_to_tensor([1, 2]).tolist()
    [1, 2]
    """
    if sparse or ragged:
        raise ValueError(
            "Sparse and ragged arrays are not supported; convert to a dense array first."
        )
    if type(x) is SymbolicTensor:
        return x if dtype is None or dtype_name(dtype) == x.dtype else cast(x, dtype)
    return array(x, None if dtype is None else dtype_name(dtype))


def convert_to_numpy(x: Any) -> Any:
    """The values of `x` as a `numpy.ndarray` of the caller's own, once they are computed.

    Raises:
        TypeError: `x` is traced or symbolic and has no values.
    """
    if type(x) is SymbolicTensor:
        raise x._no_value("turning it into a NumPy array")
    return np.array(current_backend().to_numpy(array(x)))


def _cast_rule(x: Any, dtype: Any) -> Any:
    return of(shape_of(x), dtype_name(dtype))


@op(spec=_cast_rule)
def cast(x: Any, dtype: Any) -> Any:
    """`x` in another dtype; `x` itself where it has it.

    Raises:
        ValueError: unknown dtype.

    >>> cast([1.7, 2.2], "int32").tolist()
    [1, 2]
    """
    return current_backend().cast(array(x), dtype_name(dtype))


def dtype(x: Any) -> str:
    """The name of the dtype of an array, variable or symbolic tensor.

    >>> dtype(convert_to_tensor([1.0]))
    'float32'
    """
    return promoted(x)


def shape(x: Any) -> tuple:
    """The shape as a tuple; unknown dimensions of symbolic tensors are None."""
    return shape_of(x)


def is_tensor(x: Any) -> bool:
    """Whether `x` is an array of the current backend, or a symbolic tensor."""
    return type(x) is SymbolicTensor or current_backend().is_array(x)


@op(spec=unary)
def stop_gradient(variable: Any) -> Any:
    """The value, taken as a constant by gradients.

    Args:
        variable: array or variable.
    """
    return current_backend().stop_gradient(array(variable))


def _view_rule(x: Any, dtype: Any = None) -> Any:
    shape, old, new = shape_of(x), dtype_name(x.dtype), dtype_name(dtype or x.dtype)
    if old == new or not shape:
        return of(shape, new) if old == new else None
    last = shape[-1]
    if last is not None:
        # A byte more or less on the last axis is an error that the reading itself tells.
        last, rest = divmod(last * _bytes(old), _bytes(new))
        if rest:
            return None
    return of((*shape[:-1], last), new)


def _bytes(dtype: str) -> int:
    return current_backend().asarray(0, dtype).dtype.itemsize


@op(spec=_view_rule)
def view(x: Any, dtype: Any = None) -> Any:
    """The bytes of `x` read as another dtype.

    Args:
        x: array.
        dtype: dtype; where its size differs, the last axis is divided or put together.
    """
    x = array(x)
    if dtype is None or dtype_name(dtype) == dtype_name(x.dtype):
        return x
    x = current_backend().stop_gradient(x)  # bytes have none
    return x.view(array(0, dtype_name(dtype)).dtype)


@op
def view_as_complex(x: Any) -> Any:
    """Pairs of real numbers as complex ones.

    Args:
        x: floating array `(..., 2)`.

    Returns:
        Complex array `(...)`.

    Raises:
        ValueError: the last axis has not length 2.
    """
    x = array(x)
    if not x.ndim or x.shape[-1] != 2:
        raise ValueError(
            f"`view_as_complex` needs a last axis of length 2 (real and imaginary part); "
            f"got shape {tuple(x.shape)}."
        )
    return to_complex(x[..., 0], x[..., 1])


def to_complex(real: Any, imag: Any) -> Any:
    """Complex numbers of two real arrays."""
    dtype = "complex128" if dtype_name(real.dtype) == "float64" else "complex64"
    cast = current_backend().cast
    return cast(real, dtype) + array(1j, dtype) * cast(imag, dtype)


@op
def view_as_real(x: Any) -> Any:
    """Complex numbers as pairs of real ones: `(...)` becomes `(..., 2)`."""
    xp = current_backend().xp
    x = array(x)
    return xp.stack((xp.real(x), xp.imag(x)), axis=-1)


