"""Image ops against SciPy and closed forms, where Keras is no source."""

import numpy as np
from scipy import ndimage, signal

from highlevel import ops


def picture(*shape):
    return np.random.default_rng(0).uniform(size=shape).astype("float32")


def gaussian(size, sigma):
    x = np.arange(size) - (size - 1) / 2
    weights = np.exp(-(x**2) / (2 * sigma**2))
    return weights / weights.sum()


def test_gaussian_blur_is_a_convolution_with_zeros_around(backend):
    # The width comes first, in the window and in the deviations.
    x = picture(2, 7, 8, 3)
    kernel = np.outer(gaussian(5, 0.5), gaussian(3, 2.0))
    found = backend.to_numpy(ops.image.gaussian_blur(x, (3, 5), (2.0, 0.5)))
    for image, blurred in zip(x, found):
        for c in range(3):
            np.testing.assert_allclose(
                blurred[..., c], signal.convolve2d(image[..., c], kernel, mode="same"), atol=1e-6
            )
    first = ops.image.gaussian_blur(x.transpose(0, 3, 1, 2), (3, 5), (2.0, 0.5), "channels_first")
    np.testing.assert_allclose(backend.to_numpy(first), found.transpose(0, 3, 1, 2), atol=1e-6)


def test_map_coordinates_is_scipys(backend):
    x = picture(5, 6)
    places = np.random.default_rng(1).uniform(-3, 8, size=(2, 20)).astype("float32")
    for mode, theirs in {"constant": "constant", "nearest": "nearest", "mirror": "mirror",
                         "reflect": "reflect", "wrap": "grid-wrap"}.items():  # fmt: skip
        inside = slice(None)
        if mode == "constant":  # SciPy interpolates with the fill value only inside
            inside = ((places > 0) & (places < [[4], [5]])).all(0)
        expected = ndimage.map_coordinates(x, places, order=1, mode=theirs)
        found = backend.to_numpy(ops.image.map_coordinates(x, places, 1, fill_mode=mode))
        np.testing.assert_allclose(found[inside], expected[inside], atol=1e-5)


def test_affine_transform_serves_a_batch_with_one_transform(backend):
    x = picture(2, 6, 8, 3)
    shift = np.array([1, 0, 2, 0, 1, 1, 0, 0], "float32")
    found = backend.to_numpy(ops.image.affine_transform(x, shift))
    np.testing.assert_allclose(found[:, :-1, :-2], x[:, 1:, 2:], atol=1e-6)
    assert not found[:, -1].any() and not found[:, :, -2:].any()


def test_perspective_transform_brings_the_corners_where_they_belong(backend):
    x = picture(2, 6, 8, 1)
    corners = np.array([[0, 0], [7, 0], [0, 5], [7, 5]], "float32")
    found = backend.to_numpy(ops.image.perspective_transform(x, corners, corners))
    np.testing.assert_allclose(found, x, atol=1e-5)
    inner = np.array([[1, 1], [6, 1], [1, 4], [6, 4]], "float32")
    found = backend.to_numpy(ops.image.perspective_transform(x, corners, inner))
    for (cx, cy), (ix, iy) in zip(corners.astype(int), inner.astype(int)):
        np.testing.assert_allclose(found[:, iy, ix], x[:, cy, cx], atol=1e-4)


def test_elastic_transform_is_smooth_and_repeats_by_its_seed(backend):
    x = picture(2, 16, 16, 1)
    first = backend.to_numpy(ops.image.elastic_transform(x, alpha=5.0, sigma=2.0, seed=3))
    again = backend.to_numpy(ops.image.elastic_transform(x, alpha=5.0, sigma=2.0, seed=3))
    other = backend.to_numpy(ops.image.elastic_transform(x, alpha=5.0, sigma=2.0, seed=4))
    assert first.shape == x.shape and (first == again).all() and (first != other).any()
    np.testing.assert_allclose(
        backend.to_numpy(ops.image.elastic_transform(x, alpha=0.0, seed=3)), x, atol=1e-6
    )


def test_an_istft_undoes_an_stft_without_a_window(backend):
    # Keras 3.15 does not divide by the overlap there.
    x = picture(2, 40)
    parts = ops.stft(x, 8, 4, 8, window=None)
    found = backend.to_numpy(ops.istft(parts, 8, 4, 8, window=None))
    np.testing.assert_allclose(found, x, atol=1e-5)


def test_affine_transform_divides_by_the_third_row(backend):
    # Documented so; Keras 3.15 on JAX takes the third row for the channels'.
    x = picture(1, 6, 8, 1)
    t = np.array([0.9, -0.3, 1.0, 0.2, 1.1, 0.5, 0.02, 0.01], "float32")
    found = backend.to_numpy(ops.image.affine_transform(x, t))
    rows, columns = np.mgrid[:6, :8]
    depth = t[6] * columns + t[7] * rows + 1
    places = [(t[3] * columns + t[4] * rows + t[5]) / depth,
              (t[0] * columns + t[1] * rows + t[2]) / depth]  # fmt: skip
    expected = ndimage.map_coordinates(x[0, ..., 0], places, order=1)
    inside = (places[0] > 0) & (places[0] < 5) & (places[1] > 0) & (places[1] < 7)
    assert inside.sum() > 10
    np.testing.assert_allclose(found[0, ..., 0][inside], expected[inside], atol=1e-5)
