"""Colour spaces."""

from __future__ import annotations

from typing import Any

from highlevel_backend import current_backend

from highlevel.ops.dispatch import array, dtype_name, floating, op
from highlevel.ops.image.layout import from_last, full_shape, image_shape, to_last
from highlevel.ops.rules import of, promoted, unary

__all__ = ["hsv_to_rgb", "rgb_to_grayscale", "rgb_to_hsv"]


def _check_channels(x: Any, what: str) -> None:
    if isinstance(x.shape[-1], int) and x.shape[-1] != 3:
        raise ValueError(
            f"`{what}` needs 3 channels; got {x.shape[-1]}. Is `data_format` the right one?"
        )


def _float_image(x: Any, what: str) -> Any:
    x = array(x)
    if not dtype_name(x.dtype).startswith(("float", "bfloat")):
        raise ValueError(
            f"`{what}` needs floating images with values from 0 to 1; got dtype "
            f"{dtype_name(x.dtype)}. Divide by 255 first."
        )
    return x


def _gray_rule(images: Any, data_format: str | None = None) -> Any:
    batch, spatial, _, data_format = image_shape(images, data_format, "rgb_to_grayscale")
    return of(full_shape(batch, spatial, 1, data_format), promoted(images))


@op(spec=_gray_rule)
def rgb_to_grayscale(images: Any, data_format: str | None = None) -> Any:
    """Luminance of colour images, `0.2989 R + 0.5870 G + 0.1140 B`.

    Args:
        images: `(height, width, 3)` or `(batch, height, width, 3)`, or channels first.
        data_format: `"channels_last"` or `"channels_first"`; the configured one where None.

    Returns:
        Images with one channel, of the same dtype.

    Source: Recommendation ITU-R BT.601.
    """
    backend = current_backend()
    images = array(images)
    x, data_format = to_last(images, data_format, "rgb_to_grayscale")
    _check_channels(x, "rgb_to_grayscale")
    name = dtype_name(x.dtype)
    x = floating(x)
    weights = array([0.2989, 0.5870, 0.1140], dtype_name(x.dtype))
    gray = backend.xp.sum(x * weights, axis=-1, keepdims=True)
    return from_last(backend.cast(gray, name), data_format)


@op(spec=unary)
def rgb_to_hsv(images: Any, data_format: str | None = None) -> Any:
    """Red, green and blue as hue, saturation and value, all from 0 to 1.

    Args:
        images: floating images with values from 0 to 1; see `rgb_to_grayscale`.
        data_format: `"channels_last"` or `"channels_first"`; the configured one where None.

    Raises:
        ValueError: the images are not floating, or have not 3 channels.

    Source: A. R. Smith, "Color gamut transform pairs", SIGGRAPH 1978.
    """
    xp = current_backend().xp
    x, data_format = to_last(_float_image(images, "rgb_to_hsv"), data_format, "rgb_to_hsv")
    _check_channels(x, "rgb_to_hsv")
    name = dtype_name(x.dtype)
    red, green, blue = x[..., 0], x[..., 1], x[..., 2]
    value = xp.max(x, axis=-1)
    spread = value - xp.min(x, axis=-1)
    zero, one = array(0.0, name), array(1.0, name)
    gray = spread == 0
    safe = xp.where(gray, one, spread)
    hue = xp.where(
        value == red,
        (green - blue) / safe,
        xp.where(
            value == green,
            array(2.0, name) + (blue - red) / safe,
            array(4.0, name) + (red - green) / safe,
        ),
    ) / array(6.0, name)
    hue = xp.where(gray, zero, xp.where(hue < 0, hue + one, hue))
    saturation = xp.where(value > 0, spread / xp.where(value > 0, value, one), zero)
    return from_last(xp.stack((hue, saturation, value), axis=-1), data_format)


@op(spec=unary)
def hsv_to_rgb(images: Any, data_format: str | None = None) -> Any:
    """The inverse of `rgb_to_hsv`."""
    xp = current_backend().xp
    x, data_format = to_last(_float_image(images, "hsv_to_rgb"), data_format, "hsv_to_rgb")
    _check_channels(x, "hsv_to_rgb")
    name = dtype_name(x.dtype)
    hue, saturation, value = x[..., 0], x[..., 1], x[..., 2]
    sector = hue * array(6.0, name)
    zero, one, two = array(0.0, name), array(1.0, name), array(2.0, name)

    def mixed(part: Any) -> Any:
        share = xp.minimum(xp.maximum(part, zero), one)
        return (one - saturation + saturation * share) * value

    red = mixed(xp.absolute(sector - array(3.0, name)) - one)
    green = mixed(two - xp.absolute(sector - two))
    blue = mixed(two - xp.absolute(sector - array(4.0, name)))
    return from_last(xp.stack((red, green, blue), axis=-1), data_format)
