"""`random_bits`: the same bits on every backend."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from highlevel_backend.conformance.checks import dtype_of, same
from highlevel_backend.conformance.reference import threefry_words

# Published test vectors of Threefry-2×32 with 20 rounds: key, counter, result.
_KNOWN = [
    ((0x00000000, 0x00000000), (0x00000000, 0x00000000), (0x6B200159, 0x99BA4EFE)),
    ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
    ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xC4923A9C, 0x483DF7A0)),
]


@pytest.mark.parametrize(("key", "counter", "expected"), _KNOWN)
def test_the_reference_cipher(key, counter, expected):
    same(threefry_words(key, counter), expected, "the kit's own Threefry")


@pytest.mark.parametrize("key", [(0, 0), (0xFFFFFFFF, 0xFFFFFFFF), (0x13198A2E, 0x03707344)])
def test_random_bits(backend, key):
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # wrapping around is meant
        bits = backend.random_bits(backend.asarray(np.array(key, "uint32")), (3, 7))
    same(tuple(bits.shape), (3, 7), "random_bits: shape")
    same(dtype_of(bits), "uint32", "random_bits: dtype")
    words = [threefry_words(key, (0, i)) for i in range(21)]
    expected = np.array([a ^ b for a, b in words], "uint32").reshape(3, 7)
    np.testing.assert_array_equal(
        backend.to_numpy(bits), expected, err_msg="random_bits differs from Threefry-2x32"
    )


def test_random_bits_of_many_words(backend):
    key = (7, 11)
    bits = backend.random_bits(backend.asarray(np.array(key, "uint32")), (40_000,))
    bits = backend.to_numpy(bits)
    for i in (0, 1, 16_383, 16_384, 32_769, 39_999):
        a, b = threefry_words(key, (0, i))
        same(int(bits[i]), a ^ b, f"random_bits: word {i} comes from counter {i} alone")


@pytest.mark.parametrize("shape", [(), (0,), (2, 0, 3)])
def test_random_bits_of_odd_shapes(backend, shape):
    bits = backend.random_bits(backend.asarray(np.array([1, 2], "uint32")), shape)
    same(tuple(bits.shape), shape, "random_bits: shape")
