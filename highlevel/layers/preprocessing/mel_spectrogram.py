"""`MelSpectrogram`: spectrograms of sound with frequencies spaced as people hear them."""

from __future__ import annotations

from typing import Any

import numpy as np
from highlevel_backend import current_backend

from highlevel import ops
from highlevel.layers.described import positive
from highlevel.layers.preprocessing.data_layer import DataLayer
from highlevel.symbolic import SymbolicTensor

__all__ = ["MelSpectrogram"]


class MelSpectrogram(DataLayer):
    """Mel spectrograms of sound.

    Args:
        fft_length: length of the transforms.
        sequence_stride: distance of the beginnings of frames.
        sequence_length: length of the frames; `fft_length` where None.
        window: "hann", "hamming", None, or an array of `sequence_length`.
        sampling_rate: samples per second.
        num_mel_bins: number of bands.
        min_freq, max_freq: in Hertz; half of the sampling rate where None.
        power_to_db: whether to give decibels.
        top_db: how far the loudest point may stand above the quietest, in decibels.
        mag_exp: power of the magnitude: 1 magnitude, 2 power.
        min_power: least power that is told from silence.
        ref_power: the power that 0 decibels stand for.

    Call arguments:
        inputs: floats `(batch, samples)` or `(samples,)`.

    Returns of a call: `(batch, num_mel_bins, frames)`, or without the batch axis.

    Source: Stevens, Volkmann and Newman, A scale for the measurement of the psychological
    magnitude pitch (1937), in the form of O'Shaughnessy (1987).

    >>> import highlevel as hl
    >>> layer = hl.layers.MelSpectrogram(64, 16, num_mel_bins=8, sampling_rate=8000)
    >>> layer(hl.ops.ones((2, 160))).shape
    (2, 8, 11)
    """

    _fields = (
        "fft_length", "sequence_stride", "sequence_length", "sampling_rate",
        "num_mel_bins", "min_freq", "max_freq", "power_to_db", "top_db", "mag_exp", "min_power",
        "ref_power",
    )

    def __init__(
        self,
        fft_length: int = 2048,
        sequence_stride: int = 512,
        sequence_length: int | None = None,
        window: Any = "hann",
        sampling_rate: int = 16000,
        num_mel_bins: int = 128,
        min_freq: float = 20.0,
        max_freq: float | None = None,
        power_to_db: bool = True,
        top_db: float = 80.0,
        mag_exp: float = 2.0,
        min_power: float = 1e-10,
        ref_power: float = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.fft_length = positive(self, "fft_length", fft_length)
        self.sequence_stride = positive(self, "sequence_stride", sequence_stride)
        self.sequence_length = positive(
            self, "sequence_length", fft_length if sequence_length is None else sequence_length)
        if self.sequence_length > fft_length:
            raise ValueError(
                f"MelSpectrogram '{self.name}': `sequence_length` must be at most `fft_length`, "
                f"{fft_length}; got {sequence_length}."
            )
        self.window = window
        self.sampling_rate = positive(self, "sampling_rate", sampling_rate)
        self.num_mel_bins = positive(self, "num_mel_bins", num_mel_bins)
        self.min_freq = min_freq
        self.max_freq = max_freq or int(sampling_rate / 2)
        if not 0 <= self.min_freq < self.max_freq <= sampling_rate / 2:
            raise ValueError(
                f"MelSpectrogram '{self.name}': frequencies must ascend from 0 over `min_freq` and "
                f"`max_freq` to half of the sampling rate, {sampling_rate / 2}; got "
                f"{min_freq} and {self.max_freq}."
            )
        self.power_to_db = power_to_db
        self.top_db = top_db
        self.mag_exp = mag_exp
        self.min_power = min_power
        self.ref_power = ref_power

    def build(self, input_shape: Any = None) -> None:
        """There is nothing to make."""

    def call(self, inputs: Any) -> Any:
        backend, dtype = current_backend(), self.compute_dtype
        xp = backend.xp
        x = backend.cast(inputs, dtype)
        self.compute_output_shape(x.shape)
        real, imag = ops.stft(
            x, self.sequence_length, self.sequence_stride, self.fft_length, window=self.window)
        power = real * real + imag * imag
        magnitude = power if self.mag_exp == 2.0 else xp.power(
            xp.where(power > 0, power, 0.0), self.mag_exp / 2)
        mel = xp.matmul(magnitude, backend.cast(self._matrix(), dtype))
        if self.power_to_db:
            mel = self._decibels(mel)
        return backend.cast(xp.swapaxes(mel, -1, -2), dtype)

    def _decibels(self, power: Any) -> Any:
        xp = current_backend().xp
        reference = np.log10(max(self.ref_power, self.min_power))
        loud = 10.0 * (xp.log10(xp.maximum(power, self.min_power)) - float(reference))
        return xp.maximum(loud, xp.max(loud) - self.top_db)

    def _matrix(self) -> Any:
        return self.linear_to_mel_weight_matrix(
            self.num_mel_bins, self.fft_length // 2 + 1, self.sampling_rate, self.min_freq,
            self.max_freq, "float32")

    def linear_to_mel_weight_matrix(
        self,
        num_mel_bins: int = 20,
        num_spectrogram_bins: int = 129,
        sampling_rate: int = 8000,
        lower_edge_hertz: float = 125.0,
        upper_edge_hertz: float = 3800.0,
        dtype: str = "float32",
    ) -> Any:
        """The matrix that turns a linear spectrum into bands of the mel scale.

        Bands are triangles that overlap by half, equally wide in mel; the constant part of
        the signal is in none.

        Args:
            num_mel_bins: number of bands.
            num_spectrogram_bins: number of frequencies, from 0 to half of the sampling rate.
            sampling_rate: samples per second.
            lower_edge_hertz, upper_edge_hertz: ends of the first and the last band.
            dtype: of the matrix.

        Returns:
            `(num_spectrogram_bins, num_mel_bins)`.
        """
        frequencies = _mel(np.linspace(0.0, sampling_rate / 2, num_spectrogram_bins))[1:, None]
        edges = np.linspace(_mel(lower_edge_hertz), _mel(upper_edge_hertz), num_mel_bins + 2)
        low, middle, high = edges[:-2], edges[1:-1], edges[2:]
        rising = (frequencies - low) / (middle - low)
        falling = (high - frequencies) / (high - middle)
        bands = np.maximum(0.0, np.minimum(rising, falling))
        return current_backend().asarray(np.pad(bands, ((1, 0), (0, 0))), dtype)

    def compute_output_shape(self, input_shape: Any) -> tuple:
        """`(batch, num_mel_bins, frames)`."""
        if len(input_shape) not in (1, 2):
            raise ValueError(
                f"MelSpectrogram '{self.path}' takes sound of shape `(batch, samples)` or "
                f"`(samples,)`; got {tuple(input_shape)}."
            )
        *batch, length = input_shape
        frames = None
        if length is not None:
            whole = length + 2 * (self.fft_length // 2)
            frames = (whole - self.fft_length) // self.sequence_stride + 1
        return (*batch, self.num_mel_bins, frames)

    def compute_output_spec(self, inputs: Any) -> SymbolicTensor:
        return SymbolicTensor.of(self.compute_output_shape(inputs.shape), self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        window = self.window
        if window is not None and not isinstance(window, str):
            window = np.asarray(window).tolist()
        return super().get_config() | {"window": window}


def _mel(hertz: Any) -> Any:
    return 1127.0 * np.log1p(np.asarray(hertz, "float64") / 700.0)
