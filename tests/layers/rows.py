"""One row per layer: how it is made, what it is called with, what may be unknown."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Row:
    """A layer for the generic checks.

    Attributes:
        name: of the class.
        args: constructor arguments; `layer="Dense"` stands for such a layer.
        shapes: shapes of the inputs; several make a list.
        unknown: the first input's shape as far as a graph need know it.
        integer: highest integer of integer inputs.
        training: also call it in training (only where it is deterministic).
    """

    name: str
    args: dict[str, Any]
    shapes: list[tuple[int, ...]]
    unknown: tuple[int | None, ...] | None = None
    integer: int | None = None
    training: bool = False
    label: str = ""
    keras: bool = True
    extra: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.name}{'-' + self.label if self.label else ''}"


def row(name: str, *shapes: tuple[int, ...], label: str = "", unknown: Any = None,
        integer: int | None = None, training: bool = False, keras: bool = True,
        **args: Any) -> Row:
    return Row(name, args, list(shapes), unknown, integer, training, label, keras)


N = None
SEQ, IMG, VOL = (2, 7, 3), (2, 6, 7, 4), (2, 5, 4, 6, 2)
SEQ_FIRST, IMG_FIRST, VOL_FIRST = (2, 3, 7), (2, 4, 6, 7), (2, 2, 5, 4, 6)
OF = {1: SEQ, 2: IMG, 3: VOL}
FIRST = {1: SEQ_FIRST, 2: IMG_FIRST, 3: VOL_FIRST}
OPEN = {1: (N, N, 3), 2: (N, N, N, 4), 3: (N, N, N, N, 2)}

ROWS = [
    row("Dense", (3, 4), units=5, unknown=(N, 4)),
    row("Dense", (2, 3, 4), label="3d", units=5, activation="relu", use_bias=False,
        kernel_regularizer="l2", kernel_constraint="max_norm", unknown=(N, N, 4)),
    row("EinsumDense", (2, 3, 4), equation="abc,cd->abd", output_shape=(None, 5),
        bias_axes="d", activation="tanh"),
    row("EinsumDense", (2, 3, 4), label="heads", equation="abc,cde->abde",
        output_shape=(None, 2, 3), bias_axes="de", unknown=(N, N, 4)),
    row("EinsumDense", (2, 3, 4), label="dots", equation="...x,xy->...y", output_shape=5,
        bias_axes="y"),
    row("EinsumDense", (2, 3, 4), label="contract", equation="abc,bcd->ad", output_shape=6,
        bias_axes="d", unknown=(N, 3, 4)),
    row("EinsumDense", (2, 3, 4), label="middle bias", equation="abc,cd->adb",
        output_shape=(5, 3), bias_axes="d", unknown=(N, 3, 4)),
    row("Embedding", (2, 5), input_dim=6, output_dim=3, integer=6, unknown=(N, N)),
    row("ReversibleEmbedding", (2, 5), input_dim=6, output_dim=3, tie_weights=False, integer=6),
    row("Identity", (2, 3), unknown=(N, N)),
    row("Masking", SEQ, mask_value=0.5, unknown=(N, N, 3)),
    row("Activation", (2, 3), activation="tanh"),
    row("ReLU", (2, 3), max_value=1.0, negative_slope=0.1, threshold=0.2),
    row("LeakyReLU", (2, 3), negative_slope=0.2),
    row("ELU", (2, 3), alpha=0.7),
    row("PReLU", SEQ, alpha_initializer="ones"),
    row("PReLU", IMG, label="shared", shared_axes=[1, 2], alpha_initializer="ones",
        unknown=(N, N, N, 4)),
    row("Softmax", (2, 3)),
    row("Softmax", (2, 3, 4), label="axes", axis=(1, 2)),
    *[row(f"Conv{r}D", OF[r], filters=4, kernel_size=3, unknown=OPEN[r]) for r in (1, 2, 3)],
    row("Conv1D", SEQ, label="causal", filters=4, kernel_size=3, padding="causal",
        dilation_rate=2, unknown=OPEN[1]),
    row("Conv1D", SEQ_FIRST, label="causal first", filters=4, kernel_size=3, padding="causal",
        data_format="channels_first"),
    row("Conv2D", IMG, label="same", filters=4, kernel_size=(3, 2), strides=2, padding="same",
        activation="relu", unknown=OPEN[2]),
    row("Conv2D", IMG, label="groups", filters=6, kernel_size=3, groups=2, use_bias=False),
    row("Conv2D", IMG, label="dilated", filters=2, kernel_size=2, dilation_rate=(2, 3)),
    row("Conv2D", IMG_FIRST, label="first", filters=3, kernel_size=2,
        data_format="channels_first", unknown=(N, 4, N, N)),
    row("DepthwiseConv1D", SEQ, kernel_size=3, depth_multiplier=2, unknown=OPEN[1]),
    row("DepthwiseConv2D", IMG, kernel_size=3, strides=2, padding="same", unknown=OPEN[2]),
    row("DepthwiseConv2D", IMG_FIRST, label="first", kernel_size=2, depth_multiplier=2,
        data_format="channels_first"),
    row("SeparableConv1D", SEQ, filters=4, kernel_size=3, padding="same", unknown=OPEN[1]),
    row("SeparableConv2D", IMG, filters=5, kernel_size=3, depth_multiplier=2, unknown=OPEN[2]),
    row("Conv1DTranspose", SEQ, filters=4, kernel_size=3, strides=2, unknown=OPEN[1]),
    row("Conv2DTranspose", IMG, filters=3, kernel_size=3, strides=2, padding="same",
        unknown=OPEN[2]),
    row("Conv2DTranspose", IMG, label="output padding", filters=3, kernel_size=(4, 3), strides=3,
        padding="same", output_padding=(1, 2)),
    row("Conv2DTranspose", IMG, label="dilated", filters=3, kernel_size=2, dilation_rate=2),
    row("Conv2DTranspose", IMG_FIRST, label="first", filters=3, kernel_size=2, strides=2,
        data_format="channels_first"),
    row("Conv3DTranspose", VOL, filters=2, kernel_size=2, strides=2, unknown=OPEN[3]),
    *[row(f"{k}Pooling{r}D", OF[r], pool_size=2, unknown=OPEN[r])
      for k in ("Max", "Average") for r in (1, 2, 3)],
    *[row(f"{k}Pooling2D", IMG, label="same", pool_size=3, strides=2, padding="same",
          unknown=OPEN[2]) for k in ("Max", "Average")],
    *[row(f"{k}Pooling2D", IMG_FIRST, label="first", pool_size=2, data_format="channels_first",
          unknown=(N, 4, N, N)) for k in ("Max", "Average")],
    *[row(f"Global{k}Pooling{r}D", OF[r], unknown=OPEN[r])
      for k in ("Max", "Average") for r in (1, 2, 3)],
    *[row(f"Global{k}Pooling2D", IMG_FIRST, label="first", data_format="channels_first",
          keepdims=True) for k in ("Max", "Average")],
    *[row(f"Adaptive{k}Pooling{r}D", OF[r], output_size=3)
      for k in ("Max", "Average") for r in (1, 2, 3)],
    row("AdaptiveAveragePooling2D", IMG_FIRST, label="first", output_size=(2, 3),
        data_format="channels_first"),
    row("BatchNormalization", (4, 3), training=True, unknown=(N, 3)),
    row("BatchNormalization", IMG_FIRST, label="first", axis=1, momentum=0.8, epsilon=1e-2,
        training=True, unknown=(N, 4, N, N)),
    row("BatchNormalization", SEQ, label="bare", center=False, scale=False, training=True),
    row("LayerNormalization", SEQ, unknown=OPEN[1]),
    row("LayerNormalization", IMG, label="axes", axis=[1, 3], epsilon=1e-2, center=False),
    row("LayerNormalization", SEQ, label="rms", rms_scaling=True),
    row("GroupNormalization", IMG, groups=2, unknown=OPEN[2]),
    row("GroupNormalization", IMG_FIRST, label="first", groups=-1, axis=1, scale=False,
        unknown=(N, 4, N, N)),
    row("GroupNormalization", (3, 6), label="flat", groups=3),
    row("RMSNormalization", SEQ, unknown=OPEN[1]),
    row("RMSNormalization", SEQ, label="axis", axis=1, epsilon=1e-2, keras=False),
    row("UnitNormalization", SEQ, unknown=OPEN[1]),
    row("UnitNormalization", SEQ, label="axes", axis=[1, 2]),
    row("SpectralNormalization", (3, 4), layer="Dense", power_iterations=2, training=True),
    *[row(n, (2, 3), (2, 3), unknown=(N, 3)) for n in (
        "Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate")],
    *[row(n, (2, 4, 3), (2, 1, 3), label="broadcast") for n in ("Add", "Maximum", "Average")],
    row("Multiply", (2, 4, 3), (2, 3), label="ranks"),
    row("Add", (2, 3), (2, 3), (2, 3), label="three"),
    row("Concatenate", (2, 4, 3), (2, 5, 3), label="axis", axis=1),
    row("Dot", (2, 3), (2, 3), axes=1),
    row("Dot", (2, 4, 3), (2, 5, 3), label="matrices", axes=2),
    row("Dot", (2, 4, 3), (2, 3, 5), label="pair", axes=(2, 1), normalize=True),
    row("Dot", (2, 4, 5, 3), (2, 3, 6), label="many", axes=(3, 1)),
    row("Dot", (2, 3), (2, 5, 3), label="vector", axes=(1, 2)),
    row("Flatten", IMG, unknown=(N, 6, 7, 4)),
    row("Flatten", IMG_FIRST, label="first", data_format="channels_first"),
    row("Flatten", (3,), label="vector", unknown=(N,)),
    row("Reshape", (2, 3, 4), target_shape=(2, -1), unknown=(N, 3, 4)),
    row("Permute", (2, 3, 4), dims=(2, 1), unknown=(N, N, N)),
    row("RepeatVector", (2, 3), n=4, unknown=(N, 3)),
    row("Cropping1D", SEQ, cropping=(1, 2), unknown=OPEN[1]),
    row("Cropping2D", IMG, cropping=((1, 2), (0, 1)), unknown=OPEN[2]),
    row("Cropping2D", IMG_FIRST, label="first", cropping=(1, 2), data_format="channels_first"),
    row("Cropping3D", VOL, unknown=OPEN[3]),
    row("ZeroPadding1D", SEQ, padding=(1, 2), unknown=OPEN[1]),
    row("ZeroPadding2D", IMG, padding=((1, 2), (0, 1)), unknown=OPEN[2]),
    row("ZeroPadding2D", IMG_FIRST, label="first", padding=2, data_format="channels_first"),
    row("ZeroPadding3D", VOL, unknown=OPEN[3]),
    row("UpSampling1D", SEQ, size=3, unknown=OPEN[1]),
    row("UpSampling2D", IMG, size=(2, 3), unknown=OPEN[2]),
    row("UpSampling2D", IMG, label="bilinear", interpolation="bilinear"),
    row("UpSampling2D", IMG_FIRST, label="first", data_format="channels_first"),
    row("UpSampling3D", VOL, unknown=OPEN[3]),
    *[row(n, (2, 3), rate=0.5, seed=3, unknown=(N, N))
      for n in ("Dropout", "GaussianDropout", "AlphaDropout")],
    row("Dropout", SEQ, label="noise shape", rate=0.5, seed=3, noise_shape=(None, 1, None)),
    *[row(f"SpatialDropout{r}D", OF[r], rate=0.5, seed=3, unknown=OPEN[r]) for r in (1, 2, 3)],
    row("GaussianNoise", (2, 3), stddev=0.5, seed=3),
    row("ActivityRegularization", (2, 3), l1=0.1, l2=0.2),
]
