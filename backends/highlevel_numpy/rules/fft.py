"""Gradients of `numpy.fft`: each transform is linear, its transpose another of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from highlevel_numpy.recorded import FUNCTIONS, Primitive
from highlevel_numpy.rules.common import implements

# The transforms over one axis are symmetric matrices F, so the transpose of "cut or pad to
# n, then F" is "F, then pad or cut". Those over several axes and the real ones are made
# from these.


def _resize(x: Any, n: int, axis: int) -> Any:
    """`x` cut or padded with zeros at the end to length `n` along `axis`."""
    length = x.shape[axis]
    if length == n:
        return x
    if length > n:
        return x[(slice(None),) * (axis % x.ndim) + (slice(0, n),)]
    widths = [(0, 0)] * x.ndim
    widths[axis] = (0, n - length)
    return np.pad(x, widths)


def _same_length(transform):
    """The transform of axis entries as they are, with its own transpose as rule."""

    def plain(x, axis, norm):
        return transform(x, axis=axis, norm=norm)

    def gradient(g, out, x, axis, norm):
        return primitive(g, axis, norm)

    primitive = Primitive(plain, (gradient, None, None))
    return primitive


_fft, _ifft = _same_length(np.fft.fft), _same_length(np.fft.ifft)


def _along_axis(primitive):
    def implementation(a, n=None, axis=-1, norm=None, out=None):
        n = a.shape[axis] if n is None else n
        return primitive(_resize(a, n, axis), axis, norm)

    return implementation


FUNCTIONS[np.fft.fft] = _along_axis(_fft)
FUNCTIONS[np.fft.ifft] = _along_axis(_ifft)


def _half(n: int, x: Any, axis: int) -> Any:
    return x[(slice(None),) * (axis % x.ndim) + (slice(0, n // 2 + 1),)]


@implements(np.fft.rfft)
def _rfft(a, n=None, axis=-1, norm=None, out=None):
    n = a.shape[axis] if n is None else n
    return _half(n, FUNCTIONS[np.fft.fft](a, n, axis, norm), axis)


@implements(np.fft.irfft)
def _irfft(a, n=None, axis=-1, norm=None, out=None):
    n = 2 * (a.shape[axis] - 1) if n is None else n
    half = _resize(a, n // 2 + 1, axis)
    axis = axis % a.ndim
    before = (slice(None),) * axis
    # Whatever imaginary part the ends have is ignored, as by the real transform.
    weights = np.full(n // 2 + 1, 2.0)
    weights[0] = 1.0
    if n % 2 == 0:
        weights[-1] = 1.0
    shape = [1] * a.ndim
    shape[axis] = -1
    half = half * weights.reshape(shape).astype(a.real.dtype)
    full = FUNCTIONS[np.fft.ifft](half, n, axis, norm)
    return np.real(full[(*before, slice(0, n))])


_SWAPPED = {None: "forward", "backward": "forward", "ortho": "ortho", "forward": "backward"}


@implements(np.fft.hfft)
def _hfft(a, n=None, axis=-1, norm=None, out=None):
    n = 2 * (a.shape[axis] - 1) if n is None else n
    return _irfft(np.conj(a), n, axis, _SWAPPED[norm])


@implements(np.fft.ihfft)
def _ihfft(a, n=None, axis=-1, norm=None, out=None):
    return np.conj(_rfft(a, n, axis, _SWAPPED[norm]))


def _axes_and_lengths(a: Any, s: Any, axes: Any) -> tuple[list[int], list[int | None]]:
    if axes is None:
        axes = range(a.ndim) if s is None else range(a.ndim - len(s), a.ndim)
    axes = [int(i) for i in axes]
    if s is None:
        return axes, [None] * len(axes)
    return axes, [None if n == -1 else int(n) for n in s]


def _several(one):
    def implementation(a, s=None, axes=None, norm=None, out=None):
        axes, lengths = _axes_and_lengths(a, s, axes)
        for axis, n in zip(reversed(axes), reversed(lengths)):
            a = FUNCTIONS[one](a, n, axis, norm)
        return a

    return implementation


def _two(several):
    def implementation(a, s=None, axes=(-2, -1), norm=None, out=None):
        return FUNCTIONS[several](a, s, axes, norm)

    return implementation


FUNCTIONS[np.fft.fftn] = _several(np.fft.fft)
FUNCTIONS[np.fft.ifftn] = _several(np.fft.ifft)
FUNCTIONS[np.fft.fft2] = _two(np.fft.fftn)
FUNCTIONS[np.fft.ifft2] = _two(np.fft.ifftn)


@implements(np.fft.rfftn)
def _rfftn(a, s=None, axes=None, norm=None, out=None):
    axes, lengths = _axes_and_lengths(a, s, axes)
    a = _rfft(a, lengths[-1], axes[-1], norm)
    for axis, n in zip(reversed(axes[:-1]), reversed(lengths[:-1])):
        a = FUNCTIONS[np.fft.fft](a, n, axis, norm)
    return a


@implements(np.fft.irfftn)
def _irfftn(a, s=None, axes=None, norm=None, out=None):
    axes, lengths = _axes_and_lengths(a, s, axes)
    for axis, n in zip(axes[:-1], lengths[:-1]):
        a = FUNCTIONS[np.fft.ifft](a, n, axis, norm)
    return _irfft(a, lengths[-1], axes[-1], norm)


FUNCTIONS[np.fft.rfft2] = _two(np.fft.rfftn)
FUNCTIONS[np.fft.irfft2] = _two(np.fft.irfftn)


@implements(np.fft.fftshift)
def _fftshift(x, axes=None):
    axes = list(range(x.ndim)) if axes is None else np.ravel(axes).tolist()
    return np.roll(x, [x.shape[i] // 2 for i in axes], axes)


@implements(np.fft.ifftshift)
def _ifftshift(x, axes=None):
    axes = list(range(x.ndim)) if axes is None else np.ravel(axes).tolist()
    return np.roll(x, [-(x.shape[i] // 2) for i in axes], axes)


