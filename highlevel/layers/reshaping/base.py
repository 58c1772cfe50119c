"""What reshaping layers have in common."""

from __future__ import annotations

from typing import Any

from highlevel.layers.described import DescribedLayer
from highlevel.symbolic import SymbolicTensor

__all__ = ["Rearranging", "spatial_pairs"]


class Rearranging(DescribedLayer):
    """Base of layers whose output is made of the input's entries: the dtype stays."""

    def compute_output_spec(self, inputs: Any, *args: Any, **kwargs: Any) -> SymbolicTensor:
        """The symbolic output."""
        return SymbolicTensor.of(
            tuple(self.compute_output_shape(tuple(inputs.shape))), self._kept_dtype(inputs)
        )


def spatial_pairs(layer: Any, name: str, value: Any, rank: int) -> tuple[tuple[int, int], ...]:
    """An argument of the forms `n`, `(n, ...)` or `((before, after), ...)`, as pairs.

    Raises:
        ValueError: it has another form, or a negative number.
    """
    entries = (value,) * rank if isinstance(value, int) else value
    try:
        pairs = tuple(
            (int(e), int(e)) if isinstance(e, int) else (int(e[0]), int(e[1]))
            for e in entries
            if isinstance(e, int) or len(e) == 2
        )
        fits = len(pairs) == rank == len(entries) and all(n >= 0 for pair in pairs for n in pair)
    except (TypeError, ValueError, IndexError):
        pairs, fits = (), False
    if not fits:
        pair = "(before, after)"
        forms = (
            f"an integer or {pair}" if rank == 1
            else f"an integer, {rank} integers, or {rank} pairs {pair}"
        )
        raise ValueError(
            f"{type(layer).__name__} '{layer.name}': `{name}` must be {forms}, none negative; got "
            f"{value!r}."
        )
    return pairs
