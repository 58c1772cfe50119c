"""Reshaping: values and errors."""

import numpy as np
import pytest

from highlevel import layers
from highlevel.symbolic import SymbolicTensor

IMAGE = np.arange(24, dtype="float32").reshape(1, 3, 4, 2)


def test_flatten_orders_channels_first_as_channels_last(backend):
    first = np.moveaxis(IMAGE, -1, 1)
    y = layers.Flatten(data_format="channels_first")(first)
    np.testing.assert_array_equal(np.asarray(y), IMAGE.reshape(1, -1))


def test_integers_stay_integers(backend):
    x = np.arange(6, dtype="int32").reshape(2, 3)
    for layer in (layers.Flatten(), layers.Reshape((3, 1)), layers.RepeatVector(2)):
        assert str(layer(x).dtype) == "int32"
        assert layer(SymbolicTensor((2, 3), "int32")).dtype == "int32"


def test_cropping_undoes_padding(backend):
    amounts = ((1, 2), (0, 3))
    padded = layers.ZeroPadding2D(amounts)(IMAGE)
    assert padded.shape == (1, 6, 7, 2)
    assert float(np.asarray(padded).sum()) == float(IMAGE.sum())
    np.testing.assert_array_equal(np.asarray(layers.Cropping2D(amounts)(padded)), IMAGE)


def test_up_sampling_repeats(backend):
    y = layers.UpSampling2D((2, 3))(IMAGE)
    np.testing.assert_array_equal(np.asarray(y), IMAGE.repeat(2, 1).repeat(3, 2))


def test_errors():
    with pytest.raises(ValueError, match="6 entries per sample, which do not fill"):
        layers.Reshape((4,))(SymbolicTensor((None, 2, 3)))
    with pytest.raises(ValueError, match="more than one -1"):
        layers.Reshape((-1, -1))
    with pytest.raises(ValueError, match="each axis from 1 to 2"):
        layers.Permute((1, 3))
    with pytest.raises(ValueError, match="would leave nothing"):
        layers.Cropping1D(4)(SymbolicTensor((None, 8, 2)))
    with pytest.raises(ValueError, match="an integer, 2 integers, or 2 pairs"):
        layers.ZeroPadding2D((1, 2, 3))
    with pytest.raises(ValueError, match="`interpolation` must be one of"):
        layers.UpSampling2D(interpolation="odd")
    with pytest.raises(ValueError, match="4 axes"):
        layers.Cropping2D(1)(SymbolicTensor((None, 8, 2)))
