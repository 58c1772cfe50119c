"""Hashes against published values, and the layers on top of them."""

import numpy as np
import pytest

import highlevel as hl
from highlevel.layers.preprocessing.hashes import fingerprint, siphash
from highlevel.models import load_model

layers = hl.layers

# Fingerprint64 of the bytes 0, 1, ..., n - 1, computed by Google's C++ code (through the
# `cityhash` package): one or more lengths for each of the hash's branches.
FARM = {
    0: 0x9AE16A3B2F90404F, 3: 0x94A13D22E9EBA49A, 5: 0xB4BFA9E87732C149, 12: 0x9FD5DF33AEFC3D7D,
    20: 0x8DD7E7F1BF16A0E9, 50: 0xAB2B921FF69CC9F4, 64: 0xF58504BB53DECC4B,
    65: 0xC6A3282C3E793DBE, 128: 0x1C484C95F0EA5DD3, 129: 0xCE8BA3741121083E,
    200: 0x074C7FCC26D66FB3,
}
# The first of the vectors that come with SipHash's reference code, as in the paper's
# appendix: the bytes 0, 1, ..., n - 1 under the key 00 01 ... 0f.
SIP = [
    0x726FDB47DD0E0E31, 0x74F839C593DC67FD, 0x0D6C8009D9A94F5A, 0x85676696D7FB7E2D,
    0xCF2794E0277187B7, 0x18765564CD99A68D, 0xCBC9466E58FEE3CE, 0xAB0200F58B01D137,
    0x93F5F5799A932462, 0x9E0082DF0BA9E4B0, 0x7A5DBBC594DDB9F3, 0xF4B32F46226BADA7,
    0x751E8FBC860EE5FB, 0x14EA5627C0843D90, 0xF723CA908E7AF2EE, 0xA129CA6149BE45E5,
]
LETTERS = [["A"], ["B"], ["C"], ["D"], ["E"]]


def test_farmhash_of_every_branch():
    strings = [bytes(range(n)) for n in FARM]
    assert fingerprint(strings * 2).tolist() == [*FARM.values()] * 2
    assert len(fingerprint([])) == 0


def test_siphash_of_the_paper():
    strings = [bytes(range(n)) for n in range(16)]
    key = 0x0706050403020100, 0x0F0E0D0C0B0A0908
    assert siphash(strings, key).tolist() == SIP
    assert siphash([strings[15]], key).tolist() == [SIP[15]]


@pytest.mark.parametrize("options, inputs, expected", [
    ({}, LETTERS, [1, 0, 1, 1, 2]),
    ({"mask_value": ""}, [["A"], ["B"], [""], ["C"], ["D"]], [1, 1, 0, 2, 2]),
    ({"salt": [133, 137]}, LETTERS, [1, 2, 1, 0, 2]),
    ({"salt": 133}, LETTERS, [0, 0, 2, 1, 0]),
], ids=["plain", "mask", "salt", "one salt"])
@pytest.mark.parametrize("kind", ["U", "S", object])
def test_bins_of_the_documentation(options, inputs, expected, kind, backend):
    found = layers.Hashing(num_bins=3, **options)(np.array(inputs, kind))
    assert backend.is_array(found)
    assert np.asarray(found).ravel().tolist() == expected


def test_integers_are_hashed_as_their_digits(backend):
    numbers = np.array([[1, -20], [10**12, 10**12 + 2**32]])
    for options in ({}, {"salt": 7}, {"mask_value": -20}):
        layer = layers.Hashing(1000, **options)
        if "mask_value" in options:
            other = layers.Hashing(1000, mask_value="-20")
        else:
            other = layer
        np.testing.assert_array_equal(layer(numbers), other(numbers.astype(str)))
    bins = np.asarray(layers.Hashing(1000)(numbers))
    assert bins[1, 0] != bins[1, 1]  # all 64 bits count


def test_encoded_bins(backend):
    bins = np.asarray(layers.Hashing(4)(LETTERS))[:, 0]
    hot = layers.Hashing(4, output_mode="one_hot")
    np.testing.assert_array_equal(hot(LETTERS), np.eye(4)[bins])
    np.testing.assert_array_equal(
        layers.Hashing(4, output_mode="count")([["A", "A", "B"]])[0],
        np.eye(4)[bins[[0, 0, 1]]].sum(0))
    assert hot(hl.Input((1,), dtype="string")).shape == (None, 4)


def test_crosses_of_the_documentation(backend):
    pair = ["A", "B", "A", "B", "A"], [101, 101, 101, 102, 102]
    layer = layers.HashedCrossing(num_bins=5)
    assert np.asarray(layer(pair)).tolist() == [1, 4, 1, 1, 3]
    hot = layers.HashedCrossing(num_bins=5, output_mode="one_hot")
    np.testing.assert_array_equal(hot(pair), np.eye(5)[[1, 4, 1, 1, 3]])
    column = [np.array(part)[:, None] for part in pair]
    assert np.asarray(layer(column)).tolist() == [[1], [4], [1], [1], [3]]
    np.testing.assert_array_equal(hot(column), np.eye(5)[[1, 4, 1, 1, 3]])
    inputs = hl.Input((1,), dtype="string"), hl.Input((1,), dtype="int32")
    assert layer(inputs).shape == (None, 1)
    assert layer(inputs).dtype == "int64"
    assert hot(inputs).shape == (None, 5)


def test_errors():
    with pytest.raises(ValueError, match="`num_bins` must be a positive integer"):
        layers.Hashing(0)
    with pytest.raises(ValueError, match="`output_mode` must be one of"):
        layers.Hashing(3, output_mode="wrong")
    with pytest.raises(ValueError, match="`salt` must be an integer or a pair"):
        layers.Hashing(3, salt="pepper")
    with pytest.raises(TypeError, match="not whole"):
        layers.Hashing(3)(np.array([0.5]))
    with pytest.raises(TypeError, match="takes strings; got None"):
        layers.Hashing(3)(np.array(["a", None], object))
    crossing = layers.HashedCrossing(3)
    with pytest.raises(ValueError, match="at least two"):
        crossing([np.array([1])])
    with pytest.raises(ValueError, match="one shape"):
        crossing(([1, 2], [1]))
    with pytest.raises(ValueError, match="one value per sample"):
        crossing(([[1, 2]], [[1, 2]]))
    with pytest.raises(TypeError, match="got floats"):
        crossing(([1.5], [2]))
    with pytest.raises(ValueError, match="`output_mode` must be one of"):
        layers.HashedCrossing(3, output_mode="count")


def test_files(tmp_path, backend):
    text, number = hl.Input((1,), dtype="string"), hl.Input((1,), dtype="int64")
    crossed = layers.HashedCrossing(7)((text, number))
    hashed = layers.Hashing(6, mask_value="x", salt=[1, 2], output_mode="one_hot")(text)
    model = hl.Model([text, number], [crossed, hashed])
    data = [np.array([["a"], ["x"]]), np.array([[2**40], [3]])]
    model.save(tmp_path / "m.keras")
    again = load_model(tmp_path / "m.keras")
    for one, other in zip(model.predict(data, verbose=0), again.predict(data, verbose=0)):
        np.testing.assert_array_equal(one, other)
    expected = layers.HashedCrossing(7)(data)
    np.testing.assert_array_equal(model.predict(data, verbose=0)[0], expected)
