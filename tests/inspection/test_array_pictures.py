"""Weights and activations as images and histograms."""

import numpy as np
import pytest

import highlevel as hl
from highlevel import layers
from highlevel.inspection import plot_activations, plot_weights

pytest.importorskip("matplotlib")


@pytest.fixture
def model():
    return hl.Sequential([
        hl.Input((6, 6, 2)), layers.Conv2D(5, 3, name="conv"), layers.Flatten(name="flat"),
        layers.Dense(3, name="head"),
    ])


def test_weights_as_histograms(model):
    model.layers["head"].bias.assign([0.0, np.nan, 4.0])
    picture = plot_weights(model.layers["head"])
    kernel, bias = picture.figure.axes
    assert kernel.get_title() == "kernel (80, 3)"
    assert sum(bar.get_height() for bar in kernel.patches) == 240
    assert bias.get_xlabel() == "2 ± 2, 1 not finite"
    assert len(plot_weights(model).figure.axes) == 4
    with pytest.raises(ValueError, match=r"Flatten '.*flat' has no weights to draw"):
        plot_weights(model.layers["flat"])
    with pytest.raises(ValueError, match="one of histogram, image; got 'line'"):
        plot_weights(model, kind="line")


def test_a_filter_is_a_tile(model):
    kernel = model.layers["conv"].kernel
    picture = plot_weights(model.layers["conv"], kind="image")
    image = np.ma.filled(picture.figure.axes[0].get_images()[0].get_array(), np.nan)
    assert image.shape == (2 * 4 - 1, 3 * 4 - 1)
    np.testing.assert_allclose(image[4:7, 0:3], kernel.numpy().mean(2)[..., 3])
    assert np.isnan(image[3]).all() and np.isnan(image[:, 3]).all()
    low, high = picture.figure.axes[0].get_images()[0].get_clim()
    assert low == -high  # colours say the sign


def test_activations(model, backend):
    x = np.random.default_rng(0).normal(size=(4, 6, 6, 2)).astype("float32")
    trace = model.trace(x)
    picture = plot_activations(trace["conv"], kind="image", sample=2)
    image = np.ma.filled(picture.figure.axes[0].get_images()[0].get_array(), np.nan)
    np.testing.assert_allclose(image[:4, :4], hl.ops.convert_to_numpy(trace["conv"].output)[2, ..., 0])
    (head,) = [a for a in plot_activations(trace).figure.axes if a.get_title().startswith("head")]
    assert sum(bar.get_height() for bar in head.patches) == 12
    rows = plot_activations(trace["head"], kind="image").figure.axes[0].get_images()[0].get_array()
    assert rows.shape == (4, 3)
    with pytest.raises(ValueError, match="has 4 samples; there is no 4"):
        plot_activations(trace["conv"], kind="image", sample=4)
