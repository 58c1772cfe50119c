"""Wrong arguments of layers' constructors: each is refused, with what came and what may come."""

import pytest

from highlevel import layers as L

CASES = {
    "units": (lambda: L.Dense(0), "`units` must be a positive integer; got 0"),
    "activation": (lambda: L.Dense(3, activation="rellu"), "Did you mean 'relu'?"),
    "initializer": (lambda: L.Dense(3, kernel_initializer="glorot"), "no initializer 'glorot'"),
    "regularizer": (lambda: L.Dense(3, kernel_regularizer="l3"), "no regularizer 'l3'"),
    "constraint": (lambda: L.Dense(3, kernel_constraint="max"), "Did you mean 'max_norm'?"),
    "dtype": (lambda: L.Dense(3, dtype="float33"), "Did you mean 'float32'?"),
    "misspelt": (lambda: L.Dense(3, use_bia=True), "Did you mean 'use_bias'?"),
    "vocabulary": (lambda: L.Embedding(0, 3), "`input_dim` must be a positive integer; got 0"),
    "filters": (lambda: L.Conv2D(0, 3), "`filters` must be a positive integer; got 0"),
    "kernel": (lambda: L.Conv2D(3, (3,)), "`kernel_size` must be an integer or 2 integers"),
    "padding": (lambda: L.Conv2D(3, 3, padding="sam"), "one of 'valid', 'same'; got 'sam'"),
    "format": (lambda: L.Conv2D(3, 3, data_format="channel_last"), "'channels_last' or"),
    "window": (lambda: L.MaxPooling2D(0), "`pool_size` must be an integer or 2 integers"),
    "rate": (lambda: L.Dropout(1.5), "`rate` must be a number from 0 to 1; got 1.5"),
    "negative rate": (lambda: L.SpatialDropout1D(-1), "`rate` must be a number from 0 to 1"),
    "deviation": (lambda: L.GaussianNoise(-1.0), "`stddev` must be at least 0; got -1.0"),
    "momentum": (lambda: L.BatchNormalization(momentum=2.0), "`momentum` must be from 0 to 1"),
    "recurrent units": (lambda: L.LSTM(0), "`units` must be a positive integer; got 0"),
    "recurrent activation": (lambda: L.GRU(3, recurrent_activation="sigmod"), "'sigmoid'?"),
    "merge mode": (lambda: L.Bidirectional(L.LSTM(2), merge_mode="cat"), "`merge_mode`"),
    "heads": (lambda: L.MultiHeadAttention(0, 3), "`num_heads` must be a positive integer"),
    "groups of heads": (lambda: L.GroupedQueryAttention(3, 3, 2), "got 3 and 2"),
    "score": (lambda: L.Attention(score_mode="cosine"), "'dot' or 'concat'; got 'cosine'"),
    "interpolation": (lambda: L.UpSampling2D(interpolation="linear"), "one of nearest, bilinear"),
    "slope": (lambda: L.LeakyReLU(negative_slope=-1.0), "at least 0; got -1.0"),
    "target": (lambda: L.Reshape((-1, -1)), "more than one -1"),
    "order": (lambda: L.Permute((1, 3)), "name each axis from 1 to 2"),
    "inside": (lambda: L.TimeDistributed(3), "wraps a layer; got 3 of type int"),
}


@pytest.mark.parametrize("name", CASES)
def test_wrong_argument(name):
    make, piece = CASES[name]
    with pytest.raises((ValueError, TypeError)) as caught:
        make()
    assert piece in str(caught.value), str(caught.value)
