"""Further options of the spectrograms against Keras; the usual ones are in the table of layers."""

import os

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "jax")
keras = pytest.importorskip("keras")

import highlevel as hl  # noqa: E402

RNG = np.random.default_rng(0)
SIGNAL = RNG.normal(size=(2, 40, 2)).astype("float32")
SOUND = (RNG.normal(size=(2, 120)) * np.linspace(0, 2, 120)).astype("float32")


def both(name, x, **kwargs):
    mine, other = getattr(hl.layers, name)(**kwargs), getattr(keras.layers, name)(**kwargs)
    if name == "STFTSpectrogram":
        other.build(x.shape)
    expected = np.asarray(other(x))

    def same(got):
        got = np.asarray(got)
        assert got.dtype == expected.dtype
        if kwargs.get("mode") == "angle":  # minus pi is pi
            got, wanted = np.exp(1j * got), np.exp(1j * expected)
        else:
            wanted = expected
        np.testing.assert_allclose(got, wanted, rtol=2e-4, atol=2e-5)

    same(mine(x))
    assert tuple(mine.compute_output_shape(x.shape)) == expected.shape
    for own, theirs in zip(mine.weights, other.weights, strict=True):
        assert own.path.split("/")[1] == theirs.path.split("/")[1]
        np.testing.assert_allclose(own.numpy(), np.asarray(theirs.value), atol=1e-5)
    known = other.get_config()
    assert set(mine.get_config()) == set(known)
    again = type(mine).from_config({**known, "dtype": "float32"})
    same(again(x))


@pytest.mark.parametrize("options", [
    {"mode": "angle"},
    {"mode": "stft", "expand_dims": True},
    {"mode": "stft", "data_format": "channels_first"},
    {"mode": "real", "window": "hamming", "periodic": True, "scaling": None},
    {"mode": "imag", "window": None},
    {"mode": "log", "window": np.linspace(0.1, 1, 10)},
], ids=str)
def test_stft_spectrogram(options, backend):
    x = SIGNAL.transpose(0, 2, 1) if options.get("data_format") == "channels_first" else SIGNAL
    both("STFTSpectrogram", x, frame_length=10, **options)


@pytest.mark.parametrize("options", [
    {"window": None}, {"mag_exp": 1.5, "top_db": 20.0},
    {"ref_power": 3.0, "min_power": 1e-3, "min_freq": 50.0, "max_freq": 300.0},
], ids=str)
def test_mel_spectrogram(options, backend):
    both("MelSpectrogram", SOUND, fft_length=32, sequence_stride=8, num_mel_bins=5,
         sampling_rate=1000, **options)
    one = hl.layers.MelSpectrogram(32, 8, sampling_rate=1000)
    np.testing.assert_allclose(
        np.asarray(one.linear_to_mel_weight_matrix()),
        np.asarray(keras.layers.MelSpectrogram().linear_to_mel_weight_matrix()), atol=1e-5)


def test_silence(backend):
    silence = np.zeros((1, 40, 1), "float32")
    for mode in ("log", "magnitude", "psd"):
        both("STFTSpectrogram", silence, frame_length=10, mode=mode)
    both("MelSpectrogram", silence[..., 0], fft_length=16, sequence_stride=8)
