"""`Hashing`: strings and integers as one of a number of bins."""

from __future__ import annotations

from typing import Any

import numpy as np
from highlevel_backend import current_backend

from highlevel.layers.described import positive
from highlevel.layers.preprocessing.category_encoding import encoded_shape
from highlevel.layers.preprocessing.host_layer import HostLayer, encode_on_host, texts
from highlevel.layers.preprocessing.index_lookup import as_key, hashed
from highlevel.symbolic import SymbolicTensor

__all__ = ["Hashing", "digits_of"]

_MODES = ("int", "one_hot", "multi_hot", "count")


class Hashing(HostLayer):
    """Puts strings or integers into bins by a hash: no vocabulary, but strangers may meet.

    The hash is FarmHash's Fingerprint64, or with a salt SipHash-2-4; both give the same bins
    on every machine and backend, as Keras does. Integers are hashed as their digits. It runs
    on the host.

    Args:
        num_bins: number of bins, that of the mask included.
        mask_value: string or integer that goes to bin 0, which it then has for itself.
        salt: an integer or a pair of integers, the key of SipHash.
        output_mode: "int", or "one_hot", "multi_hot" or "count" of `CategoryEncoding`.
        sparse: only False.

    Call arguments:
        inputs: array or nested list of strings or integers, of any shape.

    Raises:
        ValueError: `num_bins` that is not positive, an unknown mode, another kind of salt.

    >>> import highlevel as hl
    >>> hl.layers.Hashing(num_bins=3)([["A"], ["B"], ["C"], ["D"], ["E"]]).tolist()
    [[1], [0], [1], [1], [2]]
    """

    def __init__(
        self,
        num_bins: int,
        mask_value: Any = None,
        salt: Any = None,
        output_mode: str = "int",
        sparse: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.num_bins = positive(self, "num_bins", num_bins)
        if output_mode == "binary":
            output_mode = "multi_hot"
        self.output_mode = self._one_of("output_mode", output_mode, _MODES)
        self._no_sparse(sparse)
        self.sparse = False
        self.mask_value = mask_value
        self._key = as_key(self, salt)
        self.salt = list(self._key) if self._key is not None else None

    def call(self, inputs: Any) -> Any:
        backend = current_backend()
        bins = self._bins(inputs)
        if self.output_mode == "int":
            return backend.asarray(bins)
        dtype = self._float_dtype()
        encoded = encode_on_host(bins, self.num_bins, self.output_mode, dtype)
        return backend.cast(backend.asarray(encoded), dtype)

    def _bins(self, inputs: np.ndarray) -> np.ndarray:
        names = digits_of(inputs, self)
        spread = self.num_bins
        if self.mask_value is not None and spread > 1:
            spread -= 1
        bins = hashed([name.encode("utf-8") for name in names], spread, self._key)
        if self.mask_value is not None:
            masked = np.fromiter((n == str(self.mask_value) for n in names), bool, len(names))
            bins = np.where(masked, 0, bins + (self.num_bins > 1))
        return bins.reshape(inputs.shape)

    def compute_output_shape(self, input_shape: Any) -> tuple:
        """The input's shape, or that of the encoded bins."""
        if self.output_mode == "int":
            return tuple(input_shape)
        return encoded_shape(input_shape, self.num_bins, self.output_mode)

    def compute_output_spec(self, inputs: Any) -> SymbolicTensor:
        dtype = "int64" if self.output_mode == "int" else self._float_dtype()
        return SymbolicTensor.of(self.compute_output_shape(inputs.shape), dtype)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        return super().get_config() | {
            "num_bins": self.num_bins,
            "salt": self.salt,
            "mask_value": self.mask_value,
            "output_mode": self.output_mode,
            "sparse": False,
        }


def digits_of(inputs: np.ndarray, layer: Any) -> list[str]:
    """What is hashed for strings or whole numbers, flat.

    Raises:
        TypeError: numbers that are not whole.
    """
    if inputs.dtype.kind in "iub":
        return [str(int(value)) for value in inputs.ravel().tolist()]
    if inputs.dtype.kind == "f":
        whole = inputs.astype("int64")
        if not (whole == inputs).all():
            raise TypeError(
                f"{type(layer).__name__} '{layer.path}' takes strings or integers; got floats "
                "that are not whole. `Discretization` turns them into integers."
            )
        return [str(value) for value in whole.ravel().tolist()]
    return texts(inputs, layer)
