"""Rows: pooling, cropping, padding, upsampling."""

from __future__ import annotations

from .row import In, row
from .shapes import FIRST, IMG, IMG_FIRST, OF, OPEN, OPEN_FIRST, SEQ, VOL

CF = "channels_first"
RANKS = (1, 2, 3)
KINDS = ("Max", "Average")

ROWS = [
    *[row(f"{k}Pooling{r}D", OF[r], pool_size=2, open=OPEN[r]) for k in KINDS for r in RANKS],
    *[row(f"{k}Pooling{r}D", OF[r], label="same", pool_size=3, strides=2, padding="same",
          open=OPEN[r]) for k in KINDS for r in RANKS],
    *[row(f"{k}Pooling{r}D", FIRST[r], label="first", pool_size=2, strides=1, data_format=CF,
          open=OPEN_FIRST[r]) for k in KINDS for r in RANKS],
    *[row(f"{k}Pooling2D", IMG_FIRST, label="uneven", pool_size=(3, 2), strides=(2, 1),
          padding="same", data_format=CF) for k in KINDS],
    *[row(f"Global{k}Pooling{r}D", OF[r], open=OPEN[r]) for k in KINDS for r in RANKS],
    *[row(f"Global{k}Pooling{r}D", OF[r], label="keep", keepdims=True, open=OPEN[r])
      for k in KINDS for r in RANKS],
    *[row(f"Global{k}Pooling{r}D", FIRST[r], label="first", data_format=CF, keepdims=True,
          open=OPEN_FIRST[r]) for k in KINDS for r in RANKS],
    row("GlobalAveragePooling1D", SEQ, label="mask", call={"mask": In((2, 7), "mask")}),
    row("GlobalAveragePooling1D", SEQ, label="mask keep", keepdims=True,
        call={"mask": In((2, 7), "mask")}),
    *[row(f"Adaptive{k}Pooling{r}D", OF[r], output_size=3) for k in KINDS for r in RANKS],
    *[row(f"Adaptive{k}Pooling{r}D", FIRST[r], label="first", output_size=2, data_format=CF)
      for k in KINDS for r in RANKS],
    *[row(f"Adaptive{k}Pooling{r}D", OF[r], label="one", output_size=1)
      for k in KINDS for r in RANKS],
    *[row(f"Adaptive{k}Pooling2D", IMG, label="uneven", output_size=(4, 3)) for k in KINDS],

    row("Cropping1D", SEQ, cropping=(1, 2), open=OPEN[1]),
    row("Cropping1D", SEQ, label="default", open=OPEN[1]),
    row("Cropping1D", SEQ, label="none", cropping=0),
    row("Cropping2D", IMG, cropping=((1, 2), (0, 1)), open=OPEN[2]),
    row("Cropping2D", IMG_FIRST, label="first", cropping=(1, 2), data_format=CF,
        open=OPEN_FIRST[2]),
    row("Cropping2D", IMG, label="one", cropping=1, open=OPEN[2]),
    row("Cropping3D", VOL, open=OPEN[3]),
    row("Cropping3D", FIRST[3], label="first", cropping=1, data_format=CF, open=OPEN_FIRST[3]),
    row("Cropping3D", VOL, label="uneven", cropping=((1, 0), (0, 1), (2, 1))),
    row("ZeroPadding1D", SEQ, padding=(1, 2), open=OPEN[1]),
    row("ZeroPadding1D", SEQ, label="default", open=OPEN[1]),
    row("ZeroPadding1D", FIRST[1], label="first", padding=2, data_format=CF),
    row("ZeroPadding2D", IMG, padding=((1, 2), (0, 1)), open=OPEN[2]),
    row("ZeroPadding2D", IMG_FIRST, label="first", padding=2, data_format=CF,
        open=OPEN_FIRST[2]),
    row("ZeroPadding2D", IMG, label="pair", padding=(2, 0)),
    row("ZeroPadding3D", VOL, open=OPEN[3]),
    row("ZeroPadding3D", FIRST[3], label="first", padding=(1, 0, 2), data_format=CF),
    row("ZeroPadding3D", VOL, label="uneven", padding=((1, 0), (0, 1), (2, 1))),
    row("UpSampling1D", SEQ, size=3, open=OPEN[1]),
    row("UpSampling1D", SEQ, label="default"),
    row("UpSampling1D", SEQ, label="one", size=1),
    row("UpSampling2D", IMG, size=(2, 3), open=OPEN[2]),
    row("UpSampling2D", IMG, label="bilinear", interpolation="bilinear"),
    row("UpSampling2D", IMG_FIRST, label="first", data_format=CF, open=OPEN_FIRST[2]),
    row("UpSampling2D", IMG_FIRST, label="first bilinear", size=3, interpolation="bilinear",
        data_format=CF),
    row("UpSampling2D", IMG, label="bicubic", interpolation="bicubic"),
    row("UpSampling3D", VOL, open=OPEN[3]),
    row("UpSampling3D", FIRST[3], label="first", size=(1, 2, 3), data_format=CF,
        open=OPEN_FIRST[3]),
    row("UpSampling3D", VOL, label="one", size=1),
]
