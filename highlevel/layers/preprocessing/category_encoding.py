"""`CategoryEncoding`: integers as vectors of zeros and ones."""

from __future__ import annotations

from typing import Any

from highlevel_backend import current_backend

from highlevel.layers.described import positive
from highlevel.layers.preprocessing.data_layer import DataLayer
from highlevel.symbolic import SymbolicTensor

__all__ = ["CategoryEncoding", "encode", "encoded_shape"]

_MODES = ("one_hot", "multi_hot", "count")


class CategoryEncoding(DataLayer):
    """Encodes integers below `num_tokens` as vectors of that length.

    Args:
        num_tokens: number of categories.
        output_mode: "one_hot", a vector for each integer; "multi_hot", one for each sample,
            with 1 for every category in it; "count", with how often each occurs.
        sparse: only False.

    Call arguments:
        inputs: integers `(batch, size)`, `(batch,)` or a single one; negative ones and
            those from `num_tokens` on are left out.
        count_weights: what each counts with "count", in the shape of the inputs.

    Raises:
        ValueError: no `num_tokens`, or an unknown mode.

    >>> import highlevel as hl
    >>> hl.layers.CategoryEncoding(4)(hl.ops.array([[0, 1], [3, 3]])).tolist()
    [[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]]
    """

    _fields = ("num_tokens", "output_mode")

    def __init__(
        self,
        num_tokens: int | None = None,
        output_mode: str = "multi_hot",
        sparse: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if output_mode == "binary":
            output_mode = "multi_hot"
        if output_mode not in _MODES:
            raise ValueError(
                f"CategoryEncoding '{self.name}': `output_mode` must be one of {_MODES}; got "
                f"{output_mode!r}."
            )
        if num_tokens is None:
            raise ValueError(
                f"CategoryEncoding '{self.name}' needs `num_tokens`. Where the number of "
                "categories is not known, `IntegerLookup` finds it."
            )
        if sparse:
            raise ValueError(
                f"CategoryEncoding '{self.name}': sparse outputs are not supported; leave "
                "`sparse` out."
            )
        self.num_tokens = positive(self, "num_tokens", num_tokens)
        self.output_mode = output_mode
        self.sparse = False

    def build(self, input_shape: Any) -> None:
        """There is nothing to make."""

    def call(self, inputs: Any, count_weights: Any = None) -> Any:
        if count_weights is not None and self.output_mode != "count":
            raise ValueError(
                f"CategoryEncoding '{self.name}' takes `count_weights` only with "
                f"`output_mode='count'`, not with {self.output_mode!r}."
            )
        return encode(
            inputs, self.num_tokens, self.output_mode, self.compute_dtype, count_weights)

    def compute_output_shape(self, input_shape: Any) -> tuple:
        """The input's shape with the last axis encoded, or a new one with "one_hot"."""
        return encoded_shape(input_shape, self.num_tokens, self.output_mode)

    def compute_output_spec(self, inputs: Any, count_weights: Any = None) -> SymbolicTensor:
        return SymbolicTensor.of(self.compute_output_shape(inputs.shape), self.compute_dtype)


def encoded_shape(shape: Any, depth: int, mode: str) -> tuple:
    """Shape of what `encode` gives for integers of a shape."""
    shape = tuple(shape)
    if mode == "one_hot":
        return (*(shape[:-1] if shape and shape[-1] == 1 else shape), depth)
    return (*shape[:-1], depth)


def encode(indices: Any, depth: int, mode: str, dtype: str, weights: Any = None) -> Any:
    """Integers as one-hot, multi-hot or count vectors.

    Args:
        indices: integers; those outside of `[0, depth)` give zeros.
        depth: length of the vectors.
        mode: "one_hot", "multi_hot" or "count".
        dtype: of the result.
        weights: what each integer counts, in the shape of `indices`.

    Returns:
        Array of `encoded_shape(indices.shape, depth, mode)`.
    """
    backend = current_backend()
    xp = backend.xp
    indices = backend.cast(backend.asarray(indices), "int32")
    hot = backend.cast(indices[..., None] == xp.arange(depth), dtype)
    if mode == "one_hot":
        return hot[..., 0, :] if indices.ndim and indices.shape[-1] == 1 else hot
    if indices.ndim == 0:
        return hot
    if mode == "multi_hot":
        return xp.max(hot, axis=-2)
    if weights is not None:
        hot = hot * backend.cast(weights, dtype)[..., None]
    return xp.sum(hot, axis=-2)
