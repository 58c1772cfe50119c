"""`GroupedQueryAttention`: fewer heads for key and value than for the query."""

from __future__ import annotations

from typing import Any

from highlevel_backend import current_backend

from highlevel import ops
from highlevel.layers.attention.heads import HeadAttention
from highlevel.layers.described import positive

__all__ = ["GroupedQueryAttention"]


class GroupedQueryAttention(HeadAttention):
    """Attention in which several query heads share a key and value head.

    Ainslie et al., 2023, arXiv:2305.13245; with one key and value head it is multi-query
    attention (Shazeer, 2019, arXiv:1911.02150).

    Args:
        head_dim: length of query, key and value in a head.
        num_query_heads: number of query heads; a multiple of `num_key_value_heads`.
        num_key_value_heads: number of key and value heads.
        dropout: rate at which weights are dropped in training.
        use_bias: whether the projections have a bias.
        sliding_window: attend only to keys less than this many steps away.
        flash_attention: whether to use the backend's flash attention; None lets it choose.
        kernel_initializer, bias_initializer: of the projections.
        kernel_regularizer, bias_regularizer: added to the loss.
        activity_regularizer: of the projections' outputs, added to the loss.
        kernel_constraint, bias_constraint: applied after updates.
        use_gate: multiply the heads' outputs by a sigmoid gate, projected from the query.
        seed: seed of the dropout.

    Called as `MultiHeadAttention` is, with inputs of three axes.

    Raises:
        ValueError: the numbers of heads do not divide.

    >>> import highlevel as hl
    >>> layer = hl.layers.GroupQueryAttention(4, num_query_heads=6, num_key_value_heads=2)
    >>> x = hl.ops.ones((3, 5, 8))
    >>> layer(x, x).shape
    (3, 5, 8)
    """

    _fields = (
        "head_dim", "num_query_heads", "num_key_value_heads", "use_bias", "use_gate",
        "sliding_window", "dropout", "kernel_initializer", "bias_initializer",
        "kernel_regularizer", "bias_regularizer", "kernel_constraint",
        "bias_constraint", "seed",
    )

    def __init__(
        self,
        head_dim: int,
        num_query_heads: int,
        num_key_value_heads: int,
        dropout: float = 0.0,
        use_bias: bool = True,
        sliding_window: int | None = None,
        flash_attention: bool | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        use_gate: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.head_dim = positive(self, "head_dim", head_dim)
        self.num_query_heads = positive(self, "num_query_heads", num_query_heads)
        self.num_key_value_heads = positive(self, "num_key_value_heads", num_key_value_heads)
        if num_query_heads % num_key_value_heads:
            raise ValueError(
                f"GroupedQueryAttention '{self.name}': `num_query_heads` must be a multiple of "
                f"`num_key_value_heads`; got {num_query_heads} and {num_key_value_heads}."
            )
        self._set_options(
            dropout, use_bias, sliding_window, flash_attention,
            (kernel_initializer, kernel_regularizer, kernel_constraint),
            (bias_initializer, bias_regularizer, bias_constraint), activity_regularizer,
            use_gate, seed,
        )

    def build(self, query_shape: Any, value_shape: Any, key_shape: Any = None) -> None:
        """Make the projections."""
        if len(query_shape) != 3:
            raise ValueError(
                f"GroupedQueryAttention '{self.name}' takes inputs of 3 axes, (batch, steps, "
                f"features); got the shape {tuple(query_shape)}."
            )
        key_shape = self._check_shapes(query_shape, value_shape, key_shape)
        few, many, length = self.num_key_value_heads, self.num_query_heads, self.head_dim
        self._query_dense = self._make_dense("query", query_shape, many, length)
        self._key_dense = self._make_dense("key", key_shape, few, length)
        if self.use_gate:
            self._gate_dense = self._make_dense("gate", query_shape, many, length)
        self._value_dense = self._make_dense("value", value_shape, few, length)
        self._make_weighting()
        self._output_dense = self._make_output(query_shape, many, length, (query_shape[-1],))

    def _heads(self) -> int:
        return self.num_query_heads

    def compute_output_shape(
        self, query_shape: Any, value_shape: Any, key_shape: Any = None
    ) -> tuple:
        """The query's shape."""
        self._check_shapes(query_shape, value_shape, key_shape)
        return tuple(query_shape)

    def call(
        self,
        query: Any,
        value: Any,
        key: Any = None,
        query_mask: Any = None,
        value_mask: Any = None,
        key_mask: Any = None,
        attention_mask: Any = None,
        return_attention_scores: bool = False,
        training: bool | None = None,
        use_causal_mask: bool = False,
    ) -> Any:
        if key is None:
            key = value
        output, scores = self._attend(
            self._query_dense(query), self._key_dense(key), self._value_dense(value),
            (value_mask, key_mask), attention_mask, use_causal_mask,
            self.head_dim ** -0.5, return_attention_scores, training,
        )
        if self.use_gate:
            output = output * ops.sigmoid(self._gate_dense(query))
        output = self._output_dense(current_backend().cast(output, self.compute_dtype))
        return (output, scores) if return_attention_scores else output
