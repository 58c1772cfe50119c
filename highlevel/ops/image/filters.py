"""Images filtered and compared by windows."""

from __future__ import annotations

from typing import Any

import numpy as np
from highlevel_backend import current_backend

from highlevel.ops.dispatch import array, dtype_name, float_pair, floating, op, shape_of
from highlevel.ops.image.layout import from_last, full_shape, image_shape, pair, to_last
from highlevel.ops.rules import float_unary, of, promoted

__all__ = ["gaussian_blur", "sobel_edges", "ssim"]


def _gaussian(size: int, sigma: float) -> np.ndarray:
    places = np.arange(size) - (size - 1) / 2
    weights = np.exp(-0.5 * (places / sigma) ** 2)
    return weights / weights.sum()


def _along(x: Any, axis: int, weights: np.ndarray, padding: tuple[int, int]) -> Any:
    """One filter along the rows or columns of `(n, h, w, c)` images, by shifted sums."""
    xp = current_backend().xp
    name = dtype_name(x.dtype)
    pairs = [(0, 0)] * x.ndim
    pairs[axis] = padding
    x = xp.pad(x, tuple(pairs))
    length = x.shape[axis] - len(weights) + 1
    before = (slice(None),) * axis
    total: Any = 0
    for i, weight in enumerate(weights):
        total = total + x[(*before, slice(i, i + length))] * array(float(weight), name)
    return total


def blur_axes(x: Any, sizes: tuple, sigmas: tuple) -> Any:
    """Gaussian filters over the rows and columns of `(n, h, w, c)`; zeros beyond the ends."""
    for axis, size, sigma in zip((1, 2), sizes, sigmas):
        padding = ((size - 1) // 2, size - 1 - (size - 1) // 2)
        x = _along(x, axis, _gaussian(size, sigma), padding)
    return x


@op(spec=float_unary)
def gaussian_blur(
    images: Any,
    kernel_size: Any = (3, 3),
    sigma: Any = (1.0, 1.0),
    data_format: str | None = None,
) -> Any:
    """Images smoothed by a Gaussian window; what lies beyond the edges counts as 0.

    Args:
        images: `(height, width, channels)` or `(batch, height, width, channels)`, or channels
            first.
        kernel_size: `(width, height)` of the window, as Keras has it here.
        sigma: standard deviations along the width and the height, in pixels.
        data_format: `"channels_last"` or `"channels_first"`; the configured one where None.

    Returns:
        Images of the same shape, floating.
    """
    x, data_format = to_last(floating(images), data_format, "gaussian_blur")
    single = x.ndim == 3
    x = x[None] if single else x
    sizes = tuple(int(n) for n in pair(kernel_size, "kernel_size"))
    sigmas = tuple(float(s) for s in pair(sigma, "sigma"))
    x = blur_axes(x, sizes[::-1], sigmas[::-1])
    return from_last(x[0] if single else x, data_format)


def _sobel_rule(images: Any, data_format: str | None = None) -> Any:
    batch, spatial, channels, data_format = image_shape(images, data_format, "sobel_edges")
    shape = full_shape(batch, spatial, channels, data_format)
    return of((*shape, 2), promoted(images, 1.0))


@op(spec=_sobel_rule)
def sobel_edges(images: Any, data_format: str | None = None) -> Any:
    """Slopes down the columns and along the rows, by Sobel's filter; zeros beyond the edges.

    Args:
        images: `(batch, height, width, channels)`, or channels first.
        data_format: `"channels_last"` or `"channels_first"`; the configured one where None.

    Returns:
        Array of the shape of `images` with a last axis of length 2: `(dy, dx)`.
    """
    xp = current_backend().xp
    x, data_format = to_last(floating(images), data_format, "sobel_edges")
    single = x.ndim == 3
    x = x[None] if single else x
    x = xp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    smooth, slope = np.array([1.0, 2.0, 1.0]), np.array([-1.0, 0.0, 1.0])
    down = _along(_along(x, 1, slope, (0, 0)), 2, smooth, (0, 0))
    right = _along(_along(x, 1, smooth, (0, 0)), 2, slope, (0, 0))
    parts = [from_last(part[0] if single else part, data_format) for part in (down, right)]
    return xp.stack(parts, axis=-1)


def _ssim_rule(image1: Any, image2: Any, *args: Any, **kwargs: Any) -> Any:
    return of(shape_of(image1)[:-3], promoted(image1, image2, 1.0))


@op(spec=_ssim_rule)
def ssim(
    image1: Any,
    image2: Any,
    max_val: float = 1.0,
    filter_size: int = 11,
    filter_sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
    data_format: str | None = None,
) -> Any:
    """Structural similarity of images, 1 for equal ones.

    Args:
        image1, image2: `(height, width, channels)` or `(batch, height, width, channels)`, or
            channels first; of one shape.
        max_val: the largest value an entry can have.
        filter_size, filter_sigma: of the Gaussian window.
        k1, k2: small factors that keep divisions finite.
        data_format: `"channels_last"` or `"channels_first"`; the configured one where None.

    Returns:
        One number per image.

    Raises:
        ValueError: the shapes differ, or the images are smaller than the window.

    Source: Z. Wang, A. C. Bovik, H. R. Sheikh, E. P. Simoncelli, "Image quality assessment",
    IEEE Transactions on Image Processing 13, 2004.
    """
    xp = current_backend().xp
    x, y = float_pair(image1, image2)
    if tuple(x.shape) != tuple(y.shape):
        raise ValueError(
            f"`ssim` needs two images of one shape; got {tuple(x.shape)} and {tuple(y.shape)}."
        )
    x, data_format = to_last(x, data_format, "ssim")
    y, _ = to_last(y, data_format, "ssim")
    single = x.ndim == 3
    if single:
        x, y = x[None], y[None]
    if min(x.shape[1:3]) < filter_size:
        raise ValueError(
            f"`ssim` needs images of at least {filter_size} pixels a side (`filter_size`); got "
            f"shape {tuple(x.shape)}."
        )
    weights = _gaussian(filter_size, filter_sigma)

    def local_mean(z: Any) -> Any:
        return _along(_along(z, 1, weights, (0, 0)), 2, weights, (0, 0))

    name = dtype_name(x.dtype)
    c1, c2 = array((k1 * max_val) ** 2, name), array((k2 * max_val) ** 2, name)
    mean_x, mean_y = local_mean(x), local_mean(y)
    products = mean_x * mean_y
    squares = mean_x * mean_x + mean_y * mean_y
    covariance = local_mean(x * y) - products
    variances = local_mean(x * x) + local_mean(y * y) - squares
    similarity = ((2 * products + c1) * (2 * covariance + c2)) / (
        (squares + c1) * (variances + c2)
    )
    result = xp.mean(similarity, axis=(1, 2, 3))
    return result[0] if single else result
