"""Rows: attention layers."""

from __future__ import annotations

from .row import In, row

X, Y, X4 = (2, 5, 3), (2, 4, 3), (2, 3, 4, 5)
MASK, MASK4 = In((2, 5), "mask"), In((2, 4), "mask")
ALLOWED = In((2, 5, 4), "lower")
SCORES = {"return_attention_scores": True}
CAUSAL = {"use_causal_mask": True}
MASKS = {"attention_mask": ALLOWED, "query_mask": MASK, "value_mask": MASK4}


def mha(*inputs, label="", **options):
    call = options.pop("call", {})
    return row("MultiHeadAttention", *inputs, label=label, call=call, num_heads=2, key_dim=3,
               **options)


# Keras puts the mask of attention on the scores it returns, where it fits no loss: those rows
# have no training step to compare.
ROWS = [
    mha(X, Y, open=(1,)),
    mha(X, Y, (2, 4, 2), label="key"),
    mha(X, X, label="causal", call=CAUSAL, open=(1,)),
    # A query's mask given by hand goes on to the output here; in Keras it is lost.
    mha(X, Y, label="masks", call=MASKS, trains=False),
    mha(X, Y, label="masks scores", astray=("shape",), trains=False,
        call=MASKS | {"key_mask": MASK4} | SCORES),
    mha(X, Y, label="dims", dropout=0.3, seed=1, random=True, value_dim=4, output_shape=6, use_bias=False),
    mha(X, Y, label="dropout", dropout=0.3, seed=1, random=True),
    mha(X, X, label="gate", output_shape=(2, 4), use_gate=True),
    mha(X, X, label="window", sliding_window=2),
    mha(X, X, label="window causal", sliding_window=2, trains=False, call=CAUSAL | SCORES),
    *[mha(X4, X4, label=f"axes {axes} {scores}", attention_axes=axes, astray=("shape",) if scores else (),
          call=SCORES if scores else {})
      for axes, scores in (((1,), True), ((2,), False), (None, False), ((1, 2), True))],
    mha(X4, X4, label="axes mask", attention_axes=(2,),
        call={"attention_mask": In((2, 4, 4), "lower")}),
    mha(X, Y, label="options", kernel_regularizer="l2", bias_constraint="non_neg",
        kernel_initializer="he_normal"),
    row("GroupQueryAttention", X, Y, head_dim=3, num_query_heads=4, num_key_value_heads=2,
        open=(1,)),
    row("GroupQueryAttention", X, Y, label="masks", head_dim=3, num_query_heads=4,
        num_key_value_heads=2, use_gate=True,
        call={"attention_mask": ALLOWED, "value_mask": MASK4}),
    row("GroupQueryAttention", X, X, label="causal", head_dim=3, num_query_heads=4,
        num_key_value_heads=1, call=CAUSAL | SCORES, trains=False),
    row("GroupQueryAttention", X, Y, label="bare", head_dim=2, num_query_heads=2,
        num_key_value_heads=2, use_bias=False, kernel_regularizer="l2"),
    row("Attention", [X, Y], open=(1,)),
    row("Attention", [X, Y], label="mask", call={"mask": [MASK, MASK4]}),
    row("Attention", [X, X, X], label="concat", use_scale=True, score_mode="concat",
        call=CAUSAL | SCORES),
    row("Attention", [X, Y], label="dropout", dropout=0.2, seed=1, random=True),
    row("AdditiveAttention", [X, Y], open=(1,)),
    row("AdditiveAttention", [X, Y], label="plain", use_scale=False, call=SCORES),
    row("AdditiveAttention", [X, X, X], label="causal mask",
        call=CAUSAL | {"mask": [MASK, MASK]}),
]
