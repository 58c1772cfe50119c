"""Sounds in WAV files, and their sampling rate."""

from __future__ import annotations

import math
import os
import struct
from pathlib import Path

import numpy as np

__all__ = ["read_wav", "resample"]

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE


def read_wav(path: str | os.PathLike) -> tuple[np.ndarray, int]:
    """The samples of a WAV file.

    Args:
        path: a RIFF WAVE file of integers (8, 16, 24 or 32 bit) or floats (32 or 64 bit).

    Returns:
        `(samples, rate)`: float32 of shape `(length, channels)`, integers scaled to -1..1,
        and the number of samples per second.

    Raises:
        ValueError: no such file.
    """
    data = Path(path).read_bytes()
    if len(data) < 12 or data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise ValueError("it is no RIFF WAVE file")
    place, header, samples = 12, None, None
    while place + 8 <= len(data) and samples is None:
        kind, size = data[place:place + 4], struct.unpack_from("<I", data, place + 4)[0]
        # A file written to a pipe says more than there is: what there is counts.
        chunk = data[place + 8:place + 8 + size]
        if kind == b"fmt ":
            header = chunk
        elif kind == b"data":
            samples = chunk
        place += 8 + size + size % 2
    if header is None or len(header) < 16 or samples is None:
        raise ValueError("it has no format or no data")
    code, channels, rate, _, frame, bits = struct.unpack_from("<HHIIHH", header)
    if code == _EXTENSIBLE and len(header) >= 26:
        code = struct.unpack_from("<H", header, 24)[0]
    if not channels or not rate or frame * 8 != channels * bits:
        raise ValueError(
            f"its header is damaged: {channels} channels of {bits} bits in frames of {frame} bytes"
        )
    samples = samples[: len(samples) - len(samples) % frame]
    values = _decoded(samples, code, bits)
    return values.reshape(-1, channels), rate


def _decoded(samples: bytes, code: int, bits: int) -> np.ndarray:
    if code == _FLOAT and bits in (32, 64):
        return np.frombuffer(samples, f"<f{bits // 8}").astype("float32")
    if code == _PCM and bits == 8:  # the only one without a sign
        return (np.frombuffer(samples, "u1").astype("float32") - 128) / 128
    if code == _PCM and bits == 24:
        parts = np.frombuffer(samples, "u1").reshape(-1, 3).astype("int32")
        whole = (parts[:, 0] << 8) | (parts[:, 1] << 16) | (parts[:, 2] << 24)
        return (whole / 2.0**31).astype("float32")
    if code == _PCM and bits in (16, 32):
        return (np.frombuffer(samples, f"<i{bits // 8}") / 2.0 ** (bits - 1)).astype("float32")
    raise ValueError(f"its encoding {code} with {bits} bits is not supported")


def resample(sound: np.ndarray, rate: int, new_rate: int, zeros: int = 16) -> np.ndarray:
    """A sound at another sampling rate, by band-limited interpolation.

    Args:
        sound: `(length, channels)`.
        rate: samples per second now.
        new_rate: samples per second then.
        zeros: zero crossings of the filter on each side.

    Returns:
        `(ceil(length * new_rate / rate), channels)`, float32.

    Source: J. O. Smith, P. Gossett, "A flexible sampling-rate conversion method", 1984.
    """
    if rate == new_rate or not len(sound):
        return sound.astype("float32")
    common = math.gcd(rate, new_rate)
    up, down = new_rate // common, rate // common
    length = -(-len(sound) * up // down)
    cutoff = min(1.0, up / down)
    reach = math.ceil(zeros / cutoff)
    offsets = np.arange(-reach, reach + 1)
    padded = np.pad(sound.astype("float64"), ((reach, reach + 1), (0, 0)))
    found = np.empty((length, sound.shape[1]), "float32")
    block = max(1, 2**20 // len(offsets))
    for start in range(0, length, block):
        # Places in the old sound, exact: whole part and remainder of an integer division.
        places = np.arange(start, min(start + block, length), dtype=np.int64) * down
        whole, part = places // up, (places % up) / up
        distance = (offsets[None, :] - part[:, None]) * cutoff
        window = 0.5 + 0.5 * np.cos(np.pi * np.clip(distance / zeros, -1, 1))
        weights = cutoff * np.sinc(distance) * window
        rows = whole[:, None] + offsets[None, :] + reach
        found[start:start + block] = np.einsum("tk,tkc->tc", weights, padded[rows])
    return found
