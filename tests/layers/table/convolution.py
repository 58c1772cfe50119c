"""Rows: convolutions of every kind, in both data formats."""

from __future__ import annotations

from .row import row
from .shapes import FIRST, IMG, IMG_FIRST, OF, OPEN, OPEN_FIRST, SEQ, SEQ_FIRST, VOL

CF = "channels_first"

ROWS = [
    *[row(f"Conv{r}D", OF[r], filters=4, kernel_size=3, open=OPEN[r]) for r in (1, 2, 3)],
    *[row(f"Conv{r}D", FIRST[r], label="first", filters=3, kernel_size=2, strides=2,
          data_format=CF, open=OPEN_FIRST[r]) for r in (1, 2, 3)],
    *[row(f"Conv{r}D", OF[r], label="same", filters=2, kernel_size=3, strides=2, padding="same",
          activation="relu", open=OPEN[r], use_bias=False, kernel_regularizer="l2")
      for r in (1, 2, 3)],
    row("Conv1D", SEQ, label="causal", filters=4, kernel_size=3, padding="causal",
        dilation_rate=2, open=OPEN[1]),
    row("Conv1D", SEQ_FIRST, label="causal first", filters=4, kernel_size=3, padding="causal",
        data_format=CF, open=(2,)),
    row("Conv1D", (2, 7, 4), label="groups", filters=4, kernel_size=2, groups=2),
    row("Conv2D", IMG, label="uneven", filters=3, kernel_size=(3, 2), strides=(1, 2),
        padding="same", activation="tanh", open=OPEN[2], bias_initializer="ones",
        kernel_constraint="max_norm"),
    row("Conv2D", IMG, label="groups", filters=6, kernel_size=3, groups=2, use_bias=False),
    row("Conv2D", IMG, label="dilated", filters=2, kernel_size=2, dilation_rate=(2, 3),
        open=OPEN[2], activity_regularizer="l2"),
    row("Conv3D", VOL, label="dilated", filters=2, kernel_size=(2, 1, 2), dilation_rate=2),
    *[row(f"DepthwiseConv{r}D", OF[r], kernel_size=3, depth_multiplier=2, open=OPEN[r])
      for r in (1, 2)],
    *[row(f"DepthwiseConv{r}D", OF[r], label="same", kernel_size=3, strides=2, padding="same",
          activation="relu", open=OPEN[r], depthwise_regularizer="l2") for r in (1, 2)],
    *[row(f"DepthwiseConv{r}D", FIRST[r], label="first", kernel_size=2, depth_multiplier=2,
          data_format=CF, use_bias=False, open=OPEN_FIRST[r]) for r in (1, 2)],
    *[row(f"DepthwiseConv{r}D", OF[r], label="dilated", kernel_size=2, dilation_rate=2)
      for r in (1, 2)],
    *[row(f"SeparableConv{r}D", OF[r], filters=4, kernel_size=3, padding="same", open=OPEN[r])
      for r in (1, 2)],
    *[row(f"SeparableConv{r}D", OF[r], label="multiplier", filters=5, kernel_size=2, strides=2,
          depth_multiplier=2, activation="relu", pointwise_regularizer="l1",
          depthwise_constraint="non_neg", open=OPEN[r]) for r in (1, 2)],
    *[row(f"SeparableConv{r}D", FIRST[r], label="first", filters=2, kernel_size=2,
          data_format=CF, use_bias=False, dilation_rate=2) for r in (1, 2)],
    *[row(f"Conv{r}DTranspose", OF[r], filters=3, kernel_size=3, strides=2, open=OPEN[r])
      for r in (1, 2, 3)],
    *[row(f"Conv{r}DTranspose", OF[r], label="same", filters=2, kernel_size=3, strides=2,
          padding="same", use_bias=False, activation="relu", open=OPEN[r]) for r in (1, 2, 3)],
    *[row(f"Conv{r}DTranspose", FIRST[r], label="first", filters=2, kernel_size=2, strides=2,
          data_format=CF, open=OPEN_FIRST[r], kernel_regularizer="l2") for r in (1, 2, 3)],
    row("Conv1DTranspose", SEQ, label="output padding", filters=2, kernel_size=4, strides=3,
        padding="same", output_padding=1),
    row("Conv2DTranspose", IMG, label="output padding", filters=3, kernel_size=(4, 3), strides=3,
        padding="same", output_padding=(1, 2), open=OPEN[2]),
    row("Conv2DTranspose", IMG, label="dilated", filters=3, kernel_size=2, dilation_rate=2),
    row("Conv2DTranspose", IMG_FIRST, label="first same", filters=2, kernel_size=3, strides=2,
        padding="same", data_format=CF, open=OPEN_FIRST[2]),
]
