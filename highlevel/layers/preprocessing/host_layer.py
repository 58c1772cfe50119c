"""`HostLayer`: base of layers that work on strings or 64-bit integers, in NumPy on the host.

No array library for accelerators has strings. These layers therefore compute with NumPy
whatever the backend, and hand the backend numbers. Models know them by `runs_on_host` and
run what leads up to them before a batch goes to the compiled program.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from highlevel_backend import current_backend

from highlevel import config
from highlevel.errors import describe
from highlevel.layers.preprocessing.data_layer import DataLayer, as_numpy
from highlevel.symbolic import SymbolicTensor
from highlevel.variable import Variable

__all__ = ["HostLayer", "encode_on_host", "texts"]


class HostLayer(DataLayer):
    """Base of layers whose `call` gets NumPy arrays, strings too, on every backend."""

    runs_on_host = True
    accepts_strings = True

    def build(self, input_shape: Any = None) -> None:
        """There is nothing to make."""

    def _take_inputs(self, args: tuple, kwargs: dict) -> tuple[tuple, dict, bool]:
        """Arguments as NumPy arrays, integers in the width they have."""
        converted = tuple([self._on_host(value) for value in args])
        kwargs = {
            name: value if name == "training" else self._on_host(value)
            for name, value in kwargs.items()
        }
        symbolic = any(_is_symbolic(value) for value in (*converted, *kwargs.values()))
        return converted, kwargs, symbolic

    def _on_host(self, value: Any) -> Any:
        if value is None or type(value) is SymbolicTensor:
            return value
        if isinstance(value, Variable):
            value = value.value
        backend = current_backend()
        if not isinstance(value, np.ndarray) and backend.is_array(value) and backend.is_abstract(
            value
        ):
            raise TypeError(
                f"{type(self).__name__} '{self.path}' computes on the host and cannot be part of "
                f"a compiled program; it was called with {describe(value)}. Make it a layer of a "
                "functional or Sequential model, which runs it before the program; or put it "
                "into the data pipeline; or `compile(run_eagerly=True)`."
            )
        return as_numpy(value)

    def _float_dtype(self) -> str:
        """dtype of encoded outputs."""
        return self.compute_dtype if "float" in self.compute_dtype else config.floatx()

    def _no_sparse(self, sparse: Any) -> None:
        if sparse:
            raise ValueError(
                f"{type(self).__name__} '{self.name}': sparse outputs are not supported; leave "
                "`sparse` out."
            )

    def _one_of(self, what: str, value: Any, known: tuple[str | None, ...]) -> Any:
        if value not in known:
            raise ValueError(
                f"{type(self).__name__} '{self.name}': `{what}` must be one of {known}; got "
                f"{value!r}."
            )
        return value


def _is_symbolic(value: Any) -> bool:
    if type(value) in (list, tuple):
        return any(_is_symbolic(item) for item in value)
    return type(value) is SymbolicTensor


def texts(array: np.ndarray, layer: Any, encoding: str = "utf-8") -> list[str]:
    """The strings of an array, flat, bytes decoded.

    Args:
        array: strings of any shape: dtype `<U`, `S`, `StringDType` or object.
        layer: for the error.
        encoding: of bytes.

    Raises:
        TypeError: something that is no string.
    """
    if array.dtype.kind in "UT":
        return array.ravel().tolist()
    if array.dtype.kind not in "SO" and array.size:
        raise TypeError(_no_strings(layer, f"an array of dtype {array.dtype}"))
    found = array.ravel().tolist()
    for index, item in enumerate(found):
        if isinstance(item, bytes):
            found[index] = item.decode(encoding)
        elif not isinstance(item, str):
            raise TypeError(_no_strings(layer, f"{item!r} of type {type(item).__name__} in it"))
    return found


def _no_strings(layer: Any, what: str) -> str:
    return (
        f"{type(layer).__name__} '{layer.path}' takes strings; got {what}. Missing values? Fill "
        "them with a string such as ''. Numbers? Make them strings (`x.astype(str)`), or take "
        "`IntegerLookup` for integers."
    )


def encode_on_host(indices: np.ndarray, depth: int, mode: str, dtype: str) -> np.ndarray:
    """Integers as one-hot, multi-hot or count vectors, with no larger array in between.

    Args:
        indices: integers; those outside of `[0, depth)` count nowhere.
        depth: length of the vectors.
        mode: "one_hot", "multi_hot" or "count".
        dtype: of the result.

    Returns:
        `encoded_shape(indices.shape, depth, mode)`.
    """
    if mode == "one_hot":
        if indices.ndim and indices.shape[-1] == 1:
            indices = indices[..., 0]
        shape, indices = indices.shape, indices.reshape(-1, 1)
    else:
        shape = indices.shape[:-1]
        indices = indices.reshape(-1, indices.shape[-1] if indices.ndim else 1)
    rows = len(indices)
    valid = (indices >= 0) & (indices < depth)
    places = (np.arange(rows)[:, None] * depth + indices)[valid]
    if mode == "count":
        result = np.bincount(places, minlength=rows * depth).astype(_numpy_dtype(dtype))
    else:
        result = np.zeros(rows * depth, _numpy_dtype(dtype))
        result[places] = 1
    return result.reshape(*shape, depth)


def _numpy_dtype(dtype: str) -> str:
    return "float32" if dtype == "bfloat16" else dtype
