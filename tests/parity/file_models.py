"""Models that move both ways between Keras and this library, each built by either.

Each function takes the library, `k`. `INPUTS` is the table: function, and what it is called
with.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

rng = np.random.default_rng(0)


def _normal(*shape: int) -> np.ndarray:
    return rng.normal(size=shape).astype("float32")


# ---------------------------------------------------------------- the table of models
# Each function builds the same model with either library; `k` is the library.


def dense(k: Any) -> Any:
    return k.Sequential([
        k.Input((4,)),
        k.layers.Dense(5, activation="relu", kernel_regularizer="l2", name="first"),
        k.layers.Dropout(0.5),
        k.layers.Dense(3, activation=k.activations.softmax, kernel_constraint="max_norm"),
    ])


def einsum_dense(k: Any) -> Any:
    return k.Sequential([
        k.Input((3, 4)),
        k.layers.EinsumDense("abc,cd->abd", output_shape=(3, 5), bias_axes="d"),
        k.layers.Flatten(),
        k.layers.Dense(2, use_bias=False),
    ])


def convolutions(k: Any) -> Any:
    return k.Sequential([
        k.Input((8, 8, 3)),
        k.layers.Conv2D(4, 3, padding="same", activation="relu"),
        k.layers.MaxPooling2D(),
        k.layers.DepthwiseConv2D(3, depth_multiplier=2),
        k.layers.BatchNormalization(),
        k.layers.SeparableConv2D(3, 1),
        k.layers.Conv2DTranspose(2, 2, strides=2),
        k.layers.AveragePooling2D(2),
        k.layers.GlobalAveragePooling2D(),
    ])


def sequences_1d(k: Any) -> Any:
    return k.Sequential([
        k.Input((9, 2)),
        k.layers.ZeroPadding1D(1),
        k.layers.Conv1D(3, 3, dilation_rate=2, padding="causal"),
        k.layers.Cropping1D(1),
        k.layers.UpSampling1D(2),
        k.layers.GlobalMaxPooling1D(),
        k.layers.LayerNormalization(),
    ])


def recurrent(k: Any) -> Any:
    x = k.Input((6,), dtype="int32")
    h = k.layers.Embedding(7, 4)(x)
    h = k.layers.LSTM(3, return_sequences=True)(h)
    h = k.layers.Bidirectional(k.layers.GRU(3, return_sequences=True))(h)
    h = k.layers.SimpleRNN(4, return_sequences=True)(h)
    h = k.layers.TimeDistributed(k.layers.Dense(2))(h)
    return k.Model(x, k.layers.GRU(2, reset_after=False)(h))


def stacked_cells(k: Any) -> Any:
    x = k.Input((5, 2))
    cells = [k.layers.LSTMCell(3), k.layers.GRUCell(2)]
    return k.Model(x, k.layers.RNN(cells, go_backwards=True)(x))


def attention(k: Any) -> Any:
    x = k.Input((5, 4))
    h = k.layers.MultiHeadAttention(2, 3, dropout=0.1)(x, x)
    h = k.layers.Add()([x, h])
    h = k.layers.LayerNormalization(epsilon=1e-5)(h)
    return k.Model(x, k.layers.Dense(2)(h))


def merging(k: Any) -> Any:
    a, b = k.Input((4,), name="a"), k.Input((4,), name="b")
    parts = [
        k.layers.Subtract()([a, b]), k.layers.Multiply()([a, b]), k.layers.Average()([a, b]),
        k.layers.Maximum()([a, b]), k.layers.Minimum()([a, b]),
    ]
    h = k.layers.Concatenate()(parts)
    one, two = k.layers.Dense(2, name="one")(h), k.layers.Dense(3, name="two")(h)
    return k.Model([a, b], [one, two])


def named_ends(k: Any) -> Any:
    a, b = k.Input((3,), name="a"), k.Input((3,), name="b")
    return k.Model(
        {"first": a, "second": b},
        {"sum": k.layers.Dense(2)(k.layers.Add()([a, b])), "a": k.layers.Dense(1)(a)},
    )


def shared(k: Any) -> Any:
    a, b = k.Input((4,)), k.Input((4,))
    layer = k.layers.Dense(3, activation="tanh")
    return k.Model([a, b], k.layers.Dot(axes=1)([layer(a), layer(b)]))


def nested(k: Any) -> Any:
    x = k.Input((4,))
    inner = k.Model(x, k.layers.Dense(3, name="deep")(x), name="inner")
    tower = k.Sequential([k.layers.Dense(4), k.layers.ReLU(), k.layers.Dense(4)], name="tower")
    y = k.Input((4,))
    first = inner(tower(y))
    last = inner(k.layers.Concatenate()([first, first[:, :1]]))
    return k.Model(y, [first, last])


def ops(k: Any) -> Any:
    x, y = k.Input((4,), name="x"), k.Input((4,), name="y")
    h = (2.0 * x + y) / 3.0 - k.ops.exp(-k.ops.square(x))
    h = k.ops.concatenate([h, x[:, 1:3]], axis=-1)
    h = k.ops.where(h > 0, h, 0.1 * h) ** 2
    h = k.ops.reshape(h, (-1, 2, 3))
    h = k.ops.transpose(h, (0, 2, 1))
    return k.Model([x, y], [k.ops.mean(h, axis=-1, keepdims=True), k.ops.max(h, axis=(1, 2))])


def preprocessing(k: Any) -> Any:
    return k.Sequential([
        k.Input((2,)),
        k.layers.Rescaling(0.5, offset=1.0),
        k.layers.Normalization(mean=[1.0, 2.0], variance=[4.0, 9.0]),
        k.layers.Dense(2),
    ])


def normalizations(k: Any) -> Any:
    return k.Sequential([
        k.Input((4, 6)),
        k.layers.GroupNormalization(2),
        k.layers.UnitNormalization(),
        k.layers.RMSNormalization(),
        k.layers.SpectralNormalization(k.layers.Dense(3)),
        k.layers.BatchNormalization(scale=False),
        k.layers.PReLU(),
        k.layers.LeakyReLU(),
        k.layers.Activation("gelu"),
    ])


def mixed_precision(k: Any) -> Any:
    return k.Sequential([
        k.Input((4,)),
        k.layers.Dense(4, dtype="mixed_bfloat16"),
        k.layers.Dense(2, dtype="bfloat16"),
        k.layers.Dense(2, dtype="float32"),
    ])


# ------------------------------------------------------------- nets as they are written


def residual(k: Any) -> Any:
    x = k.Input((8, 8, 3))
    h = k.layers.Conv2D(4, 3, padding="same", use_bias=False, name="stem")(x)
    for block in range(2):
        skip = h
        h = k.layers.BatchNormalization(momentum=0.9, name=f"{block}_norm")(h)
        h = k.layers.ReLU(max_value=6.0, name=f"{block}_relu")(h)
        h = k.layers.Conv2D(4, 3, padding="same", name=f"{block}_conv")(h)
        h = k.layers.Add(name=f"{block}_add")([skip, h])
    h = k.layers.GlobalAveragePooling2D(keepdims=True)(h)
    h = k.layers.Reshape((4,))(h)
    return k.Model(x, k.layers.Dense(3, activation="softmax")(h), name="residual")


def segmentation(k: Any) -> Any:
    x = k.Input((8, 8, 2))
    down = k.layers.Conv2D(3, 3, padding="same", activation="swish")(x)
    h = k.layers.MaxPooling2D()(down)
    h = k.layers.SpatialDropout2D(0.2)(k.layers.Conv2D(4, 3, padding="same")(h))
    h = k.layers.UpSampling2D(2, interpolation="nearest")(h)
    h = k.layers.Concatenate()([h, k.layers.Cropping2D(((1, 0), (0, 1)))(k.layers.ZeroPadding2D(
        ((1, 0), (0, 1)))(down))])
    return k.Model(x, k.layers.Conv2D(1, 1, activation="sigmoid", name="mask")(h))


def transformer(k: Any) -> Any:
    x = k.Input((6,), dtype="int32", name="ids")
    places = k.ops.cumsum(k.ops.ones_like(x), axis=1) - 1
    h = k.layers.Embedding(9, 8)(x) + k.layers.Embedding(6, 8)(places)
    for _ in range(2):
        g = k.layers.LayerNormalization(epsilon=1e-6)(h)
        g = k.layers.MultiHeadAttention(2, 4)(g, g, use_causal_mask=True)
        h = h + k.layers.Dropout(0.1)(g)
        g = k.layers.RMSNormalization()(h)
        g = k.layers.Dense(16, activation="gelu")(g)
        h = h + k.layers.Dense(8)(g)
    return k.Model(x, k.layers.Dense(9, use_bias=False)(h), name="transformer")


def grouped_queries(k: Any) -> Any:
    x = k.Input((5, 8))
    h = k.layers.GroupQueryAttention(4, 4, 2)(x, x)
    return k.Model(x, k.layers.AdditiveAttention()([h, x]) + k.layers.Attention(use_scale=True)([h, x]))


def encoder_decoder(k: Any) -> Any:
    source, target = k.Input((4, 3), name="source"), k.Input((5, 2), name="target")
    _, h, c = k.layers.LSTM(4, return_state=True)(source)
    out = k.layers.LSTM(4, return_sequences=True)(target, initial_state=[h, c])
    return k.Model([source, target], k.layers.TimeDistributed(k.layers.Dense(2))(out))


def masked(k: Any) -> Any:
    x = k.Input((5, 2))
    h = k.layers.Masking(0.0)(x)
    h = k.layers.Bidirectional(k.layers.LSTM(2, return_sequences=True), merge_mode="sum")(h)
    return k.Model(x, k.layers.GRU(3, go_backwards=True)(h))


def conv_recurrent(k: Any) -> Any:
    x = k.Input((3, 5, 2))
    return k.Model(x, k.layers.ConvLSTM1D(2, 2, recurrent_dropout=0.1)(x))


def autoencoder(k: Any) -> Any:
    """A model whose parts are models, one called twice, one without an input of its own."""
    encoder = k.Sequential([k.Input((6,)), k.layers.Dense(4, activation="elu"), k.layers.Dense(2)],
                           name="encoder")
    decoder = k.Sequential([k.layers.Dense(4, activation="selu"), k.layers.Dense(6)], name="decoder")
    x = k.Input((6,))
    code = encoder(x)
    again = encoder(decoder(code))
    return k.Model(x, {"image": decoder(again), "code": k.layers.Subtract()([again, code])})


def three_deep(k: Any) -> Any:
    a = k.Input((3,))
    one = k.Model(a, k.layers.Dense(3, name="same")(a), name="one")
    b = k.Input((3,))
    two = k.Model(b, one(k.layers.Dense(3, name="same")(one(b))), name="two")
    c = k.Input((3,))
    return k.Model(c, two(two(c)), name="three")


def wide_and_deep(k: Any) -> Any:
    a, b = k.Input((4,), name="wide"), k.Input((2,), dtype="int32", name="deep")
    h = k.layers.Flatten()(k.layers.Embedding(5, 3, embeddings_regularizer="l1")(b))
    h = k.layers.Dense(4, activation="relu", activity_regularizer="l2")(h)
    h = k.layers.concatenate([a, h])
    return k.Model(inputs={"wide": a, "deep": b}, outputs=k.layers.Dense(1)(h))


def frozen(k: Any) -> Any:
    base = k.Sequential([k.Input((4,)), k.layers.Dense(3), k.layers.BatchNormalization()], name="base")
    base.trainable = False
    x = k.Input((4,))
    head = k.layers.Dense(2)(base(x, training=False))
    return k.Model(x, k.layers.Dense(2, trainable=False)(head))


def middle(k: Any) -> Any:
    """Cut out of another model."""
    x = k.Input((4,))
    h = k.layers.Dense(3, name="low")(x)
    full = k.Model(x, k.layers.Dense(2, name="high")(k.layers.Dense(3, name="mid")(h)))
    return k.Model(full.input, [full.get_layer("mid").output, full.output])


def volumes(k: Any) -> Any:
    return k.Sequential([
        k.Input((4, 4, 4, 1)), k.layers.Conv3D(2, 2), k.layers.MaxPooling3D(2),
        k.layers.Conv3DTranspose(1, 2), k.layers.GlobalMaxPooling3D(),
    ])


def channels_first(k: Any) -> Any:
    return k.Sequential([
        k.Input((3, 6)), k.layers.Permute((2, 1)), k.layers.SeparableConv1D(4, 3, depth_multiplier=2),
        k.layers.DepthwiseConv1D(2), k.layers.Conv1DTranspose(2, 3, strides=2),
        k.layers.AveragePooling1D(2), k.layers.GlobalAveragePooling1D(),
        k.layers.RepeatVector(2), k.layers.Softmax(axis=1),
    ])


def initializers(k: Any) -> Any:
    i = k.initializers
    chosen = [
        i.HeNormal(1), i.HeUniform(2), i.LecunNormal(3), i.LecunUniform(4), i.GlorotNormal(5),
        i.VarianceScaling(2.0, "fan_out", "uniform", 6), i.Orthogonal(1.2, 7), i.Identity(0.5),
        i.RandomNormal(0.1, 0.2, 8), i.RandomUniform(-1, 2, 9), i.TruncatedNormal(0.1, 0.3, 10),
        i.Constant(0.3), "ones",
    ]
    return k.Sequential([k.Input((3,)), *(
        k.layers.Dense(3, kernel_initializer=chosen_one) for chosen_one in chosen)])


def penalties_and_bounds(k: Any) -> Any:
    r, c = k.regularizers, k.constraints
    pairs = [
        (r.L1(0.1), c.MaxNorm(2, axis=0)), (r.L2(0.2), c.NonNeg()), (r.L1L2(0.1, 0.3), c.UnitNorm(1)),
        (r.OrthogonalRegularizer(0.1, "columns"), c.MinMaxNorm(0.1, 0.9, 0.5)),
    ]
    return k.Sequential([k.Input((3,)), *(
        k.layers.Dense(3, kernel_regularizer=one, bias_regularizer=one, kernel_constraint=two)
        for one, two in pairs)])


def activations(k: Any) -> Any:
    names = [
        "relu", "relu6", "sigmoid", "softmax", "softplus", "softsign", "silu", "tanh", "exponential",
        "hard_sigmoid", "hard_silu", "hard_tanh", "linear", "mish", "log_softmax", "leaky_relu",
        "celu", "squareplus", "soft_shrink", "hard_shrink", "tanh_shrink",
        "sparse_plus", "sparse_sigmoid", "log_sigmoid",
    ]
    x = k.Input((4,))
    parts = [k.layers.Activation(name)(x) for name in names]
    return k.Model(x, k.layers.Concatenate()(parts + [k.layers.ELU(0.7)(x), k.layers.PReLU()(x)]))


def policies(k: Any) -> Any:
    return k.Sequential([
        k.Input((4,)), k.layers.Dense(4, dtype="mixed_float16"),
        k.layers.Dense(4, dtype=k.DTypePolicy("mixed_bfloat16")), k.layers.Dense(2, dtype="float16"),
        k.layers.BatchNormalization(dtype="float32"),
    ])


def tables(k: Any) -> Any:
    x = k.Input((1,))
    h = k.layers.Discretization([-0.5, 0.0, 0.5])(x)
    return k.Model(x, k.layers.Dense(2)(k.layers.CategoryEncoding(4, "one_hot")(h)))


INPUTS: dict[Callable, Any] = {
    dense: _normal(3, 4),
    einsum_dense: _normal(2, 3, 4),
    convolutions: _normal(2, 8, 8, 3),
    sequences_1d: _normal(2, 9, 2),
    recurrent: rng.integers(0, 7, (2, 6)).astype("int32"),
    stacked_cells: _normal(2, 5, 2),
    attention: _normal(2, 5, 4),
    merging: [_normal(3, 4), _normal(3, 4)],
    named_ends: {"first": _normal(3, 3), "second": _normal(3, 3)},
    shared: [_normal(3, 4), _normal(3, 4)],
    nested: _normal(3, 4),
    ops: [_normal(3, 4), _normal(3, 4)],
    preprocessing: _normal(3, 2),
    normalizations: _normal(2, 4, 6),
    mixed_precision: _normal(3, 4),
    residual: _normal(2, 8, 8, 3),
    segmentation: _normal(2, 8, 8, 2),
    transformer: rng.integers(0, 9, (2, 6)).astype("int32"),
    grouped_queries: _normal(2, 5, 8),
    encoder_decoder: [_normal(2, 4, 3), _normal(2, 5, 2)],
    masked: _normal(2, 5, 2) * (np.arange(5) < 3)[None, :, None].astype("float32"),
    conv_recurrent: _normal(2, 3, 5, 2),
    autoencoder: _normal(2, 6),
    three_deep: _normal(2, 3),
    wide_and_deep: {"wide": _normal(3, 4), "deep": rng.integers(0, 5, (3, 2)).astype("int32")},
    frozen: _normal(3, 4),
    middle: _normal(3, 4),
    volumes: _normal(2, 4, 4, 4, 1),
    channels_first: _normal(2, 3, 6),
    initializers: _normal(2, 3),
    penalties_and_bounds: _normal(2, 3),
    activations: _normal(2, 4),
    policies: _normal(3, 4),
    tables: _normal(3, 1),
}


def randomize(model: Any) -> None:
    """Weights that no initializer gives: positive where a variance needs it."""
    values = np.random.default_rng(1)
    for variable in model.weights:
        value = values.uniform(0.1, 0.6, tuple(variable.shape))
        variable.assign(value.astype("float32"))


def flat(found: Any) -> list[np.ndarray]:
    """A model's outputs as float32 arrays, those of a dict by name."""
    if isinstance(found, dict):
        found = [found[key] for key in sorted(found)]
    return [np.asarray(value, "float32") for value in (
        found if isinstance(found, (list, tuple)) else [found])]


def equal_weights(a: Any, b: Any) -> None:
    for x, y in zip(a.weights, b.weights, strict=True):
        np.testing.assert_array_equal(np.asarray(x, "float32"), np.asarray(y, "float32"))
