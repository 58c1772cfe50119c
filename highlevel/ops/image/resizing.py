"""Images in another size: interpolation by weights per axis."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from highlevel_backend import current_backend

from highlevel.ops.dispatch import array, cast_to, dtype_name, floating, op
from highlevel.ops.image.layout import from_last, full_shape, image_shape, to_last
from highlevel.ops.rules import axis_of, of, promoted

__all__ = ["resize", "scale_and_translate"]


def _triangle(xp: Any, x: Any) -> Any:
    return xp.maximum(1 - xp.absolute(x), 0)


def _cubic(xp: Any, x: Any) -> Any:
    """R. G. Keys, "Cubic convolution interpolation", 1981, with a = -1/2."""
    x = xp.absolute(x)
    near = ((1.5 * x - 2.5) * x) * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return xp.where(x >= 2, xp.zeros_like(x), xp.where(x >= 1, far, near))


def _lanczos(radius: int) -> Callable:
    def kernel(xp: Any, x: Any) -> Any:
        inside = xp.absolute(x) < radius
        turn = math.pi * xp.where(inside, x, xp.zeros_like(x))
        zero = xp.absolute(turn) < 1e-3
        safe = xp.where(zero, xp.ones_like(turn), turn)
        value = radius * xp.sin(safe) * xp.sin(safe / radius) / (safe * safe)
        return xp.where(inside, xp.where(zero, xp.ones_like(turn), value), xp.zeros_like(turn))

    return kernel


_KERNELS: dict[str, Callable] = {
    "linear": _triangle, "bilinear": _triangle, "trilinear": _triangle, "triangle": _triangle,
    "cubic": _cubic, "bicubic": _cubic, "tricubic": _cubic,
    "lanczos3": _lanczos(3), "lanczos5": _lanczos(5),
}  # fmt: skip


def _kernel(method: str, what: str) -> Callable:
    found = _KERNELS.get(method)
    if found is None:
        raise ValueError(
            f"The interpolation of `{what}` must be 'nearest', 'bilinear', 'bicubic', 'lanczos3' "
            f"or 'lanczos5'; got {method!r}."
        )
    return found


def _weights(
    xp: Any, old: int, new: int, scale: Any, translation: Any, kernel: Callable, antialias: bool
) -> Any:
    """`(old, new)` weights; the place of new entry i is `(i + 1/2 - translation) / scale - 1/2`.

    `xp` is NumPy where scale and translation are numbers: then they are a constant.
    """
    inverse = 1.0 / scale
    places = (xp.arange(new) + 0.5) * inverse - translation * inverse - 0.5
    width = xp.maximum(inverse, 1.0) if antialias else 1.0
    x = (places[None, :] - xp.arange(old)[:, None]) / width
    weights = kernel(xp, x)
    total = xp.sum(weights, axis=0, keepdims=True)
    large = xp.absolute(total) > 1000 * np.finfo(np.float32).eps
    weights = xp.where(large, weights / xp.where(large, total, xp.ones_like(total)),
                       xp.zeros_like(weights))  # fmt: skip
    inside = xp.logical_and(places >= -0.5, places <= old - 0.5)
    return xp.where(inside[None, :], weights, xp.zeros_like(weights))


def _apply(x: Any, axis: int, weights: Any) -> Any:
    """Weights times one axis."""
    xp = current_backend().xp
    x = xp.moveaxis(x, axis, -1)
    return xp.moveaxis(xp.matmul(x, weights), -1, axis)


def _nearest(x: Any, axis: int, size: int) -> Any:
    length = x.shape[axis]
    places = np.floor((np.arange(size) + 0.5) * (length / size)).astype("int32")
    return current_backend().xp.take(x, array(np.minimum(places, length - 1)), axis=axis)


def resize_axes(x: Any, sizes: dict[int, int], method: str, antialias: bool) -> Any:
    """`x` with axes (counted from the front) in other sizes; floating but for `"nearest"`."""
    if method == "nearest":
        for axis, size in sizes.items():
            x = _nearest(x, axis, size)
        return x
    kernel = _kernel(method, "resize")
    x = floating(x)
    name = dtype_name(x.dtype)
    for axis, size in sizes.items():
        length = x.shape[axis]
        if length == size:
            continue
        weights = _weights(np, length, size, size / length, 0.0, kernel, antialias)
        x = _apply(x, axis, array(weights.astype("float32"), name))
    return x


def _resize_rule(
    images: Any, size: Any, interpolation: str = "bilinear", antialias: bool = False,
    crop_to_aspect_ratio: bool = False, pad_to_aspect_ratio: bool = False,
    fill_mode: str = "constant", fill_value: float = 0.0, data_format: str | None = None,
) -> Any:  # fmt: skip
    batch, _, channels, data_format = image_shape(images, data_format, "resize")
    size = _size(size)
    dtype = _result_dtype(promoted(images))
    return of(full_shape(batch, size, channels, data_format), dtype)


def _size(size: Any) -> tuple[int, int]:
    size = tuple(size) if hasattr(size, "__len__") else (size,)
    if len(size) != 2:
        raise ValueError(f"`size` must be (height, width); got {size}.")
    height, width = (int(n) for n in size)
    if height < 1 or width < 1:
        raise ValueError(f"`size` must be positive; got {(height, width)}.")
    return height, width


def _result_dtype(name: str) -> str:
    """Images keep their dtype."""
    return name


@op(spec=_resize_rule)
def resize(
    images: Any,
    size: Any,
    interpolation: str = "bilinear",
    antialias: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: str | None = None,
) -> Any:
    """Images in another size.

    Args:
        images: `(height, width, channels)` or `(batch, height, width, channels)`, or channels
            first.
        size: `(height, width)`.
        interpolation: `"nearest"`, `"bilinear"`, `"bicubic"`, `"lanczos3"` or `"lanczos5"`.
        antialias: widen the filter where images shrink.
        crop_to_aspect_ratio: cut the middle out in the new proportions first.
        pad_to_aspect_ratio: fill up to the new proportions first.
        fill_mode: how to fill up; `"constant"`.
        fill_value: the constant.
        data_format: `"channels_last"` or `"channels_first"`; the configured one where None.

    Returns:
        Images of the same dtype; those of integers rounded.

    Raises:
        ValueError: both aspect ratio options, or an unknown interpolation.
    """
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ValueError(
            "Only one of `crop_to_aspect_ratio` and `pad_to_aspect_ratio` can be True."
        )
    backend = current_backend()
    height, width = _size(size)
    x, data_format = to_last(array(images), data_format, "resize")
    rows, columns = x.ndim - 3, x.ndim - 2
    name = dtype_name(x.dtype)
    if crop_to_aspect_ratio:
        x = _cropped(x, height, width)
    elif pad_to_aspect_ratio:
        if fill_mode != "constant":
            raise ValueError(f"`fill_mode` of `resize` must be 'constant'; got {fill_mode!r}.")
        x = _padded(x, height, width, fill_value)
    x = resize_axes(x, {rows: height, columns: width}, interpolation, antialias)
    if dtype_name(x.dtype) != name:
        x = _rounded(backend.xp, x, name)
    return from_last(x, data_format)


def _rounded(xp: Any, x: Any, name: str) -> Any:
    if name.startswith(("int", "uint")):
        info = xp.iinfo(name)
        source = dtype_name(x.dtype)
        x = xp.clip(xp.round(x), array(float(info.min), source), array(float(info.max), source))
    return cast_to(x, name)


def _cropped(x: Any, height: int, width: int) -> Any:
    rows, columns = x.shape[-3], x.shape[-2]
    new_rows = max(1, min(rows, int(columns * height / width)))
    new_columns = max(1, min(columns, int(rows * width / height)))
    top, left = (rows - new_rows) // 2, (columns - new_columns) // 2
    return x[..., top : top + new_rows, left : left + new_columns, :]


def _padded(x: Any, height: int, width: int, fill_value: float) -> Any:
    pairs = _padding(x.shape, height, width)
    return current_backend().xp.pad(x, pairs, constant_values=fill_value)


def _padding(shape: tuple, height: int, width: int) -> tuple[tuple[int, int], ...]:
    """Entries to add before and after each axis to have the proportions of a size.

    As many on both sides, as Keras does: where their number is odd, one less.
    """
    rows, columns = shape[-3], shape[-2]
    new_rows = max(rows, int(columns * height / width))
    new_columns = max(columns, int(rows * width / height))
    top, left = (new_rows - rows) // 2, (new_columns - columns) // 2
    return ((0, 0),) * (len(shape) - 3) + ((top, top), (left, left), (0, 0))


def _scale_rule(images: Any, output_shape: Any, *args: Any, **kwargs: Any) -> Any:
    return of(tuple(output_shape), promoted(images, 1.0))


@op(spec=_scale_rule)
def scale_and_translate(
    images: Any,
    output_shape: Any,
    scale: Any,
    translation: Any,
    spatial_dims: Any,
    method: str,
    antialias: bool = True,
) -> Any:
    """Arrays scaled and moved along some axes; entries from outside are 0.

    Args:
        images: array of any number of axes.
        output_shape: shape of the result.
        scale: `(k,)` factors, one per axis named.
        translation: `(k,)` distances, in entries of the result.
        spatial_dims: the `k` axes.
        method: `"linear"`, `"cubic"`, `"lanczos3"` or `"lanczos5"`.
        antialias: widen the filter where entries come closer.

    Returns:
        Array of `output_shape`.

    Raises:
        ValueError: an unknown method.
    """
    backend = current_backend()
    xp = backend.xp
    kernel = _kernel(method, "scale_and_translate")
    x = floating(images)
    name = dtype_name(x.dtype)
    scale, translation = array(scale, name), array(translation, name)
    for i, axis in enumerate(spatial_dims):
        axis = axis_of(axis, x.ndim, "spatial_dims")
        weights = _weights(
            xp, x.shape[axis], output_shape[axis], scale[i], translation[i], kernel, antialias
        )
        x = _apply(x, axis, cast_to(weights, name))
    return x




def _mitchell(xp: Any, x: Any) -> Any:
    """D. P. Mitchell and A. N. Netravali, "Reconstruction filters", 1988, with B = C = 1/3."""
    x = xp.absolute(x)
    near = ((7 * x - 12) * x * x + 16 / 3) / 6
    far = (((-7 / 3 * x + 12) * x - 20) * x + 32 / 3) / 6
    return xp.where(x >= 2, xp.zeros_like(x), xp.where(x >= 1, far, near))


def _gaussian(xp: Any, x: Any) -> Any:
    """Standard deviation 1/2, cut off at three of them."""
    return xp.where(xp.absolute(x) < 1.5, xp.exp(-2 * x * x), xp.zeros_like(x))


#: what host images may further be resized with
_HOST_KERNELS: dict[str, Callable] = {"gaussian": _gaussian, "mitchellcubic": _mitchell}
HOST_METHODS = ("bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5", *_HOST_KERNELS)


def _area_weights(old: int, new: int) -> np.ndarray:
    """`(old, new)`: the share of each new entry's span that each old entry covers."""
    edges = np.arange(new + 1) * (old / new)
    low, high = edges[None, :-1], edges[None, 1:]
    places = np.arange(old)[:, None]
    return np.clip(np.minimum(places + 1, high) - np.maximum(places, low), 0, None) * (new / old)


