"""`GaussianNoise`, `GaussianDropout`, `AlphaDropout`: random numbers in training."""

from __future__ import annotations

import math
from typing import Any

from highlevel_backend import current_backend

from highlevel import ops
from highlevel.layers.described import ShapeKeepingLayer
from highlevel.random import SeedGenerator, normal, uniform

__all__ = ["AlphaDropout", "GaussianDropout", "GaussianNoise", "checked_rate"]

# Where a self-normalizing network's units go when they are off: -alpha * scale of SELU.
_SELU_FLOOR = -1.6732632423543772 * 1.0507009873554805


def checked_rate(layer: Any, rate: Any) -> float:
    """A probability.

    Raises:
        ValueError: it is not from 0 to 1.
    """
    if not isinstance(rate, (int, float)) and not hasattr(rate, "__float__"):
        rate = math.nan if isinstance(rate, str) else rate
    if not 0 <= rate <= 1:
        raise ValueError(
            f"{type(layer).__name__} '{layer.name}': `rate` must be a number from 0 to 1; got "
            f"{rate!r}."
        )
    return rate


class GaussianNoise(ShapeKeepingLayer):
    """In training adds normal noise.

    Args:
        stddev: standard deviation of the noise.
        seed: integer for the same noise at every run.

    Raises:
        ValueError: `stddev` is negative.

    >>> import highlevel as hl
    >>> y = hl.layers.GaussianNoise(1.0, seed=1)(hl.ops.zeros((1000,)), training=True)
    >>> abs(float(hl.ops.std(y)) - 1.0) < 0.1
    True
    """

    _fields = ("stddev", "seed")

    def __init__(self, stddev: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not stddev >= 0:
            raise ValueError(
                f"GaussianNoise '{self.name}': `stddev` must be at least 0; got {stddev!r}."
            )
        self.stddev = stddev
        self.seed = seed
        if stddev > 0:
            self.seed_generator = SeedGenerator(seed)
        self.supports_masking = True

    def call(self, inputs: Any, training: bool = False) -> Any:
        """The inputs, with noise in training."""
        if not training or self.stddev == 0:
            return inputs
        noise = normal(
            tuple(inputs.shape), 0.0, self.stddev, dtype=self.compute_dtype,
            seed=self.seed_generator,
        )
        return ops.add(inputs, noise)


class GaussianDropout(ShapeKeepingLayer):
    """In training multiplies by normal noise of mean 1, as spread as dropout's.

    Args:
        rate: the noise has the variance `rate / (1 - rate)`.
        seed: integer for the same noise at every run.

    Raises:
        ValueError: the rate is out of range.

    >>> import highlevel as hl
    >>> y = hl.layers.GaussianDropout(0.5, seed=1)(hl.ops.ones((1000,)), training=True)
    >>> abs(float(hl.ops.std(y)) - 1.0) < 0.1
    True

    Reference: Srivastava et al., 2014, JMLR 15:1929, section 10.
    """

    _fields = ("rate", "seed")

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate = checked_rate(self, rate)
        self.seed = seed
        if rate > 0:
            self.seed_generator = SeedGenerator(seed)
        self.supports_masking = True

    def call(self, inputs: Any, training: bool = False) -> Any:
        """The inputs, with noise in training."""
        if not training or self.rate == 0:
            return inputs
        noise = normal(
            tuple(inputs.shape), 1.0, math.sqrt(self.rate / (1.0 - self.rate)),
            dtype=self.compute_dtype, seed=self.seed_generator,
        )
        return ops.multiply(inputs, noise)


class AlphaDropout(ShapeKeepingLayer):
    """Dropout for networks of SELU units: mean and variance stay what they were.

    Args:
        rate: probability of an entry to be dropped, from 0 to 1.
        noise_shape: 1 where entries along an axis are dropped together; None for the
            length of the input's axis.
        seed: integer for the same drops at every run.

    Raises:
        ValueError: the rate is out of range.

    >>> import highlevel as hl
    >>> x = hl.random.normal((4000,), seed=1)
    >>> y = hl.layers.AlphaDropout(0.3, seed=2)(x, training=True)
    >>> abs(float(hl.ops.mean(y))) < 0.1, abs(float(hl.ops.std(y)) - 1.0) < 0.1
    (True, True)

    Reference: Klambauer et al., 2017, arXiv:1706.02515.
    """

    _fields = ("rate", "seed", "noise_shape")

    def __init__(
        self, rate: float, noise_shape: Any = None, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.rate = checked_rate(self, rate)
        self.seed = seed
        self.noise_shape = None if noise_shape is None else tuple(noise_shape)
        if rate > 0:
            self.seed_generator = SeedGenerator(seed)
        self.supports_masking = True

    def call(self, inputs: Any, training: bool = False) -> Any:
        """The inputs, with entries dropped in training."""
        rate = self.rate
        if not training or rate == 0:
            return inputs
        shape = tuple(inputs.shape)
        if self.noise_shape is not None:
            shape = tuple(
                length if given is None else given for given, length in zip(self.noise_shape, shape)
            )
        kept = ops.greater_equal(uniform(shape, seed=self.seed_generator), rate)
        dtype = str(inputs.dtype)
        dropped = ops.where(kept, inputs, current_backend().asarray(_SELU_FLOOR, dtype))
        if rate == 1:
            return dropped
        # The affine map that brings mean and variance back.
        scale = ((1.0 - rate) * (1.0 + rate * _SELU_FLOOR**2)) ** -0.5
        return ops.add(ops.multiply(dropped, scale), -scale * _SELU_FLOOR * rate)
