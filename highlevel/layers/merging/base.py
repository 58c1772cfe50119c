"""What layers that combine several inputs have in common."""

from __future__ import annotations

import functools
from typing import Any

from highlevel import ops
from highlevel.layers.described import DescribedLayer
from highlevel.symbolic import SymbolicTensor

__all__ = ["ElementwiseMerge", "Merge"]

Shape = tuple[int | None, ...]


class Merge(DescribedLayer):
    """Base of layers called with a list of inputs."""

    #: least and greatest number of inputs
    _least = 1
    _most: int | None = None

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        """Hold the shapes against each other."""
        self.compute_output_shape(input_shape)

    def _shapes(self, input_shape: Any) -> list[Shape]:
        """The shapes of the inputs.

        Raises:
            ValueError: it is no list of shapes, or there are too few or too many.
        """
        if not isinstance(input_shape, (list, tuple)) or any(
            not isinstance(shape, (list, tuple)) for shape in input_shape
        ):
            raise ValueError(
                f"{type(self).__name__} '{self.name}' combines several inputs and must be called "
                f"with a list of them; got one of shape {input_shape}."
            )
        shapes = [tuple(shape) for shape in input_shape]
        count = len(shapes)
        if count < self._least or (self._most is not None and count > self._most):
            exact = "exactly" if self._least == self._most else "at least"
            raise ValueError(
                f"{type(self).__name__} '{self.name}' takes {exact} {self._least} input"
                f"{'s' if self._least > 1 else ''}; got {count}, of shapes "
                f"{', '.join(map(str, shapes))}."
            )
        return shapes

    def compute_output_spec(self, inputs: Any, *args: Any, **kwargs: Any) -> SymbolicTensor:
        """The symbolic output, in the dtype that the inputs promote to."""
        shape = self.compute_output_shape(
            [tuple(x.shape) for x in inputs] if isinstance(inputs, (list, tuple)) else inputs.shape
        )
        kept = {self._kept_dtype(x) for x in inputs}
        return SymbolicTensor.of(shape, kept.pop() if len(kept) == 1 else self.compute_dtype)


class ElementwiseMerge(Merge):
    """Combines inputs entry by entry.

    Shapes broadcast, the batch axis excepted. Inputs with fewer axes get axes of length 1
    after the batch axis.
    """

    #: name of the op that combines two
    _operation = ""

    def call(self, inputs: Any) -> Any:
        """The combination of a list of arrays."""
        inputs = list(inputs)
        rank = max(x.ndim for x in inputs)
        for index, x in enumerate(inputs):
            if x.ndim < rank:
                inputs[index] = ops.expand_dims(x, tuple(range(1, 1 + rank - x.ndim)))
        return self._combine(inputs)

    def _combine(self, inputs: list) -> Any:
        return functools.reduce(getattr(ops, self._operation), inputs)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """The shape that the inputs' broadcast to.

        Raises:
            ValueError: two of them do not broadcast; names both and their positions.
        """
        shapes = self._shapes(input_shape)
        rank = max(map(len, shapes))
        merged: list[int | None] = [1] * rank
        origin = [0] * rank
        for index, shape in enumerate(shapes):
            padded = (*shape[:1], *(1,) * (rank - len(shape)), *shape[1:])
            for axis, length in enumerate(padded):
                known = merged[axis]
                both = length is not None and known is not None and length != known
                if index and both and (axis == 0 or 1 not in (length, known)):
                    first = origin[axis]
                    raise ValueError(
                        f"{type(self).__name__} '{self.name}': input {first} of shape "
                        f"{shapes[first]} and input {index} of shape {shape} do not broadcast: "
                        f"{'their batch axes have' if axis == 0 else f'axis {axis} has'} the "
                        f"lengths {known} and {length}."
                    )
                if not index or known == 1 or (known is None and length not in (None, 1)):
                    merged[axis], origin[axis] = length, index
        return tuple(merged)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Where any mask is true; inputs without one, or stretched along its axes, aside."""
        if not mask or not isinstance(mask, (list, tuple)):
            return None
        shape = self.compute_output_shape([tuple(x.shape) for x in inputs])
        kept = [
            m for x, m in zip(inputs, mask)
            if m is not None and len(x.shape) == len(shape)
            and all(a == b for a, b in zip(m.shape, shape))
        ]
        return functools.reduce(ops.logical_or, kept) if kept else None
