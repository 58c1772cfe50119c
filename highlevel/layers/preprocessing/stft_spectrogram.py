"""`STFTSpectrogram`: spectrograms of signals, by a convolution whose kernels may be trained."""

from __future__ import annotations

from typing import Any

import numpy as np
from highlevel_backend import current_backend, is_float

from highlevel import config, ops
from highlevel.layers.described import DescribedLayer, positive
from highlevel.layers.input_spec import InputSpec
from highlevel.symbolic import SymbolicTensor
from highlevel.variable import Variable

__all__ = ["STFTSpectrogram"]

_MODES = ("log", "magnitude", "psd", "real", "imag", "angle", "stft")


class STFTSpectrogram(DescribedLayer):
    """The short-time Fourier transform of signals, as a spectrogram.

    Frames of the signal are multiplied by a window and transformed. That is a convolution
    with windowed cosines and sines, which are the layer's weights: fine-tuned in training
    unless `trainable=False`. Channels are transformed one by one, with the same weights.

    Args:
        mode: "log", the logarithm of the magnitude; "magnitude"; "psd", power spectral
            density (one-sided); "real", "imag", "angle"; "stft", real and imaginary part
            beside each other.
        frame_length: length of the frames.
        frame_step: distance of their beginnings; half of `frame_length` where None.
        fft_length: length of the transforms; the next power of two where None.
        window: "hann", "hamming", None, or an array of `frame_length`.
        periodic: whether the window is periodic instead of symmetric.
        scaling: "density", "spectrum" or None: what a window is divided by.
        padding: "valid", or "same" for one frame per `frame_step` samples.
        expand_dims: keep channels apart, so that spectrograms are images.
        data_format: "channels_last" or "channels_first".

    Weights: `real_kernel` and `imag_kernel`, `(frame_length, 1, fft_length // 2 + 1)`,
    those of them that the mode needs.

    Call arguments:
        inputs: floats `(batch, length, channels)`, or `(batch, channels, length)` with
            "channels_first".

    Returns of a call: `(batch, frames, channels * bins)`, or with `expand_dims`
    `(batch, frames, bins, channels)`; `(batch, channels * bins, frames)` and
    `(batch, channels, frames, bins)` with "channels_first". "stft" has twice the bins.

    Raises:
        ValueError: an unknown option, a length or step that does not fit.

    >>> import highlevel as hl
    >>> layer = hl.layers.STFTSpectrogram(frame_length=16, frame_step=8)
    >>> layer(hl.ops.ones((3, 64, 2))).shape
    (3, 7, 18)
    """

    _fields = (
        "mode", "frame_length", "frame_step", "fft_length", "periodic", "scaling",
        "padding", "data_format", "expand_dims",
    )

    real_kernel: Variable | None
    imag_kernel: Variable | None

    def __init__(
        self,
        mode: str = "log",
        frame_length: int = 256,
        frame_step: int | None = None,
        fft_length: int | None = None,
        window: Any = "hann",
        periodic: bool = False,
        scaling: str | None = "density",
        padding: str = "valid",
        expand_dims: bool = False,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        for what, value, known in (
            ("mode", mode, _MODES), ("padding", padding, ("valid", "same")),
            ("scaling", scaling, ("density", "spectrum", None)),
        ):
            if value not in known:
                raise self._wrong(what, f"one of {known}", value)
        positive(self, "frame_length", frame_length)
        if frame_step is not None and positive(self, "frame_step", frame_step) > frame_length:
            raise self._wrong("frame_step", f"at most `frame_length`, {frame_length}", frame_step)
        if fft_length is not None and positive(self, "fft_length", fft_length) < frame_length:
            raise self._wrong("fft_length", f"at least `frame_length`, {frame_length}", fft_length)
        self.mode = mode
        self.frame_length, self.frame_step, self.fft_length = frame_length, frame_step, fft_length
        self._step = frame_step or max(frame_length // 2, 1)
        self._fft = fft_length or 1 << (frame_length - 1).bit_length()
        self._window = self._as_window(window, periodic)
        self.window = window
        self.periodic = periodic
        self.scaling = scaling
        self.padding = padding
        self.expand_dims = expand_dims
        self.data_format = config.standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=3)

    def _wrong(self, what: str, expected: str, value: Any) -> ValueError:
        return ValueError(
            f"STFTSpectrogram '{self.name}': `{what}` must be {expected}; got {value!r}."
        )

    def _as_window(self, window: Any, periodic: bool) -> np.ndarray:
        length = self.frame_length
        if window is None:
            return np.ones(length)
        if isinstance(window, str):
            if window not in ("hann", "hamming"):
                raise self._wrong("window", "'hann', 'hamming', None or an array", window)
            half = 0.5 if window == "hann" else 0.54
            steps = length if periodic else max(length - 1, 1)
            return half - (1 - half) * np.cos(2 * np.pi * np.arange(length) / steps)
        array = np.asarray(window, "float64")
        if array.shape != (length,):
            raise self._wrong("window", f"an array of shape ({length},)", array.shape)
        return array

    @property
    def _bins(self) -> int:
        return self._fft // 2 + 1

    def build(self, input_shape: Any) -> None:
        """Make the kernels."""
        window = self._window
        if self.window is None:
            pass  # a window of ones is no window: nothing to make up for
        elif self.scaling == "density":
            window = window / np.sqrt((window**2).sum())
        elif self.scaling == "spectrum":
            window = window / np.abs(window.sum())
        turns = np.outer(np.arange(self.frame_length), np.arange(self._bins)) % self._fft
        angles = turns * (2 * np.pi / self._fft)
        shape = (self.frame_length, 1, self._bins)
        for name, wave in (("real", np.cos(angles)), ("imag", -np.sin(angles))):
            kernel = None
            if self.mode == name or self.mode not in ("real", "imag"):
                values = (wave * window[:, None]).reshape(shape)
                kernel = self.add_weight(
                    shape, _constant(values), name=f"{name}_kernel")
            setattr(self, f"{name}_kernel", kernel)

    def call(self, inputs: Any) -> Any:
        if not is_float(str(inputs.dtype)):
            raise TypeError(
                f"STFTSpectrogram '{self.path}' takes floats; got an array of dtype "
                f"{inputs.dtype}. Cast and scale it first: `x.astype('float32') / 32768`, say."
            )
        xp = current_backend().xp
        first = self.data_format == "channels_first"
        x = inputs if first else xp.swapaxes(inputs, 1, 2)
        batch, channels, length = x.shape
        x = self._spectrum(xp.reshape(x, (batch * channels, length, 1)))
        x = xp.reshape(x, (batch, channels, *x.shape[1:]))  # (..., frames, bins)
        if self.expand_dims:
            return x if first else xp.moveaxis(x, 1, -1)
        if first:
            return xp.reshape(xp.swapaxes(x, 2, 3), (batch, channels * x.shape[3], x.shape[2]))
        return xp.reshape(xp.swapaxes(x, 1, 2), (batch, x.shape[2], channels * x.shape[3]))

    def _spectrum(self, signals: Any) -> Any:
        """The spectrum of signals `(signals, length, 1)`."""
        xp, mode = current_backend().xp, self.mode
        parts = [
            ops.conv(signals, kernel.value, strides=self._step, padding=self.padding,
                     data_format="channels_last")
            for kernel in (self.real_kernel, self.imag_kernel) if kernel is not None
        ]
        if len(parts) == 1:
            return parts[0]
        real, imag = parts
        if mode == "stft":
            return xp.concatenate([real, imag], axis=-1)
        if mode == "angle":
            return xp.arctan2(imag, real)
        power = real * real + imag * imag
        if mode == "psd":
            # Frequencies that stand for their negative twins too count twice.
            twice = np.full(self._bins, 2.0)
            twice[0] = 1.0
            if self._fft % 2 == 0:
                twice[-1] = 1.0
            return power * current_backend().asarray(twice, str(power.dtype))
        power = xp.maximum(power, current_backend().asarray(config.epsilon(), str(power.dtype)))
        magnitude = xp.sqrt(power)
        return xp.log(magnitude) if mode == "log" else magnitude

    def compute_output_shape(self, input_shape: Any) -> tuple:
        """See the class."""
        first = self.data_format == "channels_first"
        batch, *rest = input_shape
        channels, length = rest if first else rest[::-1]
        if length is not None:
            missing = self.frame_length if self.padding == "valid" else 1
            length = (length - missing) // self._step + 1
        bins = self._bins * (2 if self.mode == "stft" else 1)
        if self.expand_dims:
            return (batch, channels, length, bins) if first else (batch, length, bins, channels)
        wide = None if channels is None else channels * bins
        return (batch, wide, length) if first else (batch, length, wide)

    def compute_output_spec(self, inputs: Any) -> SymbolicTensor:
        return SymbolicTensor.of(self.compute_output_shape(inputs.shape), self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        window = self.window
        if window is not None and not isinstance(window, str):
            window = np.asarray(window).tolist()
        return super().get_config() | {"window": window}


def _constant(values: np.ndarray) -> Any:
    """An initializer that gives these values."""

    def initialize(shape: Any, dtype: Any = None) -> Any:
        return current_backend().asarray(values, dtype)

    return initialize
