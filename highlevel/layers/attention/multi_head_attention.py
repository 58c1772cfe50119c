"""`MultiHeadAttention`."""

from __future__ import annotations

from typing import Any

from highlevel_backend import current_backend

from highlevel import ops
from highlevel.layers.attention.heads import HeadAttention
from highlevel.layers.described import positive

__all__ = ["MultiHeadAttention"]


class MultiHeadAttention(HeadAttention):
    """Attention in several heads (Vaswani et al., 2017, arXiv:1706.03762).

    Query, key and value are projected onto `num_heads` heads; in each head the values are
    averaged with weights `softmax(query @ key / sqrt(key_dim))`; the heads are projected
    onto the output.

    Args:
        num_heads: number of heads.
        key_dim: length of query and key in a head.
        value_dim: length of the value in a head; `key_dim` where None.
        dropout: rate at which weights are dropped in training.
        use_bias: whether the projections have a bias.
        output_shape: length(s) of the output's last axis or axes; the query's where None.
        attention_axes: axes attended over, all between batch and features where None.
        sliding_window: attend only to keys less than this many steps away.
        flash_attention: whether to use the backend's flash attention; None lets it choose.
        kernel_initializer, bias_initializer: of the projections.
        kernel_regularizer, bias_regularizer: added to the loss.
        activity_regularizer: of the projections' outputs, added to the loss.
        kernel_constraint, bias_constraint: applied after updates.
        use_gate: multiply the heads' outputs by a sigmoid gate, projected from the query.
        seed: seed of the dropout.

    Call arguments:
        query: `(batch, T, query_features)`.
        value: `(batch, S, value_features)`.
        key: `(batch, S, key_features)`; the value where None.
        query_mask: boolean, `(batch, T)`; goes on as the mask of the output.
        value_mask, key_mask: boolean, `(batch, S)`; a masked entry has no weight.
        attention_mask: boolean, `(batch, T, S)`, true where attention is allowed.
        return_attention_scores: return the weights as well.
        training: whether dropout acts.
        use_causal_mask: attend only to keys at the query's step or before.

    Returns:
        `(batch, T, query_features)`; with `return_attention_scores` a tuple of that and
        the weights `(batch, heads, T, S)`.

    >>> import highlevel as hl
    >>> layer = hl.layers.MultiHeadAttention(num_heads=2, key_dim=4)
    >>> x = hl.ops.ones((3, 5, 8))
    >>> layer(x, x, use_causal_mask=True).shape
    (3, 5, 8)
    """

    _fields = (
        "num_heads", "key_dim", "value_dim", "dropout", "use_bias", "use_gate", "output_shape",
        "attention_axes", "sliding_window", "kernel_initializer", "bias_initializer",
        "kernel_regularizer", "bias_regularizer", "kernel_constraint",
        "bias_constraint", "seed",
    )
    query_dense: Any = None
    key_dense: Any = None
    value_dense: Any = None
    output_dense: Any = None
    _gate_dense: Any = None
    num_heads: int = 0
    key_dim: int = 0
    value_dim: int = 0
    dropout: float = 0.0
    use_bias: bool = True
    attention_axes: Any = None

    def __init__(
        self,
        num_heads: int,
        key_dim: int,
        value_dim: int | None = None,
        dropout: float = 0.0,
        use_bias: bool = True,
        output_shape: Any = None,
        attention_axes: Any = None,
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
        self.num_heads = positive(self, "num_heads", num_heads)
        self.key_dim = positive(self, "key_dim", key_dim)
        self.value_dim = self.key_dim if not value_dim else positive(self, "value_dim", value_dim)
        self._set_options(
            dropout, use_bias, sliding_window, flash_attention,
            (kernel_initializer, kernel_regularizer, kernel_constraint),
            (bias_initializer, bias_regularizer, bias_constraint), activity_regularizer,
            use_gate, seed,
        )
        if isinstance(output_shape, int):
            output_shape = (output_shape,)
        elif output_shape is not None and not isinstance(output_shape, (tuple, list)):
            raise ValueError(
                f"MultiHeadAttention '{self.name}': `output_shape` must be an integer or a tuple "
                f"of integers; got {output_shape!r}."
            )
        self.output_shape = tuple(output_shape) if output_shape is not None else None
        if isinstance(attention_axes, int):
            attention_axes = (attention_axes,)
        elif attention_axes is not None and not isinstance(attention_axes, (tuple, list)):
            raise ValueError(
                f"MultiHeadAttention '{self.name}': `attention_axes` must be an integer or a "
                f"tuple of integers; got {attention_axes!r}."
            )
        self.attention_axes = tuple(attention_axes) if attention_axes is not None else None

    def build(self, query_shape: Any, value_shape: Any, key_shape: Any = None) -> None:
        """Make the projections."""
        key_shape = self._check_shapes(query_shape, value_shape, key_shape)
        self._set_axes(len(query_shape))
        heads = self.num_heads
        self.query_dense = self._make_dense("query", query_shape, heads, self.key_dim)
        self.key_dense = self._make_dense("key", key_shape, heads, self.key_dim)
        if self.use_gate:
            self._gate_dense = self._make_dense("gate", query_shape, heads, self.value_dim)
        self.value_dense = self._make_dense("value", value_shape, heads, self.value_dim)
        self._make_weighting()
        self.output_dense = self._make_output(
            query_shape, heads, self.value_dim, self.output_shape or (query_shape[-1],))

    def _set_axes(self, rank: int) -> None:
        if self.attention_axes is None:
            self._axes = tuple(range(1, rank - 1))
            return
        axes = tuple(sorted(a % rank if -rank <= a < rank else a for a in self.attention_axes))
        if any(not 0 < axis < rank - 1 for axis in axes):
            raise ValueError(
                f"MultiHeadAttention '{self.name}' cannot attend over the axes "
                f"{self.attention_axes} of inputs with {rank} axes: only those between the batch "
                "axis and the last one."
            )
        self._axes = axes

    def _heads(self) -> int:
        return self.num_heads

    def compute_output_shape(
        self, query_shape: Any, value_shape: Any, key_shape: Any = None
    ) -> tuple:
        """The query's shape, with `output_shape` for its last axis."""
        self._check_shapes(query_shape, value_shape, key_shape)
        return (*query_shape[:-1], *(self.output_shape or (query_shape[-1],)))

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
            self.query_dense(query), self.key_dense(key), self.value_dense(value),
            (value_mask, key_mask), attention_mask, use_causal_mask,
            self.key_dim ** -0.5, return_attention_scores, training,
        )
        if self.use_gate:
            output = output * ops.sigmoid(self._gate_dense(query))
        output = self.output_dense(current_backend().cast(output, self.compute_dtype))
        return (output, scores) if return_attention_scores else output
