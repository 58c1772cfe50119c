"""`Flatten`, `Reshape`, `Permute`, `RepeatVector`."""

from __future__ import annotations

import math
from typing import Any

from highlevel import config, ops
from highlevel.layers.described import positive
from highlevel.layers.input_spec import InputSpec
from highlevel.layers.reshaping.base import Rearranging
from highlevel.ops.mask_rules import reshaped_mask, transposed_mask

__all__ = ["Flatten", "Permute", "RepeatVector", "Reshape"]

Shape = tuple[int | None, ...]


class Flatten(Rearranging):
    """All axes but the batch axis made one.

    Args:
        data_format: with `"channels_first"` the entries come in the order of the
            channels-last layout.

    Input: `(batch, ...)`. Output: `(batch, product of the others)`.

    >>> import highlevel as hl
    >>> hl.layers.Flatten()(hl.ops.ones((2, 3, 4))).shape
    (2, 12)
    """

    _fields = ("data_format",)

    def __init__(self, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = config.standardize_data_format(data_format)
        self.input_spec = InputSpec(min_ndim=1)
        self._first = self.data_format == "channels_first"

    def call(self, inputs: Any) -> Any:
        """The flat array."""
        rank = inputs.ndim
        if self._first and rank > 2:
            inputs = ops.transpose(inputs, (0, *range(2, rank), 1))
        shape = tuple(inputs.shape)
        return ops.reshape(inputs, (shape[0], math.prod(shape[1:])))

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """`(batch, product of the others)`."""
        rest = input_shape[1:]
        return (input_shape[0], None if None in rest else math.prod(rest))


class Reshape(Rearranging):
    """The same entries in another shape.

    Args:
        target_shape: shape without the batch axis; one entry may be -1.

    Raises:
        ValueError: more than one -1; the number of entries differs.

    >>> import highlevel as hl
    >>> hl.layers.Reshape((-1, 2))(hl.ops.ones((5, 3, 4))).shape
    (5, 6, 2)
    """

    _fields = ("target_shape",)

    def __init__(self, target_shape: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        target = (target_shape,) if isinstance(target_shape, int) else tuple(target_shape)
        if target.count(-1) > 1:
            raise ValueError(
                f"Reshape '{self.name}': `target_shape={target}` has more than one -1."
            )
        self.target_shape = target

    def call(self, inputs: Any) -> Any:
        """The array in the target shape."""
        shape = tuple(inputs.shape)
        return ops.reshape(inputs, (shape[0], *self._resolved(shape)))

    def _resolved(self, input_shape: Any) -> Shape:
        """The target with -1 replaced, or None there where lengths are unknown."""
        target = self.target_shape
        rest = tuple(input_shape[1:])
        if None in rest:
            return tuple(None if length == -1 else length for length in target)
        have, want = math.prod(rest), math.prod(length for length in target if length != -1)
        fits = (want and have % want == 0) if -1 in target else have == want
        if not fits and not (have == want == 0):
            raise ValueError(
                f"Reshape '{self.name}': inputs of shape {tuple(input_shape)} have {have} entries "
                f"per sample, which do not fill `target_shape={target}`."
            )
        return tuple((have // want if want else 0) if n == -1 else n for n in target)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The input's, where the axes that it is over keep their lengths."""
        if mask is None:
            return None
        return reshaped_mask(mask, inputs.shape, self.compute_output_shape(inputs.shape))

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """`(batch, *target_shape)`."""
        return (input_shape[0], *self._resolved(input_shape))


class Permute(Rearranging):
    """The axes in another order.

    Args:
        dims: for each axis of the output, after the batch axis, the input's axis (from 1).

    Raises:
        ValueError: `dims` is no permutation of 1, 2, ...

    >>> import highlevel as hl
    >>> hl.layers.Permute((2, 1))(hl.ops.ones((5, 3, 4))).shape
    (5, 4, 3)
    """

    _fields = ("dims",)

    def __init__(self, dims: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dims = tuple(dims)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ValueError(
                f"Permute '{self.name}': `dims` must name each axis from 1 to {len(self.dims)} "
                f"once (the batch axis stays); got {dims!r}."
            )
        self.input_spec = InputSpec(ndim=len(self.dims) + 1)
        self._order = (0, *self.dims)

    def call(self, inputs: Any) -> Any:
        """The transposed array."""
        return ops.transpose(inputs, self._order)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The input's, where the axes that it is over stay in front."""
        return None if mask is None else transposed_mask(mask, self._order)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """The lengths in the new order."""
        return tuple(input_shape[axis] for axis in self._order)


class RepeatVector(Rearranging):
    """Each vector `n` times.

    Args:
        n: number of times.

    Input: `(batch, features)`. Output: `(batch, n, features)`.

    Raises:
        ValueError: `n` is no positive integer.

    >>> import highlevel as hl
    >>> hl.layers.RepeatVector(3)(hl.ops.ones((2, 4))).shape
    (2, 3, 4)
    """

    _fields = ("n",)

    def __init__(self, n: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.n = positive(self, "n", n)
        self.input_spec = InputSpec(ndim=2)

    def call(self, inputs: Any) -> Any:
        """The repeated vectors."""
        batch, features = inputs.shape
        return ops.broadcast_to(ops.expand_dims(inputs, 1), (batch, self.n, features))

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """`(batch, n, features)`."""
        return (input_shape[0], self.n, input_shape[1])
