"""Initializers without chance: zeros, ones, constants, the identity, Fourier windows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from highlevel_backend import canonical_name, current_backend

from highlevel import config
from highlevel.initializers.base import Initializer
from highlevel.serialization import deserialize_keras_object, serialize_keras_object

__all__ = ["STFT", "Constant", "Identity", "Ones", "Zeros"]


def _full(shape: Any, value: Any, dtype: str | None) -> Any:
    backend = current_backend()
    value = backend.asarray(value, config.floatx() if dtype is None else canonical_name(dtype))
    return backend.xp.full(tuple(shape), value, dtype=value.dtype)


class Zeros(Initializer):
    """Zeros.

    >>> import highlevel as hl
    >>> hl.initializers.Zeros()((2,)).tolist()
    [0.0, 0.0]
    """

    def __call__(self, shape: Any, dtype: str | None = None) -> Any:
        backend = current_backend()
        name = config.floatx() if dtype is None else canonical_name(dtype)
        return backend.xp.zeros(tuple(shape), dtype=backend.asarray(0, name).dtype)


class Ones(Initializer):
    """Ones.

    >>> import highlevel as hl
    >>> hl.initializers.Ones()((2,)).tolist()
    [1.0, 1.0]
    """

    def __call__(self, shape: Any, dtype: str | None = None) -> Any:
        return _full(shape, 1, dtype)


class Constant(Initializer):
    """One value everywhere.

    Args:
        value: number, or array that broadcasts to the weight's shape.

    >>> import highlevel as hl
    >>> hl.initializers.Constant(3)((2,)).tolist()
    [3.0, 3.0]
    """

    def __init__(self, value: Any = 0.0) -> None:
        self.value = value

    def __call__(self, shape: Any, dtype: str | None = None) -> Any:
        return _full(shape, self.value, dtype)

    def get_config(self) -> dict[str, Any]:
        return {"value": serialize_keras_object(self.value)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Constant:
        return cls(deserialize_keras_object(config.get("value", 0.0)))


class Identity(Initializer):
    """The identity matrix.

    Args:
        gain: number that multiplies it.

    >>> import highlevel as hl
    >>> hl.initializers.Identity()((2, 3)).tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    """

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = gain

    def __call__(self, shape: Any, dtype: str | None = None) -> Any:
        """The first value of a weight.

        Raises:
            ValueError: the shape is not that of a matrix.
        """
        if len(shape) != 2:
            raise ValueError(
                "The initializer Identity makes matrices; it was asked for the shape "
                f"{tuple(shape)}, of {len(shape)} axes, not 2."
            )
        backend = current_backend()
        unit = backend.asarray(self.gain, config.floatx() if dtype is None else dtype)
        return backend.xp.eye(*shape, dtype=unit.dtype) * unit

    def get_config(self) -> dict[str, Any]:
        # Files of Keras have no gain; a plain identity is written the same way.
        return {} if self.gain == 1.0 else {"gain": self.gain}


class STFT(Initializer):
    """Windowed cosines or sines: a convolution with them is a short-time Fourier transform.

    Args:
        side: `"real"` (cosines) or `"imag"` (minus sines).
        window: `"hann"`, `"hamming"`, an array of the frame's length, or None for no window.
        scaling: `"density"` divides by the root of the window's energy, `"spectrum"` by its
            sum, None by nothing; without a window nothing is divided.
        periodic: use the periodic window instead of the symmetric one.

    Raises:
        ValueError: an argument has another value.
    """

    def __init__(
        self, side: str = "real", window: Any = "hann", scaling: str | None = "density",
        periodic: bool = False,
    ) -> None:
        if side not in ("real", "imag"):
            raise ValueError(f"STFT: `side` must be 'real' or 'imag'; got {side!r}.")
        if isinstance(window, str) and window not in ("hann", "hamming"):
            raise ValueError(
                f"STFT: `window` must be 'hann', 'hamming', an array or None; got {window!r}."
            )
        if scaling not in ("density", "spectrum", None):
            raise ValueError(
                f"STFT: `scaling` must be 'density', 'spectrum' or None; got {scaling!r}."
            )
        self.side = side
        self.window = window
        self.scaling = scaling
        self.periodic = periodic

    def __call__(self, shape: Any, dtype: str | None = None) -> Any:
        """The kernel of a one-dimensional convolution.

        Args:
            shape: `(frame_length, in_channels, fft_length // 2 + 1)`.

        Raises:
            ValueError: another number of axes, or a window of another length.
        """
        if len(shape) != 3:
            raise ValueError(
                "The initializer STFT makes kernels of shape (frame_length, in_channels, "
                f"fft_length // 2 + 1); it was asked for {tuple(shape)}."
            )
        frame, channels, filters = shape
        time, frequency = np.arange(frame)[:, None], np.arange(filters)
        angle = 2 * math.pi * time * frequency / max(2 * (filters - 1), 1)
        wave = np.cos(angle) if self.side == "real" else -np.sin(angle)
        window = self._window(frame)
        if window is not None:
            scale = 1.0
            if self.scaling == "density":
                scale = math.sqrt((window**2).sum())
            elif self.scaling == "spectrum":
                scale = abs(window).sum()
            wave = wave * window[:, None] / scale
        kernel = np.repeat(wave[:, None, :], channels, axis=1)
        return current_backend().asarray(kernel, config.floatx() if dtype is None else dtype)

    def _window(self, frame: int) -> np.ndarray | None:
        if self.window is None:
            return None
        if isinstance(self.window, str):
            base = {"hann": (0.5, 0.5), "hamming": (0.54, 0.46)}[self.window]
            length = frame if self.periodic else frame - 1
            return base[0] - base[1] * np.cos(2 * math.pi * np.arange(frame) / max(length, 1))
        window = np.asarray(self.window, np.float64)
        if window.shape != (frame,):
            raise ValueError(
                f"STFT: the window has the shape {window.shape} and the frame {frame} entries."
            )
        return window

    def get_config(self) -> dict[str, Any]:
        return {
            "side": self.side,
            "window": serialize_keras_object(self.window),
            "periodic": self.periodic,
            "scaling": self.scaling,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> STFT:
        return cls(**{**config, "window": deserialize_keras_object(config.get("window", "hann"))})