def resize_on_host(
    image: np.ndarray,
    size: Any,
    interpolation: str = "bilinear",
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
) -> np.ndarray:
    """`resize` of one NumPy image by NumPy, whatever the backend.

    Images in files are of many sizes: a compiled program for each would cost more than it
    saves, and readers run in threads.

    Args:
        image: `(height, width, channels)`.
        size: `(height, width)`.
        interpolation: one of `HOST_METHODS`.

    Returns:
        `(*size, channels)`, float32.
    """
    height, width = _size(size)
    x = np.asarray(image, "float32")
    if crop_to_aspect_ratio:
        x = _cropped(x, height, width)
    elif pad_to_aspect_ratio:
        x = np.pad(x, _padding(x.shape, height, width))
    for axis, new in ((0, height), (1, width)):
        old = x.shape[axis]
        if old == new:
            continue
        if interpolation == "nearest":
            places = np.floor((np.arange(new) + 0.5) * (old / new)).astype("int32")
            x = np.take(x, np.minimum(places, old - 1), axis=axis)
            continue
        if interpolation == "area":
            weights = _area_weights(old, new)
        else:
            kernel = _HOST_KERNELS.get(interpolation) or _kernel(interpolation, "resize")
            weights = _weights(np, old, new, new / old, 0.0, kernel, False)
        moved = np.moveaxis(x, axis, -1) @ weights.astype("float32")
        x = np.moveaxis(moved, -1, axis)
    return np.ascontiguousarray(x)
