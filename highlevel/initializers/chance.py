"""Initializers that draw: normal, uniform, variance scaling, orthogonal.

A seed is drawn when the initializer is made, from Python's `random`; so each call gives
the same values, and two layers with initializers of their own get different ones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from highlevel_backend import canonical_name, current_backend

from highlevel import config, random
from highlevel.initializers.base import Initializer
from highlevel.random.seed_generator import SeedGenerator, checked_seed, make_default_seed
from highlevel.serialization import deserialize_keras_object, serialize_keras_object

__all__ = [
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "LecunNormal",
    "LecunUniform",
    "Orthogonal",
    "RandomInitializer",
    "RandomNormal",
    "RandomUniform",
    "TruncatedNormal",
    "VarianceScaling",
]

Seed = int | SeedGenerator | None
Axes = int | Sequence[int] | None

# Standard deviation of a normal distribution cut at two standard deviations.
_CUT_NORMAL = 0.87962566103423978


class RandomInitializer(Initializer):
    """Base class of initializers with a seed.

    Args:
        seed: integer; `SeedGenerator`, for other values at each call; or None for an
            integer from Python's `random`.

    Raises:
        ValueError: another type of seed.
    """

    def __init__(self, seed: Seed = None) -> None:
        self._given_seed = seed
        if seed is None:
            seed = make_default_seed()
        elif isinstance(seed, dict):
            seed = deserialize_keras_object(seed)
            self._given_seed = seed
        elif not isinstance(seed, SeedGenerator):
            seed = checked_seed(seed, type(self).__name__)
        self.seed = seed
        self.draws_from_state = isinstance(seed, SeedGenerator)

    def get_config(self) -> dict[str, Any]:
        return {"seed": serialize_keras_object(self._given_seed)}


class RandomNormal(RandomInitializer):
    """Normal random numbers.

    Args:
        mean, stddev: of the distribution.
        seed: integer, `SeedGenerator` or None.

    >>> import highlevel as hl
    >>> [round(float(x), 4) for x in hl.initializers.RandomNormal(seed=1)((3,))]
    [-0.0549, 0.0238, 0.0432]
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Seed = None) -> None:
        super().__init__(seed)
        self.mean = mean
        self.stddev = stddev

    def __call__(self, shape: Any, dtype: str | None = None) -> Any:
        return random.normal(shape, self.mean, self.stddev, dtype, self.seed)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "mean": self.mean, "stddev": self.stddev}


