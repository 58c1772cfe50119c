"""Hashes of many byte strings at once: FarmHash's Fingerprint64 and SipHash-2-4.

Both are written for rows of equal length, since what they do depends on a string's length
alone: the strings are sorted into groups by length, and each group is hashed as one matrix
of bytes, in 64-bit arithmetic that wraps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

__all__ = ["fingerprint", "join_fingerprints", "siphash"]

_U = np.uint64
_K0, _K1, _K2 = _U(0xC3A5C85C97CB3127), _U(0xB492B66FBE98F273), _U(0x9AE16A3B2F90404F)
_JOIN = _U(0xC6A4A7935BD1E995)


def fingerprint(strings: Sequence[bytes]) -> np.ndarray:
    """FarmHash's 64-bit fingerprint of each string, which never changes between versions.

    Args:
        strings: byte strings.

    Returns:
        uint64 array, one entry per string.

    Source: Geoff Pike, FarmHash (2014), https://github.com/google/farmhash

    >>> hex(int(fingerprint([b""])[0]))
    '0x9ae16a3b2f90404f'
    """
    return _by_length(strings, _farm)


def siphash(strings: Sequence[bytes], key: tuple[int, int]) -> np.ndarray:
    """SipHash-2-4 of each string under a key of two 64-bit integers.

    Args:
        strings: byte strings.
        key: two integers; negative ones count modulo 2**64.

    Returns:
        uint64 array, one entry per string.

    Source: Aumasson and Bernstein, SipHash: a fast short-input PRF (2012).

    >>> hex(int(siphash([b""], (0x0706050403020100, 0x0F0E0D0C0B0A0908))[0]))
    '0x726fdb47dd0e0e31'
    """
    keys = tuple(_U(part % 2**64) for part in key)
    return _by_length(strings, lambda rows: _sip(rows, *keys))


def join_fingerprints(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """A fingerprint of ordered pairs of fingerprints, uint64 arrays that broadcast."""
    first, second = np.asarray(first, _U), np.asarray(second, _U)
    with np.errstate(over="ignore"):
        result = first ^ _JOIN
        result = result ^ (_mixed(second * _JOIN) * _JOIN)
        result = result * _JOIN
        result = _mixed(result) * _JOIN
        return _mixed(result)


def _by_length(
    strings: Sequence[bytes], function: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    lengths = np.fromiter((len(s) for s in strings), "int64", len(strings))
    result = np.empty(len(strings), _U)
    order = np.argsort(lengths, kind="stable")
    ends = np.flatnonzero(np.diff(lengths[order])) + 1
    with np.errstate(over="ignore"):
        for places in np.split(order, ends):
            if not len(places):
                continue
            joined = b"".join([strings[i] for i in places.tolist()])
            rows = np.frombuffer(joined, np.uint8).reshape(len(places), int(lengths[places[0]]))
            result[places] = function(rows)
    return result


def _fetch(rows: np.ndarray, at: int, size: int = 8) -> np.ndarray:
    """`size` bytes of every row from column `at` on, as little-endian integers."""
    at %= rows.shape[1]
    piece = np.ascontiguousarray(rows[:, at:at + size]).view(f"<u{size}")[:, 0]
    return piece.astype(_U)


def _rotated(value: np.ndarray, by: int) -> np.ndarray:
    """Bits turned to the right."""
    return (value >> _U(by)) | (value << _U(64 - by)) if by else value


def _turned(value: np.ndarray, by: int) -> np.ndarray:
    """Bits turned to the left."""
    return (value << _U(by)) | (value >> _U(64 - by))


def _mixed(value: np.ndarray) -> np.ndarray:
    return value ^ (value >> _U(47))


# ----------------------------------------------------------------------- FarmHash


def _farm(rows: np.ndarray) -> np.ndarray:
    length = rows.shape[1]
    if length <= 16:
        return _farm_to_16(rows)
    if length <= 32:
        return _farm_to_32(rows)
    return _farm_to_64(rows) if length <= 64 else _farm_long(rows)


def _two(u: np.ndarray, v: np.ndarray, factor: np.uint64 | np.ndarray) -> np.ndarray:
    a = _mixed((u ^ v) * factor)
    return _mixed((v ^ a) * factor) * factor


def _farm_to_16(rows: np.ndarray) -> np.ndarray:
    count, length = rows.shape
    if length >= 8:
        factor = _K2 + _U(length * 2)
        a, b = _fetch(rows, 0) + _K2, _fetch(rows, -8)
        c = _rotated(b, 37) * factor + a
        d = (_rotated(a, 25) + b) * factor
        return _two(c, d, factor)
    if length >= 4:
        factor = _K2 + _U(length * 2)
        a = _fetch(rows, 0, 4)
        return _two(_U(length) + (a << _U(3)), _fetch(rows, -4, 4), factor)
    if length:
        y = rows[:, 0].astype(_U) + (rows[:, length >> 1].astype(_U) << _U(8))
        z = _U(length) + (rows[:, -1].astype(_U) << _U(2))
        return _mixed(y * _K2 ^ z * _K0) * _K2
    return np.full(count, _K2, _U)


def _farm_to_32(rows: np.ndarray) -> np.ndarray:
    factor = _K2 + _U(rows.shape[1] * 2)
    a, b = _fetch(rows, 0) * _K1, _fetch(rows, 8)
    c, d = _fetch(rows, -8) * factor, _fetch(rows, -16) * _K2
    return _two(
        _rotated(a + b, 43) + _rotated(c, 30) + d, a + _rotated(b + _K2, 18) + c, factor)


def _farm_to_64(rows: np.ndarray) -> np.ndarray:
    factor = _K2 + _U(rows.shape[1] * 2)
    a, b = _fetch(rows, 0) * _K2, _fetch(rows, 8)
    c, d = _fetch(rows, -8) * factor, _fetch(rows, -16) * _K2
    y = _rotated(a + b, 43) + _rotated(c, 30) + d
    z = _two(y, a + _rotated(b + _K2, 18) + c, factor)
    e, f = _fetch(rows, 16) * factor, _fetch(rows, 24)
    g, h = (y + _fetch(rows, -32)) * factor, (z + _fetch(rows, -24)) * factor
    return _two(
        _rotated(e + f, 43) + _rotated(g, 30) + h, e + _rotated(f + a, 18) + g, factor)


def _weak(
    rows: np.ndarray, at: int, a: np.ndarray, b: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Two sums over 32 bytes from column `at` on."""
    w, x, y, z = (_fetch(rows, at + 8 * i) for i in range(4))
    a = a + w
    b = _rotated(b + a + z, 21)
    c = a
    a = a + x + y
    return a + z, b + _rotated(a, 44) + c


