"""`Normalization`: features with mean 0 and variance 1."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from highlevel_backend import current_backend

from highlevel import config
from highlevel.layers.input_spec import InputSpec
from highlevel.layers.preprocessing.data_layer import DataLayer, batches_of
from highlevel.symbolic import SymbolicTensor

__all__ = ["Normalization"]


class Normalization(DataLayer):
    """`(inputs - mean) / sqrt(variance)`, with the mean and variance of some data.

    Args:
        axis: axis or axes that have a mean and a variance for each entry; None for one of
            each for everything.
        mean, variance: numbers or arrays that broadcast over `axis`, instead of `adapt`.
        invert: `inputs * sqrt(variance) + mean` instead.

    Weights: `mean`, `variance` (the lengths of `axis`) and `count`, none of them trained;
    no weights where mean and variance are given.

    Raises:
        ValueError: only one of mean and variance is given.

    >>> import highlevel as hl
    >>> import numpy as np
    >>> layer = hl.layers.Normalization()
    >>> layer.adapt(np.array([[1.0], [3.0]], "float32"))
    >>> float(layer(hl.ops.array([[5.0]]))[0, 0])
    3.0
    """

    _fields = ("axis", "invert")

    def __init__(
        self,
        axis: Any = -1,
        mean: Any = None,
        variance: Any = None,
        invert: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if axis is None:
            axis = ()
        self.axis = (axis,) if isinstance(axis, int) else tuple(axis)
        if (mean is None) != (variance is None):
            raise ValueError(
                f"Normalization '{self.name}' needs `mean` and `variance` both, or neither and "
                f"`adapt`; got mean={mean!r}, variance={variance!r}."
            )
        self.input_mean = mean
        self.input_variance = variance
        self.invert = invert
        self.supports_masking = True
        self._kept: tuple[int, ...] = ()
        self._broadcast: tuple[int, ...] = ()

    def build(self, input_shape: Any) -> None:
        """Make the weights, unless mean and variance are given."""
        rank = len(input_shape)
        if any(not -rank <= axis < rank for axis in self.axis):
            raise ValueError(
                f"Normalization '{self.name}' has no axis {self.axis} in inputs of shape "
                f"{tuple(input_shape)}."
            )
        self._kept = tuple(sorted(axis % rank for axis in self.axis))
        unknown = [axis for axis in self._kept if input_shape[axis] is None]
        if unknown:
            raise ValueError(
                f"Normalization '{self.name}' keeps the axes {self.axis}, whose lengths must be "
                f"known; the input shape is {tuple(input_shape)}. Give them in `Input(shape=...)`."
            )
        shape = tuple(input_shape[axis] for axis in self._kept)
        self._broadcast = tuple(
            input_shape[axis] if axis in self._kept else 1 for axis in range(rank))
        self.input_spec = InputSpec(
            ndim=rank, axes={axis: input_shape[axis] for axis in self._kept})
        for name, given in (("mean", self.input_mean), ("variance", self.input_variance)):
            size = np.size(given) if given is not None else 1
            if size not in (1, math.prod(shape)):
                raise ValueError(
                    f"Normalization '{self.name}': the `{name}` given has {size} entries, but the "
                    f"axes {self.axis} of the input {tuple(input_shape)} have "
                    f"{math.prod(shape)}. Give one for each, or a single number."
                )
        if self.input_mean is None:
            self.adapt_mean = self.add_weight(shape, "zeros", trainable=False, name="mean")
            self.adapt_variance = self.add_weight(shape, "ones", trainable=False, name="variance")
            self.count = self.add_weight((), "zeros", "int32", trainable=False, name="count")

    def adapt(self, data: Any) -> None:
        """Take mean and variance of data.

        Args:
            data: array, table, or an iterable of batches (of which the first part counts
                where they are tuples).

        Raises:
            ValueError: mean and variance were given; there is no data.
        """
        if self.input_mean is not None:
            raise ValueError(
                f"Normalization '{self.name}' was made with `mean` and `variance` and cannot "
                "adapt. Make it without them."
            )
        total, mean, spread = 0, 0.0, 0.0
        for batch in batches_of(data, f"Normalization '{self.name}'"):
            batch = batch.astype("float64")
            if not self.built:
                # Nothing but the kept axes and the rank is held against later inputs.
                self.build(tuple(
                    length if axis in {a % batch.ndim for a in self.axis} else None
                    for axis, length in enumerate(batch.shape)))
            elif batch.shape and [batch.shape[a] for a in self._kept] != [
                    self._broadcast[a] for a in self._kept]:
                raise ValueError(
                    f"Normalization '{self.name}' was built for the lengths "
                    f"{self.adapt_mean.shape} of the axes {self.axis}; the data is "
                    f"{batch.shape}."
                )
            reduced = tuple(a for a in range(batch.ndim) if a not in self._kept)
            count = math.prod(batch.shape[a] for a in reduced)
            if not count:
                continue
            # Means and spreads of batches are joined exactly (Chan et al., 1979).
            own = batch.mean(axis=reduced)
            difference = own - mean
            total += count
            mean = mean + difference * (count / total)
            spread = spread + batch.var(axis=reduced) * count \
                + difference ** 2 * (count * (total - count) / total)
        if not total:
            raise ValueError(f"Normalization '{self.name}' was given no data to adapt to.")
        self.adapt_mean.assign(np.asarray(mean, "float32"))
        self.adapt_variance.assign(np.asarray(spread / total, "float32"))

    def finalize_state(self) -> None:
        """Kept for the contract: `mean` and `variance` always show the weights' values."""

    @property
    def mean(self) -> Any:
        """The mean, shaped to broadcast over the inputs; None before it is known."""
        return self._moments()[0] if self.built else None

    @property
    def variance(self) -> Any:
        """The variance, shaped to broadcast over the inputs; None before it is known."""
        return self._moments()[1] if self.built else None

    def _moments(self) -> tuple[Any, Any]:
        backend = current_backend()
        xp, shape = backend.xp, self._broadcast
        if self.input_mean is None:
            mean, variance = (
                xp.reshape(v.value, shape) for v in (self.adapt_mean, self.adapt_variance))
        else:
            mean, variance = (
                backend.asarray(
                    np.broadcast_to(np.reshape(v, shape) if np.size(v) > 1 else v, shape),
                    self.compute_dtype)
                for v in (self.input_mean, self.input_variance))
        return mean, variance

    def call(self, inputs: Any) -> Any:
        backend, dtype = current_backend(), self.compute_dtype
        xp = backend.xp
        x = backend.cast(inputs, dtype)
        mean, variance = self._moments()
        deviation = xp.maximum(xp.sqrt(variance), config.epsilon())
        if self.invert:
            return backend.cast(x * deviation + mean, dtype)
        return backend.cast((x - mean) / deviation, dtype)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The input's shape."""
        return input_shape

    def compute_output_spec(self, inputs: Any) -> SymbolicTensor:
        return SymbolicTensor.of(tuple(inputs.shape), self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        described = super().get_config()
        for name, value in (("mean", self.input_mean), ("variance", self.input_variance)):
            if value is not None and not isinstance(value, (int, float)):
                value = np.asarray(value).tolist()
            described[name] = value
        return described
