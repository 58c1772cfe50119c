"""Convolutions against sums written out, and their errors."""

import numpy as np
import pytest

from highlevel import layers
from highlevel.symbolic import SymbolicTensor

RNG = np.random.default_rng(0)


def correlate(x, kernel):
    """Valid cross-correlation of (batch, rows, columns, channels), in float64."""
    rows, columns = kernel.shape[:2]
    high, wide = x.shape[1] - rows + 1, x.shape[2] - columns + 1
    y = np.zeros((len(x), high, wide, kernel.shape[-1]))
    for i in range(rows):
        for j in range(columns):
            y += x[:, i:i + high, j:j + wide].astype("float64") @ kernel[i, j]
    return y


def test_conv2d(backend):
    x = RNG.normal(size=(2, 5, 6, 3)).astype("float32")
    layer = layers.Conv2D(4, (3, 2), bias_initializer="ones")
    y = np.asarray(layer(x))
    np.testing.assert_allclose(y, correlate(x, layer.kernel.numpy()) + 1, rtol=1e-4, atol=1e-5)


def test_layouts_agree(backend):
    x = RNG.normal(size=(2, 5, 6, 4)).astype("float32")
    for cls, args in ((layers.Conv2D, {"filters": 4, "groups": 2}),
                      (layers.DepthwiseConv2D, {}), (layers.SeparableConv2D, {"filters": 3}),
                      (layers.Conv2DTranspose, {"filters": 3})):
        last = cls(kernel_size=3, strides=2, padding="same", activation="relu", **args)
        first = cls(kernel_size=3, strides=2, padding="same", activation="relu",
                    data_format="channels_first", **args)
        y = np.asarray(last(x))
        first.build((2, 4, 5, 6))
        first.set_weights(last.get_weights())
        z = np.asarray(first(np.moveaxis(x, -1, 1)))
        np.testing.assert_allclose(np.moveaxis(z, 1, -1), y, rtol=1e-4, atol=1e-5)


def test_causal_steps_do_not_see_later_ones(backend):
    layer = layers.Conv1D(2, 3, padding="causal", dilation_rate=2)
    x = RNG.normal(size=(1, 8, 3)).astype("float32")
    y = np.asarray(layer(x))
    changed = x.copy()
    changed[:, 5:] += 1
    np.testing.assert_allclose(np.asarray(layer(changed))[:, :5], y[:, :5], rtol=1e-5)
    assert y.shape == (1, 8, 2)


def test_transpose_is_the_gradient_of_the_convolution(backend):
    kernel = RNG.normal(size=(3, 3, 2, 4)).astype("float32")  # in 2, out 4
    up = layers.Conv2DTranspose(2, 3, strides=2, use_bias=False)
    down = layers.Conv2D(4, 3, strides=2, use_bias=False)
    small = RNG.normal(size=(1, 3, 3, 4)).astype("float32")
    large = np.asarray(RNG.normal(size=(1, 7, 7, 2)), "float32")
    up.build(small.shape)
    down.build(large.shape)
    up.set_weights([kernel])
    down.set_weights([kernel])
    # <up(a), b> = <a, down(b)>
    assert float(np.sum(np.asarray(up(small)) * large)) == pytest.approx(
        float(np.sum(small * np.asarray(down(large)))), rel=1e-4)


def test_errors_name_the_layer_and_what_came():
    with pytest.raises(ValueError, match="4 filters cannot be split into 3 groups"):
        layers.Conv2D(4, 3, groups=3)
    with pytest.raises(ValueError, match="the 3 channels of the input"):
        layers.Conv2D(4, 3, groups=2).build((None, 8, 8, 3))
    with pytest.raises(ValueError, match=r"'eye'.*window of \(5, 5\).*\(1, 3, 3, 1\)"):
        layers.Conv2D(4, 5, name="eye").build((1, 3, 3, 1))
    with pytest.raises(ValueError, match="must be an integer or 2 integers, at least 1"):
        layers.Conv2D(4, (3, 3, 3))
    with pytest.raises(ValueError, match="`padding` must be one of 'valid', 'same'; got 'odd'"):
        layers.Conv2D(4, 3, padding="odd")
    with pytest.raises(ValueError, match="4 axes, batch included, not 3"):
        layers.Conv2D(4, 3)(SymbolicTensor((None, 3, 3)))
    with pytest.raises(ValueError, match="must be below the strides"):
        layers.Conv2DTranspose(4, 3, output_padding=1)
    layer = layers.Conv2D(4, 3)
    layer.build((None, 8, 8, 3))
    with pytest.raises(ValueError, match="last axis of length 3, not 4"):
        layer(SymbolicTensor((None, 8, 8, 4)))


def test_subclasses_may_replace_the_convolution(backend):
    class Standardized(layers.Conv2D):
        def convolution_op(self, inputs, kernel):
            return super().convolution_op(inputs, kernel.value * 0.0)

    y = Standardized(2, 3)(np.ones((1, 4, 4, 1), "float32"))
    assert float(np.abs(np.asarray(y)).max()) == 0.0
