"""Lengths of what windows that move over an axis leave."""

from __future__ import annotations

from typing import Any

__all__ = ["PADDINGS", "checked_padding", "transposed_length", "window_length", "window_shape"]

PADDINGS = ("valid", "same")


def checked_padding(layer: Any, padding: Any, allowed: tuple[str, ...] = PADDINGS) -> str:
    """`padding` in lower case.

    Raises:
        ValueError: it is none of those allowed.
    """
    name = padding.lower() if isinstance(padding, str) else padding
    if name not in allowed:
        raise ValueError(
            f"{type(layer).__name__} '{layer.name}': `padding` must be one of "
            f"{', '.join(map(repr, allowed))}; got {padding!r}."
        )
    return name


def window_length(
    length: int | None, window: int, stride: int, padding: str, dilation: int = 1
) -> int | None:
    """Number of places a window takes along an axis, None where the length is unknown."""
    if length is None:
        return None
    if padding != "valid":
        return -(-length // stride)
    return (length - (window - 1) * dilation - 1) // stride + 1


def transposed_length(
    length: int | None,
    window: int,
    stride: int,
    padding: str,
    output_padding: int | None,
    dilation: int = 1,
) -> int | None:
    """Length of an axis that a transposed convolution makes."""
    if length is None:
        return None
    window = (window - 1) * dilation + 1
    if output_padding is None:
        return length * stride + (max(window - stride, 0) if padding == "valid" else 0)
    cut = 2 * (window // 2) if padding == "same" else 0
    return (length - 1) * stride + window - cut + output_padding


def window_shape(
    layer: Any,
    shape: Any,
    channels: int | None,
    window: tuple[int, ...],
    strides: tuple[int, ...],
    padding: str,
    data_format: str,
    dilation: tuple[int, ...] | None = None,
) -> tuple[int | None, ...]:
    """Shape of an image after windows; `channels` None keeps the input's.

    Raises:
        ValueError: the window is larger than the image.
    """
    rank = len(window)
    if len(shape) != rank + 2:
        raise ValueError(
            f"{type(layer).__name__} '{layer.name}' takes inputs of {rank + 2} axes, batch and "
            f"channels included; got the shape {tuple(shape)}."
        )
    last = data_format == "channels_last"
    spatial = shape[1:-1] if last else shape[2:]
    lengths = tuple(
        window_length(length, size, stride, padding, step)
        for length, size, stride, step in zip(spatial, window, strides, dilation or (1,) * rank)
    )
    for length in lengths:
        if length is not None and length <= 0:
            raise ValueError(
                f"{type(layer).__name__} '{layer.name}': a window of {window}"
                f"{f' with dilation {dilation}' if dilation and max(dilation) > 1 else ''} does "
                f"not fit into the input of shape {tuple(shape)} ({data_format}). Use "
                "padding='same', a smaller window, or a larger input."
            )
    if channels is None:
        channels = shape[-1 if last else 1]
    return (shape[0], *lengths, channels) if last else (shape[0], channels, *lengths)
