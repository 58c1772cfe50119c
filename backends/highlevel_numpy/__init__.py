"""The reference backend: NumPy itself, and gradients recorded through its protocols."""

from highlevel_numpy.numpy_backend import NumpyBackend

__all__ = ["NumpyBackend", "backend"]

backend = NumpyBackend()
