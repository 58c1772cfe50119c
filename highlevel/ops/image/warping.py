"""Images sampled at computed places: affine and perspective transforms, elastic ones."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
from highlevel_backend import current_backend

from highlevel.ops.dispatch import array, cast_to, dtype_name, floating, op, shape_of
from highlevel.ops.image.filters import blur_axes
from highlevel.ops.image.layout import from_last, to_last
from highlevel.ops.rules import of, promoted, unary

__all__ = ["affine_transform", "elastic_transform", "map_coordinates", "perspective_transform"]

_FILL_MODES = ("constant", "nearest", "wrap", "mirror", "reflect")
_INTERPOLATIONS = {"nearest": 0, "bilinear": 1}


def _order(interpolation: str, what: str) -> int:
    if interpolation not in _INTERPOLATIONS:
        raise ValueError(
            f"`interpolation` of `{what}` must be 'nearest' or 'bilinear'; got {interpolation!r}."
        )
    return _INTERPOLATIONS[interpolation]


def _folded(xp: Any, index: Any, length: int, mode: str) -> Any:
    """Places beyond the ends brought inside."""
    if mode == "nearest" or mode == "constant":
        return xp.clip(index, 0, length - 1)
    if mode == "wrap":
        return xp.remainder(index, length)
    if mode == "mirror":  # the end entries once: d c b | a b c d | c b a
        period = max(2 * (length - 1), 1)
        index = xp.remainder(index, period)
        return xp.where(index < length, index, period - index) if length > 1 else index * 0
    index = xp.remainder(index, 2 * length)  # "reflect", them twice: c b a | a b c | c b a
    return xp.where(index < length, index, 2 * length - 1 - index)


def _sample(x: Any, coordinates: list, order: int, mode: str, fill_value: Any) -> Any:
    """`x` at places given by one array of coordinates per axis."""
    backend = current_backend()
    xp = backend.xp
    name = dtype_name(x.dtype)
    wide = name if name in ("float32", "float64") else "float32"
    corners = [
        _neighbours(places, x.shape[axis], order, mode, wide)
        for axis, places in enumerate(coordinates)
    ]
    total = None
    fill = array(fill_value, name)
    for choice in itertools.product(*corners):
        value = x[tuple([index for index, _, _ in choice])]
        if mode == "constant":
            valid = choice[0][1]
            for _, inside, _ in choice[1:]:
                valid = xp.logical_and(valid, inside)
            value = xp.where(valid, value, fill)
        if order == 0:
            return value
        value = cast_to(value, wide)
        for _, _, weight in choice:
            value = value * weight
        total = value if total is None else total + value
    if name.startswith(("int", "uint")):
        total = xp.round(total)
    return cast_to(total, name)


def _coordinates_rule(inputs: Any, coordinates: Any, *args: Any, **kwargs: Any) -> Any:
    shape = shape_of(coordinates)
    return of(shape[1:], promoted(inputs))


@op(spec=_coordinates_rule)
def map_coordinates(
    inputs: Any, coordinates: Any, order: int, fill_mode: str = "constant", fill_value: Any = 0
) -> Any:
    """An array at places between its entries.

    Args:
        inputs: array of n axes.
        coordinates: `(n, ...)`, the places on each axis.
        order: 0 for the nearest entry, 1 for linear interpolation.
        fill_mode: what lies beyond the ends: `"constant"`, `"nearest"` (the end entry),
            `"wrap"`, `"mirror"` or `"reflect"`.
        fill_value: the constant.

    Returns:
        Array of shape `coordinates.shape[1:]`, in the dtype of `inputs`.

    Raises:
        ValueError: an unknown mode or order, or another number of coordinates.
    """
    if fill_mode not in _FILL_MODES:
        raise ValueError(
            f"`fill_mode` must be one of {', '.join(_FILL_MODES)}; got {fill_mode!r}."
        )
    if order not in (0, 1):
        raise ValueError(f"`order` must be 0 or 1; got {order!r}.")
    inputs = array(inputs)
    if isinstance(coordinates, (list, tuple)):
        places = [floating(each) for each in coordinates]
    else:
        coordinates = floating(coordinates)
        places = [coordinates[i] for i in range(coordinates.shape[0])]
    if len(places) != inputs.ndim:
        raise ValueError(
            f"`coordinates` needs one entry for each axis of `inputs`, {inputs.ndim} "
            f"(shape {tuple(inputs.shape)}); got {len(places)}."
        )
    return _sample(inputs, places, order, fill_mode, fill_value)


def _batched(images: Any, data_format: str | None, what: str) -> tuple[Any, str, bool]:
    """A batch of channels-last images, and whether a single one was given."""
    x, data_format = to_last(array(images), data_format, what)
    return (x[None], data_format, True) if x.ndim == 3 else (x, data_format, False)


def _unbatched(x: Any, data_format: str, single: bool) -> Any:
    return from_last(x[0] if single else x, data_format)


def _warp(x: Any, rows: Any, columns: Any, order: int, mode: str, fill_value: Any) -> Any:
    """Images `(n, h, w, c)` at places `(n, new_h, new_w)`."""
    def one(image: Any, row: Any, column: Any) -> Any:
        return _sample_planes(image, row, column, order, mode, fill_value)

    return current_backend().vmap(one)(x, rows, columns)


def _sample_planes(
    image: Any, rows: Any, columns: Any, order: int, mode: str, fill_value: Any
) -> Any:
    """All channels of one image at the same places."""
    xp = current_backend().xp
    name = dtype_name(image.dtype)
    wide = name if name in ("float32", "float64") else "float32"
    corners = [
        _neighbours(places, length, order, mode, wide)
        for places, length in ((rows, image.shape[0]), (columns, image.shape[1]))
    ]
    total: Any = 0
    for row, column in itertools.product(*corners):
        value = image[row[0], column[0]]
        if mode == "constant":
            inside = xp.logical_and(row[1], column[1])[..., None]
            value = xp.where(inside, value, array(fill_value, name))
        if order == 0:
            return value
        total = total + cast_to(value, wide) * (row[2] * column[2])[..., None]
    if name.startswith(("int", "uint")):
        total = xp.round(total)
    return cast_to(total, name)


def _neighbours(places: Any, length: int, order: int, mode: str, wide: str) -> list:
    """`(index, whether it lies inside, weight)` of the entries around places on an axis."""
    xp = current_backend().xp
    if order == 0:
        # Halves go away from 0.
        nearest = xp.where(places < 0, xp.ceil(places - 0.5), xp.floor(places + 0.5))
        found: list = [(cast_to(nearest, "int32"), None)]
    else:
        low = xp.floor(places)
        share = cast_to(places - low, wide)
        index = cast_to(low, "int32")
        found = [(index, 1 - share), (index + 1, share)]
    return [
        (_folded(xp, index, length, mode), xp.logical_and(index >= 0, index < length), weight)
        for index, weight in found
    ]


def _grid(height: int, width: int, name: str) -> tuple[Any, Any]:
    """Coordinates `(height, width)` of every pixel: x along the rows, y down the columns."""
    y, x = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    return array(x, name), array(y, name)


def _projected(t: Any, x: Any, y: Any) -> tuple[Any, Any]:
    """Rows and columns that the points (x, y) come from, by 8 numbers per image."""
    a = [t[:, i][:, None, None] for i in range(8)]
    depth = a[6] * x + a[7] * y + 1
    return (a[3] * x + a[4] * y + a[5]) / depth, (a[0] * x + a[1] * y + a[2]) / depth


def _check_transform(transform: Any, n: int, what: str) -> Any:
    transform = floating(transform)
    if transform.ndim not in (1, 2) or transform.shape[-1] != 8:
        raise ValueError(
            f"`transform` of `{what}` needs 8 numbers for all images or for each, (8,) or "
            f"(batch, 8); got shape {tuple(transform.shape)}."
        )
    if transform.ndim == 1:
        transform = current_backend().xp.broadcast_to(transform, (n, 8))
    return transform


@op(spec=unary)
def affine_transform(
    images: Any,
    transform: Any,
    interpolation: str = "bilinear",
    fill_mode: str = "constant",
    fill_value: Any = 0,
    data_format: str | None = None,
) -> Any:
    """Images moved, turned, scaled and sheared.

    Args:
        images: `(height, width, channels)` or `(batch, height, width, channels)`, or channels
            first.
        transform: `(8,)` or `(batch, 8)` numbers `a0 a1 a2 b0 b1 b2 c0 c1`: the pixel at
            `(x, y)` comes from `(a0 x + a1 y + a2, b0 x + b1 y + b2)`, both divided by
            `c0 x + c1 y + 1`.
        interpolation: `"nearest"` or `"bilinear"`.
        fill_mode: see `map_coordinates`.
        fill_value: the constant.
        data_format: `"channels_last"` or `"channels_first"`; the configured one where None.

    Returns:
        Images of the same shape and dtype.

    Raises:
        ValueError: an unknown interpolation or mode, or a transform of another shape.
    """
    if fill_mode not in _FILL_MODES:
        raise ValueError(
            f"`fill_mode` must be one of {', '.join(_FILL_MODES)}; got {fill_mode!r}."
        )
    order = _order(interpolation, "affine_transform")
    images, data_format, single = _batched(images, data_format, "affine_transform")
    t = _check_transform(transform, images.shape[0], "affine_transform")
    x, y = _grid(images.shape[1], images.shape[2], dtype_name(t.dtype))
    rows, columns = _projected(t, x, y)
    return _unbatched(
        _warp(images, rows, columns, order, fill_mode, fill_value), data_format, single
    )


def _homography(start: Any, end: Any) -> Any:
    """The 8 numbers that bring each of four end points to its start point: `(n, 8)`."""
    xp = current_backend().xp
    x, y = end[..., 0], end[..., 1]
    u, v = start[..., 0], start[..., 1]
    zero, one = xp.zeros_like(x), xp.ones_like(x)
    first = xp.stack((x, y, one, zero, zero, zero, -u * x, -u * y), axis=-1)
    second = xp.stack((zero, zero, zero, x, y, one, -v * x, -v * y), axis=-1)
    matrix = xp.concatenate((first, second), axis=-2)
    values = xp.concatenate((u, v), axis=-1)
    return xp.linalg.solve(matrix, values[..., None])[..., 0]


@op(spec=unary)
def perspective_transform(
    images: Any,
    start_points: Any,
    end_points: Any,
    interpolation: str = "bilinear",
    fill_value: Any = 0,
    data_format: str | None = None,
) -> Any:
    """Images seen from another side: four points go to four others, lines stay lines.

    Args:
        images: `(height, width, channels)` or `(batch, height, width, channels)`, or channels
            first.
        start_points, end_points: `(4, 2)` or `(batch, 4, 2)`, points `(x, y)` in the images
            and in the result.
        interpolation: `"nearest"` or `"bilinear"`.
        fill_value: what lies beyond the images.
        data_format: `"channels_last"` or `"channels_first"`; the configured one where None.

    Returns:
        Images of the same shape and dtype.

    Raises:
        ValueError: an unknown interpolation, or points of another shape.
    """
    order = _order(interpolation, "perspective_transform")
    images, data_format, single = _batched(images, data_format, "perspective_transform")
    start, end = floating(start_points), floating(end_points)
    for name, points in (("start_points", start), ("end_points", end)):
        if points.ndim not in (2, 3) or tuple(points.shape[-2:]) != (4, 2):
            raise ValueError(
                f"`{name}` needs four points, (4, 2) or (batch, 4, 2); got shape "
                f"{tuple(points.shape)}."
            )
    xp = current_backend().xp
    if start.ndim == 2:
        start = start[None]
    if end.ndim == 2:
        end = end[None]
    h = xp.broadcast_to(_homography(start, end), (images.shape[0], 8))
    x, y = _grid(images.shape[1], images.shape[2], dtype_name(h.dtype))
    rows, columns = _projected(h, x, y)
    return _unbatched(
        _warp(images, rows, columns, order, "constant", fill_value), data_format, single
    )


def _normal(seed: Any, shape: tuple) -> Any:
    """Standard normal numbers by Box and Muller's method."""
    backend = current_backend()
    xp = backend.xp
    if seed is None:
        key = np.random.default_rng().integers(0, 2**32, 2, dtype="uint32")
    elif hasattr(seed, "next"):
        key = seed.next()
    elif isinstance(seed, int):
        key = np.array([seed >> 32 & 0xFFFFFFFF, seed & 0xFFFFFFFF], "uint32")
    else:
        key = seed
    bits = backend.random_bits(array(key, "uint32"), (2, *shape))
    uniform = (cast_to(bits >> np.uint32(8), "float32") + 0.5) * (1 / 2**24)
    return xp.sqrt(-2 * xp.log(uniform[0])) * xp.cos(2 * math.pi * uniform[1])


