"""`DataLayer`: base of layers that prepare data."""

from __future__ import annotations

from typing import Any

import numpy as np
from highlevel_backend import current_backend

from highlevel.layers.described import DescribedLayer
from highlevel.variable import Variable

__all__ = ["DataLayer", "batches_of"]


class DataLayer(DescribedLayer):
    """Base of preprocessing layers: usable in a model, and on data before it comes to one."""

    def _take_inputs(self, args: tuple, kwargs: dict) -> tuple[tuple, dict, bool]:
        """Arguments as arrays; nested lists of numbers too, which other layers take apart."""
        args = tuple([_numbers(value) for value in args])
        kwargs = {name: _numbers(value) for name, value in kwargs.items()}
        return super()._take_inputs(args, kwargs)

    def convert_weight(self, weight: Any) -> Any:
        """A weight as an array of the backend in force."""
        return current_backend().asarray(
            weight.value if isinstance(weight, Variable) else weight)


def _numbers(value: Any) -> Any:
    """A nested list of Python numbers as an array; anything else as it is."""
    first = value
    while type(first) in (list, tuple) and first:
        first = first[0]
    if first is value or type(first) not in (int, float, bool):
        return value
    array = np.asarray(value)
    return array.astype("float32") if array.dtype == "float64" else array


def batches_of(data: Any, what: str) -> Any:
    """The batches of `data` as NumPy arrays.

    Args:
        data: an array (one batch), a table with `to_numpy`, a list of numbers, or anything
            that is iterated over batch by batch; of a batch `(x, y)` the `x` counts.
        what: the layer, for errors.

    Raises:
        TypeError: none of these.
    """
    if isinstance(data, (list, tuple)) or hasattr(data, "shape") or hasattr(data, "to_numpy"):
        yield as_numpy(data)
        return
    if not hasattr(data, "__iter__") and not hasattr(data, "__getitem__"):
        raise TypeError(
            f"{what} adapts to an array or to an iterable of batches; got {data!r} of type "
            f"{type(data).__name__}."
        )
    batches = iter(data) if hasattr(data, "__iter__") else (data[i] for i in range(len(data)))
    for batch in batches:
        yield as_numpy(batch[0] if isinstance(batch, (tuple, list)) else batch)


def as_numpy(value: Any) -> np.ndarray:
    """An array of any library, or a list of numbers, as a NumPy array."""
    backend = current_backend()
    if backend.is_array(value):
        return backend.to_numpy(value)
    if hasattr(value, "to_numpy"):
        value = value.to_numpy()
    elif hasattr(value, "detach"):
        value = value.detach().cpu()
    return np.asarray(value)
