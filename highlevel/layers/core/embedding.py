"""`Embedding` and `ReversibleEmbedding`: vectors for integers."""

from __future__ import annotations

from typing import Any

from highlevel_backend import current_backend, is_float

from highlevel import initializers, ops
from highlevel.layers.adaptation.lora import AdaptedWeight, LowRankAdaptable
from highlevel.layers.described import positive
from highlevel.symbolic import SymbolicTensor
from highlevel.variable import Variable

__all__ = ["Embedding", "ReversibleEmbedding"]


class Embedding(LowRankAdaptable):
    """Row `i` of a table for every integer `i` of the input.

    Args:
        input_dim: number of rows; inputs are 0 to `input_dim - 1`.
        output_dim: length of a row.
        embeddings_initializer, embeddings_regularizer, embeddings_constraint: of the table.
        mask_zero: take 0 as padding: entries that are 0 are masked out.
        weights: the table to begin with, alone or in a list.
        lora_rank, lora_alpha: of `enable_lora`, called when the layer is built.
        quantization_config: only None is supported.

    Weights: `embeddings` `(input_dim, output_dim)`.
    Input: integers of shape `(batch, ...)`. Output: `(batch, ..., output_dim)`.

    Raises:
        ValueError: a size is no positive integer, or `weights` has another shape.

    >>> import highlevel as hl
    >>> layer = hl.layers.Embedding(3, 2, weights=[[[0., 0.], [1., 2.], [3., 4.]]])
    >>> layer(hl.ops.array([2, 1])).tolist()
    [[3.0, 4.0], [1.0, 2.0]]
    """

    _fields = (
        "input_dim", "output_dim", "embeddings_initializer", "embeddings_regularizer",
        "activity_regularizer", "embeddings_constraint", "mask_zero", "quantization_config",
    )

    _adapts = "embeddings"
    embeddings = AdaptedWeight()
    embeddings_initializer: Any
    embeddings_regularizer: Any
    embeddings_constraint: Any

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        weights: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        quantization_config: Any = None,
        **kwargs: Any,
    ) -> None:
        kwargs.pop("input_length", None)  # an argument of old, without effect
        # Indices given as floats must not be rounded to a short compute dtype.
        kwargs["autocast"] = False
        super().__init__(**kwargs)
        self._refuse(quantization_config=quantization_config)
        self._set_lora(lora_rank, lora_alpha)
        self.input_dim = positive(self, "input_dim", input_dim)
        self.output_dim = positive(self, "output_dim", output_dim)
        self.mask_zero = mask_zero
        self.quantization_config = None
        self._set_weight_options(
            "embeddings", embeddings_initializer, embeddings_regularizer, embeddings_constraint
        )
        self.supports_masking = mask_zero
        if weights is not None:
            self.build()
            table = weights if isinstance(weights, (list, tuple)) and len(weights) == 1 else [
                weights]
            self.set_weights(
                [current_backend().to_numpy(current_backend().asarray(table[0]))]
            )

    def build(self, input_shape: Any = None) -> None:
        """Make the table."""
        if not self.built:
            self.embeddings = self._add("embeddings", (self.input_dim, self.output_dim))
            self._adapt_if_asked()

    def call(self, inputs: Any) -> Any:
        """The rows for an array of indices."""
        rows = ops.take(self.embeddings, _indices(inputs), axis=0)
        return current_backend().cast(rows, self.compute_dtype)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Where the input is not 0, with `mask_zero`."""
        return ops.not_equal(inputs, 0) if self.mask_zero else None

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """`(batch, ..., output_dim)`."""
        return (*input_shape, self.output_dim)


class ReversibleEmbedding(Embedding):
    """An embedding whose table also turns vectors back into scores of the rows.

    Args:
        input_dim: number of rows.
        output_dim: length of a row.
        tie_weights: use the same table both ways.
        embeddings_initializer, embeddings_regularizer, embeddings_constraint: of the table.
        mask_zero: take 0 as padding.
        reverse_dtype: dtype of the reverse product; the compute dtype by default.
        logit_soft_cap: scores become `cap * tanh(scores / cap)`.

    Weights: `embeddings` `(input_dim, output_dim)`; with `tie_weights=False` also
    `reverse_embeddings` `(output_dim, input_dim)`.

    >>> import highlevel as hl
    >>> layer = hl.layers.ReversibleEmbedding(7, 3)
    >>> vectors = layer(hl.ops.array([[1, 2]]))
    >>> vectors.shape, layer(vectors, reverse=True).shape
    ((1, 2, 3), (1, 2, 7))
    """

    _fields = (*Embedding._fields, "tie_weights", "reverse_dtype", "logit_soft_cap")

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        tie_weights: bool = True,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        reverse_dtype: str | None = None,
        logit_soft_cap: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            input_dim, output_dim, embeddings_initializer, embeddings_regularizer,
            embeddings_constraint, mask_zero, **kwargs,
        )
        self.tie_weights = tie_weights
        self.reverse_dtype = reverse_dtype
        self.logit_soft_cap = logit_soft_cap

    def build(self, input_shape: Any = None) -> None:
        """Make the table, and the reverse one unless they are tied."""
        if self.built:
            return
        super().build(input_shape)
        self.reverse_embeddings: Variable | None = None
        if not self.tie_weights:
            self.reverse_embeddings = self.add_weight(
                shape=(self.output_dim, self.input_dim),
                initializer=initializers.get(self.embeddings_initializer),
                name="reverse_embeddings",
            )

    def call(self, inputs: Any, reverse: bool = False) -> Any:
        """Rows for indices; with `reverse` scores of the rows for vectors."""
        if not reverse:
            return super().call(inputs)
        cast = current_backend().cast
        dtype = self.reverse_dtype or self.compute_dtype
        if self.reverse_embeddings is None:
            kernel = ops.transpose(cast(ops.convert_to_tensor(self.embeddings), dtype))
        else:
            kernel = cast(self.reverse_embeddings.value, dtype)
        scores = ops.matmul(cast(inputs, dtype), kernel)
        if self.logit_soft_cap is not None:
            cap = self.logit_soft_cap
            scores = ops.multiply(ops.tanh(ops.divide(scores, cap)), cap)
        return scores

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Where an index is not 0, with `mask_zero`; vectors keep their mask."""
        return mask if is_float(inputs.dtype) else super().compute_mask(inputs, mask)

    def compute_output_shape(
        self, input_shape: Any, reverse: bool = False
    ) -> tuple[int | None, ...]:
        """`(batch, ..., output_dim)`, or `(batch, ..., input_dim)` with `reverse`."""
        if reverse:
            return (*input_shape[:-1], self.input_dim)
        return super().compute_output_shape(input_shape)

    def compute_output_spec(self, inputs: Any, reverse: bool = False) -> SymbolicTensor:
        """The symbolic output."""
        dtype = (self.reverse_dtype if reverse else None) or self.compute_dtype
        return SymbolicTensor.of(self.compute_output_shape(inputs.shape, reverse), dtype)


def _indices(inputs: Any) -> Any:
    return current_backend().cast(inputs, "int32") if is_float(str(inputs.dtype)) else inputs
