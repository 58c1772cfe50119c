"""Images cropped, padded and cut into patches."""

from __future__ import annotations

from typing import Any

import numpy as np
from highlevel_backend import current_backend

from highlevel.ops.dispatch import array, op
from highlevel.ops.image.layout import from_last, full_shape, image_shape, pair, to_last
from highlevel.ops.nn.convolution import explicit_padding, output_length
from highlevel.ops.rules import of, promoted

__all__ = ["crop_images", "extract_patches", "extract_patches_3d", "pad_images"]


def _margins(
    what: str, length: Any, before: Any, after: Any, target: Any, names: tuple, grow: bool
) -> tuple[int, int, Any]:
    """`(before, after, new length)` along one axis, of which two of three are given.

    Raises:
        ValueError: not two of the three are given, or they do not fit.
    """
    given = [value is not None for value in (before, after, target)]
    if sum(given) != 2:
        raise ValueError(
            f"`{what}` needs exactly two of `{names[0]}`, `{names[1]}` and `{names[2]}`; got "
            f"{before}, {after} and {target}."
        )
    sign = 1 if grow else -1
    if target is None:
        target = None if length is None else length + sign * (before + after)
    elif length is None:
        raise ValueError(f"`{what}` with `{names[2]}` needs images of known size.")
    elif before is None:
        before = sign * (target - length) - after
    elif after is None:
        after = sign * (target - length) - before
    if before < 0 or after < 0 or (isinstance(target, int) and target <= 0):
        raise ValueError(
            f"`{what}`: an axis of length {length} cannot have `{names[0]}={before}`, "
            f"`{names[1]}={after}` and `{names[2]}={target}`."
        )
    return int(before), int(after), target


_PADDING_NAMES = (
    ("top_padding", "bottom_padding", "target_height"),
    ("left_padding", "right_padding", "target_width"),
)
_CROPPING_NAMES = (
    ("top_cropping", "bottom_cropping", "target_height"),
    ("left_cropping", "right_cropping", "target_width"),
)


def _plan(
    what: str, spatial: tuple, top: Any, left: Any, bottom: Any, right: Any, height: Any,
    width: Any, names: tuple, grow: bool,
) -> tuple:  # fmt: skip
    return (
        _margins(what, spatial[0], top, bottom, height, names[0], grow),
        _margins(what, spatial[1], left, right, width, names[1], grow),
    )


def _pad_rule(
    images: Any, top_padding: Any = None, left_padding: Any = None, bottom_padding: Any = None,
    right_padding: Any = None, target_height: Any = None, target_width: Any = None,
    data_format: str | None = None,
) -> Any:  # fmt: skip
    batch, spatial, channels, data_format = image_shape(images, data_format, "pad_images")
    plan = _plan("pad_images", spatial, top_padding, left_padding, bottom_padding, right_padding,
                 target_height, target_width, _PADDING_NAMES, True)  # fmt: skip
    new = [entry[2] for entry in plan]
    return of(full_shape(batch, new, channels, data_format), promoted(images))


