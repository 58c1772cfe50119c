"""`Cropping1D`, `Cropping2D`, `Cropping3D`."""

from __future__ import annotations

from typing import Any

from highlevel import config
from highlevel.layers.input_spec import InputSpec
from highlevel.layers.reshaping.base import Rearranging, spatial_pairs

__all__ = ["Cropping1D", "Cropping2D", "Cropping3D"]


class Cropping(Rearranging):
    """Cuts entries off both ends of the spatial axes."""

    _rank = 0
    _fields = ("cropping", "data_format")

    def __init__(self, cropping: Any, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = config.standardize_data_format(data_format) if self._rank > 1 else None
        # In one dimension a pair of numbers is (before, after).
        value = (cropping,) if self._rank == 1 else cropping
        pairs = spatial_pairs(self, "cropping", value, self._rank)
        self.cropping: Any = pairs[0] if self._rank == 1 else pairs
        self.input_spec = InputSpec(ndim=self._rank + 2)
        self._first = 2 if self.data_format == "channels_first" else 1
        self._pairs = pairs
        cut = tuple(slice(a, -b if b else None) for a, b in pairs)
        self._index = (slice(None),) * self._first + cut

    def call(self, inputs: Any) -> Any:
        """The part that is left."""
        self.compute_output_shape(inputs.shape)
        return inputs[self._index]

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """The input's shape, spatial lengths less what is cut.

        Raises:
            ValueError: nothing would be left.
        """
        shape = list(input_shape)
        for axis, (before, after) in enumerate(self._pairs, self._first):
            if shape[axis] is not None:
                shape[axis] -= before + after
                if shape[axis] <= 0:
                    raise ValueError(
                        f"{type(self).__name__} '{self.name}': cutting {before} and {after} off "
                        f"axis {axis} of {tuple(input_shape)} would leave nothing."
                    )
        return tuple(shape)


class Cropping1D(Cropping):
    """Cuts entries off both ends of sequences.

    Args:
        cropping: an integer or `(before, after)`.

    Input and output: `(batch, steps, channels)`.

    Raises:
        ValueError: `cropping` has another form.

    >>> import highlevel as hl
    >>> hl.layers.Cropping1D((1, 2))(hl.ops.ones((2, 8, 3))).shape
    (2, 5, 3)
    """

    _rank = 1
    _fields = ("cropping",)

    def __init__(
        self, cropping: int | tuple[int, int] = (1, 1), **kwargs: Any
    ) -> None:
        super().__init__(cropping, **kwargs)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The steps that are left."""
        return None if mask is None or len(mask.shape) != 2 else mask[self._index]


class Cropping2D(Cropping):
    """Cuts entries off both ends of images.

    Args:
        cropping: an integer, two integers, or two pairs `(before, after)`.
        data_format: `"channels_last"`, `"channels_first"`; the configured one by default.

    Input and output: `(batch, rows, columns, channels)`, or channels after the batch.

    Raises:
        ValueError: `cropping` has another form.

    >>> import highlevel as hl
    >>> hl.layers.Cropping2D(((1, 2), (0, 1)))(hl.ops.ones((2, 8, 8, 3))).shape
    (2, 5, 7, 3)
    """

    _rank = 2

    def __init__(
        self, cropping: Any = ((0, 0), (0, 0)), data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(cropping, data_format, **kwargs)


class Cropping3D(Cropping):
    """Cuts entries off both ends of volumes.

    Args:
        cropping: an integer, three integers, or three pairs `(before, after)`.
        data_format: `"channels_last"`, `"channels_first"`; the configured one by default.

    Input and output: `(batch, depth, rows, columns, channels)`, or channels after the batch.

    Raises:
        ValueError: `cropping` has another form.

    >>> import highlevel as hl
    >>> hl.layers.Cropping3D(1)(hl.ops.ones((2, 4, 4, 4, 3))).shape
    (2, 2, 2, 2, 3)
    """

    _rank = 3

    def __init__(
        self,
        cropping: Any = ((1, 1), (1, 1), (1, 1)),
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(cropping, data_format, **kwargs)
