"""Rows: normalization and merging layers."""

from __future__ import annotations

from .row import In, Made, row
from .shapes import IMG, IMG_FIRST, OPEN, OPEN_FIRST, SEQ

X, Y = (2, 4, 3), (2, 1, 3)
MERGES = ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum")
MASKED = {"mask": In((2, 7), "mask")}

ROWS = [
    row("BatchNormalization", (2, 3)),
    row("BatchNormalization", IMG_FIRST, label="first", axis=1, momentum=0.8, epsilon=1e-2,
        open=OPEN_FIRST[2]),
    row("BatchNormalization", SEQ, label="bare", center=False, scale=False, open=(1,)),
    row("BatchNormalization", SEQ, label="mask", call=MASKED, gamma_regularizer="l2",
        beta_constraint="non_neg"),
    row("BatchNormalization", (2, 3), label="frozen", trainable=False),
    row("LayerNormalization", SEQ, open=OPEN[1]),
    row("LayerNormalization", IMG, label="axes", axis=[1, 3], epsilon=1e-2, center=False),
    row("LayerNormalization", SEQ, label="bare", scale=False, center=False),
    row("LayerNormalization", SEQ, label="rms", rms_scaling=True),
    row("GroupNormalization", IMG, groups=2, open=OPEN[2]),
    row("GroupNormalization", IMG_FIRST, label="first", groups=-1, axis=1, scale=False,
        open=OPEN_FIRST[2]),
    row("GroupNormalization", (2, 6), label="flat", groups=3, epsilon=1e-2),
    row("RMSNormalization", SEQ, open=OPEN[1]),
    row("RMSNormalization", (2, 3), label="2d", epsilon=1e-2),
    row("RMSNormalization", IMG, label="axes", axis=[2, 3]),
    # Keras's gamma of another axis than the last does not fit its input.
    row("RMSNormalization", SEQ, label="axis", axis=1, epsilon=1e-2, keras="fails there"),
    row("UnitNormalization", SEQ, open=OPEN[1]),
    row("UnitNormalization", SEQ, label="axes", axis=[1, 2]),
    row("UnitNormalization", SEQ, label="axis", axis=1, open=(1,)),
    row("SpectralNormalization", (2, 4), power_iterations=2,
        layer=Made(lambda L: L.Dense(3, name="in"))),
    row("SpectralNormalization", IMG, label="conv",
        layer=Made(lambda L: L.Conv2D(2, 2, name="in"))),
    row("SpectralNormalization", In((2, 3), "int", 5), label="embedding",
        keras="rounds its output to integers there",
        layer=Made(lambda L: L.Embedding(5, 2, name="in"))),

    *[row(n, [(2, 3), (2, 3)]) for n in MERGES],
    *[row(n, [X, Y], label="broadcast", open=(1,)) for n in MERGES],
    *[row(n, [X, (2, 3)], label="ranks") for n in MERGES],
    *[row(n, [(2, 3)] * 3, label="three") for n in MERGES if n != "Subtract"],
    row("Concatenate", [(2, 3), (2, 4)]),
    row("Concatenate", [(2, 4, 3), (2, 5, 3)], label="axis", axis=1, open=(1,)),
    row("Concatenate", [(2, 4, 3)] * 3, label="three", axis=-2),
    row("Dot", [(2, 3), (2, 3)], axes=1),
    row("Dot", [(2, 4, 3), (2, 5, 3)], label="matrices", axes=2, open=(1,)),
    row("Dot", [(2, 4, 3), (2, 3, 5)], label="pair", axes=(2, 1), normalize=True),
    row("Dot", [(2, 4, 5, 3), (2, 3, 6)], label="many", axes=(3, 1)),
    row("Dot", [(2, 3), (2, 5, 3)], label="vector", axes=(1, 2)),
]