@op(spec=_pad_rule)
def pad_images(
    images: Any,
    top_padding: int | None = None,
    left_padding: int | None = None,
    bottom_padding: int | None = None,
    right_padding: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Any:
    """Images with zeros around them.

    Args:
        images: `(height, width, channels)` or `(batch, height, width, channels)`, or channels
            first.
        top_padding, bottom_padding, target_height: two of the three.
        left_padding, right_padding, target_width: two of the three.
        data_format: `"channels_last"` or `"channels_first"`; the configured one where None.

    Raises:
        ValueError: not two of three are given, or they do not fit.
    """
    x, data_format = to_last(array(images), data_format, "pad_images")
    plan = _plan("pad_images", tuple(x.shape[-3:-1]), top_padding, left_padding, bottom_padding,
                 right_padding, target_height, target_width, _PADDING_NAMES, True)  # fmt: skip
    pairs = ((0, 0),) * (x.ndim - 3) + (plan[0][:2], plan[1][:2], (0, 0))
    return from_last(current_backend().xp.pad(x, pairs), data_format)


def _crop_rule(
    images: Any, top_cropping: Any = None, left_cropping: Any = None, bottom_cropping: Any = None,
    right_cropping: Any = None, target_height: Any = None, target_width: Any = None,
    data_format: str | None = None,
) -> Any:  # fmt: skip
    batch, spatial, channels, data_format = image_shape(images, data_format, "crop_images")
    plan = _plan("crop_images", spatial, top_cropping, left_cropping, bottom_cropping,
                 right_cropping, target_height, target_width, _CROPPING_NAMES, False)  # fmt: skip
    new = [entry[2] for entry in plan]
    return of(full_shape(batch, new, channels, data_format), promoted(images))


@op(spec=_crop_rule)
def crop_images(
    images: Any,
    top_cropping: int | None = None,
    left_cropping: int | None = None,
    bottom_cropping: int | None = None,
    right_cropping: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Any:
    """Images with their edges cut off.

    Args:
        images: `(height, width, channels)` or `(batch, height, width, channels)`, or channels
            first.
        top_cropping, bottom_cropping, target_height: two of the three.
        left_cropping, right_cropping, target_width: two of the three.
        data_format: `"channels_last"` or `"channels_first"`; the configured one where None.

    Raises:
        ValueError: not two of three are given, or they do not fit.
    """
    x, data_format = to_last(array(images), data_format, "crop_images")
    plan = _plan("crop_images", tuple(x.shape[-3:-1]), top_cropping, left_cropping,
                 bottom_cropping, right_cropping, target_height, target_width, _CROPPING_NAMES,
                 False)  # fmt: skip
    (top, _, height), (left, _, width) = plan
    return from_last(x[..., top : top + height, left : left + width, :], data_format)


def _patch_arguments(size: Any, strides: Any, dilation_rate: Any, rank: int) -> tuple:
    size = tuple(int(n) for n in pair(size, "size", rank))
    strides = size if strides is None else tuple(int(n) for n in pair(strides, "strides", rank))
    dilation = tuple(int(n) for n in pair(dilation_rate, "dilation_rate", rank))
    if any(s > 1 for s in strides) and any(d > 1 for d in dilation):
        raise ValueError(
            f"Patches take strides above 1 or dilation above 1, not both; got {strides} and "
            f"{dilation}."
        )
    return size, strides, dilation


def _patch_rule(what: str, rank: int) -> Any:
    def rule(
        images: Any, size: Any, strides: Any = None, dilation_rate: Any = 1,
        padding: str = "valid", data_format: str | None = None,
    ) -> Any:  # fmt: skip
        batch, spatial, channels, data_format = image_shape(images, data_format, what, rank)
        size, strides, dilation = _patch_arguments(size, strides, dilation_rate, rank)
        counts = [
            output_length(n, (k - 1) * d + 1, s, padding)
            for n, k, d, s in zip(spatial, size, dilation, strides)
        ]
        depth = None if channels is None else channels * int(np.prod(size))
        return of(full_shape(batch, counts, depth, data_format), promoted(images))

    return rule


def _patches(
    what: str, rank: int, images: Any, size: Any, strides: Any, dilation_rate: Any,
    padding: str, data_format: str | None,
) -> Any:  # fmt: skip
    """By one strided slice per place in the window, joined along the channels."""
    xp = current_backend().xp
    x, data_format = to_last(array(images), data_format, what, rank)
    size, strides, dilation = _patch_arguments(size, strides, dilation_rate, rank)
    spatial = tuple(x.shape[-rank - 1 : -1])
    pairs = explicit_padding(padding, spatial, size, strides, dilation, what)
    counts = [
        output_length(n, (k - 1) * d + 1, s, padding)
        for n, k, d, s in zip(spatial, size, dilation, strides)
    ]
    x = xp.pad(x, ((0, 0),) * (x.ndim - rank - 1) + (*pairs, (0, 0)))
    parts = []
    for place in np.ndindex(*size):
        index = [
            slice(i * d, i * d + s * (n - 1) + 1, s)
            for i, d, s, n in zip(place, dilation, strides, counts)
        ]
        parts.append(x[(Ellipsis, *index, slice(None))])
    return from_last(xp.concatenate(parts, axis=-1), data_format, rank)


@op(spec=_patch_rule("extract_patches", 2))
def extract_patches(
    images: Any,
    size: Any,
    strides: Any = None,
    dilation_rate: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Any:
    """Windows of images, each laid out as the channels of one pixel.

    Args:
        images: `(height, width, channels)` or `(batch, height, width, channels)`, or channels
            first.
        size: `(height, width)` of the window, or one number.
        strides: step of the window; its size where None.
        dilation_rate: distance of the window's pixels.
        padding: `"valid"` or `"same"`.
        data_format: `"channels_last"` or `"channels_first"`; the configured one where None.

    Returns:
        `(batch, rows, columns, window entries * channels)`, or without `batch`.

    Raises:
        ValueError: an unknown padding, or strides and dilation both above 1.
    """
    return _patches(
        "extract_patches", 2, images, size, strides, dilation_rate, padding, data_format
    )


@op(spec=_patch_rule("extract_patches_3d", 3))
def extract_patches_3d(
    volumes: Any,
    size: Any,
    strides: Any = None,
    dilation_rate: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Any:
    """`extract_patches` for volumes `(depth, height, width, channels)` or batches of them."""
    return _patches(
        "extract_patches_3d", 3, volumes, size, strides, dilation_rate, padding, data_format
    )