def _farm_long(rows: np.ndarray) -> np.ndarray:
    count, length = rows.shape
    seed = np.full(count, 81, _U)
    x, y = seed, seed * _K1 + _U(113)
    z = _mixed(y * _K2 + _U(113)) * _K2
    zero = np.zeros(count, _U)
    v, w = (zero, zero), (zero, zero)
    x = x * _K2 + _fetch(rows, 0)

    def step(at: int, factor: np.ndarray | np.uint64, last: bool) -> None:
        nonlocal x, y, z, v, w
        nine = _U(9) if last else _U(1)
        x = _rotated(x + y + v[0] + _fetch(rows, at + 8), 37) * factor
        y = _rotated(y + v[1] + _fetch(rows, at + 48), 42) * factor
        x = x ^ (w[1] * nine)
        y = y + v[0] * nine + _fetch(rows, at + 40)
        z = _rotated(z + w[0], 33) * factor
        v = _weak(rows, at, v[1] * factor, x + w[0])
        w = _weak(rows, at + 32, z + w[1], y + _fetch(rows, at + 16))
        x, z = z, x

    blocks = (length - 1) // 64
    for block in range(blocks):
        step(64 * block, _K1, last=False)
    factor = _K1 + ((z & _U(0xFF)) << _U(1))
    # The last 64 bytes, which overlap what came before.
    w = (w[0] + _U((length - 1) & 63), w[1])
    v = (v[0] + w[0], v[1])
    w = (w[0] + v[0], w[1])
    step(length - 64, factor, last=True)
    return _two(
        _two(v[0], w[0], factor) + _mixed(y) * _K0 + z, _two(v[1], w[1], factor) + x, factor)


# ------------------------------------------------------------------------ SipHash


def _sip(rows: np.ndarray, key0: np.uint64, key1: np.uint64) -> np.ndarray:
    count, length = rows.shape
    state = [
        np.full(count, key ^ _U(constant), _U)
        for key, constant in (
            (key0, 0x736F6D6570736575), (key1, 0x646F72616E646F6D),
            (key0, 0x6C7967656E657261), (key1, 0x7465646279746573),
        )
    ]
    padded = np.zeros((count, length // 8 * 8 + 8), np.uint8)
    padded[:, :length] = rows
    padded[:, -1] = length & 0xFF
    for at in range(0, padded.shape[1], 8):
        word = _fetch(padded, at)
        state[3] = state[3] ^ word
        _sip_rounds(state, 2)
        state[0] = state[0] ^ word
    state[2] = state[2] ^ _U(0xFF)
    _sip_rounds(state, 4)
    return state[0] ^ state[1] ^ state[2] ^ state[3]


def _sip_rounds(state: list[np.ndarray], rounds: int) -> None:
    a, b, c, d = state
    for _ in range(rounds):
        a, c = a + b, c + d
        b, d = _turned(b, 13) ^ a, _turned(d, 16) ^ c
        a = _turned(a, 32)
        c, a = c + b, a + d
        b, d = _turned(b, 17) ^ c, _turned(d, 21) ^ a
        c = _turned(c, 32)
    state[:] = a, b, c, d
