"""What image ops share: one image or a batch, channels first or last."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from highlevel_backend import current_backend

from highlevel.config import standardize_data_format
from highlevel.ops.dispatch import shape_of

__all__ = ["check_images", "from_last", "image_shape", "pair", "to_last"]


def check_images(shape: tuple, what: str, rank: int = 2) -> None:
    """Raise where a shape is neither that of an image nor of a batch.

    Raises:
        ValueError: wrong number of axes.
    """
    if len(shape) not in (rank + 1, rank + 2):
        names = ("depth, " if rank == 3 else "") + "height, width"
        raise ValueError(
            f"`{what}` needs an image ({names}, channels) or a batch of them; got shape {shape}."
        )


def to_last(x: Any, data_format: str | None, what: str, rank: int = 2) -> tuple[Any, str]:
    """Images with their channels last, and the data format in full."""
    data_format = standardize_data_format(data_format)
    check_images(tuple(x.shape), what, rank)
    if data_format == "channels_first":
        x = current_backend().xp.moveaxis(x, -rank - 1, -1)
    return x, data_format


def from_last(x: Any, data_format: str, rank: int = 2) -> Any:
    """Images in their data format again."""
    return current_backend().xp.moveaxis(x, -1, -rank - 1) if data_format == "channels_first" else x


def image_shape(x: Any, data_format: str | None, what: str, rank: int = 2) -> tuple[Any, ...]:
    """`(batch axes, spatial lengths, channels, data format)` of a shape."""
    data_format = standardize_data_format(data_format)
    shape = shape_of(x)
    check_images(shape, what, rank)
    batch, rest = shape[: len(shape) - rank - 1], shape[len(shape) - rank - 1 :]
    if data_format == "channels_first":
        return batch, rest[1:], rest[0], data_format
    return batch, rest[:-1], rest[-1], data_format


def full_shape(batch: tuple, spatial: Sequence, channels: Any, data_format: Any) -> tuple:
    """The shape of which `image_shape` gives the parts."""
    if data_format == "channels_first":
        return (*batch, channels, *spatial)
    return (*batch, *spatial, channels)


def pair(value: Any, name: str, count: int = 2) -> tuple:
    """One number for all axes, or one for each.

    Raises:
        ValueError: another number of entries.
    """
    if isinstance(value, Sequence):
        if len(value) != count:
            raise ValueError(f"`{name}` needs one number or {count}; got {tuple(value)}.")
        return tuple(value)
    return (value,) * count