class TruncatedNormal(RandomInitializer):
    """Normal random numbers, those beyond two standard deviations left out.

    Args:
        mean, stddev: of the distribution before it is cut.
        seed: integer, `SeedGenerator` or None.
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Seed = None) -> None:
        super().__init__(seed)
        self.mean = mean
        self.stddev = stddev

    def __call__(self, shape: Any, dtype: str | None = None) -> Any:
        return random.truncated_normal(shape, self.mean, self.stddev, dtype, self.seed)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "mean": self.mean, "stddev": self.stddev}


class RandomUniform(RandomInitializer):
    """Random numbers between two bounds.

    Args:
        minval, maxval: the bounds, the upper one excluded.
        seed: integer, `SeedGenerator` or None.
    """

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: Seed = None) -> None:
        super().__init__(seed)
        self.minval = minval
        self.maxval = maxval

    def __call__(self, shape: Any, dtype: str | None = None) -> Any:
        return random.uniform(shape, self.minval, self.maxval, dtype, self.seed)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "minval": self.minval, "maxval": self.maxval}


def compute_fans(
    shape: Sequence[int], input_axes: Axes = None, output_axes: Axes = None
) -> tuple[int, int]:
    """How many inputs and outputs meet in an entry of a weight.

    Args:
        shape: of the weight; `(*window, in, out)` by default.
        input_axes, output_axes: axes that count inputs and outputs, where both are given.

    Returns:
        `(fan_in, fan_out)`.
    """
    if input_axes is not None and output_axes is not None:
        fan_in, fan_out = (
            math.prod(shape[axis] for axis in ((axes,) if isinstance(axes, int) else axes))
            for axes in (input_axes, output_axes)
        )
        return fan_in, fan_out
    if not shape:
        return 1, 1
    if len(shape) == 1:
        return shape[0], shape[0]
    window = math.prod(shape[:-2])
    return window * shape[-2], window * shape[-1]


class VarianceScaling(RandomInitializer):
    """Random numbers whose variance fits the size of the layer.

    The variance is `scale / n`, where `n` counts inputs (`"fan_in"`), outputs
    (`"fan_out"`) or their mean (`"fan_avg"`).

    Args:
        scale: above 0.
        mode: `"fan_in"`, `"fan_out"` or `"fan_avg"`.
        distribution: `"truncated_normal"`, `"untruncated_normal"` or `"uniform"`.
        seed: integer, `SeedGenerator` or None.
        input_axes, output_axes: axes of the weight that count inputs and outputs; both or
            neither. By default the last two, times the window before them.

    Raises:
        ValueError: an argument is none of these.
    """

    _is_preset = False

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: Seed = None,
        input_axes: Axes = None,
        output_axes: Axes = None,
    ) -> None:
        name = type(self).__name__
        if scale <= 0:
            raise ValueError(f"{name}: `scale` must be above 0; got {scale}.")
        if mode not in ("fan_in", "fan_out", "fan_avg"):
            raise ValueError(
                f"{name}: `mode` must be 'fan_in', 'fan_out' or 'fan_avg'; got {mode!r}."
            )
        distribution = str(distribution).lower()
        if distribution == "normal":
            distribution = "truncated_normal"
        if distribution not in ("truncated_normal", "untruncated_normal", "uniform"):
            raise ValueError(
                f"{name}: `distribution` must be 'truncated_normal', 'untruncated_normal' or "
                f"'uniform'; got {distribution!r}."
            )
        super().__init__(seed)
        self.scale = scale
        self.mode = mode
        self.distribution = distribution
        self.input_axes = input_axes
        self.output_axes = output_axes

    def __call__(self, shape: Any, dtype: str | None = None) -> Any:
        fan_in, fan_out = compute_fans(tuple(shape), self.input_axes, self.output_axes)
        count = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}
        variance = self.scale / max(1.0, count[self.mode])
        if self.distribution == "uniform":
            limit = math.sqrt(3 * variance)
            return random.uniform(shape, -limit, limit, dtype, self.seed)
        stddev = math.sqrt(variance)
        if self.distribution == "untruncated_normal":
            return random.normal(shape, 0.0, stddev, dtype, self.seed)
        return random.truncated_normal(shape, 0.0, stddev / _CUT_NORMAL, dtype, self.seed)

    def get_config(self) -> dict[str, Any]:
        result = super().get_config()
        if not self._is_preset:
            result |= {"scale": self.scale, "mode": self.mode, "distribution": self.distribution}
        return {**result, "input_axes": self.input_axes, "output_axes": self.output_axes}


class _Preset(VarianceScaling):
    """Variance scaling with its scale, mode and distribution settled."""

    _is_preset = True
    _arguments: tuple[float, str, str]

    def __init__(
        self, seed: Seed = None, input_axes: Axes = None, output_axes: Axes = None
    ) -> None:
        super().__init__(
            *self._arguments, seed=seed, input_axes=input_axes, output_axes=output_axes
        )


class GlorotUniform(_Preset):
    """Uniform within ±sqrt(6 / (inputs + outputs)).

    X. Glorot, Y. Bengio, "Understanding the difficulty of training deep feedforward neural
    networks", AISTATS 2010. The default of most layers.

    Args:
        seed: integer, `SeedGenerator` or None.
        input_axes, output_axes: see `VarianceScaling`.

    >>> import highlevel as hl
    >>> [round(float(x), 4) for x in hl.initializers.GlorotUniform(seed=1)((3,))]
    [-0.7276, 0.3652, 0.6119]
    """

    _arguments = (1.0, "fan_avg", "uniform")


class GlorotNormal(_Preset):
    """Truncated normal of variance 2 / (inputs + outputs); see `GlorotUniform`.

    Args:
        seed: integer, `SeedGenerator` or None.
        input_axes, output_axes: see `VarianceScaling`.
    """

    _arguments = (1.0, "fan_avg", "truncated_normal")


class LecunUniform(_Preset):
    """Uniform within ±sqrt(3 / inputs).

    Y. LeCun et al., "Efficient BackProp", 1998.

    Args:
        seed: integer, `SeedGenerator` or None.
        input_axes, output_axes: see `VarianceScaling`.
    """

    _arguments = (1.0, "fan_in", "uniform")


class LecunNormal(_Preset):
    """Truncated normal of variance 1 / inputs; for SELU networks. See `LecunUniform`.

    Args:
        seed: integer, `SeedGenerator` or None.
        input_axes, output_axes: see `VarianceScaling`.
    """

    _arguments = (1.0, "fan_in", "truncated_normal")


class HeUniform(_Preset):
    """Uniform within ±sqrt(6 / inputs); for ReLU networks.

    K. He et al., "Delving deep into rectifiers", ICCV 2015.

    Args:
        seed: integer, `SeedGenerator` or None.
        input_axes, output_axes: see `VarianceScaling`.
    """

    _arguments = (2.0, "fan_in", "uniform")


class HeNormal(_Preset):
    """Truncated normal of variance 2 / inputs; see `HeUniform`.

    Args:
        seed: integer, `SeedGenerator` or None.
        input_axes, output_axes: see `VarianceScaling`.
    """

    _arguments = (2.0, "fan_in", "truncated_normal")


class Orthogonal(RandomInitializer):
    """A random matrix with orthonormal rows or columns, whichever are fewer.

    A. Saxe et al., "Exact solutions to the nonlinear dynamics of learning in deep linear
    neural networks", ICLR 2014. Weights of more axes are matrices of the last axis against
    all others.

    Args:
        gain: number that multiplies it.
        seed: integer, `SeedGenerator` or None.
    """

    def __init__(self, gain: float = 1.0, seed: Seed = None) -> None:
        super().__init__(seed)
        self.gain = gain

    def __call__(self, shape: Any, dtype: str | None = None) -> Any:
        """The first value of a weight.

        Raises:
            ValueError: fewer than two axes.
        """
        if len(shape) < 2:
            raise ValueError(
                f"The initializer Orthogonal needs a shape of 2 axes or more; got {tuple(shape)}."
            )
        backend = current_backend()
        xp = backend.xp
        name = config.floatx() if dtype is None else canonical_name(dtype)
        work = "float64" if name == "float64" else "float32"
        rows, columns = math.prod(shape[:-1]), shape[-1]
        tall = (max(rows, columns), min(rows, columns))
        q, r = xp.linalg.qr(random.normal(tall, dtype=work, seed=self.seed))
        # The signs of the diagonal make the factorisation, and the distribution, unique.
        q = q * xp.sign(xp.diagonal(r))
        if rows < columns:
            q = xp.swapaxes(q, 0, 1)
        return backend.cast(xp.reshape(q, tuple(shape)) * self.gain, name)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "gain": self.gain}
