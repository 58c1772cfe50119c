"""`Dropout` and `SpatialDropout1D`–`3D`: random entries set to 0 in training."""

from __future__ import annotations

from typing import Any

from highlevel import config, ops
from highlevel.layers.described import ShapeKeepingLayer
from highlevel.layers.input_spec import InputSpec
from highlevel.layers.regularization.noise import checked_rate
from highlevel.random import SeedGenerator, dropout

__all__ = ["Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D"]


class Dropout(ShapeKeepingLayer):
    """In training sets a random share of the entries to 0 and scales the others up.

    Args:
        rate: probability of an entry to be dropped, from 0 to 1.
        noise_shape: 1 where entries along an axis are dropped together; None for the
            length of the input's axis.
        seed: integer for the same drops at every run.

    Raises:
        ValueError: the rate is out of range.

    >>> import highlevel as hl
    >>> layer = hl.layers.Dropout(0.5, seed=1)
    >>> x = hl.ops.ones((100,))
    >>> sorted(set(layer(x, training=True).tolist())), float(hl.ops.min(layer(x)))
    ([0.0, 2.0], 1.0)

    Reference: Srivastava et al., 2014, JMLR 15:1929.
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
        if not training or self.rate == 0:
            return inputs
        if self.rate == 1:
            return ops.zeros_like(inputs)
        return dropout(inputs, self.rate, self._noise_shape(inputs), seed=self.seed_generator)

    def _noise_shape(self, inputs: Any) -> Any:
        return self.noise_shape


class SpatialDropout(Dropout):
    """Drops whole channels."""

    _rank = 0
    data_format: str | None = None

    def __init__(
        self,
        rate: float,
        data_format: str | None = None,
        seed: int | None = None,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(rate, seed=seed, name=name, dtype=dtype, **kwargs)
        spatial = (1,) * self._rank
        last = self._rank == 1 or self.data_format != "channels_first"
        if self._rank > 1:
            self.data_format = config.standardize_data_format(data_format)
            last = self.data_format == "channels_last"
        self.input_spec = InputSpec(ndim=self._rank + 2)
        self._together = (None, *spatial, None) if last else (None, None, *spatial)

    def _noise_shape(self, inputs: Any) -> Any:
        return self._together

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        config = {
            "rate": self.rate, "seed": self.seed, "name": self.name, "dtype": self.dtype_policy.name
        }
        if self._rank > 1:
            config["data_format"] = self.data_format
        return config


class SpatialDropout1D(SpatialDropout):
    """Dropout of whole channels: all steps of a channel are kept, or none.

    Args:
        rate: probability of a channel to be dropped, from 0 to 1.
        seed: integer for the same drops at every run.

    Input and output: `(batch, steps, channels)`.

    >>> import highlevel as hl
    >>> y = hl.layers.SpatialDropout1D(0.5, seed=1)(hl.ops.ones((4, 9, 8)), training=True)
    >>> bool(hl.ops.all(y[:, :1] == y))
    True

    Reference: Tompson et al., 2014, arXiv:1411.4280.
    """

    _rank = 1

    def __init__(
        self,
        rate: float,
        seed: int | None = None,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(rate, seed=seed, name=name, dtype=dtype, **kwargs)


class SpatialDropout2D(SpatialDropout):
    """Dropout of whole channels of images.

    Args:
        rate: probability of a channel to be dropped, from 0 to 1.
        data_format: `"channels_last"`, `"channels_first"`; the configured one by default.
        seed: integer for the same drops at every run.

    Input and output: `(batch, rows, columns, channels)`, or channels after the batch.

    >>> import highlevel as hl
    >>> y = hl.layers.SpatialDropout2D(0.5, seed=1)(hl.ops.ones((4, 3, 3, 8)), training=True)
    >>> bool(hl.ops.all(y[:, :1, :1] == y))
    True
    """

    _rank = 2


class SpatialDropout3D(SpatialDropout):
    """Dropout of whole channels of volumes.

    Args:
        rate: probability of a channel to be dropped, from 0 to 1.
        data_format: `"channels_last"`, `"channels_first"`; the configured one by default.
        seed: integer for the same drops at every run.

    Input and output: `(batch, depth, rows, columns, channels)`, or channels after the
    batch.

    >>> import highlevel as hl
    >>> y = hl.layers.SpatialDropout3D(0.5, seed=1)(hl.ops.ones((4, 2, 2, 2, 8)), training=True)
    >>> bool(hl.ops.all(y[:, :1, :1, :1] == y))
    True
    """

    _rank = 3
