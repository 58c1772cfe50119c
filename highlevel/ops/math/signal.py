"""Fourier transforms, and sequences cut out of signals."""

from __future__ import annotations

from typing import Any

import numpy as np
from highlevel_backend import current_backend

from highlevel.ops.core.conversion import to_complex
from highlevel.ops.dispatch import array, cast_to, dtype_name, float_pair, floating, op, shape_of
from highlevel.ops.rules import of, promoted

__all__ = ["extract_sequences", "fft", "fft2", "ifft2", "irfft", "istft", "rfft", "stft"]


def _complex(x: Any, what: str) -> Any:
    if not isinstance(x, (tuple, list)) or len(x) != 2:
        raise ValueError(
            f"`{what}` takes a pair of arrays, the real and the imaginary part; got "
            f"{type(x).__name__}."
        )
    real, imag = float_pair(*x)
    if tuple(real.shape) != tuple(imag.shape):
        raise ValueError(
            f"`{what}` needs a real and an imaginary part of one shape; got "
            f"{tuple(real.shape)} and {tuple(imag.shape)}."
        )
    return to_complex(real, imag)


def _parts(x: Any) -> tuple:
    xp = current_backend().xp
    return xp.real(x), xp.imag(x)


def _same_pair(x: Any) -> Any:
    real, imag = x
    dtype = promoted(real, imag, 1.0)
    return of(shape_of(real), dtype), of(shape_of(imag), dtype)


@op(spec=_same_pair)
def fft(x: Any) -> tuple:
    """Discrete Fourier transform along the last axis.

    Args:
        x: pair `(real, imaginary)` of arrays of one shape.

    Returns:
        The same pair of the transform.

    Raises:
        ValueError: no pair, or two shapes.
    """
    return _parts(current_backend().xp.fft.fft(_complex(x, "fft")))


@op(spec=_same_pair)
def fft2(x: Any) -> tuple:
    """Discrete Fourier transform along the last two axes. See `fft`."""
    return _parts(current_backend().xp.fft.fft2(_complex(x, "fft2")))


@op(spec=_same_pair)
def ifft2(x: Any) -> tuple:
    """The inverse of `fft2`."""
    return _parts(current_backend().xp.fft.ifft2(_complex(x, "ifft2")))


