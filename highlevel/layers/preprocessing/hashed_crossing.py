"""`HashedCrossing`: pairs of categories as one of a number of bins."""

from __future__ import annotations

from typing import Any

import numpy as np
from highlevel_backend import current_backend

from highlevel import dtype_policies
from highlevel.layers.described import positive
from highlevel.layers.preprocessing.hashes import fingerprint, join_fingerprints
from highlevel.layers.preprocessing.host_layer import HostLayer, encode_on_host, texts
from highlevel.symbolic import SymbolicTensor

__all__ = ["HashedCrossing"]

#: what joined fingerprints begin with: a constant of the format, so that bins agree
_SEED = np.uint64(0xDECAFCAFFE)


class HashedCrossing(HostLayer):
    """Puts combinations of categories into bins by a hash of them all: a "feature cross".

    It runs on the host and gives the bins that Keras does.

    Args:
        num_bins: number of bins.
        output_mode: "int", or "one_hot" for a vector.
        sparse: only False.

    Call arguments:
        inputs: tuple or list of at least two arrays of strings or integers, all of one
            shape: `(batch,)`, `(batch, 1)` or `()`.

    Returns of a call: the bins, in the shape of the inputs; with "one_hot" of shape
    `(batch, num_bins)`.

    Raises:
        ValueError: fewer than two inputs, different shapes, more than one value per sample.

    >>> import highlevel as hl
    >>> layer = hl.layers.HashedCrossing(num_bins=5)
    >>> layer((["A", "B", "A", "B", "A"], [101, 101, 101, 102, 102])).tolist()
    [1, 4, 1, 1, 3]
    """

    def __init__(
        self,
        num_bins: int,
        output_mode: str = "int",
        sparse: bool = False,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        if output_mode == "int" and dtype is None:
            dtype = "int64"
        super().__init__(name=name, dtype=dtype, **kwargs)
        self.num_bins = positive(self, "num_bins", num_bins)
        self.output_mode = self._one_of("output_mode", output_mode, ("int", "one_hot"))
        self._no_sparse(sparse)
        self.sparse = False

    def _on_host(self, value: Any) -> Any:
        if not isinstance(value, (list, tuple)):
            raise ValueError(
                f"HashedCrossing '{self.path}' takes a tuple or list of at least two arrays; got "
                f"{type(value).__name__}."
            )
        return tuple([super(HashedCrossing, self)._on_host(item) for item in value])

    def _check(self, shapes: list[tuple]) -> None:
        if len(shapes) < 2:
            raise ValueError(
                f"HashedCrossing '{self.path}' needs at least two inputs; got {len(shapes)}."
            )
        if any(shape != shapes[0] for shape in shapes):
            raise ValueError(
                f"HashedCrossing '{self.path}': all inputs must have one shape; got {shapes}."
            )
        if len(shapes[0]) > 2 or (len(shapes[0]) == 2 and shapes[0][1] not in (1, None)):
            raise ValueError(
                f"HashedCrossing '{self.path}' takes one value per sample, in the shape `()`, "
                f"`(batch,)` or `(batch, 1)`; got {shapes[0]}."
            )

    def call(self, inputs: Any) -> Any:
        self._check([value.shape for value in inputs])
        joined: Any = _SEED
        for value in inputs:
            joined = join_fingerprints(joined, self._fingerprints(value))
        bins = (joined % np.uint64(self.num_bins)).astype("int64").reshape(inputs[0].shape)
        backend = current_backend()
        if self.output_mode == "int":
            found = backend.asarray(bins)
            return found if self.compute_dtype == "int64" else backend.cast(
                found, self.compute_dtype)
        dtype = self._float_dtype()
        encoded = encode_on_host(bins, self.num_bins, "one_hot", dtype)
        return backend.cast(backend.asarray(encoded), dtype)

    def _fingerprints(self, value: np.ndarray) -> np.ndarray:
        if value.dtype.kind in "iub":
            return value.ravel().astype("int64").astype("uint64")
        if value.dtype.kind == "f":
            raise TypeError(
                f"HashedCrossing '{self.path}' crosses strings and integers; got floats. "
                "`Discretization` turns them into integers."
            )
        return fingerprint([text.encode("utf-8") for text in texts(value, self)])

    def compute_output_shape(self, input_shape: Any) -> tuple:
        """The first input's shape, or that of the vectors."""
        shapes = [tuple(shape) for shape in input_shape]
        self._check(shapes)
        if self.output_mode == "int":
            return shapes[0]
        return (*(shapes[0][:-1] if len(shapes[0]) == 2 else shapes[0]), self.num_bins)

    def compute_output_spec(self, inputs: Any) -> SymbolicTensor:
        for tensor in inputs:
            if "float" in tensor.dtype:
                raise TypeError(
                    f"HashedCrossing '{self.path}' crosses strings and integers; '{tensor.name}' "
                    f"has dtype {tensor.dtype}."
                )
        dtype = self.compute_dtype if self.output_mode == "int" else self._float_dtype()
        return SymbolicTensor.of(
            self.compute_output_shape([tensor.shape for tensor in inputs]), dtype)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        policy = self._dtype_policy
        return {
            "num_bins": self.num_bins,
            "output_mode": self.output_mode,
            "sparse": False,
            "name": self.name,
            "dtype": policy.name if policy.name == self.compute_dtype
            else dtype_policies.serialize(policy),
        }