@op(spec=unary)
def elastic_transform(
    images: Any,
    alpha: float = 20.0,
    sigma: float = 5.0,
    interpolation: str = "bilinear",
    fill_mode: str = "reflect",
    fill_value: float = 0.0,
    seed: Any = None,
    data_format: str | None = None,
) -> Any:
    """Images with their pixels displaced by a smooth random field.

    Args:
        images: `(height, width, channels)` or `(batch, height, width, channels)`, or channels
            first.
        alpha: size of the displacements.
        sigma: smoothness, the standard deviation of a Gaussian in pixels.
        interpolation: `"nearest"` or `"bilinear"`.
        fill_mode, fill_value: see `map_coordinates`.
        seed: integer or `SeedGenerator`.
        data_format: `"channels_last"` or `"channels_first"`; the configured one where None.

    Returns:
        Images of the same shape and dtype.

    Source: P. Y. Simard, D. Steinkraus, J. C. Platt, "Best practices for convolutional neural
    networks applied to visual document analysis", ICDAR 2003.
    """
    if fill_mode not in _FILL_MODES:
        raise ValueError(
            f"`fill_mode` must be one of {', '.join(_FILL_MODES)}; got {fill_mode!r}."
        )
    order = _order(interpolation, "elastic_transform")
    images, data_format, single = _batched(images, data_format, "elastic_transform")
    n, height, width, _ = images.shape
    reach = int(6 * sigma) | 1
    field = _normal(seed, (n, height, width, 2)) * alpha
    field = blur_axes(field, (reach, reach), (sigma, sigma))
    x, y = _grid(height, width, "float32")
    return _unbatched(
        _warp(images, y + field[..., 1], x + field[..., 0], order, fill_mode, fill_value),
        data_format, single,
    )  # fmt: skip