def _rfft_rule(x: Any, fft_length: int | None = None) -> Any:
    shape = shape_of(x)
    n = shape[-1] if fft_length is None else fft_length
    result = (*shape[:-1], None if n is None else n // 2 + 1)
    dtype = promoted(x, 1.0)
    return of(result, dtype), of(result, dtype)


@op(spec=_rfft_rule)
def rfft(x: Any, fft_length: int | None = None) -> tuple:
    """Fourier transform of real signals along the last axis.

    Args:
        x: `(..., n)` real array.
        fft_length: cut or filled up with zeros to this length; `n` where None.

    Returns:
        Pair `(real, imaginary)` of shape `(..., fft_length // 2 + 1)`.
    """
    x = floating(x)
    name = dtype_name(x.dtype)
    real, imag = _parts(current_backend().xp.fft.rfft(x, n=fft_length, axis=-1))
    return cast_to(real, name), cast_to(imag, name)


def _irfft_rule(x: Any, fft_length: int | None = None) -> Any:
    shape = shape_of(x[0])
    n = shape[-1]
    if fft_length is None:
        fft_length = None if n is None else 2 * (n - 1)
    return of((*shape[:-1], fft_length), promoted(x[0], x[1], 1.0))


@op(spec=_irfft_rule)
def irfft(x: Any, fft_length: int | None = None) -> Any:
    """The inverse of `rfft`.

    Args:
        x: pair `(real, imaginary)` of shape `(..., k)`.
        fft_length: length of the signal; `2 * (k - 1)` where None.

    Returns:
        `(..., fft_length)` real array.
    """
    name = promoted(x[0], x[1], 1.0)
    return cast_to(current_backend().xp.fft.irfft(_complex(x, "irfft"), n=fft_length), name)


def _sequences_rule(x: Any, sequence_length: int, sequence_stride: int) -> Any:
    shape = shape_of(x)
    n = shape[-1]
    count = None if n is None else 1 + (n - sequence_length) // sequence_stride
    return of((*shape[:-1], count, sequence_length), promoted(x))


@op(spec=_sequences_rule)
def extract_sequences(x: Any, sequence_length: int, sequence_stride: int) -> Any:
    """Sequences of one length cut out of the last axis at equal distances.

    Args:
        x: `(..., n)` array.
        sequence_length: length of the sequences.
        sequence_stride: distance of their beginnings.

    Returns:
        `(..., count, sequence_length)`.

    >>> extract_sequences([1, 2, 3, 4], 2, 1).tolist()
    [[1, 2], [2, 3], [3, 4]]
    """
    x = array(x)
    n = x.shape[-1]
    count = 1 + (n - sequence_length) // sequence_stride
    starts = np.arange(count) * sequence_stride
    return current_backend().xp.take(
        x, array(starts[:, None] + np.arange(sequence_length)), axis=-1
    )


def _window(window: Any, sequence_length: int, fft_length: int, name: str) -> Any:
    """The window in the middle of `fft_length` zeros; for None ones all along.

    Raises:
        ValueError: an unknown name, or another length.
    """
    if window is None:
        return array(np.ones(fft_length), name)
    values: Any
    if isinstance(window, str):
        if window not in ("hann", "hamming"):
            raise ValueError(
                f"`window` must be 'hann', 'hamming', None or an array; got {window!r}."
            )
        # Periodic: one point more, and that one left out.
        turn = np.cos(2 * np.pi * np.arange(sequence_length) / sequence_length)
        values = 0.5 - 0.5 * turn if window == "hann" else 0.54 - 0.46 * turn
    else:
        values = array(window, name)
        if tuple(values.shape) != (sequence_length,):
            raise ValueError(
                f"`window` must have `sequence_length={sequence_length}` entries; got shape "
                f"{tuple(values.shape)}."
            )
    before = (fft_length - sequence_length) // 2
    after = fft_length - sequence_length - before
    return current_backend().xp.pad(array(values, name), ((before, after),))


def _check_lengths(sequence_length: int, fft_length: int) -> None:
    if fft_length < sequence_length:
        raise ValueError(
            f"`fft_length` must not be less than `sequence_length`; got {fft_length} and "
            f"{sequence_length}."
        )


@op
def stft(
    x: Any,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    window: Any = "hann",
    center: bool = True,
) -> tuple:
    """Short-time Fourier transform.

    Args:
        x: `(..., n)` real array.
        sequence_length: length of the pieces.
        sequence_stride: distance of their beginnings.
        fft_length: length of the transforms, at least that of the pieces.
        window: `"hann"`, `"hamming"`, None or an array of `sequence_length`.
        center: put the middle of each piece on its place, by mirroring the ends.

    Returns:
        Pair `(real, imaginary)` of shape `(..., pieces, fft_length // 2 + 1)`.

    Raises:
        ValueError: `fft_length` is less than `sequence_length`, or an unknown window.
    """
    _check_lengths(sequence_length, fft_length)
    xp = current_backend().xp
    x = floating(x)
    if center:
        half = fft_length // 2
        x = xp.pad(x, ((0, 0),) * (x.ndim - 1) + ((half, half),), mode="reflect")
    pieces = extract_sequences(x, fft_length, sequence_stride)
    weights = _window(window, sequence_length, fft_length, dtype_name(x.dtype))
    return rfft(pieces * weights, fft_length)


@op
def istft(
    x: Any,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    length: int | None = None,
    window: Any = "hann",
    center: bool = True,
) -> Any:
    """The inverse of `stft`: pieces added where they overlap, by the windows' weight.

    Args:
        x: pair `(real, imaginary)` of shape `(..., pieces, fft_length // 2 + 1)`.
        sequence_length, sequence_stride, fft_length, window, center: those of `stft`.
        length: length of the signal; all that the pieces cover where None.

    Returns:
        `(..., length)` real array.
    """
    _check_lengths(sequence_length, fft_length)
    backend = current_backend()
    xp = backend.xp
    pieces = irfft(x, fft_length)
    name = dtype_name(pieces.dtype)
    weights = _window(window, sequence_length, fft_length, name)
    pieces = pieces * weights
    count = pieces.shape[-2]
    total = (count - 1) * sequence_stride + fft_length
    places = np.arange(count)[:, None] * sequence_stride + np.arange(fft_length)
    index = (Ellipsis, places)
    signal = backend.index_update(
        xp.zeros((*pieces.shape[:-2], total), dtype=pieces.dtype), index, pieces, "add"
    )
    power = backend.index_update(
        xp.zeros((total,), dtype=pieces.dtype), places,
        xp.broadcast_to(xp.square(weights), (count, fft_length)), "add",
    )  # fmt: skip
    seen = power > array(1e-11 if name == "float64" else 1e-7, name)
    signal = xp.where(seen, signal / xp.where(seen, power, xp.ones_like(power)), signal)
    start = fft_length // 2 if center else 0
    if length is not None:
        stop: int | None = start + length
    else:
        stop = -(fft_length // 2) if center else None
    result = signal[..., start:stop]
    missing = 0 if length is None else length - result.shape[-1]
    if missing > 0:
        result = xp.pad(result, ((0, 0),) * (result.ndim - 1) + ((0, missing),))
    return result
